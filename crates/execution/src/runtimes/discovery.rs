//! Where interpreters are: named by the operator, on the `PATH`, in the system's folders, under the user's version managers.
//!
//! A version manager's shim is a script that picks a version by the folder it is started in; only real programs count. The
//! version of a Python shows in its own library's folder, so that only a Node.js of the system has to be asked.

mod places;

use std::{
    collections::HashMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

pub(super) use places::Places;

use super::{names::Family, visible};

/// An interpreter of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// The program itself, no link.
    pub program: PathBuf,
}

/// What programs said when they were asked for their version, while they are the same files.
#[derive(Default)]
pub(super) struct Asked(Mutex<HashMap<ProgramFile, Option<String>>>);

/// Where it is, and when it was last modified.
type ProgramFile = (PathBuf, Option<SystemTime>);

/// The interpreter of a runtime; what the operator named counts alone.
///
/// # Errors
/// What to do about a missing one.
pub(super) fn find(
    places: &Places,
    asked: &Asked,
    runtime: &str,
    family: Family,
) -> Result<Interpreter, String> {
    let found = match (places.named(runtime), family) {
        (Some(path), Family::Python { minor }) => named_python(places, path, minor)?,
        (Some(path), Family::Nodejs { major }) => named_nodejs(asked, path, major)?,
        (None, Family::Python { minor }) => python(places, minor).ok_or_else(|| {
            format!("install python3.{minor} (your distribution, pyenv or uv), or name it with --runtime-path {runtime}=PATH")
        })?,
        (None, Family::Nodejs { major }) => nodejs(places, asked, major).ok_or_else(|| {
            format!("install Node.js {major} (your distribution or nvm), or name it with --runtime-path {runtime}=PATH")
        })?,
        _ => return Err(format!("{runtime} has no interpreter of the host")),
    };
    Ok(Interpreter { program: found })
}

fn named_python(places: &Places, path: &Path, minor: u32) -> Result<PathBuf, String> {
    let refused = |what: &str| Err(format!("--runtime-path names {}, {what}", path.display()));
    let Some(program) = program(path) else { return refused("which is no program") };
    if !is_python(&program, minor) {
        return refused(&format!("which is no Python 3.{minor} beside its library"));
    }
    if places.would_be_shown_with(&program) {
        return refused("which has no folder of its own: all that lies there would be visible to functions");
    }
    Ok(program)
}

fn named_nodejs(asked: &Asked, path: &Path, major: u32) -> Result<PathBuf, String> {
    let refused = |what: String| Err(format!("--runtime-path names {}, {what}", path.display()));
    let Some(program) = program(path) else { return refused("which is no program".to_owned()) };
    match asked.version(&program) {
        Some(version) if is_of_major(&version, major) => Ok(program),
        Some(version) => refused(format!("which is version {version}")),
        None => refused("which does not say its version".to_owned()),
    }
}

fn python(places: &Places, minor: u32) -> Option<PathBuf> {
    let name = format!("python3.{minor}");
    let in_folders = places.folders.iter().map(|folder| folder.join(&name));
    let (pyenv, uv) = (format!("3.{minor}."), format!("cpython-3.{minor}."));
    let managed = places
        .python_versions
        .iter()
        .flat_map(|folder| {
            versions(folder, |version| version.starts_with(&pyenv) || version.starts_with(&uv))
        })
        .map(|folder| folder.join("bin").join(&name));
    let found = in_folders.chain(managed).filter_map(|path| program(&path));
    found.into_iter().find(|found| is_python(found, minor) && !places.would_be_shown_with(found))
}

/// A version manager's folder says the version; a program of the system has to be asked.
fn nodejs(places: &Places, asked: &Asked, major: u32) -> Option<PathBuf> {
    let managed = places.node_versions.iter().flat_map(|folder| {
        versions(folder, |version| version.strip_prefix('v').is_some_and(|rest| is_of_major(rest, major)))
    });
    if let Some(found) = managed.map(|folder| folder.join("bin/node")).find_map(|path| program(&path)) {
        return Some(found);
    }
    let names = ["node".to_owned(), format!("node{major}"), format!("node-{major}"), "nodejs".to_owned()];
    let in_folders = places.folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    in_folders
        .filter_map(|path| program(&path))
        .find(|found| asked.version(found).is_some_and(|version| is_of_major(&version, major)))
}

fn is_of_major(version: &str, major: u32) -> bool {
    version.split('.').next() == Some(major.to_string().as_str())
}

/// A Python of this version lies beside its library, and its name does not say another one.
fn is_python(program: &Path, minor: u32) -> bool {
    let version = format!("python3.{minor}");
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let is_other = name.starts_with("python3.") && name != version.as_str();
    let has_library = |folder: &str| prefix(program).join(folder).join(&version).join("os.py").exists();
    !is_other && (has_library("lib") || has_library("lib64"))
}

/// `<prefix>/bin/<name>`: Python finds its library from where its program lies.
pub(super) fn prefix(program: &Path) -> &Path {
    program.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("/"))
}

/// What a program says to `--version`, such as `3.11.7` or `20.20.2`.
pub(super) fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let version = text.trim_start_matches("Python ").trim_start_matches('v').to_owned();
    (output.status.success() && !version.is_empty()).then_some(version)
}

impl Asked {
    /// Its version, asked once.
    fn version(&self, program: &Path) -> Option<String> {
        let modified = fs::metadata(program).and_then(|data| data.modified()).ok();
        let key = (program.to_owned(), modified);
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = known().get(&key) {
            return version.clone();
        }
        let version = version_of(program);
        known().insert(key, version.clone());
        version
    }
}

/// Children of a folder with matching names, newest version first.
fn versions(folder: &Path, matches: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(Vec<u64>, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            matches(&name).then(|| (numbers(&name), entry.path()))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// `3.11.10` is after `3.11.9`.
fn numbers(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// The program behind `path`, links followed, if it is one.
fn program(path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    let mut magic = [0; 4];
    fs::File::open(&path).ok()?.read_exact(&mut magic).ok()?;
    (magic == *b"\x7fELF").then_some(path)
}
