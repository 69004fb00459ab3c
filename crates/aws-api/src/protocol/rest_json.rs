//! restJson1: find the operation, decode the request, encode the answer, guided by the service's table.

mod decode;
mod encode;
mod names;
mod route;
pub use super::Decoded;
pub use decode::decode;
pub use encode::encode;
pub use route::{Route, Router};
