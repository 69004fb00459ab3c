//! Starts and stops pollers, as mappings are committed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use invocation::Invoker;
use lambda_model::{
    event_source_mapping::{EventSourceMapping, SourceKind, filter::FilterPattern},
    ports::{Clock, EventSourceCount, FunctionCatalog, MetricSink},
};
use services::secretsmanager::SecretsManager;
use store::{Change, CommitObserver, Document, Queues, Store, StoreError};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    kafka::KafkaPoller,
    last_result::LastResult,
    queue_source::QueueSource,
    rabbitmq::{RabbitBrokers, RabbitPoller},
    sqs::Poller,
    stream::{self, StreamPoller, StreamSources},
};

/// What pollers work with.
pub(crate) struct Parts {
    pub invoker: Arc<Invoker>,
    pub catalog: Arc<dyn FunctionCatalog>,
    pub metrics: Arc<dyn MetricSink>,
    pub queues: Arc<dyn QueueSource>,
    pub streams: Arc<StreamSources>,
    /// Brokers of RabbitMQ that the operator names.
    pub rabbits: Arc<RabbitBrokers>,
    /// Where their credentials are.
    pub secrets: SecretsManager,
    /// Where it is kept how far streams are read.
    pub waiting: Queues,
    /// When what is told is due: that of the outbox.
    pub clock: Arc<dyn Clock>,
}

/// Reads for a mapping.
pub(super) struct Reader {
    pub parts: Arc<Parts>,
    /// Names the mapping.
    pub uuid: String,
    pub mapping: EventSourceMapping,
    /// Its filters.
    pub patterns: Vec<FilterPattern>,
    /// Told when it ends.
    pub stop: watch::Receiver<bool>,
    pub last_result: LastResult,
}

impl Reader {
    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Resolves when it is to end.
    pub(super) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        let _ = stop.wait_for(|stop| *stop).await;
    }

    pub(super) fn count(&self, what: EventSourceCount, events: usize) {
        if self.mapping.counts_events {
            self.parts.metrics.event_source_events(&self.uuid, what, events);
        }
    }
}

/// A mapping was committed, or is gone; without a name, all are.
enum MappingChange {
    Stored(String, Box<EventSourceMapping>),
    Deleted(String),
    AllDeleted,
}

/// Passes on what is committed of mappings.
pub(crate) struct MappingChanges(mpsc::UnboundedSender<MappingChange>);

impl CommitObserver for MappingChanges {
    fn committed(&self, change: &Change) {
        let change = match change {
            Change::DocumentStored { kind, key, document } if kind == EventSourceMapping::KIND => {
                let Ok(mapping) = serde_json::from_slice(document) else { return };
                MappingChange::Stored(key.name.clone(), Box::new(mapping))
            }
            Change::DocumentDeleted { kind, key } if kind == EventSourceMapping::KIND => {
                MappingChange::Deleted(key.name.clone())
            }
            Change::EverythingDeleted => MappingChange::AllDeleted,
            _ => return,
        };
        let _ = self.0.send(change);
    }
}

/// A poller that runs, or is ending.
struct Running {
    mapping: EventSourceMapping,
    has_begun: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    last_result: LastResult,
}

/// Held by who reads.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// What there is of pollers.
pub(crate) struct EventSourceMappings {
    running: Mutex<HashMap<String, Running>>,
    /// Whoever reads a stream or a broker holds the mapping's turn: records stay in their order when the mapping is changed.
    turns: Mutex<HashMap<String, Turn>>,
    changes: Mutex<Option<mpsc::UnboundedReceiver<MappingChange>>>,
}

impl EventSourceMappings {
    /// Without any; the other end hears of commits.
    pub(crate) fn new() -> (Arc<Self>, Arc<MappingChanges>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mappings =
            Self { running: Mutex::default(), turns: Mutex::default(), changes: Mutex::new(Some(receiver)) };
        (Arc::new(mappings), Arc::new(MappingChanges(sender)))
    }

