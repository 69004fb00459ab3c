//! The expressions of DynamoDB ("Using expressions in DynamoDB"): read from text, then evaluated on items. Pure.
//!
//! ```text
//!  text ──► tokens ([`lexer`]) ──► [`parser`] ──┬─► [`condition`]: of conditions, filters and keys
//!                                              ├─► [`update`]: SET, REMOVE, ADD, DELETE
//!                                              └─► [`projection`]: paths
//!  names and values of the request ([`placeholders`]) take their places while it is read; each must be used somewhere
//! ```

mod apply;
mod condition;
mod evaluate;
mod lexer;
mod parser;
mod path;
mod placeholders;
mod projection;
#[cfg(test)]
mod properties;
mod reserved;
#[cfg(test)]
mod tests;
mod update;

pub(super) use apply::apply;
pub(super) use condition::{Comparator, Condition, Function, Operand};
pub(super) use evaluate::{compare, holds};
pub(super) use path::{Path, Step};
pub(super) use placeholders::Placeholders;
pub(super) use projection::{Projection, project};
pub(super) use update::{Update, UpdateValue};

use super::error::invalid;
use aws_api::error_response::ApiError;

/// Which expression it is, as errors call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Condition,
    Filter,
    Key,
    Projection,
    Update,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::Key => "KeyConditionExpression",
            Self::Projection => "ProjectionExpression",
            Self::Update => "UpdateExpression",
        }
    }

    /// What is wrong with one.
    pub(super) fn invalid(self, why: impl AsRef<str>) -> ApiError {
        invalid(format!("Invalid {}: {}", self.name(), why.as_ref()))
    }
}
