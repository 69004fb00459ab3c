//! Who follows the commits of the store from the first on, and the services around Lambda that are made of them.

use std::sync::{Arc, Mutex};

use lambda_model::{function::FunctionRecord, ports::Clock};
use services::{
    apigateway, apigatewayv2,
    dynamodb::DynamoDb,
    eventbridge::{self, EventBridge},
    iam::Directory,
    iot::{self, Iot},
    kinesis::Kinesis,
    s3::{ObjectEvents, S3},
    scheduler::{self, Scheduler},
    sns::{self, Links, Sns, SnsParts},
    sqs::{self, Sqs},
    targets::Targets,
};
use store::{Change, CommitObserver, Store, StoreError};

use crate::{
    catalog::Catalog,
    clock::SteadyClock,
    configuration::Configuration,
    event_source_mappings::{EventSourceMappings, MappingChanges, OwnQueues, RabbitBrokers, StreamSources},
    gateway::Urls,
    outside::WaysOut,
    service_endpoints::{MappedCodeObjects, MappedQueues, ServiceEndpoints},
    topic_rules::TopicRules,
    waiting::Queues,
};

/// Everybody who follows the commits, told one after another.
struct Observers {
    /// The one who keeps functions.
    first: Arc<dyn CommitObserver>,
    others: Vec<Arc<dyn CommitObserver>>,
}

impl CommitObserver for Observers {
    fn committed(&self, change: &Change) {
        self.first.committed(change);
        self.others.iter().for_each(|observer| observer.committed(change));
    }

    fn found(&self, record: FunctionRecord) {
        self.first.found(record);
    }
}

/// What is in memory of what is stored.
pub(super) struct Followers {
    /// Roles, users and keys.
    pub directory: Arc<Directory>,
    queues: Arc<sqs::Registry>,
    topics: Arc<sns::Registry>,
    buses: Arc<eventbridge::Registry>,
    schedules: Arc<scheduler::Registry>,
    topic_rules: Arc<iot::Registry>,
    front: Front,
    mappings: Arc<EventSourceMappings>,
    mapping_changes: Arc<MappingChanges>,
}

impl Followers {
    /// Of an empty store.
    pub(super) fn new(directory: Directory) -> Self {
        let (mappings, mapping_changes) = EventSourceMappings::new();
        Self {
            directory: Arc::new(directory),
            queues: Arc::default(),
            topics: Arc::default(),
            buses: Arc::default(),
            schedules: Arc::default(),
            topic_rules: Arc::default(),
            front: Front::default(),
            mappings,
            mapping_changes,
        }
    }

    /// Takes over what an earlier server left.
    async fn load(&self, store: &Store) -> Result<(), StoreError> {
        self.queues.load(store).await?;
        self.topics.load(store).await?;
        self.buses.load(store).await?;
        self.schedules.load(store).await?;
        self.front.urls.load(store).await?;
        self.front.apis.load(store).await?;
        self.front.rest_apis.load(store).await?;
        self.topic_rules.load(store).await
    }

    /// All of them, behind `first`, who also hears of the functions that are there already.
    pub(super) fn observers(&self, first: Arc<dyn CommitObserver>) -> Arc<dyn CommitObserver> {
        let others: Vec<Arc<dyn CommitObserver>> = vec![
            self.directory.clone(),
            self.queues.clone(),
            self.topics.clone(),
            self.buses.clone(),
            self.schedules.clone(),
            self.topic_rules.clone(),
            self.front.urls.clone(),
            self.front.apis.clone(),
            self.front.rest_apis.clone(),
            self.mapping_changes.clone(),
        ];
        Arc::new(Observers { first, others })
    }
}

/// What the gateway answers for.
#[derive(Default)]
pub(super) struct Front {
    /// URLs of functions.
    pub urls: Arc<Urls>,
    /// HTTP APIs and WebSocket APIs.
    pub apis: Arc<apigatewayv2::Registry>,
    /// REST APIs.
    pub rest_apis: Arc<apigateway::RestRegistry>,
}

