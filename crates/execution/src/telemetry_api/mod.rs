//! The Telemetry API of one execution environment (B.4), and the older Logs API: extensions subscribe to what the platform tells
//! and what functions and extensions print, and get it where they listen.
//!
//! ```text
//! platform events ─┐
//! printed lines ───┴─► Telemetry ─► a Buffer per subscriber ─► delivery, a task each ─► HTTP or TCP inside the environment
//! ```
//! A buffer is bounded: what a slow consumer does not take is dropped, counted and told (`platform.logsDropped`). Nobody else waits
//! for it.

mod buffer;
mod delivery;
mod destination;
mod subscribe;
mod telemetry;

#[cfg(test)]
mod tests;

use http_body_util::Full;
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
};
use lambda_model::environment::TelemetryApi;

use crate::environment_api::{Shared, unknown_call};

pub(crate) use destination::MakeSockets;
pub(crate) use telemetry::{Telemetry, envelope};

/// Path of the Telemetry API.
pub(crate) const TELEMETRY: &str = "/2022-07-01/telemetry";
/// Path of the Logs API.
pub(crate) const LOGS: &str = "/2020-08-15/logs";

/// Answers a subscription.
pub(crate) async fn handle(
    api: TelemetryApi,
    request: Request<Incoming>,
    shared: &Shared,
) -> Response<Full<Bytes>> {
    if request.method() == Method::PUT {
        subscribe::handle(api, request, shared).await
    } else {
        unknown_call(request.method(), Some(&Method::PUT))
    }
}
