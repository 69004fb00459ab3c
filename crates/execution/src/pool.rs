//! The environments of one function version, and the requests that wait for one.
//!
//! A request is handed to the environment that became idle last, or waits while one is started for it. Environments offer
//! themselves when their runtime asks for more; whoever is first, an environment or a request, finds the other here. Requests that
//! nobody waits for stand behind all others, and rather wait a while than have an environment started.
//! A request is better off with an environment that is about to be ready again than with another that is idle: it waits for that for next to
//! no time ([`finishing`]).
//! The rules are [`lambda_model::environment::pool_policy`]; this file keeps the lists.

mod finishing;

use std::{
    collections::VecDeque,
    iter,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lambda_model::{
    LambdaError,
    environment::{
        IdleCost,
        pool_policy::{self, Placement, PoolCounts},
    },
    error::ThrottleReason,
    invocation::{Invocation, InvocationOutcome},
    limits,
    ports::RunnableVersion,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use finishing::Finishing;

/// See [`limits::FINISHING_GRACE_MS`].
const GRACE: Duration = Duration::from_millis(limits::FINISHING_GRACE_MS);
/// See [`limits::PATIENCE_MS`].
const PATIENCE: Duration = Duration::from_millis(limits::PATIENCE_MS);

/// An invocation and who waits for its end.
pub(crate) struct Request {
    /// What to run.
    pub invocation: Arc<Invocation>,
    /// Where the outcome goes; gone when the caller is.
    pub reply: oneshot::Sender<Result<InvocationOutcome, LambdaError>>,
}

/// An environment that waits in a pool.
pub(crate) struct IdleEnvironment {
    /// The environment's id.
    pub id: u64,
    /// Takes one request.
    pub requests: mpsc::Sender<Request>,
    /// Since when.
    pub since: Instant,
    /// What its last invocation was seen to use, megabytes.
    pub memory_mb: u64,
    /// What it took to start it, milliseconds.
    pub start_ms: u64,
}

/// What an environment that offered itself does next.
pub(crate) enum Offer {
    /// Serve this at once.
    Serve(Request),
    /// Wait; a request may come through the channel.
    Wait,
    /// The pool is closed: shut down.
    Closed,
}

/// Starts environments for a pool.
pub(crate) trait StartEnvironment: Send + Sync {
    /// Starts one in the background. It will [`Pool::offer`] itself or report [`Pool::start_failed`].
    fn start_environment(&self, pool: &Arc<Pool>);
}

/// See the module's doc.
pub(crate) struct Pool {
    /// What the environments run.
    pub version: Arc<RunnableVersion>,
    /// Whether its environments were started before anyone asked, and are kept.
    pub is_provisioned: bool,
    starter: Arc<dyn StartEnvironment>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    idle: Vec<IdleEnvironment>,
    /// With since when they wait.
    waiting: VecDeque<(Instant, Request)>,
    /// Whether someone looks after those that wait for a finishing environment.
    is_graced: bool,
    /// Those that have time, with since when they wait.
    patient: VecDeque<(Instant, Request)>,
    /// Whether someone looks after them.
    is_watched: bool,
    starting: usize,
    /// Environments that have offered themselves and not left.
    alive: usize,
    finishing: Finishing,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(version: Arc<RunnableVersion>, starter: Arc<dyn StartEnvironment>) -> Arc<Self> {
        Arc::new(Self { version, is_provisioned: false, starter, inner: Mutex::new(Inner::default()) })
    }

    /// A pool whose environments come by themselves.
    pub(crate) fn provisioned(
        version: Arc<RunnableVersion>,
        starter: Arc<dyn StartEnvironment>,
    ) -> Arc<Self> {
        Arc::new(Self { version, is_provisioned: true, starter, inner: Mutex::new(Inner::default()) })
    }

    /// Hands a request to an idle environment; gives it back where there is none.
    pub(crate) fn try_submit(&self, request: Request) -> Result<(), Request> {
        self.lock().hand_to_idle(request).map_or(Ok(()), Err)
    }

    /// Places a request. A closed pool gives it back.
    pub(crate) fn submit(self: &Arc<Self>, request: Request) -> Result<(), Request> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(request);
        }
        let is_patient = request.invocation.is_patient;
        match pool_policy::place(inner.counts(), is_patient) {
            Placement::MostRecentlyUsed => {
                if let Some(refused) = inner.hand_to_idle(request) {
                    self.enqueue(inner, refused, Placement::StartAnother);
                }
            }
            Placement::WaitForAny => self.wait_for_any(inner, request),
            placement => self.enqueue(inner, request, placement),
        }
        Ok(())
    }

    fn enqueue(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>, request: Request, placement: Placement) {
        if inner.waiting.len() >= limits::WAITING_REQUESTS_MAX {
            let refusal = LambdaError::TooManyRequests(ThrottleReason::ConcurrentInvocationLimitExceeded);
            let _ = request.reply.send(Err(refusal));
            return;
        }
        inner.waiting.push_back((Instant::now(), request));
        match placement {
            Placement::WaitForFinishing if !std::mem::replace(&mut inner.is_graced, true) => {
                tokio::spawn(watch_grace(Arc::clone(self)));
            }
            Placement::StartAnother => {
                inner.starting += 1;
                drop(inner);
                self.starter.start_environment(self);
            }
            _ => {}
        }
    }

    fn wait_for_any(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>, request: Request) {
        inner.patient.push_back((Instant::now(), request));
        if !std::mem::replace(&mut inner.is_watched, true) {
            tokio::spawn(watch(Arc::clone(self)));
        }
    }

    /// Starts environments for patient requests that have waited long enough. False when none waits any more.
    fn look_after_patient(self: &Arc<Self>) -> bool {
        let mut inner = self.lock();
        inner.patient.retain(|(_, request)| !request.reply.is_closed());
        let overdue = inner.patient.iter().take_while(|(since, _)| since.elapsed() >= PATIENCE).count();
        let starts = pool_policy::starts_for_patient(inner.counts(), overdue);
        inner.starting += starts;
        inner.is_watched = !inner.patient.is_empty();
        let goes_on = inner.is_watched;
        drop(inner);
        (0..starts).for_each(|_| self.starter.start_environment(self));
        goes_on
    }

    /// Requests that waited for a finishing environment as long as they may get an idle one, or one that is started. When to look again;
    /// `None` when none of them waits any more.
    fn look_after_grace(self: &Arc<Self>) -> Option<Instant> {
        let mut inner = self.lock();
        let mut starts = 0;
        // Those in front wait longest, and get what is being started already.
        while let Some(due) = inner.grace_ends() {
            if due > Instant::now() {
                drop(inner);
                (0..starts).for_each(|_| self.starter.start_environment(self));
                return Some(due);
            }
            match next_of(&mut inner.waiting).and_then(|request| inner.hand_to_idle(request)) {
                None => {}
                Some(request) => {
                    inner.waiting.push_front((due - GRACE, request));
                    inner.starting += 1;
                    starts += 1;
                }
            }
        }
        inner.is_graced = false;
        drop(inner);
        (0..starts).for_each(|_| self.starter.start_environment(self));
        None
    }

    /// An environment could not be started: one waiting request gets the error, unless there is another on its way for each.
    pub(crate) fn start_failed(&self, error: &LambdaError) {
        let mut inner = self.lock();
        inner.starting = inner.starting.saturating_sub(1);
        let is_missed = inner.waiting.len() + inner.patient.len() > inner.starting;
        let request = is_missed.then(|| inner.next_waiting()).flatten();
        drop(inner);
        if let Some(request) = request {
            let _ = request.reply.send(Err(error.clone()));
        }
    }

    /// A new environment is ready, or an old one is again.
    pub(crate) fn offer(&self, environment: IdleEnvironment, came_from: CameFrom) -> Offer {
        let mut inner = self.lock();
        match came_from {
            CameFrom::Start => {
                inner.starting = inner.starting.saturating_sub(1);
                inner.alive += 1;
            }
            CameFrom::Finishing => inner.finishing.end(environment.id),
            CameFrom::Invocation => {}
        }
        if let Some(request) = inner.next_waiting() {
            return Offer::Serve(request);
        }
        if inner.closed {
            return Offer::Closed;
        }
        inner.idle.push(environment);
        Offer::Wait
    }

    /// An environment has given its response and will soon ask for more.
    pub(crate) fn is_finishing(&self, id: u64) {
        self.lock().finishing.begin(id);
    }

    /// A finishing environment will not come back soon after all.
    pub(crate) fn is_not_finishing(&self, id: u64) {
        self.lock().finishing.forget(id);
    }

    /// An environment that had offered itself has ended, or is about to.
    pub(crate) fn has_left(&self) {
        let mut inner = self.lock();
        inner.alive = inner.alive.saturating_sub(1);
    }

    /// Takes an idle environment out. False when it was handed a request already.
    pub(crate) fn withdraw(&self, id: u64) -> bool {
        let mut inner = self.lock();
        let before = inner.idle.len();
        inner.idle.retain(|environment| environment.id != id);
        inner.idle.len() < before
    }

    /// What is known of the environment that is idle longest.
    pub(crate) fn longest_idle(&self) -> Option<IdleCost> {
        self.lock().idle.first().map(|environment| IdleCost {
            idle_ms: u64::try_from(environment.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            memory_mb: environment.memory_mb,
            start_ms: environment.start_ms,
        })
    }

    /// Retires the environment that is idle longest. False when none is idle.
    pub(crate) fn evict_longest_idle(&self) -> bool {
        let mut inner = self.lock();
        if inner.idle.is_empty() {
            return false;
        }
        // Its request channel closes with it: the environment shuts down.
        inner.idle.remove(0);
        true
    }

    /// Takes no more requests; idle environments end now, busy ones after what they do, requests that wait are still served.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.idle.clear();
    }

    /// Whether it takes no more requests.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after requests of a pool that wait for a finishing environment, until there are none.
async fn watch_grace(pool: Arc<Pool>) {
    let mut due = Instant::now() + GRACE;
    loop {
        tokio::time::sleep_until(due).await;
        match pool.look_after_grace() {
            Some(next) => due = next,
            None => return,
        }
    }
}

/// Looks after patient requests of a pool until there are none.
async fn watch(pool: Arc<Pool>) {
    while pool.look_after_patient() {
        tokio::time::sleep(PATIENCE / 4).await;
    }
}

/// Where an environment that offers itself comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CameFrom {
    /// It was just started.
    Start,
    /// It had announced itself with [`Pool::is_finishing`].
    Finishing,
    /// An invocation, unannounced.
    Invocation,
}

