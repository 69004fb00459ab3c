//! A response's body that comes piece by piece.
//!
//! `http_body_util::channel` loses the last piece when it is sent, and the sender dropped, between two looks of the body: it asks for
//! pieces first and for the end afterwards, of another channel. Here both come of one.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// See the module's doc.
pub(crate) struct Pieces(mpsc::Receiver<Bytes>);

impl Pieces {
    /// A body, and where its pieces come from: one waits, and the next send waits for it. The body ends when the sender is gone, and
    /// sends fail when the reader is.
    pub(crate) fn new() -> (mpsc::Sender<Bytes>, Self) {
        let (sender, pieces) = mpsc::channel(1);
        (sender, Self(pieces))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_last_piece_is_never_lost() {
        for number in 0..20_000_u32 {
            let (sender, body) = Pieces::new();
            tokio::spawn(async move {
                let _ = sender.send(number.to_be_bytes().to_vec().into()).await;
            });
            let read = body.collect().await.unwrap().to_bytes();
            assert_eq!(read, number.to_be_bytes()[..], "piece {number}");
        }
    }
}
