//! Stopping all processes of a sandbox between two pieces of work, and letting them go on.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::cgroup::{Version, cgroup_error};
use crate::error::SandboxError;

/// The open control file of a group: freezing and thawing is one write each.
#[derive(Debug)]
pub(crate) struct Freezer {
    file: File,
    version: Version,
}

impl Freezer {
    pub(crate) fn open(directory: &Path, version: Version) -> Result<Freezer, SandboxError> {
        let path = directory.join(file_name(version));
        let file =
            OpenOptions::new().write(true).open(&path).map_err(|source| cgroup_error(&path, source))?;
        Ok(Freezer { file, version })
    }

    /// Asks the kernel to stop the processes; it does so within microseconds, after this returns.
    pub(crate) fn freeze(&self) -> std::io::Result<()> {
        self.file.write_all_at(
            match self.version {
                Version::V1 => b"FROZEN",
                Version::V2 => b"1",
            },
            0,
        )
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) -> std::io::Result<()> {
        self.file.write_all_at(
            match self.version {
                Version::V1 => b"THAWED",
                Version::V2 => b"0",
            },
            0,
        )
    }
}

fn file_name(version: Version) -> &'static str {
    match version {
        Version::V1 => "freezer.state",
        Version::V2 => "cgroup.freeze",
    }
}

/// Thaws a group that somebody else made, whatever its version. A frozen process of v1 cannot even be killed.
pub(crate) fn thaw_group(directory: &Path) {
    for (version, word) in [(Version::V1, "THAWED"), (Version::V2, "0")] {
        let path = directory.join(file_name(version));
        if path.exists() {
            let _ = std::fs::write(path, word);
        }
    }
}
