//! API destinations of EventBridge: as often as they say, several at a time; what they do not take is tried again or given up.

use std::{sync::Arc, time::Duration};

use store::OutboxItem;
use tokio::{sync::Semaphore, task::JoinSet, time::sleep_until};

use super::{
    Deliveries,
    giving_up::GivenUp,
    target::{Failed, all_failed},
};
use crate::eventbridge::Ended;

/// Calls of one destination that are on their way at a time.
const AT_ONCE_MAX: usize = 50;

impl Deliveries {
    /// Calls it for each; what may go well another time is given back.
    pub(super) async fn call(&self, arn: &str, items: Vec<OutboxItem>) -> Failed {
        let destination = match self.parts.events.destination(arn).await {
            Ok(Ok(destination)) => Arc::new(destination),
            Ok(Err(why)) => return self.never(items, "NO_RESOURCE", why).await,
            Err(error) => return all_failed(items, &error.to_string()),
        };
        let (places, outside) = (Arc::new(Semaphore::new(AT_ONCE_MAX)), self.parts.sns.outside());
        let mut calls = JoinSet::new();
        for item in items {
            sleep_until(self.turn(arn, Duration::from_secs(1) / destination.rate())).await;
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let (destination, outside) = (Arc::clone(&destination), Arc::clone(&outside));
            calls.spawn(async move {
                tracing::trace!(target: "crash_point", "deliveries: an API destination is called");
                let ended = destination.call(&*outside, &item.delivery.body).await;
                drop(place);
                (item, ended)
            });
        }
        let (mut done, mut failed) = (Vec::new(), Failed::new());
        for (item, ended) in calls.join_all().await {
            match ended {
                Ended::Done => done.push(item),
                Ended::Again(why) => failed.push((item, why)),
                Ended::Never(why) => failed.extend(self.never(vec![item], "SDK_CLIENT_ERROR", &why).await),
            }
        }
        failed.extend(self.in_one(done, |_, _| Ok(())).await);
        failed
    }

    async fn never(&self, items: Vec<OutboxItem>, code: &'static str, why: &str) -> Failed {
        for item in items {
            self.give_up(item, GivenUp { code, why: why.to_owned(), exhausted: None }).await;
        }
        Failed::new()
    }
}
