//! Logs of stages: access logs, with a line for each request, in the log group that the stage names, and execution logs of REST APIs in one
//! of their own; many lines at a time.
//!
//! ```text
//! answered ──► a line waits (a bounded number; what is more is dropped, which the server's log tells) ──► the group's stream
//! ```

use std::collections::BTreeMap;

use lambda_model::error::with_causes;
use services::apigatewayv2::DeployedStage;
use store::{LogEvent, LogGroupKey, LogGroupSettings, Logs, StoreError};
use tokio::sync::mpsc;

use super::limits;

/// A line, and where it goes.
struct Line {
    group: LogGroupKey,
    stream: String,
    at_ms: i64,
    text: String,
    /// Whether the group and its stream are made where they are not there.
    makes_group: bool,
}

/// The log group that a stage of an HTTP or WebSocket API names for its access log, and the form of a line.
pub(super) fn settings(stage: &DeployedStage) -> Option<(&str, &str)> {
    let settings = stage.settings.get("AccessLogSettings")?;
    Some((settings["DestinationArn"].as_str()?, settings["Format"].as_str()?))
}

/// See the module's doc.
pub(super) struct AccessLogs(mpsc::Sender<Line>);

impl AccessLogs {
    /// Into these logs, until this is dropped.
    pub(super) fn start(logs: Logs) -> Self {
        let (sender, lines) = mpsc::channel(limits::ACCESS_LOG_LINES_WAITING_MAX);
        tokio::spawn(write(logs, lines));
        Self(sender)
    }

    /// Puts a line into a group by its ARN.
    pub(super) fn put(&self, group_arn: &str, stream: String, at_ms: i64, text: String) {
        self.wait_for_its_turn(group_arn, (stream, at_ms, text), false);
    }

    /// Puts a line into a group that is the API's own, and is made where it is not there.
    pub(super) fn put_into_own(&self, group_arn: &str, stream: String, at_ms: i64, text: String) {
        self.wait_for_its_turn(group_arn, (stream, at_ms, text), true);
    }

    fn wait_for_its_turn(
        &self,
        group_arn: &str,
        (stream, at_ms, text): (String, i64, String),
        makes_group: bool,
    ) {
        let Some(group) = group_of(group_arn) else { return };
        if self.0.try_send(Line { group, stream, at_ms, text, makes_group }).is_err() {
            tracing::warn!("a log of an API is behind: a line is dropped");
        }
    }
}

fn group_of(arn: &str) -> Option<LogGroupKey> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "logs", region, account_id, resource] = parts[..] else { return None };
    let name = resource.strip_prefix("log-group:")?;
    let name = name.strip_suffix(":*").unwrap_or(name).to_owned();
    Some(LogGroupKey { account_id: account_id.to_owned(), region: region.to_owned(), name })
}

async fn write(logs: Logs, mut lines: mpsc::Receiver<Line>) {
    let mut taken = Vec::new();
    while lines.recv_many(&mut taken, limits::ACCESS_LOG_LINES_MAX).await > 0 {
        let (logs, taken) = (logs.clone(), std::mem::take(&mut taken));
        let _ = tokio::task::spawn_blocking(move || put_all(&logs, &taken)).await;
    }
}

fn put_all(logs: &Logs, lines: &[Line]) {
    let mut by_stream = BTreeMap::<(&LogGroupKey, &str), Vec<&Line>>::new();
    lines.iter().for_each(|line| by_stream.entry((&line.group, &line.stream)).or_default().push(line));
    for ((group, stream), lines) in by_stream {
        if let Some(made) = lines.iter().find(|line| line.makes_group) {
            let settings = LogGroupSettings::new(group.name.as_str(), made.at_ms);
            if let Err(error) = logs.create_group(group, settings) {
                tracing::warn!(group = group.name, error = with_causes(&error), "a log group cannot be made");
            }
        }
        let events: Vec<_> = lines
            .iter()
            .map(|line| LogEvent { timestamp_ms: line.at_ms, message: line.text.as_bytes() })
            .collect();
        if let Err(error) = put(logs, group, stream, &events) {
            tracing::warn!(
                group = group.name,
                error = with_causes(&error),
                "an access log cannot be written"
            );
        }
    }
}

/// A group that is not there gets nothing.
fn put(logs: &Logs, group: &LogGroupKey, stream: &str, events: &[LogEvent<'_>]) -> Result<(), StoreError> {
    if let Some(created) = logs.create_stream(group, stream) {
        created?;
        if let Some(put) = logs.put(group, stream, events) {
            put?;
        }
    }
    Ok(())
}
