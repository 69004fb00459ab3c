//! A batch is brought to the function, and what it says of it is read.

use std::collections::BTreeSet;

use aws_api::request_id;
use invocation::Invoked;
use lambda_model::{
    LambdaError,
    event_source_mapping::{
        partial_failure::{Verdict, verdict},
        stream::Judged,
    },
    function::LATEST,
    ports::{EventSourceCount, StreamRecord},
};
use serde_json::Value;

use super::{StreamPoller, gather::Batch, lane::LaneReader};
use crate::clock;

/// What the function said.
pub(super) struct Answer {
    pub judged: Judged,
    pub request_id: String,
    pub executed_version: String,
}

impl StreamPoller {
    /// As it is counted: the age of the last record when its batch has ended (K-08).
    pub(super) fn count_age(&self, last: &StreamRecord) {
        let age_ms = u64::try_from(clock::unix_ms() - last.arrived_ms).unwrap_or(0);
        let resource = self.mapping.qualifier.as_deref().unwrap_or(LATEST);
        self.parts.metrics.iterator_age(&self.mapping.function, resource, age_ms);
    }
}

impl LaneReader {
    /// The event of a batch.
    pub(super) fn event(&self, batch: &Batch) -> String {
        let records: Vec<&str> = batch.records.iter().map(|record| record.json.as_str()).collect();
        let mut event = format!("{{\"Records\":[{}]", records.join(","));
        if let Some(window) = &self.lane.window {
            let names = (self.shard.id.as_str(), self.mapping().event_source_arn.as_str());
            for (name, value) in window.of_event(names, batch.is_final) {
                event.push_str(&format!(",{}:{value}", Value::String(name)));
            }
        }
        event.push('}');
        event
    }

    /// Brings a batch to the function.
    ///
    /// # Errors
    /// When it did not run: nothing is said of the batch.
    pub(super) async fn bring(&mut self, batch: &Batch) -> Result<Answer, LambdaError> {
        let request_id = request_id::new();
        let records = batch.records.len();
        self.poller.count(EventSourceCount::Invoked, records);
        let invoked = self.poller.parts.invoke(self.mapping(), &request_id, self.event(batch)).await;
        let Invoked { executed_version, outcome, .. } = match invoked {
            Ok(invoked) => invoked,
            Err(error) => {
                self.poller.count(EventSourceCount::FailedInvoke, records);
                return Err(error);
            }
        };
        let judged = match outcome.error {
            Some(_) => Judged::Failed,
            None => self.judge(batch, &outcome.payload),
        };
        if let Some(last) = batch.records.last() {
            self.poller.count_age(last);
        }
        let has_failed = |record: &&StreamRecord| match judged {
            Judged::Done => false,
            Judged::FailedFrom(place) => record.place >= place,
            Judged::Failed => true,
        };
        self.poller.count(EventSourceCount::FailedInvoke, batch.records.iter().filter(has_failed).count());
        self.poller.last_result.say_of_batch(judged == Judged::Done);
        Ok(Answer { judged, request_id, executed_version })
    }

    /// What a response says: the state of a window must be there but for the last time (K-07), and the lowest failure counts (K-05).
    fn judge(&mut self, batch: &Batch, response: &[u8]) -> Judged {
        let mut window = self.lane.window.clone();
        if window.as_mut().is_some_and(|window| !window.take_state(response)) && !batch.is_final {
            return Judged::Failed;
        }
        let judged = self.judge_items(batch, response);
        // What failed as a whole comes again to the state that it found.
        if judged != Judged::Failed {
            self.lane.window = window;
        }
        judged
    }

    fn judge_items(&self, batch: &Batch, response: &[u8]) -> Judged {
        if !self.mapping().reports_item_failures {
            return Judged::Done;
        }
        let identifiers: BTreeSet<&str> =
            batch.records.iter().map(|record| record.sequence_number.as_str()).collect();
        match verdict(response, &identifiers) {
            Verdict::Done => Judged::Done,
            Verdict::AllFailed => Judged::Failed,
            Verdict::Failed(failed) => {
                let lowest = batch.records.iter().find(|record| failed.contains(&record.sequence_number));
                lowest.map_or(Judged::Failed, |record| Judged::FailedFrom(record.place))
            }
        }
    }
}
