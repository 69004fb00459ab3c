//! What the limits themselves are held against: a floor that is slow makes everything beside it look fast.
//!
//! Our load program asks nginx what `wrk` asks it; the bare broker, whose every answer is two requests and a runtime's turn, is beside nginx,
//! whose answer is one request; and the bare start is beside a fork that runs a program which does nothing.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Effort;
use super::facts::Fact;
use super::http::About;
use super::load::{self, Kind, Target};
use super::nginx::Nginx;
use super::runtimes::Subject;
use super::starts::Bare;
use super::{Broker, WARM_UP};
use crate::failure::Failure;
use crate::shell;

/// Callers where a rate is compared.
const MANY: usize = 16;
/// A fork, a program and its end take a fraction of a millisecond.
const FORKS: usize = 200;
/// The most that our load takes of what wrk takes; two figures of whole microseconds are behind it.
const LOAD_MOST: f64 = 1.15;
/// nginx's rate by the broker's: twice the requests, and as much again for the runtime's turn.
const BROKER_MOST: f64 = 6.0;
/// The bare start by the fork: five namespaces, a root of its own, and what the runtime does until it asks.
const START_MOST: f64 = 4.0;

/// A figure for each; of nginx and wrk only where they are.
///
/// # Errors
/// When something does not start, or does not answer.
pub(super) fn facts(native: &Subject, folder: &Path, effort: &Effort) -> Result<Vec<Fact>, Failure> {
    let mut facts = vec![start_by_fork(native, folder, effort)?];
    if !Nginx::is_here() || Command::new("wrk").arg("-v").output().is_err() {
        println!(
            "skipped: the limits beside nginx and wrk, which are not here (Debian's packages are nginx-light and wrk)"
        );
        return Ok(facts);
    }
    let nginx = Nginx::start(&folder.join("nginx-alone"), "", "return 200 \"hello\";")?;
    let (ours, theirs) = (p50_by_us(&nginx, effort)?, p50_by_wrk(&nginx, effort)?);
    let what = format!("our load on nginx, {ours:.0} us, by wrk's, {theirs:.0}");
    facts.push(Fact::new("limit", what, (ours / theirs, ""), LOAD_MOST));
    let (nginx, broker) = (rate(&target(&nginx), effort)?, rate_of_broker(native, effort)?);
    let what = format!("nginx, {nginx:.0} a second for {MANY} callers, by the bare broker, {broker:.0}");
    facts.push(Fact::new("limit", what, (nginx / broker, ""), BROKER_MOST));
    Ok(facts)
}

fn start_by_fork(native: &Subject, folder: &Path, effort: &Effort) -> Result<Fact, Failure> {
    let bare = Bare::build(folder)?;
    let starts = (0..effort.cold_starts).map(|_| bare.start(native)).collect::<Result<Vec<_>, _>>()?;
    let forks = (0..FORKS).map(|_| fork(&native.program)).collect::<Result<Vec<_>, _>>()?;
    let (start, fork) = (median(starts), median(forks));
    let what = format!("the bare start, {start:.0} us, by a fork and a program that does nothing, {fork:.0}");
    Ok(Fact::new("limit", what, (start / fork, ""), START_MOST))
}

/// Microseconds until it has ended.
fn fork(program: &str) -> Result<u64, Failure> {
    let began = Instant::now();
    Command::new(program).status().map_err(|e| Failure::during(program, e))?;
    Ok(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX))
}

fn median(mut micros: Vec<u64>) -> f64 {
    micros.sort_unstable();
    micros.get(micros.len() / 2).copied().unwrap_or_default() as f64
}

fn rate_of_broker(native: &Subject, effort: &Effort) -> Result<f64, Failure> {
    let broker = Broker::start(native, MANY)?;
    let target = Target { address: &broker.address, path: "/invoke", body: b"1", kind: Kind::Answer };
    rate(&target, effort)
}

fn rate(target: &Target<'_>, effort: &Effort) -> Result<f64, Failure> {
    let run = |time| load::run(target, MANY, time).map_err(|e| Failure::during("a limit", e));
    run(WARM_UP.min(effort.warm))?;
    Ok(run(effort.warm)?.per_second())
}

fn target(nginx: &Nginx) -> Target<'_> {
    Target { address: &nginx.address, path: "/", body: b"", kind: Kind::Done(About::Web) }
}

fn p50_by_us(nginx: &Nginx, effort: &Effort) -> Result<f64, Failure> {
    let run = |time| load::run(&target(nginx), 1, time).map_err(|e| Failure::during("nginx", e));
    run(WARM_UP.min(effort.warm))?;
    Ok(run(effort.warm)?.percentile(50) as f64)
}

fn p50_by_wrk(nginx: &Nginx, effort: &Effort) -> Result<f64, Failure> {
    let seconds = effort.warm.max(Duration::from_secs(1)).as_secs();
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c1", "--latency", &format!("-d{seconds}s")]);
    let said = shell::output_of(wrk.arg(format!("http://{}/", nginx.address)))?;
    micros_of(&said).ok_or_else(|| Failure::during("wrk", said))
}

/// As wrk writes its median: a line of `50%` and a time such as `45.00us`.
fn micros_of(said: &str) -> Option<f64> {
    let time = said.lines().find_map(|line| line.trim().strip_prefix("50%"))?.trim();
    match (time.strip_suffix("us"), time.strip_suffix("ms")) {
        (Some(micros), _) => micros.parse().ok(),
        (None, Some(millis)) => Some(millis.parse::<f64>().ok()? * 1e3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_wrk_writes_them() {
        assert_eq!(micros_of("  Latency Distribution\n     50%   45.00us\n     75%  1.00ms\n"), Some(45.0));
        assert_eq!(micros_of("     50%    1.25ms\n"), Some(1250.0));
        assert_eq!(micros_of("unable to connect"), None);
    }
}
