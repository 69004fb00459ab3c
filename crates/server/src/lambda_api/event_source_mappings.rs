//! `CreateEventSourceMapping` and the others. A mapping is checked as AWS checks it; one of a source that is not built is then refused
//! with its name: nothing is stored that nothing would read.

use std::collections::BTreeMap;

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    event_source_mapping::{EventSourceMapping, MappingRequest, ProvisionedPollers, SourceKind},
    function::{LATEST, settings},
};
use store::{DocumentKey, DocumentRange, Transaction};

use super::{LambdaApi, RequestContext, paging::Page, target::Target};
use crate::{clock, identity::Caller};

/// What of a mapping is in a request of either kind.
struct Settings {
    enabled: Option<bool>,
    batch_size: Option<i64>,
    batching_window_seconds: Option<i64>,
    filters: Option<Vec<String>>,
    maximum_concurrency: Option<Option<u32>>,
    provisioned: Option<Option<ProvisionedPollers>>,
    response_types: Option<Vec<String>>,
    counts_events: Option<bool>,
}

/// The members that requests of both kinds have.
macro_rules! settings_of {
    ($input:ident) => {
        Settings {
            enabled: $input.enabled,
            batch_size: $input.batch_size,
            batching_window_seconds: $input.maximum_batching_window_in_seconds,
            filters: $input.filter_criteria.map(patterns),
            maximum_concurrency: $input
                .scaling_config
                .map(|scaling| scaling.maximum_concurrency.and_then(|most| u32::try_from(most).ok())),
            provisioned: $input.provisioned_poller_config.map(provisioned),
            response_types: $input.function_response_types,
            counts_events: $input.metrics_config.map(|config| !config.metrics.unwrap_or_default().is_empty()),
        }
    };
}

