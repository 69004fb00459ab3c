//! What the operator sets for execution environments.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use lambda_model::concurrency::Rate;
use sandbox::NetworkPolicy;

use crate::awake::AwakePolicy;

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

/// What of the network functions reach.
#[derive(Debug, Clone, Default)]
pub struct Networks {
    /// Of every function that has none of its own.
    pub policy: NetworkPolicy,
    /// Of functions with these names, in every account.
    pub of_functions: BTreeMap<String, NetworkPolicy>,
}

impl Networks {
    /// Of the function with this name.
    #[must_use]
    pub fn of(&self, function: &str) -> &NetworkPolicy {
        self.of_functions.get(function).unwrap_or(&self.policy)
    }

    /// Every policy, once.
    #[must_use]
    pub fn policies(&self) -> Vec<NetworkPolicy> {
        let all: BTreeSet<_> = self.of_functions.values().chain([&self.policy]).collect();
        all.into_iter().cloned().collect()
    }
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
    /// Sandboxes that are built before anybody asks for them, all together.
    pub prepared_sandboxes: usize,
    /// Whether processors are kept from halting while invocations follow each other.
    pub awake: AwakePolicy,
    /// An environment idle this long is retired.
    pub idle_retirement: Duration,
    /// An environment this old takes no further event (L-16).
    pub environment_lifetime: Duration,
    /// Environment variables that tell functions where this server's AWS endpoint is, such as `AWS_ENDPOINT_URL`.
    pub endpoint_variables: Vec<String>,
    /// See [`Networks`].
    pub networks: Networks,
    /// Where runtimes keep what they prepare.
    pub data_dir: PathBuf,
}
