//! One member of the group: gather, invoke, commit, again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use aws_api::request_id;
use lambda_model::{
    LambdaError,
    event_source_mapping::{
        broker::{
            kafka::{KafkaRecord, event, judge, offsets_behind},
            kafka_failures, window_ms,
        },
        configuration::KAFKA_DESTINATION,
        stream::{
            Judged, Lane, Settled,
            failure_record::{Abandonment, GivenUp},
            pause_ms,
        },
    },
    function::LATEST,
    ports::EventSourceCount,
};
use store::{QueueTransaction, StoreError};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{super::bringing::is_bucket, KafkaPoller, Standings, batch::Batch, client::Topic};
use crate::clock;

/// How long one look for records waits.
const POLL: Duration = Duration::from_secs(1);
/// How often the group hears of a member whose function runs.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);
/// How often offsets are committed that the group does not take.
const COMMIT_TRIES: u32 = 10;

/// Reads some of the topic's partitions.
pub(super) struct Member {
    poller: Arc<KafkaPoller>,
    /// Told when this member ends, and the others do not.
    stop: watch::Receiver<bool>,
    standings: Standings,
    /// What was read and is in no batch.
    ahead: VecDeque<KafkaRecord>,
    /// Partitions that were taken away since the batch began.
    taken_away: BTreeSet<i32>,
    /// Failures one after another.
    failures: u32,
}

/// Why reading ends: as a last result says it.
type Problem = String;

impl Member {
    pub(super) fn new(poller: Arc<KafkaPoller>, stop: watch::Receiver<bool>, standings: Standings) -> Self {
        Self { poller, stop, standings, ahead: VecDeque::new(), taken_away: BTreeSet::new(), failures: 0 }
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow() || self.poller.is_stopped()
    }

    /// Runs until it is stopped. After a problem it joins anew.
    pub(super) async fn run(mut self) {
        while !self.is_stopped() {
            self.ahead.clear();
            let size = i32::try_from(self.poller.mapping.batch_size).unwrap_or(i32::MAX);
            let opened = tokio::select! {
                () = stopped(&self.stop, &self.poller) => return,
                opened = Topic::open(&self.poller, size) => opened,
            };
            let problem = match opened {
                Err(problem) => problem,
                Ok(topic) => {
                    let read = self.read(&topic).await;
                    topic.close().await;
                    let Err(problem) = read else { return };
                    problem
                }
            };
            tracing::warn!(mapping = self.poller.uuid, problem, "a topic could not be read for its mapping");
            self.poller.last_result.say(&problem);
            self.failures = self.failures.saturating_add(1);
            let pause = Duration::from_millis(pause_ms(self.failures));
            tokio::select! {
                () = stopped(&self.stop, &self.poller) => {}
                () = sleep(pause) => {}
            }
        }
    }

    async fn read(&mut self, topic: &Topic) -> Result<(), Problem> {
        while !self.is_stopped() {
            let batch = self.gather(topic).await?;
            let (partitions, lags) = topic.standing().await;
            self.standings.report(partitions, lags);
            if self.is_stopped() || batch.is_empty() {
                continue;
            }
            self.poller.count(EventSourceCount::FilteredOut, batch.filtered_out);
            self.failures = 0;
            self.process(topic, batch).await?;
        }
        Ok(())
    }

