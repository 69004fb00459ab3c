//! The table of operations: which handler answers which.

use aws_api::{
    error_response::ApiError,
    generated::secretsmanager::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::SecretsManager;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    SecretsManager, "Secrets Manager";
    BatchGetSecretValue => batch_get_secret_value,
    CreateSecret => create_secret,
    DeleteResourcePolicy => delete_resource_policy,
    DeleteSecret => delete_secret,
    DescribeSecret => describe_secret,
    GetRandomPassword => get_random_password,
    GetResourcePolicy => get_resource_policy,
    GetSecretValue => get_secret_value,
    ListSecretVersionIds => list_secret_version_ids,
    ListSecrets => list_secrets,
    PutResourcePolicy => put_resource_policy,
    PutSecretValue => put_secret_value,
    RestoreSecret => restore_secret,
    TagResource => tag_resource,
    UntagResource => untag_resource,
    UpdateSecret => update_secret,
    UpdateSecretVersionStage => update_secret_version_stage,
}
