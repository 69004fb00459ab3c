//! TestEventPattern.

use aws_api::generated::events::types;
use serde_json::{Map, Value};

use super::{EventBridge, Handled, error::invalid, rules::check_pattern};
use crate::service::ServiceContext;

/// What an event must have to be tested (API reference).
const FIELDS: &[&str] = &["id", "account", "source", "time", "region", "resources", "detail-type"];

impl EventBridge {
    #[expect(clippy::unused_async, reason = "the table of operations awaits every handler")]
    pub(super) async fn test_event_pattern(
        &self,
        _context: &ServiceContext,
        input: types::TestEventPatternRequest,
    ) -> Handled<types::TestEventPatternResponse> {
        let pattern = check_pattern(input.event_pattern.as_deref().unwrap_or_default())?;
        let event = input.event.unwrap_or_default();
        let wrong = |reason: &str| invalid(format!("Parameter Event is not valid. Reason: {reason}"));
        let fields: Map<String, Value> =
            serde_json::from_str(&event).map_err(|_| wrong("The event is not a JSON object."))?;
        if let Some(missing) = FIELDS.iter().find(|field| !fields.contains_key(**field)) {
            return Err(wrong(&format!("The event has no {missing}.")));
        }
        Ok(types::TestEventPatternResponse { result: Some(pattern.matches(&event)) })
    }
}
