//! Access control lists: since 2023 a new bucket has none but its owner's, and says so.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        GetBucketAclInput, GetBucketAclOutput, GetObjectAclInput, GetObjectAclOutput, Grant, Grantee,
        Permission, PutBucketAclInput, PutBucketAclOutput, PutObjectAclInput, PutObjectAclOutput, Type,
    },
};

use super::{
    S3, buckets,
    context::S3Context,
    error::{Refusal, refuse},
    listing::{canonical_id, owner},
    objects::find,
};

/// The owner may do everything.
fn owners_grant(account_id: &str) -> Vec<Grant> {
    let grantee = Grantee {
        display_name: None,
        email_address: None,
        id: Some(canonical_id(account_id)),
        type_: Type::from_static(Type::CANONICAL_USER),
        uri: None,
    };
    vec![Grant {
        grantee: Some(grantee),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }]
}

pub(super) async fn get_bucket_acl(
    s3: &S3,
    request: S3Request<GetBucketAclInput>,
) -> S3Result<S3Response<GetBucketAclOutput>> {
    let context = S3Context::of(&request)?;
    let bucket =
        buckets::find(s3, context, request.input.bucket, request.input.expected_bucket_owner).await?;
    Ok(S3Response::new(GetBucketAclOutput {
        grants: Some(owners_grant(&bucket.account_id)),
        owner: Some(owner(&bucket.account_id)),
    }))
}

pub(super) async fn get_object_acl(
    s3: &S3,
    request: S3Request<GetObjectAclInput>,
) -> S3Result<S3Response<GetObjectAclOutput>> {
    let context = S3Context::of(&request)?;
    let account_id = context.account_id.clone();
    let input = request.input;
    s3.store
        .read_s3(move |reader| {
            let (version, owner) = (input.version_id.as_deref(), input.expected_bucket_owner.as_deref());
            find(reader, &context, &input.bucket, &input.key, version, owner)
        })
        .await?;
    Ok(S3Response::new(GetObjectAclOutput {
        grants: Some(owners_grant(&account_id)),
        owner: Some(owner(&account_id)),
        request_charged: None,
    }))
}

/// What the ownership of a new bucket allows: the lists that give nobody else anything.
fn check_canned(acl: Option<&str>, has_more: bool) -> Result<(), Refusal> {
    match acl {
        None | Some("private" | "bucket-owner-full-control") if !has_more => Ok(()),
        _ => Err(refuse("AccessControlListNotSupported", "The bucket does not allow ACLs")),
    }
}

pub(super) async fn put_bucket_acl(
    s3: &S3,
    request: S3Request<PutBucketAclInput>,
) -> S3Result<S3Response<PutBucketAclOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    buckets::find(s3, context, input.bucket, input.expected_bucket_owner).await?;
    let has_more = input.access_control_policy.is_some()
        || input.grant_full_control.is_some()
        || input.grant_read.is_some()
        || input.grant_read_acp.is_some()
        || input.grant_write.is_some()
        || input.grant_write_acp.is_some();
    check_canned(input.acl.as_ref().map(|acl| acl.as_str()), has_more)?;
    Ok(S3Response::new(PutBucketAclOutput::default()))
}

pub(super) async fn put_object_acl(
    s3: &S3,
    request: S3Request<PutObjectAclInput>,
) -> S3Result<S3Response<PutObjectAclOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let has_more = input.access_control_policy.is_some()
        || input.grant_full_control.is_some()
        || input.grant_read.is_some()
        || input.grant_read_acp.is_some()
        || input.grant_write_acp.is_some();
    let acl = input.acl.clone();
    s3.store
        .read_s3(move |reader| {
            let (version, owner) = (input.version_id.as_deref(), input.expected_bucket_owner.as_deref());
            find(reader, &context, &input.bucket, &input.key, version, owner)
        })
        .await?;
    check_canned(acl.as_ref().map(|acl| acl.as_str()), has_more)?;
    Ok(S3Response::new(PutObjectAclOutput::default()))
}
