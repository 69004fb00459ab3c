//! `TestMetricFilter`: what a pattern matches, and what it takes out of it.

use aws_api::generated::logs::types as api;

use super::{CloudWatchLogs, Handled, filter_events::parsed};
use crate::service::ServiceContext;

impl CloudWatchLogs {
    pub(super) async fn test_metric_filter(
        &self,
        _: &ServiceContext,
        input: api::TestMetricFilterRequest,
    ) -> Handled<api::TestMetricFilterResponse> {
        let pattern = parsed(input.filter_pattern.as_deref())?;
        let messages = (1..).zip(input.log_event_messages.unwrap_or_default());
        let matching = messages.filter(|(_, message)| pattern.matches(message));
        let matches = matching.map(|(number, message)| api::MetricFilterMatchRecord {
            event_number: Some(number),
            extracted_values: Some(pattern.extract(&message)),
            event_message: Some(message),
        });
        Ok(api::TestMetricFilterResponse { matches: Some(matches.collect()) })
    }
}
