//! A compiler's run: the interpreter of the runtime, in a sandbox with one package and no network.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use sandbox::{Bind, ProcessSpec, Sandbox};
use tokio::{io::AsyncReadExt, net::unix::pipe, time::timeout};

use crate::{
    context::Context,
    environment::StartError,
    runtimes::Compiler,
    sandboxes::{Kind, limits_of},
    uids::Uid,
};

/// Longer than any package takes, some 2 MB a second: others wait for it.
const TIMEOUT: Duration = Duration::from_secs(120);
/// With less than a third of a vCPU it is in nobody's way.
const MEMORY_MB: i64 = 512;
/// An empty source takes some bytes too.
const OVERHEAD_BYTES_MAX: u64 = 16 << 20;

/// Why a package was not compiled.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompilerError {
    #[error("no sandbox for the compiler")]
    Start(#[from] StartError),
    #[error("the compiler was not heard")]
    Pipe(#[from] io::Error),
    #[error("the compiler did not end in time")]
    Late,
}

/// All that the compiler of a package with so many bytes of sources printed.
///
/// # Errors
/// See [`CompilerError`]. A compiler that failed is one that did not say that it was done.
pub(super) async fn run(
    context: &Arc<Context>,
    kind: &Kind,
    package: Bind,
    (compiler, source_bytes): (&Compiler, u64),
) -> Result<Vec<u8>, CompilerError> {
    let uid = context.uids.take();
    let sandbox = create(context, kind, (&uid, package.clone())).await?;
    let (reader, writer) = io::pipe()?;
    let argv = compiler.argv.iter().cloned().chain([package.target.into()]).collect();
    let running = start(sandbox, argv, writer.into()).await?;
    let mut output = Vec::new();
    let reader = pipe::Receiver::from_owned_fd(reader.into())?;
    let mut reader = reader.take(source_bytes.saturating_mul(compiler.growth_max) + OVERHEAD_BYTES_MAX);
    let read = timeout(TIMEOUT, reader.read_to_end(&mut output)).await;
    // It may wait for what it started.
    let ended = tokio::task::spawn_blocking(move || drop((running, uid)));
    ended.await.map_err(StartError::from)?;
    read.map_err(|_| CompilerError::Late)??;
    Ok(output)
}

async fn create(
    context: &Arc<Context>,
    kind: &Kind,
    (uid, package): (&Uid, Bind),
) -> Result<Sandbox, StartError> {
    let limits = limits_of(context.configuration.cpu, MEMORY_MB);
    let mut spec = kind.specification(context.next_id(), uid, limits);
    spec.binds.push(package);
    let _permit = context.starts.acquire(None).await;
    let launcher = Arc::clone(&context.launcher);
    Ok(tokio::task::spawn_blocking(move || launcher.create(&spec)).await??)
}

async fn start(mut sandbox: Sandbox, argv: Vec<OsString>, output: OwnedFd) -> Result<Sandbox, StartError> {
    let nobody_reads = File::options().write(true).open("/dev/null")?;
    let started = tokio::task::spawn_blocking(move || {
        let process = ProcessSpec {
            argv,
            env: Vec::new(),
            cwd: "/".into(),
            stdin: None,
            stdout: output.as_fd(),
            stderr: nobody_reads.as_fd(),
            stdout_again: None,
        };
        sandbox.start_process(&process).map(|_| sandbox)
    });
    Ok(started.await??)
}
