//! Layers: packages of their own that functions mount below `/opt` (B.17).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CodeReference, resource_policy::ResourcePolicy};
use crate::{LambdaError, limits};

/// Identifies a layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerKey {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The bare name.
    pub name: String,
}

impl LayerKey {
    /// `arn:aws:lambda:<region>:<account>:layer:<name>`.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:layer:{}", self.region, self.account_id, self.name)
    }

    /// The ARN followed by `:<version>`.
    pub fn version_arn(&self, version: u64) -> String {
        format!("{}:{version}", self.arn())
    }
}

/// A published version of a layer. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerVersion {
    /// The layer.
    pub key: LayerKey,
    /// Its number, from 1.
    pub version: u64,
    /// Free text.
    pub description: String,
    /// Free text.
    pub license_info: Option<String>,
    /// Runtimes that it is said to be for; nothing is enforced.
    pub compatible_runtimes: Vec<String>,
    /// Architectures that it is said to be for; nothing is enforced.
    pub compatible_architectures: Vec<String>,
    /// Its package.
    pub code: CodeReference,
    /// Unix time, milliseconds.
    pub created_ms: i64,
}

/// What there is of a layer beside its versions: the highest number that one ever had, so that none is given twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerCounter {
    /// Zero before the first.
    pub versions_published: u64,
}

/// The policy of a layer version: which accounts may use it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerPolicy {
    /// Its statements.
    pub policy: ResourcePolicy,
    /// Changes with every mutation.
    pub revision_id: String,
}

/// A layer version as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerVersionName {
    /// The layer.
    pub key: LayerKey,
    /// Its number.
    pub version: u64,
}

impl LayerVersionName {
    /// Reads `arn:aws:lambda:<region>:<account>:layer:<name>:<version>`; `None` for anything else.
    pub fn parse(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let ("arn", _partition, "lambda") = (parts.next()?, parts.next()?, parts.next()?) else {
            return None;
        };
        let (region, account_id) = (parts.next()?, parts.next()?);
        let ("layer", name, version, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next())
        else {
            return None;
        };
        let key = LayerKey { account_id: account_id.into(), region: region.into(), name: name.into() };
        Some(Self { key, version: version.parse().ok()? })
    }
}

/// Checks the layers that a function in `region` is to have (Y-02, Y-03), before it is known whether they exist.
///
/// # Errors
/// The recorded answers.
pub fn check_layers(arns: &[String], region: &str) -> Result<Vec<LayerVersionName>, LambdaError> {
    if arns.len() > limits::LAYERS_MAX {
        return Err(LambdaError::InvalidParameterValue(format!(
            "Cannot reference more than {} layers.",
            limits::LAYERS_MAX
        )));
    }
    let mut seen: BTreeMap<LayerKey, &String> = BTreeMap::new();
    let mut names = Vec::new();
    for arn in arns {
        let name = LayerVersionName::parse(arn).ok_or_else(|| does_not_exist(arn))?;
        if name.key.region != region {
            return Err(LambdaError::InvalidParameterValue(format!(
                "Layers are not in the same region as the function. Layers are expected to be in region {region}."
            )));
        }
        if let Some(other) = seen.insert(name.key.clone(), arn) {
            return Err(LambdaError::InvalidParameterValue(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. \
                 {other} and {arn} are versions of the same layer."
            )));
        }
        names.push(name);
    }
    Ok(names)
}

/// A function names a layer version that is not there (recorded).
pub fn does_not_exist(arn: &str) -> LambdaError {
    LambdaError::InvalidParameterValue(format!("Layer version {arn} does not exist."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arns: &[&str]) -> String {
        let arns: Vec<String> = arns.iter().map(|arn| (*arn).to_owned()).collect();
        check_layers(&arns, "us-east-1").map_err(|error| error.to_string()).err().unwrap_or_default()
    }

    #[test]
    fn layers_that_cannot_be_together_are_refused_in_the_recorded_words() {
        let arn = |name: &str, version: u64| {
            format!("arn:aws:lambda:us-east-1:000000000000:layer:{name}:{version}")
        };
        assert_eq!(refusal(&[&arn("a", 1), &arn("b", 1)]), "");
        assert_eq!(
            refusal(&[&arn("a", 1), &arn("a", 2)]),
            format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. \
                 {} and {} are versions of the same layer.",
                arn("a", 1),
                arn("a", 2)
            )
        );
        assert_eq!(
            refusal(&["arn:aws:lambda:eu-west-1:000000000000:layer:a:1"]),
            "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."
        );
        let six: Vec<String> = (0..6).map(|n| arn(&format!("l{n}"), 1)).collect();
        assert!(refusal(&six.iter().map(String::as_str).collect::<Vec<_>>()).contains("more than 5 layers"));
        assert!(refusal(&["arn:aws:lambda:us-east-1:0:layer:a"]).contains("does not exist"));
    }
}
