//! Operations on rules.

use std::sync::Arc;

use aws_api::{error_response::ApiError, generated::events::types};
use lambda_model::{
    event_source_mapping::filter::{Dialect, FilterPattern},
    schedule::Schedule,
};
use serde_json::Value;
use store::Transaction;

use super::{
    EventBridge, Handled, archives,
    bus::{BusKey, BusRecord, DEFAULT, RuleRecord},
    buses::page,
    error::{invalid, invalid_pattern, no_bus, no_rule, too_many},
    registry::Rule,
    tags,
};
use crate::{change::ChangeError, service::ServiceContext};

impl EventBridge {
    /// A rule that is there keeps its targets and its tags.
    pub(super) async fn put_rule(
        &self,
        context: &ServiceContext,
        input: types::PutRuleRequest,
    ) -> Handled<types::PutRuleResponse> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        let name = input.name.unwrap_or_default();
        let pattern = input.event_pattern.filter(|pattern| !pattern.is_empty());
        let schedule = input.schedule_expression.filter(|expression| !expression.is_empty());
        if pattern.is_none() && schedule.is_none() {
            return Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
        }
        pattern.as_deref().map(check_pattern).transpose()?;
        schedule.as_deref().map(|expression| check_schedule(&key, expression)).transpose()?;
        let record = RuleRecord {
            event_pattern: pattern,
            schedule: schedule.map(|expression| (expression, context.now_ms)),
            state: input.state.unwrap_or_else(|| "ENABLED".to_owned()),
            description: input.description,
            role_arn: input.role_arn,
            tags: tags::given(input.tags)?,
            ..RuleRecord::default()
        };
        let rule_arn = Some(key.rule_arn(&name));
        let (registry, rules_max) = (Arc::clone(&self.registry), self.rules_max);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if key.name != DEFAULT && transaction.document::<BusRecord>(&key.document())?.is_none() {
                return Err(no_bus(&key.name).into());
            }
            let document = key.rule_document(&name);
            let before = transaction.document::<RuleRecord>(&document)?;
            // Those that are committed: what is put at the same moment may pass the limit by a few.
            if before.is_none()
                && registry.bus(&key).is_some_and(|bus| bus.rules.by_name().len() >= rules_max)
            {
                return Err(too_many().into());
            }
            check_owned(&name, before.as_ref())?;
            let record = match before {
                Some(before) => RuleRecord {
                    schedule: counted_on(&before, &record),
                    targets: before.targets,
                    tags: before.tags,
                    ..record
                },
                None => record,
            };
            Ok(transaction.put_document(&document, &record)?)
        };
        self.store.transact(change).await?;
        Ok(types::PutRuleResponse { rule_arn })
    }

    /// Deleting what is not there is nothing.
    pub(super) async fn delete_rule(
        &self,
        context: &ServiceContext,
        input: types::DeleteRuleRequest,
    ) -> Handled<()> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        self.bus(&key)?;
        let is_forced = input.force == Some(true);
        let document = key.rule_document(&input.name.unwrap_or_default());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let found = transaction.document::<RuleRecord>(&document)?;
            if !is_forced {
                check_owned(&document.name, found.as_ref())?;
            }
            if found.is_some_and(|rule| !rule.targets.is_empty()) {
                return Err(invalid("Rule can't be deleted since it has targets.").into());
            }
            transaction.delete_document::<RuleRecord>(&document)?;
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn describe_rule(
        &self,
        context: &ServiceContext,
        input: types::DescribeRuleRequest,
    ) -> Handled<types::DescribeRuleResponse> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        let name = input.name.unwrap_or_default();
        let bus = self.bus(&key)?;
        let record = &bus.rules.by_name().get(&name).ok_or_else(|| no_rule(&key, &name))?.record;
        Ok(types::DescribeRuleResponse {
            arn: Some(key.rule_arn(&name)),
            name: Some(name),
            event_pattern: record.event_pattern.clone(),
            schedule_expression: expression_of(record),
            state: Some(record.state.clone()),
            description: record.description.clone(),
            role_arn: record.role_arn.clone(),
            event_bus_name: Some(key.name),
            created_by: Some(key.account_id),
            managed_by: record.archive.as_ref().map(|_| archives::MANAGER.to_owned()),
        })
    }

    pub(super) async fn list_rules(
        &self,
        context: &ServiceContext,
        input: types::ListRulesRequest,
    ) -> Handled<types::ListRulesResponse> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        let prefix = input.name_prefix.unwrap_or_default();
        let rules = self.bus(&key)?.rules;
        let wanted = rules.by_name().iter().filter(|(name, _)| name.starts_with(&prefix));
        let named = wanted.map(|(name, rule)| (name.clone(), shown(&key, name.clone(), rule))).collect();
        let (rules, next_token) = page(named, input.limit, input.next_token.as_deref())?;
        Ok(types::ListRulesResponse { rules: Some(rules), next_token })
    }

    pub(super) async fn list_rule_names_by_target(
        &self,
        context: &ServiceContext,
        input: types::ListRuleNamesByTargetRequest,
    ) -> Handled<types::ListRuleNamesByTargetResponse> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        let has_target =
            |rule: &Rule| rule.record.targets.values().any(|target| target.arn == input.target_arn);
        let rules = self.bus(&key)?.rules;
        let wanted = rules.by_name().iter().filter(|(_, rule)| has_target(rule));
        let named = wanted.map(|(name, _)| (name.clone(), name.clone())).collect();
        let (rule_names, next_token) = page(named, input.limit, input.next_token.as_deref())?;
        Ok(types::ListRuleNamesByTargetResponse { rule_names: Some(rule_names), next_token })
    }

    pub(super) async fn enable_rule(
        &self,
        context: &ServiceContext,
        input: types::EnableRuleRequest,
    ) -> Handled<()> {
        self.set_state(context, input.name, input.event_bus_name, "ENABLED").await
    }

    pub(super) async fn disable_rule(
        &self,
        context: &ServiceContext,
        input: types::DisableRuleRequest,
    ) -> Handled<()> {
        self.set_state(context, input.name, input.event_bus_name, "DISABLED").await
    }

    async fn set_state(
        &self,
        context: &ServiceContext,
        name: Option<String>,
        bus: Option<String>,
        state: &'static str,
    ) -> Handled<()> {
        let key = BusKey::asked(context, bus.as_deref());
        self.bus(&key)?;
        let now_ms = context.now_ms;
        self.change_rule(&key, &name.unwrap_or_default(), move |record| {
            let before = record.clone();
            record.state = state.to_owned();
            record.schedule = record.schedule.take().map(|(expression, _)| (expression, now_ms));
            record.schedule = counted_on(&before, record);
            Ok(())
        })
        .await
    }

    pub(super) async fn change_rule<T: Send + 'static>(
        &self,
        key: &BusKey,
        name: &str,
        change: impl FnOnce(&mut RuleRecord) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let (key, name) = (key.clone(), name.to_owned());
        let change = move |transaction: &mut Transaction<'_>| -> Result<T, ChangeError> {
            let document = key.rule_document(&name);
            let mut record =
                transaction.document::<RuleRecord>(&document)?.ok_or_else(|| no_rule(&key, &name))?;
            check_owned(&name, Some(&record))?;
            let changed = change(&mut record)?;
            transaction.put_document(&document, &record)?;
            Ok(changed)
        };
        Ok(self.store.transact(change).await?)
    }
}

