//! G14: from nothing to many environments of one function at once, each of which sleeps for as long as that takes.

use std::path::Path;
use std::time::Duration;

use super::super::Effort;
use super::super::facts::Fact;
use super::super::lambent::Lambent;
use super::super::load::{self, Kind, Target};
use super::super::package;
use super::super::runtimes::Subject;
use crate::failure::Failure;

/// At once; of the short form a tenth.
const CALLERS: usize = 1_000;
/// So long does each sleep: all begin within it.
const SLEEP_SECONDS: u64 = 20;
const PYTHON_SLEEP: &[u8] =
    b"import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n";

pub(super) fn facts(
    subject: &Subject,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Fact>, Failure> {
    let callers = if effort.is_for_the_page { CALLERS } else { CALLERS / 10 };
    let sleeper = Subject {
        handler: if subject.name == "native" { "sleep" } else { subject.handler },
        package: match subject.name {
            "native" => subject.package.clone(),
            _ => package::zip(&[("app.py", PYTHON_SLEEP)]),
        },
        ..subject.clone()
    };
    let server = Lambent::start(folder, subjects, &super::ROOMY)?;
    let path = server.deploy(&sleeper, "burst")?;
    let body = SLEEP_SECONDS.to_string();
    let target = Target { address: &server.address, path: &path, body: body.as_bytes(), kind: Kind::Answer };
    // Each calls once.
    let slept = load::run(&target, callers, Duration::ZERO).map_err(|e| Failure::during("a burst", e))?;
    server.stop();
    // The last one began so long before it ended.
    let last = slept.percentile(100) as f64 / 1e6 - SLEEP_SECONDS as f64;
    let most = if subject.name == "native" { 3.0 } else { 5.0 };
    let what = format!("{}: from one to {callers} that sleep, until all of them do", subject.name);
    Ok(vec![Fact::new("G14", what, (last, "s"), most)])
}
