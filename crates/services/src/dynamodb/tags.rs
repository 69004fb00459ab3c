//! Tags of tables.

use std::collections::BTreeMap;

use aws_api::generated::dynamodb::types;
use store::{TableKey, TableTransaction, TableView};

use super::{
    DynamoDb, Handled,
    error::{invalid, invalid_parameters},
    record::{encode, table_in, table_key},
};
use crate::{change::ChangeError, service::ServiceContext};

/// Tags of a table at most.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

impl DynamoDb {
    pub(super) async fn tag_resource(
        &self,
        context: &ServiceContext,
        input: types::TagResourceInput,
    ) -> Handled<()> {
        let tags = given(input.tags)?;
        self.change_tags(context, input.resource_arn, move |known| {
            known.extend(tags);
            match known.len() > TAGS_MAX {
                true => Err(invalid_parameters("Too many tags")),
                false => Ok(()),
            }
        })
        .await
    }

    pub(super) async fn untag_resource(
        &self,
        context: &ServiceContext,
        input: types::UntagResourceInput,
    ) -> Handled<()> {
        let keys = input.tag_keys.unwrap_or_default();
        self.change_tags(context, input.resource_arn, move |known| {
            known.retain(|key, _| !keys.contains(key));
            Ok(())
        })
        .await
    }

    pub(super) async fn list_tags_of_resource(
        &self,
        context: &ServiceContext,
        input: types::ListTagsOfResourceInput,
    ) -> Handled<types::ListTagsOfResourceOutput> {
        let key = of_arn(context, input.resource_arn)?;
        let read =
            move |view: &TableView<'_>| -> Result<Tags, ChangeError> { Ok(table_in(view, &key)?.tags) };
        let tags = self.tables.read(read).await?;
        let tag = |(key, value)| types::Tag { key: Some(key), value: Some(value) };
        Ok(types::ListTagsOfResourceOutput {
            tags: Some(tags.into_iter().map(tag).collect()),
            next_token: None,
        })
    }

    async fn change_tags(
        &self,
        context: &ServiceContext,
        arn: Option<String>,
        change: impl FnOnce(&mut Tags) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        let key = of_arn(context, arn)?;
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<(), ChangeError> {
            let mut record = table_in(transaction, &key)?;
            change(&mut record.tags)?;
            Ok(transaction.put_table(&key, &encode(&record)?)?)
        };
        Ok(self.tables.transact(change, |_| {}).await?)
    }
}

fn of_arn(context: &ServiceContext, arn: Option<String>) -> Handled<TableKey> {
    let arn = arn.unwrap_or_default();
    match arn.starts_with("arn:") {
        true => Ok(table_key(context, Some(&arn))),
        false => Err(invalid(format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}"))),
    }
}

/// Tags of a request.
pub(super) fn given(tags: Option<Vec<types::Tag>>) -> Handled<Tags> {
    let pair = |tag: types::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags: Tags = tags.unwrap_or_default().into_iter().map(pair).collect();
    match tags.len() > TAGS_MAX {
        true => Err(invalid_parameters("Too many tags")),
        false => Ok(tags),
    }
}
