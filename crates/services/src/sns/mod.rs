//! SNS: topics, and who is told what is published to them.
//!
//! ```text
//! Publish ──► subscriptions whose filter lets it through ──► one transaction: messages of SQS, asynchronous events of Lambda
//!                                              └ not there any more ──► the subscription's dead-letter queue
//! ```
//! Topics and subscriptions are documents of the store, and in memory ([`Registry`]). Queues and functions of this server are built;
//! what leaves it (http, email, sms, mobile push) is refused until it is.

mod error;
mod filter;
mod message;
mod operations;
mod permissions;
mod publishing;
mod registry;
mod subscriptions;
mod tags;
mod topic;
mod topics;

use std::sync::Arc;

use aws_api::error_response::ApiError;
use lambda_model::ports::{Clock, FunctionCatalog};
use store::Store;

pub use registry::Registry;

use crate::sqs::Sqs;

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service.
#[derive(Clone)]
pub struct Sns {
    store: Store,
    registry: Arc<Registry>,
    sqs: Sqs,
    catalog: Arc<dyn FunctionCatalog>,
    clock: Arc<dyn Clock>,
}

impl Sns {
    /// The service, with the topics that the registry knows.
    pub fn new(
        store: Store,
        registry: Arc<Registry>,
        sqs: Sqs,
        catalog: Arc<dyn FunctionCatalog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, registry, sqs, catalog, clock }
    }
}
