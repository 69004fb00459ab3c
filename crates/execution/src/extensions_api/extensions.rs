//! The extensions of an environment, between its driver and their calls.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use lambda_model::{
    environment::{ExtensionState, ExtensionTransition, ShutdownReason},
    limits,
    platform_log::ExtensionInit,
};
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Refusal;

const INVOKE: &str = "INVOKE";
const SHUTDOWN: &str = "SHUTDOWN";

/// What an extension learns of the function when it registers.
#[derive(Debug, Clone, Default)]
pub(crate) struct FunctionMetadata {
    pub name: String,
    pub version: String,
    pub handler: String,
    pub account_id: String,
}

/// An invocation as extensions hear of it.
pub(crate) struct InvokeEvent<'a> {
    pub request_id: &'a str,
    pub invoked_function_arn: &'a str,
    pub trace_id: Option<&'a str>,
    /// Unix time, milliseconds.
    pub deadline_ms: u64,
}

/// See the module's doc.
pub(crate) struct Extensions {
    /// The function that they extend; set before any of them runs.
    pub function: OnceLock<FunctionMetadata>,
    inner: Mutex<Inner>,
    /// Something happened that the driver may wait for.
    changed: Notify,
    /// An event was put, or all are forgotten.
    delivered: Notify,
}

#[derive(Default)]
struct Inner {
    extensions: Vec<Extension>,
    is_open: bool,
    /// What an extension reported before it ended: the first report counts.
    reported: Option<&'static str>,
}

struct Extension {
    id: Uuid,
    name: String,
    is_external: bool,
    state: ExtensionState,
    events: Vec<&'static str>,
    error_type: Option<String>,
    /// An event that it has not taken yet.
    pending: Option<String>,
}

impl Extension {
    fn new(name: String, is_external: bool) -> Self {
        Self {
            id: Uuid::new_v4(),
            name,
            is_external,
            state: ExtensionState::Started,
            events: Vec::new(),
            error_type: None,
            pending: None,
        }
    }

    fn is_subscribed(&self, event: &str) -> bool {
        self.events.contains(&event)
    }
}

impl Extensions {
    pub(crate) fn new() -> Self {
        Self {
            function: OnceLock::new(),
            inner: Mutex::default(),
            changed: Notify::new(),
            delivered: Notify::new(),
        }
    }

    /// An initialization begins with these external extensions; all earlier ones are forgotten.
    pub(crate) fn begin(&self, external: impl IntoIterator<Item = String>) {
        let extensions = external.into_iter().map(|name| Extension::new(name, true)).collect();
        *self.lock() = Inner { extensions, is_open: true, reported: None };
        self.delivered.notify_waiters();
    }

    /// Waits until a call changed something.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// From now on nobody registers: the runtime is initialised.
    pub(crate) fn close(&self) {
        self.lock().is_open = false;
    }

    /// Whether there are any.
    pub(crate) fn are_none(&self) -> bool {
        self.lock().extensions.is_empty()
    }

    /// Whether any is external.
    pub(crate) fn any_external(&self) -> bool {
        self.lock().extensions.iter().any(|extension| extension.is_external)
    }

    /// Whether every external extension has registered.
    pub(crate) fn all_registered(&self) -> bool {
        self.lock().extensions.iter().all(|extension| extension.state != ExtensionState::Started)
    }

    /// Whether every extension waits for an event.
    pub(crate) fn all_ready(&self) -> bool {
        self.lock().extensions.iter().all(|extension| extension.state == ExtensionState::Ready)
    }

