//! Subscription filters: which new events of a group go to a function. What brings them there is [`super::subscriptions`].

use aws_api::{arn::FunctionName, error_response::ApiError, generated::logs::types as api};
use store::SubscriptionFilter;

use super::{
    CloudWatchLogs, Handled,
    context::group_key,
    error::{invalid, no_group},
    filter_events::parsed,
    paging,
};
use crate::change::ChangeError;
use crate::service::ServiceContext;

/// Filters of a group.
const FILTERS_MAX: usize = 2;
/// Filters of a page.
const PAGE: usize = 50;

impl CloudWatchLogs {
    pub(super) async fn put_subscription_filter(
        &self,
        context: &ServiceContext,
        input: api::PutSubscriptionFilterRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        parsed(input.filter_pattern.as_deref())?;
        let destination_arn = checked_destination(input.destination_arn.unwrap_or_default())?;
        let name = input.filter_name.unwrap_or_default();
        let filter = SubscriptionFilter {
            pattern: input.filter_pattern.unwrap_or_default(),
            destination_arn,
            role_arn: input.role_arn,
            distribution: input.distribution.unwrap_or_else(|| "ByLogStream".into()),
            created_ms: context.now_ms,
        };
        self.blocking(move |logs| {
            let changed = logs.change_group(&key, |settings| {
                let filters = &mut settings.subscription_filters;
                if filters.len() >= FILTERS_MAX && !filters.contains_key(&name) {
                    let error = ApiError::user("LimitExceededException", 400, "Resource limit exceeded.");
                    return Err(ChangeError::Refused(error));
                }
                filters.insert(name, filter);
                Ok(())
            });
            changed.ok_or_else(no_group)?.map_err(ApiError::from)
        })
        .await
    }

    pub(super) async fn delete_subscription_filter(
        &self,
        context: &ServiceContext,
        input: api::DeleteSubscriptionFilterRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        let name = input.filter_name.unwrap_or_default();
        self.blocking(move |logs| {
            let changed = logs.change_group(&key, |settings| {
                settings.subscription_filters.remove(&name).map(drop).ok_or_else(|| {
                    let text = "The specified subscription filter does not exist.";
                    ChangeError::Refused(ApiError::user("ResourceNotFoundException", 400, text))
                })
            });
            changed.ok_or_else(no_group)?.map_err(ApiError::from)
        })
        .await
    }

    pub(super) async fn describe_subscription_filters(
        &self,
        context: &ServiceContext,
        input: api::DescribeSubscriptionFiltersRequest,
    ) -> Handled<api::DescribeSubscriptionFiltersResponse> {
        let key = group_key(context, input.log_group_name.as_deref());
        let of_group = key.clone();
        let group = self.blocking(move |logs| logs.group(&of_group).ok_or_else(no_group)).await?;
        let filters = group.settings.subscription_filters;
        let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
        let wanted = filters.into_iter().filter(|(name, _)| name.starts_with(prefix));
        let shown = wanted.map(|(name, filter)| (name.clone(), shown(&key.name, name, filter))).collect();
        let (filters, next_token) = paging::page(shown, input.next_token.as_deref(), input.limit, PAGE)?;
        Ok(api::DescribeSubscriptionFiltersResponse { subscription_filters: Some(filters), next_token })
    }
}

/// Functions are what events go to here.
fn checked_destination(arn: String) -> Handled<String> {
    match arn.split(':').nth(2) {
        Some("lambda") if FunctionName::parse(&arn).is_some() => Ok(arn),
        Some("kinesis" | "firehose" | "logs") => Err(ApiError::service(
            "NotImplemented",
            501,
            format!(
                "Subscriptions of {arn} are not implemented by this server: only those of functions are."
            ),
        )),
        _ => Err(invalid(format!(
            "PutSubscriptionFilter operation cannot work with destinationArn for vendor {arn}"
        ))),
    }
}

fn shown(group: &str, name: String, filter: SubscriptionFilter) -> api::SubscriptionFilter {
    api::SubscriptionFilter {
        filter_name: Some(name),
        log_group_name: Some(group.to_owned()),
        filter_pattern: Some(filter.pattern),
        destination_arn: Some(filter.destination_arn),
        role_arn: filter.role_arn,
        distribution: Some(filter.distribution),
        apply_on_transformed_logs: Some(false),
        creation_time: Some(filter.created_ms),
        ..api::SubscriptionFilter::default()
    }
}
