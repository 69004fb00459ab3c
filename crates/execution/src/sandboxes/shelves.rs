//! Sandboxes that are built before anybody asks for them.
//!
//! A shelf for each kind that was asked for lately holds as many as [`Demand`] says and one more; a task keeps them so, one at a time. As
//! long as one is there it waits until nobody takes any: whoever did is starting, and a machine has few processors. Where there is no room
//! for all, what was asked for longest ago gives way.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use lambda_model::error::with_causes;
use tokio::{sync::Notify, time::Instant};

use super::{
    Kind, SandboxOfEnvironment, build,
    shelf::{Found, Shelf},
};
use crate::context::Context;

/// Nothing was taken for so long: whoever took the last one has started.
const QUIET: Duration = Duration::from_millis(20);
/// Whoever has waited so long for one that comes back builds one.
const COMING_TIMEOUT: Duration = Duration::from_millis(100);
/// Between two looks at what nobody wants any more.
const LOOK: Duration = Duration::from_secs(30);
/// After a sandbox that could not be built.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// See the module's doc.
pub(crate) struct Shelves {
    most: usize,
    begun: Instant,
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    shelves: BTreeMap<Kind, Shelf<SandboxOfEnvironment>>,
    closed: bool,
}

impl Inner {
    /// One of the kind that was asked for longest ago, for a kind that has none and was asked for later.
    fn give_way_to(&mut self, kind: &Kind) -> Option<SandboxOfEnvironment> {
        let asked = self.shelves.get(kind)?.demand.last();
        let others = self.shelves.values_mut().filter(|shelf| !shelf.ready.is_empty());
        others
            .min_by_key(|shelf| shelf.demand.last())
            .filter(|shelf| shelf.demand.last() < asked)?
            .ready
            .pop()
    }
}

/// What the keeper does next.
enum Step {
    Build(Kind),
    /// The same, when it is quiet.
    BuildLater(Kind),
    Discard(Vec<SandboxOfEnvironment>),
    Nothing,
    End,
}

