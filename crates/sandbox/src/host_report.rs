//! What this host offers for isolation, found out without changing anything, and what each missing piece costs.
//!
//! Facts are gathered by [`HostReport::probe`]; the sentences about them are pure functions (`host_report/words.rs`).

mod probe;
mod words;

use std::path::{Path, PathBuf};

pub(crate) use probe::{ARGUMENT, run as run_probe};

/// The facts.
#[derive(Clone, Debug)]
pub struct HostReport {
    /// Release of the kernel.
    kernel: String,
    is_root: bool,
    /// Why no set of namespaces can be made; `None` when it can.
    namespaces_fail: Option<String>,
    /// Whether each sandbox can get a user id of its own.
    has_own_uids: bool,
    controllers: Controllers,
    /// The group whose parent does not hand controllers down.
    undelegated: Option<PathBuf>,
    /// The controllers of the group that systemd would give the server; `None` where it needs none, or there is nobody to ask.
    offered: Option<Controllers>,
    has_seccomp: bool,
    has_overlayfs: bool,
    has_mkfs: bool,
    has_loop_devices: bool,
    apparmor_restricts: bool,
    /// Why functions could reach nothing but the server; `None` when they can.
    network_fails: Option<String>,
}

/// Which controllers sandboxes can have, and in which interface of the kernel.
#[derive(Clone, Copy, Debug, Default)]
struct Controllers {
    memory: Option<u8>,
    cpu: Option<u8>,
    pids: Option<u8>,
    freezer: Option<u8>,
}

impl HostReport {
    /// Why no sandbox can be built here, with the fix; `None` when it can.
    #[must_use]
    pub fn missing_for_sandbox(&self) -> Option<String> {
        words::missing_for_sandbox(self)
    }

    /// Whether memory can be bounded.
    #[must_use]
    pub fn can_enforce_memory(&self) -> bool {
        self.controllers.memory.is_some()
    }

    /// What sandboxes here do without, in sentences that end in the fix.
    #[must_use]
    pub fn unenforced(&self) -> Vec<String> {
        words::unenforced(self)
    }

    /// The whole report, a line per topic.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        words::describe(self)
    }

    /// Whether `/tmp` can be an image on disk.
    fn has_images(&self) -> bool {
        self.is_root && self.has_mkfs && self.has_loop_devices
    }
}

/// A program of the system, where distributions keep it; the server's `PATH` may lack the folders of root.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    const FOLDERS: [&str; 6] =
        ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests;