/// What has rules beyond the API model's in requests of both kinds.
macro_rules! requested {
    ($input:ident, $position:expr, $has_timestamp:expr, $topics:expr, $queues:expr) => {{
        let stream_members = [
            ("ParallelizationFactor", $input.parallelization_factor.is_some()),
            ("BisectBatchOnFunctionError", $input.bisect_batch_on_function_error.is_some()),
            ("MaximumRecordAgeInSeconds", $input.maximum_record_age_in_seconds.is_some()),
            ("MaximumRetryAttempts", $input.maximum_retry_attempts.is_some()),
            ("TumblingWindowInSeconds", $input.tumbling_window_in_seconds.is_some()),
        ];
        let on_failure = $input.destination_config.as_ref().and_then(|config| config.on_failure.as_ref());
        let scaling = $input.scaling_config.as_ref();
        MappingRequest {
            batch_size: $input.batch_size,
            batching_window_seconds: $input.maximum_batching_window_in_seconds,
            starting_position: $position,
            has_starting_timestamp: $has_timestamp,
            filters: $input.filter_criteria.clone().map(patterns).unwrap_or_default(),
            topics: $topics,
            queues: $queues,
            has_maximum_concurrency: scaling.is_some_and(|scaling| scaling.maximum_concurrency.is_some()),
            has_provisioned_pollers: $input.provisioned_poller_config.is_some(),
            stream_members: stream_members
                .into_iter()
                .filter(|(_, there)| *there)
                .map(|(name, _)| name)
                .collect(),
            on_failure: on_failure.and_then(|failure| failure.destination.clone()),
        }
    }};
}

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
        let event_source_arn = input.event_source_arn.clone().unwrap_or_default();
        self.check_queue(&event_source_arn, function.configuration.timeout_seconds).await?;
        let tags: BTreeMap<String, String> = input.tags.clone().unwrap_or_default();
        settings::check_tags(&tags)?;
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
            tags,
            modified_ms: clock::unix_ms(),
        };
        settings_of!(input).apply(&mut mapping);
        let key = mapping_key(&context.caller, &uuid::Uuid::new_v4().to_string());
        let stored = (key.clone(), mapping.clone());
        self.store
            .transact(move |transaction| {
                let (key, mapping) = stored;
                check_single(transaction, &key, &mapping)?;
                transaction.put_document(&key, &mapping)?;
                Ok::<_, LambdaError>(())
            })
            .await?;
        let state = if mapping.is_enabled { "Creating" } else { "Disabled" };
        Ok(shown(&key, mapping, state))
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
        Ok(shown(&key, mapping, state))
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
        let mut request = requested!(input, None, false, 0, 0);
        // What is not said stays, and the whole must be right.
        request.batch_size = request.batch_size.or(Some(mapping.batch_size));
        request.batching_window_seconds =
            request.batching_window_seconds.or(Some(mapping.batching_window_seconds));
        request.check(source)?;
        self.check_built(source, input.kms_key_arn.is_some())?;
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
        Ok(shown(&key, mapping, "Updating"))
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
        Ok(shown(&key, mapping, "Deleting"))
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
            shown(&key, mapping, state)
        });
        Ok(api::ListEventSourceMappingsResponse {
            event_source_mappings: Some(mappings.collect()),
            next_marker,
        })
    }

    fn check_built(&self, source: SourceKind, has_key: bool) -> Result<(), LambdaError> {
        if !matches!(source, SourceKind::Sqs { .. }) {
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

impl Settings {
    fn apply(self, mapping: &mut EventSourceMapping) {
        mapping.is_enabled = self.enabled.unwrap_or(mapping.is_enabled);
        mapping.batch_size = self.batch_size.unwrap_or(mapping.batch_size);
        mapping.batching_window_seconds =
            self.batching_window_seconds.unwrap_or(mapping.batching_window_seconds);
        if let Some(filters) = self.filters {
            mapping.filters = filters;
        }
        if let Some(most) = self.maximum_concurrency {
            mapping.maximum_concurrency = most;
        }
        if let Some(provisioned) = self.provisioned {
            mapping.provisioned = provisioned;
        }
        if let Some(types) = self.response_types {
            mapping.reports_item_failures = types.iter().any(|kind| kind == REPORTS_ITEM_FAILURES);
        }
        mapping.counts_events = self.counts_events.unwrap_or(mapping.counts_events);
    }
}

/// The only response type that there is.
const REPORTS_ITEM_FAILURES: &str = "ReportBatchItemFailures";

fn patterns(criteria: api::FilterCriteria) -> Vec<String> {
    let filters = criteria.filters.unwrap_or_default();
    filters.into_iter().filter_map(|filter| filter.pattern).collect()
}

/// An empty configuration takes away what was provisioned.
fn provisioned(config: api::ProvisionedPollerConfig) -> Option<ProvisionedPollers> {
    let (minimum, maximum) = (config.minimum_pollers, config.maximum_pollers);
    (minimum.is_some() || maximum.is_some()).then(|| ProvisionedPollers::of(minimum, maximum))
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
    };
    match transaction.documents::<EventSourceMapping>(&range)?.iter().find(|other| is_same(other)) {
        None => Ok(()),
        Some((known, _)) => Err(LambdaError::ResourceConflict(format!(
            "An event source mapping with SQS arn (\" {} \") and function (\" {} \") already exists. Please update or delete the existing mapping with UUID {}",
            mapping.event_source_arn, mapping.function.name, known.name
        ))),
    }
}

/// Recorded.
pub(super) fn not_there() -> LambdaError {
    LambdaError::ResourceNotFound("The resource you requested does not exist.".into())
}

fn shown(
    key: &DocumentKey,
    mapping: EventSourceMapping,
    state: &str,
) -> api::EventSourceMappingConfiguration {
    let function_arn = mapping.function_arn();
    let filters: Vec<_> =
        mapping.filters.into_iter().map(|pattern| api::Filter { pattern: Some(pattern) }).collect();
    let partition = function_arn.split(':').nth(1).unwrap_or("aws");
    let arn =
        format!("arn:{partition}:lambda:{}:{}:event-source-mapping:{}", key.region, key.account_id, key.name);
    let response_types =
        if mapping.reports_item_failures { vec![REPORTS_ITEM_FAILURES.to_owned()] } else { Vec::new() };
    api::EventSourceMappingConfiguration {
        uuid: Some(key.name.clone()),
        batch_size: Some(mapping.batch_size),
        maximum_batching_window_in_seconds: Some(mapping.batching_window_seconds),
        event_source_arn: Some(mapping.event_source_arn),
        event_source_mapping_arn: Some(arn),
        function_arn: Some(function_arn),
        function_response_types: Some(response_types),
        filter_criteria: (!filters.is_empty()).then_some(api::FilterCriteria { filters: Some(filters) }),
        scaling_config: mapping
            .maximum_concurrency
            .map(|most| api::ScalingConfig { maximum_concurrency: Some(i64::from(most)) }),
        provisioned_poller_config: mapping.provisioned.map(|pollers| api::ProvisionedPollerConfig {
            minimum_pollers: Some(i64::from(pollers.minimum)),
            maximum_pollers: Some(i64::from(pollers.maximum)),
            ..Default::default()
        }),
        metrics_config: mapping
            .counts_events
            .then(|| api::EventSourceMappingMetricsConfig { metrics: Some(vec!["EventCount".into()]) }),
        last_modified: Some(mapping.modified_ms as f64 / 1_000.0),
        state: Some(state.to_owned()),
        state_transition_reason: Some("USER_INITIATED".into()),
        ..Default::default()
    }
}
