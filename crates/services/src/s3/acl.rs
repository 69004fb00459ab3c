//! Access control lists: since April 2023 a new bucket has none but its owner's, and refuses every other. A bucket whose ownership
//! lets writers own objects takes lists that give nobody else anything; others are not built.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        GetBucketAclInput, GetBucketAclOutput, GetObjectAclInput, GetObjectAclOutput, Grant, Grantee,
        Permission, PutBucketAclInput, PutBucketAclOutput, PutObjectAclInput, PutObjectAclOutput, Type,
    },
};

use store::s3::BucketRecord;

use super::{
    S3,
    bucket_settings::OWNERSHIP,
    buckets,
    context::S3Context,
    error::{Refusal, refuse},
    listing::{canonical_id, owner},
    notifications::{self, EventName},
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

/// What a request says about access: a list by its name, and whether it grants more.
#[derive(Debug, Clone, Default)]
pub(super) struct AskedAcl {
    pub canned: Option<String>,
    pub has_grants: bool,
}

/// Reads it from any of the inputs that write an object: they are different types with the same fields.
macro_rules! asked_acl {
    ($input:expr) => {
        $crate::s3::acl::AskedAcl {
            canned: $input.acl.as_ref().map(|acl| acl.as_str().to_owned()),
            has_grants: $input.grant_full_control.is_some()
                || $input.grant_read.is_some()
                || $input.grant_read_acp.is_some()
                || $input.grant_write_acp.is_some(),
        }
    };
}
pub(super) use asked_acl;

impl AskedAcl {
    /// Whether the ownership of the bucket allows it.
    pub(super) fn check(&self, bucket: &BucketRecord) -> Result<(), Refusal> {
        if self.canned.is_some() && self.has_grants {
            let message = "Specifying both Canned ACLs and Header Grants is not allowed";
            return Err(refuse("InvalidRequest", message));
        }
        let canned = self.canned.as_deref();
        let gives_others_nothing =
            matches!(canned, None | Some("private" | "bucket-owner-full-control")) && !self.has_grants;
        match has_acls(bucket) {
            false if self.has_grants || !matches!(canned, None | Some("bucket-owner-full-control")) => {
                Err(refuse("AccessControlListNotSupported", "The bucket does not allow ACLs"))
            }
            true if !gives_others_nothing => Err(refuse(
                "NotImplemented",
                "Access control lists that grant others something are not implemented by this server.",
            )),
            _ => Ok(()),
        }
    }
}

/// Whether writers may own objects.
fn has_acls(bucket: &BucketRecord) -> bool {
    let names = bucket.settings.get(OWNERSHIP.name).and_then(|names| names.as_array());
    names.is_some_and(|names| names.iter().any(|name| name != "BucketOwnerEnforced"))
}

pub(super) async fn put_bucket_acl(
    s3: &S3,
    request: S3Request<PutBucketAclInput>,
) -> S3Result<S3Response<PutBucketAclOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let mut asked = asked_acl!(input);
    asked.has_grants |= input.access_control_policy.is_some() || input.grant_write.is_some();
    asked.check(&buckets::find(s3, context, input.bucket, input.expected_bucket_owner).await?)?;
    Ok(S3Response::new(PutBucketAclOutput::default()))
}

pub(super) async fn put_object_acl(
    s3: &S3,
    request: S3Request<PutObjectAclInput>,
) -> S3Result<S3Response<PutObjectAclOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let mut asked = asked_acl!(input);
    asked.has_grants |= input.access_control_policy.is_some();
    s3.store
        .change_s3(move |transaction| {
            let (version, owner) = (input.version_id.as_deref(), input.expected_bucket_owner.as_deref());
            let found = find(transaction, &context, &input.bucket, &input.key, version, owner)?;
            let bucket = context.bucket(transaction, &input.bucket, None)?;
            asked.check(&bucket)?;
            notifications::happened(transaction, &bucket, &context, EventName::AclPut, &found.record)
        })
        .await?;
    Ok(S3Response::new(PutObjectAclOutput::default()))
}
