//! moto's own published tests against the real binary, as a ratchet: what passed once must pass for ever.
//!
//! The tests come from moto's source package on PyPI at the version of `tests/moto/requirements.txt`;
//! `tests/moto/passing.txt` lists those that pass. `cargo xtask moto --update` adds to it.

use std::process::Command;

use super::{Outcome, Tally, e2e};
use crate::failure::Failure;
use crate::shell;

/// Runs all of them on the debug binary and compares.
pub(super) fn run() -> Result<Outcome, Failure> {
    let finished = shell::run_logged("moto", &mut ratchet(&[])?)?;
    let tests = tally_of(&finished.output);
    Ok(Outcome { tests, ..Outcome::of(finished) })
}

/// `cargo xtask moto [--update] [SERVICE...]`.
///
/// # Errors
/// When a test that passed once does not any more; the output says which.
pub(crate) fn command(arguments: &[String]) -> Result<(), Failure> {
    shell::succeed("moto-build", shell::cargo().args(["build", "--locked", "--quiet", "--bin", "lambent"]))?;
    let finished = shell::run_logged("moto", &mut ratchet(arguments)?)?;
    print!("{}", finished.output);
    match finished.success {
        true => Ok(()),
        false => Err(Failure::new(format!("log in {}", finished.log.display()))),
    }
}

/// The ratchet with these arguments: services, `--update`.
///
/// # Errors
/// When the packages cannot be installed.
fn ratchet(arguments: &[String]) -> Result<Command, Failure> {
    let venv = e2e::environment_of("moto")?;
    let mut ratchet = Command::new(venv.join("bin/python"));
    ratchet.current_dir(shell::repository_root());
    ratchet.env("LAMBENT_BIN", e2e::binary()).env("LAMBENT_TARGET_DIR", shell::target_directory());
    ratchet.arg("tests/moto/ratchet.py").args(arguments);
    Ok(ratchet)
}

/// `lambda   70 passed, 3 failed, 9 not for servers`: what fails was never promised, and what was is in lines of `LOST`.
fn tally_of(output: &str) -> Tally {
    let passed = output
        .lines()
        .filter(|line| line.ends_with("not for servers"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    let failed = output.lines().filter(|line| line.starts_with("LOST ")).count();
    Tally { passed: passed.sum(), failed, skipped: 0 }
}

#[cfg(test)]
mod tests {
    use super::tally_of;

    #[test]
    fn only_what_was_lost_has_failed() {
        let output = "lambda   70 passed, 3 failed, 9 not for servers\nLOST tests/x.py::y: why\n";
        let tally = tally_of(output);
        assert_eq!((tally.passed, tally.failed), (70, 1));
    }
}
