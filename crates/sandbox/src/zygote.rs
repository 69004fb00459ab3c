//! Processes that others are forked from: an interpreter that has loaded itself, once, for many sandboxes.
//!
//! ```text
//! server ──Zygote──► spawner ──fork──► root of the runtime ──exec──► the interpreter loads itself ──► Ready
//!                                                                                  │ Fork (a sandbox's doors)
//!                                            forked, into the sandbox, confined ◄──┘
//!                                                 └── its parent has ended (`between`): init takes it on ◄── Adopt
//! ```
//! A zygote runs trusted code only (the interpreter, our bootstrap), in a mount namespace that shows what its sandboxes show and in a network
//! of its own that leads nowhere; it has the server's rights, since whoever enters a sandbox needs them. What it forks confines itself, as
//! [`crate::identity`] does for others, before the function's first instruction: the protocol is below, the other side of it is the
//! program's.

use std::ffi::{CString, OsString};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::fs::{MemfdFlags, Mode, OFlags, SeekFrom};
use rustix::process::{Signal, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::channel::{Channel, Received};
use crate::error::SandboxError;
use crate::event::ProcessId;
use crate::init::{die_with_parent, processes};
use crate::limits::{SET_UP_TIMEOUT, SOCKET_TIMEOUT};
use crate::network::NetworkPolicy;
use crate::prepared::not_started;
use crate::protocol::{Create, Failure, Program, Report, Stage};
use crate::running::Sandbox;
use crate::seccomp::Filters;
use crate::spec::{Bind, EphemeralStorage, Limits, SandboxSpec, SandboxUser};
use crate::syscalls::{self, Fork};
use crate::{between, identity, mounts};

/// Where a zygote finds its channel and the closing filter; it is told in [`VARIABLE`].
const CHANNEL_NUMBER: i32 = 1000;
const FILTER_NUMBER: i32 = 1001;
const VARIABLE: &str = "_LAMBENT_ZYGOTE";

/// What a zygote is.
#[derive(Clone, Debug)]
pub struct ZygoteSpec {
    /// As those of its sandboxes.
    pub binds: Vec<Bind>,
    /// As those of its sandboxes.
    pub masks: Vec<PathBuf>,
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// Those of single processes (open files) hold for what is forked.
    pub limits: Limits,
    /// Its whole environment, but for `_LAMBENT_ZYGOTE`, which names the descriptors of its channel and of the closing filter, and has in it
    /// the instructions of [`crate::between`].
    pub env: Vec<(OsString, OsString)>,
}

impl ZygoteSpec {
    /// What the spawner is told of the program.
    pub(crate) fn program(&self) -> Program {
        let code: String = between::INSTRUCTIONS.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut env = self.env.clone();
        env.push((VARIABLE.into(), format!("{CHANNEL_NUMBER} {FILTER_NUMBER} {code}").into()));
        Program { argv: self.argv.clone(), env }
    }

    /// What it sees, as a sandbox's specification: of that only the root counts, and the limits of single processes.
    pub(crate) fn sandbox(&self) -> SandboxSpec {
        SandboxSpec {
            id: "zygote".into(),
            hostname: "localhost".into(),
            user: SandboxUser { uid: 0, gid: 0, name: "zygote".into() },
            binds: self.binds.clone(),
            masks: self.masks.clone(),
            symlinks: Vec::new(),
            directories: Vec::new(),
            ephemeral_storage: EphemeralStorage { bytes: 0, inodes: 0 },
            limits: self.limits,
            address: Ipv4Addr::LOCALHOST,
            listen_ports: Vec::new(),
            datagram_ports: Vec::new(),
            accepted_ports: Vec::new(),
            network: NetworkPolicy::default(),
        }
    }
}

/// A zygote. Dropped, it ends; what was forked from it does not.
#[derive(Debug)]
pub struct Zygote {
    channel: Mutex<Channel>,
    process: OwnedFd,
}

/// A process to fork.
#[derive(Debug)]
pub struct Forked<'a> {
    /// Standard input.
    pub stdin: BorrowedFd<'a>,
    /// Standard output and standard error.
    pub stdout: BorrowedFd<'a>,
    /// Standard output again, under this number.
    pub stdout_again: i32,
    /// What the program is told.
    pub note: &'a str,
}

/// To a zygote. Descriptors: the sandbox's init (a pidfd), standard input, standard output, then the directory of the control group of v2
/// if there is one, then the `tasks` files of those of v1.
#[derive(Debug, Serialize)]
struct Request<'a> {
    user: &'a SandboxUser,
    has_group: bool,
    stdout_again: i32,
    note: &'a str,
}

/// From a zygote.
#[derive(Debug, Deserialize)]
enum Answer {
    /// It waits for requests.
    Ready,
    /// Forked, and left to init, which knows it by this number.
    Pid(i32),
    /// What went wrong, in words.
    Error(String),
}

impl Zygote {
    /// Waits until the program that the spawner started is ready.
    pub(crate) fn wait_until_ready(channel: Channel) -> Result<Zygote, SandboxError> {
        let deadline = Instant::now() + SET_UP_TIMEOUT;
        let doing = "starting a zygote";
        let failed = |source| SandboxError::Control { doing, source };
        let process = match channel.receive::<Report>(Some(deadline)).map_err(failed)? {
            Received::Message(Report::Spawned { .. }, descriptors) => descriptors.into_iter().next(),
            Received::Message(Report::Failed(failure), _) => return Err(not_started(failure)),
            _ => None,
        };
        let process = process.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        // From here on its end is the zygote's.
        let zygote = Zygote { channel: Mutex::new(channel), process };
        match zygote.answer(deadline).map_err(failed)? {
            Answer::Ready => Ok(zygote),
            Answer::Error(words) => Err(failed(io::Error::other(words))),
            Answer::Pid(_) => Err(failed(io::ErrorKind::InvalidData.into())),
        }
    }

