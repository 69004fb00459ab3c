//! `cargo xtask crash`: the server is killed at every labelled point twenty-five times, with the result in `docs/internals/crashes.md`.
//!
//! The end-to-end suite does so once at a third of them (here: `--times N`). The points are in the product's sources, the stage and the auditor in
//! `tests/e2e/crash`. They are in debug builds only.

use crate::arguments;
use crate::check::e2e;
use crate::failure::Failure;
use crate::shell;

const TIMES_DEFAULT: usize = 25;
const PAGE: &str = "docs/internals/crashes.md";

/// Builds the binary, runs the tests, and leaves the page as they wrote it.
///
/// # Errors
/// When the binary cannot be built, or something that was acknowledged is lost; the output says what.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let times = arguments::number(arguments, ("crash", "--times"), TIMES_DEFAULT)?;
    e2e::run_apart("crash", &["test_crash.py"], |pytest| {
        pytest.env("LAMBENT_CRASH_TIMES", times.to_string());
        pytest.env("LAMBENT_CRASH_REPORT", shell::repository_root().join(PAGE));
    })
}
