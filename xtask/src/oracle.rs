//! `cargo xtask oracle`: random requests to DynamoDB here and to dynoxide-rs, another implementation that is held against AWS, in a process of
//! its own; what they answer differently is in `docs/internals/dynamodb-oracle.md` (decision 14).
//!
//! `tests/oracle` sends and compares; the other program is the one of its published package, at the version that is pinned here.

use std::fs;
use std::process::Command;

use crate::arguments;
use crate::check::e2e;
use crate::failure::Failure;
use crate::shell;

/// The package, and its version.
const PACKAGE: &str = "@dynoxide/linux-x64@1.2.1";
const PAGE: &str = "docs/internals/dynamodb-oracle.md";
/// Runs, each from a seed of its own, and requests of each.
const SEEDS: u32 = 10;
const REQUESTS: &str = "1000";

/// Fetches the other program, builds the binary, and leaves the page (`--seeds N`).
///
/// # Errors
/// When something cannot be had or built, or the two differ in a way that `tests/oracle/verdicts.json` does not explain.
pub(crate) fn run(given: &[String]) -> Result<(), Failure> {
    let seeds = arguments::number(given, ("oracle", "--seeds"), SEEDS)?;
    let folder = shell::target_directory().join("oracle");
    let program = folder.join("package/dynoxide");
    if !program.exists() {
        fs::create_dir_all(&folder).map_err(|error| Failure::during(folder.display(), error))?;
        shell::succeed(
            "oracle-npm",
            Command::new("npm").current_dir(&folder).args(["pack", "--silent", PACKAGE]),
        )?;
        let unpack = "tar xzf *.tgz";
        shell::succeed("oracle-tar", Command::new("sh").current_dir(&folder).args(["-c", unpack]))?;
    }
    shell::succeed(
        "oracle-build",
        shell::cargo().args(["build", "--locked", "--quiet", "--bin", "lambent"]),
    )?;
    let mut python = Command::new(e2e::environment_of("e2e")?.join("bin/python"));
    python.env("LAMBENT_BIN", e2e::binary()).env("LAMBENT_TARGET_DIR", shell::target_directory());
    python.arg(shell::repository_root().join("tests/oracle/differential.py")).arg(&program);
    python.args(["--seeds", &seeds.to_string(), "--requests", REQUESTS, "--name", PACKAGE]);
    python.arg("--report").arg(shell::repository_root().join(PAGE));
    let finished = shell::run_logged("oracle", &mut python)?;
    print!("{}", finished.output);
    match finished.success {
        true => Ok(()),
        false => Err(Failure::new(format!("log in {}", finished.log.display()))),
    }
}
