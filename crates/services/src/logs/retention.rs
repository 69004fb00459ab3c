//! How long events are kept.

use aws_api::generated::logs::types as api;

use super::{
    CloudWatchLogs, Handled,
    context::group_key,
    error::{invalid, no_group},
};
use crate::change::{ChangeError, of_store};
use crate::service::ServiceContext;

/// What can be chosen, days.
const DAYS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

impl CloudWatchLogs {
    pub(super) async fn put_retention_policy(
        &self,
        context: &ServiceContext,
        input: api::PutRetentionPolicyRequest,
    ) -> Handled<()> {
        let days = input.retention_in_days.unwrap_or(0);
        if !DAYS.contains(&days) {
            let known: Vec<String> = DAYS.iter().map(ToString::to_string).collect();
            return Err(invalid(format!(
                "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy \
                 enum value set: [{}]",
                known.join(", ")
            )));
        }
        self.set_retention(context, input.log_group_name, Some(days)).await
    }

    pub(super) async fn delete_retention_policy(
        &self,
        context: &ServiceContext,
        input: api::DeleteRetentionPolicyRequest,
    ) -> Handled<()> {
        self.set_retention(context, input.log_group_name, None).await
    }

    /// What has expired by it is deleted at once.
    async fn set_retention(
        &self,
        context: &ServiceContext,
        group: Option<String>,
        days: Option<i64>,
    ) -> Handled<()> {
        let key = group_key(context, group.as_deref());
        self.blocking(move |logs| {
            let changed = logs.change_group(&key, |settings| {
                settings.retention_days = days;
                Ok::<_, ChangeError>(())
            });
            changed.ok_or_else(no_group)??;
            logs.maintain_group(&key).map_err(of_store)
        })
        .await
    }
}
