//! The poller of one mapping of Kafka (B.13): as many members of its consumer group as keep up with the topic.
//!
//! ```text
//! poller ──► members ([`member`]): gather ──► invoke ──► commit   one at first, more while they are behind
//!               │                                │ failed: the same records again, or halves of them, or given up and told
//!               └──► [`client`]: connection, group, offsets
//! ```
//! The group keeps how far it is read. Offsets are committed behind what is done, so a crash brings again what was not: at least once.

mod access;
mod batch;
mod client;
mod member;

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lambda_model::event_source_mapping::{
    broker::{BrokerSettings, kafka_failures::RETRIES_WITH_DESTINATION, scaling::Members},
    stream::{Patience, StreamSettings},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, interval_at},
};

use self::member::Member;
use super::supervisor::Reader;

/// How often it is seen how far members are behind (KF-02).
const EVALUATED_EVERY: Duration = Duration::from_secs(60);

/// Reads for a mapping.
pub(super) struct KafkaPoller {
    pub reader: Reader,
    pub settings: StreamSettings,
    pub broker: BrokerSettings,
}

impl Deref for KafkaPoller {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// How far members are behind, and how many partitions there are.
#[derive(Default)]
struct Standing {
    /// Records, by partition.
    lags: BTreeMap<i32, u64>,
    partitions: u32,
}

/// That of all members.
#[derive(Clone, Default)]
struct Standings(Arc<Mutex<Standing>>);

impl Standings {
    fn report(&self, partitions: u32, lags: BTreeMap<i32, u64>) {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        standing.partitions = partitions;
        standing.lags.extend(lags);
    }

    fn total(&self) -> (u64, u32) {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (standing.lags.values().sum(), standing.partitions)
    }
}

impl KafkaPoller {
    /// Runs until it is stopped, and what is under way by then has ended.
    pub(super) async fn run(self) {
        let poller = Arc::new(self);
        let standings = Standings::default();
        let mut wanted = Members::of(poller.mapping.provisioned);
        let mut members = JoinSet::new();
        let mut stops: Vec<watch::Sender<bool>> = Vec::new();
        let mut evaluated = interval_at(Instant::now() + EVALUATED_EVERY, EVALUATED_EVERY);
        while !poller.is_stopped() {
            while stops.len() < wanted.count as usize {
                let (stop, stopped) = watch::channel(false);
                let member = Member::new(Arc::clone(&poller), stopped, standings.clone());
                members.spawn(member.run());
                stops.push(stop);
            }
            for stop in stops.drain((wanted.count as usize).min(stops.len())..) {
                let _ = stop.send(true);
            }
            tokio::select! {
                () = poller.stopped() => {}
                _ = evaluated.tick() => {
                    let (lag, partitions) = standings.total();
                    if partitions > 0 {
                        wanted.evaluate(lag, partitions);
                    }
                }
                Some(_) = members.join_next() => {}
            }
        }
        for stop in &stops {
            let _ = stop.send(true);
        }
        while members.join_next().await.is_some() {}
    }

    /// The group that reads.
    fn group(&self) -> &str {
        self.broker.consumer_group_id.as_deref().unwrap_or(&self.uuid)
    }

    /// How long a batch is tried: where somebody is told, not for ever.
    fn patience(&self) -> Patience {
        let patience = self.settings.patience();
        let told = self.settings.on_failure.is_some().then_some(RETRIES_WITH_DESTINATION);
        Patience { retries_max: patience.retries_max.or(told), ..patience }
    }
}
