//! Lambda's rules as plain data and pure functions: no I/O, no clock, no randomness, no async.
//!
//! Whatever Lambent decides, it decides here: which name form a caller may use, whether a function may run,
//! which environment takes the next request, what an outcome costs and which lines the log gets. Time is always
//! a parameter. The I/O around these rules lives in `store`, `execution`, `invocation` and `server`; they meet
//! through the small traits in [`ports`].

pub mod authorization;
pub mod billing;
pub mod concurrency;
pub mod credentials;
pub mod environment;
pub mod error;
pub mod event_source_mapping;
pub mod function;
pub mod http_api;
pub mod http_event;
pub mod invocation;
pub mod limits;
pub mod platform_log;
pub mod ports;
pub mod rest_api;
pub mod schedule;
pub mod vtl;
pub mod websocket;

pub use error::LambdaError;
