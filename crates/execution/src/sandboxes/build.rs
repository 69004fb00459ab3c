//! Building a sandbox: whole, for a function, or as one of a kind, for whoever comes; and adding to it what comes later.

use std::{
    net::{TcpListener, UdpSocket},
    sync::Arc,
};

use lambda_model::limits;
use sandbox::{Sandbox, SandboxError, SandboxSpec};

use super::{
    Kind, SandboxOfEnvironment, WaitingRuntime, Wanted,
    specification::{Late, limits_of},
};
use crate::{context::Context, environment::StartError};

/// Where an environment's processes reach this server.
pub(crate) struct Doors {
    pub runtime_api: TcpListener,
    pub endpoint: TcpListener,
    pub xray: UdpSocket,
    pub names: Option<UdpSocket>,
}

/// A sandbox with everything that the function brings.
///
/// # Errors
/// What could not be built.
pub(super) async fn whole(context: &Context, wanted: &Wanted) -> Result<SandboxOfEnvironment, StartError> {
    let (id, uid) = (context.next_id(), context.uids.take());
    let mut spec = wanted.kind.specification(id, &uid, wanted.late.limits);
    spec.binds.extend(wanted.late.binds.iter().cloned());
    let (sandbox, doors) = create(context, &spec).await?;
    Ok(SandboxOfEnvironment { id, uid, spec, sandbox, doors, waiting: None })
}

/// A sandbox of the kind, with its runtime on its way to where it waits.
///
/// # Errors
/// What could not be built or started.
pub(super) async fn prepared(context: &Context, kind: &Kind) -> Result<SandboxOfEnvironment, StartError> {
    let (id, uid) = (context.next_id(), context.uids.take());
    let limits = limits_of(context.configuration.cpu, limits::MEMORY_SIZE_MB_PER_VCPU.cast_signed());
    let spec = kind.specification(id, &uid, limits);
    let (mut sandbox, doors) = create(context, &spec).await?;
    let waiting = tokio::task::block_in_place(|| match &kind.waiting {
        Some(program) => WaitingRuntime::start(&mut sandbox, program).map(Some),
        None => sandbox.prepare_process().map(|()| None),
    })?;
    Ok(SandboxOfEnvironment { id, uid, spec, sandbox, doors, waiting })
}

impl SandboxOfEnvironment {
    /// Adds what the function brings. Blocks for well under a millisecond.
    pub(super) fn complete(&mut self, late: &Late) -> Result<(), SandboxError> {
        self.sandbox.bind(&late.binds)?;
        self.sandbox.limit(&late.limits)?;
        self.spec.binds.extend(late.binds.iter().cloned());
        self.spec.limits = late.limits;
        Ok(())
    }
}

/// The sandbox and its doors.
async fn create(context: &Context, spec: &SandboxSpec) -> Result<(Sandbox, Doors), StartError> {
    let mut sandbox = {
        // A failed acquire means that the semaphore was closed, which nobody does.
        let _permit = context.starts.acquire().await.ok();
        let (launcher, spec) = (Arc::clone(&context.launcher), spec.clone());
        tokio::task::spawn_blocking(move || launcher.create(&spec)).await??
    };
    let mut listeners = sandbox.take_listeners().into_iter();
    let runtime_api = listeners.next().ok_or_else(missing_listener)?;
    let endpoint = listeners.next().ok_or_else(missing_listener)?;
    let mut datagrams = sandbox.take_datagram_sockets().into_iter();
    let xray = datagrams.next().ok_or_else(missing_listener)?;
    Ok((sandbox, Doors { runtime_api, endpoint, xray, names: datagrams.next() }))
}

fn missing_listener() -> StartError {
    StartError::Descriptors(std::io::Error::other("the sandbox handed over no listener"))
}
