//! `cargo xtask soak`: invocations as long as Lambda allows, fifteen minutes, a queue of a million events, and a hundred thousand invocations
//! with ten thousand starts of environments, with their results in `docs/internals/soak.md`.
//!
//! The end-to-end suite runs the same tests, `tests/e2e/test_soak.py`, `tests/e2e/test_deep_queue.py` and `tests/e2e/test_growth.py`, for
//! seconds.

use crate::check::e2e;
use crate::failure::Failure;
use crate::shell;

/// Lambda's longest timeout.
const SECONDS: &str = "900";
/// Events that wait.
const EVENTS: &str = "1000000";
/// One after another, and those that are starts besides.
const INVOCATIONS: &str = "100000";
const STARTS: &str = "10000";
const PAGE: &str = "docs/internals/soak.md";

/// Builds the binary, runs the test, and leaves the page as the test wrote it.
///
/// # Errors
/// When the binary cannot be built or the test fails; the output says how.
pub(crate) fn run(_arguments: &[String]) -> Result<(), Failure> {
    e2e::run_apart("soak", &["test_soak.py", "test_deep_queue.py", "test_growth.py"], |pytest| {
        pytest.env("LAMBENT_SOAK_SECONDS", SECONDS);
        pytest.env("LAMBENT_SOAK_EVENTS", EVENTS);
        pytest.env("LAMBENT_SOAK_INVOCATIONS", INVOCATIONS);
        pytest.env("LAMBENT_SOAK_STARTS", STARTS);
        pytest.env("LAMBENT_SOAK_REPORT", shell::repository_root().join(PAGE));
    })
}
