//! Settings of buckets: versioning, which has an effect; and those that are kept and answered as they were given, each in S3's own
//! structure. Those that a client could take for being in force (notifications, replication, Object Lock, website hosting,
//! logging) are refused until they are.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{self, BucketVersioningStatus, Policy},
};
use serde::{Serialize, de::DeserializeOwned};
use store::s3::Versioning;

use super::{
    S3, buckets,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse},
};

/// A policy of a bucket, bytes (AWS: 20 KB).
const POLICY_BYTES_MAX: usize = 20 * 1024;

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
    let found = record.settings.get(setting.name).cloned();
    let found = found.ok_or_else(|| refuse(setting.missing.0, setting.missing.1))?;
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

/// The three operations of a setting that is one structure: its field in the inputs and in the output.
macro_rules! kept {
    ($module:ident: $name:literal, $code:literal, $text:literal;
     get $Get:ident -> $Got:ident $getter:expr;
     put $Put:ident -> $Stored:ident $field:ident;
     $(delete $Delete:ident -> $Deleted:ident;)?) => {
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
                let context = S3Context::of(&request)?;
                let input = request.input;
                let owner = input.expected_bucket_owner;
                super::set(s3, context, input.bucket, owner, SETTING, Some(&input.$field)).await?;
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
                    Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
                }
            )?
        }
    };
}

kept! { cors: "cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist";
    get GetBucketCorsInput -> GetBucketCorsOutput
        |value: dto::CORSConfiguration| GetBucketCorsOutput { cors_rules: Some(value.cors_rules) };
    put PutBucketCorsInput -> PutBucketCorsOutput cors_configuration;
    delete DeleteBucketCorsInput -> DeleteBucketCorsOutput;
}

kept! { public_access_block: "public_access_block", "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found";
    get GetPublicAccessBlockInput -> GetPublicAccessBlockOutput
        |value: dto::PublicAccessBlockConfiguration| GetPublicAccessBlockOutput { public_access_block_configuration: Some(value) };
    put PutPublicAccessBlockInput -> PutPublicAccessBlockOutput public_access_block_configuration;
    delete DeletePublicAccessBlockInput -> DeletePublicAccessBlockOutput;
}

kept! { encryption: "encryption", "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found";
    get GetBucketEncryptionInput -> GetBucketEncryptionOutput
        |value: dto::ServerSideEncryptionConfiguration| GetBucketEncryptionOutput { server_side_encryption_configuration: Some(value) };
    put PutBucketEncryptionInput -> PutBucketEncryptionOutput server_side_encryption_configuration;
    delete DeleteBucketEncryptionInput -> DeleteBucketEncryptionOutput;
}

pub(super) async fn get_bucket_versioning(
    s3: &S3,
    request: S3Request<dto::GetBucketVersioningInput>,
) -> S3Result<S3Response<dto::GetBucketVersioningOutput>> {
    let context = S3Context::of(&request)?;
    let bucket =
        buckets::find(s3, context, request.input.bucket, request.input.expected_bucket_owner).await?;
    let status = match bucket.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
        Versioning::Suspended => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
    };
    Ok(S3Response::new(dto::GetBucketVersioningOutput { status, mfa_delete: None }))
}

pub(super) async fn put_bucket_versioning(
    s3: &S3,
    request: S3Request<dto::PutBucketVersioningInput>,
) -> S3Result<S3Response<dto::PutBucketVersioningOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let versioning = match input.versioning_configuration.status.as_ref().map(|status| status.as_str()) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(malformed_xml().into()),
    };
    s3.store
        .change_s3(move |transaction| {
            let owner = input.expected_bucket_owner.as_deref();
            let mut record = context.bucket(transaction, &input.bucket, owner)?;
            record.versioning = versioning;
            Ok::<_, Refusal>(transaction.put_bucket(&record)?)
        })
        .await?;
    Ok(S3Response::new(dto::PutBucketVersioningOutput::default()))
}

/// Who owns the objects of a bucket; kept as the names of the rules, as the structure itself cannot be kept.
pub(super) const OWNERSHIP: Setting = Setting {
    name: "ownership_controls",
    missing: ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
};

