//! VPC links: kept and shown. There are no VPCs here; an integration through a link is refused.

use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Document, DocumentKey, Transaction};

use super::{
    ApiGatewayV2, Handled,
    error::no_part,
    listing,
    record::{Shape, key, new_id, seconds, taken, text},
};
use crate::{
    change::{ChangeError, of_store},
    service::ServiceContext,
};

/// A link: `VpcLink` of the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct VpcLinkRecord(pub Shape);

impl Document for VpcLinkRecord {
    const KIND: &'static str = "apigatewayv2/vpc-link";
}

pub(super) fn link_key(context: &ServiceContext, id: &str) -> DocumentKey {
    key(context, String::new(), id)
}

fn missing(id: &str) -> aws_api::error_response::ApiError {
    no_part("VpcLink", id)
}

impl ApiGatewayV2 {
    pub(super) async fn create_vpc_link(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let id = new_id(6);
        input.insert("VpcLinkId".into(), id.clone().into());
        input.insert("CreatedDate".into(), seconds(context.now_ms));
        input.insert("VpcLinkStatus".into(), "AVAILABLE".into());
        input.insert("VpcLinkVersion".into(), "V2".into());
        for (member, value) in [("SecurityGroupIds", json!([])), ("Tags", json!({}))] {
            input.entry(member).or_insert(value);
        }
        let (key, record) = (link_key(context, &id), VpcLinkRecord(input.clone()));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            Ok(transaction.put_document(&key, &record)?)
        };
        self.store.transact(change).await?;
        Ok(input)
    }

    pub(super) async fn get_vpc_link(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let id = text(&input, "VpcLinkId");
        let found = self.store.document::<VpcLinkRecord>(&link_key(context, id)).await.map_err(of_store)?;
        Ok(found.ok_or_else(|| missing(id))?.0)
    }

    pub(super) async fn get_vpc_links(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let all = self.store.all_documents::<VpcLinkRecord>().await.map_err(of_store)?;
        let own = all
            .into_iter()
            .filter(|(key, _)| key.account_id == context.account_id() && key.region == context.region);
        listing::page(&input, own.map(|(key, record)| (key.name, record.0)).collect())
    }

    pub(super) async fn update_vpc_link(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let id = taken(&mut input, "VpcLinkId");
        let key = link_key(context, &id);
        let change = move |transaction: &mut Transaction<'_>| -> Result<Shape, ChangeError> {
            let VpcLinkRecord(mut link) = transaction.document(&key)?.ok_or_else(|| missing(&id))?;
            link.extend(input);
            transaction.put_document(&key, &VpcLinkRecord(link.clone()))?;
            Ok(link)
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn delete_vpc_link(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let id = text(&input, "VpcLinkId").to_owned();
        let key = link_key(context, &id);
        let change = move |transaction: &mut Transaction<'_>| -> Result<Shape, ChangeError> {
            match transaction.delete_document::<VpcLinkRecord>(&key)? {
                true => Ok(Shape::new()),
                false => Err(missing(&id).into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }
}
