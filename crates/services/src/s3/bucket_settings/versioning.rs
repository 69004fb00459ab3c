//! Whether a bucket keeps versions.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{self, BucketVersioningStatus},
};
use store::s3::Versioning;

use crate::s3::{
    S3, buckets,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse},
    object_lock,
};

pub(in crate::s3) async fn get_bucket_versioning(
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

pub(in crate::s3) async fn put_bucket_versioning(
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
            if versioning == Versioning::Suspended && object_lock::Configured::of(&record).is_some() {
                return Err(refuse(
                    "InvalidBucketState",
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                ));
            }
            record.versioning = versioning;
            Ok::<_, Refusal>(transaction.put_bucket(&record)?)
        })
        .await?;
    Ok(S3Response::new(dto::PutBucketVersioningOutput::default()))
}
