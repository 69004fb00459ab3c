//! Starts and stops pollers, as mappings are committed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use invocation::Invoker;
use lambda_model::{
    event_source_mapping::{EventSourceMapping, filter::FilterPattern},
    ports::{FunctionCatalog, MetricSink},
};
use store::{Change, CommitObserver, Document, Store, StoreError};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{queue_source::QueueSource, sqs::Poller};

/// What pollers work with.
pub(crate) struct Parts {
    pub invoker: Arc<Invoker>,
    pub catalog: Arc<dyn FunctionCatalog>,
    pub metrics: Arc<dyn MetricSink>,
    pub queues: Arc<dyn QueueSource>,
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
}

/// What there is of pollers.
pub(crate) struct EventSourceMappings {
    running: Mutex<HashMap<String, Running>>,
    changes: Mutex<Option<mpsc::UnboundedReceiver<MappingChange>>>,
}

impl EventSourceMappings {
    /// Without any; the other end hears of commits.
    pub(crate) fn new() -> (Arc<Self>, Arc<MappingChanges>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mappings = Self { running: Mutex::default(), changes: Mutex::new(Some(receiver)) };
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
        for (key, mapping) in store.all_documents::<EventSourceMapping>().await? {
            self.apply(&parts, &key.name, Some(mapping)).await;
        }
        let mappings = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                match change {
                    MappingChange::Stored(uuid, mapping) => {
                        mappings.apply(&parts, &uuid, Some(*mapping)).await
                    }
                    MappingChange::Deleted(uuid) => mappings.apply(&parts, &uuid, None).await,
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
            let running = start(Arc::clone(parts), uuid, mapping);
            self.running().insert(uuid.to_owned(), running);
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(parts: Arc<Parts>, uuid: &str, mapping: EventSourceMapping) -> Running {
    let (stop, stopped) = watch::channel(false);
    let has_begun = Arc::new(AtomicBool::new(false));
    let patterns = mapping.filters.iter().filter_map(|text| FilterPattern::parse(text).ok()).collect();
    let poller = Poller { parts, uuid: uuid.to_owned(), mapping: mapping.clone(), patterns, stop: stopped };
    let begun = Arc::clone(&has_begun);
    let task = tokio::spawn(async move {
        begun.store(true, Ordering::Relaxed);
        poller.run().await;
    });
    Running { mapping, has_begun, stop, task }
}
