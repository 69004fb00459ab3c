//! Log streams.

use std::sync::Arc;

use aws_api::generated::logs::types as api;
use store::LogStreamState;

use super::{
    CloudWatchLogs, Handled,
    context::{group_arn, group_key, identified_group},
    error::{exists, invalid, no_group, no_stream},
    paging,
};
use crate::change::of_store;
use crate::service::ServiceContext;

/// Streams of a page.
const PAGE: usize = 50;

impl CloudWatchLogs {
    pub(super) async fn create_log_stream(
        &self,
        context: &ServiceContext,
        input: api::CreateLogStreamRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        let name = input.log_stream_name.unwrap_or_default();
        self.blocking(move |logs| match logs.create_stream(&key, &name) {
            Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(exists("log stream")),
            Some(Err(error)) => Err(of_store(error)),
            None => Err(no_group()),
        })
        .await
    }

    pub(super) async fn delete_log_stream(
        &self,
        context: &ServiceContext,
        input: api::DeleteLogStreamRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        let name = input.log_stream_name.unwrap_or_default();
        self.blocking(move |logs| match logs.delete_stream(&key, &name) {
            Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(no_stream()),
            Some(Err(error)) => Err(of_store(error)),
            None => Err(no_group()),
        })
        .await
    }

    pub(super) async fn describe_log_streams(
        &self,
        context: &ServiceContext,
        input: api::DescribeLogStreamsRequest,
    ) -> Handled<api::DescribeLogStreamsResponse> {
        let (name, identifier) = (input.log_group_name.as_deref(), input.log_group_identifier.as_deref());
        let key = identified_group(context, name, identifier)?;
        let by_time = input.order_by.as_deref() == Some("LastEventTime");
        if by_time && input.log_stream_name_prefix.is_some() {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let of_group = key.clone();
        let streams = self.blocking(move |logs| logs.streams(&of_group).ok_or_else(no_group)).await?;
        let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
        let wanted = streams.into_iter().filter(|(name, _)| name.starts_with(prefix));
        let mut wanted: Vec<(String, api::LogStream)> = wanted
            .map(|(name, state)| {
                let order = if by_time { time_key(&state, &name) } else { name.to_string() };
                (order, shown(context, &key.name, &name, &state))
            })
            .collect();
        wanted.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (streams, next_token) = if input.descending == Some(true) {
            descending_page(wanted, input.next_token.as_deref(), input.limit)?
        } else {
            paging::page(wanted, input.next_token.as_deref(), input.limit, PAGE)?
        };
        Ok(api::DescribeLogStreamsResponse { log_streams: Some(streams), next_token })
    }
}

/// The order of times as text.
fn time_key(state: &LogStreamState, name: &Arc<str>) -> String {
    format!("{:020} {name}", state.last_event_ms.unwrap_or(0).max(0))
}

/// Pages from the last to the first: the order is that of the letters turned round.
fn descending_page(
    streams: Vec<(String, api::LogStream)>,
    token: Option<&str>,
    limit: Option<i64>,
) -> Handled<(Vec<api::LogStream>, Option<String>)> {
    let turned = |text: &str| -> String {
        // One letter beyond the last possible one ends each key: a longer one comes before what it begins with.
        let letters = text.chars().map(|letter| u32::from(char::MAX) - u32::from(letter));
        letters.map(|code| format!("{code:06x}")).chain(["ffffff".to_owned()]).collect()
    };
    let mut streams: Vec<(String, api::LogStream)> =
        streams.into_iter().map(|(key, stream)| (turned(&key), stream)).collect();
    streams.sort_by(|(a, _), (b, _)| a.cmp(b));
    paging::page(streams, token, limit, PAGE)
}

fn shown(context: &ServiceContext, group: &str, name: &str, state: &LogStreamState) -> api::LogStream {
    api::LogStream {
        log_stream_name: Some(name.to_owned()),
        creation_time: Some(state.created_ms),
        first_event_timestamp: state.first_event_ms,
        last_event_timestamp: state.last_event_ms,
        last_ingestion_time: state.last_ingestion_ms,
        upload_sequence_token: Some(super::put_events::SEQUENCE_TOKEN.to_owned()),
        arn: Some(format!("{}:log-stream:{name}", group_arn(context, group))),
        // AWS has shown nothing else since 2019.
        stored_bytes: Some(0),
    }
}
