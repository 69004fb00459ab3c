//! Who owns the objects of a bucket.

use s3s::{S3Request, S3Response, S3Result, dto};

use super::{Setting, get, set};
use crate::s3::{
    S3,
    context::S3Context,
    error::{malformed_xml, with_status},
};

/// Who owns the objects of a bucket; kept as the names of the rules, as the structure itself cannot be kept.
pub(in crate::s3) const OWNERSHIP: Setting = Setting {
    name: "ownership_controls",
    missing: ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
};

/// The names that there are.
const OWNERSHIPS: &[&str] = &["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"];

pub(in crate::s3) async fn get_bucket_ownership_controls(
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

pub(in crate::s3) async fn put_bucket_ownership_controls(
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

pub(in crate::s3) async fn delete_bucket_ownership_controls(
    s3: &S3,
    request: S3Request<dto::DeleteBucketOwnershipControlsInput>,
) -> S3Result<S3Response<dto::DeleteBucketOwnershipControlsOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    set::<()>(s3, context, request.input.bucket, owner, OWNERSHIP, None).await?;
    let output = dto::DeleteBucketOwnershipControlsOutput::default();
    Ok(with_status(output, http::StatusCode::NO_CONTENT))
}
