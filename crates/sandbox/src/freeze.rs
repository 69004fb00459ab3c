//! Stopping all processes of a sandbox between two pieces of work, and letting them go on.

use std::path::{Path, PathBuf};

use crate::cgroup::Version;

/// The control file of a group: freezing and thawing is one write each.
#[derive(Debug)]
pub(crate) struct Freezer {
    path: PathBuf,
    version: Version,
}

impl Freezer {
    pub(crate) fn of(directory: &Path, version: Version) -> Freezer {
        Freezer { path: directory.join(file_name(version)), version }
    }

    /// Asks the kernel to stop the processes; it does so within microseconds, after this returns.
    pub(crate) fn freeze(&self) -> std::io::Result<()> {
        std::fs::write(
            &self.path,
            match self.version {
                Version::V1 => "FROZEN",
                Version::V2 => "1",
            },
        )
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) -> std::io::Result<()> {
        std::fs::write(
            &self.path,
            match self.version {
                Version::V1 => "THAWED",
                Version::V2 => "0",
            },
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

#[cfg(test)]
mod tests;
