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
    event_source_mapping::{EventSourceMapping, filter::FilterPattern},
    ports::{Clock, FunctionCatalog, MetricSink},
};
use store::{Change, CommitObserver, Document, Queues, Store, StoreError};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    queue_source::QueueSource,
    sqs::Poller,
    stream::{self, LastResult, StreamPoller, StreamSources},
};

/// What pollers work with.
pub(crate) struct Parts {
    pub invoker: Arc<Invoker>,
    pub catalog: Arc<dyn FunctionCatalog>,
    pub metrics: Arc<dyn MetricSink>,
    pub queues: Arc<dyn QueueSource>,
    pub streams: Arc<StreamSources>,
    /// Where it is kept how far streams are read.
    pub waiting: Queues,
    /// When what is told is due: that of the outbox.
    pub clock: Arc<dyn Clock>,
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
    /// Whoever reads a stream holds the mapping's turn: records stay in their order when the mapping is changed.
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

    /// What is said of the last batch of a mapping of a stream.
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
    let patterns = mapping.filters.iter().filter_map(|text| FilterPattern::parse(text).ok()).collect();
    let source = mapping.source().and_then(|kind| parts.streams.of(kind)).cloned();
    let begun = Arc::clone(&has_begun);
    let (uuid, of_task) = (uuid.to_owned(), mapping.clone());
    let task = match (source, mapping.stream.clone()) {
        (Some(source), Some(settings)) => {
            let last_result = last_result.clone();
            let poller = StreamPoller {
                parts,
                uuid,
                mapping: of_task,
                settings,
                source,
                patterns,
                stop: stopped,
                last_result,
            };
            tokio::spawn(async move {
                let _turn = turn.lock().await;
                begun.store(true, Ordering::Relaxed);
                poller.run().await;
            })
        }
        _ => {
            let poller = Poller { parts, uuid, mapping: of_task, patterns, stop: stopped };
            tokio::spawn(async move {
                begun.store(true, Ordering::Relaxed);
                poller.run().await;
            })
        }
    };
    Running { mapping, has_begun, stop, task, last_result }
}

/// Forgets how far streams are read for a mapping that is gone, once nobody reads for it any more.
async fn forget(parts: Arc<Parts>, uuid: String, turn: Option<Turn>) {
    let turn = turn.unwrap_or_default();
    let _turn = turn.lock().await;
    stream::forget(&parts.waiting, &uuid).await;
}
