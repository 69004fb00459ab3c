//! Operations on schedules.

use aws_api::generated::scheduler::types;
use store::{DocumentKey, Transaction};

use super::{
    Handled, Scheduler,
    error::{exists, invalid, no_group, no_schedule},
    record::{DEFAULT, GroupRecord, ScheduleRecord, group_key, group_of, schedule_arn, schedule_key},
    zone::UTC,
};
use crate::{change::ChangeError, paging, service::ServiceContext};

/// Schedules or groups of a page at most.
const PAGE: i64 = 100;

impl Scheduler {
    pub(super) async fn create_schedule(
        &self,
        context: &ServiceContext,
        input: types::CreateScheduleInput,
    ) -> Handled<types::CreateScheduleOutput> {
        let name = input.name.clone().unwrap_or_default();
        let key = schedule_key(context, input.group_name.as_deref(), &name);
        let token = input.client_token.clone();
        let update = types::UpdateScheduleInput {
            action_after_completion: input.action_after_completion,
            client_token: input.client_token,
            description: input.description,
            end_date: input.end_date,
            flexible_time_window: input.flexible_time_window,
            group_name: input.group_name,
            kms_key_arn: input.kms_key_arn,
            name: input.name,
            schedule_expression: input.schedule_expression,
            schedule_expression_timezone: input.schedule_expression_timezone,
            start_date: input.start_date,
            state: input.state,
            target: input.target,
        };
        let record = record(update, context.now_ms);
        self.check(&key, &record)?;
        let schedule_arn = Some(schedule_arn(&key));
        self.keep(key, move |before| match before {
            // The same request, sent again.
            Some(before) if token.is_some() && before.client_token == token => Ok(before),
            Some(_) => Err(exists(format!("Schedule {name} already exists.")).into()),
            None => Ok(record),
        })
        .await?;
        Ok(types::CreateScheduleOutput { schedule_arn })
    }

    /// All of it is as said now; what is not said is as it is by default.
    pub(super) async fn update_schedule(
        &self,
        context: &ServiceContext,
        input: types::UpdateScheduleInput,
    ) -> Handled<types::UpdateScheduleOutput> {
        let name = input.name.clone().unwrap_or_default();
        let key = schedule_key(context, input.group_name.as_deref(), &name);
        let record = record(input, context.now_ms);
        self.check(&key, &record)?;
        let schedule_arn = Some(schedule_arn(&key));
        self.keep(key, move |before| {
            let before = before.ok_or_else(|| no_schedule(&name))?;
            let modified_ms = record.modified_ms.max(before.modified_ms + 1);
            Ok(ScheduleRecord { created_ms: before.created_ms, modified_ms, ..record })
        })
        .await?;
        Ok(types::UpdateScheduleOutput { schedule_arn })
    }

