//! Hierarchies as hosts and containers show them.

use super::*;

const V1: &str = "24 20 0:21 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
25 20 0:22 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
26 20 0:23 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
27 20 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

fn found(hierarchies: &Hierarchies, controller: Controller) -> Option<(Version, String)> {
    let usable = hierarchies.usable();
    let (_, hierarchy) = usable.into_iter().find(|(named, _)| *named == controller)?;
    Some((hierarchy.version, hierarchy.directory.display().to_string()))
}

#[test]
fn a_hybrid_uses_v1_where_the_controller_is_there() {
    let cgroup = "4:memory:/a/b\n3:cpu,cpuacct:/\n2:freezer:/\n0::/user\n";
    let mut hierarchies = Hierarchies::parse(cgroup, V1);
    hierarchies.v2_controllers = vec![Controller::Pids, Controller::Freezer];
    let check = |controller, version, path: &str| {
        assert_eq!(found(&hierarchies, controller), Some((version, path.to_owned())));
    };
    check(Controller::Memory, Version::V1, "/sys/fs/cgroup/memory/a/b");
    check(Controller::Cpu, Version::V1, "/sys/fs/cgroup/cpu,cpuacct");
    check(Controller::Pids, Version::V2, "/sys/fs/cgroup/unified/user");
    check(Controller::Freezer, Version::V2, "/sys/fs/cgroup/unified/user");
    hierarchies.v2_controllers.clear();
    let freezer = found(&hierarchies, Controller::Freezer);
    assert_eq!(
        freezer,
        Some((Version::V1, "/sys/fs/cgroup/freezer".to_owned())),
        "no group may be made in v2"
    );
}

#[test]
fn v2_alone_offers_what_is_delegated() {
    let mountinfo = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
    let hierarchies = Hierarchies::parse("0::/system.slice/lambent.service\n", mountinfo);
    assert_eq!(hierarchies.v2.as_deref(), Some(Path::new("/sys/fs/cgroup/system.slice/lambent.service")));
    assert_eq!(found(&hierarchies, Controller::Memory), None);
}

#[test]
fn a_container_sees_its_part_of_the_hierarchy_as_the_root() {
    let without_namespace = "30 20 0:26 /docker/c1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    let hierarchies = Hierarchies::parse("4:memory:/docker/c1/x\n", without_namespace);
    assert_eq!(
        found(&hierarchies, Controller::Memory),
        Some((Version::V1, "/sys/fs/cgroup/memory/x".into()))
    );

    let with_namespace = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
    let hierarchies = Hierarchies::parse("0::/\n", with_namespace);
    assert_eq!(hierarchies.v2.as_deref(), Some(Path::new("/sys/fs/cgroup")));
}

#[test]
fn a_hierarchy_that_is_not_mounted_is_not_there() {
    assert!(Hierarchies::parse("4:memory:/\n0::/\n", "").usable().is_empty());
}
