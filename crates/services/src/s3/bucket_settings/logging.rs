//! Where a bucket's access log should go. No log is written: the setting is kept only where inert settings are accepted.

use s3s::{S3Request, S3Response, S3Result, dto};
use serde::{Deserialize, Serialize};

use super::{Setting, check_inert, get, set};
use crate::s3::{
    S3, buckets,
    context::S3Context,
    error::{Refusal, refuse},
};

/// Where the log goes.
#[derive(Serialize, Deserialize)]
struct Target {
    bucket: String,
    prefix: String,
}

/// Never missing: a bucket without one has an empty one.
const SETTING: Setting = Setting { name: "logging", missing: ("", "") };

pub(in crate::s3) async fn get_bucket_logging(
    s3: &S3,
    request: S3Request<dto::GetBucketLoggingInput>,
) -> S3Result<S3Response<dto::GetBucketLoggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let target: Option<Target> = get(s3, context, input.bucket, input.expected_bucket_owner, SETTING).await?;
    let logging_enabled = target.map(|target| dto::LoggingEnabled {
        target_bucket: target.bucket,
        target_prefix: target.prefix,
        target_grants: None,
        target_object_key_format: None,
    });
    Ok(S3Response::new(dto::GetBucketLoggingOutput { logging_enabled }))
}

pub(in crate::s3) async fn put_bucket_logging(
    s3: &S3,
    request: S3Request<dto::PutBucketLoggingInput>,
) -> S3Result<S3Response<dto::PutBucketLoggingOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let target = match input.bucket_logging_status.logging_enabled {
        None => None,
        Some(logging) => {
            check_inert(s3, "PutBucketLogging")?;
            check_plain(&logging)?;
            check_target(s3, &context, logging.target_bucket.clone()).await?;
            Some(Target { bucket: logging.target_bucket, prefix: logging.target_prefix })
        }
    };
    set(s3, context, input.bucket, input.expected_bucket_owner, SETTING, target.as_ref()).await?;
    Ok(S3Response::new(dto::PutBucketLoggingOutput::default()))
}

/// Only what is kept may be asked for.
fn check_plain(logging: &dto::LoggingEnabled) -> Result<(), Refusal> {
    if logging.target_grants.is_none() && logging.target_object_key_format.is_none() {
        return Ok(());
    }
    Err(refuse(
        "NotImplemented",
        "TargetGrants and TargetObjectKeyFormat are not implemented by this server.",
    ))
}

/// The log goes into a bucket of the same owner.
async fn check_target(s3: &S3, context: &S3Context, target: String) -> Result<(), Refusal> {
    let found = buckets::find(s3, context.clone(), target, None).await;
    let message = "The target bucket for logging does not exist";
    found.map(drop).map_err(|_| refuse("InvalidTargetBucketForLogging", message))
}
