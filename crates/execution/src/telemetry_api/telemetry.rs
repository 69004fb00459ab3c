//! The subscribers of an environment, and what reaches which of them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lambda_model::{
    environment::{Category, SubscriptionRequest, TelemetryApi},
    platform_log::{PlatformEvent, Subscription},
};
use serde_json::json;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    buffer::Buffer,
    delivery,
    destination::{MakeSockets, Sockets},
};
use crate::clock;

/// What happens in an initialization is kept for those who subscribe later in it, so many bytes of it.
const BACKLOG_BYTES_MAX: usize = 1024 * 1024;
/// The schema of the Logs API that tells of the end of the runtime's work too.
const LOGS_WITH_RUNTIME_DONE: &str = "2021-03-18";

/// See the module's doc.
pub(crate) struct Telemetry {
    inner: Mutex<Inner>,
    /// Whether anybody hears of anything, or may later; asked for every line that is printed.
    is_heard: AtomicBool,
    sockets: Arc<Sockets>,
    /// New subscriptions, for the log.
    news: mpsc::UnboundedSender<Subscription>,
}

#[derive(Default)]
struct Inner {
    is_open: bool,
    subscribers: Vec<Subscriber>,
    /// While it is open.
    backlog: Vec<Told>,
    backlog_bytes: usize,
}

/// An event on its way.
struct Told {
    kind: Kind,
    /// As it is delivered.
    text: String,
}

/// What decides who hears it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Printed(Category),
    /// Of the platform, both APIs know it.
    Platform,
    OfTelemetryApi,
    OfLogsApi,
    RuntimeDone,
}

struct Subscriber {
    name: String,
    request: SubscriptionRequest,
    buffer: Arc<Buffer>,
    delivering: JoinHandle<()>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.delivering.abort();
    }
}

/// Why an extension cannot subscribe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SubscribeError {
    /// The initialization is over.
    Closed,
    /// It has subscribed by the other API.
    OtherApi,
}

impl Telemetry {
    /// New subscriptions arrive at the receiver.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Subscription>) {
        let (news, receiver) = mpsc::unbounded_channel();
        let telemetry =
            Self { inner: Mutex::default(), is_heard: AtomicBool::new(false), sockets: Arc::default(), news };
        (telemetry, receiver)
    }

    /// An initialization begins: earlier subscriptions are forgotten, new ones can be made.
    pub(crate) fn begin(&self) {
        *self.lock() = Inner { is_open: true, ..Inner::default() };
        self.is_heard.store(true, Ordering::Release);
    }

    /// From now on nobody subscribes (T-01).
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.is_open = false;
        inner.backlog = Vec::new();
        self.is_heard.store(!inner.subscribers.is_empty(), Ordering::Release);
    }

    /// How destinations are reached; asked for once, when it is first needed.
    ///
    /// # Errors
    /// What `make` gave.
    pub(crate) fn provide_sockets<E>(
        &self,
        make: impl FnOnce() -> Result<Box<dyn MakeSockets>, E>,
    ) -> Result<(), E> {
        self.sockets.provide(make)
    }

    /// Whether anybody hears of anything, or may later.
    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    /// Subscribes an extension; again by the same API changes nothing.
    pub(super) fn subscribe(&self, name: &str, request: SubscriptionRequest) -> Result<(), SubscribeError> {
        let mut inner = self.lock();
        if !inner.is_open {
            return Err(SubscribeError::Closed);
        }
        if let Some(known) = inner.subscribers.iter().find(|subscriber| subscriber.name == name) {
            let is_same = known.request.api == request.api;
            return if is_same { Ok(()) } else { Err(SubscribeError::OtherApi) };
        }
        let buffer = Arc::new(Buffer::new(request.buffering));
        let sockets = Arc::clone(&self.sockets);
        let delivering =
            tokio::spawn(delivery::run(Arc::clone(&buffer), request.destination.clone(), sockets));
        let _ = self.news.send(Subscription {
            name: name.to_owned(),
            types: request.categories.iter().map(|category| category.as_str()).collect(),
            is_of_logs_api: request.api == TelemetryApi::Logs,
        });
        let subscriber = Subscriber { name: name.to_owned(), request, buffer, delivering };
        for told in inner.backlog.iter().filter(|told| subscriber.hears(told.kind)) {
            subscriber.buffer.push(&told.text);
        }
        inner.subscribers.push(subscriber);
        Ok(())
    }

    /// Passes on an event of the platform.
    pub(crate) fn tell(&self, event: &PlatformEvent) {
        let kind = match event {
            PlatformEvent::End { .. } | PlatformEvent::Fault(_) => Kind::OfLogsApi,
            PlatformEvent::InitStart(_)
            | PlatformEvent::InitRuntimeDone(_)
            | PlatformEvent::InitReport(_) => Kind::OfTelemetryApi,
            PlatformEvent::RuntimeDone(_) => Kind::RuntimeDone,
            _ => Kind::Platform,
        };
        self.publish(kind, || envelope(event.event_type(), &event.record()));
    }

    /// Passes on a line that was printed.
    pub(crate) fn printed(&self, category: Category, line: &str) {
        self.publish(Kind::Printed(category), || envelope(category.as_str(), &json!(line)));
    }

    fn publish(&self, kind: Kind, text: impl FnOnce() -> String) {
        if !self.is_heard() {
            return;
        }
        let mut inner = self.lock();
        let is_kept = inner.is_open && inner.backlog_bytes < BACKLOG_BYTES_MAX;
        if !is_kept && !inner.subscribers.iter().any(|subscriber| subscriber.hears(kind)) {
            return;
        }
        let told = Told { kind, text: text() };
        for subscriber in inner.subscribers.iter().filter(|subscriber| subscriber.hears(kind)) {
            subscriber.buffer.push(&told.text);
        }
        if is_kept {
            inner.backlog_bytes += told.text.len();
            inner.backlog.push(told);
        }
    }

    /// Delivers what has been collected, within `bound`.
    pub(crate) async fn flush(&self, bound: Duration) {
        let buffers: Vec<Arc<Buffer>> =
            self.lock().subscribers.iter().map(|subscriber| Arc::clone(&subscriber.buffer)).collect();
        let all = async {
            for buffer in buffers {
                buffer.flush().await;
            }
        };
        let _ = tokio::time::timeout(bound, all).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    /// Which events each API knows (T-03).
    fn hears(&self, kind: Kind) -> bool {
        let category = if let Kind::Printed(category) = kind { category } else { Category::Platform };
        self.request.categories.contains(&category)
            && match (self.request.api, kind) {
                (_, Kind::Printed(_) | Kind::Platform)
                | (TelemetryApi::Telemetry, Kind::OfTelemetryApi | Kind::RuntimeDone)
                | (TelemetryApi::Logs, Kind::OfLogsApi) => true,
                (TelemetryApi::Logs, Kind::RuntimeDone) => {
                    self.request.schema_version == LOGS_WITH_RUNTIME_DONE
                }
                (TelemetryApi::Logs, Kind::OfTelemetryApi) | (TelemetryApi::Telemetry, Kind::OfLogsApi) => {
                    false
                }
            }
    }
}

/// An event as subscribers and the JSON log format have it (T-03, O-03).
pub(crate) fn envelope(event_type: &str, record: &serde_json::Value) -> String {
    json!({ "time": clock::iso8601_ms(), "type": event_type, "record": record }).to_string()
}
