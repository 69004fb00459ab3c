//! A member of a consumer group: the file that knows the library.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use krafka::{
    Kafka, KrafkaError, Record, TimestampType,
    consumer::{
        AutoOffsetReset, Consumer, ConsumerRebalanceListener, ConsumerRecord, IsolationLevel,
        OffsetAndMetadata, PartitionAssignmentStrategy, TopicPartition,
    },
    producer::Acks,
};
use lambda_model::event_source_mapping::{broker::kafka::KafkaRecord, stream::StartingPosition};

use super::KafkaPoller;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a member may be silent before the group goes on without it. It is not silent while its function runs.
const SILENCE_MAX: Duration = Duration::from_secs(300);
/// How long the group waits for a member that has gone without a word: after a crash nobody reads its partitions for so long.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a member shows that it is there.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// A member's view of the topic.
pub(super) struct Topic {
    kafka: Kafka,
    name: String,
    position: StartingPosition,
    consumer: Consumer,
    taken_away: TakenAway,
}

/// Partitions that were taken away and that nobody has looked at since.
#[derive(Clone, Default)]
struct TakenAway(Arc<Mutex<BTreeSet<i32>>>);

impl TakenAway {
    fn partitions(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, partitions: &[TopicPartition]) {
        self.partitions().extend(partitions.iter().map(|partition| partition.partition));
    }
}

impl ConsumerRebalanceListener for TakenAway {
    async fn on_partitions_assigned(&self, _: &[TopicPartition]) {}

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        self.note(partitions);
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.note(partitions);
    }
}

impl Topic {
    /// Connects, and joins the group with the next poll. What is wrong is said as a last result says it.
    pub(super) async fn open(poller: &KafkaPoller, records_max: i32) -> Result<Self, String> {
        let access = poller.access().await?;
        let kafka = Kafka::builder(poller.broker.bootstrap_servers.join(","))
            .client_id("lambent")
            .security(access)
            .connect_timeout(CONNECT_TIMEOUT)
            .connect()
            .await
            .map_err(|error| told(&error))?;
        let taken_away = TakenAway::default();
        let consumer = kafka
            .consumer(poller.group())
            .enable_auto_commit(false)
            // Where nothing is committed, that is resolved here, and kept before anything is read.
            .auto_offset_reset(AutoOffsetReset::None)
            .isolation_level(IsolationLevel::ReadCommitted)
            // A group may have members that are not ours.
            .partition_assignment_strategies([
                PartitionAssignmentStrategy::CooperativeSticky,
                PartitionAssignmentStrategy::Range,
                PartitionAssignmentStrategy::RoundRobin,
            ])
            .max_poll_interval(SILENCE_MAX)
            .session_timeout(SESSION_TIMEOUT)
            .heartbeat_interval(HEARTBEAT)
            .max_poll_records(records_max)
            .rebalance_listener(taken_away.clone())
            .build()
            .await
            .map_err(|error| told(&error))?;
        let name = poller.broker.channel.clone();
        let found = consumer.fetch_metadata(Some(&name)).await.map_err(|error| told(&error))?;
        if !found.topics.iter().any(|topic| topic.name == name && !topic.partitions.is_empty()) {
            return Err(told(&KrafkaError::unknown_topic(name)));
        }
        consumer.subscribe([&name]).await.map_err(|error| told(&error))?;
        Ok(Self { kafka, name, position: poller.settings.starting_position, consumer, taken_away })
    }

    /// Records, as they come within a time. May be given up while it waits.
    pub(super) async fn poll(&self, wait: Duration) -> Result<Vec<KafkaRecord>, String> {
        match self.consumer.poll(wait).await {
            Ok(records) => Ok(records.into_iter().map(record).collect()),
            Err(KrafkaError::NoOffset { partitions }) => {
                let partitions = partitions.into_iter().map(|(_, partition)| partition).collect();
                self.begin(partitions).await.map(|()| Vec::new()).map_err(|error| told(&error))
            }
            Err(error) => Err(told(&error)),
        }
    }

    /// Has partitions begin where the mapping says. One whose place is gone goes on at its oldest record.
    async fn begin(&self, partitions: Vec<i32>) -> Result<(), KrafkaError> {
        let named: Vec<(&str, i32)> =
            partitions.iter().map(|partition| (self.name.as_str(), *partition)).collect();
        let committed = self.consumer.committed(&named).await?;
        let mut offsets = BTreeMap::new();
        for partition in partitions {
            let (oldest, end) = self.consumer.fetch_watermarks(&self.name, partition).await?;
            let is_known = committed.contains_key(&(self.name.clone(), partition));
            let offset = match self.position {
                _ if is_known => oldest,
                StartingPosition::TrimHorizon => oldest,
                StartingPosition::Latest => end,
                StartingPosition::AtTimestamp(at_ms) => {
                    self.offset_at(partition, at_ms).await?.unwrap_or(end)
                }
            };
            self.consumer.seek(&self.name, partition, offset).await?;
            offsets.insert(partition, offset);
        }
        self.commit_all(&offsets).await
    }

