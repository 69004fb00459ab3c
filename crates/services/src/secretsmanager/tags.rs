//! Tags of secrets.

use std::collections::BTreeMap;

use aws_api::generated::secretsmanager::types;

use super::{Handled, SecretsManager, error::invalid_parameter};
use crate::service::ServiceContext;

/// Tags of a secret at most.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

impl SecretsManager {
    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: types::TagResourceRequest,
    ) -> Handled<()> {
        let tags = given(input.tags)?;
        self.change(context, input.secret_id, move |_, secret| {
            secret.tags.extend(tags);
            check(&secret.tags)
        })
        .await
    }

    pub(super) async fn untag_resource(
        &self,
        context: &ServiceContext,
        input: types::UntagResourceRequest,
    ) -> Handled<()> {
        let keys = input.tag_keys.unwrap_or_default();
        self.change(context, input.secret_id, move |_, secret| {
            secret.tags.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }
}

/// Tags of a request.
pub(super) fn given(tags: Option<Vec<types::Tag>>) -> Handled<Tags> {
    let pair = |tag: types::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags: Tags = tags.unwrap_or_default().into_iter().map(pair).collect();
    if tags.keys().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid_parameter("Tag keys starting with 'aws:' are reserved for system use."));
    }
    check(&tags)?;
    Ok(tags)
}

fn check(tags: &Tags) -> Handled<()> {
    match tags.len() > TAGS_MAX {
        true => Err(invalid_parameter(format!("A secret can have up to {TAGS_MAX} tags."))),
        false => Ok(()),
    }
}

pub(super) fn shown(tags: &Tags) -> Vec<types::Tag> {
    let tag =
        |(key, value): (&String, &String)| types::Tag { key: Some(key.clone()), value: Some(value.clone()) };
    tags.iter().map(tag).collect()
}
