//! Building a sandbox: whole, for a function, or as one of a kind, for whoever comes; and adding to it what comes later.

use std::{net::SocketAddr, sync::Arc};

use lambda_model::limits;
use sandbox::{Limits, Sandbox, SandboxError, SandboxSpec};

use super::{
    Kind, Origin, SandboxOfEnvironment, Services, WaitingProgram, WaitingRuntime, Wanted,
    specification::{Late, limits_of},
};
use crate::{budget::Room, context::Context, environment::StartError, starts::Party, uids::Uid};

/// A sandbox with everything that the function brings.
///
/// # Errors
/// What could not be built.
pub(super) async fn whole(context: &Context, wanted: &Wanted) -> Result<SandboxOfEnvironment, StartError> {
    let (id, uid) = (context.next_id(), context.uids.take());
    let mut spec = wanted.kind.specification(id, &uid, wanted.late.limits);
    spec.binds.extend(wanted.late.binds.iter().cloned());
    let (sandbox, services) = create(context, &spec, Some(wanted.function.clone())).await?;
    Ok(SandboxOfEnvironment { id, uid, spec, sandbox, services, waiting: None, origin: None })
}

/// A sandbox of the kind for a function, or for whoever comes, with its runtime on its way to where it waits.
///
/// # Errors
/// What could not be built or started.
pub(super) async fn prepared(
    context: &Context,
    kind: &Kind,
    party: Party,
) -> Result<SandboxOfEnvironment, StartError> {
    let (id, uid) = (context.next_id(), context.uids.take());
    let spec = kind.specification(id, &uid, first_limits(context));
    let (sandbox, services) = create(context, &spec, party).await?;
    let origin = Some(Origin { kind: kind.clone(), uses: 1 });
    furnish(context, SandboxOfEnvironment { id, uid, spec, sandbox, services, waiting: None, origin })
}

/// The same from a sandbox that an environment is done with.
///
/// # Errors
/// What could not be made as new; nothing of it is left.
pub(super) async fn again(
    context: &Context,
    origin: &Origin,
    sandbox: Sandbox,
    (uid, room): (Uid, Room),
) -> Result<SandboxOfEnvironment, StartError> {
    let id = context.next_id();
    let spec = origin.kind.specification(id, &uid, first_limits(context));
    let (launcher, name, limits) = (Arc::clone(&context.launcher), spec.id.clone(), spec.limits);
    let renewed =
        tokio::task::spawn_blocking(move || launcher.renew(sandbox, (&name, &limits), || drop(room)));
    let mut sandbox = renewed.await??;
    let services = Services::of(&mut sandbox, context)?;
    let origin = Some(Origin { kind: origin.kind.clone(), uses: origin.uses + 1 });
    furnish(context, SandboxOfEnvironment { id, uid, spec, sandbox, services, waiting: None, origin })
}

/// Until the function's are known.
fn first_limits(context: &Context) -> Limits {
    limits_of(context.configuration.cpu, limits::MEMORY_SIZE_MB_PER_VCPU.cast_signed())
}

/// Starts what can be started without a function.
fn furnish(
    context: &Context,
    mut prepared: SandboxOfEnvironment,
) -> Result<SandboxOfEnvironment, StartError> {
    let Some(Origin { kind, .. }) = &prepared.origin else { return Ok(prepared) };
    prepared.waiting = tokio::task::block_in_place(|| match &kind.waiting {
        Some(program) => {
            let api = prepared.services.addresses.runtime_api;
            start_waiting(context, kind, (program, api, prepared.spec.limits), &mut prepared.sandbox)
                .map(Some)
        }
        None => prepared.sandbox.prepare_process().map(|()| None),
    })?;
    Ok(prepared)
}

/// Forks the runtime where that can be done, starts it where not.
fn start_waiting(
    context: &Context,
    kind: &Kind,
    (program, api, limits): (&WaitingProgram, SocketAddr, Limits),
    sandbox: &mut Sandbox,
) -> Result<WaitingRuntime, SandboxError> {
    let zygote = || context.zygotes.of(kind, &context.launcher, || program.zygote(kind.shows(), limits));
    let zygote = program.is_forked.then(zygote).flatten();
    match WaitingRuntime::start(sandbox, program, api, zygote.as_deref()) {
        Err(error @ SandboxError::StartProcess { .. }) if zygote.is_some() => {
            context.zygotes.has_failed(kind, &error);
            WaitingRuntime::start(sandbox, program, api, None)
        }
        started => started,
    }
}

impl SandboxOfEnvironment {
    /// Adds what the function brings; the mounts are there when the next process starts.
    pub(super) fn complete(&mut self, late: &Late) -> Result<(), SandboxError> {
        self.sandbox.bind(&late.binds)?;
        self.sandbox.limit(&late.limits)?;
        self.spec.binds.extend(late.binds.iter().cloned());
        self.spec.limits = late.limits;
        Ok(())
    }
}

/// The sandbox and what serves its processes.
async fn create(
    context: &Context,
    spec: &SandboxSpec,
    party: Party,
) -> Result<(Sandbox, Services), StartError> {
    let mut sandbox = {
        let _permit = context.starts.acquire(party).await;
        let (launcher, spec) = (Arc::clone(&context.launcher), spec.clone());
        tokio::task::spawn_blocking(move || launcher.create(&spec)).await??
    };
    let services = Services::of(&mut sandbox, context)?;
    Ok((sandbox, services))
}
