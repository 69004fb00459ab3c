//! Labelled points at which the crash tests kill the server: events of the target `crash_point`, whose message is the label. Debug
//! builds only.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use rustix::process::{Signal, getpid, kill_process};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::Context,
    registry::LookupSpan,
};

/// What the events of these points have for their target.
const TARGET: &str = "crash_point";

/// Where to die.
#[derive(Debug, Clone)]
pub(super) struct CrashAt {
    label: String,
    /// Times that are left.
    left: Arc<AtomicU32>,
}

/// Reads `LABEL=N`.
pub(super) fn parse(text: &str) -> Result<CrashAt, String> {
    let (label, times) = text.rsplit_once('=').ok_or("LABEL=N is needed")?;
    let left = times.parse().map_err(|error| format!("{times}: {error}"))?;
    Ok(CrashAt { label: label.into(), left: Arc::new(AtomicU32::new(left)) })
}

/// Sees to it.
pub(super) fn layer<S>(at: CrashAt) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    at.with_filter(Targets::new().with_target(TARGET, LevelFilter::TRACE))
}

impl<S: Subscriber> Layer<S> for CrashAt {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut label = Label(None);
        event.record(&mut label);
        let is_here = label.0.as_deref() == Some(self.label.as_str());
        if is_here && self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // As a power cut would: nothing of ours runs after this.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}

struct Label(Option<String>);

impl Visit for Label {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}
