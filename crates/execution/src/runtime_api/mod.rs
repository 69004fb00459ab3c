//! The Runtime API of one execution environment (B.2): what its runtime calls, and the hand-over to the driver task.
//!
//! All calls share one [`Exchange`], in which the driver puts an event and the runtime's calls take it. Which call is legal when is
//! decided by [`lambda_model::environment::RuntimeState`].

mod error;
mod exchange;
mod init_error;
mod mid_stream_error;
mod next;
mod passing_on;
mod response;

#[cfg(test)]
mod tests;

use http_body_util::Full;
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
};

use crate::environment_api::{answers, body, unknown_call};

pub(crate) use exchange::{Delivery, Exchange, RuntimeEvent, Timings};

/// Version prefix of the Runtime API.
pub(crate) const PREFIX: &str = "/2018-06-01/runtime/";

/// Answers one call; `call` is what comes behind the prefix.
pub(crate) async fn handle(
    call: &str,
    request: Request<Incoming>,
    exchange: &Exchange,
) -> Response<Full<Bytes>> {
    let segments: Vec<&str> = call.split('/').collect();
    match (request.method(), segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next::handle(exchange).await,
        (&Method::POST, ["invocation", id, "response"]) => response::handle(id, request, exchange).await,
        (&Method::POST, ["invocation", id, "error"]) => error::handle(id, request, exchange).await,
        (&Method::POST, ["init", "error"]) => init_error::handle(request, exchange).await,
        (method, ["invocation", "next"]) => unknown_call(method, Some(&Method::GET)),
        (method, ["invocation", _, "response" | "error"] | ["init", "error"]) => {
            unknown_call(method, Some(&Method::POST))
        }
        (method, _) => unknown_call(method, None),
    }
}
