//! The table of operations: which handler answers which. What is not in it answers `NotImplemented`.

use super::CloudWatchLogs;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};
use aws_api::{
    error_response::ApiError,
    generated::logs::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

service_operations! {
    CloudWatchLogs, "CloudWatch Logs";
    CreateLogGroup => create_log_group,
    DeleteLogGroup => delete_log_group,
    DescribeLogGroups => describe_log_groups,
    CreateLogStream => create_log_stream,
    DeleteLogStream => delete_log_stream,
    DescribeLogStreams => describe_log_streams,
    PutLogEvents => put_log_events,
    GetLogEvents => get_log_events,
    FilterLogEvents => filter_log_events,
    PutRetentionPolicy => put_retention_policy,
    DeleteRetentionPolicy => delete_retention_policy,
    PutSubscriptionFilter => put_subscription_filter,
    DeleteSubscriptionFilter => delete_subscription_filter,
    DescribeSubscriptionFilters => describe_subscription_filters,
    TagResource => tag_resource,
    UntagResource => untag_resource,
    ListTagsForResource => list_tags_for_resource,
    TagLogGroup => tag_log_group,
    UntagLogGroup => untag_log_group,
    ListTagsLogGroup => list_tags_log_group,
    TestMetricFilter => test_metric_filter,
    [events] StartLiveTail => start_live_tail,
}
