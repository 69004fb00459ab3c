//! VPC links: kept and shown. There are no VPCs here; an integration through a link is refused.

use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Document, DocumentKey, Transaction};

use super::{
    ApiGateway, Handled,
    error::no_part,
    listing, patch,
    record::{Shape, defaults, key, new_id, text},
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
    const KIND: &'static str = "apigateway/vpc-link";
}

pub(super) fn link_key(context: &ServiceContext, id: &str) -> DocumentKey {
    key(context, String::new(), id)
}

impl ApiGateway {
    pub(super) async fn create_vpc_link(&self, context: &ServiceContext, mut link: Shape) -> Handled<Shape> {
        let id = new_id(6);
        link.insert("id".into(), id.clone().into());
        defaults(&mut link, json!({"status": "AVAILABLE", "tags": {}}));
        let (key, record) = (link_key(context, &id), VpcLinkRecord(link.clone()));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            Ok(transaction.put_document(&key, &record)?)
        };
        self.store.transact(change).await?;
        Ok(link)
    }

    pub(super) async fn get_vpc_link(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let key = link_key(context, text(&input, "vpcLinkId"));
        let found = self.store.document::<VpcLinkRecord>(&key).await.map_err(of_store)?;
        Ok(found.ok_or_else(|| no_part("VpcLink"))?.0)
    }

    pub(super) async fn get_vpc_links(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let all = self.store.all_documents::<VpcLinkRecord>().await.map_err(of_store)?;
        let own = all
            .into_iter()
            .filter(|(key, _)| key.account_id == context.account_id() && key.region == context.region);
        listing::page(&input, own.map(|(key, record)| (key.name, record.0)).collect())
    }

    pub(super) async fn update_vpc_link(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let key = link_key(context, text(&input, "vpcLinkId"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<Shape, ChangeError> {
            let VpcLinkRecord(mut link) = transaction.document(&key)?.ok_or_else(|| no_part("VpcLink"))?;
            patch::apply(&mut link, &operations, &["name", "description"])?;
            transaction.put_document(&key, &VpcLinkRecord(link.clone()))?;
            Ok(link)
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn delete_vpc_link(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let key = link_key(context, text(&input, "vpcLinkId"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.delete_document::<VpcLinkRecord>(&key)? {
                true => Ok(()),
                false => Err(no_part("VpcLink").into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }
}
