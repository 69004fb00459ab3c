//! What the operator sets for execution environments.

use std::{path::PathBuf, time::Duration};

use lambda_model::concurrency::Rate;

/// CPU of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuPolicy {
    /// Weight in proportion to memory: fair under load, idle CPU may be used.
    Shares,
    /// A hard cap in proportion to memory.
    Quota,
}

/// Room that the server leaves, and the most that it starts.
#[derive(Debug, Clone, Copy)]
pub struct Budgets {
    /// Environments at a time, all functions together.
    pub environments_max: usize,
    /// Memory of the host that must stay available for a new environment to start, bytes.
    pub memory_reserve_bytes: u64,
    /// Room that must stay free on the data directory's file system for a new environment to start, bytes.
    pub disk_reserve_bytes: u64,
}

/// Configuration of the whole crate.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Isolation of environments.
    pub isolation: sandbox::IsolationLevel,
    /// See [`CpuPolicy`].
    pub cpu: CpuPolicy,
    /// See [`Budgets`].
    pub budgets: Budgets,
    /// How fast each function may start environments (C-02).
    pub scaling: Rate,
    /// How fast streamed responses go, bytes (P-02).
    pub streaming: Rate,
    /// An environment idle this long is retired.
    pub idle_retirement: Duration,
    /// An environment this old takes no further event (L-16).
    pub environment_lifetime: Duration,
    /// Environment variables that tell functions where this server's AWS endpoint is, such as `AWS_ENDPOINT_URL`.
    pub endpoint_variables: Vec<String>,
    /// Where runtimes keep what they prepare.
    pub data_dir: PathBuf,
}
