//! Provisioned concurrency: environments that are initialised before anyone asks for them (C-05 to C-08).
//!
//! ```text
//!  Put ──► IN_PROGRESS ──all are ready──► READY
//!              ▲  │                         │
//!              │  └──Init failed──► FAILED  │ one dies, or the alias moves
//!              └────tried again─────┘       │
//!              └────────────────────────────┘
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reserved::AccountConcurrency;
use crate::{
    LambdaError,
    function::{Alias, LATEST, version},
};

/// What a caller asked for, for a version or an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionedConcurrency {
    /// Environments.
    pub requested: u32,
    /// Unix time, milliseconds.
    pub last_modified_ms: i64,
}

/// How far the environments of a version have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProvisionedState {
    /// Environments that are initialised.
    pub ready: u32,
    /// Whether the last attempt to initialise one failed.
    pub has_failed: bool,
}

/// `Status` of the API model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvisionedStatus {
    /// Some are being initialised.
    InProgress,
    /// All are there.
    Ready,
    /// Init fails.
    Failed,
}

impl ProvisionedStatus {
    /// Of `requested` environments in this state.
    pub fn of(requested: u32, state: ProvisionedState) -> Self {
        match state {
            ProvisionedState { ready, .. } if ready >= requested => Self::Ready,
            ProvisionedState { has_failed: true, .. } => Self::Failed,
            ProvisionedState { .. } => Self::InProgress,
        }
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Ready => "READY",
            Self::Failed => "FAILED",
        }
    }

    /// `StatusReason`, where there is one (recorded).
    pub fn reason(self) -> Option<&'static str> {
        (self == Self::Failed).then_some("FUNCTION_ERROR_INIT_FAILURE")
    }
}

/// What a function's other qualifiers have when one more is to be provisioned.
#[derive(Debug, Clone, Default)]
pub struct Provisions {
    /// By qualifier.
    pub by_qualifier: BTreeMap<String, u32>,
    /// The function's aliases.
    pub aliases: Vec<Alias>,
}

impl Provisions {
    /// All of them together.
    pub fn total(&self) -> u32 {
        self.by_qualifier.values().sum()
    }

    /// Environments per version: an alias's are those of the version that it points to, and move with it (C-07).
    pub fn by_version(&self) -> BTreeMap<String, u32> {
        let mut by_version = BTreeMap::new();
        for (qualifier, requested) in &self.by_qualifier {
            *by_version.entry(self.version_of(qualifier).to_owned()).or_default() += requested;
        }
        by_version
    }

    /// The version that a qualifier stands for.
    pub fn version_of<'a>(&'a self, qualifier: &'a str) -> &'a str {
        let alias = self.aliases.iter().find(|alias| alias.name == qualifier);
        alias.map_or(qualifier, |alias| &alias.function_version)
    }

    /// Checks that `qualifier` may be provisioned: not `$LATEST`, and not a version that is so by another name.
    ///
    /// # Errors
    /// The recorded texts.
    pub fn check_qualifier(&self, qualifier: &str) -> Result<(), LambdaError> {
        let version = self.version_of(qualifier);
        if version == LATEST {
            return Err(LambdaError::InvalidParameterValue(
                "Provisioned Concurrency Configs cannot be applied to unpublished function versions.".into(),
            ));
        }
        let mut others = self.by_qualifier.keys().filter(|other| *other != qualifier);
        if !others.any(|other| self.version_of(other) == version) {
            return Ok(());
        }
        Err(LambdaError::ResourceConflict(
            if version::is_number(qualifier) {
                "Version is pointed by a Provisioned Concurrency alias"
            } else {
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            }
            .into(),
        ))
    }

    /// Checks a number for `qualifier`, against the function's reservation or else the account.
    ///
    /// # Errors
    /// The recorded texts.
    pub fn check_number(
        &self,
        qualifier: &str,
        requested: u32,
        reserved: Option<u32>,
        account: AccountConcurrency,
    ) -> Result<(), LambdaError> {
        let others = self.total() - self.by_qualifier.get(qualifier).copied().unwrap_or(0);
        let total = others.saturating_add(requested);
        let refusal = match reserved {
            Some(reserved) if total > reserved => {
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
                    .to_owned()
            }
            Some(_) => return Ok(()),
            None if total > account.left() => format!(
                "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{}].",
                account.left()
            ),
            None if account.left() - total < account.unreserved_min() => format!(
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
                 minimum value of [{}].",
                account.unreserved_min()
            ),
            None => return Ok(()),
        };
        Err(LambdaError::InvalidParameterValue(refusal))
    }
}

#[cfg(test)]
mod tests;
