//! The settings of an account in a Region.

use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Document, DocumentKey, Transaction};

use super::{
    ApiGateway, Handled,
    error::bad_request,
    patch,
    record::{Shape, defaults, key, shape},
};
use crate::{
    change::{ChangeError, of_store},
    service::ServiceContext,
};

/// `Account` of the model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct AccountRecord(Shape);

impl Document for AccountRecord {
    const KIND: &'static str = "apigateway/account";
}

fn account_key(context: &ServiceContext) -> DocumentKey {
    key(context, String::new(), "account")
}

impl ApiGateway {
    pub(super) async fn get_account(&self, context: &ServiceContext, _: Shape) -> Handled<Shape> {
        let kept = self.store.document::<AccountRecord>(&account_key(context)).await.map_err(of_store)?;
        Ok(usual(kept.unwrap_or_default().0))
    }

    pub(super) async fn update_account(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let (operations, key) = (patch::operations(&input)?, account_key(context));
        let change = move |transaction: &mut Transaction<'_>| -> Result<Shape, ChangeError> {
            let mut account = usual(transaction.document::<AccountRecord>(&key)?.unwrap_or_default().0);
            if operations.iter().any(|it| it.op == "remove" && it.path == ["features"]) {
                return Err(bad_request("Usage Plans cannot be disabled once enabled").into());
            }
            patch::apply(&mut account, &operations, &["cloudwatchRoleArn", "features"])?;
            transaction.put_document(&key, &AccountRecord(account.clone()))?;
            Ok(account)
        };
        Ok(self.store.transact(change).await?)
    }
}

/// The limits are those of an account of AWS's (API Gateway quotas); stages have their own.
fn usual(mut account: Shape) -> Shape {
    let throttle = shape(json!({"burstLimit": 5000, "rateLimit": 10000.0}));
    defaults(&mut account, json!({"throttleSettings": throttle, "apiKeyVersion": "4", "features": []}));
    account
}
