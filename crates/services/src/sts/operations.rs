//! The table of operations: which handler answers which. What is not in it answers `NotImplemented`.

use aws_api::{
    error_response::ApiError,
    generated::sts::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::Sts;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    Sts, "STS";
    AssumeRole => assume_role,
    GetAccessKeyInfo => get_access_key_info,
    GetCallerIdentity => get_caller_identity,
    GetFederationToken => get_federation_token,
    GetSessionToken => get_session_token,
}
