//! The runtimes' own directories in the data directory: what an environment sees at `/var/runtime`.
//!
//! ```text
//! runtimes/python-<hash>/            the bootstrap alone
//! runtimes/python3.11-<hash>/        the bootstrap beside the AWS SDK, put there whole or not at all
//! runtimes/.new-*/                   on its way; left by a crash, removed by the next fetch
//! ```
//! The hash is of everything of ours in the directory: a new version of this server makes new ones. A directory with an SDK is
//! synced before it gets its name; the bootstrap alone is not: it is compared with what it should be, and made again.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{names::Family, sdk::SdkPackage};

/// Files of ours: name and text.
pub(super) type Bootstrap = &'static [(&'static str, &'static str)];

const PYTHON: Bootstrap = &[("bootstrap.py", include_str!("../../runtimes/python/bootstrap.py"))];
const NODEJS: Bootstrap = &[("bootstrap.mjs", include_str!("../../runtimes/nodejs/bootstrap.mjs"))];

/// Much longer than a fetch may last.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// Where the directories are.
pub(super) struct RuntimeDirectories {
    root: PathBuf,
}

impl RuntimeDirectories {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The directory of a Python runtime, with the SDK if it is there.
    pub(super) fn of_python(&self, runtime: &str) -> io::Result<PathBuf> {
        self.best("python", runtime, PYTHON)
    }

    /// The directory of a Node.js runtime, with the SDK if it is there.
    pub(super) fn of_nodejs(&self, runtime: &str) -> io::Result<PathBuf> {
        self.best("nodejs", runtime, NODEJS)
    }

    fn best(&self, language: &str, runtime: &str, bootstrap: Bootstrap) -> io::Result<PathBuf> {
        let with_sdk = self.with_sdk(runtime);
        if is_complete(&with_sdk, bootstrap) {
            return Ok(with_sdk);
        }
        let bare = self.root.join(format!("{language}-{}", hash(bootstrap, &[])));
        if !is_complete(&bare, bootstrap) {
            let new = self.begin()?;
            write(&new, bootstrap)?;
            finish(&new, &bare, bootstrap)?;
        }
        Ok(bare)
    }

    /// Where the runtime's directory with its SDK is, or would be.
    pub(super) fn with_sdk(&self, runtime: &str) -> PathBuf {
        let family = Family::of(runtime);
        let pins = SdkPackage::of(family).map(|package| package.pins()).unwrap_or_default();
        self.root.join(format!("{runtime}-{}", hash(bootstrap_of(family), &pins)))
    }

    /// A new directory to fill.
    pub(super) fn begin(&self) -> io::Result<PathBuf> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
        let new = self.root.join(format!(".new-{}", uuid::Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o755).create(&new)?;
        // Whatever the umask: the environment's user must be able to read it.
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
        Ok(new)
    }

    /// Removes what a crash left of a fetch. Those of this process are younger than any fetch may last.
    pub(super) fn remove_abandoned(&self) {
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let age =
                entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
            let is_old = age.is_some_and(|age| age > ABANDONED_AFTER);
            if is_old && entry.file_name().to_string_lossy().starts_with(".new-") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// The bootstrap of a family.
pub(super) fn bootstrap_of(family: Family) -> Bootstrap {
    match family {
        Family::Python { .. } => PYTHON,
        Family::Nodejs { .. } => NODEJS,
        Family::Custom | Family::Go | Family::Other => &[],
    }
}

/// Writes our files into a directory.
pub(super) fn write(directory: &Path, bootstrap: Bootstrap) -> io::Result<()> {
    for (name, text) in bootstrap {
        let path = directory.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// Whether the directory is there with our files as they should be.
pub(super) fn is_complete(directory: &Path, bootstrap: Bootstrap) -> bool {
    let holds = |(name, text): &(&str, &str)| {
        fs::read(directory.join(name)).is_ok_and(|found| found == text.as_bytes())
    };
    !bootstrap.is_empty() && bootstrap.iter().all(holds)
}

/// Puts a filled directory in its place. A whole one that somebody else has put there stays.
pub(super) fn finish(new: &Path, place: &Path, bootstrap: Bootstrap) -> io::Result<()> {
    if !is_complete(place, bootstrap) {
        let _ = fs::remove_dir_all(place);
    }
    match fs::rename(new, place) {
        Err(_) if is_complete(place, bootstrap) => fs::remove_dir_all(new),
        renamed => renamed,
    }
}

fn hash(bootstrap: Bootstrap, pins: &[&str]) -> String {
    let mut digest = Sha256::new();
    for (name, text) in bootstrap {
        digest.update(name);
        digest.update(text);
    }
    for pin in pins {
        digest.update(pin);
    }
    format!("{:x}", digest.finalize()).chars().take(16).collect()
}
