//! Streams come and go.

use std::collections::BTreeSet;

use aws_api::generated::kinesis::types;
use store::{TableTransaction, TableView};

use super::{
    Handled, Kinesis, Named,
    error::{in_use, limit_exceeded, validation},
    limits,
    record::{StreamRecord, is_stream_arn},
    shards::{Shard, even_ranges},
    tags,
};
use crate::{append_log, change::ChangeError, service::ServiceContext};

/// As the API calls it.
pub(super) const ON_DEMAND: &str = "ON_DEMAND";

impl Kinesis {
    pub(super) async fn create_stream(
        &self,
        context: &ServiceContext,
        input: types::CreateStreamInput,
    ) -> Handled<()> {
        let tags = input.tags.unwrap_or_default();
        tags::check(&tags)?;
        let mode = input.stream_mode_details.and_then(|details| details.stream_mode);
        let is_on_demand = mode.as_deref() == Some(ON_DEMAND);
        let shards = match (is_on_demand, input.shard_count) {
            (true, None) => limits::ON_DEMAND_SHARDS,
            (true, Some(_)) => {
                return Err(validation("ShardCount must not be specified for a stream in ON_DEMAND mode."));
            }
            (false, None) => {
                return Err(validation("ShardCount must be specified for a stream in PROVISIONED mode."));
            }
            (false, Some(count)) => u32::try_from(count).unwrap_or(u32::MAX),
        };
        let name = input.stream_name.unwrap_or_default();
        let stream = StreamRecord {
            name: name.clone(),
            created_ms: context.now_ms,
            is_on_demand,
            retention_hours: limits::RETENTION_HOURS_MIN,
            record_kib_max: input.max_record_size_in_ki_b.unwrap_or(limits::RECORD_KIB_DEFAULT),
            shards: Vec::new(),
            next_shard: 0,
            tags,
            metrics: BTreeSet::new(),
            consumers: Vec::new(),
            policy: None,
        };
        let named = Named::of(context, Some(name), None)?;
        let create =
            move |transaction: &mut TableTransaction<'_>| create(transaction, &named, stream, shards);
        Ok(self.tables.transact(create, |()| {}).await?)
    }

    pub(super) async fn delete_stream(
        &self,
        context: &ServiceContext,
        input: types::DeleteStreamInput,
    ) -> Handled<()> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let with_consumers = input.enforce_consumer_deletion.unwrap_or(false);
        let delete = move |transaction: &mut TableTransaction<'_>| -> Result<(), ChangeError> {
            let stream = named.in_view(transaction)?;
            if !stream.consumers.is_empty() && !with_consumers {
                let why = format!(
                    "Stream {} under account {} has registered consumers. Deregister them, or set EnforceConsumerDeletion to true.",
                    stream.name, named.account_id
                );
                return Err(in_use(why).into());
            }
            for shard in &stream.shards {
                transaction.delete_space(shard.space)?;
                transaction.wake(shard.space);
            }
            Ok(transaction.delete_stream(&named.arn)?)
        };
        Ok(self.tables.transact(delete, |()| {}).await?)
    }

    pub(super) async fn update_stream_mode(
        &self,
        context: &ServiceContext,
        input: types::UpdateStreamModeInput,
    ) -> Handled<()> {
        let named = Named::of(context, None, input.stream_arn)?;
        let mode = input.stream_mode_details.and_then(|details| details.stream_mode);
        self.change(named, move |stream, _| {
            stream.is_on_demand = mode.as_deref() == Some(ON_DEMAND);
            Ok(())
        })
        .await
    }

    pub(super) async fn update_max_record_size(
        &self,
        context: &ServiceContext,
        input: types::UpdateMaxRecordSizeInput,
    ) -> Handled<()> {
        let named = Named::of(context, None, input.stream_arn)?;
        let most = input.max_record_size_in_ki_b.unwrap_or(limits::RECORD_KIB_DEFAULT);
        self.change(named, move |stream, _| {
            stream.record_kib_max = most;
            Ok(())
        })
        .await
    }

    pub(super) async fn describe_limits(
        &self,
        context: &ServiceContext,
        _: types::DescribeLimitsInput,
    ) -> Handled<types::DescribeLimitsOutput> {
        let start = Named::of(context, Some(String::new()), None)?.arn;
        let read = move |view: &TableView<'_>| in_region(view, &start);
        let (open, on_demand) = count(&self.tables.read(read).await?);
        Ok(types::DescribeLimitsOutput {
            shard_limit: Some(limits::SHARDS_MAX),
            open_shard_count: Some(open),
            on_demand_stream_count: Some(on_demand),
            on_demand_stream_count_limit: Some(limits::ON_DEMAND_STREAMS_MAX),
            channel_count: None,
            channel_count_limit: None,
        })
    }
}

fn create(
    transaction: &mut TableTransaction<'_>,
    named: &Named,
    mut stream: StreamRecord,
    shards: u32,
) -> Result<(), ChangeError> {
    if transaction.stream(&named.arn)?.is_some() {
        let why = format!("Stream {} under account {} already exists.", stream.name, named.account_id);
        return Err(in_use(why).into());
    }
    let start = named.arn.strip_suffix(&stream.name).unwrap_or(&named.arn);
    let (open, on_demand) = count(&in_region(transaction, start)?);
    let is_too_much = match stream.is_on_demand {
        true => on_demand >= limits::ON_DEMAND_STREAMS_MAX,
        false => open + i64::from(shards) > limits::SHARDS_MAX,
    };
    if is_too_much {
        let why = format!(
            "This request would exceed the shard limit for the account {}. Current shard count for the account: {open}. Limit: {}.",
            named.account_id,
            limits::SHARDS_MAX
        );
        return Err(limit_exceeded(why).into());
    }
    let now_ms = stream.created_ms;
    for hashes in even_ranges(shards) {
        open_shard(transaction, &mut stream, (Vec::new(), hashes), now_ms)?;
    }
    Ok(transaction.put_stream(&named.arn, &stream.encode()?)?)
}

/// Opens a shard, which goes on from its parents.
pub(super) fn open_shard(
    transaction: &mut TableTransaction<'_>,
    stream: &mut StreamRecord,
    (parents, hashes): (Vec<u32>, std::ops::RangeInclusive<u128>),
    now_ms: i64,
) -> Result<(), ChangeError> {
    let number = stream.next_shard;
    stream.next_shard += 1;
    let first = append_log::place_at(now_ms);
    let space = transaction.new_space()?;
    stream.shards.push(Shard { number, parents, hashes, space, first, created_ms: now_ms, closed: None });
    Ok(())
}

/// Every stream whose ARN begins so, in the order of their names.
pub(super) fn in_region(
    view: &TableView<'_>,
    start: &str,
) -> Result<Vec<(String, StreamRecord)>, ChangeError> {
    let all = view.streams()?.into_iter();
    let ours = all.filter(|(arn, _)| is_stream_arn(arn) && arn.starts_with(start));
    ours.map(|(arn, bytes)| Ok((arn, StreamRecord::decode(&bytes)?))).collect()
}

/// Open shards that are provisioned, and streams on demand.
fn count(streams: &[(String, StreamRecord)]) -> (i64, i64) {
    let (on_demand, provisioned): (Vec<_>, Vec<_>) =
        streams.iter().partition(|(_, stream)| stream.is_on_demand);
    let open: usize = provisioned.iter().map(|(_, stream)| stream.open_shards().count()).sum();
    (i64::try_from(open).unwrap_or(i64::MAX), i64::try_from(on_demand.len()).unwrap_or(i64::MAX))
}
