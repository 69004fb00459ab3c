//! Resources of statements: `*`, or an ARN.

use super::{Handled, malformed};

/// Parts of an ARN.
const PARTS: usize = 6;
/// Where IAM's own resources begin.
const IAM_PATHS: &[&str] = &[
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// Whether the older of IAM's parsers takes it: an ARN of the common partition names a service, and leaves parts out only at its end.
pub(super) fn passes_legacy_parsing(resource: &str) -> bool {
    let parts: Vec<&str> = resource.splitn(PARTS, ':').collect();
    let is_common = parts.len() > 2 && parts[0] == "arn" && parts[1] == "aws";
    !is_common || !parts[2].is_empty() && (parts.len() == PARTS || !resource.contains("::"))
}

/// Whether it is a resource.
///
/// # Errors
/// `MalformedPolicyDocument` with what is wrong with it.
pub(super) fn check(resource: &str) -> Handled<()> {
    if resource == "*" {
        return Ok(());
    }
    let Some((_, rest)) = resource.split_once(':') else {
        return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
    };
    let parts: Vec<&str> = rest.splitn(PARTS - 1, ':').collect();
    let partition = parts[0];
    if !matches!(partition, "aws" | "aws-cn" | "aws-us-gov" | "*") {
        let missing = ":*".repeat(PARTS - 1 - parts.len());
        return Err(malformed(format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{rest}{missing}\"."
        )));
    }
    if parts.len() == 1 {
        return Err(malformed("Resource vendor must be fully qualified and cannot contain regexes."));
    }
    let part = |place: usize| parts.get(place).copied().unwrap_or_default();
    check_parts(resource, part(1), part(2), part(4))
}

fn check_parts(resource: &str, service: &str, region: &str, path: &str) -> Handled<()> {
    let names_region = !region.is_empty() && region != "*";
    match service {
        "" => Err(malformed("Resource vendor must be fully qualified and cannot contain regexes.")),
        "s3" if names_region && !path.starts_with("accesspoint/") => {
            Err(malformed(format!("Resource {resource} can not contain region information.")))
        }
        "iam" if names_region => {
            Err(malformed(format!("IAM resource {resource} cannot contain region information.")))
        }
        "iam" if path != "*" && !IAM_PATHS.iter().any(|known| path.starts_with(known)) => {
            let known = IAM_PATHS.join(", ");
            Err(malformed(format!("IAM resource path must either be \"*\" or start with {known}.")))
        }
        _ => Ok(()),
    }
}
