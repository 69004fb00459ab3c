//! Whether anything is asked on a connection.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use hyper::body::{Body, Frame, SizeHint};

use crate::gateway::limits::IDLE_LOOK_INTERVAL;

/// The requests of a connection.
#[derive(Default)]
pub(super) struct Activity {
    /// All that there were.
    begun: AtomicU64,
    /// Those that are not answered.
    running: AtomicUsize,
}

/// A request that is being answered.
pub(super) struct Asking(Arc<Activity>);

/// A body, and the request that it answers.
pub(super) struct Answer<B> {
    body: B,
    _asking: Asking,
}

impl Activity {
    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Asking {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Asking(Arc::clone(self))
    }

    /// Comes once nothing was asked, and nothing answered, from one look to the next: looks now and then cost a request less than a timer
    /// that each of them sets.
    pub(super) async fn end(&self) {
        let mut seen = None;
        loop {
            tokio::time::sleep(IDLE_LOOK_INTERVAL).await;
            let begun = self.begun.load(Ordering::Relaxed);
            let is_running = self.running.load(Ordering::Relaxed) > 0;
            if !is_running && seen == Some(begun) {
                return;
            }
            seen = (!is_running).then_some(begun);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Asking {
    /// The request is answered once its body is read, or given up.
    pub(super) fn until_read<B>(self, body: B) -> Answer<B> {
        Answer { body, _asking: self }
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    async fn ends_within(activity: &Activity, looks: u32) -> bool {
        tokio::time::timeout(IDLE_LOOK_INTERVAL * looks + SOON, activity.end()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_nothing_is_asked_from_look_to_look() {
        let activity = Arc::new(Activity::default());
        assert!(!ends_within(&activity, 1).await && ends_within(&activity, 2).await);
        let asking = activity.begin();
        assert!(!ends_within(&activity, 100).await, "it waits for an answer");
        let body = asking.until_read(());
        assert!(!ends_within(&activity, 100).await, "somebody reads");
        drop(body);
        assert!(ends_within(&activity, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_between_looks_stays() {
        let activity = Arc::new(Activity::default());
        let asks = async {
            tokio::time::sleep(IDLE_LOOK_INTERVAL / 2).await;
            for _ in 0..100 {
                tokio::time::sleep(IDLE_LOOK_INTERVAL).await;
                drop(activity.begin());
            }
        };
        tokio::select! {
            () = activity.end() => panic!("it ended"),
            () = asks => {}
        }
    }
}
