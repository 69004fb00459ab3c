//! `CreateEventSourceMapping` and the others. A mapping is checked as AWS checks it; one of a source that is not built is then refused
//! with its name: nothing is stored that nothing would read.

mod brokers;
mod settings;
mod shown;

use std::collections::BTreeMap;

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    event_source_mapping::{
        EventSourceMapping, MappingRequest, SourceKind,
        broker::BrokerSettings,
        stream::{StartingPosition, StreamSettings},
    },
    function::{LATEST, settings::check_tags},
    ports::StreamShard,
};
use store::{DocumentKey, DocumentRange, Transaction};

use self::{
    settings::{on_failure, patterns, provisioned, requested, settings_of},
    shown::shown,
};
use super::{LambdaApi, RequestContext, paging::Page, target::Target};
use crate::{
    clock,
    event_source_mappings::{forget, start_behind},
    identity::Caller,
};

impl LambdaApi {
    /// Makes a mapping, which begins to read at once.
    pub(super) async fn create_event_source_mapping(
        &self,
        input: api::CreateEventSourceMappingRequest,
        context: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        let source =
            SourceKind::of(input.event_source_arn.as_deref(), input.self_managed_event_source.is_some())?;
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let (topics, queues) =
            (input.topics.as_ref().map_or(0, Vec::len), input.queues.as_ref().map_or(0, Vec::len));
        let has_timestamp = input.starting_position_timestamp.is_some();
        requested!(input, input.starting_position.clone(), has_timestamp, topics, queues).check(source)?;
        // Recorded.
        let function = self
            .locate(&target)
            .await
            .map_err(|_| LambdaError::InvalidParameterValue("Function does not exist".into()))?;
        self.check_built(source, input.kms_key_arn.is_some())?;
        let broker = brokers::given(source, &input)?;
        let event_source_arn = input.event_source_arn.clone().unwrap_or_default();
        let timeout_seconds = function.configuration.timeout_seconds;
        let shards = match &broker {
            None => self.check_source(source, &event_source_arn, timeout_seconds).await?,
            Some(broker) => {
                self.check_broker(source, (&event_source_arn, &broker.access), timeout_seconds)?;
                Vec::new()
            }
        };
        let starting_position = input.starting_position.as_deref().unwrap_or_default();
        let starting_position = StartingPosition::of(starting_position, input.starting_position_timestamp);
        let tags: BTreeMap<String, String> = input.tags.clone().unwrap_or_default();
        check_tags(&tags)?;
        let mut mapping = EventSourceMapping {
            function: target.key,
            qualifier: target.qualifier.filter(|qualifier| qualifier != LATEST),
            event_source_arn,
            is_enabled: true,
            batch_size: source.batch_size_default(),
            batching_window_seconds: 0,
            filters: Vec::new(),
            maximum_concurrency: None,
            provisioned: None,
            reports_item_failures: false,
            counts_events: false,
            stream: (source.is_stream() || source.is_kafka())
                .then(|| StreamSettings::starting_at(starting_position)),
            broker,
            tags,
            modified_ms: clock::unix_ms(),
        };
        settings_of!(input).apply(&mut mapping);
        let key = mapping_key(&context.caller, &uuid::Uuid::new_v4().to_string());
        self.keep_new(&key, &mapping, &shards).await?;
        let state = if mapping.is_enabled { "Creating" } else { "Disabled" };
        Ok(self.shown_of(&key, mapping, state))
    }

    /// Has a new mapping kept, with the places where it begins.
    async fn keep_new(
        &self,
        key: &DocumentKey,
        mapping: &EventSourceMapping,
        shards: &[StreamShard],
    ) -> Result<(), LambdaError> {
        if mapping.is_latest() {
            start_behind(&self.store.queues(), &key.name, shards).await?;
        }
        let stored = (key.clone(), mapping.clone());
        let made = self
            .store
            .transact(move |transaction| {
                let (key, mapping) = stored;
                check_single(transaction, &key, &mapping)?;
                transaction.put_document(&key, &mapping)?;
                Ok::<_, LambdaError>(())
            })
            .await;
        if made.is_err() && mapping.is_latest() {
            forget(&self.store.queues(), &key.name).await;
        }
        made
    }

    /// One mapping.
    pub(super) async fn get_event_source_mapping(
        &self,
        input: api::GetEventSourceMappingRequest,
        context: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        let key = mapping_key(&context.caller, &input.uuid.unwrap_or_default());
        let mapping = self.store.document::<EventSourceMapping>(&key).await?.ok_or_else(not_there)?;
        let state = self.mappings.state(&key.name, &mapping);
        Ok(self.shown_of(&key, mapping, state))
    }

