//! The record that a destination gets of an ended event (A-05, A-07).

use aws_api::timestamp;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{AsyncEvent, Condition, Delivery, DeliveryKind, DeliveryOrigin, dead_letter};

/// How an event has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The event.
    pub event: &'a AsyncEvent,
    /// Why.
    pub condition: Condition,
    /// Attempts that ran.
    pub invoke_count: u32,
    /// What the last attempt gave; `None` when it gave nothing.
    pub response: Option<&'a Response>,
    /// `X-Amzn-Trace-Id` that the last attempt had, or else the caller's: with it a loop is seen (A-13).
    pub trace_id: Option<&'a str>,
    /// When, Unix time, milliseconds.
    pub now_ms: i64,
}

/// Who is told of the ends of a function's events: ARNs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// Of successes.
    pub on_success: Option<String>,
    /// Of failures.
    pub on_failure: Option<String>,
    /// Of failures too, in another form.
    pub dead_letter: Option<String>,
}

/// What an attempt gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200 of what ran, also if it failed; else the status of the refusal.
    pub status: u16,
    /// The version that ran, or was to run.
    pub executed_version: String,
    /// Whether it is an error of the function.
    pub is_function_error: bool,
    /// The response or the error.
    pub payload: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    version: &'static str,
    timestamp: String,
    request_context: RequestContext<'a>,
    request_payload: Payload<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_payload: Option<Payload<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    function_arn: String,
    condition: &'static str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext<'a> {
    status_code: u16,
    executed_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

/// JSON as it is; what is no JSON as a string.
#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(&'a RawValue),
    Text(Value),
}

impl<'a> Payload<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        match serde_json::from_slice(bytes) {
            Ok(json) => Self::Json(json),
            Err(_) => Self::Text(Value::String(String::from_utf8_lossy(bytes).into_owned())),
        }
    }
}

