//! What is on disk and waits: events, deliveries, messages. Whoever works on it goes on with what an earlier server left, and is told of
//! what is new by the thread that put it there.

use std::sync::Arc;

use invocation::AsyncInvoker;
use lambda_model::{
    LambdaError,
    function::FunctionKey,
    ports::{Clock, FunctionCatalog, MetricSink},
};
use services::{
    deliveries::{Deliveries, DeliveryParts},
    s3::S3,
    sqs::{Registry, Sqs},
};
use store::{QueueObserver, Store, StoreError};

use crate::{
    event_source_mappings::{EventSourceMappings, Parts},
    lambda_api::LambdaApi,
    metrics::Metrics,
};

/// The services that events come from and records go to.
pub(crate) struct Queues {
    /// Which there are.
    registry: Arc<Registry>,
    /// The service.
    pub sqs: Sqs,
    /// Who reads from them.
    pub mappings: Arc<EventSourceMappings>,
    /// Buckets.
    s3: S3,
    clock: Arc<dyn Clock>,
}

impl Queues {
    /// Those that the store knows.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) async fn open(
        store: &Store,
        registry: Arc<Registry>,
        mappings: Arc<EventSourceMappings>,
        (s3, clock): (S3, Arc<dyn Clock>),
    ) -> Result<Self, StoreError> {
        registry.load(store).await?;
        let sqs = Sqs::new(store.clone(), Arc::clone(&registry), clock.clone());
        Ok(Self { registry, sqs, mappings, s3, clock })
    }
}

/// Goes on with what an earlier server left, and follows what is new.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn resume(
    store: &Store,
    lambda: &LambdaApi,
    metrics: &Arc<Metrics>,
    Queues { registry, sqs, mappings, s3, clock }: Queues,
) -> Result<(), LambdaError> {
    let catalog: Arc<dyn FunctionCatalog> = lambda.catalog.clone();
    let metrics: Arc<dyn MetricSink> = metrics.clone();
    let deliveries = Deliveries::new(DeliveryParts {
        queues: store.queues(),
        catalog: Arc::clone(&catalog),
        metrics: Arc::clone(&metrics),
        clock,
        sqs: sqs.clone(),
        s3,
    });
    let async_invoker = Arc::clone(&lambda.async_invoker);
    let waiting = Waiting { async_invoker, deliveries: Arc::clone(&deliveries), messages: registry };
    store.queues().observe(Arc::new(waiting));
    lambda.async_invoker.resume().await?;
    deliveries.resume().await?;
    sqs.resume().await?;
    let (invoker, queues) = (Arc::clone(&lambda.invoker), Arc::clone(&lambda.queue_source));
    Ok(mappings.start(store, Parts { invoker, catalog, metrics, queues }).await?)
}

/// See the module's doc.
struct Waiting {
    /// Runs events.
    async_invoker: Arc<AsyncInvoker>,
    /// Tells targets.
    deliveries: Arc<Deliveries>,
    /// Wakes receivers.
    messages: Arc<Registry>,
}

impl QueueObserver for Waiting {
    fn event_waits(&self, key: &FunctionKey, resource: &str) {
        self.async_invoker.accepted(key, resource);
    }

    fn message_waits(&self, queue: &str) {
        self.messages.wake(queue);
    }

    fn delivery_waits(&self, target: &str) {
        self.deliveries.wake(target);
    }
}
