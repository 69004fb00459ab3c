//! Records of the Telemetry API and of the JSON log format (T-03, T-04, O-03).

use serde_json::{Map, Value, json};

use super::{InitEnd, InitStart, PlatformEvent, Report, RuntimeDone, Span, Status, TraceContext};

impl PlatformEvent {
    /// The record, without time and type.
    pub fn record(&self) -> Value {
        match self {
            Self::InitStart(start) => init_start(start),
            Self::InitRuntimeDone(end) => Value::Object(init_end(end)),
            Self::InitReport(end) => {
                let mut record = init_end(end);
                record.insert("metrics".into(), json!({ "durationMs": millis(end.duration_us) }));
                Value::Object(record)
            }
            Self::Extension(extension) => {
                let mut record = json!({
                    "name": extension.name, "state": extension.state, "events": extension.events,
                });
                if let Some(kind) = &extension.error_type {
                    record["errorType"] = json!(kind);
                }
                record
            }
            Self::Subscription(subscription) => json!({
                "name": subscription.name, "state": "Subscribed", "types": subscription.types,
            }),
            Self::Start(start) => {
                let mut record = json!({ "requestId": start.request_id, "version": start.version });
                trace(&mut record, start.tracing.as_ref());
                record
            }
            Self::RuntimeDone(done) => runtime_done(done),
            Self::Fault(text) => json!(text),
            Self::End { request_id } => json!({ "requestId": request_id }),
            Self::Report(record) => report(record),
            Self::LogsDropped(dropped) => json!({
                "reason": dropped.reason, "droppedRecords": dropped.records, "droppedBytes": dropped.bytes,
            }),
        }
    }
}

fn init_start(start: &InitStart) -> Value {
    json!({
        "initializationType": start.initialization_type,
        "phase": start.phase.as_str(),
        "runtimeVersion": start.runtime_version,
        "runtimeVersionArn": start.runtime_version_arn,
        "functionName": start.function_name,
        "functionVersion": start.function_version,
        "instanceId": start.instance_id,
        "instanceMaxMemory": start.instance_max_memory,
    })
}

fn init_end(end: &InitEnd) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("initializationType".into(), json!(end.initialization_type));
    record.insert("phase".into(), json!(end.phase.as_str()));
    status(&mut record, &end.status);
    record
}

fn runtime_done(done: &RuntimeDone) -> Value {
    let mut record = Map::new();
    record.insert("requestId".into(), json!(done.request_id));
    status(&mut record, &done.status);
    let mut metrics = json!({ "durationMs": millis(done.duration_us) });
    if let Some(bytes) = done.produced_bytes {
        metrics["producedBytes"] = json!(bytes);
    }
    record.insert("metrics".into(), metrics);
    spans(&mut record, &done.spans);
    let mut record = Value::Object(record);
    trace(&mut record, done.tracing.as_ref());
    record
}

fn report(report: &Report) -> Value {
    let mut record = Map::new();
    record.insert("requestId".into(), json!(report.request_id));
    status(&mut record, &report.status);
    let mut metrics = json!({
        "durationMs": millis(report.duration_us),
        "billedDurationMs": report.billed_duration_ms,
        "memorySizeMB": report.memory_size_mb,
        "maxMemoryUsedMB": report.memory_used_max_mb,
    });
    if let Some(init_us) = report.init_us {
        metrics["initDurationMs"] = json!(millis(init_us));
    }
    record.insert("metrics".into(), metrics);
    spans(&mut record, &report.spans);
    let mut record = Value::Object(record);
    trace(&mut record, report.tracing.as_ref());
    record
}

fn status(record: &mut Map<String, Value>, status: &Status) {
    record.insert("status".into(), json!(status.as_str()));
    if let Some(kind) = status.error_type() {
        record.insert("errorType".into(), json!(kind));
    }
}

fn spans(record: &mut Map<String, Value>, spans: &[Span]) {
    if spans.is_empty() {
        return;
    }
    let spans = spans.iter().map(
        |span| json!({ "name": span.name, "start": span.start, "durationMs": millis(span.duration_us) }),
    );
    record.insert("spans".into(), spans.collect());
}

fn trace(record: &mut Value, tracing: Option<&TraceContext>) {
    let Some(tracing) = tracing else { return };
    let mut context = json!({ "type": "X-Amzn-Trace-Id", "value": tracing.value });
    if let Some(span_id) = &tracing.span_id {
        context["spanId"] = json!(span_id);
    }
    record["tracing"] = context;
}

/// Milliseconds with the precision of microseconds (T-04).
fn millis(microseconds: u64) -> f64 {
    microseconds as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_documented_members() {
        let event = PlatformEvent::Report(Report {
            request_id: "id".into(),
            duration_us: 693_920,
            billed_duration_ms: 694,
            memory_size_mb: 128,
            memory_used_max_mb: 84,
            init_us: Some(397_680),
            status: Status::Error("Runtime.ExitError".into()),
            spans: vec![Span { name: "extensionOverhead", start: "t".into(), duration_us: 1_500 }],
            tracing: Some(TraceContext { span_id: None, value: "Root=1-a-b".into() }),
            sampled: None,
        });
        assert_eq!(event.event_type(), "platform.report");
        assert_eq!(
            event.record(),
            json!({
                "requestId": "id",
                "status": "error",
                "errorType": "Runtime.ExitError",
                "metrics": {
                    "durationMs": 693.92, "billedDurationMs": 694, "memorySizeMB": 128, "maxMemoryUsedMB": 84,
                    "initDurationMs": 397.68,
                },
                "spans": [{ "name": "extensionOverhead", "start": "t", "durationMs": 1.5 }],
                "tracing": { "type": "X-Amzn-Trace-Id", "value": "Root=1-a-b" },
            })
        );
    }
}
