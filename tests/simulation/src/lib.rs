//! The real rules and the real dispatcher of asynchronous invocations, on a clock, a disk and environments that are simulated.
//!
//! ```text
//! seed ─► plan: functions, events, crashes, clocks, times when the disk is full
//!           └─► server after server, each until it is killed ([`run`]):
//!                 clients ─► AsyncInvoker ─► queue over a disk that outlives it ([`disk`])
//!                                └──► environments that fail, refuse, hang ([`environments`])
//!           └─► what was acknowledged, what ran, what was told ([`ledger`]) ─► judged
//! ```
//! A run is a function of its seed: a seed that fails fails again. Hours pass in milliseconds. What the rules are broken on purpose
//! with is in [`disk::Mutant`]: the judge must find each.

pub mod disk;
pub mod environments;
pub mod ledger;
pub mod run;
