//! API Gateway: REST APIs. What comes to their addresses is answered by `server/src/gateway/rest_api`; it reads the [`RestRegistry`].
//!
//! ```text
//! CreateRestApi ──► ApiRecord: resources with methods and integrations, models, authorizers, ...
//!                     │ CreateDeployment
//!                     ▼
//!                   DeploymentRecord: a snapshot, which never changes ◄── stage (UpdateStage: another one) ──► RestRegistry
//! ```
//! An API with what belongs to it is one document, each of its deployments another: a change writes no snapshot again.

mod account;
mod api_keys;
mod apis;
mod checks;
mod compiled;
mod deployments;
mod domains;
mod error;
mod integrations;
mod listing;
mod method_settings;
mod methods;
mod openapi;
mod operations;
mod parts;
mod patch;
mod record;
mod registry;
mod resources;
mod stages;
mod tags;
mod test_invoke;
mod vpc_links;

use std::sync::{Arc, OnceLock};

use aws_api::error_response::ApiError;
use store::{Store, Transaction};

use self::{
    error::no_api,
    record::{ApiRecord, api_key},
};
use crate::{apigatewayv2, change::ChangeError, service::ServiceContext};

pub use compiled::{Compiled, Integration, IntegrationResponse, Method, TemplateOf};
pub use record::{Shape, Snapshot};
pub use registry::{ApiKey, DeployedRestApi, RestRegistry, RestStage};
pub use test_invoke::{TestInvoke, TestInvoked, TestOfAuthorizer, TestOfMethod};

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct ApiGateway {
    store: Store,
    registry: Arc<RestRegistry>,
    /// Domain names are those of both generations of the service.
    domains: Arc<apigatewayv2::Registry>,
    /// The longest wait for an integration, milliseconds.
    timeout_ms_max: i64,
    /// Answers what is tested, as soon as there is something that answers.
    tests: Arc<OnceLock<Arc<dyn TestInvoke>>>,
}

impl ApiGateway {
    /// The service, with the APIs that the registry knows, and the domain names of the other one.
    pub fn new(
        store: Store,
        registry: Arc<RestRegistry>,
        domains: Arc<apigatewayv2::Registry>,
        timeout_ms_max: i64,
    ) -> Self {
        Self { store, registry, domains, timeout_ms_max, tests: Arc::default() }
    }

    /// Whether a request that is signed for API Gateway is for this generation of it.
    pub fn is_path_of(path: &str) -> bool {
        !path.starts_with("/v2/")
    }

    /// An API of the caller's.
    fn api(&self, context: &ServiceContext, api_id: &str) -> Handled<Arc<ApiRecord>> {
        self.registry.record(&api_key(context, api_id)).ok_or_else(|| no_api(context.account_id(), api_id))
    }

    /// Changes an API.
    async fn change<T: Send + 'static>(
        &self,
        context: &ServiceContext,
        api_id: &str,
        change: impl FnOnce(&mut ApiRecord) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let key = api_key(context, api_id);
        let missing = no_api(context.account_id(), api_id);
        let change = move |transaction: &mut Transaction<'_>| -> Result<T, ChangeError> {
            let mut record = transaction.document::<ApiRecord>(&key)?.ok_or(missing)?;
            let changed = change(&mut record)?;
            transaction.put_document(&key, &record)?;
            Ok(changed)
        };
        Ok(self.store.transact(change).await?)
    }

    /// Keeps a new API.
    async fn put(&self, context: &ServiceContext, record: ApiRecord) -> Handled<()> {
        let key = api_key(context, record::text(&record.api, "id"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            Ok(transaction.put_document(&key, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }
}
