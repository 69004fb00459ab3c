//! What to isolate, and how: the plain data that a caller hands to a [`Launcher`](crate::Launcher).
//!
//! Nothing here does anything. Paths named `source` are the host's, every other path is the sandbox's own.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::network::NetworkPolicy;

/// Everything that distinguishes one sandbox from another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// Unique below the data directory; letters, digits, `-` and `_` only, since it names cgroups and mounts.
    pub id: String,
    /// What `gethostname` answers inside.
    pub hostname: String,
    /// Who the processes run as.
    pub user: SandboxUser,
    /// Files and directories of the host, visible read-only, mounted in this order.
    pub binds: Vec<Bind>,
    /// Paths inside that a bind would show and that are covered by an empty directory or file instead.
    pub masks: Vec<PathBuf>,
    /// Symbolic links in the root, made before anything is mounted.
    pub symlinks: Vec<Symlink>,
    /// Directories that exist even if nothing is bound there, owned by root, mode 0755.
    pub directories: Vec<PathBuf>,
    /// The size of `/tmp`.
    pub ephemeral_storage: EphemeralStorage,
    /// Memory, CPU, processes, open files.
    pub limits: Limits,
    /// The one address besides loopback, on which `listen_ports` are opened.
    pub address: Ipv4Addr,
    /// TCP ports opened inside the network namespace; the listeners come out in this order. Zero means any.
    pub listen_ports: Vec<u16>,
    /// Where datagrams are taken, on the same address.
    pub datagram_ports: Vec<u16>,
    /// TCP ports of the same address where init accepts, and hands over one connection at a time: see
    /// [`Sandbox::take_connections`](crate::Sandbox::take_connections).
    pub accepted_ports: Vec<u16>,
    /// What of the world is reached: one of the launcher's policies.
    pub network: NetworkPolicy,
}

/// The unprivileged user inside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxUser {
    /// User id. Give each sandbox that lives at a time one of its own: when the server is root it is the host's, and the
    /// kernel keeps sandboxes apart by it; else it picks one of the server's subordinate ids.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Its name in the generated `/etc/passwd`.
    pub name: String,
}

/// A read-only, nosuid, nodev bind mount with everything mounted below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bind {
    /// File or directory of the host. May lie below a directory that the sandbox's user cannot enter.
    pub source: PathBuf,
    /// Absolute path inside; made as needed unless it lies inside an earlier bind.
    pub target: PathBuf,
}

/// A symbolic link: `link` -> `target`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symlink {
    /// What the link says.
    pub target: PathBuf,
    /// Absolute path of the link.
    pub link: PathBuf,
}

/// The bounds of `/tmp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EphemeralStorage {
    /// Bytes of file content that fit.
    pub bytes: u64,
    /// Files, directories and links that fit.
    pub inodes: u64,
}

/// What the processes of a sandbox may use together.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of all processes, page cache included; there is no swap.
    pub memory_bytes: u64,
    /// Processor time.
    pub cpu: Cpu,
    /// Processes and threads together.
    pub processes_max: u64,
    /// Open files of one process.
    pub open_files_max: u64,
}

/// How processor time is given out; 1,000 milli-vCPUs are one processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cpu {
    /// A weight: fair under load, idle processors may be used beyond it.
    Shares {
        /// The weight.
        milli_vcpus: u32,
    },
    /// A hard cap.
    Quota {
        /// The cap.
        milli_vcpus: u32,
    },
}

/// A process to start in a sandbox.
#[derive(Debug)]
pub struct ProcessSpec<'a> {
    /// The program (an absolute path, no search) and its arguments; `argv[0]` is the path.
    pub argv: Vec<OsString>,
    /// The whole environment, in this order.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory.
    pub cwd: PathBuf,
    /// Standard input; `/dev/null` without one.
    pub stdin: Option<BorrowedFd<'a>>,
    /// Standard output.
    pub stdout: BorrowedFd<'a>,
    /// Standard error.
    pub stderr: BorrowedFd<'a>,
    /// Standard output again, under this number.
    pub stdout_again: Option<i32>,
}

impl SandboxSpec {
    /// Where the host keeps what the sandbox sees at `inside`: the deepest bind decides. Without a mount layer
    /// (level `process`) processes must be given these paths. Paths under no bind are the same on both sides.
    #[must_use]
    pub fn path_on_host(&self, inside: &Path) -> PathBuf {
        let deepest = self
            .binds
            .iter()
            .filter(|bind| inside.starts_with(&bind.target))
            .max_by_key(|bind| bind.target.components().count());
        match deepest.and_then(|bind| inside.strip_prefix(&bind.target).ok().map(|rest| (bind, rest))) {
            Some((bind, rest)) if rest.as_os_str().is_empty() => bind.source.clone(),
            Some((bind, rest)) => bind.source.join(rest),
            None => inside.to_path_buf(),
        }
    }

    /// The first thing that no sandbox could be built from, as a sentence fragment.
    pub(crate) fn fault(&self) -> Option<String> {
        if !is_name(&self.id) {
            return Some(format!("the id {:?} may hold letters, digits, - and _ only", self.id));
        }
        let inside = (self.binds.iter().map(|bind| &bind.target))
            .chain(&self.masks)
            .chain(&self.directories)
            .chain(self.symlinks.iter().map(|symlink| &symlink.link));
        inside
            .into_iter()
            .find(|path| !is_plain_absolute(path))
            .map(|path| format!("the path {} must be absolute and without `..`", path.display()))
    }
}

/// Whether `name` may become part of a path.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn is_plain_absolute(path: &Path) -> bool {
    path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests;
