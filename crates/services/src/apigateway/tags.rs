//! Tags of APIs, stages, keys, domain names and VPC links, by ARN.

use serde_json::{Map, Value, json};
use store::{Document, Transaction};

use super::{
    ApiGateway, Handled,
    api_keys::{ApiKeyRecord, api_key_key},
    error::{bad_request, no_part, not_found},
    record::{ApiRecord, Shape, api_key, shape, text},
    vpc_links::{VpcLinkRecord, link_key},
};
use crate::{apigatewayv2::domains::DomainRecord, change::ChangeError, service::ServiceContext};

/// Tags of one thing at most.
const TAGS_MAX: usize = 50;

type Tags = Map<String, Value>;

impl ApiGateway {
    pub(super) async fn tag_resource(&self, context: &ServiceContext, mut input: Shape) -> Handled<()> {
        let added = match input.remove("tags") {
            Some(Value::Object(tags)) => tags,
            _ => Map::new(),
        };
        let change = move |tags: &mut Tags| {
            tags.extend(added);
            match tags.len() > TAGS_MAX {
                true => Err(bad_request(format!("A resource has at most {TAGS_MAX} tags"))),
                false => Ok(()),
            }
        };
        self.change_tags(context, &input, change).await.map(drop)
    }

    pub(super) async fn untag_resource(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let gone = input.get("tagKeys").and_then(Value::as_array).cloned().unwrap_or_default();
        let change = move |tags: &mut Tags| {
            tags.retain(|key, _| !gone.iter().any(|one| one == key));
            Ok(())
        };
        self.change_tags(context, &input, change).await.map(drop)
    }

    pub(super) async fn get_tags(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let tags = self.change_tags(context, &input, |_| Ok(())).await?;
        Ok(shape(json!({"tags": tags})))
    }

    /// Changes the tags of what an ARN names; how they are then.
    async fn change_tags(
        &self,
        context: &ServiceContext,
        input: &Shape,
        change: impl FnOnce(&mut Tags) -> Handled<()> + Send + 'static,
    ) -> Handled<Tags> {
        let arn = text(input, "resourceArn");
        let Some((_, path)) = arn.split_once("::/") else {
            return Err(bad_request(format!("Invalid resource ARN {arn}")));
        };
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        let missing = not_found(format!("Invalid resource identifier specified {arn}"));
        let caller = context.clone();
        let change = move |transaction: &mut Transaction<'_>| -> Result<Tags, ChangeError> {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match path[..] {
                ["restapis", id] => {
                    of(transaction, &api_key(&caller, id), missing, change, |it: &mut ApiRecord| {
                        Some((&mut it.api, "tags"))
                    })
                }
                ["restapis", id, "stages", stage] => {
                    let stage = stage.to_owned();
                    of(
                        transaction,
                        &api_key(&caller, id),
                        no_part("Stage"),
                        change,
                        move |it: &mut ApiRecord| Some((it.stages.get_mut(&stage)?, "tags")),
                    )
                }
                ["apikeys", id] => {
                    of(transaction, &api_key_key(&caller, id), missing, change, |it: &mut ApiKeyRecord| {
                        Some((&mut it.0, "tags"))
                    })
                }
                ["vpclinks", id] => {
                    of(transaction, &link_key(&caller, id), missing, change, |it: &mut VpcLinkRecord| {
                        Some((&mut it.0, "tags"))
                    })
                }
                ["domainnames", name] => of(
                    transaction,
                    &DomainRecord::key(&caller, name),
                    missing,
                    change,
                    |it: &mut DomainRecord| Some((&mut it.domain, "Tags")),
                ),
                _ => Err(missing.into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }
}

/// Changes the tags of a document, where it keeps them.
fn of<D: Document>(
    transaction: &mut Transaction<'_>,
    key: &store::DocumentKey,
    missing: aws_api::error_response::ApiError,
    change: impl FnOnce(&mut Tags) -> Handled<()>,
    place: impl FnOnce(&mut D) -> Option<(&mut Shape, &'static str)>,
) -> Result<Tags, ChangeError> {
    let Some(mut document) = transaction.document::<D>(key)? else { return Err(missing.into()) };
    let Some((shape, member)) = place(&mut document) else { return Err(missing.into()) };
    let before = shape.get(member).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut tags = before.clone();
    change(&mut tags)?;
    if tags != before {
        shape.insert(member.into(), Value::Object(tags.clone()));
        transaction.put_document(key, &document)?;
    }
    Ok(tags)
}
