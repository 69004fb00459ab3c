//! What is wrong with a schedule.

use aws_api::generated::scheduler::types;
use lambda_model::schedule::Schedule;
use serde_json::Value;
use store::DocumentKey;

use super::{
    Handled, Scheduler,
    error::invalid,
    invocation::{Told, Untold},
    record::ScheduleRecord,
    zone::NamedZone,
};
use crate::{eventbridge::BusKey, service::not_implemented, sqs::queue::QueueKey, targets};

/// Who assumes the role of a schedule.
const SERVICE: &str = "scheduler.amazonaws.com";
/// Services that can be told here.
const SERVICES: &[&str] = &["lambda", "sqs", "sns", "events"];

impl Scheduler {
    pub(super) fn check(&self, key: &DocumentKey, record: &ScheduleRecord) -> Handled<()> {
        if Schedule::of_scheduler(&record.expression).is_err() {
            return Err(invalid(format!("Invalid Schedule Expression {}.", record.expression)));
        }
        if NamedZone::of(&record.time_zone).is_none() {
            return Err(invalid(format!("Invalid Schedule Expression Timezone {}.", record.time_zone)));
        }
        if let (Some(start), Some(end)) = (record.start_ms, record.end_ms)
            && start >= end
        {
            return Err(invalid("The StartDate you specify must be earlier than the EndDate."));
        }
        check_window(&record.window)?;
        let role = record.target.role_arn.as_deref().unwrap_or_default();
        if !self.directory.may_be_passed_to(SERVICE, role, &key.account_id) {
            return Err(invalid(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
            ));
        }
        check_target(&record.target, key)
    }
}

fn check_window(window: &types::FlexibleTimeWindow) -> Handled<()> {
    match (window.mode.as_deref(), window.maximum_window_in_minutes) {
        (Some("FLEXIBLE"), None) => Err(invalid(
            "MaximumWindowInMinutes must be specified when the FlexibleTimeWindow mode is FLEXIBLE.",
        )),
        (Some("OFF"), Some(_)) => Err(invalid(
            "MaximumWindowInMinutes cannot be specified when the FlexibleTimeWindow mode is OFF.",
        )),
        _ => Ok(()),
    }
}

fn check_target(target: &types::Target, key: &DocumentKey) -> Handled<()> {
    check_parameters(target)?;
    let told = Told::of(target, key).map_err(|untold| match untold {
        Untold::NotBuilt(operation) => not_built(&format!("the target aws-sdk:{operation}")),
        Untold::Invalid(why) => invalid(why),
    })?;
    let service = told.arn.split(':').nth(2).unwrap_or_default();
    let is_arn = told.arn.starts_with("arn:") && told.arn.split(':').count() >= 6;
    if is_arn && !service.is_empty() && !SERVICES.contains(&service) {
        return Err(not_built(&format!("targets of the service {service}")));
    }
    let is_known = match service {
        "lambda" => targets::function(&told.arn).is_some(),
        "sqs" => QueueKey::of_arn(&told.arn).is_some(),
        "events" => BusKey::of_arn(&told.arn).is_some(),
        _ => is_arn,
    };
    if !is_known {
        return Err(invalid("Provided Arn is not in correct format."));
    }
    if service == "sqs" && told.arn.ends_with(".fifo") && told.group.is_none() {
        return Err(invalid("SqsParameters with a MessageGroupId must be specified for a FIFO queue."));
    }
    if service == "events" {
        return check_event(target);
    }
    Ok(())
}

/// The detail of an event is an object.
fn check_event(target: &types::Target) -> Handled<()> {
    if target.event_bridge_parameters.is_none() {
        return Err(invalid("EventBridgeParameters must be specified for an event bus."));
    }
    let input = target.input.as_deref().unwrap_or("{}");
    match serde_json::from_str::<Value>(input) {
        Ok(Value::Object(_)) => Ok(()),
        _ => Err(invalid("Input must be a JSON object for an event bus.")),
    }
}

/// Parameters for services that are not here.
fn check_parameters(target: &types::Target) -> Handled<()> {
    let others = [
        ("EcsParameters", target.ecs_parameters.is_some()),
        ("EventBridgePutEventsV2Parameters", target.event_bridge_put_events_v2_parameters.is_some()),
        ("EventBridgePutRawEventsParameters", target.event_bridge_put_raw_events_parameters.is_some()),
        ("KinesisParameters", target.kinesis_parameters.is_some()),
        ("SageMakerPipelineParameters", target.sage_maker_pipeline_parameters.is_some()),
    ];
    match others.iter().find(|(_, is_there)| *is_there) {
        Some((name, _)) => Err(not_built(name)),
        None => Ok(()),
    }
}

fn not_built(what: &str) -> aws_api::error_response::ApiError {
    not_implemented("EventBridge Scheduler", what)
}
