//! What is on disk and waits: events, deliveries, messages. Whoever works on it goes on with what an earlier server left, and is told of
//! what is new by the thread that put it there.

use std::sync::Arc;

use invocation::AsyncInvoker;
use lambda_model::{
    LambdaError,
    function::FunctionKey,
    ports::{Clock, FunctionCatalog, MetricSink, ScheduleMetrics},
};
use services::{
    deliveries::{Deliveries, DeliveryParts},
    dynamodb::DynamoDb,
    eventbridge::EventBridge,
    kinesis::Kinesis,
    s3::{ObjectEvents, S3},
    scheduler::Scheduler,
    secretsmanager::SecretsManager,
    sns::Sns,
    sqs::{Registry, Sqs},
    targets::Targets,
};
use store::{QueueObserver, Store};

use crate::{
    event_source_mappings::{EventSourceMappings, Parts},
    lambda_api::LambdaApi,
    metrics::Metrics,
};

/// The services that events come from and records go to.
pub(crate) struct Queues {
    /// Which there are.
    pub registry: Arc<Registry>,
    /// The service.
    pub sqs: Sqs,
    /// Topics.
    pub sns: Sns,
    /// Who reads from them.
    pub mappings: Arc<EventSourceMappings>,
    /// Buckets.
    pub s3: S3,
    /// Buses.
    pub events: EventBridge,
    /// Schedules.
    pub scheduler: Scheduler,
    /// Whom the policies of targets let in.
    pub targets: Targets,
    /// Who hands over what happened in them.
    pub object_events: ObjectEvents,
    /// When what waits is due.
    pub clock: Arc<dyn Clock>,
}

/// Goes on with what an earlier server left, and follows what is new.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn resume(
    store: &Store,
    lambda: &LambdaApi,
    metrics: &Arc<Metrics>,
    Queues { registry, sqs, sns, mappings, s3, events, scheduler, targets, object_events, clock }: Queues,
) -> Result<(), LambdaError> {
    let catalog: Arc<dyn FunctionCatalog> = lambda.catalog.clone();
    let of_schedules: Arc<dyn ScheduleMetrics> = metrics.clone();
    let metrics: Arc<dyn MetricSink> = metrics.clone();
    let deliveries = Deliveries::new(DeliveryParts {
        queues: store.queues(),
        catalog: Arc::clone(&catalog),
        metrics: Arc::clone(&metrics),
        clock: Arc::clone(&clock),
        sqs: sqs.clone(),
        sns,
        s3: s3.clone(),
        events: events.clone(),
        logs: store.logs(),
        targets,
    });
    let async_invoker = Arc::clone(&lambda.async_invoker);
    let waiting = Waiting { async_invoker, deliveries: Arc::clone(&deliveries), messages: registry };
    store.queues().observe(Arc::new(waiting));
    lambda.async_invoker.resume().await?;
    deliveries.resume().await?;
    tokio::spawn(object_events.run());
    tokio::spawn(DynamoDb::new(store).sweep(Arc::clone(&clock)));
    tokio::spawn(DynamoDb::new(store).work(s3, Arc::clone(&clock)));
    tokio::spawn(Kinesis::new(store).sweep(Arc::clone(&clock)));
    tokio::spawn(SecretsManager::new(store).sweep(Arc::clone(&clock)));
    tokio::spawn(events.clone().run_archives());
    tokio::spawn(events.run_schedules(Arc::clone(&of_schedules)));
    tokio::spawn(scheduler.run_schedules(Arc::clone(&clock), of_schedules));
    sqs.resume().await?;
    let parts = Parts {
        invoker: Arc::clone(&lambda.invoker),
        catalog,
        metrics,
        queues: Arc::clone(&lambda.queue_source),
        streams: Arc::clone(&lambda.streams),
        rabbits: Arc::clone(&lambda.rabbits),
        secrets: SecretsManager::new(store),
        waiting: store.queues(),
        clock: Arc::clone(&clock),
    };
    Ok(mappings.start(store, parts).await?)
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
