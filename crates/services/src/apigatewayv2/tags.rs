//! Tags of APIs, of their stages, of domain names and of VPC links, by ARN.

use serde_json::{Map, Value};
use store::Transaction;

use super::{
    ApiGatewayV2, Handled,
    domains::DomainRecord,
    error::{bad_request, not_found},
    record::{ApiRecord, Shape, key, text},
    vpc_links::VpcLinkRecord,
};
use crate::{change::ChangeError, service::ServiceContext};

/// Tags of one thing at most.
const TAGS_MAX: usize = 50;

impl ApiGatewayV2 {
    pub(super) async fn tag_resource(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let added = match input.remove("Tags") {
            Some(Value::Object(tags)) => tags,
            _ => Map::new(),
        };
        self.change_tags(context, &input, move |tags| {
            tags.extend(added);
            match tags.len() > TAGS_MAX {
                true => Err(bad_request(format!("A resource has at most {TAGS_MAX} tags"))),
                false => Ok(()),
            }
        })
        .await?;
        Ok(Shape::new())
    }

    pub(super) async fn untag_resource(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let gone = input.get("TagKeys").cloned().unwrap_or_default();
        self.change_tags(context, &input, move |tags| {
            tags.retain(|key, _| {
                !gone.as_array().is_some_and(|gone| gone.contains(&Value::from(key.as_str())))
            });
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(super) async fn get_tags(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let tags = self.change_tags(context, &input, |_| Ok(())).await?;
        let mut output = Shape::new();
        output.insert("Tags".into(), Value::Object(tags));
        Ok(output)
    }

    /// Changes the tags of what an ARN names; how they are then.
    async fn change_tags(
        &self,
        context: &ServiceContext,
        input: &Shape,
        change: impl FnOnce(&mut Map<String, Value>) -> Handled<()> + Send + 'static,
    ) -> Handled<Map<String, Value>> {
        let arn = text(input, "ResourceArn");
        let Some((_, path)) = arn.split_once("::/") else {
            return Err(bad_request(format!("Invalid resource ARN {arn}")));
        };
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        let named = key(context, String::new(), path.get(1).map_or("", String::as_str));
        let missing = not_found(format!("Invalid resource identifier specified {arn}"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<Map<String, Value>, ChangeError> {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match path[..] {
                ["apis", _, ..] => {
                    let mut record = transaction.document::<ApiRecord>(&named)?.ok_or(missing.clone())?;
                    let shape = match path[..] {
                        [_, _] => Some(&mut record.api),
                        [_, _, "stages", stage] => record.of_mut("Stage").get_mut(stage),
                        _ => None,
                    };
                    let (tags, is_news) = changed(shape.ok_or(missing)?, change)?;
                    if is_news {
                        transaction.put_document(&named, &record)?;
                    }
                    Ok(tags)
                }
                ["domainnames", _] => {
                    let mut record = transaction.document::<DomainRecord>(&named)?.ok_or(missing)?;
                    let (tags, is_news) = changed(&mut record.domain, change)?;
                    if is_news {
                        transaction.put_document(&named, &record)?;
                    }
                    Ok(tags)
                }
                ["vpclinks", _] => {
                    let mut record = transaction.document::<VpcLinkRecord>(&named)?.ok_or(missing)?;
                    let (tags, is_news) = changed(&mut record.0, change)?;
                    if is_news {
                        transaction.put_document(&named, &record)?;
                    }
                    Ok(tags)
                }
                _ => Err(missing.into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }
}

/// The tags of something as they are then, and whether they were others before.
fn changed(
    shape: &mut Shape,
    change: impl FnOnce(&mut Map<String, Value>) -> Handled<()>,
) -> Handled<(Map<String, Value>, bool)> {
    let before = match shape.get("Tags") {
        Some(Value::Object(tags)) => tags.clone(),
        _ => Map::new(),
    };
    let mut tags = before.clone();
    change(&mut tags)?;
    shape.insert("Tags".into(), Value::Object(tags.clone()));
    let is_news = tags != before;
    Ok((tags, is_news))
}
