//! A bucket's policy: checked for its form, kept, and not yet asked about anything.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{self, Policy},
};

use super::{Setting, get, set};
use crate::s3::{
    S3,
    context::S3Context,
    error::{Refusal, no_content, refuse},
};

/// A policy of a bucket, bytes (AWS: 20 KB).
const POLICY_BYTES_MAX: usize = 20 * 1024;

const POLICY: Setting =
    Setting { name: "policy", missing: ("NoSuchBucketPolicy", "The bucket policy does not exist") };

pub(in crate::s3) async fn get_bucket_policy(
    s3: &S3,
    request: S3Request<dto::GetBucketPolicyInput>,
) -> S3Result<S3Response<dto::GetBucketPolicyOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    let policy: Policy = get(s3, context, request.input.bucket, owner, POLICY).await?;
    Ok(S3Response::new(dto::GetBucketPolicyOutput { policy: Some(policy) }))
}

pub(in crate::s3) async fn put_bucket_policy(
    s3: &S3,
    request: S3Request<dto::PutBucketPolicyInput>,
) -> S3Result<S3Response<dto::PutBucketPolicyOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    check_policy(&input.policy)?;
    let owner = input.expected_bucket_owner;
    set(s3, context, input.bucket, owner, POLICY, Some(&input.policy)).await?;
    Ok(no_content::<dto::PutBucketPolicyOutput>())
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

pub(in crate::s3) async fn delete_bucket_policy(
    s3: &S3,
    request: S3Request<dto::DeleteBucketPolicyInput>,
) -> S3Result<S3Response<dto::DeleteBucketPolicyOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    set::<()>(s3, context, request.input.bucket, owner, POLICY, None).await?;
    Ok(no_content::<dto::DeleteBucketPolicyOutput>())
}

/// Whether the policy lets everybody in: a statement allows everyone, under no condition.
fn is_public(policy: &str) -> bool {
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = match &policy["Statement"] {
        serde_json::Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    };
    let is_everyone = |principal: &serde_json::Value| match principal {
        serde_json::Value::String(one) => one == "*",
        serde_json::Value::Object(kinds) => kinds.get("AWS").is_some_and(|aws| match aws {
            serde_json::Value::Array(all) => all.iter().any(|one| one == "*"),
            one => one == "*",
        }),
        _ => false,
    };
    statements.iter().any(|statement| {
        statement["Effect"] == "Allow"
            && is_everyone(&statement["Principal"])
            && statement.get("Condition").is_none()
    })
}

pub(in crate::s3) async fn get_bucket_policy_status(
    s3: &S3,
    request: S3Request<dto::GetBucketPolicyStatusInput>,
) -> S3Result<S3Response<dto::GetBucketPolicyStatusOutput>> {
    let context = S3Context::of(&request)?;
    let owner = request.input.expected_bucket_owner;
    let policy: Policy = get(s3, context, request.input.bucket, owner, POLICY).await?;
    let policy_status = Some(dto::PolicyStatus { is_public: Some(is_public(&policy)) });
    Ok(S3Response::new(dto::GetBucketPolicyStatusOutput { policy_status }))
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn a_policy_is_public_when_everyone_is_allowed_without_a_condition() {
        let with = |principal: &str, more: &str| {
            format!(r#"{{"Statement": [{{"Effect": "Allow", "Principal": {principal}{more}}}]}}"#)
        };
        assert!(is_public(&with(r#""*""#, "")));
        assert!(is_public(&with(r#"{"AWS": ["*"]}"#, "")));
        assert!(!is_public(&with(r#""*""#, r#", "Condition": {"Bool": {"aws:SecureTransport": "true"}}"#)));
        assert!(!is_public(&with(r#"{"AWS": "arn:aws:iam::123456789012:root"}"#, "")));
    }
}
