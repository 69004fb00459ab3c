//! What a target gets, and how it is tried (EventBridge Scheduler user guide, "Managing targets", "Dead-letter queue").

use aws_api::{generated::scheduler::types, request_id, timestamp};
use lambda_model::invocation::asynchronous::{Delivery, MessageAttribute, Tries};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use store::DocumentKey;

use super::record::schedule_arn;
use crate::{
    eventbridge::{BusKey, Envelope},
    sqs::queue::QueueKey,
};

/// What schedules do that set nothing (RetryPolicy: the maximum of each).
const AGE_SECONDS_DEFAULT: i64 = 86_400;
const RETRIES_DEFAULT: i64 = 185;
/// What an operation of a service begins with that stands for a target.
const UNIVERSAL: &str = "arn:aws:scheduler:::aws-sdk:";

/// One time that a schedule is due.
pub(super) struct Occasion<'a> {
    /// The schedule.
    pub key: &'a DocumentKey,
    /// What its expression says: Unix time, milliseconds.
    pub said_ms: i64,
    /// Unix time, milliseconds.
    pub now_ms: i64,
}

/// Whom a schedule tells, by its target's ARN and input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// A function, a queue, a topic or a bus.
    pub arn: String,
    /// What it gets; `None` for what Scheduler says by itself.
    pub input: Option<String>,
    /// The subject of what a topic gets.
    pub subject: Option<String>,
    /// The group of what a queue gets.
    pub group: Option<String>,
}

/// Why a target cannot be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Untold {
    /// It is not built.
    NotBuilt(String),
    /// Its input lacks something.
    Invalid(String),
}

impl Told {
    /// Whom a target stands for, in the account and Region of its schedule.
    pub(super) fn of(target: &types::Target, key: &DocumentKey) -> Result<Self, Untold> {
        let arn = target.arn.clone().unwrap_or_default();
        if let Some(operation) = arn.strip_prefix(UNIVERSAL) {
            return of_operation(operation, target.input.as_deref(), key);
        }
        let group = target.sqs_parameters.as_ref().and_then(|parameters| parameters.message_group_id.clone());
        Ok(Self { arn, input: target.input.clone(), subject: None, group })
    }
}

/// An operation that the API of a service has, with its input as JSON.
fn of_operation(operation: &str, input: Option<&str>, key: &DocumentKey) -> Result<Told, Untold> {
    let fields: Value = serde_json::from_str(input.unwrap_or("{}"))
        .map_err(|_| Untold::Invalid("The input is not valid JSON.".into()))?;
    let text = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Null) | None => None,
        Some(other) => Some(other.to_string()),
    };
    let wanted = |name: &str| text(name).ok_or_else(|| Untold::Invalid(format!("The input has no {name}.")));
    let DocumentKey { account_id, region, .. } = key;
    match operation {
        "lambda:invoke" => {
            let function = wanted("FunctionName")?;
            let partition = crate::service::partition_of(region);
            let arn = match function.starts_with("arn:") {
                true => function,
                false => format!("arn:{partition}:lambda:{region}:{account_id}:function:{function}"),
            };
            let input = text("Payload").unwrap_or_else(|| "{}".to_owned());
            Ok(Told { arn, input: Some(input), subject: None, group: None })
        }
        "sqs:sendMessage" => {
            let queue = queue_at(&wanted("QueueUrl")?, key)
                .ok_or_else(|| Untold::Invalid("The input has no valid QueueUrl.".into()))?;
            let (input, group) = (Some(wanted("MessageBody")?), text("MessageGroupId"));
            Ok(Told { arn: queue.arn(), input, subject: None, group })
        }
        "sns:publish" => {
            let (arn, input) = (wanted("TopicArn")?, Some(wanted("Message")?));
            Ok(Told { arn, input, subject: text("Subject"), group: text("MessageGroupId") })
        }
        other => Err(Untold::NotBuilt(other.to_owned())),
    }
}

