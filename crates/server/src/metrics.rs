//! Counters under AWS's metric names and dimensions (B.22), rendered as Prometheus text.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use lambda_model::{
    concurrency::Place,
    error::ThrottleReason,
    function::FunctionKey,
    invocation::asynchronous::DeliveryKind,
    ports::{EventSourceCount, InvocationEnd, MetricSink, ScheduleMetrics},
};

/// Counters of every function version that was invoked.
#[derive(Default)]
pub(crate) struct Metrics {
    /// By function and version: looked up for each invocation, so without a key of its own for that.
    versions: RwLock<BTreeMap<FunctionKey, BTreeMap<String, Arc<Counters>>>>,
    environments_started: AtomicU64,
    event_sources: Mutex<BTreeMap<(EventSourceCount, String), u64>>,
    schedules_dropped: Mutex<BTreeMap<String, u64>>,
}

#[derive(Default)]
struct Counters {
    invocations: AtomicU64,
    errors: AtomicU64,
    throttles: AtomicU64,
    provisioned: AtomicU64,
    spillover: AtomicU64,
    duration_us: AtomicU64,
    duration_count: AtomicU64,
    billed_duration_ms: AtomicU64,
    init_us: AtomicU64,
    concurrent_executions: AtomicI64,
    async_events_received: AtomicU64,
    async_event_age_ms: AtomicU64,
    async_event_age_count: AtomicU64,
    async_events_dropped: AtomicU64,
    iterator_age_ms: AtomicU64,
    iterator_age_count: AtomicU64,
    recursive_invocations_dropped: AtomicU64,
    destination_delivery_failures: AtomicU64,
    dead_letter_errors: AtomicU64,
}

impl Metrics {
    fn counters(&self, key: &FunctionKey, version: &str) -> Arc<Counters> {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = versions.get(key).and_then(|versions| versions.get(version)) {
            return Arc::clone(counters);
        }
        drop(versions);
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(versions.entry(key.clone()).or_default().entry(version.to_owned()).or_default())
    }

    /// Forgets everything but what runs now, whose end is still to be counted.
    pub(crate) fn reset(&self) {
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.retain(|_, versions| {
            versions.retain(|_, counters| counters.concurrent_executions.load(Ordering::Relaxed) > 0);
            !versions.is_empty()
        });
        self.event_source_counts().clear();
        self.schedules_dropped().clear();
    }

