//! `GET /extension/event/next`.

use http_body_util::Full;
use hyper::{HeaderMap, Response, StatusCode, body::Bytes, header::HeaderValue};
use uuid::Uuid;

use super::{Extensions, identifier};
use crate::environment_api::answers;

const EVENT_IDENTIFIER: &str = "lambda-extension-event-identifier";

/// Waits, without a limit, for an event.
pub(super) async fn handle(headers: &HeaderMap, extensions: &Extensions) -> Response<Full<Bytes>> {
    let event = match identifier(headers) {
        Ok(id) => extensions.next(id).await,
        Err(refusal) => Err(refusal),
    };
    match event {
        Ok(event) => {
            let mut answer = answers::with_body(StatusCode::OK, "application/json", event.into());
            if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
                answer.headers_mut().insert(EVENT_IDENTIFIER, id);
            }
            answer
        }
        Err(refusal) => refusal.answer(),
    }
}