    /// Changes what the request names.
    pub(super) async fn update_event_source_mapping(
        &self,
        input: api::UpdateEventSourceMappingRequest,
        context: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        let key = mapping_key(&context.caller, &input.uuid.clone().unwrap_or_default());
        let mapping = self.store.document::<EventSourceMapping>(&key).await?.ok_or_else(not_there)?;
        let source = mapping.source().ok_or_else(not_there)?;
        let position = mapping.stream.as_ref().map(|stream| stream.starting_position.name().to_owned());
        // Neither its topic nor its queue changes.
        let channels = usize::from(mapping.broker.is_some());
        let mut request = requested!(input, position, true, channels, channels);
        // What is not said stays, and the whole must be right.
        request.batch_size = request.batch_size.or(Some(mapping.batch_size));
        request.batching_window_seconds =
            request.batching_window_seconds.or(Some(mapping.batching_window_seconds));
        request.check(source)?;
        self.check_built(source, input.kms_key_arn.is_some())?;
        if let Some(broker) = &mapping.broker {
            brokers::check_kafka(input.self_managed_kafka_event_source_config.as_ref())?;
            check_group(broker, input.self_managed_kafka_event_source_config.as_ref())?;
            let given = input.source_access_configurations.clone().map(|given| brokers::access(Some(given)));
            let access = given.as_deref().unwrap_or(&broker.access);
            self.check_broker(source, (&mapping.event_source_arn, access), 0)?;
        }
        let function = match input.function_name.as_deref() {
            None => None,
            Some(name) => {
                let target = Target::of(Some(name), None, context)?;
                self.locate(&target)
                    .await
                    .map_err(|_| LambdaError::InvalidParameterValue("Function does not exist".into()))?;
                Some(target)
            }
        };
        let settings = settings_of!(input);
        let stored = key.clone();
        let mapping = self
            .store
            .transact(move |transaction| {
                let mut mapping =
                    transaction.document::<EventSourceMapping>(&stored)?.ok_or_else(not_there)?;
                if let Some(target) = function {
                    mapping.function = target.key;
                    mapping.qualifier = target.qualifier.filter(|qualifier| qualifier != LATEST);
                }
                settings.apply(&mut mapping);
                mapping.modified_ms = clock::unix_ms();
                mapping.check()?;
                check_single(transaction, &stored, &mapping)?;
                transaction.put_document(&stored, &mapping)?;
                Ok::<_, LambdaError>(mapping)
            })
            .await?;
        Ok(self.shown_of(&key, mapping, "Updating"))
    }

    /// Deletes a mapping; what it has under way ends by itself.
    pub(super) async fn delete_event_source_mapping(
        &self,
        input: api::DeleteEventSourceMappingRequest,
        context: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        let key = mapping_key(&context.caller, &input.uuid.unwrap_or_default());
        let deleted = key.clone();
        let mapping = self
            .store
            .transact(move |transaction| {
                let mapping = transaction.document::<EventSourceMapping>(&deleted)?.ok_or_else(not_there)?;
                transaction.delete_document::<EventSourceMapping>(&deleted)?;
                Ok::<_, LambdaError>(mapping)
            })
            .await?;
        Ok(self.shown_of(&key, mapping, "Deleting"))
    }

    /// Those of a function, of a source, or all.
    pub(super) async fn list_event_source_mappings(
        &self,
        input: api::ListEventSourceMappingsRequest,
        context: &RequestContext,
    ) -> Result<api::ListEventSourceMappingsResponse, LambdaError> {
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        let of_function = match input.function_name.as_deref() {
            None => None,
            Some(name) => {
                let target = Target::of(Some(name), None, context)?;
                self.locate(&target).await?;
                Some((target.key, target.qualifier.filter(|qualifier| qualifier != LATEST)))
            }
        };
        let range = DocumentRange {
            account_id: context.caller.account_id.clone(),
            region: context.caller.region.clone(),
            after: page.after.clone().map(|after| (String::new(), after)),
            ..Default::default()
        };
        let is_wanted = |mapping: &EventSourceMapping| {
            let arn = input.event_source_arn.as_deref();
            arn.is_none_or(|arn| arn == mapping.event_source_arn)
                && of_function.as_ref().is_none_or(|(key, qualifier)| {
                    *key == mapping.function && *qualifier == mapping.qualifier
                })
        };
        let found = self.store.documents::<EventSourceMapping>(range).await?;
        let wanted = found.into_iter().filter(|(_, mapping)| is_wanted(mapping));
        let mut wanted: Vec<_> = wanted.take(page.read_size()).collect();
        let next_marker = page.cut(&mut wanted, |(key, _)| key.name.clone());
        let mappings = wanted.into_iter().map(|(key, mapping)| {
            let state = self.mappings.state(&key.name, &mapping);
            self.shown_of(&key, mapping, state)
        });
        Ok(api::ListEventSourceMappingsResponse {
            event_source_mappings: Some(mappings.collect()),
            next_marker,
        })
    }

