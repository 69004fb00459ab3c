//! Where interpreters are: named by the operator, on the `PATH`, in the system's folders, under the user's version managers.
//!
//! A version manager's shim is a script that picks a version by the folder it is started in; only real programs count.

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::names::Family;

/// An interpreter of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// The program itself, no link.
    pub program: PathBuf,
}

/// Where to look.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    named: Vec<(String, PathBuf)>,
    /// Folders of programs.
    folders: Vec<PathBuf>,
    /// Folders whose children are versions of Python with a `bin` each.
    python_versions: Vec<PathBuf>,
    /// Folders whose children are versions of Node.js with a `bin` each.
    node_versions: Vec<PathBuf>,
}

impl Places {
    /// Those of the user who started this process.
    pub(super) fn of_this_user(named: &[(String, PathBuf)]) -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
        folders.extend(["/usr/local/bin".into(), "/usr/bin".into()]);
        let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_else(|| "/".into());
        let from_variable = |name: &str, below: &str| {
            let root = env::var_os(name).map(PathBuf::from).filter(|root| root.is_absolute());
            root.map(|root| root.join(below))
        };
        Self {
            named: named.to_vec(),
            folders,
            python_versions: from_variable("PYENV_ROOT", "versions")
                .into_iter()
                .chain([home.join(".pyenv/versions"), home.join(".local/share/uv/python")])
                .collect(),
            node_versions: from_variable("NVM_DIR", "versions/node")
                .into_iter()
                .chain([home.join(".nvm/versions/node")])
                .collect(),
        }
    }

    fn named(&self, runtime: &str) -> Option<&Path> {
        self.named.iter().find(|(name, _)| name == runtime).map(|(_, path)| path.as_path())
    }
}

/// The interpreter of a runtime; what the operator named counts alone.
pub(super) fn find(places: &Places, runtime: &str, family: Family) -> Option<Interpreter> {
    if let Some(named) = places.named(runtime) {
        return program(named).map(|program| Interpreter { program });
    }
    let found = match family {
        Family::Python { minor } => python(places, minor),
        Family::Nodejs { major } => nodejs(places, major),
        Family::Custom | Family::Go | Family::Other => None,
    };
    found.map(|program| Interpreter { program })
}

/// What to do about a missing interpreter.
pub(super) fn fix(runtime: &str, family: Family, places: &Places) -> String {
    if let Some(named) = places.named(runtime) {
        return format!("--runtime-path names {}, which is no program", named.display());
    }
    match family {
        Family::Python { minor } => {
            format!(
                "install python3.{minor} (your distribution, pyenv or uv), or name it with --runtime-path {runtime}=PATH"
            )
        }
        Family::Nodejs { major } => {
            format!(
                "install Node.js {major} (your distribution or nvm), or name it with --runtime-path {runtime}=PATH"
            )
        }
        _ => format!("{runtime} has no interpreter of the host"),
    }
}

/// The name of the program says its version.
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
    in_folders.chain(managed).find_map(|path| program(&path))
}

/// A version manager's folder says the version; a program of the system has to be asked.
fn nodejs(places: &Places, major: u32) -> Option<PathBuf> {
    let wanted = format!("v{major}.");
    let managed = places
        .node_versions
        .iter()
        .flat_map(|folder| versions(folder, |version| version.starts_with(&wanted)));
    if let Some(found) = managed.map(|folder| folder.join("bin/node")).find_map(|path| program(&path)) {
        return Some(found);
    }
    let names = ["node".to_owned(), format!("node{major}"), format!("node-{major}"), "nodejs".to_owned()];
    let in_folders = places.folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    let mut asked = Vec::new();
    for found in in_folders.filter_map(|path| program(&path)) {
        if asked.contains(&found) {
            continue;
        }
        if node_version(&found).is_some_and(|version| version.starts_with(&wanted)) {
            return Some(found);
        }
        asked.push(found);
    }
    None
}

fn node_version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
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