    /// The Prometheus text format. `log_blocks_dropped` is counted elsewhere.
    pub(crate) fn render(&self, log_blocks_dropped: u64) -> String {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for metric in METRICS {
            let _ = writeln!(text, "# HELP {} {}", metric.name, metric.help);
            let _ = writeln!(text, "# TYPE {} {}", metric.name, metric.kind);
            let each = versions.iter().flat_map(|(key, versions)| versions.iter().map(move |of| (key, of)));
            for (key, (version, counters)) in each {
                let _ = writeln!(
                    text,
                    "{}{{account_id=\"{}\",region=\"{}\",FunctionName=\"{}\",Resource=\"{}:{version}\"}} {}",
                    metric.name,
                    key.account_id,
                    key.region,
                    key.name,
                    key.name,
                    (metric.value)(counters)
                );
            }
        }
        self.render_event_sources(&mut text);
        self.render_schedules(&mut text);
        let started = self.environments_started.load(Ordering::Relaxed);
        for (name, help, value) in [
            ("lambent_environments_started_total", "Execution environments started.", started),
            (
                "lambent_log_blocks_dropped_total",
                "Blocks of function log lines that the disk could not take.",
                log_blocks_dropped,
            ),
        ] {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        text
    }
}

impl Metrics {
    fn event_source_counts(&self) -> MutexGuard<'_, BTreeMap<(EventSourceCount, String), u64>> {
        self.event_sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn schedules_dropped(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.schedules_dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn render_schedules(&self, text: &mut String) {
        const NAME: &str = "aws_scheduler_InvocationDroppedCount_total";
        const HELP: &str =
            "Invocations of a schedule that were due so long ago that their target gets nothing.";
        let _ = writeln!(text, "# HELP {NAME} {HELP}\n# TYPE {NAME} counter");
        for (schedule, dropped) in self.schedules_dropped().iter() {
            let _ = writeln!(text, "{NAME}{{Schedule=\"{schedule}\"}} {dropped}");
        }
    }

    fn render_event_sources(&self, text: &mut String) {
        let counts = self.event_source_counts();
        for (what, help) in EVENT_SOURCE_METRICS {
            let name = format!("aws_lambda_{what:?}EventCount_total");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for ((_, mapping), events) in counts.iter().filter(|((counted, _), _)| counted == what) {
                let _ = writeln!(text, "{name}{{EventSourceMappingUUID=\"{mapping}\"}} {events}");
            }
        }
    }
}

/// What is counted of event source mappings.
const EVENT_SOURCE_METRICS: &[(EventSourceCount, &str)] = &[
    (EventSourceCount::Polled, "Events that an event source mapping has read."),
    (EventSourceCount::FilteredOut, "Events that no filter of the mapping let through."),
    (EventSourceCount::Invoked, "Events that the mapping has invoked its function with."),
    (EventSourceCount::FailedInvoke, "Events whose invocation has failed."),
    (EventSourceCount::Deleted, "Events that the mapping has deleted from their queue."),
    (EventSourceCount::Committed, "Events of Kafka that the mapping has committed the offsets of."),
    (EventSourceCount::Dropped, "Events that the mapping has given up."),
    (
        EventSourceCount::OnFailureDestinationDelivered,
        "Events that were given up and that the destination is told of.",
    ),
];

struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Counters) -> String,
}

const METRICS: &[Metric] = &[
    Metric {
        name: "aws_lambda_Invocations_total",
        kind: "counter",
        help: "Invocations that ran, function errors included.",
        value: |counters| counters.invocations.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_Errors_total",
        kind: "counter",
        help: "Invocations that ended in a function error.",
        value: |counters| counters.errors.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_Throttles_total",
        kind: "counter",
        help: "Requests that were throttled.",
        value: |counters| counters.throttles.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_ProvisionedConcurrencyInvocations_total",
        kind: "counter",
        help: "Invocations in provisioned environments.",
        value: |counters| counters.provisioned.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_ProvisionedConcurrencySpilloverInvocations_total",
        kind: "counter",
        help: "Invocations beyond the provisioned environments of their version.",
        value: |counters| counters.spillover.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_Duration_milliseconds_sum",
        kind: "counter",
        help: "Time that invocations took, milliseconds.",
        value: |counters| millis(counters.duration_us.load(Ordering::Relaxed)),
    },
    Metric {
        name: "aws_lambda_Duration_milliseconds_count",
        kind: "counter",
        help: "Invocations whose time is in the sum.",
        value: |counters| counters.duration_count.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_BilledDuration_milliseconds_total",
        kind: "counter",
        help: "Billed time, milliseconds.",
        value: |counters| counters.billed_duration_ms.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_InitDuration_milliseconds_sum",
        kind: "counter",
        help: "Time that initializations took, milliseconds.",
        value: |counters| millis(counters.init_us.load(Ordering::Relaxed)),
    },
    Metric {
        name: "aws_lambda_AsyncEventsReceived_total",
        kind: "counter",
        help: "Events that were accepted for asynchronous invocation.",
        value: |counters| counters.async_events_received.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_AsyncEventAge_milliseconds_sum",
        kind: "counter",
        help: "Time from the acceptance of events to their attempts, milliseconds.",
        value: |counters| counters.async_event_age_ms.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_AsyncEventAge_milliseconds_count",
        kind: "counter",
        help: "Attempts whose event's age is in the sum.",
        value: |counters| counters.async_event_age_count.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_IteratorAge_milliseconds_sum",
        kind: "counter",
        help: "Time from the arrival of the last records of batches to the end of their invocations, milliseconds.",
        value: |counters| counters.iterator_age_ms.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_IteratorAge_milliseconds_count",
        kind: "counter",
        help: "Batches whose age is in the sum.",
        value: |counters| counters.iterator_age_count.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_AsyncEventsDropped_total",
        kind: "counter",
        help: "Events that ended without success.",
        value: |counters| counters.async_events_dropped.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_RecursiveInvocationsDropped_total",
        kind: "counter",
        help: "Invocations that were stopped because the function calls itself in a loop.",
        value: |counters| counters.recursive_invocations_dropped.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_DestinationDeliveryFailures_total",
        kind: "counter",
        help: "Attempts to send a record to a destination that failed.",
        value: |counters| counters.destination_delivery_failures.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_DeadLetterErrors_total",
        kind: "counter",
        help: "Attempts to send an event to a dead-letter queue that failed.",
        value: |counters| counters.dead_letter_errors.load(Ordering::Relaxed).to_string(),
    },
    Metric {
        name: "aws_lambda_ConcurrentExecutions",
        kind: "gauge",
        help: "Invocations that run now.",
        value: |counters| counters.concurrent_executions.load(Ordering::Relaxed).to_string(),
    },
];

