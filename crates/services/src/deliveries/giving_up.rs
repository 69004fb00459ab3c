//! What is not delivered: a policy that refuses it, tries that are used up. Where there is a queue for it, it gets there.

use lambda_model::{
    error::with_causes,
    invocation::asynchronous::{Delivery, Tries},
};
use store::{OutboxItem, QueueTransaction};

use super::Deliveries;
use crate::{
    sqs::{Door, outgoing::Outgoing, queue::QueueKey},
    targets::Unusable,
};

/// Why something is given up, as a message of a dead-letter queue says it (EventBridge user guide, dead-letter queues).
pub(super) struct GivenUp {
    /// `ERROR_CODE`.
    pub code: &'static str,
    /// `ERROR_MESSAGE`.
    pub why: String,
    /// `EXHAUSTED_RETRY_CONDITION`.
    pub exhausted: Option<&'static str>,
}

/// When what failed so often before is tried again, or why it is not.
pub(super) fn next_try(attempts: u32, tries: &Tries, due_at_ms: i64) -> Result<i64, &'static str> {
    if attempts >= tries.retries_max {
        return Err("MaximumRetryAttempts");
    }
    if due_at_ms > tries.until_ms { Err("MaximumEventAgeInSeconds") } else { Ok(due_at_ms) }
}

impl Deliveries {
    /// Those that the target's policy lets in. It would not let the others in later: they are given up.
    pub(super) async fn let_in(&self, target: &str, items: Vec<OutboxItem>) -> Vec<OutboxItem> {
        let mut let_in = Vec::with_capacity(items.len());
        for item in items {
            let checked = match &item.delivery.sender {
                Some(sender) => self.parts.targets.check(target, sender).await,
                None => Ok(Ok(())),
            };
            match checked {
                Ok(Ok(())) => let_in.push(item),
                Ok(Err(why)) => self.give_up(item, refused(why)).await,
                Err(error) => self.failed(item, &with_causes(&error)).await,
            }
        }
        let_in
    }

    /// Into the dead-letter queue, where there is one; else it is dropped, with a word in the log.
    pub(super) async fn give_up(&self, item: OutboxItem, end: GivenUp) {
        let dead_letter = self.dead_letter(&item, &end);
        let (target, request_id, why) = (&item.delivery.target, &item.delivery.request_id, &end.why);
        let is_kept = dead_letter.is_some();
        match (&item.delivery.tries, end.exhausted) {
            // Nobody said that it may be: what was accepted is lost.
            (None, Some(after)) => {
                tracing::error!(target, request_id, why, after, "a delivery is given up");
            }
            _ => tracing::warn!(target, request_id, why, is_kept, "a delivery is given up"),
        }
        let put = move |transaction: &mut QueueTransaction<'_>, _: &OutboxItem| match &dead_letter {
            Some((door, outgoing)) => door.put(transaction, outgoing.clone()),
            None => Ok(()),
        };
        for (item, why) in self.in_one(vec![item], put).await {
            tracing::error!(why, "a delivery that is given up could not be taken from the outbox");
            self.put_off(&item, Some(self.parts.clock.now_ms())).await;
        }
    }

    fn dead_letter(&self, item: &OutboxItem, end: &GivenUp) -> Option<(Door, Outgoing)> {
        let delivery = &item.delivery;
        let tries = delivery.tries.as_ref()?;
        let door = self.parts.sqs.door(&QueueKey::of_arn(tries.dead_letter.as_ref()?)?)?;
        let outgoing = message(delivery, tries, item.attempts, end);
        door.check(&outgoing).ok()?;
        Some((door, outgoing))
    }
}

/// The event, and why it is there.
fn message(delivery: &Delivery, tries: &Tries, attempts: u32, end: &GivenUp) -> Outgoing {
    let body = tries.event.clone().unwrap_or_else(|| String::from_utf8_lossy(&delivery.body).into_owned());
    let source = delivery.sender.as_ref().map_or("", |sender| &sender.source_arn);
    let retries = attempts.to_string();
    let attributes = [
        ("RULE_ARN", "String", source),
        ("TARGET_ARN", "String", &delivery.target),
        ("ERROR_CODE", "String", end.code),
        ("ERROR_MESSAGE", "String", &end.why),
        ("EXHAUSTED_RETRY_CONDITION", "String", end.exhausted.unwrap_or_default()),
        ("RETRY_ATTEMPTS", "Number", &retries),
    ];
    let about =
        tries.about.iter().map(|said| (said.name.as_str(), said.data_type.as_str(), said.value.as_str()));
    let said = about.chain(attributes).filter(|(_, _, value)| !value.is_empty());
    let message = Outgoing::text(body).traced(delivery.trace_id.clone());
    said.fold(message, |message, (name, data_type, value)| message.with_attribute(name, data_type, value))
}

fn refused(why: Unusable) -> GivenUp {
    let (code, why) = match why {
        Unusable::NoTarget => ("INVALID_PARAMETER", "It is no target."),
        Unusable::Missing => ("NO_RESOURCE", "The target does not exist."),
        Unusable::Denied => ("NO_PERMISSIONS", "The policy of the target does not allow it."),
    };
    GivenUp { code, why: why.to_owned(), exhausted: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_end_by_number_or_by_time() {
        let tries =
            Tries { retries_max: 2, until_ms: 1_000, dead_letter: None, event: None, about: Vec::new() };
        assert_eq!(next_try(0, &tries, 1_000), Ok(1_000));
        assert_eq!(next_try(1, &tries, 1_001), Err("MaximumEventAgeInSeconds"));
        assert_eq!(next_try(2, &tries, 0), Err("MaximumRetryAttempts"));
    }
}
