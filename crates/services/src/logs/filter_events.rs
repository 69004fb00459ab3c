//! `FilterLogEvents`: many streams, by a pattern.

use aws_api::generated::logs::types as api;
use store::{LogPage, LogQuery, StreamSelection};

use super::{
    CloudWatchLogs, Handled,
    context::identified_group,
    error::{invalid, no_group},
    events::{PAGE_BYTES_MAX, digits, position_in},
    pattern::FilterPattern,
};
use crate::change::of_store;
use crate::service::ServiceContext;

/// Events of a page.
const PAGE: usize = 10_000;
/// Events looked at for a page: where little matches, pages are small or empty, and go on.
const LOOKED_AT_MAX: usize = 100_000;

impl CloudWatchLogs {
    pub(super) async fn filter_log_events(
        &self,
        context: &ServiceContext,
        input: api::FilterLogEventsRequest,
    ) -> Handled<api::FilterLogEventsResponse> {
        let (name, identifier) = (input.log_group_name.as_deref(), input.log_group_identifier.as_deref());
        let key = identified_group(context, name, identifier)?;
        let pattern = parsed(input.filter_pattern.as_deref())?;
        let beyond = match &input.next_token {
            None => None,
            Some(token) => {
                Some(position_in(token).ok_or_else(|| invalid("The specified nextToken is invalid."))?)
            }
        };
        let streams = match (input.log_stream_names, input.log_stream_name_prefix) {
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "LogStream names and LogStream name prefix are mutually exclusive parameters.",
                ));
            }
            (Some(names), None) => StreamSelection::Names(names),
            (None, Some(prefix)) => StreamSelection::Prefixes(vec![prefix]),
            (None, None) => StreamSelection::All,
        };
        let query = LogQuery {
            streams,
            from_ms: input.start_time.unwrap_or(0),
            to_ms: input.end_time.unwrap_or(i64::MAX),
            beyond,
            is_backward: input.start_from_head == Some(false),
            events_max: input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE),
            bytes_max: PAGE_BYTES_MAX,
            looked_at_max: LOOKED_AT_MAX,
        };
        let page = self
            .blocking(move |logs| {
                let is_wanted = |message: &str| pattern.matches(message);
                logs.read(&key, &query, &is_wanted).ok_or_else(no_group)?.map_err(of_store)
            })
            .await?;
        Ok(answer(page))
    }
}

/// A pattern of a request.
pub(super) fn parsed(pattern: Option<&str>) -> Handled<FilterPattern> {
    FilterPattern::parse(pattern.unwrap_or_default()).map_err(|error| invalid(error.to_string()))
}

fn answer(page: LogPage) -> api::FilterLogEventsResponse {
    let next_token = page.last.filter(|_| !page.is_at_end).map(digits);
    let events = page.events.into_iter().map(|event| api::FilteredLogEvent {
        event_id: Some(digits(event.position)),
        log_stream_name: Some(event.stream.to_string()),
        timestamp: Some(event.position.timestamp_ms),
        message: Some(event.message),
        ingestion_time: Some(event.ingestion_ms),
    });
    api::FilterLogEventsResponse {
        events: Some(events.collect()),
        // AWS has left it empty since 2019.
        searched_log_streams: Some(Vec::new()),
        next_token,
    }
}
