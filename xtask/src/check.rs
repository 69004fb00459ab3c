//! `cargo xtask check`: the one door. What CI runs is this and nothing else.
//!
//! The stages run in order, those of a group at once, and the first that fails ends the run: its output is shown whole, and kept in
//! `target/check/<stage>.log`. A stage that succeeds says one line. The last line counts the tests.
//! `cargo xtask check STAGE...` runs only the named stages.

pub(crate) mod e2e;
mod fuzz;
pub(crate) mod moto;
mod skips;
pub(crate) mod tally;
mod vm_test;

use std::env;
use std::io::{self, Write};
use std::iter;
use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::failure::Failure;
use crate::shell::{self, Finished};
use tally::Tally;

/// One stage: what it is called, and what it does.
struct Stage {
    name: &'static str,
    run: fn() -> Result<Outcome, Failure>,
}

/// How a stage ended.
struct Outcome {
    success: bool,
    /// Shown when the stage failed.
    output: String,
    tests: Tally,
    /// Why something was left out, for stages that are not test suites.
    note: Option<String>,
}

impl Outcome {
    fn of(finished: Finished) -> Self {
        Self { success: finished.success, output: finished.output, tests: Tally::default(), note: None }
    }
}

/// In groups: what builds without the others' lock and what waits for an emulated processor share the machine.
const STAGES: &[&[Stage]] = &[
    &[Stage { name: "format", run: format }],
    &[Stage { name: "clippy", run: clippy }],
    &[Stage { name: "tidy", run: tidy }],
    &[Stage { name: "codegen", run: codegen }],
    &[Stage { name: "coverage", run: coverage }],
    &[Stage { name: "build", run: build }],
    &[Stage { name: "rust", run: rust_tests }],
    &[Stage { name: "bench", run: bench }],
    &[Stage { name: "e2e", run: e2e::run }],
    &[Stage { name: "moto", run: moto::run }],
    &[Stage { name: "fuzz", run: fuzz::run }, Stage { name: "vm-test", run: vm_test::run }],
];

/// Runs all stages, or those that are named.
///
/// # Errors
/// When a stage fails, when a stage name does not exist, or when more tests were skipped than
/// `tests/skips-allowed.txt` allows.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let names: Vec<&str> = STAGES.iter().copied().flatten().map(|stage| stage.name).collect();
    if let Some(unknown) = arguments.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Failure::new(format!("there is no stage `{unknown}`; stages are {}", names.join(", "))));
    }
    let wanted = |stage: &&Stage| arguments.is_empty() || arguments.iter().any(|name| name == stage.name);
    let mut total = Tally::default();
    let mut skipped: Vec<(&'static str, usize)> = Vec::new();
    let mut failed = None;
    for group in STAGES {
        let group: Vec<&Stage> = group.iter().filter(wanted).collect();
        for (stage, outcome) in group.iter().zip(run_group(&group)?) {
            total = total + outcome.tests;
            skipped.push((stage.name, outcome.tests.skipped));
            if !outcome.success {
                failed = failed.or(Some(stage.name));
            }
        }
        if failed.is_some() {
            break;
        }
    }
    let too_many = skips::too_many(&skipped, &allowed_skips()?);
    println!("\n{total}");
    match (failed, too_many) {
        (Some(stage), _) => Err(Failure::new(format!("stage `{stage}` failed"))),
        (None, Some(message)) => Err(Failure::new(message)),
        (None, None) => Ok(()),
    }
}

/// Runs stages at once, and says of each how it ended once it has.
fn run_group(group: &[&Stage]) -> Result<Vec<Outcome>, Failure> {
    thread::scope(|scope| {
        let running: Vec<_> = group.iter().map(|stage| scope.spawn(|| run_stage(stage))).collect();
        let ended = running
            .into_iter()
            .map(|stage| stage.join().unwrap_or_else(|_| Err(Failure::new("a stage panicked"))));
        ended.collect()
    })
}

fn run_stage(stage: &Stage) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let outcome = match (stage.run)() {
        Ok(outcome) => outcome,
        Err(failure) => {
            Outcome { success: false, output: failure.to_string(), tests: Tally::default(), note: None }
        }
    };
    let word = if outcome.success { "ok" } else { "FAILED" };
    let tests = if outcome.tests.is_empty() { String::new() } else { format!("  {}", outcome.tests) };
    let mut said = format!("{:<8} {word:<6} {:>7.1} s{tests}\n", stage.name, started.elapsed().as_secs_f64());
    if let Some(note) = &outcome.note {
        said += &format!("         {note}\n");
    }
    if !outcome.success {
        said += &format!("\n{}\n", outcome.output.trim_end());
    }
    io::stdout().write_all(said.as_bytes()).map_err(|e| Failure::during("standard output", e))?;
    Ok(outcome)
}

