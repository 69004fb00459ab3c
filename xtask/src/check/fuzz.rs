//! The fuzz targets, for a moment each.

use super::{Outcome, tally::Tally};
use crate::failure::Failure;
use crate::fuzz::{self, Speed};

const SECONDS: u64 = 5;

/// Every target; where the tool is not installed the stage says so.
pub(super) fn run() -> Result<Outcome, Failure> {
    let mut outcome = Outcome { success: true, output: String::new(), tests: Tally::default(), note: None };
    if !fuzz::is_installed() {
        outcome.tests.skipped = 1;
        outcome.note = Some("skipped: cargo-fuzz is not installed (cargo install cargo-fuzz)".to_owned());
        return Ok(outcome);
    }
    for target in fuzz::targets()? {
        let finished = fuzz::run_target(&target, SECONDS, Speed::OfBuilding)?;
        if !finished.success {
            return Ok(Outcome { tests: outcome.tests, ..Outcome::of(finished) });
        }
        outcome.tests.passed += 1;
    }
    Ok(outcome)
}
