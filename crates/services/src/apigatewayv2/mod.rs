//! API Gateway V2: HTTP APIs and, as far as their resources go, WebSocket APIs. What comes to the addresses of APIs is answered by
//! `server/src/gateway`; it reads the [`Registry`].
//!
//! ```text
//! CreateApi ──► ApiRecord: routes, integrations, authorizers, ... (parts) ──CreateDeployment──► a snapshot of them
//!                                                                           stage ──► its deployment ──► Registry
//! a stage that deploys automatically has a new snapshot after each change
//! ```
//! An API with everything in it is one document of the store, so that a snapshot is of one moment, and who answers sees whole changes.

mod apis;
mod checks;
mod deployments;
pub(crate) mod domains;
pub(crate) mod error;
mod listing;
mod openapi;
mod operations;
mod parts;
mod record;
mod registry;
mod stages;
mod tags;
mod vpc_links;

use std::sync::Arc;

use aws_api::error_response::ApiError;
use store::{DocumentKey, Store, Transaction};

use self::{
    error::no_api,
    record::{ApiRecord, api_key},
};
use crate::{change::ChangeError, service::ServiceContext};

pub use record::{Shape, Snapshot};
pub use registry::{DeployedApi, DeployedStage, Mapped, Registry};

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct ApiGatewayV2 {
    store: Store,
    registry: Arc<Registry>,
}

impl ApiGatewayV2 {
    /// The service, with the APIs that the registry knows.
    pub fn new(store: Store, registry: Arc<Registry>) -> Self {
        Self { store, registry }
    }

    /// An API of the caller's.
    fn api(&self, context: &ServiceContext, api_id: &str) -> Handled<Arc<ApiRecord>> {
        self.registry.record(&api_key(context, api_id)).ok_or_else(|| no_api(context.account_id(), api_id))
    }

    /// Changes an API; what deploys automatically is deployed with it.
    async fn change<T: Send + 'static>(
        &self,
        context: &ServiceContext,
        api_id: &str,
        change: impl FnOnce(&mut ApiRecord) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let (key, now_ms) = (api_key(context, api_id), context.now_ms);
        let missing = no_api(context.account_id(), api_id);
        let change = move |transaction: &mut Transaction<'_>| -> Result<T, ChangeError> {
            let mut record = transaction.document::<ApiRecord>(&key)?.ok_or(missing)?;
            let before = record.snapshot();
            let changed = change(&mut record)?;
            if record.snapshot() != before {
                record.deploy_automatically(now_ms);
            }
            transaction.put_document(&key, &record)?;
            Ok(changed)
        };
        Ok(self.store.transact(change).await?)
    }

    /// Keeps a new API, or one that is made anew.
    async fn put(&self, key: DocumentKey, record: ApiRecord) -> Handled<()> {
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            Ok(transaction.put_document(&key, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }
}
