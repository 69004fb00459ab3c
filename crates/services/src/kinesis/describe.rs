//! Streams and shards as the API shows them.

use aws_api::generated::kinesis::types;

use super::{
    Handled, Kinesis, Named, limits,
    record::StreamRecord,
    sequence,
    shards::{Shard, id_of, number_of},
    streams::ON_DEMAND,
};
use crate::service::ServiceContext;

/// Nothing of it is being changed: that takes no time here.
const ACTIVE: &str = "ACTIVE";
/// What records are encrypted with.
pub(super) const NO_ENCRYPTION: &str = "NONE";

impl Kinesis {
    pub(super) async fn describe_stream(
        &self,
        context: &ServiceContext,
        input: types::DescribeStreamInput,
    ) -> Handled<types::DescribeStreamOutput> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let arn = named.arn.clone();
        let stream = self.read(named).await?;
        let after = input.exclusive_start_shard_id.as_deref().and_then(number_of);
        let limit = usize::try_from(input.limit.unwrap_or(limits::PAGE)).unwrap_or(usize::MAX);
        let wanted: Vec<&Shard> =
            stream.shards.iter().filter(|shard| after.is_none_or(|after| shard.number > after)).collect();
        let shards = wanted.iter().take(limit).map(|shard| shown(shard)).collect();
        Ok(types::DescribeStreamOutput {
            stream_description: Some(types::StreamDescription {
                stream_name: Some(stream.name.clone()),
                stream_arn: Some(arn),
                stream_status: Some(ACTIVE.to_owned()),
                stream_mode_details: Some(mode(&stream)),
                shards: Some(shards),
                has_more_shards: Some(wanted.len() > limit),
                retention_period_hours: Some(stream.retention_hours),
                stream_creation_timestamp: Some(seconds(stream.created_ms)),
                enhanced_monitoring: Some(monitoring(&stream)),
                encryption_type: Some(NO_ENCRYPTION.to_owned()),
                key_id: None,
            }),
        })
    }

    pub(super) async fn describe_stream_summary(
        &self,
        context: &ServiceContext,
        input: types::DescribeStreamSummaryInput,
    ) -> Handled<types::DescribeStreamSummaryOutput> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let arn = named.arn.clone();
        let stream = self.read(named).await?;
        Ok(types::DescribeStreamSummaryOutput {
            stream_description_summary: Some(types::StreamDescriptionSummary {
                stream_name: Some(stream.name.clone()),
                stream_arn: Some(arn),
                stream_status: Some(ACTIVE.to_owned()),
                stream_mode_details: Some(mode(&stream)),
                retention_period_hours: Some(stream.retention_hours),
                stream_creation_timestamp: Some(seconds(stream.created_ms)),
                enhanced_monitoring: Some(monitoring(&stream)),
                encryption_type: Some(NO_ENCRYPTION.to_owned()),
                open_shard_count: i64::try_from(stream.open_shards().count()).ok(),
                consumer_count: i64::try_from(stream.consumers.len()).ok(),
                max_record_size_in_ki_b: Some(stream.record_kib_max),
                ..Default::default()
            }),
        })
    }
}

/// A stream in a list.
pub(super) fn summary((arn, stream): (String, StreamRecord)) -> types::StreamSummary {
    types::StreamSummary {
        stream_mode_details: Some(mode(&stream)),
        stream_creation_timestamp: Some(seconds(stream.created_ms)),
        stream_name: Some(stream.name),
        stream_arn: Some(arn),
        stream_status: Some(ACTIVE.to_owned()),
    }
}

/// A shard.
pub(super) fn shown(shard: &Shard) -> types::Shard {
    let last = shard.closed.map(|closed| sequence::shown(closed.last, shard.number));
    types::Shard {
        shard_id: Some(shard.id()),
        parent_shard_id: shard.parents.first().copied().map(id_of),
        adjacent_parent_shard_id: shard.parents.get(1).copied().map(id_of),
        hash_key_range: Some(hash_range(shard)),
        sequence_number_range: Some(types::SequenceNumberRange {
            starting_sequence_number: Some(sequence::shown(shard.first, shard.number)),
            ending_sequence_number: last,
        }),
    }
}

pub(super) fn hash_range(shard: &Shard) -> types::HashKeyRange {
    types::HashKeyRange {
        starting_hash_key: Some(shard.hashes.start().to_string()),
        ending_hash_key: Some(shard.hashes.end().to_string()),
    }
}

pub(super) fn seconds(at_ms: i64) -> f64 {
    at_ms as f64 / 1_000.0
}

fn mode(stream: &StreamRecord) -> types::StreamModeDetails {
    let mode = if stream.is_on_demand { ON_DEMAND } else { "PROVISIONED" };
    types::StreamModeDetails { stream_mode: Some(mode.to_owned()) }
}

fn monitoring(stream: &StreamRecord) -> Vec<types::EnhancedMetrics> {
    vec![types::EnhancedMetrics { shard_level_metrics: Some(stream.metrics.iter().cloned().collect()) }]
}
