//! The thread that writes what environments print, and looks after the groups.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use lambda_model::{error::with_causes, ports::LogForm};

use super::{
    Groups, LogEvent, LogGroupKey, LogGroupSettings, SYNC_INTERVAL,
    group::LogGroup,
    now_ms,
    queue::{Block, Message, Receiver, Taken},
};
use crate::StoreError;

/// The rest before each batch. What was printed can be read that much later, unless somebody asks before: who reads settles first.
const REST: Duration = Duration::from_millis(5);
/// How often expired events are looked for.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(60);

/// See the module's doc.
pub(super) struct Writer {
    groups: Arc<Groups>,
    /// Groups with something that is not on disk yet.
    unsynced: HashSet<LogGroupKey>,
    /// When it has to be.
    sync_at: Option<Instant>,
    maintain_at: Instant,
    /// Whether the last block could not be written; said once, not for each.
    is_failing: bool,
}

impl Writer {
    pub(super) fn new(groups: Arc<Groups>) -> Self {
        Self {
            groups,
            unsynced: HashSet::new(),
            sync_at: None,
            maintain_at: Instant::now(),
            is_failing: false,
        }
    }

    /// Until nobody can send any more.
    pub(super) fn run(mut self, messages: &Receiver) {
        loop {
            // Asked first: a flood of lines must not put off the sync for ever.
            let now = Instant::now();
            if self.sync_at.is_some_and(|at| at <= now) {
                self.sync();
            }
            if self.maintain_at <= now {
                self.maintain();
            }
            let wake_at = self.sync_at.unwrap_or(self.maintain_at).min(self.maintain_at);
            match messages.take(wake_at.saturating_duration_since(Instant::now()), REST) {
                Taken::Lines(blocks) => {
                    self.append_all(&blocks);
                    blocks.into_iter().for_each(|block| messages.give_back(block.lines));
                }
                Taken::Message(message) => self.handle(message),
                Taken::Nothing => {}
                Taken::End => return self.sync(),
            }
        }
    }

    fn handle(&mut self, message: Message) {
        let done = match message {
            Message::Settle(done) => done,
            Message::Flush(done) => {
                self.sync();
                done
            }
        };
        let _ = done.send(());
    }

    /// Each group's in one go.
    fn append_all(&mut self, blocks: &[Block]) {
        let mut of_groups: HashMap<_, Vec<&Block>> = HashMap::new();
        for block in blocks {
            let to = &block.to;
            of_groups.entry((&to.account_id, &to.region, &to.group)).or_default().push(block);
        }
        for ((account_id, region, name), blocks) in of_groups {
            let (account_id, region, name) = (account_id.clone(), region.clone(), name.clone());
            self.append(LogGroupKey { account_id, region, name }, &blocks);
        }
    }

    fn append(&mut self, key: LogGroupKey, blocks: &[&Block]) {
        let appended = self.try_append(&key, blocks);
        if let Err(error) = &appended {
            self.groups.dropped.fetch_add(blocks.len() as u64, Ordering::Relaxed);
            if !self.is_failing {
                tracing::warn!(error = with_causes(error), "log not written");
            }
        }
        self.is_failing = appended.is_err();
        self.unsynced.insert(key);
        self.sync_at.get_or_insert_with(|| Instant::now() + SYNC_INTERVAL);
    }

    fn try_append(&self, key: &LogGroupKey, blocks: &[&Block]) -> Result<(), StoreError> {
        let parts: Vec<_> = blocks.iter().map(|block| (block.to.stream.as_str(), events(block))).collect();
        self.group(key)?.append_all(&parts, now_ms())
    }

    /// The group, which is made when a function first writes to it.
    fn group(&self, key: &LogGroupKey) -> Result<Arc<LogGroup>, StoreError> {
        match self.groups.get(key) {
            Some(group) => Ok(group),
            None => {
                let mut settings = LogGroupSettings::new(&key.name, now_ms());
                settings.retention_days = self.groups.retention_days;
                Ok(self.groups.create(key, settings)?.0)
            }
        }
    }

    fn sync(&mut self) {
        for key in self.unsynced.drain() {
            // A group that was deleted meanwhile needs none.
            let Some(group) = self.groups.get(&key) else { continue };
            match group.sync() {
                // Each function has a group, and a process only so many descriptors.
                Ok(()) => group.rest(),
                Err(error) => tracing::warn!(error = with_causes(&error), "log not synced"),
            }
        }
        self.sync_at = None;
    }

    fn maintain(&mut self) {
        let groups: Vec<Arc<LogGroup>> = self.groups.read().values().cloned().collect();
        for group in groups {
            if let Err(error) = group.maintain(now_ms()) {
                tracing::warn!(error = with_causes(&error), "old logs not removed");
            }
        }
        self.maintain_at = Instant::now() + MAINTENANCE_INTERVAL;
    }
}

fn events(block: &Block) -> Vec<LogEvent<'_>> {
    let event = |message| LogEvent { timestamp_ms: block.timestamp_ms, message };
    match block.form {
        LogForm::Whole | LogForm::Platform => vec![event(&block.lines)],
        LogForm::Lines => block.lines.split_inclusive(|byte| *byte == b'\n').map(event).collect(),
    }
}
