//! The table of operations: which handler answers which.

use aws_api::{
    error_response::ApiError,
    generated::dynamodbstreams::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::DynamoDbStreams;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    DynamoDbStreams, "DynamoDB Streams";
    DescribeStream => describe_stream,
    GetRecords => get_records,
    GetShardIterator => get_shard_iterator,
    ListStreams => list_streams,
}
