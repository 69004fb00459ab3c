//! Settings of buckets: versioning, which has an effect; and those that are kept and answered as they were given, each in S3's own
//! structure. Those that would have an effect on S3 and have none here (lifecycle, replication, website hosting) are refused, unless
//! the operator accepts inert settings.

mod checks;
mod logging;
mod ownership;
mod policy;
mod versioning;

pub(super) use logging::{get_bucket_logging, put_bucket_logging};
pub(super) use ownership::{
    OWNERSHIP, delete_bucket_ownership_controls, get_bucket_ownership_controls, put_bucket_ownership_controls,
};
pub(super) use policy::{
    delete_bucket_policy, get_bucket_policy, get_bucket_policy_status, put_bucket_policy,
};
pub(super) use versioning::{get_bucket_versioning, put_bucket_versioning};

use s3s::{S3Request, S3Response, S3Result, dto};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    S3, buckets,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse, with_status},
};

/// One of the settings that are kept.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    /// Its name in the record.
    pub name: &'static str,
    /// Code and text of the error when it is not set.
    pub missing: (&'static str, &'static str),
}

/// A setting of a bucket.
pub(super) async fn get<T: DeserializeOwned>(
    s3: &S3,
    context: S3Context,
    bucket: String,
    owner: Option<String>,
    setting: Setting,
) -> Result<T, Refusal> {
    let record = buckets::find(s3, context, bucket, owner).await?;
    let found = record.settings.get(setting.name).cloned().or_else(|| checks::default_of(setting.name));
    let found =
        found.ok_or_else(|| refuse(setting.missing.0, setting.missing.1).with("BucketName", &record.name))?;
    serde_json::from_value(found).map_err(|_| refuse("InternalError", "A setting of the bucket is damaged."))
}

/// Sets it, or takes it away.
pub(super) async fn set<T: Serialize>(
    s3: &S3,
    context: S3Context,
    bucket: String,
    owner: Option<String>,
    setting: Setting,
    value: Option<&T>,
) -> Result<(), Refusal> {
    let value = value.map(serde_json::to_value).transpose().map_err(|_| malformed_xml())?;
    s3.store
        .change_s3(move |transaction| {
            let mut record = context.bucket(transaction, &bucket, owner.as_deref())?;
            match value {
                Some(value) => record.settings.insert(setting.name.to_owned(), value),
                None => record.settings.remove(setting.name),
            };
            Ok(transaction.put_bucket(&record)?)
        })
        .await
}

/// A setting that has no effect here is kept only where the operator accepts that.
fn check_inert(s3: &S3, operation: &str) -> Result<(), Refusal> {
    if s3.accept_inert_settings {
        tracing::warn!(operation, "a setting of a bucket is kept and has no effect");
        return Ok(());
    }
    Err(refuse(
        "NotImplemented",
        format!(
            "{operation} has no effect on this server: start it with --accept-inert-settings to have the setting kept"
        ),
    ))
}

/// Transfer acceleration: a name with dots has no certificate, and what was never on cannot be suspended.
pub(super) async fn put_bucket_accelerate_configuration(
    s3: &S3,
    request: S3Request<dto::PutBucketAccelerateConfigurationInput>,
) -> S3Result<S3Response<dto::PutBucketAccelerateConfigurationOutput>> {
    if request.input.bucket.contains('.') {
        let message = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names";
        return Err(refuse("InvalidRequest", message).into());
    }
    let context = S3Context::of(&request)?;
    let (bucket, owner) = (request.input.bucket.clone(), request.input.expected_bucket_owner.clone());
    let record = buckets::find(s3, context, bucket, owner).await?;
    let status = request.input.accelerate_configuration.status.as_ref().map(|status| status.as_str());
    if status == Some("Suspended") && !record.settings.contains_key("accelerate") {
        return Ok(S3Response::new(dto::PutBucketAccelerateConfigurationOutput::default()));
    }
    accelerate::put(s3, request).await
}

/// What is replicated are versions.
pub(super) async fn put_bucket_replication(
    s3: &S3,
    request: S3Request<dto::PutBucketReplicationInput>,
) -> S3Result<S3Response<dto::PutBucketReplicationOutput>> {
    let context = S3Context::of(&request)?;
    let (bucket, owner) = (request.input.bucket.clone(), request.input.expected_bucket_owner.clone());
    let record = buckets::find(s3, context, bucket, owner).await?;
    if record.versioning != store::s3::Versioning::Enabled {
        let message = "Versioning must be 'Enabled' on the bucket to apply a replication configuration";
        return Err(refuse("InvalidRequest", message).with("BucketName", &record.name).into());
    }
    replication::put(s3, request).await
}

