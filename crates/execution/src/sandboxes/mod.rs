//! The sandboxes of environments: built ahead where that is possible, whole when they are asked for where it is not.
//!
//! ```text
//! kind (runtime, /tmp, network) ──► shelf: sandboxes that are built, with a runtime that waits for its function
//!                                      │ one is there                                │ none is
//!                                      ▼                                             ▼
//!                        add code, layers, limits ──────► SandboxOfEnvironment ◄── build it with all of that
//! ```
//! What a function brings is all that is missing in a prepared sandbox; it is nobody's until then, and afterwards one function's until it
//! is destroyed, or made as new for another ([`take_back`]).

mod build;
mod services;
mod shelf;
mod shelves;
mod specification;
mod waiting;
mod zygotes;

use lambda_model::error::with_causes;
use sandbox::{Sandbox, SandboxSpec};

use crate::{budget::Room, context::Context, environment::StartError, uids::Uid};

pub(crate) use services::{Services, readiness};
pub(crate) use shelves::{Shelves, keep_prepared};
pub(crate) use specification::{Kind, LAYERS_ROOT, TASK_ROOT, Wanted, limits_of};
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
    /// What it can be again, when the environment has ended; nothing if it was built with its function.
    pub origin: Option<Origin>,
}

/// A sandbox of a kind, whoever has it.
pub(crate) struct Origin {
    kind: Kind,
    /// Environments that it was the sandbox of.
    uses: u32,
}

/// After so many it is destroyed: whatever adds up in the kernel goes with it.
const USES_MAX: u32 = 100;

/// What is left of an environment that ended by itself: no process, and nobody who has its sockets.
pub(crate) struct Remains {
    pub uid: Uid,
    pub sandbox: Sandbox,
    pub origin: Option<Origin>,
    /// Given back as soon as nothing runs inside.
    pub room: Room,
}

/// Makes what is left ready for another environment, if one of its kind is wanted, or destroys it.
pub(crate) async fn take_back(context: &Context, remains: Remains) {
    let Remains { uid, sandbox, origin, room } = remains;
    let origin = origin.filter(|origin| origin.uses < USES_MAX);
    let expected = origin.and_then(|origin| Some((context.shelves.expect_back(&origin.kind)?, origin)));
    let Some((coming, origin)) = expected else {
        let _ = tokio::task::spawn_blocking(move || drop((sandbox, uid, room))).await;
        return;
    };
    match build::again(context, &origin, sandbox, (uid, room)).await {
        Ok(prepared) => coming.put(prepared).await,
        // As when somebody has used its /tmp.
        Err(error) => tracing::debug!(error = with_causes(&error), "a sandbox was not renewed"),
    }
}

/// The sandbox of a new environment.
///
/// # Errors
/// When it can be neither taken nor built.
pub(crate) async fn obtain(context: &Context, wanted: &Wanted) -> Result<SandboxOfEnvironment, StartError> {
    let mut prepared = context.shelves.take(&wanted.kind).await;
    if prepared.is_none() && context.zygotes.are_ready(&wanted.kind) {
        // Forked after all it is ready sooner than started by itself.
        let built = build::prepared(context, &wanted.kind, Some(wanted.function.clone())).await;
        prepared = built
            .inspect_err(|error| tracing::warn!(error = with_causes(error), "a sandbox was not prepared"))
            .ok();
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
