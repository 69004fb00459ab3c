//! What S3 refuses of a setting, what it adds, and what a bucket has from the start.

use s3s::dto;
use serde_json::{Value, json};

use crate::s3::error::{Refusal, malformed_xml, refuse};

/// Rules of a CORS configuration (AWS).
const CORS_RULES_MAX: usize = 100;
/// Methods that a rule may allow.
const CORS_METHODS: &[&str] = &["GET", "PUT", "HEAD", "POST", "DELETE"];
/// Rules of a lifecycle configuration (AWS).
const LIFECYCLE_RULES_MAX: usize = 1_000;

/// Settings that a bucket has though nobody set them.
pub(super) fn default_of(setting: &str) -> Option<Value> {
    match setting {
        // Since January 2023 every bucket encrypts with keys of S3.
        "encryption" => Some(encryption_of_s3()),
        "logging" => Some(Value::Null),
        "accelerate" => Some(json!({"status": null})),
        "request_payment" => Some(json!({"payer": "BucketOwner"})),
        _ => None,
    }
}

fn encryption_of_s3() -> Value {
    json!({"rules": [{
        "apply_server_side_encryption_by_default": {"sse_algorithm": "AES256", "kms_master_key_id": null},
        "bucket_key_enabled": false,
    }]})
}

pub(super) fn cors(asked: dto::CORSConfiguration) -> Result<dto::CORSConfiguration, Refusal> {
    if asked.cors_rules.is_empty() || asked.cors_rules.len() > CORS_RULES_MAX {
        return Err(malformed_xml());
    }
    for method in asked.cors_rules.iter().flat_map(|rule| &rule.allowed_methods) {
        if !CORS_METHODS.contains(&method.as_str()) {
            let message =
                format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}");
            return Err(refuse("InvalidRequest", message));
        }
    }
    Ok(asked)
}

/// What is not said is false.
pub(super) fn public_access_block(
    asked: dto::PublicAccessBlockConfiguration,
) -> Result<dto::PublicAccessBlockConfiguration, Refusal> {
    let given = [
        asked.block_public_acls,
        asked.block_public_policy,
        asked.ignore_public_acls,
        asked.restrict_public_buckets,
    ];
    if given.iter().all(Option::is_none) {
        return Err(refuse("InvalidRequest", "Must specify at least one configuration."));
    }
    let or_false = |value: Option<bool>| Some(value.unwrap_or(false));
    Ok(dto::PublicAccessBlockConfiguration {
        block_public_acls: or_false(asked.block_public_acls),
        block_public_policy: or_false(asked.block_public_policy),
        ignore_public_acls: or_false(asked.ignore_public_acls),
        restrict_public_buckets: or_false(asked.restrict_public_buckets),
    })
}

pub(super) fn encryption(
    mut asked: dto::ServerSideEncryptionConfiguration,
) -> Result<dto::ServerSideEncryptionConfiguration, Refusal> {
    if asked.rules.len() != 1 {
        return Err(malformed_xml());
    }
    for rule in &mut asked.rules {
        rule.bucket_key_enabled = Some(rule.bucket_key_enabled.unwrap_or(false));
    }
    Ok(asked)
}

pub(super) fn accelerate(
    asked: dto::AccelerateConfiguration,
) -> Result<dto::AccelerateConfiguration, Refusal> {
    match asked.status.as_ref().map(|status| status.as_str()) {
        Some("Enabled" | "Suspended") => Ok(asked),
        _ => Err(malformed_xml()),
    }
}

pub(super) fn lifecycle(
    asked: Option<dto::BucketLifecycleConfiguration>,
) -> Result<dto::BucketLifecycleConfiguration, Refusal> {
    let mut asked =
        asked.filter(|it| (1..=LIFECYCLE_RULES_MAX).contains(&it.rules.len())).ok_or_else(malformed_xml)?;
    if !asked.rules.iter().all(is_lifecycle_rule) {
        return Err(malformed_xml());
    }
    for rule in &mut asked.rules {
        // S3 names what has no name.
        rule.id.get_or_insert_with(|| uuid::Uuid::new_v4().to_string());
    }
    Ok(asked)
}

/// Whether a rule says what it is for, once, and nothing that excludes another.
fn is_lifecycle_rule(rule: &dto::LifecycleRule) -> bool {
    let filters = rule.filter.as_ref().map_or(0, |filter| {
        [filter.and.is_some(), filter.prefix.is_some(), filter.tag.is_some()]
            .into_iter()
            .filter(|is_given| *is_given)
            .count()
    });
    let expires_well = rule.expiration.as_ref().is_none_or(|expiration| {
        expiration.expired_object_delete_marker.is_none()
            || expiration.days.is_none() && expiration.date.is_none()
    });
    let mut transitions = rule.noncurrent_version_transitions.iter().flatten();
    rule.filter.is_some() != rule.prefix.is_some()
        && filters <= 1
        && expires_well
        && transitions.all(|one| one.noncurrent_days.is_some() && one.storage_class.is_some())
}

pub(super) fn replication(
    mut asked: dto::ReplicationConfiguration,
) -> Result<dto::ReplicationConfiguration, Refusal> {
    for rule in &mut asked.rules {
        rule.id.get_or_insert_with(|| uuid::Uuid::new_v4().to_string());
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bucket_has_from_the_start_can_be_read_as_what_is_put() {
        let encryption: dto::ServerSideEncryptionConfiguration =
            serde_json::from_value(default_of("encryption").unwrap()).unwrap();
        assert_eq!(encryption.rules.len(), 1);
        let payment: dto::RequestPaymentConfiguration =
            serde_json::from_value(default_of("request_payment").unwrap()).unwrap();
        assert_eq!(payment.payer.as_str(), "BucketOwner");
        let _: dto::AccelerateConfiguration =
            serde_json::from_value(default_of("accelerate").unwrap()).unwrap();
    }
}