    /// What there is, as far as it comes within the window.
    async fn gather(&mut self, topic: &Topic) -> Result<Batch, Problem> {
        let mapping = &self.poller.mapping;
        let window = Duration::from_millis(window_ms(mapping.batching_window_seconds));
        let size = usize::try_from(mapping.batch_size).unwrap_or(1).max(1);
        let (mut batch, mut deadline) = (Batch::default(), None);
        loop {
            let taken = batch.take(&mut self.ahead, &self.poller.patterns, size);
            self.poller.count(EventSourceCount::Polled, taken);
            if !batch.is_empty() {
                deadline.get_or_insert_with(|| Instant::now() + window);
            }
            let left = deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(Instant::now()));
            if batch.is_full || left.is_zero() || self.is_stopped() {
                return Ok(batch);
            }
            let polled = tokio::select! {
                () = stopped(&self.stop, &self.poller) => return Ok(batch),
                polled = topic.poll(left.min(POLL)) => polled?,
            };
            // What comes with this poll is read again where it was read before.
            let taken_away = topic.taken_away();
            self.ahead.retain(|record| !taken_away.contains(&record.partition));
            batch.leave(&taken_away);
            self.ahead.extend(polled);
            if batch.is_empty() && self.ahead.is_empty() {
                return Ok(batch);
            }
        }
    }

    /// Brings a batch until it is done or given up, and commits what is.
    async fn process(&mut self, topic: &Topic, batch: Batch) -> Result<(), Problem> {
        let (count, mut lane) = (batch.records.len() as u64, Lane::at(0));
        let (mut finished, mut committed) = (BTreeSet::new(), 0);
        self.taken_away = topic.taken_away();
        while lane.next < count {
            if self.is_stopped() {
                return Ok(());
            }
            let part = lane.failed.first().map_or((lane.next, count - 1), |part| (part.first, part.last));
            let places =
                self.wanted(topic, &batch.records, (part, lane.invocations()), &mut finished).await?;
            match places.is_empty() {
                true => lane.leave_out(part.1),
                false => self.step(topic, &batch.records, (&places, part.1), &mut lane).await?,
            }
            finished.extend(places.into_iter().filter(|place| *place < lane.next));
            self.commit(topic, &offsets_behind(&batch.records, &finished)).await?;
            self.poller.count(EventSourceCount::Committed, finished.len() - committed);
            committed = finished.len();
        }
        self.finish(topic, batch, &finished).await
    }

    /// Commits also what no filter let through, and goes on.
    async fn finish(&mut self, topic: &Topic, batch: Batch, finished: &BTreeSet<u64>) -> Result<(), Problem> {
        let mut behind = offsets_behind(&batch.records, finished);
        // Of what was taken away meanwhile only what is finished is known to be.
        behind.extend(batch.behind.into_iter().filter(|(partition, _)| !self.taken_away.contains(partition)));
        self.commit(topic, &behind).await?;
        self.poller.count(EventSourceCount::Committed, batch.filtered_out);
        // What came back since was read again from where it was committed then.
        for (partition, offset) in behind.iter().filter(|(partition, _)| self.taken_away.contains(partition))
        {
            self.ahead.retain(|record| record.partition != *partition || record.offset >= *offset);
            topic.skip_to(*partition, *offset).await;
        }
        topic.go_on().await;
        Ok(())
    }

    /// Places of a part that are still to be brought: others' partitions are read by others, and what is too old is given up.
    async fn wanted(
        &self,
        topic: &Topic,
        records: &[KafkaRecord],
        ((first, last), invocations): ((u64, u64), u32),
        finished: &mut BTreeSet<u64>,
    ) -> Result<Vec<u64>, Problem> {
        let (settings, now_ms) = (&self.poller.settings, clock::unix_ms());
        let at = |place: &u64| &records[usize::try_from(*place).unwrap_or(usize::MAX)];
        let is_left =
            |place: &u64| !finished.contains(place) && !self.taken_away.contains(&at(place).partition);
        let left: Vec<u64> = (first..=last).filter(is_left).collect();
        let (old, wanted): (Vec<u64>, Vec<u64>) =
            left.into_iter().partition(|place| settings.is_too_old(at(place).timestamp_ms, now_ms));
        if !old.is_empty() {
            let records: Vec<KafkaRecord> = old.iter().map(|place| at(place).clone()).collect();
            let last = (invocations, LATEST, request_id::new());
            self.tell(topic, &records, GivenUp::RecordAgeExceeded, (last.0, last.1, &last.2)).await?;
            finished.extend(old);
        }
        Ok(wanted)
    }

    /// One invocation, and what follows of it.
    async fn step(
        &mut self,
        topic: &Topic,
        records: &[KafkaRecord],
        (places, last): (&[u64], u64),
        lane: &mut Lane,
    ) -> Result<(), Problem> {
        let at = |place: &u64| records[usize::try_from(*place).unwrap_or(usize::MAX)].clone();
        let brought: Vec<KafkaRecord> = places.iter().map(at).collect();
        let request_id = request_id::new();
        let (judged, version) = match self.bring(topic, &brought, &request_id).await {
            Ok(answer) => answer,
            Err(error) => {
                let error = error.to_string();
                tracing::warn!(mapping = self.poller.uuid, error, "a mapping could not invoke its function");
                self.pause(topic).await;
                return Ok(());
            }
        };
        let judged = match judged {
            Judged::FailedFrom(index) => places
                .get(usize::try_from(index).unwrap_or(usize::MAX))
                .map_or(Judged::Failed, |place| Judged::FailedFrom(*place)),
            other => other,
        };
        let parts = lane.failed.len();
        match lane.settle(places, last, judged, self.poller.patience()) {
            Settled::Done => {
                self.failures = 0;
                Ok(())
            }
            // Halves are tried at once: that is no retry.
            Settled::Again if lane.failed.len() > parts.max(1) => Ok(()),
            Settled::Again => {
                self.pause(topic).await;
                Ok(())
            }
            Settled::Exhausted { from, invocations } => {
                self.failures = 0;
                let left = places.partition_point(|place| *place < from);
                let given_up = brought.get(left..).unwrap_or_default();
                let why = GivenUp::RetryAttemptsExhausted;
                self.tell(topic, given_up, why, (invocations, &version, &request_id)).await
            }
        }
    }

    /// Invokes the function, and stays a member meanwhile.
    async fn bring(
        &mut self,
        topic: &Topic,
        records: &[KafkaRecord],
        request_id: &str,
    ) -> Result<(Judged, String), LambdaError> {
        let poller = Arc::clone(&self.poller);
        poller.count(EventSourceCount::Invoked, records.len());
        let payload = event(&poller.broker.bootstrap_servers, records);
        let invoking = poller.parts.invoke(&poller.mapping, request_id, payload);
        let invoked = match self.meanwhile(topic, invoking).await {
            Ok(invoked) => invoked,
            Err(error) => {
                poller.count(EventSourceCount::FailedInvoke, records.len());
                return Err(error);
            }
        };
        let judged = match invoked.outcome.error {
            Some(_) => Judged::Failed,
            None if poller.mapping.reports_item_failures => judge(&invoked.outcome.payload, records),
            None => Judged::Done,
        };
        let failed = match judged {
            Judged::Done => 0,
            Judged::FailedFrom(from) => records.len().saturating_sub(usize::try_from(from).unwrap_or(0)),
            Judged::Failed => records.len(),
        };
        poller.count(EventSourceCount::FailedInvoke, failed);
        poller.last_result.say_of_batch(judged == Judged::Done);
        Ok((judged, invoked.executed_version))
    }

    /// Waits for something without leaving the group. What is wrong with the group meanwhile is found by whoever asks it next.
    async fn meanwhile<T>(&mut self, topic: &Topic, wait: impl Future<Output = T>) -> T {
        tokio::pin!(wait);
        loop {
            topic.hold().await;
            let polled = tokio::select! {
                biased;
                done = &mut wait => return done,
                polled = topic.poll(SIGN_OF_LIFE) => polled,
            };
            let taken_away = topic.taken_away();
            self.ahead.retain(|record| !taken_away.contains(&record.partition));
            self.taken_away.extend(taken_away);
            self.ahead.extend(polled.unwrap_or_default());
            // With enough at hand nothing waits in there.
            tokio::select! {
                biased;
                done = &mut wait => return done,
                () = sleep(SIGN_OF_LIFE) => {}
            }
        }
    }

    async fn pause(&mut self, topic: &Topic) {
        self.failures = self.failures.saturating_add(1);
        let (stop, poller) = (self.stop.clone(), Arc::clone(&self.poller));
        let pause = Duration::from_millis(pause_ms(self.failures));
        let wait = async move {
            tokio::select! {
                () = stopped(&stop, &poller) => {}
                () = sleep(pause) => {}
            }
        };
        self.meanwhile(topic, wait).await;
    }

    /// Commits; while the group is divided anew, again.
    async fn commit(&mut self, topic: &Topic, offsets: &BTreeMap<i32, i64>) -> Result<(), Problem> {
        let mut tries = 1;
        loop {
            match topic.commit(offsets).await {
                Ok(()) => return Ok(()),
                Err(problem) if tries == COMMIT_TRIES => return Err(problem),
                Err(_) => tries += 1,
            }
            self.meanwhile(topic, sleep(SIGN_OF_LIFE)).await;
        }
    }

    /// Has the destination told of records that are given up, if there is one.
    ///
    /// A topic is told before anything is committed, and as often as it takes: nothing that was read is lost (K-09).
    async fn tell(
        &self,
        topic: &Topic,
        records: &[KafkaRecord],
        why: GivenUp,
        (invocations, executed_version, request_id): (u32, &str, &str),
    ) -> Result<(), Problem> {
        let poller = &self.poller;
        let Some(target) = poller.settings.on_failure.clone() else {
            poller.count(EventSourceCount::Dropped, records.len());
            return Ok(());
        };
        let function_arn = poller.mapping.function_arn();
        let abandonment =
            Abandonment { why, request_id, function_arn: &function_arn, invocations, executed_version };
        let (servers, now_ms) = (&poller.broker.bootstrap_servers, poller.parts.clock.now_ms());
        let (event, is_bucket) = (event(servers, records), is_bucket(&target));
        let other_topic = target.strip_prefix(KAFKA_DESTINATION);
        // Who keeps the event too.
        let is_whole = is_bucket || other_topic.is_some();
        let body = kafka_failures::record(&abandonment, (servers, &event), records, (now_ms, is_whole));
        if let Some(other_topic) = other_topic {
            topic.produce(other_topic, request_id, body).await?;
            poller.count(EventSourceCount::Dropped, records.len());
            poller.count(EventSourceCount::OnFailureDestinationDelivered, records.len());
            return Ok(());
        }
        let object_key = is_bucket.then(|| kafka_failures::object_key(&poller.uuid, now_ms, request_id));
        let delivery = poller.parts.failure_delivery(&poller.mapping, (target, request_id), object_key, body);
        let deliver = move |transaction: &mut QueueTransaction<'_>| transaction.deliver(delivery);
        let told: Result<(), StoreError> = poller.parts.waiting.transact(deliver).await;
        told.map_err(|error| format!("PROBLEM: {error}"))?;
        poller.count(EventSourceCount::Dropped, records.len());
        poller.count(EventSourceCount::OnFailureDestinationDelivered, records.len());
        Ok(())
    }
}

/// Resolves when a member is to end.
async fn stopped(stop: &watch::Receiver<bool>, poller: &KafkaPoller) {
    let mut stop = stop.clone();
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = poller.stopped() => {}
    }
}