fn millis(microseconds: u64) -> String {
    format!("{}.{:03}", microseconds / 1000, microseconds % 1000)
}

impl ScheduleMetrics for Metrics {
    fn schedule_dropped(&self, schedule: &str) {
        *self.schedules_dropped().entry(schedule.to_owned()).or_default() += 1;
    }
}

impl MetricSink for Metrics {
    fn invocation_started(&self, key: &FunctionKey, version: &str) {
        self.counters(key, version).concurrent_executions.fetch_add(1, Ordering::Relaxed);
    }

    fn invocation_ended(&self, key: &FunctionKey, version: &str, ended: Option<InvocationEnd>) {
        let counters = self.counters(key, version);
        counters.concurrent_executions.fetch_sub(1, Ordering::Relaxed);
        let Some(ended) = ended else { return };
        counters.invocations.fetch_add(1, Ordering::Relaxed);
        counters.errors.fetch_add(u64::from(ended.is_error), Ordering::Relaxed);
        if let Some(measured) = ended.measurements {
            counters.duration_us.fetch_add(measured.duration_us, Ordering::Relaxed);
            counters.duration_count.fetch_add(1, Ordering::Relaxed);
            counters.billed_duration_ms.fetch_add(measured.billed_duration_ms, Ordering::Relaxed);
            counters.init_us.fetch_add(measured.init_us.unwrap_or(0), Ordering::Relaxed);
        }
    }

    fn throttled(&self, key: &FunctionKey, version: &str, _: ThrottleReason) {
        self.counters(key, version).throttles.fetch_add(1, Ordering::Relaxed);
    }

