//! States of a function (B.16).
//!
//! ```text
//!  CreateFunction ──► Pending ──prepared──► Active        LastUpdateStatus: Successful ◄─┐
//!                        │                                    │ UpdateFunction*          │ prepared
//!                        └──preparation failed──► Failed      └──────► InProgress ───────┤
//!                                                                                        └─► Failed
//! ```
//! An invocation of a Pending function is a conflict; while an update is in progress it runs the code before it (I-07).

use serde::{Deserialize, Serialize};

use crate::LambdaError;

/// `State` of the API model, the part of it that functions here reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FunctionState {
    /// Being created.
    Pending,
    /// May be invoked.
    Active,
    /// Creation failed; only deletion is left.
    Failed,
}

impl FunctionState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Failed => "Failed",
        }
    }
}

/// `LastUpdateStatus` of the API model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastUpdateStatus {
    /// The last update, or the creation, is complete.
    Successful,
    /// An update is being prepared; further updates conflict.
    InProgress,
    /// The last update could not be prepared.
    Failed,
}

impl LastUpdateStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Successful => "Successful",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
        }
    }
}

/// Whether a function in `state` may be invoked.
///
/// # Errors
/// The 409 that AWS answers (I-07), naming the state.
pub fn check_invocable(state: FunctionState) -> Result<(), LambdaError> {
    match state {
        FunctionState::Active => Ok(()),
        FunctionState::Pending | FunctionState::Failed => Err(LambdaError::ResourceConflict(format!(
            "The operation cannot be performed at this time. The function is currently in the following state: {}",
            state.as_str()
        ))),
    }
}

/// Whether a function may be updated or published now (S-03).
///
/// # Errors
/// The 409 that AWS answers while a creation or an update is in progress.
pub fn check_updatable(arn: &str, state: FunctionState, update: LastUpdateStatus) -> Result<(), LambdaError> {
    let busy = match (state, update) {
        (FunctionState::Pending, _) => "The function is currently in the following state: Pending".to_owned(),
        (_, LastUpdateStatus::InProgress) => format!("An update is in progress for resource: {arn}"),
        _ => return Ok(()),
    };
    Err(LambdaError::ResourceConflict(format!("The operation cannot be performed at this time. {busy}")))
}
