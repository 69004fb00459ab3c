//! The runtimes' own directories in the data directory: what an environment sees at `/var/runtime`.
//!
//! ```text
//! runtimes/python-<hash>/            the bootstrap alone; the hash is the bootstrap's
//! runtimes/python3.11-<hash>/        the bootstrap beside the AWS SDK; the hash is that of the SDK's pins
//! runtimes/.new-*/                   on its way; left by a crash, removed by a later fetch
//! ```
//! A directory with an SDK is synced before it gets its name, so that it is there whole or not at all. Our own files are not:
//! they are compared with what they should be before they are used, once and whenever they have changed since, and written again; so a new
//! version of this server needs no new SDK.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{names::Family, sdk::SdkPackage};

/// Files of ours: name and text.
type Bootstrap = &'static [(&'static str, &'static str)];

const PYTHON: Bootstrap = &[
    ("bootstrap.py", include_str!("../../runtimes/python/bootstrap.py")),
    ("_lambent_compiled.py", include_str!("../../runtimes/python/_lambent_compiled.py")),
    ("_lambent_compiler.py", include_str!("../../runtimes/python/_lambent_compiler.py")),
    ("_lambent_json_answers.py", include_str!("../../runtimes/python/_lambent_json_answers.py")),
    ("_lambent_json_logging.py", include_str!("../../runtimes/python/_lambent_json_logging.py")),
    ("_lambent_rehearsal.py", include_str!("../../runtimes/python/_lambent_rehearsal.py")),
    ("_lambent_waiting.py", include_str!("../../runtimes/python/_lambent_waiting.py")),
    ("_lambent_zygote.py", include_str!("../../runtimes/python/_lambent_zygote.py")),
];
const NODEJS: Bootstrap = &[
    ("bootstrap.cjs", include_str!("../../runtimes/nodejs/bootstrap.cjs")),
    ("compiled.cjs", include_str!("../../runtimes/nodejs/compiled.cjs")),
    ("compiler.cjs", include_str!("../../runtimes/nodejs/compiler.cjs")),
    ("json_logging.cjs", include_str!("../../runtimes/nodejs/json_logging.cjs")),
    ("runtime_api.cjs", include_str!("../../runtimes/nodejs/runtime_api.cjs")),
    ("streaming.cjs", include_str!("../../runtimes/nodejs/streaming.cjs")),
    ("waiting.cjs", include_str!("../../runtimes/nodejs/waiting.cjs")),
];

/// Much longer than a fetch may last.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// Where the directories are.
pub(super) struct RuntimeDirectories {
    root: PathBuf,
    /// By runtime; hashing the pins takes longer than all the rest of a plan.
    with_sdk: Mutex<HashMap<String, PathBuf>>,
    /// By language; the same holds for our own files.
    bare: Mutex<HashMap<&'static str, PathBuf>>,
    /// Our files in a directory, when they were last seen to be as they should.
    compared: Mutex<HashMap<PathBuf, Vec<Stamp>>>,
}

/// Number, length and time of the last change of a file, which nobody can set back.
type Stamp = (u64, u64, i64, i64);

