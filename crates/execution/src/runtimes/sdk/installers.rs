//! pip and npm, as the user has configured them; with the future that waits for one goes everything it has started.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

/// Where to install to.
pub(in crate::runtimes) struct Installer<'a> {
    /// What becomes the runtime's directory.
    pub target: &'a Path,
    /// For everything else.
    pub scratch: &'a Path,
}

const PIP_INSTALL: [&str; 9] = [
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    // By the interpreter that will run it instead, see `compile`.
    "--no-compile",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
    // Another Python's pip will do: the packages are pure Python, and pinned for the one that runs them.
    "--ignore-requires-python",
];

/// Runs the pip that comes with Python for `ensurepip`, without installing it.
const PIP_OF_ENSUREPIP: &str = "\
import ensurepip, glob, os, runpy, sys
folders = [os.path.join(os.path.dirname(ensurepip.__file__), '_bundled'), '/usr/share/python-wheels']
sys.path[:0] = [wheel for folder in folders for wheel in glob.glob(os.path.join(folder, 'pip-*.whl'))][:1]
sys.argv[0] = 'pip'
runpy.run_module('pip', run_name='__main__', alter_sys=True)
";

impl Installer<'_> {
    /// Installs with the first of the interpreters that has a pip.
    pub(super) async fn pip(
        &self,
        requirements: &str,
        interpreter: &Path,
        pythons: &[PathBuf],
    ) -> Result<(), String> {
        let list = self.scratch.join("requirements.txt");
        std::fs::write(&list, requirements).map_err(|error| error.to_string())?;
        for way in [["-m", "pip"], ["-c", PIP_OF_ENSUREPIP]] {
            for python in pythons {
                match self.run(&mut self.pip_install(python, way, &list)).await {
                    Ok(()) => return self.compile(interpreter).await,
                    Err(why) if why.contains("No module named") => {}
                    Err(why) => return Err(why),
                }
            }
        }
        Err("no Python of this machine has pip or ensurepip".to_owned())
    }

    fn pip_install(&self, python: &Path, way: [&str; 2], list: &Path) -> Command {
        let mut pip = Command::new(python);
        pip.args(way).args(PIP_INSTALL).arg("--target").arg(self.target).arg("--requirement").arg(list);
        // Settings for the user's own environments, which contradict a target.
        pip.env("PIP_USER", "0").env("PIP_REQUIRE_VIRTUALENV", "0");
        pip
    }

    /// Bytecode beside the sources: the mount is read-only, and every cold start would compile anew.
    async fn compile(&self, interpreter: &Path) -> Result<(), String> {
        let mut python = Command::new(interpreter);
        python.args(["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]);
        self.run(python.arg(self.target)).await
    }

    /// Installs with the npm beside the interpreter, or the one on the path.
    pub(super) async fn npm(&self, manifest: &str, lock: &str, interpreter: &Path) -> Result<(), String> {
        let files = [("package.json", manifest), ("package-lock.json", lock)];
        for (name, text) in files {
            std::fs::write(self.target.join(name), text).map_err(|error| error.to_string())?;
        }
        let beside = interpreter.with_file_name("npm");
        let mut npm = Command::new(if beside.exists() { beside.as_path() } else { Path::new("npm") });
        npm.current_dir(self.target);
        npm.args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        self.run(&mut npm).await?;
        // They say what was wanted, and would make the directory look like a package of the user's.
        for (name, _) in files {
            let _ = std::fs::remove_file(self.target.join(name));
        }
        Ok(())
    }

    pub(in crate::runtimes) async fn run(&self, command: &mut Command) -> Result<(), String> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("TMPDIR", self.scratch).process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
        let output = child.wait_with_output().await.map_err(|error| format!("{program}: {error}"))?;
        group.0 = None;
        if output.status.success() { Ok(()) } else { Err(format!("{program}: {}", complaint(&output))) }
    }
}

/// The processes that an installer has started; they die with this.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The line of an installer's errors that says most: npm begins with it, pip ends with it.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let of_npm = text.lines().find(|line| line.starts_with("npm error") || line.starts_with("npm ERR!"));
    let last = || text.lines().rev().find(|line| !line.trim().is_empty());
    let line = of_npm.or_else(last).map(|line| line.trim().chars().take(300).collect());
    line.unwrap_or_else(|| output.status.to_string())
}
