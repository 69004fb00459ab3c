//! Execution environments: pool, lifecycle, Runtime API, logs, runtimes.
//!
//! [`Environments`] is the front door: it runs an invocation in an idle environment of the function version, or starts one.
//! One task owns each environment (`environment/`), in a sandbox that may have been built before (`sandboxes/`); the pool (`pool.rs`) brings requests and environments together. Inside, the
//! Runtime API (`runtime_api/`) is what the language bootstraps in `runtimes/` talk to, the Extensions API (`extensions_api/`) what
//! extensions do, and the Telemetry API (`telemetry_api/`) tells them; all are served by `environment_api/`.

mod attention;
mod awake;
mod budget;
mod clock;
mod compiled;
mod configuration;
mod context;
mod environment;
mod environment_api;
mod environments;
mod evictions;
mod extensions_api;
#[cfg(fuzzing)]
pub mod fuzzing;
mod host;
mod pool;
mod provisioned;
mod runtime_api;
pub mod runtimes;
mod sandboxes;
mod scaling;
mod starts;
mod telemetry_api;
mod uids;
mod variables;

pub use awake::AwakePolicy;
pub use configuration::{Budgets, Configuration, CpuPolicy, Networks};
pub use context::Dependencies;
pub use environments::Environments;