    fn answer(&self, deadline: Instant) -> io::Result<Answer> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        match channel.receive::<Answer>(Some(deadline))? {
            Received::Message(answer, _) => Ok(answer),
            Received::Nothing => Err(io::ErrorKind::TimedOut.into()),
            Received::End => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Has a process forked into the sandbox.
    ///
    /// # Errors
    /// [`SandboxError::StartProcess`], which leaves the sandbox as it was: the zygote should not be asked again. Any other destroys the
    /// sandbox.
    pub fn fork_into(&self, sandbox: &mut Sandbox, forked: &Forked<'_>) -> Result<ProcessId, SandboxError> {
        sandbox.must_be_bound()?;
        let pid = self
            .fork(sandbox, forked)
            .map_err(|source| SandboxError::StartProcess { stage: "forking a zygote".into(), source })?;
        sandbox.adopt(pid)
    }

    fn fork(&self, sandbox: &mut Sandbox, forked: &Forked<'_>) -> io::Result<i32> {
        let entrance = sandbox.entrance().map_err(io::Error::other)?;
        let user = sandbox.user().clone();
        let request = Request {
            user: &user,
            has_group: entrance.group.is_some(),
            stdout_again: forked.stdout_again,
            note: forked.note,
        };
        let mut descriptors = vec![sandbox.init()?, forked.stdin, forked.stdout];
        descriptors.extend(entrance.group.iter().chain(&entrance.tasks).map(AsFd::as_fd));
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.send(&request, &descriptors)?;
        match channel.receive::<Answer>(Some(Instant::now() + SOCKET_TIMEOUT))? {
            Received::Message(Answer::Pid(pid), _) => Ok(pid),
            Received::Message(Answer::Error(words), _) => Err(io::Error::other(words)),
            Received::Message(Answer::Ready, _) => Err(io::ErrorKind::InvalidData.into()),
            Received::Nothing => Err(io::ErrorKind::TimedOut.into()),
            Received::End => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }
}

/// In the spawner: forks, and makes the child a zygote. What goes wrong is told on its own channel.
pub(crate) fn bear(create: &Create, program: &Program, channel: &Channel, filters: &Filters) {
    let namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    let told = match syscalls::fork(namespaces).stage(|| "making namespaces") {
        Ok(Fork::Parent { pid, pidfd }) => channel.send(&Report::Spawned { pid }, &[pidfd.as_fd()]),
        Ok(Fork::Child) => {
            let Err(failure) = become_zygote(create, program, channel, filters);
            let _ = channel.send(&Report::Failed(failure), &[]);
            syscalls::exit_now(127)
        }
        Err(failure) => channel.send(&Report::Failed(failure), &[]),
    };
    // When the server is gone already, the next receive finds out.
    drop(told);
}

fn become_zygote(
    create: &Create,
    program: &Program,
    channel: &Channel,
    filters: &Filters,
) -> Result<std::convert::Infallible, Failure> {
    die_with_parent()?;
    let filter = closing_filter(filters).stage(|| "writing the closing filter")?;
    mounts::enter(create, None)?;
    // What is forked has these from here: Python need not know how. The spawner does without huge pages, functions have them.
    let _ = rustix::thread::disable_transparent_huge_pages(false);
    identity::limit_resources(create).stage(|| "setting resource limits")?;
    processes::default_signals().stage(|| "resetting signals")?;
    let image = image(program).stage(|| "reading arguments and environment")?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .stage(|| "opening /dev/null")?;
    let channel = channel.as_fd().try_clone_to_owned().stage(|| "keeping the channel")?;
    identity::take_standard_streams(&null, &null, &null).stage(|| "taking the standard streams")?;
    syscalls::duplicate_to(&channel, CHANNEL_NUMBER).stage(|| "keeping the channel")?;
    syscalls::duplicate_to(&filter, FILTER_NUMBER).stage(|| "keeping the filter")?;
    nix::unistd::execve(&image.path, &image.argv, &image.env).stage(|| "running the program")
}

/// Arguments and environment in the kernel's form.
struct Image {
    path: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
}

fn image(program: &Program) -> io::Result<Image> {
    let text = |text: &OsString| CString::new(text.as_bytes()).map_err(io::Error::other);
    let argv = program.argv.iter().map(text).collect::<io::Result<Vec<_>>>()?;
    let path = argv.first().cloned().ok_or(io::ErrorKind::InvalidInput)?;
    let variable = |(name, value): &(OsString, OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).map_err(io::Error::other)
    };
    Ok(Image { path, argv, env: program.env.iter().map(variable).collect::<io::Result<_>>()? })
}

fn closing_filter(filters: &Filters) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("closing-filter", MemfdFlags::CLOEXEC)?;
    rustix::io::write(&file, &filters.closing_bytes())?;
    rustix::fs::seek(&file, SeekFrom::Start(0))?;
    Ok(file)
}
