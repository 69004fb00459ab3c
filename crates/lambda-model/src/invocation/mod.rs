//! An invocation: what goes in, what comes out, which errors the runtime's own words become.

pub mod asynchronous;
pub mod error_cause;
pub mod error_type;
pub mod event_invoke_config;
pub mod outcome;
pub mod request;
pub mod trace_header;

pub use outcome::{FunctionErrorKind, InvocationOutcome, Measurements};
pub use request::Invocation;
