//! What is measured: one echo function for each kind of runtime, and how the same runtime is run bare.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::package;
use crate::failure::Failure;
use crate::shell;

const PYTHON_ECHO: &[u8] = b"def handler(event, context):\n    return event\n";
const NODE_ECHO: &[u8] = b"exports.handler = async (event) => event;\n";

/// The oldest of Lambda's that is not deprecated.
const NODE_OF_NPM: &str = "node@22.23.3";

/// One kind of runtime.
#[derive(Clone)]
pub(super) struct Subject {
    /// For people.
    pub(super) name: &'static str,
    /// Lambda's name for it.
    pub(super) runtime: String,
    pub(super) handler: &'static str,
    /// The deployment package.
    pub(super) package: Vec<u8>,
    /// The same runtime without Lambent, once the address of a Runtime API is set.
    pub(super) bare: Vec<String>,
    /// Variables that the bare runtime needs.
    pub(super) variables: Vec<(&'static str, String)>,
    /// The interpreter; of the native one a program that does nothing.
    pub(super) program: String,
    /// `--runtime-path` for the server, where the interpreter is not in the usual places.
    pub(super) runtime_path: Option<String>,
}

/// Every runtime that this machine can run.
///
/// # Errors
/// When the static program cannot be built or files cannot be written.
pub(super) fn all(folder: &Path) -> Result<Vec<Subject>, Failure> {
    let mut subjects = vec![native(folder)?];
    subjects.extend(python(folder)?);
    subjects.extend(node(folder)?);
    Ok(subjects)
}

/// The one of a name, where this machine has it.
pub(super) fn named<'a>(subjects: &'a [Subject], name: &str) -> Option<&'a Subject> {
    subjects.iter().find(|subject| subject.name == name)
}

fn native(folder: &Path) -> Result<Subject, Failure> {
    let source = shell::repository_root().join("tests/e2e/programs/echo_runtime.c");
    let program = folder.join("echo_runtime");
    let nothing_source = folder.join("nothing.c");
    let nothing = folder.join("nothing");
    write(&nothing_source, b"int main(void) { return 0; }\n")?;
    for (from, to) in [(&source, &program), (&nothing_source, &nothing)] {
        shell::succeed("bench-cc", Command::new("cc").args(["-static", "-O1", "-o"]).arg(to).arg(from))?;
    }
    let bytes = fs::read(&program).map_err(|e| Failure::during(program.display(), e))?;
    Ok(Subject {
        name: "native",
        runtime: "provided.al2023".to_owned(),
        handler: "echo",
        package: package::zip(&[("bootstrap", &bytes)]),
        bare: vec![text(&program)],
        variables: Vec::new(),
        program: text(&nothing),
        runtime_path: None,
    })
}

/// Python in the first version that is found, with our bootstrap.
fn python(folder: &Path) -> Result<Option<Subject>, Failure> {
    let Some((version, program)) = ["3.11", "3.12", "3.13", "3.10", "3.9"].iter().find_map(|version| {
        let code = "import sys; print(sys.executable)";
        let found = shell::output_of(Command::new(format!("python{version}")).args(["-c", code])).ok()?;
        Some(((*version).to_owned(), found.trim().to_owned()))
    }) else {
        return Ok(None);
    };
    let task = folder.join("python");
    write(&task.join("app.py"), PYTHON_ECHO)?;
    Ok(Some(Subject {
        name: "python",
        runtime: format!("python{version}"),
        handler: "app.handler",
        package: package::zip(&[("app.py", PYTHON_ECHO)]),
        bare: vec![program.clone(), bootstrap("python/bootstrap.py")],
        variables: variables(&task),
        program,
        runtime_path: None,
    }))
}

/// Node.js as npm has it, or else the one on the path, with our bootstrap.
fn node(folder: &Path) -> Result<Option<Subject>, Failure> {
    let code = "console.log(process.versions.node.split('.')[0] + ' ' + process.execPath)";
    let program = node_program(folder);
    let Ok(found) = shell::output_of(Command::new(program).args(["-e", code])) else { return Ok(None) };
    let Some((major, program)) = found.trim().split_once(' ') else { return Ok(None) };
    let task = folder.join("node");
    write(&task.join("app.js"), NODE_ECHO)?;
    Ok(Some(Subject {
        name: "node",
        runtime: format!("nodejs{major}.x"),
        handler: "app.handler",
        package: package::zip(&[("app.js", NODE_ECHO)]),
        bare: vec![program.to_owned(), bootstrap("nodejs/bootstrap.cjs")],
        variables: variables(&task),
        program: program.to_owned(),
        runtime_path: Some(format!("nodejs{major}.x={program}")),
    }))
}

/// That of npm, installed the first time, or the machine's.
pub(super) fn node_program(folder: &Path) -> PathBuf {
    let folder = folder.join("node-of-npm");
    let program = folder.join("node_modules/node/bin/node");
    if !program.is_file() {
        let install = ["install", "--no-audit", "--no-fund", "--loglevel=error", NODE_OF_NPM, "--prefix"];
        // Without it the machine's is measured.
        let _ = shell::succeed("bench-npm", Command::new("npm").args(install).arg(&folder));
    }
    if program.is_file() { program } else { "node".into() }
}

fn bootstrap(path: &str) -> String {
    text(&shell::repository_root().join("crates/execution/runtimes").join(path))
}

/// What our bootstraps read; the rest of Lambda's variables does not matter to an echo.
pub(super) fn variables(task: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("LAMBDA_TASK_ROOT", text(task)),
        ("_HANDLER", "app.handler".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", "floor".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/floor".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "floor".to_owned()),
    ]
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn write(path: &PathBuf, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| Failure::during(folder.display(), e))?;
    }
    fs::write(path, bytes).map_err(|e| Failure::during(path.display(), e))
}
