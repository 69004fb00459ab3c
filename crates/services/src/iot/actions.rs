//! What a rule does with what its statement gives.

use aws_api::{error_response::ApiError, generated::iot::types};
use bytes::Bytes;
use lambda_model::invocation::asynchronous::{Delivery, Sender};
use serde::de::IgnoredAny;
use store::DocumentKey;

use super::{
    Handled,
    error::{invalid, unbuilt},
    record::rule_arn,
};
use crate::{service::ServiceContext, sqs::queue::QueueKey, targets::function};

/// The service, as policies name it.
const SERVICE: &str = "iot.amazonaws.com";

/// Whom an action tells.
enum Told {
    /// A function, whose policy is asked.
    Function(String),
    /// Another target, in the name of the rule's role; whether it gets base64.
    InRole(String, bool),
}

/// Checks an action of a new rule.
pub(super) fn check_action(action: &types::Action, context: &ServiceContext) -> Handled<()> {
    told(action, &context.region).map(drop)
}

fn told(action: &types::Action, region: &str) -> Handled<Told> {
    match action {
        types::Action { lambda: Some(lambda), .. } => {
            let arn = lambda.function_arn.clone().unwrap_or_default();
            function(&arn).ok_or_else(|| invalid(format!("Invalid function ARN: {arn}")))?;
            Ok(Told::Function(arn))
        }
        types::Action { sqs: Some(sqs), .. } => {
            let url = sqs.queue_url.clone().unwrap_or_default();
            let mut parts = url.trim_end_matches('/').rsplit('/');
            let (Some(name), Some(account_id)) = (parts.next(), parts.next()) else {
                return Err(invalid(format!("Invalid queue URL: {url}")));
            };
            let key = QueueKey {
                account_id: account_id.to_owned(),
                region: region.to_owned(),
                name: name.to_owned(),
            };
            Ok(Told::InRole(key.arn(), sqs.use_base64 == Some(true)))
        }
        types::Action { sns: Some(sns), .. } => {
            if sns.message_format.as_deref().is_some_and(|format| format != "RAW") {
                return Err(unbuilt("Messages of SNS in JSON are not implemented for topic rules."));
            }
            Ok(Told::InRole(sns.target_arn.clone().unwrap_or_default(), false))
        }
        other => Err(not_built(other)),
    }
}

/// Names the action.
fn not_built(action: &types::Action) -> ApiError {
    let name = serde_json::to_value(action).ok();
    let name = name.as_ref().and_then(|action| action.as_object()?.keys().next().cloned());
    match name {
        Some(name) => unbuilt(format!("The action {name} of topic rules is not implemented by this server.")),
        None => invalid("An action of a rule must say what it does."),
    }
}

/// What an action has delivered.
pub(super) fn delivery(
    action: &types::Action,
    rule: &DocumentKey,
    body: &Bytes,
    now_ms: i64,
) -> Option<Delivery> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    // It was checked when the rule was made.
    let (target, sender, is_base64) = match told(action, &rule.region).ok()? {
        Told::InRole(arn, is_base64) => (arn, None, is_base64),
        // A function takes JSON, and nothing else.
        Told::Function(_) if serde_json::from_slice::<IgnoredAny>(body).is_err() => {
            tracing::warn!(rule = rule.name, "a message is no JSON, which a function cannot be invoked with");
            return None;
        }
        Told::Function(arn) => {
            let sender = Sender {
                service: SERVICE.to_owned(),
                source_arn: rule_arn(rule),
                source_account: rule.account_id.clone(),
            };
            (arn, Some(sender), false)
        }
    };
    let body = if is_base64 { BASE64_STANDARD.encode(body).into() } else { body.clone() };
    Some(Delivery {
        target,
        origin: None,
        request_id: aws_api::request_id::new(),
        trace_id: None,
        sender,
        tries: None,
        group: None,
        subject: None,
        object_key: None,
        attributes: Vec::new(),
        ended_at_ms: now_ms,
        body,
    })
}
