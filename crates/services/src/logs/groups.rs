//! Log groups.

use aws_api::generated::logs::types as api;
use store::{LogGroupOverview, LogGroupSettings};

use super::{
    CloudWatchLogs, Handled,
    context::{group_arn, group_key, name_in},
    error::{exists, invalid, no_group},
    paging,
    tags::checked_tags,
};
use crate::change::of_store;
use crate::service::ServiceContext;

/// Groups of a page.
const PAGE: usize = 50;

impl CloudWatchLogs {
    pub(super) async fn create_log_group(
        &self,
        context: &ServiceContext,
        input: api::CreateLogGroupRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        if key.name.starts_with("aws/") {
            return Err(invalid("Log groups starting with AWS/ are reserved for AWS."));
        }
        let mut settings = LogGroupSettings::new(&key.name, context.now_ms);
        settings.tags = checked_tags(input.tags.unwrap_or_default())?;
        settings.class = input.log_group_class.unwrap_or(settings.class);
        settings.kms_key_id = input.kms_key_id;
        settings.is_protected = input.deletion_protection_enabled.unwrap_or(false);
        self.blocking(move |logs| match logs.create_group(&key, settings) {
            Ok(true) => Ok(()),
            Ok(false) => Err(exists("log group")),
            Err(error) => Err(of_store(error)),
        })
        .await
    }

    pub(super) async fn delete_log_group(
        &self,
        context: &ServiceContext,
        input: api::DeleteLogGroupRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        self.blocking(move |logs| {
            let group = logs.group(&key).ok_or_else(no_group)?;
            if group.settings.is_protected {
                return Err(invalid("The log group is protected from deletion."));
            }
            match logs.delete_group(&key) {
                Ok(true) => Ok(()),
                Ok(false) => Err(no_group()),
                Err(error) => Err(of_store(error)),
            }
        })
        .await
    }

    pub(super) async fn describe_log_groups(
        &self,
        context: &ServiceContext,
        input: api::DescribeLogGroupsRequest,
    ) -> Handled<api::DescribeLogGroupsResponse> {
        if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
            return Err(invalid(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            ));
        }
        let named = input.log_group_identifiers.iter().flatten();
        let named: Vec<&str> = named.map(|named| name_in(context, named)).collect::<Handled<_>>()?;
        let is_wanted = |name: &str, group: &LogGroupOverview| {
            input.log_group_name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
                && input.log_group_name_pattern.as_ref().is_none_or(|part| name.contains(part))
                && input.log_group_class.as_ref().is_none_or(|class| group.settings.class == *class)
                && (named.is_empty() || named.contains(&name))
        };
        let (account_id, region) = (context.account_id().to_owned(), context.region.clone());
        let groups = self.blocking(move |logs| Ok(logs.groups(&account_id, &region))).await?;
        let groups = groups.into_iter().filter(|(name, group)| is_wanted(name, group));
        let groups = groups.map(|(name, group)| (name, shown(context, group))).collect();
        let (groups, next_token) = paging::page(groups, input.next_token.as_deref(), input.limit, PAGE)?;
        Ok(api::DescribeLogGroupsResponse { log_groups: Some(groups), next_token })
    }
}

fn shown(context: &ServiceContext, group: LogGroupOverview) -> api::LogGroup {
    let arn = group_arn(context, &group.settings.name);
    api::LogGroup {
        arn: Some(format!("{arn}:*")),
        log_group_arn: Some(arn),
        creation_time: Some(group.settings.created_ms),
        retention_in_days: group.settings.retention_days,
        metric_filter_count: Some(0),
        stored_bytes: Some(i64::try_from(group.stored_bytes).unwrap_or(i64::MAX)),
        kms_key_id: group.settings.kms_key_id,
        log_group_class: Some(group.settings.class),
        deletion_protection_enabled: Some(group.settings.is_protected),
        log_group_name: Some(group.settings.name),
        ..api::LogGroup::default()
    }
}
