//! Tags of buses and rules.

use std::collections::BTreeMap;

use aws_api::generated::events::types;

use super::{
    EventBridge, Handled,
    bus::{BusKey, DEFAULT},
    error::{invalid, no_rule, not_found, too_many},
};
use crate::service::ServiceContext;

/// Tags of a resource at most.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

/// What has tags.
enum Tagged {
    Bus(BusKey),
    Rule(BusKey, String),
}

impl EventBridge {
    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: types::TagResourceRequest,
    ) -> Handled<types::TagResourceResponse> {
        let tags = given(input.tags)?;
        self.change_tags(context, input.resource_arn.as_deref(), move |known| {
            known.extend(tags);
            if known.len() > TAGS_MAX { Err(too_many()) } else { Ok(()) }
        })
        .await?;
        Ok(types::TagResourceResponse {})
    }

    pub(super) async fn untag_resource(
        &self,
        context: &ServiceContext,
        input: types::UntagResourceRequest,
    ) -> Handled<types::UntagResourceResponse> {
        let keys = input.tag_keys.unwrap_or_default();
        self.change_tags(context, input.resource_arn.as_deref(), move |known| {
            known.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await?;
        Ok(types::UntagResourceResponse {})
    }

    pub(super) async fn list_tags_for_resource(
        &self,
        context: &ServiceContext,
        input: types::ListTagsForResourceRequest,
    ) -> Handled<types::ListTagsForResourceResponse> {
        let tags = match tagged(context, input.resource_arn.as_deref())? {
            Tagged::Bus(key) => {
                self.bus(&key)?.record.as_ref().map(|record| record.tags.clone()).unwrap_or_default()
            }
            Tagged::Rule(key, name) => {
                let bus = self.bus(&key)?;
                bus.rules.by_name().get(&name).ok_or_else(|| no_rule(&key, &name))?.record.tags.clone()
            }
        };
        let tags = tags.into_iter().map(|(key, value)| types::Tag { key: Some(key), value: Some(value) });
        Ok(types::ListTagsForResourceResponse { tags: Some(tags.collect()) })
    }

    async fn change_tags(
        &self,
        context: &ServiceContext,
        arn: Option<&str>,
        change: impl FnOnce(&mut Tags) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        match tagged(context, arn)? {
            Tagged::Bus(key) => self.change_bus(context, &key, |record| change(&mut record.tags)).await,
            Tagged::Rule(key, name) => {
                self.bus(&key)?;
                self.change_rule(&key, &name, |record| change(&mut record.tags)).await
            }
        }
    }
}

/// What an ARN of the caller's account and Region names.
fn tagged(context: &ServiceContext, arn: Option<&str>) -> Handled<Tagged> {
    let arn = arn.unwrap_or_default();
    if let Some(key) = BusKey::of_arn(arn) {
        return Ok(Tagged::Bus(key));
    }
    let resource = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("rule/"));
    let resource = resource.ok_or_else(|| not_found(format!("Resource {arn} does not exist.")))?;
    let (bus, rule) = resource.rsplit_once('/').unwrap_or((DEFAULT, resource));
    Ok(Tagged::Rule(BusKey::asked(context, Some(bus)), rule.to_owned()))
}

/// Tags of a request.
pub(super) fn given(tags: Option<Vec<types::Tag>>) -> Handled<Tags> {
    let tags = tags.unwrap_or_default();
    if tags.len() > TAGS_MAX {
        return Err(too_many());
    }
    let pair = |tag: types::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags: Tags = tags.into_iter().map(pair).collect();
    match tags.keys().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        true => Err(invalid("Tag keys starting with 'aws:' are reserved for system use")),
        false => Ok(tags),
    }
}
