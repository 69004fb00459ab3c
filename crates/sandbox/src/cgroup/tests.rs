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

fn megabytes(number: u64) -> Limits {
    Limits {
        memory_bytes: number << 20,
        cpu: crate::spec::Cpu::Shares { milli_vcpus: 1000 },
        processes_max: 1024,
        open_files_max: 1024,
    }
}

#[test]
fn limits_become_larger_and_smaller() {
    let Ok(tree) = CgroupTree::prepare(&format!("lambent-limits-test-{}", std::process::id())) else {
        return println!("skipped: no control group that this user may make");
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

#[test]
fn groups_are_as_new_when_nobody_is_in_them_and_nothing_is_left_of_what_was_used() {
    let Ok(tree) = CgroupTree::prepare(&format!("lambent-clear-test-{}", std::process::id())) else {
        return println!("skipped: no control group that this user may make");
    };
    let (mut cgroup, _) = tree.create("clear", &megabytes(128), Layers::ALL).unwrap();
    let Some(memory) = cgroup.places.iter().find(|place| place.controllers.contains(&Controller::Memory))
    else {
        // Without rights there may be none, and of the others nothing stays.
        assert!(cgroup.clear(&megabytes(256), Layers::ALL));
        return;
    };
    let (memory, version) = (memory.directory.clone(), memory.version);
    // In every group before it takes anything.
    let joins: String = cgroup
        .places
        .iter()
        .map(|place| format!("echo $$ > {}/cgroup.procs;", place.directory.display()))
        .collect();
    let holder =
        |program: &str| Command::new("sh").args(["-c", &format!("{joins} {program}")]).spawn().unwrap();
    let mut lives = holder("exec sleep 60");
    let deadline = Instant::now() + Duration::from_secs(5);
    while !fs::read_to_string(format!("/proc/{}/comm", lives.id())).unwrap().starts_with("sleep") {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert!(!cgroup.clear(&megabytes(256), Layers::ALL), "somebody is in them");
    lives.kill().unwrap();
    lives.wait().unwrap();
    let file = format!("/tmp/lambent-clear-test-{}", std::process::id());
    holder("x=$(head -c 30000000 /dev/zero | tr '\\0' x); : ${#x}").wait().unwrap();
    assert!(cgroup.memory().unwrap().peak_bytes().unwrap() > 30_000_000);
    match version {
        Version::V1 => {
            assert!(cgroup.clear(&megabytes(256), Layers::ALL));
            assert!(cgroup.memory().unwrap().peak_bytes().unwrap() <= 1 << 20);
            let limit = fs::read_to_string(memory.join("memory.limit_in_bytes")).unwrap();
            assert_eq!(limit.trim(), (256 << 20).to_string());
        }
        // Its peak stays.
        Version::V2 => assert!(!cgroup.clear(&megabytes(256), Layers::ALL)),
    }
    // What was read or written of files counts for who did it first.
    holder(&format!("head -c 30000000 /dev/zero > {file}")).wait().unwrap();
    let is_clear = cgroup.clear(&megabytes(256), Layers::ALL);
    fs::remove_file(&file).unwrap();
    assert!(!is_clear, "pages of a file are left");
}
