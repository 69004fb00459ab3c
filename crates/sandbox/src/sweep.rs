//! Removing what a server left that died: by the name of its data directory, and nothing else.
//!
//! Most of a sandbox needs no sweeping. Its processes end with the spawner, its mounts with its mount namespace,
//! its loop device with its mount, and the image under it has no name any more. What stays is a control group,
//! with frozen processes in it at worst, and an image that was just being made.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::cgroup::{Hierarchies, cgroup_error, kill_group, name_prefix};
use crate::error::SandboxError;
use crate::freeze;
use crate::limits::{KILL_TIMEOUT, RETRY_PAUSE};
use crate::network::{host, pasta};
use crate::spec::is_name;

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Control groups removed, one per launcher and hierarchy.
    pub cgroups: usize,
    /// Packet filter tables removed, and processes ended that carried traffic.
    pub networks: usize,
    /// Unfinished images of `/tmp` removed.
    pub images: usize,
}

/// The file in the run directory that lists a server's control groups: another login session, say, puts the next
/// server elsewhere in the hierarchy.
const RECORD: &str = "cgroups";

/// The file there that says that the server had a part of the host's network.
const NETWORK_RECORD: &str = "network";

/// Ends and removes everything that servers with `data_dir_id` left. To be called under the lock of the data
/// directory: a living server with the same id would lose its sandboxes.
///
/// # Errors
/// When a process cannot be killed or a group not be removed.
pub fn sweep(data_dir_id: &str, run_dir: &Path) -> Result<Swept, SandboxError> {
    if !is_name(data_dir_id) {
        return Err(SandboxError::InvalidSpec(format!("the data directory id {data_dir_id:?} is no name")));
    }
    let prefix = name_prefix(data_dir_id);
    let mut swept = Swept::default();
    for group in groups(&prefix, run_dir) {
        cgroup_tree(&group).map_err(|source| cgroup_error(&group, source))?;
        swept.cgroups += 1;
    }
    swept.images = crate::ephemeral_storage::remove_unfinished(run_dir);
    if run_dir.join(NETWORK_RECORD).exists() {
        swept.networks = host::sweep(data_dir_id)? + pasta::sweep(data_dir_id);
    }
    let _ = fs::remove_file(run_dir.join(NETWORK_RECORD));
    let _ = fs::remove_file(run_dir.join(RECORD));
    Ok(swept)
}

/// Writes down that there may be a packet filter table of ours: looking for one starts a program.
pub(crate) fn record_network(run_dir: &Path) -> io::Result<()> {
    private(&run_dir.join(NETWORK_RECORD)).map(drop)
}

/// Writes down which groups the next start shall look for.
pub(crate) fn record(run_dir: &Path, groups: &[PathBuf]) -> io::Result<()> {
    let lines: Vec<_> = groups.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    private(&run_dir.join(RECORD))?.write_all(lines.join("\n").as_bytes())
}

/// An empty file for this user alone.
fn private(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn groups(prefix: &str, run_dir: &Path) -> Vec<PathBuf> {
    let named =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    let recorded = fs::read_to_string(run_dir.join(RECORD)).unwrap_or_default();
    let mut found: Vec<_> =
        recorded.lines().map(PathBuf::from).filter(|path| named(path) && path.is_dir()).collect();
    for directory in Hierarchies::of_this_process().searched() {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).filter(named));
    }
    found.sort();
    found.dedup();
    found
}

/// Kills what is in a group and in the groups below it, and removes them all. A group that is gone is fine.
pub(crate) fn cgroup_tree(directory: &Path) -> io::Result<()> {
    let deadline = Instant::now() + KILL_TIMEOUT;
    loop {
        // An empty group goes at the first try, which is the way of every orderly end.
        match remove_bottom_up(directory) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => {}
        }
        kill_all(directory);
        std::thread::sleep(RETRY_PAUSE);
    }
}

fn remove_bottom_up(directory: &Path) -> io::Result<()> {
    for child in children(directory) {
        remove_bottom_up(&child)?;
    }
    fs::remove_dir(directory)
}

fn kill_all(directory: &Path) {
    if kill_group(directory) {
        return;
    }
    freeze::thaw_group(directory);
    let pids = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in pids.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
        let _ = kill_process(pid, Signal::KILL);
    }
    for child in children(directory) {
        kill_all(&child);
    }
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
