//! The sandboxes of environments: built ahead where that is possible, whole when they are asked for where it is not.
//!
//! ```text
//! kind (runtime, /tmp, network) ──► shelf: sandboxes that are built, with a runtime that waits for its function
//!                                      │ one is there                                │ none is
//!                                      ▼                                             ▼
//!                        add code, layers, limits ──────► SandboxOfEnvironment ◄── build it with all of that
//! ```
//! What a function brings ([`Late`]) is all that is missing in a prepared sandbox; it is nobody's until then, and afterwards one
//! function's until it is destroyed.

mod build;
mod services;
mod shelves;
mod specification;
mod waiting;
mod zygotes;

use lambda_model::error::with_causes;
use sandbox::{Sandbox, SandboxSpec};

use crate::{context::Context, environment::StartError, uids::Uid};

pub(crate) use services::{Services, readiness};
pub(crate) use shelves::{Shelves, keep_prepared};
pub(crate) use specification::{Kind, Wanted};
pub(crate) use waiting::{WaitingProgram, WaitingRuntime};
pub(crate) use zygotes::Zygotes;

/// A sandbox with everything around it that an environment needs.
pub(crate) struct SandboxOfEnvironment {
    /// The environment's number, which names the sandbox.
    pub id: u64,
    /// The user that processes run as.
    pub uid: Uid,
    /// What was isolated.
    pub spec: SandboxSpec,
    /// The sandbox.
    pub sandbox: Sandbox,
    /// What serves its processes.
    pub services: Services,
    /// The runtime, if it was started already.
    pub waiting: Option<WaitingRuntime>,
}

/// The sandbox of a new environment.
///
/// # Errors
/// When it can be neither taken nor built.
pub(crate) async fn obtain(context: &Context, wanted: &Wanted) -> Result<SandboxOfEnvironment, StartError> {
    let mut prepared = context.shelves.take(&wanted.kind);
    if prepared.is_none() && context.zygotes.are_ready(&wanted.kind) {
        // Forked after all it is ready sooner than started by itself.
        prepared = Some(build::prepared(context, &wanted.kind).await?);
    }
    if let Some(mut prepared) = prepared {
        match prepared.complete(&wanted.late) {
            Ok(()) => return Ok(prepared),
            Err(error) => {
                tracing::warn!(error = with_causes(&error), "a prepared sandbox was of no use");
            }
        }
    }
    build::whole(context, wanted).await
}
