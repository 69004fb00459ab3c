//! `CreateEventSourceMapping` and the others. No source is built yet: a mapping is checked as AWS checks it, and then refused with
//! the name of what it would read from. Nothing is stored that nothing would read.

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    event_source_mapping::{MappingRequest, SourceKind},
};

use super::{LambdaApi, RequestContext, paging::Page, target::Target};

impl LambdaApi {
    /// Checks the mapping and says that its source is not built.
    pub(super) async fn create_event_source_mapping(
        &self,
        input: api::CreateEventSourceMappingRequest,
        context: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        let source =
            SourceKind::of(input.event_source_arn.as_deref(), input.self_managed_event_source.is_some())?;
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        requested(&input).check(source)?;
        // Recorded.
        self.locate(&target)
            .await
            .map_err(|_| LambdaError::InvalidParameterValue("Function does not exist".into()))?;
        Err(LambdaError::NotImplemented(format!(
            "Event source mappings of {} are not implemented by this server.",
            source.service()
        )))
    }

    /// There is none.
    pub(super) async fn get_event_source_mapping(
        &self,
        _: api::GetEventSourceMappingRequest,
        _: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        Err(not_there())
    }

    /// There is none.
    pub(super) async fn update_event_source_mapping(
        &self,
        _: api::UpdateEventSourceMappingRequest,
        _: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        Err(not_there())
    }

    /// There is none.
    pub(super) async fn delete_event_source_mapping(
        &self,
        _: api::DeleteEventSourceMappingRequest,
        _: &RequestContext,
    ) -> Result<api::EventSourceMappingConfiguration, LambdaError> {
        Err(not_there())
    }

    /// None, of a function that must be there if one is named.
    pub(super) async fn list_event_source_mappings(
        &self,
        input: api::ListEventSourceMappingsRequest,
        context: &RequestContext,
    ) -> Result<api::ListEventSourceMappingsResponse, LambdaError> {
        Page::read(input.marker.as_deref(), input.max_items)?;
        if let Some(name) = input.function_name.as_deref() {
            let target = Target::of(Some(name), None, context)?;
            self.locate(&target).await?;
        }
        Ok(api::ListEventSourceMappingsResponse {
            event_source_mappings: Some(Vec::new()),
            next_marker: None,
        })
    }
}

/// Recorded.
fn not_there() -> LambdaError {
    LambdaError::ResourceNotFound("The resource you requested does not exist.".into())
}

fn requested(input: &api::CreateEventSourceMappingRequest) -> MappingRequest {
    let stream_members = [
        ("ParallelizationFactor", input.parallelization_factor.is_some()),
        ("BisectBatchOnFunctionError", input.bisect_batch_on_function_error.is_some()),
        ("MaximumRecordAgeInSeconds", input.maximum_record_age_in_seconds.is_some()),
        ("MaximumRetryAttempts", input.maximum_retry_attempts.is_some()),
        ("TumblingWindowInSeconds", input.tumbling_window_in_seconds.is_some()),
    ];
    let filters = input.filter_criteria.as_ref().and_then(|criteria| criteria.filters.as_ref());
    let on_failure = input.destination_config.as_ref().and_then(|config| config.on_failure.as_ref());
    let scaling = input.scaling_config.as_ref();
    MappingRequest {
        batch_size: input.batch_size,
        batching_window_seconds: input.maximum_batching_window_in_seconds,
        starting_position: input.starting_position.clone(),
        has_starting_timestamp: input.starting_position_timestamp.is_some(),
        filters: filters
            .map(|filters| filters.iter().filter_map(|filter| filter.pattern.clone()).collect())
            .unwrap_or_default(),
        topics: input.topics.as_ref().map_or(0, Vec::len),
        queues: input.queues.as_ref().map_or(0, Vec::len),
        has_maximum_concurrency: scaling.is_some_and(|scaling| scaling.maximum_concurrency.is_some()),
        has_provisioned_pollers: input.provisioned_poller_config.is_some(),
        stream_members: stream_members
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| name)
            .collect(),
        on_failure: on_failure.and_then(|failure| failure.destination.clone()),
    }
}
