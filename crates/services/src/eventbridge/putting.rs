//! PutEvents, and whom an event is for.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::events::types, request_id, timestamp};
use lambda_model::{
    authorization::{AuthorizationRequest, Caller, PolicyDocument, trusts},
    credentials::Principal,
    event_source_mapping::filter::matching::Event,
    invocation::asynchronous::{Delivery, Sender, Tries},
};

use super::{
    EventBridge, Handled, archives,
    bus::BusKey,
    connections,
    envelope::{self, Wrong},
    error::invalid,
    input::{self, Facts},
    registry::Rule,
};
use crate::{
    change::of_store,
    service::{ServiceContext, not_implemented},
};

/// Who has events of rules delivered.
pub(crate) const SERVICE: &str = "events.amazonaws.com";
/// All entries of a request (API reference, PutEvents: "less than 1MB").
const BYTES_MAX: usize = 1024 * 1024;
/// Tries after the first, and how long they may take (EventBridge user guide, retry policy): as many, and as long, as there can be.
const RETRIES_DEFAULT: i64 = 185;
const AGE_SECONDS_DEFAULT: i64 = 24 * 60 * 60;

impl EventBridge {
    /// Each entry alone is taken or refused; those that are taken are on disk when this answers.
    pub(super) async fn put_events(
        &self,
        context: &ServiceContext,
        input: types::PutEventsRequest,
    ) -> Handled<types::PutEventsResponse> {
        if input.endpoint_id.is_some() {
            return Err(not_implemented("EventBridge", "global endpoints"));
        }
        let entries = input.entries.unwrap_or_default();
        if entries.iter().map(envelope::bytes).sum::<usize>() >= BYTES_MAX {
            return Err(invalid("Total size of the entries in the request is over the limit."));
        }
        let (mut answers, mut deliveries) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in &entries {
            let id = request_id::new();
            match self.taken(context, entry, &id)? {
                Ok(wanted) => {
                    deliveries.extend(wanted);
                    answers.push(types::PutEventsResultEntry { event_id: Some(id), ..Default::default() });
                }
                Err((code, message)) => answers.push(types::PutEventsResultEntry {
                    error_code: Some(code.to_owned()),
                    error_message: Some(message.to_owned()),
                    ..Default::default()
                }),
            }
        }
        if !deliveries.is_empty() {
            let put = move |transaction: &mut store::QueueTransaction<'_>| {
                deliveries.into_iter().try_for_each(|delivery| transaction.deliver(delivery))
            };
            self.store.queues().transact(put).await.map_err(of_store)?;
        }
        let failed = answers.iter().filter(|answer| answer.error_code.is_some()).count();
        Ok(types::PutEventsResponse {
            failed_entry_count: i64::try_from(failed).ok(),
            entries: Some(answers),
        })
    }

    /// Whom an entry is for, or what is wrong with it. On a bus that does not exist it is for nobody, and taken (recorded from AWS).
    fn taken(
        &self,
        context: &ServiceContext,
        entry: &types::PutEventsRequestEntry,
        id: &str,
    ) -> Handled<Result<Vec<Delivery>, Wrong>> {
        let key = BusKey::asked(context, entry.event_bus_name.as_deref());
        if key.account_id != context.account_id() && self.lets(&key, &context.principal) != Some(true) {
            return Err(denied(context, &key));
        }
        let event = match envelope::event(entry, &key, id, context.now_ms) {
            Ok(event) => event,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let trace = entry.trace_header.as_ref().or(context.trace_header.as_ref());
        Ok(Ok(self.wanted(&key, &event, trace.map(String::as_str))))
    }

    /// Whether a bus takes what somebody puts: from its own account it does, else its policy decides. `None`: there is no such bus.
    /// What the own policies of who asks say is the business of who authorized the request.
    pub(crate) fn lets(&self, key: &BusKey, principal: &Principal) -> Option<bool> {
        let bus = self.registry.bus(key)?;
        if principal.account_id == key.account_id {
            return Some(true);
        }
        let policy = bus.record.as_ref().and_then(|record| record.policy.clone());
        let Some(policy) = policy.and_then(|policy| PolicyDocument::from_value(&policy).ok()) else {
            return Some(false);
        };
        let request = AuthorizationRequest {
            caller: Caller::Principal(principal.clone()),
            action: "events:PutEvents".to_owned(),
            resource: key.arn(),
            resource_account: key.account_id.clone(),
            context: BTreeMap::new(),
        };
        Some(trusts(&policy, &request))
    }

    /// What the rules of a bus have delivered of an event.
    pub(crate) fn wanted(&self, key: &BusKey, event: &str, trace_id: Option<&str>) -> Vec<Delivery> {
        self.wanted_by(key, event, (trace_id, None))
    }

    /// The same, of some rules only, by their ARNs.
    pub(super) fn wanted_by(
        &self,
        key: &BusKey,
        event: &str,
        (trace_id, only): (Option<&str>, Option<&[String]>),
    ) -> Vec<Delivery> {
        let bus = self.registry.bus(key).unwrap_or_default();
        let Some(read) = Event::read(event) else { return Vec::new() };
        let is_for = |name: &str, rule: &Rule| {
            only.is_none_or(|arns| arns.contains(&key.rule_arn(name)))
                && rule.record.is_enabled()
                && rule.pattern.as_ref().is_some_and(|pattern| pattern.matches_event(&read))
        };
        let source = read.text("source").unwrap_or_default();
        let rules = bus.rules.of_source(&source).filter(|(name, rule)| is_for(name, rule));
        rules.flat_map(|(name, rule)| self.deliveries(key, name, rule, (event, trace_id))).collect()
    }

    pub(super) fn deliveries(
        &self,
        key: &BusKey,
        name: &str,
        rule: &Rule,
        (event, trace_id): (&str, Option<&str>),
    ) -> Vec<Delivery> {
        let now_ms = self.clock.now_ms();
        let (rule_arn, now) = (key.rule_arn(name), timestamp::iso_seconds(now_ms.div_euclid(1_000)));
        let facts = Facts { rule_arn: &rule_arn, rule_name: name, ingestion_time: &now };
        let deliveries = rule.record.targets.values().map(|target| {
            let archive = rule.record.archive.as_ref();
            let body = archive.and_then(|archive| archives::body(archive, event, &now));
            let body = body.unwrap_or_else(|| input::of(target, event, &facts));
            let body = match target.arn.as_deref().is_some_and(connections::is_destination) {
                true => connections::wrapped(target, body),
                false => body,
            };
            Delivery {
                target: target.arn.clone().unwrap_or_default(),
                origin: None,
                sender: sender(target, &rule_arn, &key.account_id),
                tries: Some(tries(target, now_ms, (body != event).then(|| event.to_owned()))),
                group: target.sqs_parameters.clone().and_then(|parameters| parameters.message_group_id),
                request_id: request_id::new(),
                trace_id: trace_id.map(str::to_owned),
                object_key: None,
                subject: None,
                attributes: Vec::new(),
                ended_at_ms: now_ms,
                body: body.into(),
            }
        });
        deliveries.collect()
    }
}

