//! The AWS SDK that Lambda's managed runtimes carry: fetched once per runtime from the language's package registry, at pinned
//! versions with their hashes, by the language's own installer, so that its index and proxy settings hold here too.
//!
//! A fetch fills a directory of its own and gives it its name when it is whole: dropping it half way leaves nothing that would be used.

pub(super) mod installers;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{directories::RuntimeDirectories, names::Family};

use installers::Installer;

/// Whether a runtime has its SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SdkState {
    /// The runtime's directory with the SDK.
    Present(PathBuf),
    /// The runtime carries none.
    NotNeeded,
    /// It is not there; the text says why and what to do.
    Missing(String),
}

/// What a runtime carries.
pub(super) enum SdkPackage {
    /// Requirements with hashes, for pip.
    Pip { requirements: &'static str },
    /// A manifest and its lock with hashes, for npm.
    Npm { manifest: &'static str, lock: &'static str },
}

const PYTHON_3_8: &str = include_str!("../../runtimes/python/requirements-3.8.txt");
const PYTHON_3_9: &str = include_str!("../../runtimes/python/requirements-3.9.txt");
const PYTHON: &str = include_str!("../../runtimes/python/requirements.txt");

macro_rules! npm {
    ($folder:literal) => {
        SdkPackage::Npm {
            manifest: include_str!(concat!("../../runtimes/nodejs/", $folder, "/package.json")),
            lock: include_str!(concat!("../../runtimes/nodejs/", $folder, "/package-lock.json")),
        }
    };
}

impl SdkPackage {
    /// As on Lambda, a version per runtime: the last ones that still run on the old interpreters.
    pub(super) fn of(family: Family) -> Option<Self> {
        match family {
            Family::Python { minor: 8 } => Some(Self::Pip { requirements: PYTHON_3_8 }),
            Family::Python { minor: 9 } => Some(Self::Pip { requirements: PYTHON_3_9 }),
            Family::Python { .. } => Some(Self::Pip { requirements: PYTHON }),
            Family::Nodejs { major: 16 } => Some(npm!("sdk-v2")),
            Family::Nodejs { major: 18 } => Some(npm!("sdk-v3-node18")),
            Family::Nodejs { .. } => Some(npm!("sdk-v3")),
            Family::Custom | Family::Go | Family::Other => None,
        }
    }

    /// Everything that decides what is fetched.
    pub(super) fn pins(&self) -> Vec<&'static str> {
        match self {
            Self::Pip { requirements } => vec![requirements],
            Self::Npm { manifest, lock } => vec![manifest, lock],
        }
    }
}

/// One fetch of a runtime's SDK at a time.
#[derive(Default)]
pub(super) struct Fetches(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Fetches {
    /// To be held during a fetch.
    pub(super) fn lock_of(&self, runtime: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(runtime.to_owned()).or_default())
    }
}

/// Fetches the SDK unless it is there. `pythons` are interpreters whose pip will do, the function's own first.
pub(super) async fn ensure(
    runtime: &str,
    package: &SdkPackage,
    interpreter: &Path,
    pythons: Vec<PathBuf>,
    target: &Path,
    directories: &RuntimeDirectories,
) -> SdkState {
    if target.is_dir() {
        return SdkState::Present(target.to_owned());
    }
    match fetch(package, interpreter, pythons, target, directories).await {
        Ok(()) => SdkState::Present(target.to_owned()),
        Err(why) => SdkState::Missing(format!(
            "The AWS SDK of {runtime} could not be fetched ({why}); the function runs without it. \
             Fetch it with: lambent runtime prepare {runtime}"
        )),
    }
}

async fn fetch(
    package: &SdkPackage,
    interpreter: &Path,
    pythons: Vec<PathBuf>,
    target: &Path,
    directories: &RuntimeDirectories,
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    directories.remove_abandoned();
    let new = directories.begin().map_err(text)?;
    // Where installers put what is on its way: on the same file system, and gone with the future.
    let scratch = directories.begin().map_err(text)?;
    let installer = Installer { target: new.path(), scratch: scratch.path() };
    match package {
        SdkPackage::Pip { requirements } => installer.pip(requirements, interpreter, &pythons).await?,
        SdkPackage::Npm { manifest, lock } => installer.npm(manifest, lock, interpreter).await?,
    }
    let place = target.to_owned();
    let placed = tokio::task::spawn_blocking(move || {
        // Whole before it has its name, whatever happens to the power.
        new.settle()?;
        new.become_named(&place)
    });
    placed.await.map_err(|error| error.to_string())?.map_err(text)
}