/// The services around Lambda that it has to do with.
pub(super) struct Services {
    /// Buckets.
    pub s3: S3,
    /// Topics.
    pub sns: Sns,
    /// Queues.
    pub sqs: Sqs,
    /// Buses.
    pub events: EventBridge,
    /// Schedules.
    pub scheduler: Scheduler,
    /// Rules on topics.
    pub iot: Iot,
    /// What the gateway answers for.
    pub front: Front,
    /// To servers of the web.
    pub ways_out: Arc<WaysOut>,
    /// What never jumps, the same for all that waits.
    pub clock: Arc<dyn Clock>,
    /// Whatever waits, and who works on it.
    pub queues: Queues,
    /// The queues that mappings read.
    pub queue_source: Arc<MappedQueues>,
    /// The streams that mappings read.
    pub streams: Arc<StreamSources>,
    /// The brokers that mappings read.
    pub rabbits: Arc<RabbitBrokers>,
    /// Where code comes from that is in S3.
    pub objects: Arc<MappedCodeObjects>,
}

impl Services {
    /// On a store, with what an earlier server left in it.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(super) async fn open(
        configuration: &Configuration,
        store: &Store,
        followers: Followers,
        catalog: &Arc<Catalog>,
        (elsewhere, outside, links): (&Arc<ServiceEndpoints>, Arc<WaysOut>, Links),
    ) -> Result<Self, StoreError> {
        let clock: Arc<dyn Clock> = Arc::new(SteadyClock::start_after(store.queues().last_written_ms()));
        followers.load(store).await?;
        let sqs = Sqs::new(store.clone(), Arc::clone(&followers.queues), clock.clone());
        let sns = Sns::new(SnsParts {
            store: store.clone(),
            registry: followers.topics,
            sqs: sqs.clone(),
            catalog: catalog.clone(),
            clock: clock.clone(),
            outside: outside.clone(),
            links,
        });
        let events =
            EventBridge::new(store.clone(), followers.buses, clock.clone(), configuration.rules_per_bus);
        let scheduler = Scheduler::new(store.clone(), followers.schedules, followers.directory);
        let iot = open_iot(configuration, store, followers.topic_rules, &clock);
        let targets = Targets {
            store: store.clone(),
            sqs: sqs.clone(),
            sns: sns.clone(),
            catalog: catalog.clone(),
            events: events.clone(),
        };
        let s3 = S3::new(store.clone(), targets.clone(), configuration.accept_inert_settings);
        let queues = Queues {
            registry: followers.queues,
            sqs: sqs.clone(),
            sns: sns.clone(),
            mappings: followers.mappings,
            s3: s3.clone(),
            events: events.clone(),
            scheduler: scheduler.clone(),
            targets,
            object_events: ObjectEvents { store: store.clone(), clock: clock.clone() },
            clock: clock.clone(),
        };
        Ok(Self {
            sns,
            queue_source: Arc::new(MappedQueues {
                endpoints: Arc::clone(elsewhere),
                own: Arc::new(OwnQueues(sqs.clone())),
                urls: Mutex::default(),
            }),
            streams: streams(store),
            rabbits: Arc::new(RabbitBrokers::new(&configuration.mq_brokers)),
            objects: Arc::new(MappedCodeObjects {
                endpoints: Arc::clone(elsewhere),
                own: Arc::new(s3.clone()),
                region: configuration.region.clone(),
            }),
            s3,
            sqs,
            events,
            scheduler,
            iot,
            front: followers.front,
            ways_out: outside,
            queues,
            clock,
        })
    }
}

/// The streams that mappings read.
fn streams(store: &Store) -> Arc<StreamSources> {
    let dynamodb = Arc::new(DynamoDb::new(store).streams());
    Arc::new(StreamSources { dynamodb, kinesis: Arc::new(Kinesis::new(store)) })
}

/// The rules on topics, which are read from now on where there is a broker.
fn open_iot(
    configuration: &Configuration,
    store: &Store,
    registry: Arc<iot::Registry>,
    clock: &Arc<dyn Clock>,
) -> Iot {
    let broker = configuration.mqtt_broker.clone();
    let iot = Iot::new(store.clone(), Arc::clone(&registry), broker.is_some());
    if let Some(broker) = broker {
        let rules =
            TopicRules { iot: iot.clone(), registry, queues: store.queues(), clock: Arc::clone(clock) };
        tokio::spawn(rules.run(broker));
    }
    iot
}