impl Shelves {
    /// Empty; holds `most` sandboxes, none where they cannot be built ahead.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, begun: Instant::now(), inner: Mutex::default(), changed: Notify::new() }
    }

    /// One of the kind, if one is ready or comes back; the keeper sees to the next.
    pub(crate) async fn take(&self, kind: &Kind) -> Option<SandboxOfEnvironment> {
        match self.find(kind) {
            Found::Ready(ready) => Some(ready),
            Found::Coming(mut coming) => {
                if let Ok(came) = tokio::time::timeout(COMING_TIMEOUT, &mut coming).await {
                    return came.ok();
                }
                // One that came in the very last moment is not thrown away.
                coming.close();
                coming.try_recv().ok()
            }
            Found::Nothing => None,
        }
    }

    fn find(&self, kind: &Kind) -> Found<SandboxOfEnvironment> {
        if self.most == 0 {
            return Found::Nothing;
        }
        let second = self.begun.elapsed().as_secs();
        let mut inner = self.lock();
        if !inner.shelves.contains_key(kind) {
            inner.shelves.insert(kind.clone(), Shelf::default());
        }
        let Some(shelf) = inner.shelves.get_mut(kind) else { return Found::Nothing };
        shelf.demand.asked(second);
        let found = shelf.take();
        self.changed.notify_one();
        found
    }

    /// One of the kind may be asked for soon.
    pub(crate) fn expect(&self, kind: Kind) {
        if self.most > 0 {
            let second = self.begun.elapsed().as_secs();
            self.lock().shelves.entry(kind).or_default().demand.expected(second);
            self.changed.notify_one();
        }
    }

    /// Expects one that is to be kept again, if one more of the kind would be kept, or takes the place of one that is about to be taken:
    /// environments end so that others can begin.
    pub(crate) fn expect_back(self: &Arc<Self>, kind: &Kind) -> Option<Coming> {
        let second = self.begun.elapsed().as_secs();
        let mut inner = self.lock();
        let stock: usize = inner.shelves.values().map(Shelf::stock).sum();
        let shelf = inner.shelves.get_mut(kind).filter(|_| stock <= self.most && self.most > 0)?;
        if shelf.stock() > shelf.wanted(second) {
            return None;
        }
        shelf.comes();
        Some(Coming { shelves: Arc::clone(self), kind: kind.clone() })
    }

    /// Keeps one, or destroys it where nobody wants it any more.
    async fn put_back(&self, kind: &Kind, prepared: SandboxOfEnvironment) {
        if let Some(unwanted) = self.put(kind, prepared) {
            discard(vec![unwanted]).await;
        }
    }

    /// Gives up what is ready, and makes no more.
    pub(crate) async fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
        self.make_room().await;
    }

    /// Gives up what is ready, for others that need its memory. Its demand is forgotten, lest it be built again at once. False when
    /// nothing was ready.
    pub(crate) async fn make_room(&self) -> bool {
        let shelves = std::mem::take(&mut self.lock().shelves);
        let ready: Vec<_> = shelves.into_values().flat_map(|shelf| shelf.ready).collect();
        let is_room = !ready.is_empty();
        discard(ready).await;
        is_room
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_step(&self) -> Step {
        let second = self.begun.elapsed().as_secs();
        let mut inner = self.lock();
        if inner.closed {
            return Step::End;
        }
        let mut excess = Vec::new();
        for shelf in inner.shelves.values_mut() {
            let wanted = shelf.wanted(second);
            excess.extend(shelf.ready.drain(wanted.min(shelf.ready.len())..));
        }
        inner.shelves.retain(|_, shelf| shelf.wanted(second) > 0);
        if !excess.is_empty() {
            return Step::Discard(excess);
        }
        let ready: usize = inner.shelves.values().map(Shelf::stock).sum();
        // Those with fewest first, of these what was asked for last.
        let mut lacking: Vec<(usize, Reverse<Option<u64>>, &Kind)> = Vec::new();
        for (kind, shelf) in &mut inner.shelves {
            if shelf.stock() < shelf.wanted(second) {
                lacking.push((shelf.stock(), Reverse(shelf.demand.last()), kind));
            }
        }
        let next = lacking.into_iter().min().map(|(there, _, kind)| (there, kind.clone()));
        match next {
            Some((0, kind)) if ready < self.most => Step::Build(kind),
            Some((_, kind)) if ready < self.most => Step::BuildLater(kind),
            Some((0, kind)) => inner.give_way_to(&kind).map_or(Step::Nothing, |one| Step::Discard(vec![one])),
            _ => Step::Nothing,
        }
    }

    fn put(&self, kind: &Kind, prepared: SandboxOfEnvironment) -> Option<SandboxOfEnvironment> {
        let mut inner = self.lock();
        match inner.shelves.get_mut(kind) {
            Some(shelf) => {
                shelf.put(prepared);
                None
            }
            None => Some(prepared),
        }
    }
}

/// A sandbox that is being made as new for its shelf.
pub(crate) struct Coming {
    shelves: Arc<Shelves>,
    kind: Kind,
}

impl Coming {
    pub(crate) async fn put(self, prepared: SandboxOfEnvironment) {
        self.shelves.put_back(&self.kind, prepared).await;
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelves.lock().shelves.get_mut(&self.kind) {
            shelf.arrived();
        }
    }
}

/// Keeps the shelves of a context as they should be, until they are closed or the context is gone.
pub(crate) async fn keep_prepared(context: Weak<Context>) {
    loop {
        let Some(context) = context.upgrade() else { return };
        let shelves = Arc::clone(&context.shelves);
        match shelves.next_step() {
            Step::End => return context.zygotes.keep_for(std::iter::empty()),
            Step::Build(kind) => build_one(&context, &kind).await,
            Step::BuildLater(kind) => {
                if tokio::time::timeout(QUIET, shelves.changed.notified()).await.is_err() {
                    build_one(&context, &kind).await;
                }
            }
            Step::Discard(excess) => discard(excess).await,
            Step::Nothing => {
                context.zygotes.keep_for(shelves.lock().shelves.keys());
                drop(context);
                let _ = tokio::time::timeout(LOOK, shelves.changed.notified()).await;
            }
        }
    }
}

async fn build_one(context: &Context, kind: &Kind) {
    if !context.budget.has_room_to_spare() {
        tokio::time::sleep(AFTER_FAILURE).await;
        return;
    }
    match build::prepared(context, kind, None).await {
        Ok(prepared) => context.shelves.put_back(kind, prepared).await,
        Err(error) => {
            // Whoever needs one builds it and hears of the error.
            tracing::warn!(error = with_causes(&error), "no sandbox was prepared");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// Destroying waits for processes to be gone.
async fn discard(sandboxes: Vec<SandboxOfEnvironment>) {
    let _ = tokio::task::spawn_blocking(move || drop(sandboxes)).await;
}
