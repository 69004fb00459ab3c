//! What there is much of: functions that are stored, environments that idle, environments that start at once, code.

mod burst;
mod control_plane;
mod idle;
mod packages;

use std::path::Path;

use super::Effort;
use super::facts::Fact;
use super::lambent::Lambent;
use super::report::Row;
use super::runtimes::{self, Subject};
use crate::failure::Failure;

/// Arguments of servers that hold as many environments as anybody wants, and run more of them at a time than an account has by itself.
const ROOMY: [&str; 4] = ["--environments-max", "10000", "--concurrency", "2000"];

/// Everything of this part.
///
/// # Errors
/// When something cannot be built or started, or a call fails.
pub(super) fn measure(
    server: &Lambent,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<(Vec<Row>, Vec<Fact>), Failure> {
    let (mut rows, mut facts) = (Vec::new(), Vec::new());
    let Some(native) = subjects.first() else { return Ok((rows, facts)) };
    facts.extend(control_plane::facts(native, folder, effort)?);
    for subject in subjects.iter().filter(|subject| subject.name != "node") {
        facts.extend(idle::facts(subject, subjects, folder, effort)?);
        facts.extend(burst::facts(subject, subjects, folder, effort)?);
    }
    if let Some(python) = runtimes::named(subjects, "python") {
        rows.extend(packages::rows(server, python, effort)?);
    }
    Ok((rows, facts))
}
