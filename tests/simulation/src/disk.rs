//! A disk that outlives servers, and the queue of a server over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use invocation::AsyncInvoker;
use lambda_model::{
    LambdaError,
    function::FunctionKey,
    invocation::asynchronous::{AsyncEvent, EventId, Progress, Settlement},
    ports::{AsyncInvocationQueue, BoxFuture, Claimed, ClaimedEvent, Clock},
};
use tokio::time::sleep;

use crate::{ledger::Ledger, run::Timeline};

/// A rule that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The 202 leaves before the event is on disk.
    EarlyAcknowledgement,
    /// The end of an event is kept, what is to be told of it is not.
    LostRecord,
    /// The end of an event is told twice.
    DoubleSettlement,
    /// An event that is to wait is forgotten.
    LostRetry,
    /// What is claimed can be claimed again.
    ClaimedTwice,
    /// Who works on events is not told of a new one.
    NoWake,
    /// A server whose clock was put back takes it for right.
    ClockPutBack,
}

/// What is on disk.
#[derive(Default)]
pub struct Disk {
    events: BTreeMap<EventId, Stored>,
    last_id: i64,
}

struct Stored {
    event: AsyncEvent,
    progress: Progress,
    due_at_ms: i64,
}

impl Disk {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// The queue of one server.
pub struct SimulatedQueue {
    disk: Arc<Mutex<Disk>>,
    ledger: Arc<Ledger>,
    timeline: Arc<Timeline>,
    claims: Mutex<BTreeSet<EventId>>,
    invoker: Mutex<Weak<AsyncInvoker>>,
    random: Mutex<fastrand::Rng>,
    mutant: Option<Mutant>,
}

impl SimulatedQueue {
    /// Over what earlier servers left on the disk.
    pub fn new(
        disk: Arc<Mutex<Disk>>,
        ledger: Arc<Ledger>,
        timeline: Arc<Timeline>,
        random: fastrand::Rng,
        mutant: Option<Mutant>,
    ) -> Arc<Self> {
        Arc::new(Self {
            disk,
            ledger,
            timeline,
            claims: Mutex::default(),
            invoker: Mutex::default(),
            random: Mutex::new(random),
            mutant,
        })
    }

    /// Who is told of new events.
    pub fn follow(&self, invoker: &Arc<AsyncInvoker>) {
        *lock(&self.invoker) = Arc::downgrade(invoker);
    }

    /// The time that a write takes. Sometimes the disk is full; sometimes it says so and has written all the same.
    async fn write(&self) -> Written {
        let (micros, luck) = {
            let mut random = lock(&self.random);
            (random.u64(100..20_000), random.u8(..))
        };
        sleep(Duration::from_micros(micros)).await;
        match (self.timeline.is_disk_full(), luck) {
            (false, 0) => Written::ButDenied,
            (false, _) => Written::Yes,
            (true, _) => Written::No,
        }
    }

    fn tell(&self, key: &FunctionKey, resource: &str) {
        let invoker = lock(&self.invoker).upgrade();
        if let Some(invoker) = invoker.filter(|_| self.mutant != Some(Mutant::NoWake)) {
            invoker.accepted(key, resource);
        }
    }

    fn store(&self, event: AsyncEvent) {
        let (key, resource) = (event.key.clone(), event.resource().to_owned());
        self.ledger.stored(&event.request_id, self.timeline.unix_ms());
        {
            let mut disk = lock(&self.disk);
            disk.last_id += 1;
            let id = EventId(disk.last_id);
            let due_at_ms = event.accepted_at_ms;
            disk.events.insert(id, Stored { event, progress: Progress::default(), due_at_ms });
        }
        self.tell(&key, &resource);
    }

