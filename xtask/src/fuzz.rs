//! `cargo xtask fuzz`: every target of `fuzz/` for some seconds, beginning with its seeds. `cargo xtask check` does it for five.
//!
//! It needs cargo-fuzz (`cargo install cargo-fuzz`), and no other toolchain than the project's: without a sanitizer, which safe code
//! has little use for, the instrumentation is stable. What it finds becomes a test; what it tried stays in `target/fuzz-corpus`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::arguments;
use crate::failure::Failure;
use crate::shell::{self, Finished};

const SECONDS_DEFAULT: u64 = 60;
/// Longer for one input is a finding.
const INPUT_SECONDS_MAX: u64 = 10;

/// Runs every target and prints how often.
///
/// # Errors
/// When cargo-fuzz is not there, a target cannot be built, or one finds something.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let seconds = arguments::number(arguments, ("fuzz", "--seconds"), SECONDS_DEFAULT)?;
    if !is_installed() {
        return Err(Failure::new("cargo-fuzz is not installed: cargo install cargo-fuzz"));
    }
    for target in targets()? {
        let finished = run_target(&target, seconds, Speed::OfRuns)?;
        if !finished.success {
            print!("{}", finished.output);
            return Err(Failure::new(format!("{target} found something; log in {}", finished.log.display())));
        }
        println!("{target:<16} {}", runs(&finished.output));
    }
    Ok(())
}

/// Whether the tool is there.
pub(crate) fn is_installed() -> bool {
    Command::new("cargo").args(["fuzz", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Names of the targets.
pub(crate) fn targets() -> Result<Vec<String>, Failure> {
    let folder = shell::repository_root().join("fuzz/targets");
    let entries = fs::read_dir(&folder).map_err(|e| Failure::during(folder.display(), e))?;
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| stem(&entry.path())).collect();
    names.sort();
    Ok(names)
}

/// What is to be fast.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// Building, for a short run.
    OfBuilding,
    /// What is built, for a long run.
    OfRuns,
}

/// One target, from its seeds and from what earlier runs found interesting.
pub(crate) fn run_target(name: &str, seconds: u64, speed: Speed) -> Result<Finished, Failure> {
    let (root, target) = (shell::repository_root(), shell::target_directory());
    let (corpus, artifacts) = (target.join("fuzz-corpus").join(name), target.join("fuzz-artifacts"));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).map_err(|e| Failure::during(folder.display(), e))?;
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&root);
    cargo.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir", "fuzz"]);
    if speed == Speed::OfBuilding {
        cargo.arg("--dev");
    }
    cargo
        .arg("--target-dir")
        .arg(target.join("fuzz"))
        .arg(name)
        .arg(corpus)
        .arg(root.join("fuzz/seeds").join(name))
        .arg("--");
    cargo.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    cargo
        .arg(format!("-artifact_prefix={}/{name}-", artifacts.display()))
        .args(["-verbosity=0", "-print_final_stats=1"]);
    shell::run_logged(&format!("fuzz-{name}"), &mut cargo)
}

/// What libFuzzer counted.
fn runs(output: &str) -> String {
    let mut lines = output.lines().filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    lines.next().map_or_else(|| "ran".to_owned(), |units| format!("{} inputs", units.trim()))
}
