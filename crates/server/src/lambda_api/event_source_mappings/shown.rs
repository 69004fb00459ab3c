//! A mapping as the API shows it.

use aws_api::generated::lambda::types as api;
use lambda_model::event_source_mapping::{
    EventSourceMapping,
    stream::{StartingPosition, StreamSettings},
};
use store::DocumentKey;

use super::{brokers, settings::REPORTS_ITEM_FAILURES};

pub(super) fn shown(
    key: &DocumentKey,
    mapping: EventSourceMapping,
    (state, last_result): (&str, Option<String>),
) -> api::EventSourceMappingConfiguration {
    let function_arn = mapping.function_arn();
    // Recorded of both.
    let reason = if mapping.stream.is_some() { "User action" } else { "USER_INITIATED" };
    let filters: Vec<_> =
        mapping.filters.into_iter().map(|pattern| api::Filter { pattern: Some(pattern) }).collect();
    let partition = function_arn.split(':').nth(1).unwrap_or("aws");
    let arn =
        format!("arn:{partition}:lambda:{}:{}:event-source-mapping:{}", key.region, key.account_id, key.name);
    let broker = mapping.broker.clone();
    let response_types =
        if mapping.reports_item_failures { vec![REPORTS_ITEM_FAILURES.to_owned()] } else { Vec::new() };
    let configuration = api::EventSourceMappingConfiguration {
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
        state_transition_reason: Some(reason.into()),
        last_processing_result: last_result,
        ..of_stream(mapping.stream)
    };
    match broker {
        Some(broker) => brokers::shown(broker, &key.name, configuration),
        None => configuration,
    }
}

/// What only streams have.
fn of_stream(stream: Option<StreamSettings>) -> api::EventSourceMappingConfiguration {
    let Some(stream) = stream else { return Default::default() };
    let timestamp = match stream.starting_position {
        StartingPosition::AtTimestamp(at_ms) => Some(at_ms as f64 / 1_000.0),
        StartingPosition::TrimHorizon | StartingPosition::Latest => None,
    };
    api::EventSourceMappingConfiguration {
        starting_position: Some(stream.starting_position.name().to_owned()),
        starting_position_timestamp: timestamp,
        parallelization_factor: Some(i64::from(stream.parallelization_factor)),
        bisect_batch_on_function_error: Some(stream.bisects),
        maximum_record_age_in_seconds: Some(stream.record_age_max_seconds),
        maximum_retry_attempts: Some(stream.retries_max),
        tumbling_window_in_seconds: Some(stream.tumbling_window_seconds),
        destination_config: Some(api::DestinationConfig {
            on_failure: Some(api::OnFailure { destination: stream.on_failure }),
            on_success: None,
        }),
        ..Default::default()
    }
}
