//! Published versions: `$LATEST` as it was, under a number that is never given again (V-01).

use super::{Alias, FunctionRecord, FunctionState, LATEST};
use crate::LambdaError;

/// What publishing `$LATEST` leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Publication {
    /// Nothing changed since the last version: it is the answer (V-01).
    Unchanged(Box<FunctionRecord>),
    /// A version to store, and `$LATEST` with its counter advanced.
    New {
        /// The version.
        version: Box<FunctionRecord>,
        /// `$LATEST`.
        latest: Box<FunctionRecord>,
    },
}

/// Publishes `latest`. `last` is the version of the highest number, if there is one; `description` replaces that of `$LATEST`.
///
/// `revision_ids` are those of the version and of `$LATEST`, which gets a new one too (recorded).
///
/// A version is in the state that `$LATEST` is in: Active at once when that is prepared, else Pending and without a status of an
/// update (recorded for UpdateFunctionCode with Publish).
pub fn publish(
    latest: FunctionRecord,
    last: Option<FunctionRecord>,
    description: Option<String>,
    revision_ids: (String, String),
    now_ms: i64,
) -> Publication {
    if let Some(last) = last.filter(|last| is_unchanged(&latest, last)) {
        return Publication::Unchanged(Box::new(last));
    }
    let mut latest = latest;
    let (revision_id, latest_revision_id) = revision_ids;
    latest.versions_published += 1;
    latest.revision_id = latest_revision_id;
    let mut version = latest.clone();
    version.version = latest.versions_published.to_string();
    version.described_as = Some(latest.configuration.description.clone());
    if let Some(description) = description {
        version.configuration.description = description;
    }
    if latest.previous.is_some() {
        // An update is being prepared: the version waits for the same thing.
        version.state = FunctionState::Pending;
        version.state_reason = Some("The function is being created.".into());
        version.state_reason_code = Some("Creating".into());
        version.previous = None;
    }
    version.deployment_id = revision_id.clone();
    version.revision_id = revision_id;
    version.last_modified_ms = now_ms;
    version.tags.clear();
    version.reserved_concurrency = None;
    version.versions_published = 0;
    Publication::New { version: Box::new(version), latest: Box::new(latest) }
}

/// Whether code and settings are those of the version, whatever description it was published under.
fn is_unchanged(latest: &FunctionRecord, last: &FunctionRecord) -> bool {
    let mut settings = last.configuration.clone();
    if let Some(described_as) = &last.described_as {
        settings.description.clone_from(described_as);
    }
    settings == latest.configuration && last.code == latest.code
}

/// The precondition that a caller may set on what is published.
///
/// # Errors
/// The recorded text when the code is another.
pub fn check_code_sha256(expected: Option<&str>, latest: &FunctionRecord) -> Result<(), LambdaError> {
    let actual = &latest.code.code_sha256;
    match expected {
        Some(expected) if expected != actual => Err(LambdaError::InvalidParameterValue(format!(
            "CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({actual}). Please try again with the CodeSHA256 in $LATEST."
        ))),
        _ => Ok(()),
    }
}

/// Whether a version may be deleted: `$LATEST` only with the function, and none that an alias needs.
///
/// # Errors
/// 400 and 409 in AWS's words.
pub fn check_deletable(
    version: &str,
    aliases: &[Alias],
    is_provisioned: impl Fn(&Alias) -> bool,
) -> Result<(), LambdaError> {
    if version == LATEST {
        return Err(LambdaError::InvalidParameterValue(
            "$LATEST version cannot be deleted without deleting the function.".into(),
        ));
    }
    let pointing: Vec<&Alias> = aliases.iter().filter(|alias| alias.points_to(version)).collect();
    if pointing.iter().any(|alias| is_provisioned(alias)) {
        return Err(LambdaError::InvalidParameterValue(
            "Version is pointed by a Provisioned Concurrency alias".into(),
        ));
    }
    if pointing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = pointing.iter().map(|alias| alias.name.as_str()).collect();
    Err(LambdaError::ResourceConflict(format!(
        "Unable to delete version because the following aliases reference it: [{}]",
        names.join(", ")
    )))
}

/// Whether a qualifier is the number of a version, and not an alias.
pub fn is_number(qualifier: &str) -> bool {
    !qualifier.is_empty() && qualifier.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