fn allowed_skips() -> Result<String, Failure> {
    let path = shell::repository_root().join("tests/skips-allowed.txt");
    std::fs::read_to_string(&path).map_err(|e| Failure::during(path.display(), e))
}

fn format() -> Result<Outcome, Failure> {
    // What a build script compiles is no target of cargo's.
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--check", "crates/sandbox/programs/waiting/main.rs"]);
    let programs = shell::run_logged("format-programs", rustfmt.current_dir(shell::repository_root()))?;
    if !programs.success {
        return Ok(Outcome::of(programs));
    }
    shell::run_logged("format", shell::cargo().args(["fmt", "--all", "--check"])).map(Outcome::of)
}

fn clippy() -> Result<Outcome, Failure> {
    let mut cargo = shell::cargo();
    cargo.args(["clippy", "--locked", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    shell::run_logged("clippy", &mut cargo).map(Outcome::of)
}

fn tidy() -> Result<Outcome, Failure> {
    shell::run_logged("tidy", &mut own_command("tidy", &[])?).map(Outcome::of)
}

/// The generated API must be what the pinned model gives; where the model cannot be fetched the stage says so.
///
/// The model comes from PyPI by the pip of the end-to-end suite, since a fresh machine may have none of its own.
fn codegen() -> Result<Outcome, Failure> {
    let tools = e2e::virtual_environment()?.join("bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = env::join_paths(iter::once(tools).chain(env::split_paths(&path)));
    let mut command = own_command("codegen", &["--check"])?;
    command.env("PATH", paths.map_err(|e| Failure::during("PATH", e))?);
    let mut outcome = shell::run_logged("codegen", &mut command).map(Outcome::of)?;
    if !outcome.success && outcome.output.contains("pip download") {
        outcome.success = true;
        outcome.tests.skipped = 1;
        outcome.note = Some("skipped: the pinned API model could not be fetched from PyPI".to_owned());
    }
    Ok(outcome)
}

/// The page that counts what of the API is there must be what the code and the table of tests give.
fn coverage() -> Result<Outcome, Failure> {
    shell::run_logged("coverage", &mut own_command("coverage", &["--check"])?).map(Outcome::of)
}

/// One of our own commands, as a process of its own so that its output goes to the log.
fn own_command(name: &str, arguments: &[&str]) -> Result<Command, Failure> {
    let this = env::current_exe().map_err(|e| Failure::during("cannot find xtask itself", e))?;
    let mut command = Command::new(this);
    command.current_dir(shell::repository_root()).arg(name).args(arguments);
    Ok(command)
}

fn build() -> Result<Outcome, Failure> {
    let mut cargo = shell::cargo();
    cargo.args(["build", "--locked", "--quiet", "--bin", "lambent", "--bin", "bare-broker"]);
    shell::run_logged("build", &mut cargo).map(Outcome::of)
}

/// A minute of benchmarks, alone on the machine: ratios of the debug build against their bounds.
fn bench() -> Result<Outcome, Failure> {
    let mut outcome = shell::run_logged("bench", &mut own_command("bench", &["--gate"])?).map(Outcome::of)?;
    if !outcome.success {
        // A machine that did something else at that moment does not do it twice.
        outcome = shell::run_logged("bench", &mut own_command("bench", &["--gate"])?).map(Outcome::of)?;
    }
    outcome.note = outcome.output.lines().find(|line| line.starts_with("skipped: ")).map(str::to_owned);
    Ok(outcome)
}

/// Unit and integration tests, by nextest where it is installed. A test that cannot run here prints a line
/// `skipped: <why>`; such tests are counted as skipped, not as passed.
fn rust_tests() -> Result<Outcome, Failure> {
    let mut cargo = shell::cargo();
    cargo.env("CARGO_TERM_COLOR", "never");
    let nextest = shell::output_of(shell::cargo().args(["nextest", "--version"])).is_ok();
    if nextest {
        cargo.args(["nextest", "run", "--locked", "--workspace", "--no-fail-fast", "--color", "never"]);
        cargo.args(["--success-output", "immediate", "--show-progress", "none"]);
    } else {
        cargo.args(["test", "--locked", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    }
    let finished = shell::run_logged("rust", &mut cargo)?;
    let tests = tally::of_rust(&finished.output);
    Ok(Outcome { tests, ..Outcome::of(finished) })
}
