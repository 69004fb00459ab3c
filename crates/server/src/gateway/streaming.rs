//! Answers of functions that come piece by piece: a head, then bytes as they come (P-04).

use std::sync::Arc;

use bytes::Bytes;
use invocation::{InvokeRequest, Invoker, StreamEvent, Streamed};
use lambda_model::{
    LambdaError,
    http_event::{
        WebAnswer,
        answer::Malformed,
        prelude::{self, Prelude},
    },
};
use tokio::sync::mpsc;

use super::outgoing;
use crate::http::{self, HttpResponse};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoStream {
    /// The function could not be invoked.
    NotInvoked(LambdaError),
    /// It failed before it had said anything.
    Failed,
    /// What it said is no answer.
    Malformed(Malformed),
}

impl From<Malformed> for NoStream {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

/// The answer of a function; `whole` reads that of one that does not stream, which gives its response in one piece (P-07).
pub(super) async fn answered(
    invoker: &Arc<Invoker>,
    asked: InvokeRequest,
    whole: impl Fn(&Bytes) -> Result<WebAnswer, Malformed>,
) -> Result<HttpResponse, NoStream> {
    let streamed = invoker.invoke_streaming(asked).await.map_err(NoStream::NotInvoked)?;
    let Streamed { content_type, first, mut rest, .. } = streamed;
    let has_head = content_type.as_deref() == Some(prelude::CONTENT_TYPE);
    let (mut head, mut next) = (Prelude::default(), Some(first));
    loop {
        let piece = match next {
            Some(StreamEvent::Chunk(piece)) => piece,
            Some(StreamEvent::End(outcome)) if outcome.error.is_none() && !has_head => {
                return Ok(outgoing::response(whole(&outcome.payload)?));
            }
            _ => return Err(NoStream::Failed),
        };
        let answer = if has_head {
            head.take(&piece)?
        } else {
            let kind = content_type.clone().unwrap_or_else(|| "application/octet-stream".into());
            let headers = vec![("Content-Type".to_owned(), kind)];
            Some(WebAnswer { status: 200, headers, body: piece })
        };
        if let Some(answer) = answer {
            return Ok(passed_on(answer, rest));
        }
        next = rest.recv().await;
    }
}

/// The answer from its head on; the rest of its body follows as the function makes it.
fn passed_on(answer: WebAnswer, mut rest: mpsc::Receiver<StreamEvent>) -> HttpResponse {
    let (sender, mut response) = http::response_in_pieces("application/octet-stream");
    *response.status_mut() = outgoing::status(answer.status);
    if answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        response.headers_mut().remove("content-type");
    }
    outgoing::put_headers(response.headers_mut(), answer.headers);
    tokio::spawn(async move {
        let mut next = Some(StreamEvent::Chunk(answer.body));
        while let Some(StreamEvent::Chunk(piece)) = next {
            // Whoever leaves is missed by nobody: what the function still sends goes nowhere.
            if !piece.is_empty() && sender.send(piece).await.is_err() {
                return;
            }
            next = rest.recv().await;
        }
        if !matches!(next, Some(StreamEvent::End(outcome)) if outcome.error.is_none()) {
            sender.cut_off().await;
        }
    });
    response
}
