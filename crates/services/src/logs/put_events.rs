//! `PutLogEvents`: a batch of events, whole or not at all.

use aws_api::generated::logs::types as api;
use store::LogEvent;

use super::{
    CloudWatchLogs, Handled,
    context::group_key,
    error::{invalid, no_group, no_stream},
};
use crate::change::of_store;
use crate::service::ServiceContext;

/// Sequence tokens have no meaning any more; clients that pass them on get one.
pub(super) const SEQUENCE_TOKEN: &str = "49590000000000000000000000000000000000000000000000000001";

/// A batch, bytes: all messages, and so many more for each.
const BATCH_BYTES_MAX: usize = 1_048_576;
const EVENT_OVERHEAD_BYTES: usize = 26;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// From the first to the last event of a batch.
const SPAN_MS_MAX: i64 = DAY_MS;
/// Ahead of now.
const FUTURE_MS_MAX: i64 = 2 * HOUR_MS;
/// Before now.
const PAST_MS_MAX: i64 = 14 * DAY_MS;

impl CloudWatchLogs {
    pub(super) async fn put_log_events(
        &self,
        context: &ServiceContext,
        input: api::PutLogEventsRequest,
    ) -> Handled<api::PutLogEventsResponse> {
        let key = group_key(context, input.log_group_name.as_deref());
        let stream = input.log_stream_name.unwrap_or_default();
        let events = input.log_events.unwrap_or_default();
        check_batch(&events)?;
        let now_ms = context.now_ms;
        self.blocking(move |logs| {
            let retention_days = logs.group(&key).ok_or_else(no_group)?.settings.retention_days;
            let streams = logs.streams(&key).ok_or_else(no_group)?;
            if !streams.contains_key(stream.as_str()) {
                return Err(no_stream());
            }
            let (rejected, accepted) = sort_out(&events, retention_days, now_ms);
            let accepted: Vec<LogEvent<'_>> = accepted.iter().map(|event| to_store(event)).collect();
            if !accepted.is_empty() {
                logs.put(&key, &stream, &accepted).ok_or_else(no_group)?.map_err(of_store)?;
            }
            Ok(api::PutLogEventsResponse {
                next_sequence_token: Some(SEQUENCE_TOKEN.to_owned()),
                rejected_log_events_info: rejected,
                ..api::PutLogEventsResponse::default()
            })
        })
        .await
    }
}

fn to_store(event: &api::InputLogEvent) -> LogEvent<'_> {
    LogEvent {
        timestamp_ms: event.timestamp.unwrap_or(0),
        message: event.message.as_deref().unwrap_or_default().as_bytes(),
    }
}

fn check_batch(events: &[api::InputLogEvent]) -> Handled<()> {
    let bytes: usize =
        events.iter().map(|event| event.message.as_ref().map_or(0, String::len) + EVENT_OVERHEAD_BYTES).sum();
    if bytes > BATCH_BYTES_MAX {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}")));
    }
    let times: Vec<i64> = events.iter().map(|event| event.timestamp.unwrap_or(0)).collect();
    if times.is_sorted() {
        let span = times.last().unwrap_or(&0) - times.first().unwrap_or(&0);
        if span <= SPAN_MS_MAX {
            return Ok(());
        }
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Err(invalid("Log events in a single PutLogEvents request must be in chronological order."))
}

/// Which events are too old, expired or too new to be kept, and the others.
fn sort_out(
    events: &[api::InputLogEvent],
    retention_days: Option<i64>,
    now_ms: i64,
) -> (Option<api::RejectedLogEventsInfo>, Vec<&api::InputLogEvent>) {
    let time = |event: &api::InputLogEvent| event.timestamp.unwrap_or(0);
    let before = |limit: i64| events.iter().take_while(|event| time(event) < limit).count();
    let too_old = before(now_ms - PAST_MS_MAX);
    let expired = retention_days.map_or(0, |days| before(now_ms - days * DAY_MS));
    let too_new = before(now_ms + FUTURE_MS_MAX + 1);
    let index = |count: usize| i64::try_from(count).ok();
    let rejected = api::RejectedLogEventsInfo {
        too_old_log_event_end_index: index(too_old).filter(|end| *end > 0),
        expired_log_event_end_index: index(expired).filter(|end| *end > 0),
        too_new_log_event_start_index: index(too_new).filter(|_| too_new < events.len()),
    };
    let is_any = rejected != api::RejectedLogEventsInfo::default();
    let begin = too_old.max(expired);
    let accepted = events.get(begin..too_new.max(begin)).unwrap_or_default().iter().collect();
    (is_any.then_some(rejected), accepted)
}