    /// What an internal extension reported; of an external one the end of its process counts.
    pub(crate) fn internal_failure(&self) -> Option<&'static str> {
        let inner = self.lock();
        let has_failed = |extension: &Extension| {
            !extension.is_external
                && matches!(extension.state, ExtensionState::InitError | ExtensionState::ExitError)
        };
        inner.reported.filter(|_| inner.extensions.iter().any(has_failed))
    }

    /// Why the environment fails when an extension's process ends: what was reported, else a crash.
    pub(crate) fn failure(&self) -> &'static str {
        self.lock().reported.unwrap_or("Extension.Crash")
    }

    /// An external extension's program could not be started.
    pub(crate) fn launch_failed(&self, name: &str, error_type: &str) {
        if let Some(extension) = self.lock().extensions.iter_mut().find(|extension| extension.name == name) {
            extension.state = ExtensionState::LaunchError;
            extension.error_type = Some(error_type.to_owned());
        }
    }

    /// Gives everyone who subscribed an invocation. Each waits for one: the driver invokes only then.
    pub(crate) fn deliver_invoke(&self, event: &InvokeEvent<'_>) {
        let mut inner = self.lock();
        let subscribed = inner.extensions.iter_mut().filter(|extension| extension.is_subscribed(INVOKE));
        let mut body = None;
        for extension in subscribed {
            let body = body.get_or_insert_with(|| invoke_body(event));
            extension.pending = Some(body.clone());
            extension.state = ExtensionState::Running;
        }
        drop(inner);
        if body.is_some() {
            self.delivered.notify_waiters();
        }
    }

    /// Tells every external extension that subscribed to the end that it has come, and until when. Their names.
    pub(crate) fn deliver_shutdown(&self, reason: ShutdownReason, deadline_ms: u64) -> Vec<String> {
        let mut inner = self.lock();
        let body = json!({
            "eventType": SHUTDOWN, "deadlineMs": deadline_ms, "shutdownReason": reason.as_str(),
        });
        let told = |extension: &&mut Extension| extension.is_external && extension.is_subscribed(SHUTDOWN);
        let mut names = Vec::new();
        for extension in inner.extensions.iter_mut().filter(told) {
            extension.pending = Some(body.to_string());
            if extension.state == ExtensionState::Ready {
                extension.state = ExtensionState::Running;
            }
            names.push(extension.name.clone());
        }
        drop(inner);
        self.delivered.notify_waiters();
        names
    }

    /// What became of each, for the log.
    pub(crate) fn inits(&self) -> Vec<ExtensionInit> {
        let inner = self.lock();
        let init = |extension: &Extension| ExtensionInit {
            name: extension.name.clone(),
            state: extension.state.as_str(),
            events: extension.events.clone(),
            error_type: extension.error_type.clone(),
        };
        inner.extensions.iter().map(init).collect()
    }

    /// Registers an external extension that was started, or an internal one of any name.
    pub(super) fn register(&self, name: &str, events: &[String]) -> Result<Uuid, Refusal> {
        let mut inner = self.lock();
        let position = inner.extensions.iter().position(|extension| extension.name == name);
        let is_external = position.is_some_and(|at| inner.extensions[at].is_external);
        let events = events.iter().map(|event| checked_event(event, is_external));
        let events: Vec<&'static str> = events.collect::<Result<_, _>>()?;
        let at = match position {
            Some(at) if is_external => at,
            _ => inner.add_internal(name, position.is_some())?,
        };
        let extension = &mut inner.extensions[at];
        let state = extension.state.apply(ExtensionTransition::Register, name);
        extension.state = state.map_err(invalid_state)?;
        for event in events {
            if !extension.events.contains(&event) {
                extension.events.push(event);
            }
        }
        let id = extension.id;
        drop(inner);
        self.changed.notify_one();
        Ok(id)
    }

    /// The name of a registered extension.
    pub(crate) fn name_of(&self, id: Uuid) -> Result<String, Refusal> {
        let mut inner = self.lock();
        Ok(inner.find(id)?.name.clone())
    }

    /// Waits, without a limit, for an event on behalf of an extension.
    pub(super) async fn next(&self, id: Uuid) -> Result<String, Refusal> {
        self.announce_next(id)?;
        loop {
            let delivered = self.delivered.notified();
            tokio::pin!(delivered);
            // Registered before the look, so that an event put in between wakes us.
            delivered.as_mut().enable();
            if let Some(event) = self.take_pending(id)? {
                return Ok(event);
            }
            delivered.await;
        }
    }

    fn announce_next(&self, id: Uuid) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let extension = inner.find(id)?;
        let state = extension.state.apply(ExtensionTransition::Next, &id.to_string());
        extension.state = state.map_err(invalid_state)?;
        if extension.pending.is_some() {
            // The end of the environment came while it was busy.
            extension.state = ExtensionState::Running;
        }
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    fn take_pending(&self, id: Uuid) -> Result<Option<String>, Refusal> {
        Ok(self.lock().find(id)?.pending.take())
    }

    /// Takes an extension's word that it failed.
    pub(super) fn report(
        &self,
        id: Uuid,
        transition: ExtensionTransition,
        error_type: &str,
    ) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let extension = inner.find(id)?;
        let before = extension.state;
        extension.state = before.apply(transition, &id.to_string()).map_err(invalid_state)?;
        if extension.state != before {
            extension.error_type = Some(error_type.to_owned());
            inner.reported.get_or_insert(match transition {
                ExtensionTransition::InitError => "Extension.InitError",
                _ => "Extension.ExitError",
            });
        }
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// A place for an internal extension.
    fn add_internal(&mut self, name: &str, is_taken: bool) -> Result<usize, Refusal> {
        if !self.is_open {
            let text = "Extension registration closed already";
            return Err(Refusal::new("Extension.RegistrationClosed", text));
        }
        if is_taken {
            let text = "Extension with this name already registered";
            return Err(Refusal::new("Extension.InvalidExtensionState", text));
        }
        if self.extensions.len() >= limits::EXTENSIONS_MAX {
            let text = format!("Extension limit ({}) reached", limits::EXTENSIONS_MAX);
            return Err(Refusal::new("Extension.TooManyExtensions", text));
        }
        self.extensions.push(Extension::new(name.to_owned(), false));
        Ok(self.extensions.len() - 1)
    }

    fn find(&mut self, id: Uuid) -> Result<&mut Extension, Refusal> {
        let known = self.extensions.iter_mut().find(|extension| extension.id == id);
        known.ok_or_else(|| {
            Refusal::new("Extension.UnknownExtensionIdentifier", format!("Unknown extension {id}"))
        })
    }
}

/// External extensions hear of invocations and of the end, internal ones of invocations only.
fn checked_event(event: &str, is_external: bool) -> Result<&'static str, Refusal> {
    match event {
        INVOKE => Ok(INVOKE),
        SHUTDOWN if is_external => Ok(SHUTDOWN),
        SHUTDOWN => Err(invalid_event(event, "ShutdownEventNotSupportedForInternalExtension")),
        _ => Err(invalid_event(event, "ErrorInvalidEventType")),
    }
}

fn invalid_event(event: &str, why: &str) -> Refusal {
    Refusal::new("Extension.InvalidEventType", format!("{event}: {why}"))
}

fn invalid_state(message: String) -> Refusal {
    Refusal::new("Extension.InvalidExtensionState", message)
}

fn invoke_body(event: &InvokeEvent<'_>) -> String {
    let mut body = json!({
        "eventType": INVOKE,
        "deadlineMs": event.deadline_ms,
        "requestId": event.request_id,
        "invokedFunctionArn": event.invoked_function_arn,
    });
    if let Some(trace_id) = event.trace_id {
        body["tracing"] = json!({ "type": "X-Amzn-Trace-Id", "value": trace_id });
    }
    body.to_string()
}