    pub(super) async fn delete_schedule(
        &self,
        context: &ServiceContext,
        input: types::DeleteScheduleInput,
    ) -> Handled<types::DeleteScheduleOutput> {
        let name = input.name.unwrap_or_default();
        let key = schedule_key(context, input.group_name.as_deref(), &name);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.delete_document::<ScheduleRecord>(&key)? {
                true => Ok(()),
                false => Err(no_schedule(&name).into()),
            }
        };
        self.store.transact(change).await?;
        Ok(types::DeleteScheduleOutput {})
    }

    pub(super) async fn get_schedule(
        &self,
        context: &ServiceContext,
        input: types::GetScheduleInput,
    ) -> Handled<types::GetScheduleOutput> {
        let name = input.name.unwrap_or_default();
        let key = schedule_key(context, input.group_name.as_deref(), &name);
        let schedule = self.registry.schedule(&key).ok_or_else(|| no_schedule(&name))?;
        let record = schedule.record.clone();
        Ok(types::GetScheduleOutput {
            arn: Some(schedule_arn(&key)),
            group_name: Some(key.parent),
            name: Some(key.name),
            schedule_expression: Some(record.expression),
            schedule_expression_timezone: Some(record.time_zone),
            start_date: record.start_ms.map(seconds),
            end_date: record.end_ms.map(seconds),
            description: record.description,
            state: Some(record.state),
            kms_key_arn: record.kms_key_arn,
            target: Some(record.target),
            flexible_time_window: Some(record.window),
            action_after_completion: Some(record.action_after_completion),
            creation_date: Some(seconds(record.created_ms)),
            last_modification_date: Some(seconds(record.modified_ms)),
        })
    }

    pub(super) async fn list_schedules(
        &self,
        context: &ServiceContext,
        input: types::ListSchedulesInput,
    ) -> Handled<types::ListSchedulesOutput> {
        let mut all = self.registry.of_account(context.account_id(), &context.region);
        if let Some(group) = &input.group_name {
            if self.registry.group(&group_key(context, group)).is_none() {
                return Err(no_group(group));
            }
            all.retain(|(key, _)| key.parent == *group);
        }
        let prefix = input.name_prefix.unwrap_or_default();
        let state = input.state;
        all.retain(|(key, schedule)| {
            key.name.starts_with(&prefix)
                && state.as_ref().is_none_or(|state| *state == schedule.record.state)
        });
        // By group and name, as they are in order: nothing that a name may have is less.
        let named = all
            .into_iter()
            .map(|(key, schedule)| (format!("{}\0{}", key.parent, key.name), summary(key, &schedule.record)));
        let (schedules, next_token) = page(named.collect(), input.max_results, input.next_token.as_deref())?;
        Ok(types::ListSchedulesOutput { schedules: Some(schedules), next_token })
    }

    /// Keeps what `change` makes of a schedule whose group is there.
    async fn keep(
        &self,
        key: DocumentKey,
        change: impl FnOnce(Option<ScheduleRecord>) -> Result<ScheduleRecord, ChangeError> + Send + 'static,
    ) -> Handled<()> {
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if key.parent != DEFAULT && transaction.document::<GroupRecord>(&group_of(&key))?.is_none() {
                return Err(no_group(&key.parent).into());
            }
            let before = transaction.document::<ScheduleRecord>(&key)?;
            Ok(transaction.put_document(&key, &change(before)?)?)
        };
        Ok(self.store.transact(change).await?)
    }
}

/// What a request says, with what is so by default.
fn record(input: types::UpdateScheduleInput, now_ms: i64) -> ScheduleRecord {
    let milliseconds = |seconds: f64| (seconds * 1_000.0) as i64;
    ScheduleRecord {
        expression: input.schedule_expression.unwrap_or_default(),
        time_zone: input.schedule_expression_timezone.unwrap_or_else(|| UTC.to_owned()),
        start_ms: input.start_date.map(milliseconds),
        end_ms: input.end_date.map(milliseconds),
        description: input.description,
        state: input.state.unwrap_or_else(|| "ENABLED".to_owned()),
        kms_key_arn: input.kms_key_arn,
        target: input.target.unwrap_or_default(),
        window: input.flexible_time_window.unwrap_or_default(),
        action_after_completion: input.action_after_completion.unwrap_or_else(|| "NONE".to_owned()),
        client_token: input.client_token,
        created_ms: now_ms,
        modified_ms: now_ms,
    }
}

fn summary(key: DocumentKey, record: &ScheduleRecord) -> types::ScheduleSummary {
    types::ScheduleSummary {
        arn: Some(schedule_arn(&key)),
        group_name: Some(key.parent),
        name: Some(key.name),
        state: Some(record.state.clone()),
        creation_date: Some(seconds(record.created_ms)),
        last_modification_date: Some(seconds(record.modified_ms)),
        target: Some(types::TargetSummary { arn: record.target.arn.clone() }),
    }
}

/// Unix time as the API says it.
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// A page of what is in the order of its names.
pub(super) fn page<T>(
    named: Vec<(String, T)>,
    limit: Option<i64>,
    token: Option<&str>,
) -> Handled<(Vec<T>, Option<String>)> {
    paging::page(named, limit.unwrap_or(PAGE), token).map_err(|_| invalid("Invalid NextToken."))
}
