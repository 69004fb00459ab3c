//! Linux isolation: namespaces, mounts, cgroups, seccomp.
//!
//! A [`SandboxSpec`] says in plain data what to isolate. This crate knows no HTTP, no asynchronous runtime and
//! nothing of what its processes are for.

mod error;
mod event;
mod layers;
mod spec;

pub use error::SandboxError;
pub use event::{ExitStatus, ProcessId, ResourceUsage, SandboxEvent, Signal};
pub use layers::{IsolationLevel, Layer, Layers};
pub use spec::{Bind, Cpu, EphemeralStorage, Limits, ProcessSpec, SandboxSpec, SandboxUser, Symlink};
