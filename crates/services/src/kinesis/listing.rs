//! Lists of streams and shards.

use aws_api::{error_response::ApiError, generated::kinesis::types, pagination};
use store::TableView;

use super::{
    Handled, Kinesis, Named,
    describe::{shown, summary},
    error::invalid_argument,
    limits,
    record::StreamRecord,
    shards::{Shard, number_of},
    streams::in_region,
};
use crate::{paging, service::ServiceContext};

impl Kinesis {
    pub(super) async fn list_streams(
        &self,
        context: &ServiceContext,
        input: types::ListStreamsInput,
    ) -> Handled<types::ListStreamsOutput> {
        let start = Named::of(context, Some(String::new()), None)?.arn;
        let read = move |view: &TableView<'_>| in_region(view, &start);
        let streams = self.tables.read(read).await?;
        let after = input.exclusive_start_stream_name.map(|name| pagination::encode(&name));
        let named = streams.into_iter().map(|(arn, stream)| (stream.name.clone(), (arn, stream)));
        let limit = input.limit.unwrap_or(limits::PAGE).min(limits::PAGE);
        let token = input.next_token.or(after);
        let (page, next) =
            paging::page(named.collect(), limit, token.as_deref()).map_err(|_| wrong_token())?;
        Ok(types::ListStreamsOutput {
            stream_names: Some(page.iter().map(|(_, stream)| stream.name.clone()).collect()),
            stream_summaries: Some(page.into_iter().map(summary).collect()),
            has_more_streams: Some(next.is_some()),
            next_token: next,
        })
    }

    pub(super) async fn list_shards(
        &self,
        context: &ServiceContext,
        input: types::ListShardsInput,
    ) -> Handled<types::ListShardsOutput> {
        let has_name = input.stream_name.is_some() || input.stream_arn.is_some();
        let (named, token) = match input.next_token {
            Some(_) if has_name => {
                return Err(invalid_argument("NextToken and StreamName cannot be provided together."));
            }
            Some(token) => {
                let decoded = pagination::decode(&token).map_err(|_| wrong_token())?;
                let (after, arn) = decoded.split_once('|').ok_or_else(wrong_token)?;
                (
                    Named::of(context, None, Some(arn.to_owned()))?,
                    Some(after.parse().map_err(|_| wrong_token())?),
                )
            }
            None => (Named::of(context, input.stream_name, input.stream_arn)?, None),
        };
        let arn = named.arn.clone();
        let stream = self.read(named).await?;
        let exclusive = input.exclusive_start_shard_id.as_deref().and_then(number_of);
        let after: Option<u32> = token.or(exclusive);
        let is_wanted = filter(input.shard_filter.as_ref(), &stream, context.now_ms)?;
        let behind = |shard: &&Shard| after.is_none_or(|after| shard.number > after);
        let mut wanted = stream.shards.iter().filter(behind).filter(|shard| is_wanted(shard));
        let limit = usize::try_from(input.max_results.unwrap_or(limits::SHARDS_PAGE)).unwrap_or(usize::MAX);
        let page: Vec<&Shard> = wanted.by_ref().take(limit).collect();
        let next =
            wanted.next().and(page.last()).map(|last| pagination::encode(&format!("{}|{arn}", last.number)));
        Ok(types::ListShardsOutput { shards: Some(page.into_iter().map(shown).collect()), next_token: next })
    }
}

type Filter = Box<dyn Fn(&Shard) -> bool + Send>;

/// Which shards a filter wants ("ListShards").
fn filter(filter: Option<&types::ShardFilter>, stream: &StreamRecord, now_ms: i64) -> Handled<Filter> {
    let Some(types::ShardFilter { r#type, shard_id, timestamp }) = filter else {
        return Ok(Box::new(|_| true));
    };
    let at_ms = || {
        let missing = || invalid_argument("Timestamp must be specified for this type of ShardFilter.");
        timestamp.map(|seconds| (seconds * 1_000.0) as i64).ok_or_else(missing)
    };
    let horizon_ms = stream.horizon_ms(now_ms);
    let was_open = |at_ms: i64| {
        move |shard: &Shard| {
            shard.created_ms <= at_ms && shard.closed.is_none_or(|closed| closed.at_ms > at_ms)
        }
    };
    let since = |at_ms: i64| move |shard: &Shard| shard.closed.is_none_or(|closed| closed.at_ms >= at_ms);
    Ok(match r#type.as_deref() {
        Some("AFTER_SHARD_ID") => {
            let missing = || invalid_argument("ShardId must be specified for this type of ShardFilter.");
            let after = shard_id.as_deref().and_then(number_of).ok_or_else(missing)?;
            Box::new(move |shard| shard.number > after)
        }
        Some("AT_TRIM_HORIZON") => Box::new(was_open(horizon_ms.max(stream.created_ms))),
        Some("FROM_TRIM_HORIZON") => Box::new(since(horizon_ms)),
        Some("AT_LATEST") => Box::new(Shard::is_open),
        Some("AT_TIMESTAMP") => Box::new(was_open(at_ms()?)),
        _ => Box::new(since(at_ms()?)),
    })
}

fn wrong_token() -> ApiError {
    invalid_argument("NextToken is not valid.")
}
