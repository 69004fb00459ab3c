//! `cargo xtask powerloss`: the power-loss test in its full form, with its result in `docs/internals/power-loss.md`.
//!
//! The end-to-end suite runs the same test at a few points; here there are hundreds (`--points N`). The test itself,
//! its recorder and its model of a disk are in `tests/e2e/powerloss`.

use crate::arguments;
use crate::check::e2e;
use crate::failure::Failure;
use crate::shell;

const POINTS_DEFAULT: usize = 400;
const PAGE: &str = "docs/internals/power-loss.md";

/// Builds the binary, runs the test, and leaves the page as the test wrote it.
///
/// # Errors
/// When the binary cannot be built or a power loss is not survived; the output says which.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let points = arguments::number(arguments, ("powerloss", "--points"), POINTS_DEFAULT)?;
    e2e::run_apart("powerloss", &["test_power_loss.py", "test_power_loss_model.py"], |pytest| {
        pytest.env("LAMBENT_POWER_LOSS_POINTS", points.to_string());
        pytest.env("LAMBENT_POWER_LOSS_REPORT", shell::repository_root().join(PAGE));
    })
}
