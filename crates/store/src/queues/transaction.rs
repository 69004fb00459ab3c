//! Changes of what waits: whatever is put, taken and moved in one transaction happens wholly or not at all.

use std::sync::Arc;

use lambda_model::{function::FunctionKey, invocation::asynchronous::AsyncEvent};
use rusqlite::Connection;

use super::{
    Queues,
    entries::{self, Entry, Slot, Turn},
    events, lanes,
};
use crate::StoreError;

/// Learns of what waits once it is on disk, also if nobody waits for that any more. Called on the writer's thread.
pub trait QueueObserver: Send + Sync {
    /// An event for a function was accepted.
    fn event_waits(&self, key: &FunctionKey, resource: &str);
    /// A target is to be told something.
    fn delivery_waits(&self, target: &str);
    /// A queue of SQS has a message that it did not have, or had it at another time: the name that it has here.
    fn message_waits(&self, queue: &str);
}

/// Reads and writes on the writer's thread.
pub struct QueueTransaction<'a> {
    pub(super) connection: &'a Connection,
    pub(super) settled: Vec<Slot>,
    queues: Queues,
    lanes: Vec<(String, i64)>,
    waiting: Vec<Waiting>,
}

/// What is new.
enum Waiting {
    Event(FunctionKey, String),
    Delivery(String),
    Message(String),
}

/// What is done once the transaction is on disk.
struct Effects {
    settled: Vec<Slot>,
    lanes: Vec<(String, i64)>,
    waiting: Vec<Waiting>,
}

impl Queues {
    /// Whoever is told of what waits from now on.
    pub fn observe(&self, observer: Arc<dyn QueueObserver>) {
        let _ = self.inner.observer.set(observer);
    }

    /// Runs `change` in a transaction. An error of its own leaves everything as it was.
    ///
    /// # Errors
    /// Its own, or that nothing could be made durable.
    pub async fn transact<T, E>(
        &self,
        change: impl FnOnce(&mut QueueTransaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let queues = self.clone();
        let job = move |connection: &Connection| queues.run(connection, change);
        let queues = self.clone();
        let committed = move |(_, effects): &(Result<T, E>, Effects)| queues.took_effect(effects);
        self.write(job, committed).await?.0
    }

    /// Forgets everything that waits.
    ///
    /// # Errors
    /// When that could not be made durable.
    pub async fn clear(&self) -> Result<(), StoreError> {
        let clear = |connection: &Connection| {
            Ok(connection.execute_batch(
                "DELETE FROM schedule; DELETE FROM entries; DELETE FROM quarantine; DELETE FROM lanes;
                 DELETE FROM moved; DELETE FROM deduplication; DELETE FROM appointments; DELETE FROM checkpoints",
            )?)
        };
        let queues = self.clone();
        self.write(clear, move |()| queues.forget()).await
    }

    fn run<T, E: From<StoreError>>(
        self,
        connection: &Connection,
        change: impl FnOnce(&mut QueueTransaction<'_>) -> Result<T, E>,
    ) -> Result<(Result<T, E>, Effects), StoreError> {
        let mut transaction = QueueTransaction {
            connection,
            settled: Vec::new(),
            queues: self,
            lanes: Vec::new(),
            waiting: Vec::new(),
        };
        tracing::trace!(target: "crash_point", "queue: a transaction begins");
        let run = |statement| connection.prepare_cached(statement)?.execute([]);
        run("SAVEPOINT change")?;
        let result = change(&mut transaction);
        let QueueTransaction { settled, lanes, waiting, .. } = transaction;
        let mut effects = Effects { settled, lanes, waiting };
        if result.is_err() {
            run("ROLLBACK TO change")?;
            effects = Effects { settled: Vec::new(), lanes: Vec::new(), waiting: Vec::new() };
        }
        tracing::trace!(target: "crash_point", "queue: a transaction is whole");
        run("RELEASE change")?;
        Ok((result, effects))
    }

    fn took_effect(&self, effects: &Effects) {
        tracing::trace!(target: "crash_point", "queue: a transaction is on disk");
        effects.lanes.iter().for_each(|(lane, id)| self.remember_lane(lane.clone(), *id));
        effects.settled.iter().for_each(|slot| self.release(*slot));
        tracing::trace!(target: "crash_point", "queue: claims are given back");
        let Some(observer) = self.inner.observer.get() else { return };
        for waiting in &effects.waiting {
            match waiting {
                Waiting::Event(key, resource) => observer.event_waits(key, resource),
                Waiting::Delivery(target) => observer.delivery_waits(target),
                Waiting::Message(queue) => observer.message_waits(queue),
            }
        }
    }
}

impl QueueTransaction<'_> {
    /// Accepts an event.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn accept(&mut self, event: AsyncEvent) -> Result<(), StoreError> {
        let lane = lanes::of_events(&event.key);
        let (key, resource) = (event.key.clone(), event.resource().to_owned());
        let due_at_ms = event.accepted_at_ms;
        let (header, body) = events::encode(event)?;
        self.put(lane, header, body, (due_at_ms, String::new()))?;
        self.waiting.push(Waiting::Event(key, resource));
        tracing::trace!(target: "crash_point", "queue: an event is put");
        Ok(())
    }

    /// Tells the observer of a delivery once this is on disk.
    pub(super) fn delivery_waits(&mut self, target: String) {
        self.waiting.push(Waiting::Delivery(target));
    }

    /// Tells the observer of a message once this is on disk.
    pub(super) fn message_waits(&mut self, queue: String) {
        self.waiting.push(Waiting::Message(queue));
    }

    /// Where all of this is kept.
    pub(super) fn queues(&self) -> &Queues {
        &self.queues
    }

    /// A number that nothing else has, higher than all before.
    pub fn number(&self) -> i64 {
        self.queues.new_id()
    }

    /// The id of a lane, which is made where there is none.
    pub(super) fn made_lane(&mut self, lane: &str) -> Result<i64, StoreError> {
        if let Some(id) = self.queues.lane_id(lane) {
            return Ok(id);
        }
        let id = lanes::id(self.connection, lane)?;
        tracing::trace!(target: "crash_point", "queue: a lane is made");
        self.lanes.push((lane.to_owned(), id));
        Ok(id)
    }

    /// Puts what is new into its lane, with its turn and what there is to say of it yet; its number.
    pub(super) fn put(
        &mut self,
        lane: String,
        header: Vec<u8>,
        body: Vec<u8>,
        (due_at_ms, state): (i64, String),
    ) -> Result<i64, StoreError> {
        let lane_id = self.made_lane(&lane)?;
        let entry = Entry { id: self.queues.new_id(), lane, header, body };
        let slot = Slot { lane_id, due_at_ms, entry_id: entry.id };
        entries::put(self.connection, &entry, &Turn { slot, state })?;
        Ok(entry.id)
    }
}