impl Ending<'_> {
    /// What is to be told, and to whom.
    pub fn deliveries(&self, targets: Targets) -> Vec<Delivery> {
        let Targets { on_success, on_failure, dead_letter } = targets;
        let wanted = match self.condition {
            Condition::Success => [(on_success, DeliveryKind::OnSuccess), (None, DeliveryKind::DeadLetter)],
            _ => [(on_failure, DeliveryKind::OnFailure), (dead_letter, DeliveryKind::DeadLetter)],
        };
        wanted.into_iter().filter_map(|(target, kind)| Some(self.delivery(target?, kind))).collect()
    }

    fn delivery(&self, target: String, kind: DeliveryKind) -> Delivery {
        let (attributes, body) = match kind {
            DeliveryKind::DeadLetter => (dead_letter::attributes(self), self.event.payload.clone()),
            DeliveryKind::OnSuccess | DeliveryKind::OnFailure => (Vec::new(), self.record()),
        };
        let resource = self.event.resource().to_owned();
        Delivery {
            target,
            origin: Some(DeliveryOrigin { kind, function: self.event.key.clone(), resource }),
            request_id: self.event.request_id.clone(),
            trace_id: self.trace_id.map(str::to_owned),
            sender: None,
            tries: None,
            group: None,
            object_key: None,
            subject: None,
            attributes,
            ended_at_ms: self.now_ms,
            body,
        }
    }

    /// The record, JSON.
    pub fn record(&self) -> Bytes {
        let event = self.event;
        let record = Record {
            version: "1.0",
            timestamp: timestamp::iso_milliseconds(self.now_ms),
            request_context: RequestContext {
                request_id: &event.request_id,
                function_arn: event.key.qualified_arn(event.resource()),
                condition: self.condition.as_str(),
                approximate_invoke_count: self.invoke_count,
            },
            request_payload: Payload::of(&event.payload),
            response_context: self.response.map(|response| ResponseContext {
                status_code: response.status,
                executed_version: &response.executed_version,
                function_error: response.is_function_error.then_some("Unhandled"),
            }),
            response_payload: self.response.map(|response| Payload::of(&response.payload)),
        };
        // Nothing in it can fail to be written.
        serde_json::to_vec(&record).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::FunctionKey;

    fn event(payload: &'static str) -> AsyncEvent {
        AsyncEvent {
            request_id: "id".into(),
            key: FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() },
            qualifier: None,
            payload: Bytes::from_static(payload.as_bytes()),
            trace_id: None,
            accepted_at_ms: 0,
        }
    }

    fn record(ending: Ending<'_>) -> String {
        String::from_utf8(ending.record().to_vec()).unwrap()
    }

    #[test]
    fn a_05_a_record_tells_what_was_asked_and_what_came_of_it() {
        let event = event(r#"{"a": 1.0}"#);
        let response = Response {
            status: 200,
            executed_version: "$LATEST".into(),
            is_function_error: true,
            payload: Bytes::from_static(br#"{"errorMessage":"no"}"#),
        };
        let ending = Ending {
            event: &event,
            condition: Condition::RetriesExhausted,
            invoke_count: 3,
            response: Some(&response),
            trace_id: None,
            now_ms: 1_573_755_365_568,
        };
        assert_eq!(
            record(ending),
            concat!(
                r#"{"version":"1.0","timestamp":"2019-11-14T18:16:05.568Z","requestContext":{"requestId":"id","#,
                r#""functionArn":"arn:aws:lambda:r:0:function:f:$LATEST","condition":"RetriesExhausted","#,
                r#""approximateInvokeCount":3},"requestPayload":{"a": 1.0},"responseContext":{"statusCode":200,"#,
                r#""executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage":"no"}}"#
            )
        );
        let succeeded =
            Response { is_function_error: false, payload: Bytes::from_static(b"null"), ..response.clone() };
        let text = record(Ending { condition: Condition::Success, response: Some(&succeeded), ..ending });
        assert!(text.ends_with(r#""executedVersion":"$LATEST"},"responsePayload":null}"#), "{text}");
    }

    #[test]
    fn ends_are_told_to_those_who_asked() {
        let event = event("1");
        let ending = |condition| {
            let ending = Ending {
                event: &event,
                condition,
                invoke_count: 1,
                response: None,
                trace_id: None,
                now_ms: 7,
            };
            let arn = |name: &str| Some(name.to_owned());
            let targets =
                Targets { on_success: arn("ok"), on_failure: arn("failed"), dead_letter: arn("dead") };
            let all = ending.deliveries(targets);
            all.into_iter()
                .map(|told| (told.target, told.origin.unwrap().kind, told.attributes.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(ending(Condition::Success), [("ok".to_owned(), DeliveryKind::OnSuccess, 0)]);
        assert_eq!(
            ending(Condition::EventAgeExceeded),
            [
                ("failed".to_owned(), DeliveryKind::OnFailure, 0),
                ("dead".to_owned(), DeliveryKind::DeadLetter, 2)
            ]
        );
        let silent = Ending {
            event: &event,
            condition: Condition::Success,
            invoke_count: 1,
            response: None,
            trace_id: None,
            now_ms: 0,
        };
        assert_eq!(silent.deliveries(Targets::default()), []);
    }

    #[test]
    fn a_09_what_never_ran_has_no_response() {
        let event = AsyncEvent { qualifier: Some("live".into()), ..event("1") };
        let ending = Ending {
            event: &event,
            condition: Condition::ZeroReservedConcurrency,
            invoke_count: 0,
            response: None,
            trace_id: None,
            now_ms: 0,
        };
        let text = record(ending);
        assert!(text.contains(r#""functionArn":"arn:aws:lambda:r:0:function:f:live""#), "{text}");
        assert!(text.ends_with(r#""approximateInvokeCount":0},"requestPayload":1}"#), "{text}");
    }

    #[test]
    fn a_response_that_is_no_json_is_told_as_text() {
        let event = event("{}");
        let response = Response {
            status: 200,
            executed_version: "1".into(),
            is_function_error: false,
            payload: Bytes::from_static(b"not \"json"),
        };
        let ending = Ending {
            event: &event,
            condition: Condition::Success,
            invoke_count: 1,
            response: Some(&response),
            trace_id: None,
            now_ms: 0,
        };
        assert!(record(ending).ends_with(r#""responsePayload":"not \"json"}"#));
    }
}
