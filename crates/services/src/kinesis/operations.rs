//! The table of operations: which handler answers which.

use aws_api::{
    error_response::ApiError,
    generated::kinesis::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::Kinesis;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    Kinesis, "Kinesis";
    AddTagsToStream => add_tags_to_stream,
    CreateStream => create_stream,
    DecreaseStreamRetentionPeriod => decrease_stream_retention_period,
    DeleteResourcePolicy => delete_resource_policy,
    DeleteStream => delete_stream,
    DeregisterStreamConsumer => deregister_stream_consumer,
    DescribeLimits => describe_limits,
    DescribeStream => describe_stream,
    DescribeStreamConsumer => describe_stream_consumer,
    DescribeStreamSummary => describe_stream_summary,
    DisableEnhancedMonitoring => disable_enhanced_monitoring,
    EnableEnhancedMonitoring => enable_enhanced_monitoring,
    GetRecords => get_records,
    GetResourcePolicy => get_resource_policy,
    GetShardIterator => get_shard_iterator,
    IncreaseStreamRetentionPeriod => increase_stream_retention_period,
    ListShards => list_shards,
    ListStreamConsumers => list_stream_consumers,
    ListStreams => list_streams,
    ListTagsForResource => list_tags_for_resource,
    ListTagsForStream => list_tags_for_stream,
    MergeShards => merge_shards,
    PutRecord => put_record,
    PutRecords => put_records,
    PutResourcePolicy => put_resource_policy,
    RegisterStreamConsumer => register_stream_consumer,
    RemoveTagsFromStream => remove_tags_from_stream,
    SplitShard => split_shard,
    TagResource => tag_resource,
    UntagResource => untag_resource,
    UpdateMaxRecordSize => update_max_record_size,
    UpdateShardCount => update_shard_count,
    UpdateStreamMode => update_stream_mode,
}
