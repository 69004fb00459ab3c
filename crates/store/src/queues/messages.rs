//! Messages of SQS: a lane each queue.
//!
//! What a receipt, a group or a redrive is, is the business of the service. Here is where a message lies, and what became of it so
//! far; a lane of a standard queue is ordered by when its messages are visible, one of a FIFO queue (every turn is 0) by when they came.

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    QueueTransaction, Queues,
    entries::{self, Entry, Slot, Turn},
    lanes,
};
use crate::StoreError;

/// Names of the lanes of SQS's queues begin so.
pub(super) const MESSAGES: &str = "sqs/";

/// Where a message lies in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its turn, Unix time, milliseconds; 0 in a lane of a FIFO queue.
    pub due_at_ms: i64,
    /// Its number: later messages have higher ones.
    pub id: i64,
}

/// A message's place, and what became of it so far in the service's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedMessage {
    /// Where it lies.
    pub place: Place,
    /// What the service keeps of it.
    pub state: String,
}

/// A message as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// What the service keeps beside the body.
    pub header: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is in a lane, in one state of the file.
pub struct MessageView<'a> {
    connection: &'a Connection,
    lane_id: Option<i64>,
}

impl Queues {
    /// Looks at a queue's messages.
    ///
    /// # Errors
    /// When they cannot be read, or the look's own.
    pub async fn look_at_messages<T: Send + 'static>(
        &self,
        queue: &str,
        look: impl FnOnce(&MessageView<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lane_id = self.lane_id(&lane_of(queue));
        self.read(move |connection| look(&MessageView { connection, lane_id })).await
    }

    /// The queues that have, or had, messages.
    pub fn queues_with_messages(&self) -> Vec<String> {
        let lanes = super::lock(&self.inner.lanes);
        lanes.keys().filter_map(|lane| lane.strip_prefix(MESSAGES)).map(str::to_owned).collect()
    }
}

impl MessageView<'_> {
    /// What is due, at most `max`, the longest due first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn due(&self, now_ms: i64, max: usize) -> Result<Vec<PlacedMessage>, StoreError> {
        let Some(lane_id) = self.lane_id else { return Ok(Vec::new()) };
        Ok(entries::due(self.connection, lane_id, now_ms, max)?.into_iter().map(placed).collect())
    }

    /// When the next turn after now comes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn next_due_ms(&self, now_ms: i64) -> Result<Option<i64>, StoreError> {
        self.lane_id.map_or(Ok(None), |lane_id| entries::next_due(self.connection, lane_id, now_ms))
    }

    /// Every message in the order of the lane, until `look` has seen enough.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn each(
        &self,
        mut look: impl FnMut(Place, &str) -> std::ops::ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let Some(lane_id) = self.lane_id else { return Ok(()) };
        let mut statement = self.connection.prepare_cached(
            "SELECT due_at_ms, entry_id, state FROM schedule
             WHERE lane_id = ?1 ORDER BY due_at_ms, entry_id",
        )?;
        let mut rows = statement.query([lane_id])?;
        while let Some(row) = rows.next()? {
            let place = Place { due_at_ms: row.get(0)?, id: row.get(1)? };
            if look(place, row.get_ref(2)?.as_str().unwrap_or_default()).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// How many turns come after now, counted up to `max`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn later(&self, now_ms: i64, max: u32) -> Result<u32, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM schedule WHERE lane_id = ?1 AND due_at_ms > ?2 LIMIT ?3)",
        )?;
        Ok(statement.query_row(params![self.lane_id, now_ms, max], |row| row.get(0))?)
    }

    /// What became so far of the message that lies there, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn state_at(&self, place: Place) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT state FROM schedule WHERE lane_id = ?1 AND due_at_ms = ?2 AND entry_id = ?3",
        )?;
        let found = statement.query_row(params![self.lane_id, place.due_at_ms, place.id], |row| row.get(0));
        Ok(found.optional()?)
    }

    /// Where a message lies that was moved after it was received.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn moved_to(&self, id: i64) -> Result<Option<Place>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT due_at_ms FROM moved WHERE entry_id = ?1")?;
        let found = statement.query_row([id], |row| Ok(Place { due_at_ms: row.get(0)?, id }));
        Ok(found.optional()?)
    }
}

