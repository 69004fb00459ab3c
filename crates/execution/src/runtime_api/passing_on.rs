//! Passing a response on while it comes: bounded in size and in speed (P-01, P-02).

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{
    HeaderMap,
    body::{Bytes, Incoming},
};
use lambda_model::{
    concurrency::{Rate, TokenBucket},
    limits::STREAMED_RESPONSE_BYTES_MAX,
    ports::ResponseStream,
};
use tokio::time::Instant;

use super::Exchange;

/// How a response ended.
pub(super) enum Passed {
    /// All of it went on; what came after it.
    Complete(HeaderMap),
    /// It was larger than a response may be.
    Oversized,
    /// The connection broke before its end.
    Truncated,
}

/// Passes a body on. A caller who leaves does not end the invocation: the rest goes nowhere.
pub(super) async fn pass_on(body: &mut Incoming, stream: &dyn ResponseStream, exchange: &Exchange) -> Passed {
    let mut pace = Pace { bucket: TokenBucket::default(), rate: exchange.streaming, began: Instant::now() };
    let mut trailers = HeaderMap::new();
    let mut total = 0_usize;
    let mut is_read = true;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Passed::Truncated };
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers.extend(frame.into_trailers().unwrap_or_default());
                continue;
            }
        };
        total = total.saturating_add(data.len());
        exchange.answer_grows(data.len());
        if total > STREAMED_RESPONSE_BYTES_MAX {
            return Passed::Oversized;
        }
        if is_read && !data.is_empty() {
            is_read = pace.send(data, stream).await;
        }
    }
    Passed::Complete(trailers)
}

/// Reads what else comes.
pub(super) async fn discard(body: &mut Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// How fast a response goes.
struct Pace {
    bucket: TokenBucket,
    rate: Rate,
    began: Instant,
}

impl Pace {
    /// False when nobody reads any more.
    async fn send(&mut self, data: Bytes, stream: &dyn ResponseStream) -> bool {
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wait_us = self.bucket.draw(data.len() as f64, self.rate, now_us);
        if wait_us > 0 {
            tokio::time::sleep(Duration::from_micros(wait_us)).await;
        }
        stream.write(data).await.is_ok()
    }
}