/// Queues, topics, functions and buses are asked whether the rule may tell them.
fn sender(target: &types::Target, rule_arn: &str, account_id: &str) -> Option<Sender> {
    let service = target.arn.as_deref()?.split(':').nth(2)?;
    // An archive is the service's own.
    let is_bus = service == "events" && target.arn.as_deref().and_then(BusKey::of_arn).is_some();
    (is_bus || matches!(service, "sqs" | "sns" | "lambda")).then(|| Sender {
        service: SERVICE.to_owned(),
        source_arn: rule_arn.to_owned(),
        source_account: account_id.to_owned(),
    })
}

fn tries(target: &types::Target, now_ms: i64, event: Option<String>) -> Tries {
    let policy = target.retry_policy.clone().unwrap_or_default();
    let age_seconds = policy.maximum_event_age_in_seconds.unwrap_or(AGE_SECONDS_DEFAULT);
    let retries = policy.maximum_retry_attempts.unwrap_or(RETRIES_DEFAULT);
    let dead_letter = target.dead_letter_config.clone().and_then(|config| config.arn);
    Tries {
        retries_max: u32::try_from(retries).unwrap_or(0),
        until_ms: now_ms.saturating_add(age_seconds.saturating_mul(1_000)),
        event: event.filter(|_| dead_letter.is_some()),
        dead_letter,
        about: Vec::new(),
    }
}

fn denied(context: &ServiceContext, key: &BusKey) -> ApiError {
    let (who, bus) = (&context.principal.arn, key.arn());
    let message = format!("User: {who} is not authorized to perform: events:PutEvents on resource: {bus}");
    ApiError::user("AccessDeniedException", 400, message)
}