impl RuntimeDirectories {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, with_sdk: Mutex::default(), bare: Mutex::default(), compared: Mutex::default() }
    }

    /// The directory of a runtime, with the SDK if it is there.
    pub(super) fn of(&self, runtime: &str, family: Family) -> io::Result<PathBuf> {
        let (language, bootstrap) = bootstrap_of(family);
        let with_sdk = self.with_sdk(runtime, family);
        if with_sdk.is_dir() {
            self.furnish(&with_sdk, bootstrap)?;
            return Ok(with_sdk);
        }
        let bare = self.bare(language, bootstrap);
        if !bare.is_dir() {
            let new = self.begin()?;
            write(new.path(), bootstrap)?;
            new.become_named(&bare)?;
        }
        self.furnish(&bare, bootstrap)?;
        Ok(bare)
    }

    fn bare(&self, language: &'static str, bootstrap: Bootstrap) -> PathBuf {
        let mut known = self.bare.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known.entry(language).or_insert_with(|| {
            let texts = bootstrap.iter().flat_map(|(name, text)| [*name, *text]);
            self.root.join(format!("{language}-{}", hash(texts)))
        });
        made.clone()
    }

    /// Makes sure that our files are in a directory as they should be.
    fn furnish(&self, directory: &Path, bootstrap: Bootstrap) -> io::Result<()> {
        let compared = || self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stamps(directory, bootstrap).ok();
        if before.is_some() && compared().get(directory) == before.as_ref() {
            return Ok(());
        }
        write(directory, bootstrap)?;
        let after = stamps(directory, bootstrap)?;
        // What was written, or changed meanwhile, is compared the next time.
        if before.as_ref() == Some(&after) {
            compared().insert(directory.to_path_buf(), after);
        }
        Ok(())
    }

    /// Where the runtime's directory with its SDK is, or would be.
    pub(super) fn with_sdk(&self, runtime: &str, family: Family) -> PathBuf {
        let mut known = self.with_sdk.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known.entry(runtime.to_owned()).or_insert_with(|| {
            let pins = SdkPackage::of(family).map(|package| package.pins()).unwrap_or_default();
            self.root.join(format!("{runtime}-{}", hash(pins)))
        });
        made.clone()
    }

    /// A new directory to fill.
    pub(super) fn begin(&self) -> io::Result<NewDirectory> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
        let new = self.root.join(format!(".new-{}", uuid::Uuid::new_v4().simple()));
        DirBuilder::new().mode(0o755).create(&new)?;
        // Whatever the umask: the environment's user must be able to read it.
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
        Ok(NewDirectory(new))
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

/// A directory that nobody uses yet; it goes away unless it gets its name.
pub(super) struct NewDirectory(PathBuf);

impl NewDirectory {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts it in its place. One that somebody else has put there meanwhile is as good.
    pub(super) fn become_named(self, place: &Path) -> io::Result<()> {
        match fs::rename(&self.0, place) {
            Err(_) if place.is_dir() => Ok(()),
            renamed => renamed,
        }
    }

    /// Everything becomes whole on disk and readable for the environment's user, whatever the umask was.
    pub(super) fn settle(&self) -> io::Result<()> {
        make_readable(&self.0)?;
        Ok(rustix::fs::syncfs(fs::File::open(&self.0)?)?)
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn make_readable(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let (entry, readable) = (entry?, fs::Permissions::from_mode);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::set_permissions(entry.path(), readable(0o755))?;
            make_readable(&entry.path())?;
        } else if kind.is_file() {
            let is_program = entry.metadata()?.permissions().mode() & 0o100 != 0;
            fs::set_permissions(entry.path(), readable(if is_program { 0o755 } else { 0o644 }))?;
        }
    }
    Ok(())
}

/// A language's name and its bootstrap.
fn bootstrap_of(family: Family) -> (&'static str, Bootstrap) {
    match family {
        Family::Python { .. } => ("python", PYTHON),
        Family::Nodejs { .. } => ("nodejs", NODEJS),
        Family::Custom | Family::Go | Family::Other => ("none", &[]),
    }
}

/// Writes those of our files that are not in a directory as they should be; each is whole at any time.
fn write(directory: &Path, bootstrap: Bootstrap) -> io::Result<()> {
    for (name, text) in bootstrap {
        let path = directory.join(name);
        if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        let new = directory.join(format!(".{name}-{}", uuid::Uuid::new_v4().simple()));
        fs::write(&new, text)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644))?;
        fs::rename(&new, &path)?;
    }
    Ok(())
}

/// How our files in a directory look from outside.
fn stamps(directory: &Path, bootstrap: Bootstrap) -> io::Result<Vec<Stamp>> {
    let stamp = |data: fs::Metadata| (data.ino(), data.size(), data.ctime(), data.ctime_nsec());
    bootstrap.iter().map(|(name, _)| fs::metadata(directory.join(name)).map(stamp)).collect()
}

fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text);
    }
    format!("{:x}", digest.finalize()).chars().take(16).collect()
}
