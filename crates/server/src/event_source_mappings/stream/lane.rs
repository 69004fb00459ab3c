//! One lane of a shard: gather, invoke, settle, again.

use std::{sync::Arc, time::Duration};

use aws_api::request_id;
use lambda_model::{
    LambdaError,
    event_source_mapping::{
        EventSourceMapping,
        stream::{
            Judged, Lane, Settled,
            failure_record::{Abandoned, Abandonment, End, GivenUp},
            lanes::Division,
            pause_ms,
        },
    },
    function::LATEST,
    invocation::asynchronous::Delivery,
    ports::{EventSourceCount, StreamChunk, StreamRecord, StreamShard, StreamSource},
};
use tokio::time::sleep;

use super::{
    super::bringing::is_bucket,
    StreamPoller, checkpoints,
    gather::{Batch, Gathered},
    invocation::Answer,
};
use crate::clock;

/// How long nothing is looked for where nobody says that there is something.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// How reading has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All of the shard is done, and nothing more comes.
    Over,
    /// It was stopped.
    Stopped,
}

/// Reads a lane.
pub(super) struct LaneReader {
    pub poller: Arc<StreamPoller>,
    pub shard: StreamShard,
    pub division: Arc<Division>,
    pub index: u32,
    pub lane: Lane,
    /// What was read beyond the last batch, and from where on.
    pub ahead: Option<(u64, StreamChunk)>,
    /// Attempts that failed one after another, for any reason.
    failures: u32,
    /// Whether it has gone further than what is kept.
    is_ahead: bool,
}

impl LaneReader {
    pub(super) fn new(
        poller: Arc<StreamPoller>,
        shard: StreamShard,
        (division, index): (Arc<Division>, u32),
        lane: Lane,
    ) -> Self {
        Self { poller, shard, division, index, lane, ahead: None, failures: 0, is_ahead: false }
    }

    pub(super) fn mapping(&self) -> &EventSourceMapping {
        &self.poller.mapping
    }

    pub(super) fn source(&self) -> &dyn StreamSource {
        self.poller.source.as_ref()
    }

    /// Runs until the shard is over, or the poller is stopped.
    pub(super) async fn run(mut self) -> Ended {
        while !self.poller.is_stopped() {
            match self.step().await {
                Ok(None) => self.failures = 0,
                Ok(Some(ended)) => {
                    self.keep_place().await;
                    return ended;
                }
                Err(Paused) => {
                    self.failures = self.failures.saturating_add(1);
                    self.pause(Duration::from_millis(pause_ms(self.failures))).await;
                }
            }
        }
        self.keep_place().await;
        Ended::Stopped
    }

    /// One batch, or a wait for one.
    async fn step(&mut self) -> Result<Option<Ended>, Paused> {
        if self.lane.window.as_ref().is_some_and(|window| window.is_cut) {
            return self.close_window().await;
        }
        let appended = self.source().appended(&self.shard);
        let gathered = self.gather().await.map_err(|error| self.could_not("read a stream", &error))?;
        let batch = match gathered {
            Gathered::Batch(batch) => batch,
            Gathered::Over => return Ok(Some(Ended::Over)),
            Gathered::Nothing { next } => {
                self.is_ahead |= next > self.lane.next;
                self.lane.next = self.lane.next.max(next);
                tokio::select! {
                    () = self.poller.stopped() => {}
                    () = appended => {}
                    () = sleep(self.idle()) => self.keep_place().await,
                }
                return Ok(None);
            }
        };
        if self.poller.is_stopped() {
            return Ok(None);
        }
        self.process(batch).await
    }

    async fn process(&mut self, mut batch: Batch) -> Result<Option<Ended>, Paused> {
        let (settings, now_ms) = (&self.poller.settings, clock::unix_ms());
        let old = batch.split_off(|record| settings.is_too_old(record.arrived_ms, now_ms));
        if let Some(last) = old.last() {
            let told = self.told(&old, GivenUp::RecordAgeExceeded, self.lane.invocations(), None);
            self.lane.leave_out(last.place);
            return self.keep(told, old.len()).await;
        }
        if batch.records.is_empty() {
            if batch.is_final && self.lane.window.is_some() && self.lane.failed.is_empty() {
                return self.close_window().await;
            }
            // Of what has failed nothing is left.
            self.lane.leave_out(batch.last);
            return self.keep(None, 0).await;
        }
        let answer =
            self.bring(&batch).await.map_err(|error| self.could_not("invoke its function", &error))?;
        self.settle(batch, answer).await
    }

