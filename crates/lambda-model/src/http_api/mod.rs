//! Rules of API Gateway's HTTP APIs, as pure functions: which route a request takes, what an integration names, who a caller is said to
//! be. The requests themselves, as events of functions, are in [`crate::http_event`].

pub mod identity;
pub mod integration;
pub mod jwt;
pub mod mapping;
mod route;
pub mod variables;

pub use route::{Found, RouteKey, RouteTable};
