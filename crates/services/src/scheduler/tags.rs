//! Tags of groups.

use std::collections::BTreeMap;

use aws_api::generated::scheduler::types;
use store::Transaction;

use super::{
    Handled, Scheduler,
    error::{invalid, not_found, too_many},
    record::{DEFAULT, GroupRecord, key_of_group_arn},
};
use crate::{change::ChangeError, service::ServiceContext};

/// Tags of a group at most.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

impl Scheduler {
    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: types::TagResourceInput,
    ) -> Handled<types::TagResourceOutput> {
        let tags = given(input.tags)?;
        self.change_tags(context, input.resource_arn.as_deref(), move |known| {
            known.extend(tags);
            match known.len() > TAGS_MAX {
                true => Err(too_many("The maximum number of tags is reached.")),
                false => Ok(()),
            }
        })
        .await?;
        Ok(types::TagResourceOutput {})
    }

    pub(super) async fn untag_resource(
        &self,
        context: &ServiceContext,
        input: types::UntagResourceInput,
    ) -> Handled<types::UntagResourceOutput> {
        let keys = input.tag_keys.unwrap_or_default();
        self.change_tags(context, input.resource_arn.as_deref(), move |known| {
            known.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await?;
        Ok(types::UntagResourceOutput {})
    }

    pub(super) async fn list_tags_for_resource(
        &self,
        _: &ServiceContext,
        input: types::ListTagsForResourceInput,
    ) -> Handled<types::ListTagsForResourceOutput> {
        let arn = input.resource_arn.as_deref().unwrap_or_default();
        let group = key_of_group_arn(arn)
            .and_then(|key| self.registry.group(&key))
            .ok_or_else(|| no_resource(arn))?;
        let tag = |(key, value): (&String, &String)| types::Tag {
            key: Some(key.clone()),
            value: Some(value.clone()),
        };
        Ok(types::ListTagsForResourceOutput { tags: Some(group.tags.iter().map(tag).collect()) })
    }

    async fn change_tags(
        &self,
        context: &ServiceContext,
        arn: Option<&str>,
        change: impl FnOnce(&mut Tags) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        let arn = arn.unwrap_or_default().to_owned();
        let key = key_of_group_arn(&arn).ok_or_else(|| no_resource(&arn))?;
        let now_ms = context.now_ms;
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let before = transaction.document::<GroupRecord>(&key)?;
            let before = before.or_else(|| (key.name == DEFAULT).then(GroupRecord::default));
            let mut record = before.ok_or_else(|| no_resource(&arn))?;
            change(&mut record.tags)?;
            record.modified_ms = now_ms;
            Ok(transaction.put_document(&key, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }
}

fn no_resource(arn: &str) -> aws_api::error_response::ApiError {
    not_found(format!("Resource {arn} does not exist."))
}

/// Tags of a request.
pub(super) fn given(tags: Option<Vec<types::Tag>>) -> Handled<Tags> {
    let pair = |tag: types::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags: Tags = tags.unwrap_or_default().into_iter().map(pair).collect();
    match tags.keys().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        true => Err(invalid("Tag keys starting with 'aws:' are reserved for system use.")),
        false => Ok(tags),
    }
}