/// The names that there are.
const OWNERSHIPS: &[&str] = &["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"];

pub(super) async fn get_bucket_ownership_controls(
    s3: &S3,
    request: S3Request<dto::GetBucketOwnershipControlsInput>,
) -> S3Result<S3Response<dto::GetBucketOwnershipControlsOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    let names: Vec<String> = get(s3, context, request.input.bucket, owner, OWNERSHIP).await?;
    let rules = names.into_iter().map(|name| dto::OwnershipControlsRule { object_ownership: name.into() });
    let ownership_controls = Some(dto::OwnershipControls { rules: rules.collect() });
    Ok(S3Response::new(dto::GetBucketOwnershipControlsOutput { ownership_controls }))
}

pub(super) async fn put_bucket_ownership_controls(
    s3: &S3,
    request: S3Request<dto::PutBucketOwnershipControlsInput>,
) -> S3Result<S3Response<dto::PutBucketOwnershipControlsOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let rules = input.ownership_controls.rules.iter();
    let names: Vec<String> = rules.map(|rule| rule.object_ownership.as_str().to_owned()).collect();
    if names.len() != 1 || names.iter().any(|name| !OWNERSHIPS.contains(&name.as_str())) {
        return Err(malformed_xml().into());
    }
    set(s3, context, input.bucket, input.expected_bucket_owner, OWNERSHIP, Some(&names)).await?;
    Ok(S3Response::new(dto::PutBucketOwnershipControlsOutput::default()))
}

pub(super) async fn delete_bucket_ownership_controls(
    s3: &S3,
    request: S3Request<dto::DeleteBucketOwnershipControlsInput>,
) -> S3Result<S3Response<dto::DeleteBucketOwnershipControlsOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    set::<()>(s3, context, request.input.bucket, owner, OWNERSHIP, None).await?;
    let output = dto::DeleteBucketOwnershipControlsOutput::default();
    Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
}

const POLICY: Setting =
    Setting { name: "policy", missing: ("NoSuchBucketPolicy", "The bucket policy does not exist") };

pub(super) async fn get_bucket_policy(
    s3: &S3,
    request: S3Request<dto::GetBucketPolicyInput>,
) -> S3Result<S3Response<dto::GetBucketPolicyOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    let policy: Policy = get(s3, context, request.input.bucket, owner, POLICY).await?;
    Ok(S3Response::new(dto::GetBucketPolicyOutput { policy: Some(policy) }))
}

pub(super) async fn put_bucket_policy(
    s3: &S3,
    request: S3Request<dto::PutBucketPolicyInput>,
) -> S3Result<S3Response<dto::PutBucketPolicyOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    check_policy(&input.policy)?;
    let owner = input.expected_bucket_owner;
    set(s3, context, input.bucket, owner, POLICY, Some(&input.policy)).await?;
    Ok(S3Response::with_status(dto::PutBucketPolicyOutput::default(), http::StatusCode::NO_CONTENT))
}

fn check_policy(policy: &str) -> Result<(), Refusal> {
    if policy.len() > POLICY_BYTES_MAX {
        return Err(refuse("PolicyTooLarge", "Policy exceeds the maximum allowed document size."));
    }
    match serde_json::from_str::<serde_json::Value>(policy) {
        Ok(serde_json::Value::Object(members)) if members.contains_key("Statement") => Ok(()),
        Ok(serde_json::Value::Object(_)) => {
            Err(refuse("MalformedPolicy", "Missing required field Statement"))
        }
        _ => Err(refuse("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")),
    }
}

pub(super) async fn delete_bucket_policy(
    s3: &S3,
    request: S3Request<dto::DeleteBucketPolicyInput>,
) -> S3Result<S3Response<dto::DeleteBucketPolicyOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    set::<()>(s3, context, request.input.bucket, owner, POLICY, None).await?;
    Ok(S3Response::with_status(dto::DeleteBucketPolicyOutput::default(), http::StatusCode::NO_CONTENT))
}
