//! The invocation whose response is passed on while it is being made (B.7).
//!
//! ```text
//! caller ◄── events ◄── a few pieces at most ◄── Runtime API ◄── function
//!            ... End ◄── the environment's outcome
//! ```
//! A slow caller slows the function down. One who leaves does not: the invocation runs to its end, as on AWS.

use std::sync::Arc;

use bytes::Bytes;
use lambda_model::{
    LambdaError,
    invocation::InvocationOutcome,
    limits,
    ports::{BoxFuture, CallerGone, ResponseStream},
};
use tokio::sync::mpsc;

use crate::{InvokeRequest, Invoker};

/// A response that has begun.
pub struct Streamed {
    /// `X-Amz-Executed-Version`.
    pub executed_version: String,
    /// `X-Amzn-Trace-Id`.
    pub trace_id: String,
    /// `Content-Type` of the stream, where the function streams and says it.
    pub content_type: Option<String>,
    /// What came first.
    pub first: StreamEvent,
    /// The rest; the last event is the end.
    pub rest: mpsc::Receiver<StreamEvent>,
}

/// What comes of a streamed invocation.
pub enum StreamEvent {
    /// The function streams, bytes of this type; nobody sees this but whoever begins with the stream.
    Begun(Option<String>),
    /// A piece of the response.
    Chunk(Bytes),
    /// It is over. A payload of the outcome is a response that was not streamed.
    End(Box<InvocationOutcome>),
    /// It could not be run after all.
    Failed(LambdaError),
}

impl Invoker {
    /// Runs an invocation and gives its response from the first piece on.
    ///
    /// # Errors
    /// As [`Invoker::invoke`], for what goes wrong before the first piece.
    pub async fn invoke_streaming(
        self: &Arc<Self>,
        mut request: InvokeRequest,
    ) -> Result<Streamed, LambdaError> {
        let function = self.check(&request.key, request.qualifier.as_deref())?;
        let trace_id = self.trace(&function, &mut request.invocation)?;
        let admitted = self.admit(&function)?;
        let executed_version = function.version.version.clone();
        let (sender, mut events) = mpsc::channel(limits::STREAMED_PIECES_WAITING_MAX);
        request.invocation.response_stream = Some(Arc::new(Pieces(sender.clone())));
        let invoker = Arc::clone(self);
        tokio::spawn(async move {
            let end = match invoker.run(&function, admitted, request.invocation).await {
                Ok(outcome) => StreamEvent::End(Box::new(outcome)),
                Err(error) => StreamEvent::Failed(error),
            };
            // Whoever asked may have left.
            let _ = sender.send(end).await;
        });
        let (content_type, first) = match events.recv().await {
            Some(StreamEvent::Begun(content_type)) => (content_type, events.recv().await),
            first => (None, first),
        };
        match first {
            Some(StreamEvent::Failed(error)) => Err(error),
            Some(first) => Ok(Streamed { executed_version, trace_id, content_type, first, rest: events }),
            None => Err(LambdaError::Service("the invocation ended without an outcome".into())),
        }
    }
}

/// The function's end of the events.
struct Pieces(mpsc::Sender<StreamEvent>);

impl ResponseStream for Pieces {
    fn begin(&self, content_type: Option<String>) -> BoxFuture<'_, Result<(), CallerGone>> {
        Box::pin(async move { self.0.send(StreamEvent::Begun(content_type)).await.map_err(|_| CallerGone) })
    }

    fn write(&self, bytes: Bytes) -> BoxFuture<'_, Result<(), CallerGone>> {
        Box::pin(async move { self.0.send(StreamEvent::Chunk(bytes)).await.map_err(|_| CallerGone) })
    }
}
