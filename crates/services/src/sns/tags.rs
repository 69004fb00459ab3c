//! Tags of topics.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::sns::types};

use super::{Handled, Sns, error::invalid};
use crate::service::ServiceContext;

/// Tags of a topic at most.
const TAGS_MAX: usize = 50;

impl Sns {
    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: types::TagResourceRequest,
    ) -> Handled<()> {
        let (key, _) = self.topic_of(context, input.resource_arn.as_deref()).map_err(no_resource)?;
        let tags = given(input.tags.unwrap_or_default())?;
        self.change_topic(&key, move |record| {
            record.tags.extend(tags);
            check(&record.tags)
        })
        .await
    }

    pub(super) async fn untag_resource(
        &self,
        context: &ServiceContext,
        input: types::UntagResourceRequest,
    ) -> Handled<()> {
        let (key, _) = self.topic_of(context, input.resource_arn.as_deref()).map_err(no_resource)?;
        let keys = input.tag_keys.unwrap_or_default();
        self.change_topic(&key, move |record| {
            record.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }

    pub(super) async fn list_tags_for_resource(
        &self,
        context: &ServiceContext,
        input: types::ListTagsForResourceRequest,
    ) -> Handled<types::ListTagsForResourceResponse> {
        let (_, topic) = self.topic_of(context, input.resource_arn.as_deref()).map_err(no_resource)?;
        let tags = topic.record.map(|record| record.tags.clone()).unwrap_or_default();
        let tags = tags.into_iter().map(|(key, value)| types::Tag { key: Some(key), value: Some(value) });
        Ok(types::ListTagsForResourceResponse { tags: Some(tags.collect()) })
    }
}

/// Tags of a request.
pub(super) fn given(tags: Vec<types::Tag>) -> Handled<BTreeMap<String, String>> {
    let pair = |tag: types::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let count = tags.len();
    let tags: BTreeMap<String, String> = tags.into_iter().map(pair).collect();
    if tags.len() != count {
        return Err(invalid("Duplicated keys are not allowed."));
    }
    check(&tags)?;
    Ok(tags)
}

fn check(tags: &BTreeMap<String, String>) -> Handled<()> {
    if tags.len() > TAGS_MAX {
        return Err(ApiError::user(
            "TagLimitExceeded",
            400,
            "Could not complete request: tag quota of per resource exceeded",
        ));
    }
    let is_right = |key: &String| {
        (1..=128).contains(&key.chars().count()) && !key.to_ascii_lowercase().starts_with("aws:")
    };
    if tags.keys().all(is_right) { Ok(()) } else { Err(invalid("Tags")) }
}

fn no_resource(error: ApiError) -> ApiError {
    match error.code {
        "NotFound" => ApiError::user("ResourceNotFound", 404, "Resource does not exist"),
        _ => error,
    }
}
