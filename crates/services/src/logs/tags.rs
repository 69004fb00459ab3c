//! Tags of log groups, by the group's name as it was, and by ARN as it is.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::logs::types as api};
use lambda_model::limits;
use store::LogGroupKey;

use super::{
    CloudWatchLogs, Handled,
    context::{group_key, name_in},
    error::{invalid, no_group},
};
use crate::change::ChangeError;
use crate::service::ServiceContext;

type Tags = BTreeMap<String, String>;

impl CloudWatchLogs {
    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: api::TagResourceRequest,
    ) -> Handled<()> {
        let key = tagged(context, input.resource_arn.as_deref())?;
        self.add_tags(key, input.tags.unwrap_or_default()).await
    }

    pub(super) async fn tag_log_group(
        &self,
        context: &ServiceContext,
        input: api::TagLogGroupRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        self.add_tags(key, input.tags.unwrap_or_default()).await
    }

    pub(super) async fn untag_resource(
        &self,
        context: &ServiceContext,
        input: api::UntagResourceRequest,
    ) -> Handled<()> {
        let key = tagged(context, input.resource_arn.as_deref())?;
        self.remove_tags(key, input.tag_keys.unwrap_or_default()).await
    }

    pub(super) async fn untag_log_group(
        &self,
        context: &ServiceContext,
        input: api::UntagLogGroupRequest,
    ) -> Handled<()> {
        let key = group_key(context, input.log_group_name.as_deref());
        self.remove_tags(key, input.tags.unwrap_or_default()).await
    }

    pub(super) async fn list_tags_for_resource(
        &self,
        context: &ServiceContext,
        input: api::ListTagsForResourceRequest,
    ) -> Handled<api::ListTagsForResourceResponse> {
        let key = tagged(context, input.resource_arn.as_deref())?;
        Ok(api::ListTagsForResourceResponse { tags: Some(self.tags_of(key).await?) })
    }

    pub(super) async fn list_tags_log_group(
        &self,
        context: &ServiceContext,
        input: api::ListTagsLogGroupRequest,
    ) -> Handled<api::ListTagsLogGroupResponse> {
        let key = group_key(context, input.log_group_name.as_deref());
        Ok(api::ListTagsLogGroupResponse { tags: Some(self.tags_of(key).await?) })
    }

    async fn tags_of(&self, key: LogGroupKey) -> Handled<Tags> {
        self.blocking(move |logs| Ok(logs.group(&key).ok_or_else(no_group)?.settings.tags)).await
    }

    async fn add_tags(&self, key: LogGroupKey, tags: Tags) -> Handled<()> {
        self.change_tags(key, |known| known.extend(tags)).await
    }

    async fn remove_tags(&self, key: LogGroupKey, names: Vec<String>) -> Handled<()> {
        self.change_tags(key, move |known| known.retain(|name, _| !names.contains(name))).await
    }

    async fn change_tags(
        &self,
        key: LogGroupKey,
        change: impl FnOnce(&mut Tags) + Send + 'static,
    ) -> Handled<()> {
        self.blocking(move |logs| {
            let changed = logs.change_group(&key, |settings| {
                let mut tags = settings.tags.clone();
                change(&mut tags);
                settings.tags = checked_tags(tags).map_err(ChangeError::Refused)?;
                Ok::<_, ChangeError>(())
            });
            changed.ok_or_else(no_group)?.map_err(ApiError::from)
        })
        .await
    }
}

/// The group that an ARN names.
fn tagged(context: &ServiceContext, arn: Option<&str>) -> Handled<LogGroupKey> {
    let arn = arn.unwrap_or_default();
    if !arn.starts_with("arn:") {
        return Err(invalid(format!("The specified resource ARN {arn} is not valid")));
    }
    Ok(group_key(context, Some(name_in(context, arn)?)))
}

/// Tags that a group can have.
pub(super) fn checked_tags(tags: Tags) -> Handled<Tags> {
    if tags.len() > limits::TAGS_MAX {
        let text = format!("{} is the maximum number of tags for this resource.", limits::TAGS_MAX);
        return Err(ApiError::user("TooManyTagsException", 400, text));
    }
    if tags.keys().any(|name| name.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid("Tag keys beginning with aws: are reserved."));
    }
    Ok(tags)
}
