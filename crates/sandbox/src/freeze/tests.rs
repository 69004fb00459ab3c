//! Freezing a real process, in whichever hierarchies this machine has.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::*;
use crate::cgroup::{Controller, Hierarchies};

/// A group of the test's own with one process in it; both go with it.
struct Group {
    directory: PathBuf,
    process: Child,
}

impl Group {
    fn below(parent: &Path) -> std::io::Result<Group> {
        let directory = parent.join(format!("lambent-freeze-test-{}", std::process::id()));
        std::fs::create_dir(&directory)?;
        let process = Command::new("sleep").arg("60").spawn()?;
        std::fs::write(directory.join("cgroup.procs"), process.id().to_string())?;
        Ok(Group { directory, process })
    }

    fn is_frozen(&self, version: Version) -> bool {
        let (file, sign) = match version {
            Version::V1 => ("freezer.state", "FROZEN"),
            Version::V2 => ("cgroup.events", "frozen 1"),
        };
        std::fs::read_to_string(self.directory.join(file)).unwrap().contains(sign)
    }

    fn becomes(&self, version: Version, frozen: bool) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.is_frozen(version) != frozen {
            assert!(Instant::now() < deadline, "{version:?} does not become frozen={frozen}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        thaw_group(&self.directory);
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir(&self.directory);
    }
}

#[test]
fn processes_stop_and_go_on_in_both_versions() {
    let hierarchies = Hierarchies::of_this_process();
    let places = [
        (Version::V1, hierarchies.v1_directory(Controller::Freezer).map(Path::to_path_buf)),
        (Version::V2, hierarchies.v2.clone()),
    ];
    let mut tried = 0;
    for (version, parent) in places {
        let Some(group) = parent.and_then(|parent| Group::below(&parent).ok()) else { continue };
        let freezer = Freezer::of(&group.directory, version);
        freezer.freeze().unwrap();
        group.becomes(version, true);
        freezer.thaw().unwrap();
        group.becomes(version, false);
        freezer.freeze().unwrap();
        thaw_group(&group.directory);
        group.becomes(version, false);
        tried += 1;
    }
    if tried == 0 {
        println!("skipped: no control group that this user may make");
    }
}
