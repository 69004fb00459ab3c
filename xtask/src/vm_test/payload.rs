//! What the tests need inside: a tarball that the virtual machine sees as its second disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Form;
use crate::check::e2e;
use crate::failure::Failure;
use crate::shell;

/// Builds and packs.
///
/// # Errors
/// When something cannot be built or packed.
pub(super) fn pack(form: &Form<'_>) -> Result<PathBuf, Failure> {
    let directory = super::directory()?;
    let staged = directory.join("payload");
    fs::create_dir_all(&staged).map_err(|e| Failure::during(staged.display(), e))?;
    shell::succeed("vm-build", shell::cargo().args(["build", "--locked", "--quiet", "--bin", "lambent"]))?;
    strip(&e2e::binary(), &staged.join("lambent"))?;
    strip(&sandbox_tests()?, &staged.join("sandbox-tests"))?;
    let only = form.only.map(|word| format!(" -k {word}")).unwrap_or_default();
    let text = format!("ROOT_TESTS=\"{}{only}\"\nORDINARY_TESTS=\"{}{only}\"\n", form.root, form.ordinary);
    fs::write(staged.join("form"), text).map_err(|e| Failure::during("form", e))?;
    let root = shell::repository_root();
    let script = staged.join("run.sh");
    fs::copy(root.join("tests/vm/run.sh"), &script).map_err(|e| Failure::during(script.display(), e))?;
    let tarball = directory.join("payload.tar");
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(&tarball).args(["--exclude=__pycache__", "--exclude=site-packages/awscli"]);
    // A server would find it, and try to fetch the SDKs where there is no network.
    tar.arg("--exclude=site-packages/pip");
    tar.arg("-C").arg(&staged).args(["lambent", "sandbox-tests", "form", "run.sh"]);
    tar.arg("-C").arg(&root).args(["tests/e2e", "xtask/dist/lambent.service"]);
    tar.arg("-C").arg(site_packages_parent()?).arg("site-packages");
    shell::succeed("vm-payload", &mut tar)?;
    Ok(tarball)
}

/// Without debug information, which is most of it and which nothing in there reads.
fn strip(from: &Path, to: &Path) -> Result<(), Failure> {
    shell::succeed("vm-strip", Command::new("strip").arg("--strip-debug").arg("-o").arg(to).arg(from))
}

/// The program of the sandbox's unit tests.
fn sandbox_tests() -> Result<PathBuf, Failure> {
    let mut cargo = shell::cargo();
    cargo.args(["test", "--locked", "--quiet", "--package", "sandbox", "--lib", "--no-run"]);
    let messages = shell::output_of(cargo.arg("--message-format=json"))?;
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    };
    messages
        .lines()
        .find_map(executable)
        .ok_or_else(|| Failure::new("cargo names no program of the sandbox's tests"))
}

/// The folder above the Python packages of the end-to-end suite.
fn site_packages_parent() -> Result<PathBuf, Failure> {
    let lib = e2e::virtual_environment()?.join("lib");
    let entries = fs::read_dir(&lib).map_err(|e| Failure::during(lib.display(), e))?;
    let mut versions = entries.flatten().map(|entry| entry.path());
    versions
        .find(|path| path.join("site-packages").is_dir())
        .ok_or_else(|| Failure::new(format!("no packages in {}", lib.display())))
}
