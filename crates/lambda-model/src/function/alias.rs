//! Aliases: a name for a version, or for two of them with weights (V-02, V-03).

use serde::{Deserialize, Serialize};

use super::{FunctionRecord, LATEST};
use crate::LambdaError;

/// An alias of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Its name, unique among the function's.
    pub name: String,
    /// The version that gets what no other does.
    pub function_version: String,
    /// Free text.
    pub description: String,
    /// A second version and the part of the requests that it gets, 0 to 1.
    pub additional_version: Option<(String, f64)>,
    /// Changes with every mutation, policies included.
    pub revision_id: String,
}

impl Alias {
    /// The version for one request; `roll` is uniform in [0, 1).
    pub fn choose(&self, roll: f64) -> &str {
        match &self.additional_version {
            Some((version, weight)) if roll < *weight => version,
            _ => &self.function_version,
        }
    }

    /// Whether requests may reach the version through this alias.
    pub fn points_to(&self, version: &str) -> bool {
        self.function_version == version
            || self.additional_version.as_ref().is_some_and(|(additional, _)| additional == version)
    }
}

/// Checks what an alias is to point to, before it is known whether the versions exist. The API model holds names and ranges.
///
/// # Errors
/// The recorded answers to routing that cannot be.
pub fn check_routing(function_version: &str, weights: &[(String, f64)]) -> Result<(), LambdaError> {
    if weights.len() > 1 {
        return Err(LambdaError::InvalidParameterValue(
            "Number of items in AdditionalVersionWeights cannot be greater than 1".into(),
        ));
    }
    let Some((additional, _)) = weights.first() else { return Ok(()) };
    if additional == function_version {
        return Err(LambdaError::InvalidParameterValue(format!(
            "Invalid function version {additional}. Function version {additional} is already included in routing configuration."
        )));
    }
    if function_version == LATEST {
        return Err(LambdaError::InvalidParameterValue(
            "$LATEST is not supported for an alias pointing to more than 1 version".into(),
        ));
    }
    Ok(())
}

/// Checks that two versions may share an alias: same role, same dead-letter target (AWS's developer guide, weighted aliases).
///
/// # Errors
/// 400 when they may not.
pub fn check_versions_match(one: &FunctionRecord, other: &FunctionRecord) -> Result<(), LambdaError> {
    let (a, b) = (&one.configuration, &other.configuration);
    let differing = if a.role != b.role {
        "execution role"
    } else if a.dead_letter_target_arn != b.dead_letter_target_arn {
        "dead-letter queue configuration"
    } else {
        return Ok(());
    };
    Err(LambdaError::InvalidParameterValue(format!(
        "Versions {} and {} of an alias with a routing configuration must have the same {differing}.",
        one.version, other.version
    )))
}

/// 404 of an alias that is asked for by name (recorded).
pub fn not_found(arn: &str) -> LambdaError {
    LambdaError::ResourceNotFound(format!("Cannot find alias arn: {arn}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_the_part_of_the_requests() {
        let mut alias = Alias {
            name: "live".into(),
            function_version: "1".into(),
            description: String::new(),
            additional_version: Some(("2".into(), 0.25)),
            revision_id: String::new(),
        };
        let to_second =
            |alias: &Alias| (0..1_000).filter(|n| alias.choose(f64::from(*n) / 1_000.0) == "2").count();
        assert_eq!(to_second(&alias), 250);
        assert!(alias.points_to("1") && alias.points_to("2") && !alias.points_to("3"));
        alias.additional_version = Some(("2".into(), 0.0));
        assert_eq!(to_second(&alias), 0);
        alias.additional_version = Some(("2".into(), 1.0));
        assert_eq!(to_second(&alias), 1_000);
        alias.additional_version = None;
        assert_eq!(to_second(&alias), 0);
    }

    #[test]
    fn routing_that_cannot_be_is_refused_in_the_recorded_words() {
        let refusal = |version: &str, weights: &[&str]| {
            let weights: Vec<_> = weights.iter().map(|version| ((*version).to_owned(), 0.5)).collect();
            check_routing(version, &weights).map_err(|error| error.to_string())
        };
        assert_eq!(refusal("1", &[]), Ok(()));
        assert_eq!(refusal("1", &["2"]), Ok(()));
        assert_eq!(
            refusal("1", &["2", "3"]),
            Err("Number of items in AdditionalVersionWeights cannot be greater than 1".into())
        );
        assert_eq!(
            refusal("1", &["1"]),
            Err("Invalid function version 1. Function version 1 is already included in routing configuration.".into())
        );
        assert_eq!(
            refusal(LATEST, &["1"]),
            Err("$LATEST is not supported for an alias pointing to more than 1 version".into())
        );
    }
}
