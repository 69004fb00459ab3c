//! Groups with real processes in them, in whichever hierarchies this machine has.

use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::*;
use crate::channel::wait_readable;
use crate::freeze::Freezer;
use crate::syscalls::{self, Fork};

/// A group of the test's own with one process in it; both go with it.
pub(crate) struct Group {
    pub(crate) directory: PathBuf,
    process: Child,
}

impl Group {
    pub(crate) fn below(parent: &Path, test: &str) -> io::Result<Group> {
        let directory = parent.join(format!("lambent-{test}-test-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let process = Command::new("sleep").arg("60").spawn()?;
        fs::write(directory.join("cgroup.procs"), process.id().to_string())?;
        Ok(Group { directory, process })
    }

    fn is_frozen(&self, version: Version) -> bool {
        let (file, sign) = match version {
            Version::V1 => ("freezer.state", "FROZEN"),
            Version::V2 => ("cgroup.events", "frozen 1"),
        };
        fs::read_to_string(self.directory.join(file)).unwrap().contains(sign)
    }

    pub(crate) fn becomes(&self, version: Version, frozen: bool) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.is_frozen(version) != frozen {
            assert!(Instant::now() < deadline, "{version:?} does not become frozen={frozen}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        crate::freeze::thaw_group(&self.directory);
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Runs a test in the hierarchy of each version that there is; it says false where it may not make a group.
pub(crate) fn each_version(test: impl Fn(Version, &Path) -> bool) {
    let hierarchies = Hierarchies::of_this_process();
    let places = [
        (Version::V1, hierarchies.v1_directory(Controller::Freezer).map(Path::to_path_buf)),
        (Version::V2, hierarchies.v2.clone()),
    ];
    let tried = places
        .iter()
        .filter(|(version, parent)| parent.as_ref().is_some_and(|parent| test(*version, parent)));
    if tried.count() == 0 {
        println!("skipped: no control group that this user may make");
    }
}

#[test]
fn a_frozen_process_of_v2_dies_with_its_group_and_one_of_v1_is_left_alone() {
    each_version(|version, parent| {
        let Ok(mut group) = Group::below(parent, "kill") else { return false };
        Freezer::of(&group.directory, version).freeze().unwrap();
        group.becomes(version, true);
        assert_eq!(kill_group(&group.directory), version == Version::V2);
        match version {
            Version::V1 => assert!(group.process.try_wait().unwrap().is_none()),
            Version::V2 => assert!(!group.process.wait().unwrap().success()),
        }
        true
    });
}

#[test]
fn a_process_is_in_its_group_before_it_runs() {
    each_version(|version, parent| {
        let Ok(group) = Group::below(parent, "birth") else { return false };
        if version == Version::V1 {
            return true;
        }
        let mut entrance = Entrance::default();
        entrance.lead_into(&group.directory, version).unwrap();
        let Fork::Parent { pid, pidfd } = syscalls::fork_into(entrance.group.unwrap().as_fd()).unwrap()
        else {
            // It has done nothing: where it is now it was from the beginning.
            syscalls::exit_now(0)
        };
        wait_readable(&[pidfd.as_fd()], None).unwrap();
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let name = group.directory.file_name().unwrap().to_string_lossy();
        assert!(groups.lines().any(|line| line.starts_with("0::") && line.ends_with(&*name)), "{groups}");
        nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
        true
    });
}

#[test]
fn limits_become_larger_and_smaller() {
    let Ok(tree) = CgroupTree::prepare(&format!("lambent-limits-test-{}", std::process::id())) else {
        return println!("skipped: no control group that this user may make");
    };
    let megabytes = |number: u64| Limits {
        memory_bytes: number << 20,
        cpu: crate::spec::Cpu::Shares { milli_vcpus: 1000 },
        processes_max: 1024,
        open_files_max: 1024,
    };
    let (mut cgroup, _) = tree.create("limits", &megabytes(1769), Layers::ALL).unwrap();
    for number in [3008, 128, 10_240, 512] {
        cgroup.limit(&megabytes(number), Layers::ALL).unwrap();
        let of_memory = |place: &&Place| place.controllers.contains(&Controller::Memory);
        // Without rights there may be no group for memory; the others are set all the same.
        let Some(place) = cgroup.places.iter().find(of_memory) else { continue };
        let file = if place.version == Version::V1 { "memory.limit_in_bytes" } else { "memory.max" };
        let set = fs::read_to_string(place.directory.join(file)).unwrap();
        assert_eq!(set.trim(), (number << 20).to_string());
    }
}
