//! Lines of the text format (G-01, G-02, L-05 to L-07).

use std::fmt::Write;

use super::{ExtensionInit, InitEnd, InitPhase, InitStart, PlatformEvent, Report, Status, Subscription};

impl PlatformEvent {
    /// Whether [`PlatformEvent::text`] tells of it.
    pub fn has_text(&self) -> bool {
        match self {
            Self::InitStart(start) => start.phase == InitPhase::Init,
            Self::InitReport(report) => report.status != Status::Success,
            Self::InitRuntimeDone(_) | Self::RuntimeDone(_) | Self::LogsDropped(_) => false,
            Self::Extension(_)
            | Self::Subscription(_)
            | Self::Start(_)
            | Self::Fault(_)
            | Self::End { .. }
            | Self::Report(_) => true,
        }
    }

    /// The line, or lines, with the newline; `None` for what the text format does not tell.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::InitStart(start) => init_start(start),
            Self::InitReport(report) => init_report(report),
            Self::Extension(extension) => Some(line_of_extension(extension)),
            Self::Subscription(subscription) => Some(line_of_subscription(subscription)),
            Self::Start(start) => {
                Some(format!("START RequestId: {} Version: {}\n", start.request_id, start.version))
            }
            Self::Fault(text) => Some(text.clone()),
            Self::End { request_id } => Some(format!("END RequestId: {request_id}\n")),
            Self::Report(line) => Some(report(line)),
            Self::InitRuntimeDone(_) | Self::RuntimeDone(_) | Self::LogsDropped(_) => None,
        }
    }
}

/// Written for the first initialization of an environment only (L-06).
fn init_start(start: &InitStart) -> Option<String> {
    let InitStart { phase, runtime_version: version, runtime_version_arn: arn, .. } = start;
    let is_first = *phase == InitPhase::Init;
    is_first.then(|| format!("INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}\n"))
}

/// Written only for a failed initialization (L-05, L-07).
fn init_report(report: &InitEnd) -> Option<String> {
    let status = match &report.status {
        Status::Success => return None,
        Status::Timeout => "timeout".to_owned(),
        Status::Error(kind) => format!("error\tError Type: {kind}"),
    };
    let (duration, phase) = (millis(report.duration_us), report.phase.as_str());
    Some(format!("INIT_REPORT Init Duration: {duration} ms\tPhase: {phase}\tStatus: {status}\n"))
}

fn line_of_extension(extension: &ExtensionInit) -> String {
    let ExtensionInit { name, state, events, error_type } = extension;
    let (name, events) = (printable(name), events.join(", "));
    let error = error_type.as_ref().map(|kind| format!("\tError Type: {}", printable(kind)));
    format!("EXTENSION\tName: {name}\tState: {state}\tEvents: [{events}]{}\n", error.unwrap_or_default())
}

fn line_of_subscription(subscription: &Subscription) -> String {
    let api = if subscription.is_of_logs_api { "LOGS" } else { "TELEMETRY" };
    let types: Vec<String> = subscription.types.iter().map(|name| capitalized(name)).collect();
    format!(
        "{api}\tName: {}\tState: Subscribed\tTypes: [{}]\n",
        printable(&subscription.name),
        types.join(", ")
    )
}

/// Names are the extension's own choice: one that breaks the line could forge another.
fn printable(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Fields end in a tab, as on AWS (G-02).
fn report(report: &Report) -> String {
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
        report.request_id,
        millis(report.duration_us),
        report.billed_duration_ms,
        report.memory_size_mb,
        report.memory_used_max_mb,
    );
    if let Some(init_us) = report.init_us {
        let _ = write!(line, "Init Duration: {} ms\t", millis(init_us));
    }
    match &report.status {
        Status::Timeout => line.push_str("Status: timeout"),
        Status::Error(kind) => {
            let _ = write!(line, "Status: error\tError Type: {kind}");
        }
        Status::Success => {}
    }
    if let Some((root, segment)) = &report.sampled {
        let _ = write!(line, "\nXRAY TraceId: {root}\tSegmentId: {segment}\tSampled: true\t");
    }
    line.push('\n');
    line
}

fn millis(microseconds: u64) -> String {
    // Integer arithmetic: two decimals, rounded half up, as AWS prints them.
    let hundredths = (microseconds + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_on_aws() {
        let line = report(&Report {
            request_id: "6bc28136-xmpl".into(),
            duration_us: 1_049_631,
            billed_duration_ms: 2_344,
            memory_size_mb: 128,
            memory_used_max_mb: 39,
            init_us: Some(1_293_830),
            status: Status::Success,
            spans: Vec::new(),
            tracing: None,
            sampled: None,
        });
        assert_eq!(
            line,
            "REPORT RequestId: 6bc28136-xmpl\tDuration: 1049.63 ms\tBilled Duration: 2344 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 39 MB\tInit Duration: 1293.83 ms\t\n"
        );
    }

    #[test]
    fn a_failed_init_names_phase_and_type_and_a_good_one_is_not_told() {
        let mut end = InitEnd {
            initialization_type: "on-demand",
            phase: InitPhase::Invoke,
            status: Status::Error("Runtime.ExitError".into()),
            duration_us: 12_340,
        };
        assert_eq!(
            init_report(&end).as_deref(),
            Some(
                "INIT_REPORT Init Duration: 12.34 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"
            )
        );
        end.status = Status::Success;
        assert_eq!(init_report(&end), None);
    }

    #[test]
    fn extensions_and_their_subscriptions_have_lines() {
        let extension = ExtensionInit {
            name: "datadog-agent".into(),
            state: "Ready",
            events: vec!["INVOKE", "SHUTDOWN"],
            error_type: None,
        };
        assert_eq!(
            line_of_extension(&extension),
            "EXTENSION\tName: datadog-agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"
        );
        let subscription = Subscription {
            name: "datadog-agent".into(),
            types: vec!["platform", "function", "extension"],
            is_of_logs_api: false,
        };
        assert_eq!(
            line_of_subscription(&subscription),
            "TELEMETRY\tName: datadog-agent\tState: Subscribed\tTypes: [Platform, Function, Extension]\n"
        );
    }

    #[test]
    fn a_name_cannot_forge_a_line() {
        let extension =
            ExtensionInit { name: "x\nSTART".into(), state: "Ready", events: Vec::new(), error_type: None };
        let line = line_of_extension(&extension);
        assert_eq!(line, "EXTENSION\tName: x?START\tState: Ready\tEvents: []\n");
    }

    #[test]
    fn what_has_a_text_is_known_before_it_is_made() {
        let start = |phase| {
            PlatformEvent::InitStart(InitStart {
                initialization_type: "on-demand",
                phase,
                runtime_version: "python:3.11.v1".into(),
                runtime_version_arn: String::new(),
                function_name: "f".into(),
                function_version: "1".into(),
                instance_id: String::new(),
                instance_max_memory: 1,
            })
        };
        let end = |status| InitEnd {
            initialization_type: "on-demand",
            phase: InitPhase::Init,
            status,
            duration_us: 1,
        };
        let events = [
            start(InitPhase::Init),
            start(InitPhase::Invoke),
            PlatformEvent::InitReport(end(Status::Success)),
            PlatformEvent::InitReport(end(Status::Timeout)),
            PlatformEvent::InitReport(end(Status::Error("Runtime.ExitError".into()))),
            PlatformEvent::InitRuntimeDone(end(Status::Timeout)),
            PlatformEvent::Fault("gone\n".into()),
            PlatformEvent::End { request_id: "r".into() },
        ];
        for event in events {
            assert_eq!(event.has_text(), event.text().is_some(), "{event:?}");
        }
    }
}