    /// Starts the pollers that an earlier server had, and follows the commits from now on.
    ///
    /// # Errors
    /// When the mappings cannot be read.
    pub(crate) async fn start(self: &Arc<Self>, store: &Store, parts: Parts) -> Result<(), StoreError> {
        let parts = Arc::new(parts);
        let Some(mut changes) = self.changes.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        let mut left: BTreeSet<String> =
            parts.waiting.mappings_with_checkpoints().await?.into_iter().collect();
        for (key, mapping) in store.all_documents::<EventSourceMapping>().await? {
            left.remove(&key.name);
            self.apply(&parts, &key.name, Some(mapping)).await;
        }
        for mapping in left {
            stream::forget(&parts.waiting, &mapping).await;
        }
        let mappings = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                match change {
                    MappingChange::Stored(uuid, mapping) => {
                        mappings.apply(&parts, &uuid, Some(*mapping)).await
                    }
                    MappingChange::Deleted(uuid) => {
                        mappings.apply(&parts, &uuid, None).await;
                        let turn = mappings.turns().remove(&uuid);
                        tokio::spawn(forget(Arc::clone(&parts), uuid, turn));
                    }
                    MappingChange::AllDeleted => mappings.stop().await,
                }
            }
        });
        Ok(())
    }

    /// Ends every poller; returns when what they had under way has ended.
    pub(crate) async fn stop(&self) {
        let running: Vec<Running> = self.running().drain().map(|(_, running)| running).collect();
        for running in &running {
            let _ = running.stop.send(true);
        }
        for running in running {
            let _ = running.task.await;
        }
    }

    /// The state that AWS shows.
    pub(crate) fn state(&self, uuid: &str, mapping: &EventSourceMapping) -> &'static str {
        let running = self.running();
        match (mapping.is_enabled, running.get(uuid)) {
            (true, Some(running)) if running.mapping != *mapping => "Updating",
            (true, Some(running)) if running.has_begun.load(Ordering::Relaxed) => "Enabled",
            (true, _) => "Creating",
            (false, _) => "Disabled",
        }
    }

    /// Lets a mapping's poller be as the mapping says now.
    async fn apply(&self, parts: &Arc<Parts>, uuid: &str, mapping: Option<EventSourceMapping>) {
        let wanted = mapping.filter(|mapping| mapping.is_enabled);
        if self.running().get(uuid).map(|running| &running.mapping) == wanted.as_ref() {
            return;
        }
        let before = self.running().get(uuid).map(|running| running.stop.clone());
        if let Some(stop) = before {
            let _ = stop.send(true);
            // The old poller ends what it has under way; the new one need not wait for that.
            self.running().remove(uuid);
        }
        if let Some(mapping) = wanted {
            let turn = Arc::clone(self.turns().entry(uuid.to_owned()).or_default());
            let running = start(Arc::clone(parts), uuid, mapping, turn);
            self.running().insert(uuid.to_owned(), running);
        }
    }

    /// What is said of the last batch of a mapping of a stream or a broker.
    pub(crate) fn last_result(&self, uuid: &str) -> String {
        self.running()
            .get(uuid)
            .map_or_else(LastResult::default, |running| running.last_result.clone())
            .shown()
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<String, Turn>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(parts: Arc<Parts>, uuid: &str, mapping: EventSourceMapping, turn: Turn) -> Running {
    let (stop, stopped) = watch::channel(false);
    let (has_begun, last_result) = (Arc::new(AtomicBool::new(false)), LastResult::default());
    let begun = Arc::clone(&has_begun);
    let reader = Reader {
        parts,
        uuid: uuid.to_owned(),
        patterns: mapping.filters.iter().filter_map(|text| FilterPattern::parse(text).ok()).collect(),
        mapping: mapping.clone(),
        stop: stopped,
        last_result: last_result.clone(),
    };
    let task = tokio::spawn(async move {
        // Of a standard queue several may read.
        let is_queue = matches!(reader.mapping.source(), Some(SourceKind::Sqs { .. }));
        let _turn = if is_queue { None } else { Some(turn.lock_owned().await) };
        begun.store(true, Ordering::Relaxed);
        reader.run().await;
    });
    Running { mapping, has_begun, stop, task, last_result }
}

impl Reader {
    /// As its source is read.
    async fn run(self) {
        let stream = self.mapping.source().and_then(|kind| self.parts.streams.of(kind)).cloned();
        match (stream, self.mapping.stream.clone(), self.mapping.broker.clone()) {
            (Some(source), Some(settings), _) => StreamPoller { reader: self, settings, source }.run().await,
            (_, Some(settings), Some(broker)) => {
                KafkaPoller { reader: self, settings, broker }.run().await;
            }
            (_, None, Some(broker)) => RabbitPoller { reader: self, broker }.run().await,
            _ => Poller { reader: self }.run().await,
        }
    }
}

/// Forgets how far streams are read for a mapping that is gone, once nobody reads for it any more.
async fn forget(parts: Arc<Parts>, uuid: String, turn: Option<Turn>) {
    let turn = turn.unwrap_or_default();
    let _turn = turn.lock().await;
    stream::forget(&parts.waiting, &uuid).await;
}
