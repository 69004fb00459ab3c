//! Execution logs: what happens to a request on its way, told to whoever tries a method out, and written into the log group of its stage
//! where the settings of its method want that (API Gateway guide, "Set up CloudWatch logging for REST APIs").

use serde_json::Value;

use super::Visit;
use crate::gateway::access_log::AccessLogs;

/// What somebody wants to know of a request.
pub(super) struct ExecutionLog {
    lines: Vec<String>,
    /// Whether nothing is told but why there is no answer.
    is_of_errors: bool,
    /// Whether what is sent, and what comes, is told too.
    has_data: bool,
}

impl ExecutionLog {
    /// Everything.
    pub(super) fn whole() -> Self {
        Self { lines: Vec::new(), is_of_errors: false, has_data: true }
    }

    /// What the settings of the request's method want.
    pub(super) fn wanted(visit: &Visit<'_>) -> Option<Self> {
        let level = visit.method_setting("loggingLevel").and_then(Value::as_str)?;
        let has_data = visit.method_setting("dataTraceEnabled").and_then(Value::as_bool).unwrap_or(false);
        let log = |is_of_errors| Some(Self { lines: Vec::new(), is_of_errors, has_data });
        match level {
            "INFO" => log(false),
            "ERROR" => log(true),
            _ => None,
        }
    }

    /// Something happened.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if !self.is_of_errors {
            self.lines.push(line());
        }
    }

    /// The same of what clients and integrations send.
    pub(super) fn note_data(&mut self, line: impl FnOnce() -> String) {
        if self.has_data {
            self.note(line);
        }
    }

    /// Why there is no answer.
    pub(super) fn note_error(&mut self, line: String) {
        self.lines.push(line);
    }

    /// All lines as one text.
    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Writes the lines into the stage's group, each with the request that it is of.
    pub(super) fn write(self, logs: &AccessLogs, visit: &Visit<'_>) {
        let (api, stage, id) = (visit.api, visit.stage.name, &visit.web.request_id);
        let group = format!("API-Gateway-Execution-Logs_{}/{stage}", api.api_id);
        let group = format!("arn:aws:logs:{}:{}:log-group:{group}", api.region, api.account_id);
        for line in self.lines {
            logs.put_into_own(&group, api.api_id.to_owned(), visit.web.time_ms, format!("({id}) {line}"));
        }
    }
}

/// The lines that a request begins with.
pub(super) fn begin(visit: &mut Visit<'_>) {
    let Some(mut log) = visit.known.log.take() else { return };
    let (web, id) = (&visit.web, &visit.web.request_id);
    log.note(|| format!("Extended Request Id: {id}"));
    log.note(|| format!("Starting execution for request: {id}"));
    log.note(|| format!("HTTP Method: {}, Resource Path: {}", web.method, visit.method.resource_path));
    log.note_data(|| format!("Method request path: {:?}", visit.parameters));
    log.note_data(|| format!("Method request query string: {:?}", visit.query));
    log.note_data(|| format!("Method request headers: {:?}", web.headers));
    visit.known.log = Some(log);
}

/// The line of a request's body.
pub(super) fn body_came(visit: &mut Visit<'_>) {
    let body = &visit.web.body;
    visit.known.note_data(|| {
        format!("Method request body before transformations: {}", String::from_utf8_lossy(body))
    });
}
