//! `cargo xtask attack`: the scoreboard of attacks in its full form, with its result in `docs/internals/attacks.md`.
//!
//! Each attack is run a hundred times (`--runs N`), then a neighbour's latency is measured under each bomb, on the release build: half
//! of what is measured is the server. `--only EXPRESSION` runs the tests that pytest's `-k` chooses (`39`, `slow_its_neighbour`), and
//! leaves the lines of the others as they are. The end-to-end suite runs the same tests a few times.

use std::path::PathBuf;

use crate::arguments;
use crate::check::e2e;
use crate::failure::Failure;
use crate::shell;

const RUNS_DEFAULT: usize = 100;
/// What the 99th percentile is taken from.
const INVOCATIONS: &str = "2000";
/// For all runs of one attack.
const TEST_SECONDS_MAX: u32 = 3_600;
const PAGE: &str = "docs/internals/attacks.md";

/// Builds the binary, runs the tests, and leaves the page as they wrote it.
///
/// # Errors
/// When the binary cannot be built or an attack succeeds; the output says which.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let (runs, only) = match arguments {
        [option, expression] if option == "--only" => (RUNS_DEFAULT, expression.as_str()),
        _ => (arguments::number(arguments, ("attack", "--runs"), RUNS_DEFAULT)?, ""),
    };
    shell::succeed(
        "attack-release",
        shell::cargo().args(["build", "--release", "--locked", "--bin", "lambent"]),
    )?;
    e2e::run_apart("attack", &["test_scoreboard.py", "test_noisy_neighbours.py"], |pytest| {
        pytest
            .args(["-k", only])
            .arg(format!("--timeout={TEST_SECONDS_MAX}"))
            .env("LAMBENT_BIN", release_binary());
        pytest.env("LAMBENT_ATTACK_RUNS", runs.to_string());
        pytest.env("LAMBENT_NEIGHBOUR_INVOCATIONS", INVOCATIONS);
        pytest.env("LAMBENT_ATTACK_REPORT", shell::repository_root().join(PAGE));
    })
}

fn release_binary() -> PathBuf {
    shell::target_directory().join("release/lambent")
}
