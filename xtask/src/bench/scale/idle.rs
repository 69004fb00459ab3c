//! G11 and G12: what an idle environment takes, how many of them a machine of 24 GB holds, and how soon one of them answers beside many.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::super::Effort;
use super::super::facts::Fact;
use super::super::lambent::Lambent;
use super::super::load::{self, Kind, Target};
use super::super::runtimes::Subject;
use crate::failure::Failure;

/// Environments that are counted; of the short form a twentieth.
const ENVIRONMENTS: usize = 2_000;
/// Those before them: afterwards as many sandboxes are kept ready as ever are.
const WARM: usize = 40;
/// Of these the latency is compared with that of all.
const FEW: usize = 10;
/// Invocations for it, and the pauses between them: one that is frozen is another thing than one that is not.
const SAMPLES: usize = 50;
const BETWEEN: Duration = Duration::from_millis(40);
const REST: Duration = Duration::from_millis(1_500);
/// Until what starts has come to rest.
const SETTLE: Duration = Duration::from_secs(4);
/// The machine of G12.
const MACHINE_KB: f64 = 24.0 * 1024.0 * 1024.0;
/// Of a runtime in Python, interpreter and bootstrap together: a third of what AWS's own client takes.
const PYTHON_KB_MAX: f64 = 2_048.0;

/// Kilobytes, and descriptors, of everything that the server has started.
struct Taken {
    available_kb: f64,
    server_kb: f64,
    descriptors: f64,
    /// Those of them that are files: the logs of functions.
    files: f64,
    /// Private memory by the name of the process: the sum and how many.
    processes: BTreeMap<String, (f64, f64)>,
}

pub(super) fn facts(
    subject: &Subject,
    subjects: &[Subject],
    folder: &Path,
    effort: &Effort,
) -> Result<Vec<Fact>, Failure> {
    let count = if effort.is_for_the_page { ENVIRONMENTS } else { ENVIRONMENTS / 20 };
    let server = Lambent::start(folder, subjects, &super::ROOMY)?;
    let paths: Vec<String> = (0..WARM + count)
        .map(|number| server.deploy(subject, &format!("idle-{number}")))
        .collect::<Result<_, _>>()?;
    invoke(&server, &paths[..WARM])?;
    thread::sleep(SETTLE);
    let with_few = latency(&server, &paths[..FEW])?;
    let before = Taken::by(&server)?;
    invoke(&server, &paths[WARM..])?;
    thread::sleep(SETTLE);
    let after = Taken::by(&server)?;
    let with_many = latency(&server, &paths[WARM..])?;
    server.stop();
    let each = |what: &dyn Fn(&Taken) -> f64| (what(&after) - what(&before)) / count as f64;
    let total_kb = (before.available_kb - after.available_kb) / count as f64;
    let descriptors = each(&|taken| taken.descriptors);
    let name = subject.name;
    let mut facts = vec![match name {
        "native" => {
            let user_kb = each(&|taken| taken.server_kb) + after.mean_of("exe");
            Fact::new("G11", "native: init and the server, of an idle environment", (user_kb, "kB"), 150.0)
        }
        _ => {
            let own_kb = after.mean_of(name);
            Fact::new("G11", format!("{name}: memory of its own"), (own_kb, "kB"), PYTHON_KB_MAX)
        }
    }];
    facts.push(Fact::new(
        "G11",
        format!("{name}: descriptors of the server's, of an idle environment"),
        (each(&|taken| taken.descriptors - taken.files), ""),
        3.0,
    ));
    let wanted = if name == "native" { 10_000.0 } else { 5_000.0 };
    let descriptors_max = descriptors_max();
    facts.push(Fact::new(
        "G12",
        format!("{name}: memory for {wanted:.0}, {total_kb:.0} kB each, of 24 GB"),
        (total_kb * wanted / MACHINE_KB, ""),
        1.0,
    ));
    // The goal is the one or the other, 5,000 in Python or 10,000 native; both are shown.
    facts.push(Fact::new(
        "G12",
        format!(
            "{name}: descriptors for {wanted:.0}, each of a function of its own, of the {descriptors_max:.0} that this machine allows"
        ),
        (descriptors * wanted / descriptors_max, ""),
        1.0,
    ));
    facts.push(Fact::new(
        "G12",
        format!(
            "{name}: an invocation of one of {count} idle environments, {with_many:.0} us, by one of {FEW}"
        ),
        (with_many / with_few, ""),
        1.25,
    ));
    Ok(facts)
}

/// Microseconds, p50, of an invocation of an environment that has come to rest: of some of them, in several rounds if they are few.
fn latency(server: &Lambent, paths: &[String]) -> Result<f64, Failure> {
    let mut connection = server.connect()?;
    let mut micros = Vec::new();
    let step = (paths.len() / SAMPLES).max(1);
    while micros.len() < SAMPLES {
        for path in paths.iter().step_by(step) {
            let target = Target { address: &server.address, path, body: b"1", kind: Kind::Answer };
            micros.push(load::one(&mut connection, &target).map_err(|e| Failure::during(path, e))?);
            thread::sleep(BETWEEN);
        }
        thread::sleep(REST);
    }
    micros.sort_unstable();
    Ok(micros.get(micros.len() / 2).copied().unwrap_or_default() as f64)
}

fn invoke(server: &Lambent, paths: &[String]) -> Result<(), Failure> {
    let mut connection = server.connect()?;
    for path in paths {
        let target = Target { address: &server.address, path, body: b"1", kind: Kind::Answer };
        load::one(&mut connection, &target).map_err(|e| Failure::during(path, e))?;
    }
    Ok(())
}

impl Taken {
    fn by(server: &Lambent) -> Result<Self, Failure> {
        let folder = format!("/proc/{}/fd", server.pid());
        let links = fs::read_dir(&folder).map_err(|e| Failure::during(&folder, e))?.flatten();
        let links: Vec<_> = links.filter_map(|link| fs::read_link(link.path()).ok()).collect();
        let files = links.iter().filter(|link| link.is_absolute()).count() as f64;
        let mut processes = BTreeMap::new();
        for pid in below(server.pid()) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            // An interpreter's name ends with its version.
            let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
            let (sum, count) = processes.entry(name).or_insert((0.0, 0.0));
            (*sum, *count) = (*sum + private_kb(pid), *count + 1.0);
        }
        Ok(Self {
            available_kb: number_in("/proc/meminfo", "MemAvailable:"),
            server_kb: number_in(&format!("/proc/{}/status", server.pid()), "RssAnon:"),
            descriptors: links.len() as f64,
            files,
            processes,
        })
    }

    fn mean_of(&self, name: &str) -> f64 {
        self.processes.get(name).map_or(0.0, |(sum, count)| sum / count)
    }
}

/// Every process that a process has started, and what these have.
fn below(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.flat_map(|task| {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    });
    children.flat_map(|child| [vec![child], below(child)].concat()).collect()
}

fn private_kb(pid: u32) -> f64 {
    let path = format!("/proc/{pid}/smaps_rollup");
    number_in(&path, "Private_Dirty:") + number_in(&path, "Private_Clean:")
}

/// The number after a word that begins a line; zero where there is none.
fn number_in(path: &str, word: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

/// What one process may have, raised as far as it may be.
fn descriptors_max() -> f64 {
    let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    line.split_whitespace().nth(4).and_then(|number| number.parse().ok()).unwrap_or(1024.0)
}
