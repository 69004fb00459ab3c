//! Targets of rules.

use aws_api::generated::events::types;

use super::{
    EventBridge, Handled,
    bus::BusKey,
    buses::page,
    connections,
    error::{invalid, no_rule, too_many},
    input,
};
use crate::{
    service::{ServiceContext, not_implemented},
    targets,
};

/// Targets of a rule at most (EventBridge quotas).
const TARGETS_MAX: usize = 5;
/// Services that can be told here.
const SERVICES: &[&str] = &["lambda", "sqs", "sns", "events", "logs"];

impl EventBridge {
    pub(super) async fn put_targets(
        &self,
        context: &ServiceContext,
        input: types::PutTargetsRequest,
    ) -> Handled<types::PutTargetsResponse> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        self.bus(&key)?;
        let targets = input.targets.unwrap_or_default();
        targets.iter().try_for_each(|target| check(&key, target))?;
        self.change_rule(&key, &input.rule.unwrap_or_default(), move |record| {
            for target in targets {
                record.targets.insert(target.id.clone().unwrap_or_default(), target);
            }
            if record.targets.len() > TARGETS_MAX { Err(too_many()) } else { Ok(()) }
        })
        .await?;
        Ok(types::PutTargetsResponse { failed_entry_count: Some(0), failed_entries: Some(Vec::new()) })
    }

    pub(super) async fn remove_targets(
        &self,
        context: &ServiceContext,
        input: types::RemoveTargetsRequest,
    ) -> Handled<types::RemoveTargetsResponse> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        self.bus(&key)?;
        let ids = input.ids.unwrap_or_default();
        let failed = self
            .change_rule(&key, &input.rule.unwrap_or_default(), move |record| {
                let missing = ids.into_iter().filter(|id| record.targets.remove(id).is_none());
                Ok(missing.map(no_target).collect::<Vec<_>>())
            })
            .await?;
        let failed_entry_count = i64::try_from(failed.len()).ok();
        Ok(types::RemoveTargetsResponse { failed_entry_count, failed_entries: Some(failed) })
    }

    pub(super) async fn list_targets_by_rule(
        &self,
        context: &ServiceContext,
        input: types::ListTargetsByRuleRequest,
    ) -> Handled<types::ListTargetsByRuleResponse> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        let name = input.rule.unwrap_or_default();
        let bus = self.bus(&key)?;
        let rule = bus.rules.by_name().get(&name).ok_or_else(|| no_rule(&key, &name))?;
        let targets = rule.record.targets.iter().map(|(id, target)| (id.clone(), target.clone()));
        let (targets, next_token) = page(targets.collect(), input.limit, input.next_token.as_deref())?;
        Ok(types::ListTargetsByRuleResponse { targets: Some(targets), next_token })
    }
}

fn no_target(id: String) -> types::RemoveTargetsResultEntry {
    types::RemoveTargetsResultEntry {
        error_message: Some(format!("Rule does not have target {id}.")),
        error_code: Some("ResourceNotFoundException".into()),
        target_id: Some(id),
    }
}

fn check(key: &BusKey, target: &types::Target) -> Handled<()> {
    let arn = target.arn.as_deref().unwrap_or_default();
    let service = arn.split(':').nth(2).unwrap_or_default();
    if !arn.starts_with("arn:") || arn.split(':').count() < 6 {
        return Err(invalid(format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )));
    }
    if !SERVICES.contains(&service) {
        return Err(not_implemented("EventBridge", &format!("targets of the service {service}")));
    }
    if service == "lambda" && targets::function(arn).is_none() {
        return Err(invalid(format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )));
    }
    // Nobody is asked there.
    let place = format!("{}:{}", key.region, key.account_id);
    if service == "logs" && arn.splitn(6, ':').skip(3).take(2).collect::<Vec<_>>().join(":") != place {
        return Err(invalid(format!(
            "Parameter {arn} is not valid. Reason: The log group must be of the rule's account and Region."
        )));
    }
    check_parameters(target)?;
    let group = target.sqs_parameters.as_ref().and_then(|parameters| parameters.message_group_id.as_ref());
    let id = target.id.as_deref().unwrap_or_default();
    if service == "sqs" && arn.ends_with(".fifo") && group.is_none() {
        return Err(invalid(format!("Parameter(s) SqsParameters must be specified for target: {id}.")));
    }
    input::check(target)
}

/// Parameters for services that are not here.
fn check_parameters(target: &types::Target) -> Handled<()> {
    let is_destination = target.arn.as_deref().is_some_and(connections::is_destination);
    let others = [
        ("KinesisParameters", target.kinesis_parameters.is_some()),
        ("RunCommandParameters", target.run_command_parameters.is_some()),
        ("EcsParameters", target.ecs_parameters.is_some()),
        ("BatchParameters", target.batch_parameters.is_some()),
        ("HttpParameters", target.http_parameters.is_some() && !is_destination),
        ("RedshiftDataParameters", target.redshift_data_parameters.is_some()),
        ("SageMakerPipelineParameters", target.sage_maker_pipeline_parameters.is_some()),
        ("AppSyncParameters", target.app_sync_parameters.is_some()),
    ];
    match others.iter().find(|(_, is_there)| *is_there) {
        Some((name, _)) => Err(not_implemented("EventBridge", name)),
        None => Ok(()),
    }
}