/// The queue of a URL, in the Region of the schedule.
fn queue_at(url: &str, key: &DocumentKey) -> Option<QueueKey> {
    let mut parts = url.trim_end_matches('/').rsplit('/');
    let (name, account_id) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    Some(QueueKey { account_id, region: key.region.clone(), name })
}

/// What the target is to get of an occasion; `None` where there is no such target, which was checked before.
pub(super) fn delivery(target: &types::Target, occasion: &Occasion<'_>) -> Option<Delivery> {
    let told = Told::of(target, occasion.key).ok()?;
    let execution_id = request_id::new();
    let body = body(target, &told, occasion, &execution_id)?;
    Some(Delivery {
        target: told.arn,
        origin: None,
        sender: None,
        tries: Some(tries(target, occasion, &execution_id)),
        group: told.group,
        request_id: execution_id,
        trace_id: None,
        object_key: None,
        subject: told.subject,
        attributes: Vec::new(),
        ended_at_ms: occasion.now_ms,
        body: body.into(),
    })
}

/// The input with its places filled; an event of its own where there is none. A bus gets an event whose detail it is.
fn body(target: &types::Target, told: &Told, occasion: &Occasion<'_>, execution_id: &str) -> Option<String> {
    let input = told.input.as_ref().map(|input| filled(input, occasion, execution_id));
    let Some(bus) = BusKey::of_arn(&told.arn) else {
        let DocumentKey { account_id, region, .. } = occasion.key;
        let own = || {
            event(("aws.scheduler", "Scheduled Event"), (account_id, region), occasion, execution_id, "{}")
        };
        return input.or_else(own);
    };
    let parameters = target.event_bridge_parameters.as_ref()?;
    let detail = RawValue::from_string(input.unwrap_or_else(|| "{}".to_owned())).ok()?;
    let said = (parameters.source.as_deref()?, parameters.detail_type.as_deref()?);
    event(said, (&bus.account_id, &bus.region), occasion, execution_id, detail)
}

fn event(
    (source, detail_type): (&str, &str),
    (account, region): (&str, &str),
    occasion: &Occasion<'_>,
    id: &str,
    detail: impl Serialize,
) -> Option<String> {
    let resources = &[schedule_arn(occasion.key)];
    let time = iso(occasion.said_ms);
    let event = Envelope { version: "0", id, detail_type, source, account, time, region, resources, detail };
    serde_json::to_string(&event).ok()
}

fn iso(ms: i64) -> String {
    timestamp::iso_seconds(ms.div_euclid(1_000))
}

/// Context attributes in place (user guide, "Adding context attributes").
fn filled(input: &str, occasion: &Occasion<'_>, execution_id: &str) -> String {
    let attributes = [
        ("<aws.scheduler.schedule-arn>", schedule_arn(occasion.key)),
        ("<aws.scheduler.scheduled-time>", iso(occasion.said_ms)),
        ("<aws.scheduler.execution-id>", execution_id.to_owned()),
        ("<aws.scheduler.attempt-number>", "1".to_owned()),
    ];
    attributes.into_iter().fold(input.to_owned(), |input, (name, value)| input.replace(name, &value))
}

