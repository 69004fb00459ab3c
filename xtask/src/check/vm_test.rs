//! The sandbox's tests in a virtual machine, in their short form.

use super::{Outcome, tally};
use crate::failure::Failure;
use crate::vm_test;

/// Where the machine cannot be made the stage says so.
pub(super) fn run() -> Result<Outcome, Failure> {
    if let Some(missing) = vm_test::missing() {
        let tests = tally::Tally { skipped: 1, ..tally::Tally::default() };
        return Ok(Outcome {
            success: true,
            output: String::new(),
            tests,
            note: Some(format!("skipped: {missing}")),
        });
    }
    let finished = vm_test::run_form(&vm_test::SHORT)?;
    let tests = tally::of_suites(&finished.output);
    Ok(Outcome { tests, ..Outcome::of(finished) })
}