    fn provisioned_invocation(&self, key: &FunctionKey, version: &str, place: Place) {
        let counters = self.counters(key, version);
        let counter = match place {
            Place::Provisioned => &counters.provisioned,
            Place::OnDemand => &counters.spillover,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn async_event_received(&self, key: &FunctionKey, resource: &str) {
        self.counters(key, resource).async_events_received.fetch_add(1, Ordering::Relaxed);
    }

    fn async_event_age(&self, key: &FunctionKey, resource: &str, age_ms: u64) {
        let counters = self.counters(key, resource);
        counters.async_event_age_ms.fetch_add(age_ms, Ordering::Relaxed);
        counters.async_event_age_count.fetch_add(1, Ordering::Relaxed);
    }

    fn async_event_dropped(&self, key: &FunctionKey, resource: &str) {
        self.counters(key, resource).async_events_dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn recursive_invocation_dropped(&self, key: &FunctionKey, resource: &str) {
        self.counters(key, resource).recursive_invocations_dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn delivery_failed(&self, key: &FunctionKey, resource: &str, kind: DeliveryKind) {
        let counters = self.counters(key, resource);
        let counter = match kind {
            DeliveryKind::DeadLetter => &counters.dead_letter_errors,
            DeliveryKind::OnSuccess | DeliveryKind::OnFailure => &counters.destination_delivery_failures,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn iterator_age(&self, key: &FunctionKey, resource: &str, age_ms: u64) {
        let counters = self.counters(key, resource);
        counters.iterator_age_ms.fetch_add(age_ms, Ordering::Relaxed);
        counters.iterator_age_count.fetch_add(1, Ordering::Relaxed);
    }

    fn event_source_events(&self, mapping: &str, what: EventSourceCount, events: usize) {
        if events > 0 {
            *self.event_source_counts().entry((what, mapping.to_owned())).or_default() += events as u64;
        }
    }

    fn environment_started(&self, _: &FunctionKey) {
        self.environments_started.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use lambda_model::invocation::Measurements;

    use super::*;

    fn key() -> FunctionKey {
        FunctionKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: "f".into() }
    }

    /// The value of a metric of the function.
    fn value(metrics: &Metrics, name: &str) -> Option<String> {
        let labels =
            "{account_id=\"000000000000\",region=\"us-east-1\",FunctionName=\"f\",Resource=\"f:$LATEST\"} ";
        let text = metrics.render(0);
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(labels)?.to_owned()))
    }

    fn end(is_error: bool) -> Option<InvocationEnd> {
        let measurements =
            Measurements { duration_us: 1_500, billed_duration_ms: 2, init_us: None, memory_used_max_mb: 1 };
        Some(InvocationEnd { is_error, measurements: Some(measurements) })
    }

    #[test]
    fn what_ran_is_counted_and_what_could_not_run_is_not() {
        let metrics = Metrics::default();
        for ended in [end(false), end(true), None] {
            metrics.invocation_started(&key(), "$LATEST");
            metrics.invocation_ended(&key(), "$LATEST", ended);
        }
        metrics.throttled(&key(), "$LATEST", ThrottleReason::ConcurrentInvocationLimitExceeded);
        metrics.invocation_started(&key(), "$LATEST");
        for (name, expected) in [
            ("aws_lambda_Invocations_total", "2"),
            ("aws_lambda_Errors_total", "1"),
            ("aws_lambda_Throttles_total", "1"),
            ("aws_lambda_Duration_milliseconds_sum", "3.000"),
            ("aws_lambda_ConcurrentExecutions", "1"),
        ] {
            assert_eq!(value(&metrics, name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_reset_forgets_all_but_what_runs() {
        let metrics = Metrics::default();
        metrics.invocation_started(&key(), "$LATEST");
        metrics.reset();
        metrics.invocation_ended(&key(), "$LATEST", end(false));
        assert_eq!(value(&metrics, "aws_lambda_ConcurrentExecutions").as_deref(), Some("0"));
        metrics.reset();
        assert_eq!(value(&metrics, "aws_lambda_Invocations_total"), None);
    }

    #[test]
    fn dropped_log_lines_are_told() {
        assert!(Metrics::default().render(7).contains("\nlambent_log_blocks_dropped_total 7\n"));
    }

    #[test]
    fn what_schedules_drop_is_counted_until_everything_is_forgotten() {
        let metrics = Metrics::default();
        metrics.schedule_dropped("arn");
        metrics.schedule_dropped("arn");
        let line = "\naws_scheduler_InvocationDroppedCount_total{Schedule=\"arn\"} 2\n";
        assert!(metrics.render(0).contains(line));
        metrics.reset();
        assert!(!metrics.render(0).contains("Schedule=\"arn\""));
    }
}