    fn apply(&self, id: EventId, settlement: &Settlement) {
        let mut disk = lock(&self.disk);
        match settlement {
            Settlement::Waits { .. } if self.mutant == Some(Mutant::LostRetry) => {
                drop(disk.events.remove(&id))
            }
            Settlement::Waits { due_at_ms, progress } => {
                if let Some(stored) = disk.events.get_mut(&id) {
                    (stored.due_at_ms, stored.progress) = (*due_at_ms, *progress);
                }
            }
            Settlement::Ended(deliveries) => {
                // A second time changes nothing.
                if disk.events.remove(&id).is_none() || self.mutant == Some(Mutant::LostRecord) {
                    return;
                }
                self.ledger.told(deliveries);
                if self.mutant == Some(Mutant::DoubleSettlement) {
                    self.ledger.told(deliveries);
                }
            }
        }
    }
}

impl SimulatedQueue {
    fn look(&self, key: &FunctionKey, now_ms: i64, max: usize) -> Claimed {
        let (disk, claims) = (lock(&self.disk), lock(&self.claims));
        let is_free = |id| !claims.contains(id) || self.mutant == Some(Mutant::ClaimedTwice);
        let of_function = disk.events.iter().filter(|(id, stored)| stored.event.key == *key && is_free(id));
        let mut free: Vec<_> = of_function.collect();
        free.sort_by_key(|(id, stored)| (stored.due_at_ms, **id));
        let mut claimed = Claimed::default();
        for (id, stored) in free {
            if stored.due_at_ms > now_ms || claimed.events.len() == max {
                claimed.next_due_ms = Some(stored.due_at_ms);
                break;
            }
            let (event, progress) = (stored.event.clone(), stored.progress);
            claimed.events.push(ClaimedEvent { id: *id, event, progress });
        }
        claimed
    }
}

enum Written {
    Yes,
    /// It is there, and who asked is told that it is not.
    ButDenied,
    No,
}

impl AsyncInvocationQueue for SimulatedQueue {
    fn accept(&self, event: AsyncEvent) -> BoxFuture<'_, Result<(), LambdaError>> {
        Box::pin(async move {
            if self.mutant == Some(Mutant::EarlyAcknowledgement) {
                self.ledger.acknowledged(&event.request_id);
            }
            match self.write().await {
                Written::Yes => {
                    self.store(event);
                    Ok(())
                }
                Written::ButDenied => {
                    self.store(event);
                    Err(refused())
                }
                Written::No => Err(refused()),
            }
        })
    }

    fn functions(&self) -> BoxFuture<'_, Result<Vec<FunctionKey>, LambdaError>> {
        let mut keys: Vec<_> =
            lock(&self.disk).events.values().map(|stored| stored.event.key.clone()).collect();
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        keys.dedup();
        Box::pin(async move { Ok(keys) })
    }

    fn claim<'a>(
        &'a self,
        key: &'a FunctionKey,
        now_ms: i64,
        max: usize,
    ) -> BoxFuture<'a, Result<Claimed, LambdaError>> {
        Box::pin(async move {
            let claimed = self.look(key, now_ms, max);
            // A read takes its time, and what comes meanwhile is not seen.
            let micros = lock(&self.random).u64(100..50_000);
            sleep(Duration::from_micros(micros)).await;
            lock(&self.claims).extend(claimed.events.iter().map(|claimed| claimed.id));
            Ok(claimed)
        })
    }

    fn settle(
        &self,
        _: &FunctionKey,
        id: EventId,
        settlement: Settlement,
    ) -> BoxFuture<'_, Result<(), LambdaError>> {
        Box::pin(async move {
            let written = self.write().await;
            if !matches!(written, Written::No) {
                self.apply(id, &settlement);
            }
            match written {
                Written::Yes => {
                    lock(&self.claims).remove(&id);
                    Ok(())
                }
                Written::ButDenied | Written::No => Err(refused()),
            }
        })
    }
}

impl Clock for Timeline {
    fn now_ms(&self) -> i64 {
        self.unix_ms()
    }
}

fn refused() -> LambdaError {
    LambdaError::Service("the disk is full".into())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
