//! Rules of API Gateway's WebSocket APIs: what their functions are told of connections and messages, and which response an integration's
//! answer takes (API Gateway guide, "Working with WebSocket APIs").
//!
//! ```text
//! $connect ──2xx──► open ──message──► its route, or $default ──► open        (no route: the client is told)
//!                    └──closed by either, idle, too old──► $disconnect
//! ```

use std::collections::BTreeMap;

use aws_api::timestamp;
use serde_json::{Map, Value, json};

/// Routes that connections take by themselves, and what a message takes that no other route is for.
pub const CONNECT: &str = "$connect";
/// See [`CONNECT`].
pub const DISCONNECT: &str = "$disconnect";
/// See [`CONNECT`].
pub const DEFAULT: &str = "$default";
/// A message, bytes (API Gateway quotas: WebSocket APIs).
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// A frame, bytes (the same quotas).
pub const FRAME_BYTES_MAX: usize = 32 * 1024;

/// What is known of a connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its id.
    pub id: String,
    /// The API.
    pub api_id: String,
    /// The stage.
    pub stage: String,
    /// The host that the client named, without its port.
    pub domain: String,
    /// The client's address.
    pub source_ip: String,
    /// What the client says that it is.
    pub user_agent: Option<String>,
    /// Unix time, milliseconds.
    pub connected_at_ms: i64,
    /// What an authorizer said of the client.
    pub authorizer: Option<Map<String, Value>>,
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A client wants to connect.
    Connect,
    /// A message came.
    Message {
        /// Its id.
        id: String,
    },
    /// The connection is no more.
    Disconnect {
        /// Why, as a number (RFC 6455, 7.4).
        status: u16,
        /// Why, in words.
        reason: String,
    },
}

/// `requestContext` of an event, and `$context` of templates.
pub fn context(
    connection: &Connection,
    happened: &Happened,
    route_key: &str,
    (request_id, now_ms): (&str, i64),
) -> Value {
    let event_type = match happened {
        Happened::Connect => "CONNECT",
        Happened::Message { .. } => "MESSAGE",
        Happened::Disconnect { .. } => "DISCONNECT",
    };
    let mut identity = json!({"sourceIp": connection.source_ip});
    if let Some(agent) = &connection.user_agent {
        identity["userAgent"] = agent.as_str().into();
    }
    let mut context = json!({
        "apiId": connection.api_id, "connectedAt": connection.connected_at_ms, "connectionId": connection.id,
        "domainName": connection.domain, "eventType": event_type, "extendedRequestId": request_id,
        "identity": identity, "messageDirection": "IN", "requestId": request_id,
        "requestTime": timestamp::access_log(now_ms), "requestTimeEpoch": now_ms, "routeKey": route_key,
        "stage": connection.stage,
    });
    if let Some(said) = &connection.authorizer {
        context["authorizer"] = said.clone().into();
    }
    match happened {
        Happened::Connect => {}
        Happened::Message { id } => context["messageId"] = id.as_str().into(),
        Happened::Disconnect { status, reason } => {
            context["disconnectStatusCode"] = (*status).into();
            context["disconnectReason"] = reason.as_str().into();
        }
    }
    context
}

/// What an event has beside `requestContext`.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Headers of the handshake; none of messages.
    pub headers: &'a [(String, String)],
    /// The handshake's query, decoded.
    pub query: &'a [(String, String)],
    /// Variables of the stage.
    pub stage_variables: &'a BTreeMap<String, String>,
    /// A message, and whether it is base64.
    pub body: Option<(&'a str, bool)>,
}

/// The event of a function behind a route.
pub fn event(context: Value, sent: Sent<'_>) -> Value {
    let mut event = json!({"requestContext": context, "isBase64Encoded": sent.body.is_some_and(|(_, is_base64)| is_base64)});
    for (single, multiple, pairs) in [
        ("headers", "multiValueHeaders", sent.headers),
        ("queryStringParameters", "multiValueQueryStringParameters", sent.query),
    ] {
        if pairs.is_empty() {
            continue;
        }
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        pairs.iter().for_each(|(name, value)| all.entry(name).or_default().push(value));
        let last = all.iter().map(|(name, values)| ((*name).to_owned(), json!(values.last())));
        event[single] = last.collect::<Map<_, _>>().into();
        event[multiple] = json!(all);
    }
    if !sent.stage_variables.is_empty() {
        event["stageVariables"] = json!(sent.stage_variables);
    }
    if let Some((body, _)) = sent.body {
        event["body"] = body.into();
    }
    event
}

/// What the client is told in the place of an answer.
pub fn told(message: &str, connection_id: &str, request_id: &str) -> String {
    json!({"message": message, "connectionId": connection_id, "requestId": request_id}).to_string()
}

/// The status that a function gives a handshake: 200 where it says none.
pub fn handshake_status(response: &[u8]) -> Option<u16> {
    match serde_json::from_slice(response).ok()? {
        Value::Object(members) => match members.get("statusCode") {
            None => Some(200),
            Some(status) => status
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .filter(|it| (100..600).contains(it)),
        },
        Value::Null => Some(200),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            id: "abc=".into(),
            api_id: "api".into(),
            stage: "dev".into(),
            domain: "api.example.com".into(),
            source_ip: "10.0.0.1".into(),
            user_agent: None,
            connected_at_ms: 5,
            authorizer: None,
        }
    }

    fn shown(happened: &Happened, sent: Sent<'_>) -> Value {
        event(context(&connection(), happened, "r", ("id", 0)), sent)
    }

    #[test]
    fn events_tell_of_what_happened() {
        let none = BTreeMap::new();
        let pair = [("X-A".to_owned(), "1".to_owned()), ("X-A".to_owned(), "2".to_owned())];
        let sent = Sent { headers: &pair, query: &[], stage_variables: &none, body: None };
        let event = shown(&Happened::Connect, sent);
        assert_eq!(
            (&event["headers"]["X-A"], &event["multiValueHeaders"]["X-A"]),
            (&json!("2"), &json!(["1", "2"]))
        );
        assert_eq!((&event["requestContext"]["eventType"], event.get("body")), (&json!("CONNECT"), None));
        let sent = Sent { headers: &[], query: &[], stage_variables: &none, body: Some(("{}", false)) };
        let event = shown(&Happened::Message { id: "m".into() }, sent);
        assert_eq!((&event["body"], event.get("headers")), (&json!("{}"), None));
        assert_eq!(
            (&event["requestContext"]["messageId"], &event["requestContext"]["connectionId"]),
            (&json!("m"), &json!("abc="))
        );
        let gone = Happened::Disconnect { status: 1001, reason: "Going away".into() };
        assert_eq!(shown(&gone, sent)["requestContext"]["disconnectStatusCode"], 1001);
    }

    #[test]
    fn functions_decide_about_handshakes() {
        for (response, expected) in [
            ("{}", Some(200)),
            ("null", Some(200)),
            ("{\"statusCode\": 401}", Some(401)),
            ("{\"statusCode\": \"x\"}", None),
            ("{\"statusCode\": 99}", None),
            ("\"text\"", None),
            ("", None),
        ] {
            assert_eq!(handshake_status(response.as_bytes()), expected, "{response}");
        }
    }
}