impl Inner {
    fn counts(&self) -> PoolCounts {
        PoolCounts {
            alive: self.alive,
            idle: self.idle.len(),
            starting: self.starting,
            finishing: self.finishing.count(),
            finishing_soon: if self.idle.is_empty() { 0 } else { self.finishing.count_soon() },
            waiting: self.waiting.len(),
        }
    }

    /// When the first request that waits for a finishing environment has waited long enough.
    fn grace_ends(&self) -> Option<Instant> {
        self.waiting.get(self.starting).map(|(since, _)| *since + GRACE)
    }

    /// Hands the request to the most recently used environment that is alive; gives it back if none is.
    fn hand_to_idle(&mut self, mut request: Request) -> Option<Request> {
        while let Some(environment) = self.idle.pop() {
            match environment.requests.try_send(request) {
                Ok(()) => return None,
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                    request = back;
                }
            }
        }
        Some(request)
    }

    /// The next request whose caller still waits.
    fn next_waiting(&mut self) -> Option<Request> {
        next_of(&mut self.waiting).or_else(|| next_of(&mut self.patient))
    }
}

fn next_of(requests: &mut VecDeque<(Instant, Request)>) -> Option<Request> {
    let mut next = iter::from_fn(|| Some(requests.pop_front()?.1));
    next.find(|request| !request.reply.is_closed())
}

#[cfg(test)]
mod tests;