/// The three operations of a setting that is one structure: its field in the inputs and in the output. What is put is first made
/// ready, or refused, by `ready`.
macro_rules! kept {
    ($module:ident: $name:literal, $code:literal, $text:literal;
     get $Get:ident -> $Got:ident $getter:expr;
     put $Put:ident -> $Stored:ident $field:ident ready $ready:path;
     $(delete $Delete:ident -> $Deleted:ident;)?
     $(inert $operation:literal;)?) => {
        pub(super) mod $module {
            use s3s::dto::{$Get, $Got, $Put, $Stored};

            use super::*;

            const SETTING: Setting = Setting { name: $name, missing: ($code, $text) };

            pub(in crate::s3) async fn get(s3: &S3, request: S3Request<$Get>) -> S3Result<S3Response<$Got>> {
                let context = S3Context::of(&request)?;
                let input = request.input;
                let owner = input.expected_bucket_owner;
                let value = super::get(s3, context, input.bucket, owner, SETTING).await?;
                let getter: fn(_) -> $Got = $getter;
                Ok(S3Response::new(getter(value)))
            }

            pub(in crate::s3) async fn put(
                s3: &S3,
                request: S3Request<$Put>,
            ) -> S3Result<S3Response<$Stored>> {
                $(check_inert(s3, $operation)?;)?
                let context = S3Context::of(&request)?;
                let input = request.input;
                let owner = input.expected_bucket_owner;
                let value = $ready(input.$field)?;
                super::set(s3, context, input.bucket, owner, SETTING, Some(&value)).await?;
                Ok(S3Response::new($Stored::default()))
            }

            $(
                pub(in crate::s3) async fn delete(
                    s3: &S3,
                    request: S3Request<s3s::dto::$Delete>,
                ) -> S3Result<S3Response<s3s::dto::$Deleted>> {
                    let context = S3Context::of(&request)?;
                    let input = request.input;
                    let owner = input.expected_bucket_owner;
                    super::set::<()>(s3, context, input.bucket, owner, SETTING, None).await?;
                    let output = s3s::dto::$Deleted::default();
                    Ok(with_status(output, http::StatusCode::NO_CONTENT))
                }
            )?
        }
    };
}

kept! { cors: "cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist";
    get GetBucketCorsInput -> GetBucketCorsOutput
        |value: dto::CORSConfiguration| GetBucketCorsOutput { cors_rules: Some(value.cors_rules) };
    put PutBucketCorsInput -> PutBucketCorsOutput cors_configuration ready checks::cors;
    delete DeleteBucketCorsInput -> DeleteBucketCorsOutput;
}

kept! { public_access_block: "public_access_block", "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found";
    get GetPublicAccessBlockInput -> GetPublicAccessBlockOutput
        |value: dto::PublicAccessBlockConfiguration| GetPublicAccessBlockOutput { public_access_block_configuration: Some(value) };
    put PutPublicAccessBlockInput -> PutPublicAccessBlockOutput public_access_block_configuration
        ready checks::public_access_block;
    delete DeletePublicAccessBlockInput -> DeletePublicAccessBlockOutput;
}

kept! { encryption: "encryption", "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found";
    get GetBucketEncryptionInput -> GetBucketEncryptionOutput
        |value: dto::ServerSideEncryptionConfiguration| GetBucketEncryptionOutput { server_side_encryption_configuration: Some(value) };
    put PutBucketEncryptionInput -> PutBucketEncryptionOutput server_side_encryption_configuration
        ready checks::encryption;
    delete DeleteBucketEncryptionInput -> DeleteBucketEncryptionOutput;
}

kept! { accelerate: "accelerate", "NoSuchConfiguration", "The specified configuration does not exist.";
    get GetBucketAccelerateConfigurationInput -> GetBucketAccelerateConfigurationOutput
        |value: dto::AccelerateConfiguration| GetBucketAccelerateConfigurationOutput { status: value.status, request_charged: None };
    put PutBucketAccelerateConfigurationInput -> PutBucketAccelerateConfigurationOutput accelerate_configuration
        ready checks::accelerate;
}

kept! { request_payment: "request_payment", "NoSuchConfiguration", "The specified configuration does not exist.";
    get GetBucketRequestPaymentInput -> GetBucketRequestPaymentOutput
        |value: dto::RequestPaymentConfiguration| GetBucketRequestPaymentOutput { payer: Some(value.payer) };
    put PutBucketRequestPaymentInput -> PutBucketRequestPaymentOutput request_payment_configuration
        ready Ok::<_, Refusal>;
}

kept! { lifecycle: "lifecycle", "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist";
    get GetBucketLifecycleConfigurationInput -> GetBucketLifecycleConfigurationOutput
        |value: dto::BucketLifecycleConfiguration| GetBucketLifecycleConfigurationOutput {
            rules: Some(value.rules), transition_default_minimum_object_size: None };
    put PutBucketLifecycleConfigurationInput -> PutBucketLifecycleConfigurationOutput lifecycle_configuration
        ready checks::lifecycle;
    delete DeleteBucketLifecycleInput -> DeleteBucketLifecycleOutput;
    inert "PutBucketLifecycleConfiguration";
}

kept! { replication: "replication", "ReplicationConfigurationNotFoundError", "The replication configuration was not found";
    get GetBucketReplicationInput -> GetBucketReplicationOutput
        |value: dto::ReplicationConfiguration| GetBucketReplicationOutput { replication_configuration: Some(value) };
    put PutBucketReplicationInput -> PutBucketReplicationOutput replication_configuration ready checks::replication;
    delete DeleteBucketReplicationInput -> DeleteBucketReplicationOutput;
    inert "PutBucketReplication";
}

kept! { website: "website", "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration";
    get GetBucketWebsiteInput -> GetBucketWebsiteOutput
        |value: dto::WebsiteConfiguration| GetBucketWebsiteOutput {
            error_document: value.error_document, index_document: value.index_document,
            redirect_all_requests_to: value.redirect_all_requests_to, routing_rules: value.routing_rules };
    put PutBucketWebsiteInput -> PutBucketWebsiteOutput website_configuration ready Ok::<_, Refusal>;
    delete DeleteBucketWebsiteInput -> DeleteBucketWebsiteOutput;
    inert "PutBucketWebsite";
}