    fn check_built(&self, source: SourceKind, has_key: bool) -> Result<(), LambdaError> {
        let is_broker = matches!(source, SourceKind::SelfManagedKafka | SourceKind::Mq);
        if !is_broker && !matches!(source, SourceKind::Sqs { .. }) && self.streams.of(source).is_none() {
            return Err(LambdaError::NotImplemented(format!(
                "Event source mappings of {} are not implemented by this server.",
                source.service()
            )));
        }
        if has_key && !self.accept_inert_settings {
            return Err(LambdaError::NotImplemented(
                "Keys of KMS are not implemented by this server. Start it with --accept-inert-settings to have the setting kept without an effect.".into(),
            ));
        }
        Ok(())
    }

    /// The source is there; the shards of a stream as they are now.
    async fn check_source(
        &self,
        source: SourceKind,
        arn: &str,
        timeout_seconds: i64,
    ) -> Result<Vec<StreamShard>, LambdaError> {
        let Some(stream) = self.streams.of(source) else {
            return self.check_queue(arn, timeout_seconds).await.map(|()| Vec::new());
        };
        let shards = stream.shards(arn).await?;
        shards.ok_or_else(|| LambdaError::InvalidParameterValue(format!("Stream not found: {arn}")))
    }

    fn shown_of(
        &self,
        key: &DocumentKey,
        mapping: EventSourceMapping,
        state: &str,
    ) -> api::EventSourceMappingConfiguration {
        let has_result = mapping.stream.is_some() || mapping.broker.is_some();
        let last_result = has_result.then(|| self.mappings.last_result(&key.name));
        shown(key, mapping, (state, last_result))
    }

    /// The queue is there, and hides its messages for as long as the function may run.
    async fn check_queue(&self, arn: &str, timeout_seconds: i64) -> Result<(), LambdaError> {
        let visibility = self.queue_source.visibility_seconds(arn).await.map_err(|told| {
            LambdaError::InvalidParameterValue(format!("Error occurred while ReceiveMessage. {told}"))
        })?;
        if visibility < timeout_seconds {
            return Err(LambdaError::InvalidParameterValue(format!(
                "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout_seconds} seconds"
            )));
        }
        Ok(())
    }
}

/// Where a mapping is kept.
pub(super) fn mapping_key(caller: &Caller, uuid: &str) -> DocumentKey {
    DocumentKey {
        account_id: caller.account_id.clone(),
        region: caller.region.clone(),
        parent: String::new(),
        name: uuid.to_ascii_lowercase(),
    }
}

/// A function has one mapping of a source (Q-12, recorded).
fn check_single(
    transaction: &Transaction<'_>,
    key: &DocumentKey,
    mapping: &EventSourceMapping,
) -> Result<(), LambdaError> {
    let range = DocumentRange {
        account_id: key.account_id.clone(),
        region: key.region.clone(),
        ..Default::default()
    };
    let is_same = |(known, other): &(DocumentKey, EventSourceMapping)| {
        known.name != key.name
            && other.event_source_arn == mapping.event_source_arn
            && other.function == mapping.function
            && other.qualifier == mapping.qualifier
            && other.broker.as_ref().map(read_of) == mapping.broker.as_ref().map(read_of)
    };
    match transaction.documents::<EventSourceMapping>(&range)?.iter().find(|other| is_same(other)) {
        None => Ok(()),
        // Recorded of both.
        Some((known, _)) if mapping.stream.is_some() => Err(LambdaError::ResourceConflict(format!(
            "The event source arn (\" {} \") and function (\" {} \") provided mapping already exists. Please update or delete the existing mapping with UUID {}",
            mapping.event_source_arn, mapping.function.name, known.name
        ))),
        Some((known, _)) => Err(LambdaError::ResourceConflict(format!(
            "An event source mapping with SQS arn (\" {} \") and function (\" {} \") already exists. Please update or delete the existing mapping with UUID {}",
            mapping.event_source_arn, mapping.function.name, known.name
        ))),
    }
}

/// What of a broker is read.
fn read_of(broker: &BrokerSettings) -> (&[String], &str) {
    (&broker.bootstrap_servers, &broker.channel)
}

/// A consumer group is that of its mapping for ever (KF-01).
fn check_group(
    broker: &BrokerSettings,
    config: Option<&api::SelfManagedKafkaEventSourceConfig>,
) -> Result<(), LambdaError> {
    let given = config.and_then(|config| config.consumer_group_id.as_ref());
    match given.is_none() || given == broker.consumer_group_id.as_ref() {
        true => Ok(()),
        false => Err(LambdaError::InvalidParameterValue("ConsumerGroupId cannot be updated.".into())),
    }
}

/// Recorded.
pub(super) fn not_there() -> LambdaError {
    LambdaError::ResourceNotFound("The resource you requested does not exist.".into())
}
