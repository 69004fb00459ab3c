//! Where to look, and what must not come into view with an interpreter.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::{prefix, visible};

/// See the module's doc.
#[derive(Debug, Default)]
pub(in crate::runtimes) struct Places {
    named: Vec<(String, PathBuf)>,
    /// Folders of programs.
    pub(super) folders: Vec<PathBuf>,
    /// Folders whose children are versions of Python with a `bin` each.
    pub(super) python_versions: Vec<PathBuf>,
    /// Folders whose children are versions of Node.js with a `bin` each.
    pub(super) node_versions: Vec<PathBuf>,
    /// Folders that no environment may see.
    private: Vec<PathBuf>,
}

impl Places {
    /// Those of the user who started this process; `named` are the operator's, and `data_dir` is nobody else's business.
    pub(in crate::runtimes) fn of_this_user(named: &[(String, PathBuf)], data_dir: &Path) -> Self {
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
                .chain(from_variable("UV_PYTHON_INSTALL_DIR", ""))
                .chain([home.join(".pyenv/versions"), home.join(".local/share/uv/python")])
                .collect(),
            node_versions: from_variable("NVM_DIR", "versions/node")
                .into_iter()
                .chain([home.join(".nvm/versions/node")])
                .collect(),
            private: [home, data_dir.to_owned()].iter().filter_map(|path| path.canonicalize().ok()).collect(),
        }
    }

    /// What the operator named for a runtime.
    pub(super) fn named(&self, runtime: &str) -> Option<&Path> {
        self.named.iter().find(|(name, _)| name == runtime).map(|(_, path)| path.as_path())
    }

    /// Whether more than the interpreter would be seen if what it lies in were mounted: a home directory, say.
    pub(super) fn would_be_shown_with(&self, program: &Path) -> bool {
        let prefix = prefix(program);
        // `/` and its children hold everything.
        let is_wide = prefix.components().count() < 3;
        let is_private = self.private.iter().any(|private| private.starts_with(prefix));
        !visible::is_of_the_system(program) && (is_wide || is_private)
    }
}