    async fn offset_at(&self, partition: i32, at_ms: i64) -> Result<Option<i64>, KrafkaError> {
        let named = [(self.name.as_str(), partition)];
        let found = self.consumer.offsets_for_times(&named, at_ms).await.into_values().next();
        Ok(found.transpose()?.filter(|offset| *offset >= 0))
    }

    /// Partitions that were taken away since this was last asked.
    pub(super) fn taken_away(&self) -> BTreeSet<i32> {
        mem::take(&mut self.taken_away.partitions())
    }

    /// The partitions that are this member's.
    pub(super) async fn own(&self) -> BTreeSet<i32> {
        let assigned = self.consumer.assignment().await;
        assigned.get(&self.name).into_iter().flatten().copied().collect()
    }

    /// Reads nothing more of what is this member's.
    pub(super) async fn hold(&self) {
        let own: Vec<i32> = self.own().await.into_iter().collect();
        self.consumer.pause(&self.name, &own).await;
    }

    /// Reads on.
    pub(super) async fn go_on(&self) {
        let own: Vec<i32> = self.own().await.into_iter().collect();
        self.consumer.resume(&self.name, &own).await;
    }

    /// Commits offsets, as far as they are of this member's partitions.
    pub(super) async fn commit(&self, offsets: &BTreeMap<i32, i64>) -> Result<(), String> {
        let own = self.own().await;
        let mut offsets = offsets.clone();
        offsets.retain(|partition, _| own.contains(partition));
        if offsets.is_empty() {
            return Ok(());
        }
        self.commit_all(&offsets).await.map_err(|error| told(&error))
    }

    async fn commit_all(&self, offsets: &BTreeMap<i32, i64>) -> Result<(), KrafkaError> {
        let offsets = offsets.iter().map(|(partition, offset)| {
            (TopicPartition::new(self.name.clone(), *partition), OffsetAndMetadata::new(*offset))
        });
        self.consumer.commit_offsets(offsets).await
    }

    /// Skips what would be read a second time.
    pub(super) async fn skip_to(&self, partition: i32, offset: i64) {
        let position = self.consumer.fetch_position(&self.name, partition).await;
        if position.is_none_or(|position| position < offset) {
            // Whoever has the partition by now reads it.
            let _ = self.consumer.seek(&self.name, partition, offset).await;
        }
    }

    /// How many partitions there are, and how many records its own are behind: as the last poll found it, nobody is asked.
    pub(super) async fn standing(&self) -> (u32, BTreeMap<i32, u64>) {
        let lags = self.consumer.lag().await.into_iter();
        let lags = lags.map(|(partition, lag)| (partition.partition, lag.lag.unwrap_or(0))).collect();
        let topics = self.consumer.fetch_metadata(None).await.map(|found| found.topics).unwrap_or_default();
        let topic = topics.iter().find(|topic| topic.name == self.name);
        (topic.map_or(0, |topic| u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX)), lags)
    }

    /// Puts a record at the end of another topic of the same servers; it is there when this returns.
    pub(super) async fn produce(&self, topic: &str, key: &str, body: String) -> Result<(), String> {
        let producer = self.kafka.producer().acks(Acks::All).build().await.map_err(|error| told(&error))?;
        let sent = producer.send(Record::new(topic, body).key(key.to_owned())).await;
        let _ = producer.close().await;
        sent.map(drop).map_err(|error| told(&error))
    }

    /// Leaves the group.
    pub(super) async fn close(&self) {
        let _ = self.consumer.close().await;
    }
}

fn record(record: ConsumerRecord) -> KafkaRecord {
    KafkaRecord {
        topic: record.topic.to_string(),
        partition: record.partition,
        offset: record.offset,
        timestamp_ms: record.timestamp,
        is_append_time: record.timestamp_type == TimestampType::LogAppendTime,
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

/// What a mapping's last result says (Lambda developer guide, errors of Kafka event sources).
fn told(error: &KrafkaError) -> String {
    match error {
        KrafkaError::Auth { .. } => "PROBLEM: SASL authentication failed.".into(),
        KrafkaError::UnknownTopic { topic } => format!("PROBLEM: The topic {topic} was not found."),
        other => {
            tracing::debug!(error = %other, "a server of Kafka could not be used");
            "PROBLEM: Connection error. Please check your event source connection configuration.".into()
        }
    }
}
