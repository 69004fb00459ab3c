//! A sandbox that one environment is done with, made ready for another: everything that a process could have left is gone, or the
//! sandbox is given up.
//!
//! What is left by then: no process, so no socket but init's, no memory, no lock, no open file. Mounts, devices and the host name take
//! rights that no process had. `/tmp` is kept if nothing was ever done in it, which its times tell. Control groups are the same where they have
//! nothing left to tell of who was in them, or else new ones.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{UnmountFlags, unmount};

use super::{Init, Sockets};
use crate::cgroup::Entrance;
use crate::layers::Layer;
use crate::limits::{FIRST_PAUSE, SOCKETS_GONE_TIMEOUT};
use crate::protocol::{Failure, Stage};

const TMP: &str = "/tmp";

/// How `/tmp` looks when nothing was done in it: free blocks and inodes, and the times of changes, which nobody can set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Untouched([u64; 2], [i64; 2], [u64; 2]);

impl Untouched {
    /// As it looks now.
    pub(super) fn now() -> io::Result<Untouched> {
        let (room, root) = (rustix::fs::statvfs(TMP)?, rustix::fs::stat(TMP)?);
        let nanoseconds = [root.st_mtime_nsec, root.st_ctime_nsec];
        Ok(Untouched([room.f_bfree, room.f_ffree], [root.st_mtime, root.st_ctime], nanoseconds))
    }
}

/// See the module's doc. `bound` are the places where something was mounted late.
pub(super) fn renew(
    init: &mut Init<'_>,
    untouched: Option<Untouched>,
    bound: &mut Vec<PathBuf>,
    (groups, descriptors): (Option<(usize, bool)>, Vec<OwnedFd>),
) -> Result<Sockets, Failure> {
    let looks = Untouched::now().stage(|| "looking at /tmp")?;
    if untouched != Some(looks) {
        return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty)).stage(|| "keeping /tmp");
    }
    for place in bound.drain(..).rev() {
        unmount(&place, UnmountFlags::DETACH).stage(|| format!("unmounting {}", place.display()))?;
        is_of_the_root(&place).stage(|| format!("looking at {}", place.display()))?;
    }
    if init.create.layers.contains(Layer::IpcNamespace) {
        unshare(CloneFlags::CLONE_NEWIPC).stage(|| "leaving the IPC namespace")?;
    }
    if let Some((tasks, has_group)) = groups {
        init.entrance = entrance(tasks, has_group, descriptors).stage(|| "taking the control groups")?;
    }
    sockets(init)
}

/// The server's end of the old ones may be on its way out still.
fn sockets(init: &Init<'_>) -> Result<Sockets, Failure> {
    let deadline = Instant::now() + SOCKETS_GONE_TIMEOUT;
    loop {
        match init.sockets() {
            Err(failure) if failure.errno == libc::EADDRINUSE && Instant::now() < deadline => {
                std::thread::sleep(FIRST_PAUSE);
            }
            made => return made,
        }
    }
}

/// Whether nothing is mounted at `place`, and nothing is in it.
fn is_of_the_root(place: &Path) -> io::Result<()> {
    let (root, at) = (rustix::fs::stat("/")?, rustix::fs::stat(place)?);
    match root.st_dev == at.st_dev && std::fs::read_dir(place)?.next().is_none() {
        true => Ok(()),
        false => Err(io::ErrorKind::ResourceBusy.into()),
    }
}

fn entrance(tasks: usize, has_group: bool, mut descriptors: Vec<OwnedFd>) -> io::Result<Entrance> {
    if descriptors.len() != tasks + usize::from(has_group) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let group = if has_group { descriptors.pop() } else { None };
    Ok(Entrance { tasks: descriptors, group })
}