impl QueueTransaction<'_> {
    /// Looks at a queue's messages as this transaction has left them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn messages(&self, queue: &str) -> Result<MessageView<'_>, StoreError> {
        Ok(MessageView { connection: self.connection, lane_id: self.lane(queue)? })
    }

    /// Puts a message into a queue; its number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_message(
        &mut self,
        queue: &str,
        message: StoredMessage,
        due_at_ms: i64,
        state: String,
    ) -> Result<i64, StoreError> {
        let StoredMessage { header, body } = message;
        let id = self.put(lane_of(queue), header, body, (due_at_ms, state))?;
        self.message_waits(queue.to_owned());
        tracing::trace!(target: "crash_point", "queue: a message is put");
        Ok(id)
    }

    /// Tells the observer, once this is on disk, that a message may be had that could not before.
    pub fn wake_receivers(&mut self, queue: &str) {
        self.message_waits(queue.to_owned());
    }

    /// A message as it was put. One that is damaged is set aside, reported, and no longer there.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn message(&mut self, queue: &str, place: Place) -> Result<Option<StoredMessage>, StoreError> {
        if let Some(Entry { header, body, .. }) = entries::get(self.connection, place.id)? {
            return Ok(Some(StoredMessage { header, body }));
        }
        let Some(slot) = self.slot(queue, place)? else { return Ok(None) };
        self.queues().report_damage(format!("a message of the queue {queue}, number {}", place.id));
        entries::set_aside(self.connection, slot)?;
        Ok(None)
    }

    /// Gives a message another turn, and says what became of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn place_message(
        &mut self,
        queue: &str,
        place: Place,
        due_at_ms: i64,
        state: String,
    ) -> Result<(), StoreError> {
        let Some(slot) = self.slot(queue, place)? else { return Ok(()) };
        entries::delete_turn(self.connection, slot)?;
        entries::put_turn(self.connection, &Turn { slot: Slot { due_at_ms, ..slot }, state })?;
        self.forget_move(place.id)?;
        tracing::trace!(target: "crash_point", "queue: a message has another turn");
        Ok(())
    }

    /// Lets receipts find a message that was moved after it was received.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn remember_move(&mut self, place: Place) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO moved (entry_id, due_at_ms) VALUES (?1, ?2)")?
            .execute([place.id, place.due_at_ms])?;
        Ok(())
    }

    fn forget_move(&mut self, id: i64) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM moved WHERE entry_id = ?1")?.execute([id])?;
        Ok(())
    }

    /// Deletes a message. False when none lies there.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn delete_message(&mut self, queue: &str, place: Place) -> Result<bool, StoreError> {
        let Some(slot) = self.slot(queue, place)? else { return Ok(false) };
        let existed = entries::delete(self.connection, slot)?;
        self.forget_move(place.id)?;
        tracing::trace!(target: "crash_point", "queue: a message is deleted");
        Ok(existed)
    }

    /// What was remembered of `key` for somebody until now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn recall(&self, whose: &str, key: &str, now_ms: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT value FROM deduplication WHERE lane_id = ?1 AND key = ?2 AND until_ms > ?3",
        )?;
        let lane_id = self.named_lane(&memory_of(whose))?;
        Ok(statement.query_row(params![lane_id, key, now_ms], |row| row.get(0)).optional()?)
    }

    /// Remembers `value` of `key` for somebody, and forgets what nobody can recall any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn remember(
        &mut self,
        whose: &str,
        key: &str,
        value: &[u8],
        (now_ms, until_ms): (i64, i64),
    ) -> Result<(), StoreError> {
        let lane_id = self.made_lane(&memory_of(whose))?;
        self.connection
            .prepare_cached("DELETE FROM deduplication WHERE until_ms <= ?1")?
            .execute([now_ms])?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO deduplication (lane_id, key, until_ms, value) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![lane_id, key, until_ms, value])?;
        tracing::trace!(target: "crash_point", "queue: a message's key is remembered");
        Ok(())
    }

    fn slot(&self, queue: &str, Place { due_at_ms, id }: Place) -> Result<Option<Slot>, StoreError> {
        Ok(self.lane(queue)?.map(|lane_id| Slot { lane_id, due_at_ms, entry_id: id }))
    }

    fn lane(&self, queue: &str) -> Result<Option<i64>, StoreError> {
        self.named_lane(&lane_of(queue))
    }

    fn named_lane(&self, lane: &str) -> Result<Option<i64>, StoreError> {
        match self.queues().lane_id(lane) {
            Some(id) => Ok(Some(id)),
            None => lanes::find(self.connection, lane),
        }
    }
}

fn placed(turn: Turn) -> PlacedMessage {
    let Slot { due_at_ms, entry_id, .. } = turn.slot;
    PlacedMessage { place: Place { due_at_ms, id: entry_id }, state: turn.state }
}

fn lane_of(queue: &str) -> String {
    format!("{MESSAGES}{queue}")
}

/// The lane that has no messages, only what is remembered for somebody.
fn memory_of(whose: &str) -> String {
    format!("deduplication/{whose}")
}

#[cfg(test)]
mod tests;