/// A schedule that goes on as it was counts from where it did.
fn counted_on(before: &RuleRecord, record: &RuleRecord) -> Option<(String, i64)> {
    let (expression, since_ms) = record.schedule.clone()?;
    let known = before.schedule.as_ref().filter(|(known, _)| *known == expression);
    let known = known.filter(|_| before.is_enabled() == record.is_enabled());
    Some((expression, known.map_or(since_ms, |(_, since_ms)| *since_ms)))
}

fn check_schedule(key: &BusKey, expression: &str) -> Handled<()> {
    if Schedule::of_rule(expression).is_err() {
        return Err(invalid("Parameter ScheduleExpression is not valid."));
    }
    match key.name == DEFAULT {
        true => Ok(()),
        false => Err(invalid("ScheduleExpression is supported only on the default event bus.")),
    }
}

fn expression_of(record: &RuleRecord) -> Option<String> {
    record.schedule.as_ref().map(|(expression, _)| expression.clone())
}

fn shown(key: &BusKey, name: String, rule: &Rule) -> types::Rule {
    types::Rule {
        arn: Some(key.rule_arn(&name)),
        name: Some(name),
        event_pattern: rule.record.event_pattern.clone(),
        schedule_expression: expression_of(&rule.record),
        state: Some(rule.record.state.clone()),
        description: rule.record.description.clone(),
        role_arn: rule.record.role_arn.clone(),
        event_bus_name: Some(key.name.clone()),
        managed_by: rule.record.archive.as_ref().map(|_| archives::MANAGER.to_owned()),
    }
}

/// Rules of archives come and go with those.
fn check_owned(name: &str, rule: Option<&RuleRecord>) -> Handled<()> {
    match rule.and_then(|rule| rule.archive.as_ref()) {
        Some(_) => Err(ApiError::user(
            "ManagedRuleException",
            400,
            format!("Rule {name} is managed by {} and cannot be changed.", archives::MANAGER),
        )),
        None => Ok(()),
    }
}

/// Reads a pattern; AWS names the place in a parser of its own, which this has not.
pub(super) fn check_pattern(text: &str) -> Handled<FilterPattern> {
    let is_object = serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
    if !is_object {
        return Err(invalid_pattern("Filter is not an object"));
    }
    let pattern = FilterPattern::parse_as(text, Dialect::Rules);
    let pattern = pattern.map_err(|_| {
        invalid_pattern(
            "A field must be an object or an array of values and operators that EventBridge knows",
        )
    })?;
    if pattern.fields.is_empty() {
        return Err(invalid_pattern("Empty patterns are not allowed"));
    }
    Ok(pattern)
}
