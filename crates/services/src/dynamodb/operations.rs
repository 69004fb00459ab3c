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
    BatchGetItem => batch_get_item,
    BatchWriteItem => batch_write_item,
    CreateBackup => create_backup,
    CreateTable => create_table,
    DeleteBackup => delete_backup,
    DeleteItem => delete_item,
    DeleteResourcePolicy => delete_resource_policy,
    DeleteTable => delete_table,
    DescribeBackup => describe_backup,
    DescribeContinuousBackups => describe_continuous_backups,
    DescribeEndpoints => describe_endpoints,
    DescribeExport => describe_export,
    DescribeImport => describe_import,
    DescribeLimits => describe_limits,
    DescribeTable => describe_table,
    DescribeTimeToLive => describe_time_to_live,
    ExportTableToPointInTime => export_table_to_point_in_time,
    GetItem => get_item,
    GetResourcePolicy => get_resource_policy,
    ImportTable => import_table,
    ListBackups => list_backups,
    ListExports => list_exports,
    ListImports => list_imports,
    ListTables => list_tables,
    ListTagsOfResource => list_tags_of_resource,
    PutItem => put_item,
    PutResourcePolicy => put_resource_policy,
    Query => query,
    RestoreTableFromBackup => restore_table_from_backup,
    RestoreTableToPointInTime => restore_table_to_point_in_time,
    Scan => scan,
    TagResource => tag_resource,
    TransactGetItems => transact_get_items,
    TransactWriteItems => transact_write_items,
    UntagResource => untag_resource,
    UpdateContinuousBackups => update_continuous_backups,
    UpdateItem => update_item,
    UpdateTable => update_table,
    UpdateTimeToLive => update_time_to_live,
}
