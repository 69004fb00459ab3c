//! The lines that the platform writes into a function's log (G-01, G-02, L-05), in the text format.

use std::fmt::Write;

/// `START RequestId: ... Version: ...`.
pub fn start(request_id: &str, version: &str) -> String {
    format!("START RequestId: {request_id} Version: {version}\n")
}

/// `END RequestId: ...`.
pub fn end(request_id: &str) -> String {
    format!("END RequestId: {request_id}\n")
}

/// `INIT_START Runtime Version: ...\tRuntime Version ARN: ...`, the first line of an environment.
pub fn init_start(runtime_version: &str, runtime_version_arn: &str) -> String {
    format!("INIT_START Runtime Version: {runtime_version}\tRuntime Version ARN: {runtime_version_arn}\n")
}

/// Phase of a failed initialization, as its log line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitPhase {
    /// Before any invocation.
    Init,
    /// Inside the first invocation, after a failure or a time-out of the first attempt.
    Invoke,
}

/// How an initialization failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitFailure {
    /// The time was up.
    Timeout,
    /// The runtime reported an error or exited; carries the error type, such as `Runtime.ExitError`.
    Error(String),
}

/// `INIT_REPORT ...`, written only for a failed initialization (L-05, L-07).
pub fn init_report(duration_us: u64, phase: InitPhase, failure: &InitFailure) -> String {
    let phase = match phase {
        InitPhase::Init => "init",
        InitPhase::Invoke => "invoke",
    };
    let status = match failure {
        InitFailure::Timeout => "timeout".to_owned(),
        InitFailure::Error(kind) => format!("error\tError Type: {kind}"),
    };
    format!("INIT_REPORT Init Duration: {} ms\tPhase: {phase}\tStatus: {status}\n", millis(duration_us))
}

/// What a REPORT line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<'a> {
    /// The invocation.
    pub request_id: &'a str,
    /// Time in the handler and, at the end, until the runtime asked for more; microseconds.
    pub duration_us: u64,
    /// See [`crate::billing`]; milliseconds.
    pub billed_duration_ms: u64,
    /// Configured, MB.
    pub memory_size_mb: i64,
    /// Highest of the environment so far, MB.
    pub memory_used_max_mb: u64,
    /// Only in the first report of an environment, microseconds.
    pub init_us: Option<u64>,
    /// `timeout`, or `error` with its type; nothing for a success or a handler's own error.
    pub status: Option<ReportStatus<'a>>,
}

/// The end of a REPORT line of an invocation that the platform ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportStatus<'a> {
    /// The function's timeout was up.
    Timeout,
    /// The runtime failed; carries the error type.
    Error(&'a str),
}

/// The REPORT line; fields end in a tab, as on AWS (G-02).
pub fn report(report: &Report<'_>) -> String {
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
        Some(ReportStatus::Timeout) => line.push_str("Status: timeout"),
        Some(ReportStatus::Error(kind)) => {
            let _ = write!(line, "Status: error\tError Type: {kind}");
        }
        None => {}
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
            request_id: "6bc28136-xmpl",
            duration_us: 1_049_631,
            billed_duration_ms: 2_344,
            memory_size_mb: 128,
            memory_used_max_mb: 39,
            init_us: Some(1_293_830),
            status: None,
        });
        assert_eq!(
            line,
            "REPORT RequestId: 6bc28136-xmpl\tDuration: 1049.63 ms\tBilled Duration: 2344 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 39 MB\tInit Duration: 1293.83 ms\t\n"
        );
    }

    #[test]
    fn a_failed_init_names_phase_and_type() {
        let line = init_report(12_340, InitPhase::Invoke, &InitFailure::Error("Runtime.ExitError".into()));
        assert_eq!(
            line,
            "INIT_REPORT Init Duration: 12.34 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"
        );
    }
}