    async fn settle(&mut self, batch: Batch, answer: Answer) -> Result<Option<Ended>, Paused> {
        let places: Vec<u64> = batch.records.iter().map(|record| record.place).collect();
        let halves = self.lane.failed.len();
        let settled = self.lane.settle(&places, batch.last, answer.judged, self.poller.settings.patience());
        match settled {
            Settled::Done => {
                if batch.is_final {
                    self.lane.window = None;
                }
                self.keep(None, 0).await
            }
            Settled::Again => {
                let is_split = self.lane.failed.len() > halves.max(1);
                self.keep(None, 0).await?;
                // Halves are tried at once: that is no retry.
                if is_split { Ok(None) } else { Err(Paused) }
            }
            Settled::Exhausted { from, invocations } => {
                let left = places.partition_point(|place| *place < from);
                let given_up = batch.records.get(left..).unwrap_or_default();
                let told = self.told(given_up, GivenUp::RetryAttemptsExhausted, invocations, Some(&answer));
                self.keep(told, given_up.len()).await
            }
        }
    }

    /// Invokes the function for the last time in a window, without records.
    async fn close_window(&mut self) -> Result<Option<Ended>, Paused> {
        let batch = Batch { is_final: true, ..Batch::default() };
        let answer =
            self.bring(&batch).await.map_err(|error| self.could_not("invoke its function", &error))?;
        let is_done = answer.judged == Judged::Done;
        let patience = self.poller.settings.patience();
        let failures = self.lane.window.as_ref().map_or(0, |window| window.failures.saturating_add(1));
        if is_done || patience.retries_max.is_some_and(|max| failures > max) {
            self.lane.window = None;
            return self.keep(None, 0).await;
        }
        if let Some(window) = &mut self.lane.window {
            window.failures = failures;
        }
        self.keep(None, 0).await?;
        Err(Paused)
    }

    /// What the destination is told of records that are given up.
    fn told(
        &self,
        records: &[StreamRecord],
        why: GivenUp,
        invocations: u32,
        answer: Option<&Answer>,
    ) -> Option<Delivery> {
        let target = self.poller.settings.on_failure.clone()?;
        let (first, last) = (records.first()?, records.last()?);
        let new_id = request_id::new();
        let request_id = answer.map_or(new_id.as_str(), |answer| answer.request_id.as_str());
        let (function_arn, now_ms) = (self.mapping().function_arn(), self.poller.parts.clock.now_ms());
        let abandonment = Abandonment {
            why,
            request_id,
            function_arn: &function_arn,
            invocations,
            executed_version: answer.map_or(LATEST, |answer| answer.executed_version.as_str()),
        };
        let abandoned = Abandoned {
            abandonment,
            batch_info: self.source().batch_info(),
            shard_id: &self.shard.id,
            stream_arn: &self.mapping().event_source_arn,
            first: End { sequence_number: &first.sequence_number, arrived_ms: first.arrived_ms },
            last: End { sequence_number: &last.sequence_number, arrived_ms: last.arrived_ms },
            records: records.len(),
        };
        let batch = Batch { records: records.to_vec(), ..Batch::default() };
        let is_bucket = is_bucket(&target);
        let payload = is_bucket.then(|| self.event(&batch));
        let object_key = is_bucket.then(|| abandoned.object_key(&self.poller.uuid, now_ms, request_id));
        let body = abandoned.json(now_ms, payload.as_deref());
        let parts = &self.poller.parts;
        Some(parts.failure_delivery(self.mapping(), (target, request_id), object_key, body))
    }

    /// Keeps where it is, and has told what is to be told of so many that are given up. However long it takes: what is not kept comes again.
    async fn keep(&mut self, told: Option<Delivery>, dropped: usize) -> Result<Option<Ended>, Paused> {
        let delivered = if told.is_some() { dropped } else { 0 };
        let shard = self.shard.checkpoint();
        let names = (self.poller.uuid.as_str(), shard.as_str(), self.index);
        while let Err(error) =
            checkpoints::keep_lane(&self.poller.parts.waiting, names, &self.lane, told.clone()).await
        {
            self.could_not("keep how far it is", &error);
            if self.poller.is_stopped() {
                return Ok(Some(Ended::Stopped));
            }
            self.pause(Duration::from_secs(1)).await;
        }
        self.is_ahead = false;
        self.poller.count(EventSourceCount::Dropped, dropped);
        self.poller.count(EventSourceCount::OnFailureDestinationDelivered, delivered);
        Ok(None)
    }

    /// Keeps where it is if that is not kept: what it passed was for nobody here.
    async fn keep_place(&mut self) {
        if self.is_ahead {
            let _ = self.keep(None, 0).await;
        }
    }

    /// How long to wait for what nobody tells of: until the window ends, say.
    fn idle(&self) -> Duration {
        let left_ms = self.lane.window.as_ref().map(|window| window.end_ms - clock::unix_ms());
        let left = left_ms.map(|left_ms| Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)));
        left.unwrap_or(IDLE_MAX).min(IDLE_MAX)
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = self.poller.stopped() => {}
            () = sleep(pause) => {}
        }
    }

    fn could_not(&self, what: &str, error: &LambdaError) -> Paused {
        let (mapping, shard, error) = (&self.poller.uuid, &self.shard.id, error.to_string());
        tracing::warn!(mapping, shard, error, "a mapping could not {what}");
        Paused
    }
}

/// It is tried again after a pause.
pub(super) struct Paused;
