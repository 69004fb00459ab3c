//! Tags of streams and of consumers.

use std::collections::BTreeMap;

use aws_api::generated::kinesis::types;

use super::{
    Handled, Kinesis, Named,
    consumers::split_arn,
    error::{invalid_argument, not_found},
    limits,
    record::StreamRecord,
};
use crate::service::ServiceContext;

type Tags = BTreeMap<String, String>;

impl Kinesis {
    pub(super) async fn add_tags_to_stream(
        &self,
        context: &ServiceContext,
        input: types::AddTagsToStreamInput,
    ) -> Handled<()> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        self.tag(named, None, input.tags.unwrap_or_default()).await
    }

    pub(super) async fn remove_tags_from_stream(
        &self,
        context: &ServiceContext,
        input: types::RemoveTagsFromStreamInput,
    ) -> Handled<()> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        self.untag(named, None, input.tag_keys.unwrap_or_default()).await
    }

    pub(super) async fn list_tags_for_stream(
        &self,
        context: &ServiceContext,
        input: types::ListTagsForStreamInput,
    ) -> Handled<types::ListTagsForStreamOutput> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let tags = self.read(named).await?.tags;
        let after = input.exclusive_start_tag_key;
        let wanted = tags.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        let wanted = shown(wanted);
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::TAGS_MAX);
        let has_more = wanted.len() > limit;
        Ok(types::ListTagsForStreamOutput {
            tags: Some(wanted.into_iter().take(limit).collect()),
            has_more_tags: Some(has_more),
        })
    }

    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: types::TagResourceInput,
    ) -> Handled<()> {
        let (named, consumer) = resource(context, input.resource_arn)?;
        self.tag(named, consumer, input.tags.unwrap_or_default()).await
    }

    pub(super) async fn untag_resource(
        &self,
        context: &ServiceContext,
        input: types::UntagResourceInput,
    ) -> Handled<()> {
        let (named, consumer) = resource(context, input.resource_arn)?;
        self.untag(named, consumer, input.tag_keys.unwrap_or_default()).await
    }

    pub(super) async fn list_tags_for_resource(
        &self,
        context: &ServiceContext,
        input: types::ListTagsForResourceInput,
    ) -> Handled<types::ListTagsForResourceOutput> {
        let (named, consumer) = resource(context, input.resource_arn)?;
        let mut stream = self.read(named).await?;
        let tags = std::mem::take(tags_of(&mut stream, consumer.as_deref())?);
        Ok(types::ListTagsForResourceOutput { tags: Some(shown(tags)) })
    }

    async fn tag(&self, named: Named, consumer: Option<String>, tags: Tags) -> Handled<()> {
        self.change(named, move |stream, _| {
            let known = tags_of(stream, consumer.as_deref())?;
            known.extend(tags);
            Ok(check(known)?)
        })
        .await
    }

    async fn untag(&self, named: Named, consumer: Option<String>, keys: Vec<String>) -> Handled<()> {
        self.change(named, move |stream, _| {
            tags_of(stream, consumer.as_deref())?.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }
}

/// A stream, or one of its consumers, by its ARN.
pub(super) fn resource(context: &ServiceContext, arn: Option<String>) -> Handled<(Named, Option<String>)> {
    let arn = arn.unwrap_or_default();
    let (stream, consumer) = split_arn(&arn);
    Ok((Named::of(context, None, Some(stream.to_owned()))?, consumer.map(str::to_owned)))
}

fn tags_of<'a>(stream: &'a mut StreamRecord, consumer: Option<&str>) -> Handled<&'a mut Tags> {
    let Some(id) = consumer else { return Ok(&mut stream.tags) };
    let found = stream.consumers.iter_mut().find(|consumer| consumer.id() == id);
    found.map(|consumer| &mut consumer.tags).ok_or_else(|| not_found(format!("Consumer {id} not found.")))
}

/// No more than there may be.
pub(super) fn check(tags: &Tags) -> Handled<()> {
    match tags.len() > limits::TAGS_MAX {
        true => Err(invalid_argument(format!(
            "Failed to add tags: a resource can have up to {} tags.",
            limits::TAGS_MAX
        ))),
        false => Ok(()),
    }
}

fn shown(tags: impl IntoIterator<Item = (String, String)>) -> Vec<types::Tag> {
    tags.into_iter().map(|(key, value)| types::Tag { key: Some(key), value: Some(value) }).collect()
}
