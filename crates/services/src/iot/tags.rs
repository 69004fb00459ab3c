//! Tags of rules.

use std::collections::BTreeMap;

use aws_api::generated::iot::types;
use percent_encoding::percent_decode_str;
use store::Transaction;

use super::{
    Handled, Iot,
    error::{invalid, not_found},
    record::{RuleRecord, key_of_arn},
};
use crate::{
    change::{ChangeError, of_store},
    service::ServiceContext,
};

/// Tags of a rule at most.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

impl Iot {
    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: types::TagResourceRequest,
    ) -> Handled<types::TagResourceResponse> {
        let pair = |tag: types::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        let tags: Tags = input.tags.unwrap_or_default().into_iter().map(pair).collect();
        self.change_tags(context, input.resource_arn, move |known| {
            known.extend(tags);
            check(known)
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
        self.change_tags(context, input.resource_arn, move |known| {
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
        let arn = input.resource_arn.unwrap_or_default();
        let key = key_of_arn(&arn).filter(|key| key.account_id == context.account_id());
        let key = key.ok_or_else(|| no_resource(&arn))?;
        let record = self.store.document::<RuleRecord>(&key).await.map_err(of_store)?;
        let tags = record.ok_or_else(|| no_resource(&arn))?.tags.into_iter();
        let tags = tags.map(|(key, value)| types::Tag { key: Some(key), value: Some(value) });
        Ok(types::ListTagsForResourceResponse { tags: Some(tags.collect()), next_token: None })
    }

    async fn change_tags(
        &self,
        context: &ServiceContext,
        arn: Option<String>,
        change: impl FnOnce(&mut Tags) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        let arn = arn.unwrap_or_default();
        let key = key_of_arn(&arn).filter(|key| key.account_id == context.account_id());
        let key = key.ok_or_else(|| no_resource(&arn))?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record = transaction.document::<RuleRecord>(&key)?.ok_or_else(|| no_resource(&arn))?;
            change(&mut record.tags)?;
            Ok(transaction.put_document(&key, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }
}

fn no_resource(arn: &str) -> aws_api::error_response::ApiError {
    not_found(format!("Resource {arn} does not exist."))
}

fn check(tags: &Tags) -> Handled<()> {
    match tags.len() > TAGS_MAX {
        true => Err(invalid(format!("A rule can have up to {TAGS_MAX} tags."))),
        false => Ok(()),
    }
}

/// Tags as `x-amz-tagging` has them: `a=1&b=2`.
pub(super) fn of_header(header: Option<&str>) -> Handled<Tags> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = header.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let tags: Tags = pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect();
    check(&tags)?;
    Ok(tags)
}
