//! A run: server after server over one disk, until nothing waits any more.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use invocation::{AccountLimits, AsyncInvoker, AsyncRequest, Invoker, asynchronous::AsyncParts};
use lambda_model::invocation::asynchronous::RetryPolicy;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    disk::{Disk, Mutant, SimulatedQueue, lock},
    environments::{Function, World, key},
    ledger::{Counts, Ledger},
};

/// Where time begins: Unix time, milliseconds.
const EPOCH_MS: i64 = 1_800_000_000_000;
/// After so long a server without faults must have ended every event: the oldest may wait six hours.
const LAST_SERVER: Duration = Duration::from_secs(24 * 3_600);
/// What a clock may be off when a server starts, milliseconds: mostly nothing; an hour, as by a wrong time zone; days.
const CLOCKS_OFF_MS: [i64; 8] = [0, 0, 0, 0, 3_600_000, -3_600_000, 3 * 86_400_000, -3 * 86_400_000];
/// Attempts that a server runs at a time.
const TOTAL: u32 = 20;

/// What happens in a run, all of it from its seed.
struct Plan {
    functions: BTreeMap<String, Function>,
    /// When events are sent, after the start of the run, and to which function.
    events: Vec<(Duration, String)>,
    /// When servers are killed.
    crashes: Vec<Duration>,
    /// How far the machine's clock is off when each server starts, milliseconds.
    clocks: Vec<i64>,
    /// When the disk is full.
    full: Vec<(Duration, Duration)>,
}

impl Plan {
    fn of(random: &mut fastrand::Rng) -> Self {
        let functions: BTreeMap<_, _> =
            (0..random.usize(1..4)).map(|number| (format!("f{number}"), function(random))).collect();
        let names: Vec<_> = functions.keys().cloned().collect();
        let span_ms = random.u64(1..600_000);
        let moment = |random: &mut fastrand::Rng| Duration::from_millis(random.u64(0..span_ms));
        let mut events: Vec<_> = (0..random.usize(1..60))
            .map(|_| (moment(random), names[random.usize(..names.len())].clone()))
            .collect();
        events.sort();
        let mut crashes: Vec<_> = (0..random.usize(0..5)).map(|_| moment(random)).collect();
        crashes.sort();
        let clocks =
            (0..=crashes.len()).map(|_| CLOCKS_OFF_MS[random.usize(..CLOCKS_OFF_MS.len())]).collect();
        let full = (0..random.usize(0..3))
            .map(|_| {
                let from = moment(random);
                (from, from + Duration::from_millis(random.u64(1..60_000)))
            })
            .collect();
        Self { functions, events, crashes, clocks, full }
    }
}

fn function(random: &mut fastrand::Rng) -> Function {
    let often = |random: &mut fastrand::Rng| if random.bool() { random.u8(..) / 2 } else { 0 };
    Function {
        fails: often(random),
        refuses: often(random),
        run_ms_max: [0, 100, 30_000][random.usize(..3)],
        policy: RetryPolicy {
            retries_max: random.u32(..3),
            age_ms_max: [60_000, 600_000, 21_600_000][random.usize(..3)],
            ..RetryPolicy::default()
        },
    }
}

/// The time of a run, whichever server's turn it is.
pub struct Timeline {
    /// When the server of the moment started, after the start of the run, milliseconds.
    server_started_ms: AtomicI64,
    /// What the clock of the moment is off, milliseconds.
    off_ms: AtomicI64,
    started: Mutex<Option<Instant>>,
    full: Vec<(Duration, Duration)>,
}

impl Timeline {
    /// Since the start of the run.
    fn passed(&self) -> Duration {
        let before = u64::try_from(self.server_started_ms.load(Ordering::Relaxed)).unwrap_or(0);
        Duration::from_millis(before)
            + lock(&self.started).map_or(Duration::ZERO, |started| started.elapsed())
    }

    /// By the clock of the server.
    pub(crate) fn unix_ms(&self) -> i64 {
        let passed_ms = i64::try_from(self.passed().as_millis()).unwrap_or(i64::MAX);
        EPOCH_MS + self.off_ms.load(Ordering::Relaxed) + passed_ms
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        let now = self.passed();
        self.full.iter().any(|(from, until)| (*from..*until).contains(&now))
    }

    /// A new server begins; its clock is its own, but never before what the last one wrote (see the server's `SteadyClock`).
    fn begin_server(&self, after: Duration, off_ms: i64, mutant: Option<Mutant>) {
        let ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        self.server_started_ms.store(ms, Ordering::Relaxed);
        *lock(&self.started) = Some(Instant::now());
        let last_off_ms = self.off_ms.load(Ordering::Relaxed);
        let off_ms = if mutant == Some(Mutant::ClockPutBack) { off_ms } else { off_ms.max(last_off_ms) };
        self.off_ms.store(off_ms, Ordering::Relaxed);
    }
}

