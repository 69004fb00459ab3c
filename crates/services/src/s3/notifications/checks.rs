//! What S3 refuses of a notification configuration.

use store::s3::BucketRecord;

use super::{rule::Rule, sender};
use crate::{
    s3::error::{Refusal, refuse},
    targets::{Targets, Unusable},
};

/// Configurations of a bucket (S3 user guide).
const RULES_MAX: usize = 100;
/// Characters of an id (S3 user guide).
const ID_CHARACTERS_MAX: usize = 255;
/// Characters of a prefix or a suffix (API reference, FilterRule).
const VALUE_CHARACTERS_MAX: usize = 1_024;

/// Names of events that may be asked for (S3 user guide, supported event types). Of these, forms, replication, lifecycle and tiering do
/// not happen here: what would make them is refused.
const EVENTS: &[&str] = &[
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:ObjectAcl:Put",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationNotTracked",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
];

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    refuse("InvalidArgument", message)
}

/// Everything that is to be seen of the configuration alone.
pub(super) fn check(rules: &[Rule], region: &str) -> Result<(), Refusal> {
    if rules.len() > RULES_MAX {
        return Err(invalid(format!(
            "A bucket cannot have more than {RULES_MAX} notification configurations"
        )));
    }
    for (index, rule) in rules.iter().enumerate() {
        check_rule(rule, region)?;
        for before in rules.iter().take(index) {
            if before.id == rule.id {
                return Err(invalid("Same ID used for multiple configurations. IDs must be unique"));
            }
            if before.overlaps(rule) {
                return Err(overlap(before, rule));
            }
        }
    }
    Ok(())
}

fn overlap(one: &Rule, other: &Rule) -> Refusal {
    match one.filter.is_none() && other.filter.is_none() {
        true => invalid(
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
        ),
        false => invalid(
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.",
        ),
    }
}

fn check_rule(rule: &Rule, region: &str) -> Result<(), Refusal> {
    if rule.id.chars().count() > ID_CHARACTERS_MAX {
        return Err(invalid(format!("The ID cannot exceed {ID_CHARACTERS_MAX} characters")));
    }
    rule.events.iter().try_for_each(|event| check_event(event))?;
    if rule.target.split(':').nth(3) != Some(region) {
        let message =
            "The notification destination service region is not valid for the bucket location constraint";
        return Err(invalid(message).with("ArgumentName", "Arn").with("ArgumentValue", &rule.target));
    }
    check_filters(rule)
}

fn check_event(event: &str) -> Result<(), Refusal> {
    if event.starts_with("s3:ObjectRestore:") {
        return Err(refuse(
            "NotImplemented",
            format!("The event {event} is not implemented by this server."),
        ));
    }
    match EVENTS.contains(&event) {
        true => Ok(()),
        false => Err(invalid(format!("The event '{event}' is not supported for notifications"))
            .with("ArgumentName", "Event")
            .with("ArgumentValue", event)),
    }
}

fn check_filters(rule: &Rule) -> Result<(), Refusal> {
    let filters = rule.filter.as_deref().unwrap_or_default();
    for (is_prefix, name) in [(true, "prefix"), (false, "suffix")] {
        let mut of_name = filters.iter().filter(|filter| filter.is_prefix == is_prefix);
        if of_name.next().is_some_and(|one| one.value.chars().count() > VALUE_CHARACTERS_MAX) {
            return Err(invalid(format!("The {name} cannot exceed {VALUE_CHARACTERS_MAX} characters")));
        }
        if of_name.next().is_some() {
            return Err(invalid(format!("Cannot specify more than one {name} rule in a filter.")));
        }
    }
    Ok(())
}

/// Whether an ARN is one of the service.
pub(super) fn check_arn(arn: &str, service: &str) -> Result<(), Refusal> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, found, _, _, rest @ ..] if *found == service && !rest.is_empty() => Ok(()),
        _ => {
            Err(invalid("The ARN is not well formed").with("ArgumentName", "Arn").with("ArgumentValue", arn))
        }
    }
}

/// Whether the targets are there, and let the bucket tell them. All that do not are named.
pub(super) async fn check_targets(
    targets: &Targets,
    rules: &[Rule],
    bucket: &BucketRecord,
) -> Result<(), Refusal> {
    let sender = sender(bucket);
    let mut unusable: Vec<(&str, String)> = Vec::new();
    for rule in rules {
        let found = targets.check(&rule.target, &sender).await?.err().map(|why| reason(&rule.target, why));
        let found = found.or_else(|| rule.target.ends_with(".fifo").then(|| of_fifo(&rule.target)));
        if let Some(why) = found.filter(|_| unusable.iter().all(|(target, _)| *target != rule.target)) {
            unusable.push((&rule.target, why));
        }
    }
    if unusable.is_empty() {
        return Ok(());
    }
    let refusal = invalid("Unable to validate the following destination configurations");
    let numbered = unusable.iter().enumerate();
    Err(numbered.fold(refusal, |refusal, (index, (target, why))| {
        let number = index + 1;
        refusal.with(&format!("ArgumentName{number}"), target).with(&format!("ArgumentValue{number}"), why)
    }))
}

fn of_fifo(arn: &str) -> String {
    format!("The destination {} is a FIFO one, which S3 does not tell", kind(arn))
}

fn reason(arn: &str, why: Unusable) -> String {
    let kind = kind(arn);
    match why {
        Unusable::NoTarget => "The ARN is not well formed".to_owned(),
        Unusable::Missing => format!("The destination {kind} does not exist"),
        Unusable::Denied if kind == "Lambda" => format!("Not authorized to invoke function [{arn}]"),
        Unusable::Denied => {
            format!(
                "Permissions on the destination {kind} do not allow S3 to publish notifications from this bucket"
            )
        }
    }
}

fn kind(arn: &str) -> &'static str {
    match arn.split(':').nth(2) {
        Some("sqs") => "queue",
        Some("sns") => "topic",
        _ => "Lambda",
    }
}
