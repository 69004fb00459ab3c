//! The table of operations: which handler answers which. What is not in it answers `NotImplemented`.

use aws_api::{
    error_response::ApiError,
    generated::dynamodb::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::DynamoDb;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    DynamoDb, "DynamoDB";
    CreateTable => create_table,
    DeleteItem => delete_item,
    DeleteTable => delete_table,
    DescribeTable => describe_table,
    GetItem => get_item,
    ListTables => list_tables,
    ListTagsOfResource => list_tags_of_resource,
    PutItem => put_item,
    Query => query,
    Scan => scan,
    TagResource => tag_resource,
    UntagResource => untag_resource,
    UpdateItem => update_item,
}
