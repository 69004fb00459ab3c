//! A stream whose other end has to read: what is written waits in memory for it.
//!
//! ```text
//!   flowing --a write has to wait--> waiting --bytes are taken: the wait counts, and they pay for it--> flowing
//!                                       +-- waited too long in all --> an error, which ends the connection
//! ```

use std::{
    future::Future as _,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::gateway::limits::{ANSWER_RATE_MIN, ANSWER_WRITE_TIMEOUT};

/// See the module's doc.
pub(super) struct Reading<S> {
    stream: S,
    /// Since when a write waits, and its end.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// What was waited for and is not paid.
    waited: Duration,
}

impl<S> Reading<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, waiting: None, waited: Duration::ZERO }
    }

    /// Bytes were taken.
    fn took(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        if !self.waited.is_zero() {
            self.waited =
                self.waited.saturating_sub(Duration::from_millis(bytes as u64 * 1000 / ANSWER_RATE_MIN));
        }
    }

    /// None were.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let patience = ANSWER_WRITE_TIMEOUT.saturating_sub(self.waited);
        let (_, end) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + patience)))
        });
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.wait(context),
            Poll::Ready(Ok(bytes)) => {
                self.took(bytes);
                Poll::Ready(Ok(bytes))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Reading<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Behind TLS this writes too, as the end does.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.wait(context),
            flushed => {
                self.took(0);
                flushed
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Pending => self.wait(context),
            ended => ended,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Reading<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Writes without end to somebody who takes so many bytes every ten seconds; how long that goes well.
    async fn lasts(bytes: usize) -> Duration {
        let (near, mut far) = duplex(1024);
        let began = Instant::now();
        let reads = tokio::spawn(async move {
            let mut taken = vec![0; bytes];
            while far.read_exact(&mut taken).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        });
        let mut stream = Reading::new(near);
        let hour = Duration::from_secs(3_600);
        let failed =
            tokio::time::timeout(hour, async { while stream.write_all(&[0; 512]).await.is_ok() {} }).await;
        reads.abort();
        let lasted = began.elapsed();
        assert_eq!(failed.is_err(), lasted >= hour);
        lasted
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_too_slowly_is_left() {
        assert!(lasts(1).await < ANSWER_WRITE_TIMEOUT * 2, "a byte now and then");
        assert!(lasts(4_000).await < ANSWER_WRITE_TIMEOUT * 10, "somewhat too slow");
        let slow = usize::try_from(ANSWER_RATE_MIN).unwrap() * 11;
        assert_eq!(lasts(slow).await, Duration::from_secs(3_600), "as fast as it has to be");
    }

    /// A function that streams for hours makes nobody wait but its client.
    #[tokio::test(start_paused = true)]
    async fn whoever_writes_seldom_waits_for_nothing() {
        let (near, mut far) = duplex(1024);
        let reads =
            tokio::spawn(async move { while far.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {} });
        let mut stream = Reading::new(near);
        for _ in 0..100 {
            stream.write_all(b"a line").await.unwrap();
            stream.flush().await.unwrap();
            tokio::time::sleep(ANSWER_WRITE_TIMEOUT).await;
        }
        drop(stream);
        reads.await.unwrap();
    }
}
