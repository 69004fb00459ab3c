//! `GetLogEvents`: one stream, page by page in both directions.

use aws_api::generated::logs::types as api;
use store::{LogPage, LogPosition, LogQuery, StreamSelection};

use super::{
    CloudWatchLogs, Handled,
    context::identified_group,
    error::{invalid, no_group, no_stream},
};
use crate::change::of_store;
use crate::service::ServiceContext;

/// Events of a page.
const PAGE: usize = 10_000;
/// Their messages, bytes.
pub(super) const PAGE_BYTES_MAX: usize = 1_048_576;

/// Where a page ended, and in which direction it goes on.
struct Token {
    is_backward: bool,
    position: LogPosition,
}

impl CloudWatchLogs {
    pub(super) async fn get_log_events(
        &self,
        context: &ServiceContext,
        input: api::GetLogEventsRequest,
    ) -> Handled<api::GetLogEventsResponse> {
        let (name, identifier) = (input.log_group_name.as_deref(), input.log_group_identifier.as_deref());
        let key = identified_group(context, name, identifier)?;
        let stream = input.log_stream_name.clone().unwrap_or_default();
        let token = input.next_token.as_deref().map(Token::parse).transpose()?;
        let is_backward = match &token {
            Some(token) => token.is_backward,
            None => input.start_from_head != Some(true),
        };
        let query = LogQuery {
            streams: StreamSelection::Names(vec![stream.clone()]),
            from_ms: input.start_time.unwrap_or(0),
            to_ms: input.end_time.unwrap_or(i64::MAX),
            beyond: token.as_ref().map(|token| token.position),
            is_backward,
            events_max: input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE),
            bytes_max: PAGE_BYTES_MAX,
            looked_at_max: usize::MAX,
        };
        let page = self
            .blocking(move |logs| {
                let streams = logs.streams(&key).ok_or_else(no_group)?;
                if !streams.contains_key(stream.as_str()) {
                    return Err(no_stream());
                }
                logs.read(&key, &query, &|_| true).ok_or_else(no_group)?.map_err(of_store)
            })
            .await?;
        Ok(answer(page, is_backward, token.map(|token| token.position)))
    }
}

fn answer(mut page: LogPage, is_backward: bool, from: Option<LogPosition>) -> api::GetLogEventsResponse {
    // Always from the older to the newer.
    if is_backward {
        page.events.reverse();
    }
    let nowhere = from.unwrap_or(LogPosition { timestamp_ms: 0, sequence: 0 });
    let first = page.events.first().map_or(nowhere, |event| event.position);
    let last = page.events.last().map_or(nowhere, |event| event.position);
    let events = page.events.into_iter().map(|event| api::OutputLogEvent {
        timestamp: Some(event.position.timestamp_ms),
        message: Some(event.message),
        ingestion_time: Some(event.ingestion_ms),
    });
    api::GetLogEventsResponse {
        events: Some(events.collect()),
        next_forward_token: Some(Token { is_backward: false, position: last }.text()),
        next_backward_token: Some(Token { is_backward: true, position: first }.text()),
    }
}

/// Twenty digits of time, thirty-six of the order of coming: AWS's ids have as many.
pub(super) fn digits(position: LogPosition) -> String {
    format!("{:020}{:036}", position.timestamp_ms.max(0), position.sequence)
}

/// The position in such digits.
pub(super) fn position_in(digits: &str) -> Option<LogPosition> {
    let (time, sequence) = digits.split_at_checked(20).filter(|(_, rest)| rest.len() == 36)?;
    Some(LogPosition { timestamp_ms: time.parse().ok()?, sequence: sequence.parse().ok()? })
}

impl Token {
    fn text(&self) -> String {
        format!("{}/{}", if self.is_backward { "b" } else { "f" }, digits(self.position))
    }

    fn parse(text: &str) -> Handled<Self> {
        let parsed = text.split_once('/').and_then(|(direction, digits)| {
            let is_backward = match direction {
                "f" => false,
                "b" => true,
                _ => return None,
            };
            Some(Self { is_backward, position: position_in(digits)? })
        });
        parsed.ok_or_else(|| invalid("The specified nextToken is invalid."))
    }
}
