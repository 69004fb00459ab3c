//! What of a mapping is in a request to make or to change one.

use aws_api::generated::lambda::types as api;
use lambda_model::event_source_mapping::{
    EventSourceMapping, ProvisionedPollers, broker::SourceAccess, stream::StreamSettings,
};

/// What of a mapping is in a request of either kind.
pub(super) struct Settings {
    pub enabled: Option<bool>,
    pub batch_size: Option<i64>,
    pub batching_window_seconds: Option<i64>,
    pub filters: Option<Vec<String>>,
    pub maximum_concurrency: Option<Option<u32>>,
    pub provisioned: Option<Option<ProvisionedPollers>>,
    pub response_types: Option<Vec<String>>,
    pub counts_events: Option<bool>,
    pub parallelization_factor: Option<u32>,
    pub bisects: Option<bool>,
    pub record_age_max_seconds: Option<i64>,
    pub retries_max: Option<i64>,
    pub tumbling_window_seconds: Option<i64>,
    pub on_failure: Option<Option<String>>,
    pub access: Option<Vec<SourceAccess>>,
}

/// The members that requests of both kinds have.
macro_rules! settings_of {
    ($input:ident) => {
        $crate::lambda_api::event_source_mappings::settings::Settings {
            enabled: $input.enabled,
            batch_size: $input.batch_size,
            batching_window_seconds: $input.maximum_batching_window_in_seconds,
            filters: $input.filter_criteria.map(patterns),
            maximum_concurrency: $input
                .scaling_config
                .map(|scaling| scaling.maximum_concurrency.and_then(|most| u32::try_from(most).ok())),
            provisioned: $input.provisioned_poller_config.map(provisioned),
            response_types: $input.function_response_types,
            parallelization_factor: $input
                .parallelization_factor
                .and_then(|factor| u32::try_from(factor).ok()),
            bisects: $input.bisect_batch_on_function_error,
            record_age_max_seconds: $input.maximum_record_age_in_seconds,
            retries_max: $input.maximum_retry_attempts,
            tumbling_window_seconds: $input.tumbling_window_in_seconds,
            on_failure: $input.destination_config.map(on_failure),
            access: $input.source_access_configurations.map(|given| brokers::access(Some(given))),
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
            has_on_success: $input
                .destination_config
                .as_ref()
                .and_then(|config| config.on_success.as_ref())
                .is_some_and(|success| success.destination.is_some()),
            record_age_max_seconds: $input.maximum_record_age_in_seconds,
        }
    }};
}

impl Settings {
    pub(super) fn apply(self, mapping: &mut EventSourceMapping) {
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
        if let (Some(broker), Some(access)) = (&mut mapping.broker, self.access) {
            broker.access = access;
        }
        if let Some(stream) = &mut mapping.stream {
            let before = stream.clone();
            *stream = StreamSettings {
                starting_position: before.starting_position,
                parallelization_factor: self.parallelization_factor.unwrap_or(before.parallelization_factor),
                bisects: self.bisects.unwrap_or(before.bisects),
                record_age_max_seconds: self.record_age_max_seconds.unwrap_or(before.record_age_max_seconds),
                retries_max: self.retries_max.unwrap_or(before.retries_max),
                tumbling_window_seconds: self
                    .tumbling_window_seconds
                    .unwrap_or(before.tumbling_window_seconds),
                on_failure: self.on_failure.unwrap_or(before.on_failure),
            };
        }
    }
}

/// The only response type that there is.
pub(super) const REPORTS_ITEM_FAILURES: &str = "ReportBatchItemFailures";

pub(super) fn patterns(criteria: api::FilterCriteria) -> Vec<String> {
    let filters = criteria.filters.unwrap_or_default();
    filters.into_iter().filter_map(|filter| filter.pattern).collect()
}

/// An empty configuration takes away what was provisioned.
pub(super) fn provisioned(config: api::ProvisionedPollerConfig) -> Option<ProvisionedPollers> {
    let (minimum, maximum) = (config.minimum_pollers, config.maximum_pollers);
    (minimum.is_some() || maximum.is_some()).then(|| ProvisionedPollers::of(minimum, maximum))
}

/// An empty configuration takes away what there was.
pub(super) fn on_failure(config: api::DestinationConfig) -> Option<String> {
    config.on_failure?.destination.filter(|destination| !destination.is_empty())
}

pub(super) use {requested, settings_of};
