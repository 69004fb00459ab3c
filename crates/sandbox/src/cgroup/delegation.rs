//! The rules of cgroup v2: controllers are handed down level by level, and a group that hands them down has no
//! processes of its own.
//!
//! So the server first moves itself into a leaf below the group that it was started in. In a container that group
//! may hold other processes (a shell, say); they move along, since the group is ours alone there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::hierarchy::{Controller, Hierarchies};

/// The leaf for the server itself.
const LEAF: &str = "lambent-server";

/// Why controllers of v2 cannot be used.
#[derive(Clone, Debug)]
pub(crate) struct Undelegated {
    /// The group that does not hand them down.
    pub(crate) group: PathBuf,
    /// What the kernel said, if it was asked.
    pub(crate) error: String,
}

/// Finds out which controllers of v2 are ours, and makes them so.
pub(super) fn make_room(hierarchies: &mut Hierarchies) {
    let Some(own) = hierarchies.v2.take() else { return };
    let group = above_leaf(&own);
    hierarchies.v2 = Some(group.clone());
    let wanted = controllers(&group).unwrap_or_default();
    if !wanted.is_empty() {
        match move_to_leaf(&group).and_then(|()| enable(&group, &wanted)) {
            Ok(()) => hierarchies.v2_controllers = wanted,
            Err(error) => {
                hierarchies.undelegated =
                    Some(Undelegated { group: group.clone(), error: error.to_string() });
            }
        }
    }
    if group_can_be_made(&group) {
        hierarchies.v2_controllers.push(Controller::Freezer);
    }
}

/// Those of ours that a group may hand down; `None` for what is no group of v2.
pub(crate) fn controllers(group: &Path) -> Option<Vec<Controller>> {
    let present = fs::read_to_string(group.join("cgroup.controllers")).ok()?;
    let is_present = |ours: &Controller| present.split_whitespace().any(|name| name == ours.name());
    Some(Controller::ALL.into_iter().filter(is_present).collect())
}

/// A server started by a server that has moved already finds itself in that one's leaf.
pub(super) fn above_leaf(own: &Path) -> PathBuf {
    match own.parent() {
        Some(parent) if own.file_name().is_some_and(|name| name == LEAF) => parent.to_path_buf(),
        _ => own.to_path_buf(),
    }
}

/// Hands `controllers` down to the children of `group`.
pub(super) fn enable(group: &Path, controllers: &[Controller]) -> io::Result<()> {
    for controller in controllers.iter().filter(|controller| **controller != Controller::Freezer) {
        fs::write(group.join("cgroup.subtree_control"), format!("+{}", controller.name()))?;
    }
    Ok(())
}

/// Empties `group`, unless it is the root of the hierarchy, to which the rule does not apply.
fn move_to_leaf(group: &Path) -> io::Result<()> {
    if !group.join("cgroup.type").exists() {
        return Ok(());
    }
    let leaf = group.join(LEAF);
    match fs::create_dir(&leaf) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let procs = leaf.join("cgroup.procs");
    fs::write(&procs, std::process::id().to_string())?;
    if is_root_of_namespace() {
        for pid in fs::read_to_string(group.join("cgroup.procs"))?.lines() {
            // One that has ended meanwhile needs no move.
            let _ = fs::write(&procs, pid);
        }
    }
    Ok(())
}

/// Whether this process may hand controllers down to children of its group: nobody else's processes are in the way.
pub(super) fn is_ours(own: &Path) -> bool {
    let group = above_leaf(own);
    let writable = |path: &Path| rustix::fs::access(path, Access::WRITE_OK).is_ok();
    let may_write = writable(&group) && writable(&group.join("cgroup.procs"));
    !group.join("cgroup.type").exists() || (may_write && is_alone(&group))
}

/// Whether no process but this one is in a group.
pub(super) fn is_alone(group: &Path) -> bool {
    let this = std::process::id().to_string();
    fs::read_to_string(group.join("cgroup.procs")).is_ok_and(|procs| procs.lines().all(|pid| pid == this))
}

/// Whether this process's group was the root of what it can see, as in a container.
fn is_root_of_namespace() -> bool {
    fs::read_to_string("/proc/self/cgroup").is_ok_and(|text| text.contains(&format!("0::/{LEAF}\n")))
}

/// The freezer needs no controller, only the right to make groups (and Linux 5.2).
fn group_can_be_made(group: &Path) -> bool {
    let probe = group.join(format!("lambent-probe-{}", std::process::id()));
    let made = fs::create_dir(&probe).is_ok();
    let freezes = made && probe.join("cgroup.freeze").exists();
    if made {
        let _ = fs::remove_dir(&probe);
    }
    freezes
}