/// What came of a seed.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What is wrong; empty is as it should be.
    pub wrong: Vec<String>,
    /// What the run came to.
    pub counts: Counts,
}

/// Runs a seed to its end and judges it.
pub fn run(seed: u64, mutant: Option<Mutant>) -> Outcome {
    let mut random = fastrand::Rng::with_seed(seed);
    // The product's own dice.
    fastrand::seed(seed);
    let plan = Plan::of(&mut random);
    let run = Run {
        ledger: Arc::default(),
        disk: Arc::default(),
        timeline: Arc::new(Timeline {
            server_started_ms: AtomicI64::new(0),
            off_ms: AtomicI64::new(0),
            started: Mutex::default(),
            full: plan.full.clone(),
        }),
        mutant,
    };
    let mut begin = Duration::ZERO;
    for (crash, off_ms) in plan.crashes.iter().zip(&plan.clocks) {
        run.serve(&plan, (begin, *off_ms), Some(*crash), &mut random);
        run.ledger.crashed();
        begin = *crash;
    }
    run.serve(&plan, (begin, plan.clocks.last().copied().unwrap_or(0)), None, &mut random);
    let mut wrong = run.ledger.judge(|request_id| {
        let function = request_id.split('-').next().unwrap_or_default();
        plan.functions.get(function).map_or(0, |function| function.policy.retries_max)
    });
    if !lock(&run.disk).is_empty() {
        wrong.push("something still waits".into());
    }
    Outcome { wrong, counts: run.ledger.counts() }
}

struct Run {
    ledger: Arc<Ledger>,
    disk: Arc<Mutex<Disk>>,
    timeline: Arc<Timeline>,
    mutant: Option<Mutant>,
}

impl Run {
    /// One server, from its start until it is killed, or until there is nothing left to do. Dropping its runtime is the kill.
    fn serve(
        &self,
        plan: &Plan,
        (begin, off_ms): (Duration, i64),
        crash: Option<Duration>,
        random: &mut fastrand::Rng,
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let Ok(runtime) = runtime else { return };
        let (queue_dice, world_dice) = (random.fork(), random.fork());
        runtime.block_on(async {
            self.timeline.begin_server(begin, off_ms, self.mutant);
            let started = Instant::now();
            let server = self.start(plan, queue_dice, world_dice).await;
            let mine = plan
                .events
                .iter()
                .enumerate()
                .filter(|(_, (at, _))| *at >= begin && crash.is_none_or(|crash| *at < crash));
            for (number, (at, function)) in mine {
                let (server, ledger) = (Arc::clone(&server), Arc::clone(&self.ledger));
                let (wait, request) = (started + (*at - begin), request(function, number));
                tokio::spawn(async move {
                    sleep_until(wait).await;
                    let request_id = request.request_id.clone();
                    if server.accept(request).await.is_ok() {
                        ledger.acknowledged(&request_id);
                    }
                });
            }
            match crash {
                Some(crash) => sleep(crash.saturating_sub(begin)).await,
                None => sleep(LAST_SERVER).await,
            }
        });
    }

    async fn start(
        &self,
        plan: &Plan,
        queue_dice: fastrand::Rng,
        world_dice: fastrand::Rng,
    ) -> Arc<AsyncInvoker> {
        let (disk, ledger, timeline) =
            (Arc::clone(&self.disk), Arc::clone(&self.ledger), Arc::clone(&self.timeline));
        let queue = SimulatedQueue::new(disk, ledger, timeline, queue_dice, self.mutant);
        let world = World::new(
            plan.functions.clone(),
            Arc::clone(&self.ledger),
            Arc::clone(&self.timeline),
            world_dice,
        );
        let limits = AccountLimits { concurrency_max: 1_000, requests_per_second: 1_000 };
        let invoker = AsyncInvoker::new(AsyncParts {
            queue: queue.clone(),
            catalog: world.clone(),
            invoker: Arc::new(Invoker::new(world.clone(), world.clone(), world.clone(), limits)),
            metrics: world,
            clock: Arc::clone(&self.timeline) as _,
            total: TOTAL,
        });
        queue.follow(&invoker);
        let _ = invoker.resume().await;
        invoker
    }
}

fn request(function: &str, number: usize) -> AsyncRequest {
    AsyncRequest {
        key: key(function),
        qualifier: None,
        request_id: format!("{function}-{number}"),
        payload: Bytes::from_static(b"{}"),
        trace_id: None,
    }
}
