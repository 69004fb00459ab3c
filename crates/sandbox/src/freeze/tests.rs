//! Freezing a real process, in whichever hierarchies this machine has.

use super::*;
use crate::cgroup::tests::{Group, each_version};

#[test]
fn processes_stop_and_go_on_in_both_versions() {
    each_version(|version, parent| {
        let Ok(group) = Group::below(parent, "freeze") else { return false };
        let freezer = Freezer::of(&group.directory, version);
        freezer.freeze().unwrap();
        group.becomes(version, true);
        freezer.thaw().unwrap();
        group.becomes(version, false);
        freezer.freeze().unwrap();
        thaw_group(&group.directory);
        group.becomes(version, false);
        true
    });
}
