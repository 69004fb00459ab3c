//! The last lines of an invocation, and its figures (G-02, T-04, B.21).

use hyper::body::Bytes;
use lambda_model::{
    billing,
    invocation::{FunctionErrorKind, Invocation, Measurements, trace_header::TraceHeader},
    platform_log::{PlatformEvent, Report, RuntimeDone, Span, Status, TraceContext},
};
use tokio::time::Instant;

use super::{Environment, initialize::micros_since, outcome::Ended};
use crate::{clock, runtime_api::Timings};

/// When the parties of an invocation were done.
pub(super) struct Finished {
    /// The runtime asked for more, or never will.
    pub runtime_done: Instant,
    /// All extensions did; `None` where there are none.
    pub extensions_done: Option<Instant>,
}

impl Environment {
    /// Tells of the end of an invocation.
    pub(super) fn report(
        &mut self,
        invocation: &Invocation,
        started: Instant,
        ended: &mut Ended,
        finished: &Finished,
    ) {
        let duration_us = self.reported_duration_us(started, &ended.status);
        let init_us = self.unreported_init_us.take();
        let measurements = Measurements {
            duration_us,
            billed_duration_ms: billing::billed_duration_ms(init_us, duration_us),
            init_us,
            memory_used_max_mb: self.memory_used_max_mb(),
        };
        self.memory_mb = measurements.memory_used_max_mb;
        self.tell_runtime_done(invocation, ended, finished);
        let seconds = self.version.configuration.timeout_seconds;
        if let Some(text) = failure_text(&invocation.request_id, seconds, ended) {
            self.log.tell(&PlatformEvent::Fault(text));
        }
        let report = PlatformEvent::Report(Report {
            request_id: invocation.request_id.clone(),
            duration_us,
            billed_duration_ms: measurements.billed_duration_ms,
            memory_size_mb: self.version.configuration.memory_size_mb,
            memory_used_max_mb: measurements.memory_used_max_mb,
            init_us,
            status: ended.status.clone(),
            spans: finished
                .extensions_done
                .map(|done| extension_overhead(finished, done))
                .into_iter()
                .collect(),
            tracing: trace_context(invocation),
            sampled: self.sampled(invocation),
        });
        self.log.make_room_for(&report);
        self.log.tell_next(&PlatformEvent::End { request_id: invocation.request_id.clone() });
        self.log.tell_next(&report);
        ended.outcome.measurements = Some(measurements);
    }

    fn tell_runtime_done(&mut self, invocation: &Invocation, ended: &Ended, finished: &Finished) {
        if !self.log.tells_runtime_done() {
            return;
        }
        let timings = self.api.shared.runtime.timings();
        let duration_us = timings.delivered.map_or(0, |delivered| micros(delivered, finished.runtime_done));
        self.log.tell(&PlatformEvent::RuntimeDone(RuntimeDone {
            request_id: invocation.request_id.clone(),
            status: ended.status.clone(),
            duration_us,
            produced_bytes: timings.answer_ended.map(|_| timings.produced_bytes),
            spans: spans(&timings, finished.runtime_done),
            tracing: trace_context(invocation),
        }));
    }

    /// A timed-out invocation lasted exactly its timeout, whenever the timer's thread ran.
    fn reported_duration_us(&self, started: Instant, status: &Status) -> u64 {
        match status {
            Status::Timeout => u64::try_from(self.timeout().as_micros()).unwrap_or(u64::MAX),
            _ => micros_since(started),
        }
    }

    /// Root and segment of an invocation that the function's tracing samples.
    pub(super) fn sampled(&self, invocation: &Invocation) -> Option<(String, String)> {
        if self.version.configuration.tracing_mode != "Active" {
            return None;
        }
        let header = TraceHeader::parse(invocation.trace_id.as_deref()?)?;
        let is_sampled = header.sampled == Some(true);
        is_sampled.then_some((header.root, header.parent?))
    }

    fn memory_used_max_mb(&mut self) -> u64 {
        self.sandbox.memory_peak_bytes().unwrap_or(0).div_ceil(1024 * 1024)
    }
}

/// The trace of an invocation as telemetry names it.
pub(super) fn trace_context(invocation: &Invocation) -> Option<TraceContext> {
    let value = invocation.trace_id.clone()?;
    let parent = value.split(';').find_map(|part| part.strip_prefix("Parent=")).map(str::to_owned);
    Some(TraceContext { span_id: parent, value })
}

/// The parts of a runtime's work, as far as they happened (T-04).
fn spans(timings: &Timings, runtime_done: Instant) -> Vec<Span> {
    let parts = [
        ("responseLatency", timings.delivered, timings.answer_began),
        ("responseDuration", timings.answer_began, timings.answer_ended),
        ("runtimeOverhead", timings.answer_ended, Some(runtime_done)),
    ];
    let spans = parts.into_iter().filter_map(|(name, from, to)| Some(span(name, from?, to?)));
    spans.collect()
}

/// From the runtime's end to that of the last extension (B-07).
fn extension_overhead(finished: &Finished, done: Instant) -> Span {
    span("extensionOverhead", finished.runtime_done, done)
}

fn span(name: &'static str, from: Instant, to: Instant) -> Span {
    Span { name, start: clock::iso8601_ms_of(from), duration_us: micros(from, to) }
}

fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}

/// What the log says before END when the platform ended the invocation.
fn failure_text(request_id: &str, timeout_seconds: i64, ended: &Ended) -> Option<String> {
    match &ended.status {
        Status::Success => None,
        Status::Timeout => {
            let now = clock::iso8601_ms();
            Some(format!("{now} {request_id} Task timed out after {timeout_seconds}.00 seconds\n\n"))
        }
        Status::Error(kind) if ended.outcome.error == Some(FunctionErrorKind::Platform) => {
            Some(format!("{}\n{kind}\n", platform_message(&ended.outcome.payload)))
        }
        Status::Error(kind) => Some(format!("Unknown application error occurred\n{kind}\n")),
    }
}

fn platform_message(payload: &Bytes) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
    let message = parsed.as_ref().and_then(|value| value.get("errorMessage")?.as_str());
    message.unwrap_or("Unknown application error occurred").to_owned()
}