fn tries(target: &types::Target, occasion: &Occasion<'_>, execution_id: &str) -> Tries {
    let policy = target.retry_policy.clone().unwrap_or_default();
    let age_seconds = policy.maximum_event_age_in_seconds.unwrap_or(AGE_SECONDS_DEFAULT);
    let retries = policy.maximum_retry_attempts.unwrap_or(RETRIES_DEFAULT);
    let about = [
        ("SCHEDULE_ARN", schedule_arn(occasion.key)),
        ("EXECUTION_ID", execution_id.to_owned()),
        ("SCHEDULED_TIME", iso(occasion.said_ms)),
        ("EXECUTION_TIME", iso(occasion.now_ms)),
        ("IS_PAYLOAD_TRUNCATED", "false".to_owned()),
    ];
    let attribute = |(name, value): (&str, String)| MessageAttribute {
        name: name.into(),
        data_type: "String".into(),
        value,
    };
    Tries {
        retries_max: u32::try_from(retries).unwrap_or(0),
        until_ms: occasion.now_ms.saturating_add(age_seconds.saturating_mul(1_000)),
        dead_letter: target.dead_letter_config.clone().and_then(|config| config.arn),
        event: None,
        about: about.into_iter().map(attribute).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DocumentKey {
        let (account_id, region) = ("000000000000".to_owned(), "us-east-1".to_owned());
        DocumentKey { account_id, region, parent: "g".into(), name: "s".into() }
    }

    fn told(operation: &str, input: &str) -> Result<Told, Untold> {
        let target = types::Target {
            arn: Some(format!("{UNIVERSAL}{operation}")),
            input: Some(input.into()),
            ..types::Target::default()
        };
        Told::of(&target, &key())
    }

    #[test]
    fn operations_stand_for_targets() {
        let to = |arn: &str, input: &str| Told {
            arn: arn.into(),
            input: Some(input.into()),
            subject: None,
            group: None,
        };
        let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
        assert_eq!(
            told("lambda:invoke", r#"{"FunctionName":"f","Payload":"{\"n\":1}"}"#),
            Ok(to(function, r#"{"n":1}"#))
        );
        assert_eq!(
            told("lambda:invoke", &format!(r#"{{"FunctionName":"{function}"}}"#)),
            Ok(to(function, "{}"))
        );
        let queue = r#"{"QueueUrl":"http://h/111111111111/q","MessageBody":"m"}"#;
        assert_eq!(told("sqs:sendMessage", queue), Ok(to("arn:aws:sqs:us-east-1:111111111111:q", "m")));
        for (operation, input) in [
            ("lambda:invoke", "{}"),
            ("lambda:invoke", "no"),
            ("sqs:sendMessage", r#"{"QueueUrl":"q","MessageBody":"m"}"#),
            ("sns:publish", r#"{"Message":"m"}"#),
        ] {
            assert!(matches!(told(operation, input), Err(Untold::Invalid(_))), "{operation} {input}");
        }
        assert_eq!(told("ec2:stopInstances", "{}"), Err(Untold::NotBuilt("ec2:stopInstances".into())));
    }

    #[test]
    fn places_in_the_input_are_filled() {
        let occasion = Occasion { key: &key(), said_ms: 1_000, now_ms: 2_500 };
        let text = "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.execution-id> <other>";
        let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/g/s";
        assert_eq!(filled(text, &occasion, "id"), format!("{arn} 1970-01-01T00:00:01Z id <other>"));
    }

    /// Its time counts from when it is due; what it says of itself goes into the dead-letter queue.
    #[test]
    fn a_target_is_tried_as_its_policy_says() {
        let target = types::Target {
            arn: Some("arn:aws:sqs:us-east-1:000000000000:q".into()),
            retry_policy: Some(types::RetryPolicy {
                maximum_event_age_in_seconds: Some(60),
                maximum_retry_attempts: Some(3),
            }),
            ..types::Target::default()
        };
        let made = delivery(&target, &Occasion { key: &key(), said_ms: 1_000, now_ms: 2_500 }).unwrap();
        let tries = made.tries.unwrap();
        assert_eq!((tries.retries_max, tries.until_ms, made.sender), (3, 62_500, None));
        let about =
            |name: &str| tries.about.iter().find(|said| said.name == name).map(|said| said.value.as_str());
        assert_eq!(about("SCHEDULED_TIME"), Some("1970-01-01T00:00:01Z"));
        assert_eq!(about("EXECUTION_ID"), Some(made.request_id.as_str()));
        assert!(String::from_utf8_lossy(&made.body).contains(r#""detail":"{}""#));
    }
}
