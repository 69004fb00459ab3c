//! What a dead-letter queue gets: the event itself, and why in attributes (A-08).

use serde::Deserialize;

use super::{Condition, MessageAttribute, destination_record::Ending};
use crate::LambdaError;

/// Longest `ErrorMessage`, bytes (A-08).
const MESSAGE_BYTES_MAX: usize = 1_024;

/// The attributes of the message.
pub fn attributes(ending: &Ending<'_>) -> Vec<MessageAttribute> {
    let attribute = |name: &str, data_type: &str, value: String| MessageAttribute {
        name: name.into(),
        data_type: data_type.into(),
        value,
    };
    let message = message(ending);
    let cut = message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)].to_owned();
    let mut attributes = vec![
        attribute("RequestID", "String", ending.event.request_id.clone()),
        attribute("ErrorMessage", "String", cut),
    ];
    if let Some(status) = status(ending) {
        attributes.push(attribute("ErrorCode", "Number", status.to_string()));
    }
    attributes
}

/// The status of the last attempt; none of what was never tried.
fn status(ending: &Ending<'_>) -> Option<u16> {
    match ending.condition {
        Condition::ZeroReservedConcurrency => None,
        Condition::FunctionGone => Some(404),
        Condition::RecursiveLoop => Some(400),
        _ => ending.response.map(|response| response.status),
    }
}

fn message(ending: &Ending<'_>) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct FunctionError {
        error_message: Option<String>,
    }
    let of_error = |payload: &[u8]| serde_json::from_slice::<FunctionError>(payload).ok()?.error_message;
    match (ending.condition, ending.response) {
        (Condition::ZeroReservedConcurrency, _) => {
            // AWS's own words, with the slip in them.
            "Function not invoked. Function isconfigured with zero reserved concurrent executions".into()
        }
        (Condition::FunctionGone, _) => {
            format!("Function not found: {}", ending.event.invoked_function_arn())
        }
        (Condition::RecursiveLoop, _) => LambdaError::RecursiveInvocation.to_string(),
        (_, Some(response)) if response.is_function_error => of_error(&response.payload)
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| String::from_utf8_lossy(&response.payload).into_owned()),
        (_, Some(response)) => String::from_utf8_lossy(&response.payload).into_owned(),
        // An attribute of SQS may not be empty.
        (condition, None) => condition.as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        function::FunctionKey,
        invocation::asynchronous::{AsyncEvent, destination_record::Response},
    };

    fn told(condition: Condition, status: u16, is_function_error: bool, payload: &str) -> Vec<String> {
        let event = AsyncEvent {
            request_id: "id".into(),
            key: FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() },
            qualifier: None,
            payload: Bytes::from_static(b"1"),
            trace_id: None,
            accepted_at_ms: 0,
        };
        let response = Response {
            status,
            executed_version: "1".into(),
            is_function_error,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        };
        let ending = Ending {
            event: &event,
            condition,
            invoke_count: 1,
            response: Some(&response),
            trace_id: None,
            now_ms: 0,
        };
        let told = |attribute: MessageAttribute| {
            format!("{}({})={}", attribute.name, attribute.data_type, attribute.value)
        };
        attributes(&ending).into_iter().map(told).collect()
    }

    #[test]
    fn a_08_attributes_tell_why() {
        assert_eq!(
            told(Condition::RetriesExhausted, 200, true, r#"{"errorMessage":"no","errorType":"E"}"#),
            ["RequestID(String)=id", "ErrorMessage(String)=no", "ErrorCode(Number)=200"]
        );
        let throttled = told(Condition::EventAgeExceeded, 429, false, "Rate Exceeded.");
        assert_eq!(throttled[1..], ["ErrorMessage(String)=Rate Exceeded.", "ErrorCode(Number)=429"]);
        assert_eq!(told(Condition::ZeroReservedConcurrency, 0, false, "").len(), 2);
        let long = told(Condition::RetriesExhausted, 200, true, &"ü".repeat(2_000));
        assert_eq!(long[1].len(), "ErrorMessage(String)=".len() + MESSAGE_BYTES_MAX);
    }
}
