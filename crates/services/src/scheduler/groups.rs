//! Operations on groups of schedules.

use aws_api::generated::scheduler::types;
use store::{DocumentKey, Transaction};

use super::{
    Handled, Scheduler,
    error::{exists, invalid, no_group, too_many},
    record::{DEFAULT, GroupRecord, ScheduleRecord, group_arn, group_key, schedules_of},
    schedules::{page, seconds},
    tags,
};
use crate::{change::ChangeError, service::ServiceContext};

/// Groups of an account in a Region at most (EventBridge Scheduler quotas).
const GROUPS_MAX: usize = 500;

impl Scheduler {
    pub(super) async fn create_schedule_group(
        &self,
        context: &ServiceContext,
        input: types::CreateScheduleGroupInput,
    ) -> Handled<types::CreateScheduleGroupOutput> {
        let name = input.name.unwrap_or_default();
        let key = group_key(context, &name);
        let record = GroupRecord {
            created_ms: context.now_ms,
            modified_ms: context.now_ms,
            client_token: input.client_token,
            tags: tags::given(input.tags)?,
        };
        if self.registry.groups_of_account(context.account_id(), &context.region).len() >= GROUPS_MAX {
            return Err(too_many("The maximum number of schedule groups is reached."));
        }
        let schedule_group_arn = Some(group_arn(&key));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let before = transaction.document::<GroupRecord>(&key)?;
            let is_repeated = before.as_ref().is_some_and(|before| {
                record.client_token.is_some() && before.client_token == record.client_token
            });
            match before {
                _ if is_repeated => Ok(()),
                None if name != DEFAULT => Ok(transaction.put_document(&key, &record)?),
                _ => Err(exists(format!("Schedule group {name} already exists.")).into()),
            }
        };
        self.store.transact(change).await?;
        Ok(types::CreateScheduleGroupOutput { schedule_group_arn })
    }

    /// Its schedules go with it.
    pub(super) async fn delete_schedule_group(
        &self,
        context: &ServiceContext,
        input: types::DeleteScheduleGroupInput,
    ) -> Handled<types::DeleteScheduleGroupOutput> {
        let name = input.name.unwrap_or_default();
        if name == DEFAULT {
            return Err(invalid("The default schedule group cannot be deleted."));
        }
        let key = group_key(context, &name);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if !transaction.delete_document::<GroupRecord>(&key)? {
                return Err(no_group(&name).into());
            }
            for (schedule, _) in transaction.documents::<ScheduleRecord>(&schedules_of(&key))? {
                transaction.delete_document::<ScheduleRecord>(&schedule)?;
            }
            Ok(())
        };
        self.store.transact(change).await?;
        Ok(types::DeleteScheduleGroupOutput {})
    }

    pub(super) async fn get_schedule_group(
        &self,
        context: &ServiceContext,
        input: types::GetScheduleGroupInput,
    ) -> Handled<types::GetScheduleGroupOutput> {
        let name = input.name.unwrap_or_default();
        let key = group_key(context, &name);
        let group = self.registry.group(&key).ok_or_else(|| no_group(&name))?;
        let types::ScheduleGroupSummary { arn, creation_date, last_modification_date, name, state } =
            summary(key, &group);
        Ok(types::GetScheduleGroupOutput { arn, creation_date, last_modification_date, name, state })
    }

    pub(super) async fn list_schedule_groups(
        &self,
        context: &ServiceContext,
        input: types::ListScheduleGroupsInput,
    ) -> Handled<types::ListScheduleGroupsOutput> {
        let prefix = input.name_prefix.unwrap_or_default();
        let groups = self.registry.groups_of_account(context.account_id(), &context.region);
        let groups = groups.into_iter().filter(|(key, _)| key.name.starts_with(&prefix));
        let named = groups.map(|(key, group)| (key.name.clone(), summary(key, &group))).collect();
        let (groups, next_token) = page(named, input.max_results, input.next_token.as_deref())?;
        Ok(types::ListScheduleGroupsOutput { schedule_groups: Some(groups), next_token })
    }
}

fn summary(key: DocumentKey, group: &GroupRecord) -> types::ScheduleGroupSummary {
    types::ScheduleGroupSummary {
        arn: Some(group_arn(&key)),
        name: Some(key.name),
        state: Some("ACTIVE".to_owned()),
        creation_date: Some(seconds(group.created_ms)),
        last_modification_date: Some(seconds(group.modified_ms)),
    }
}
