//! What an API destination is sent, and what its answer means.

use aws_api::generated::events::types;
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::StoreError;
use tokio::sync::OnceCell;

use super::{
    super::EventBridge,
    CONNECTION, ConnectionRecord, DESTINATION, DestinationRecord,
    authorization::{Authorization, HttpParameters, Parameter, Way},
    of_arn,
};
use crate::{
    secretsmanager::owned,
    sns::{Call, Outside, Refusal},
};

/// What waits in the outbox: what the target gets, and what its rule has go along.
#[derive(Serialize, Deserialize)]
struct Wrapped {
    parameters: Option<types::HttpParameters>,
    body: String,
}

/// See [`Wrapped`].
pub(in super::super) fn wrapped(target: &types::Target, body: String) -> String {
    let wrapped = Wrapped { parameters: target.http_parameters.clone(), body };
    serde_json::to_string(&wrapped).unwrap_or_default()
}

/// What became of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was taken.
    Done,
    /// It may be another time, and why it was not.
    Again(String),
    /// It never will, and why not.
    Never(String),
}

/// An API destination with how to log in.
pub(crate) struct Destination {
    record: DestinationRecord,
    authorization: Authorization,
    /// Of OAuth.
    token: OnceCell<Result<String, Refusal>>,
}

impl EventBridge {
    /// What an ARN names, if it can be called.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn destination(
        &self,
        arn: &str,
    ) -> Result<Result<Destination, &'static str>, StoreError> {
        const GONE: &str = "the API destination does not exist";
        let Some((key, id)) = of_arn(DESTINATION, arn) else { return Ok(Err(GONE)) };
        let found = self.store.document::<DestinationRecord>(&key).await?;
        let Some(record) = found.filter(|found| found.id == id) else { return Ok(Err(GONE)) };
        let connection = match of_arn(CONNECTION, &record.connection_arn) {
            Some((key, id)) => {
                let found = self.store.document::<ConnectionRecord>(&key).await?;
                found.filter(|found| found.id == id)
            }
            None => None,
        };
        let Some(connection) = connection else { return Ok(Err("its connection does not exist")) };
        let text = match &connection.secret_arn {
            Some(arn) => owned::read(&self.store, arn).await?,
            None => None,
        };
        let authorization = text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(match authorization {
            Some(authorization) => Ok(Destination { record, authorization, token: OnceCell::new() }),
            None => Err("its connection is not authorized"),
        })
    }
}

impl Destination {
    /// Calls a second at most.
    pub(crate) fn rate(&self) -> u32 {
        u32::try_from(self.record.rate).unwrap_or(1).max(1)
    }

    /// Sends what was [`wrapped`].
    pub(crate) async fn call(&self, outside: &dyn Outside, wrapped: &[u8]) -> Ended {
        let Ok(Wrapped { parameters, body }) = serde_json::from_slice(wrapped) else {
            return Ended::Never("what waited for it cannot be read".to_owned());
        };
        let authorization = match self.authorization(outside).await {
            Ok(header) => header,
            Err(refusal) => return ended(refusal),
        };
        let call =
            request(&self.record, &self.authorization, parameters.unwrap_or_default(), (body, authorization));
        match outside.call(call).await {
            Ok(answer) => judged(answer.status),
            Err(refusal) => ended(refusal),
        }
    }

    /// The header that logs in.
    async fn authorization(&self, outside: &dyn Outside) -> Result<(String, String), Refusal> {
        let named = |value: String| ("Authorization".to_owned(), value);
        match &self.authorization.way {
            Way::Basic { username, password } => {
                Ok(named(format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))))
            }
            Way::ApiKey { api_key_name, api_key_value } => Ok((api_key_name.clone(), api_key_value.clone())),
            way @ Way::OAuth { .. } => {
                let token = self.token.get_or_init(|| token(way, outside)).await.clone()?;
                Ok(named(format!("Bearer {token}")))
            }
        }
    }
}

/// What AWS tries again ("Error codes for API destinations": 409, 429 and 5xx); who sends a client away does so for ever.
fn judged(status: u16) -> Ended {
    match status {
        200..=299 => Ended::Done,
        401 | 407 | 409 | 429 | 500.. => Ended::Again(format!("it answered {status}")),
        _ => Ended::Never(format!("it answered {status}")),
    }
}

fn ended(refusal: Refusal) -> Ended {
    match refusal {
        Refusal::Passing(why) => Ended::Again(why),
        Refusal::Lasting(why) => Ended::Never(why),
    }
}

fn request(
    record: &DestinationRecord,
    authorization: &Authorization,
    target: types::HttpParameters,
    (body, login): (String, (String, String)),
) -> Call {
    let connection = authorization.invocation_http_parameters.clone().unwrap_or_default();
    let mut query: Vec<(String, String)> =
        target.query_string_parameters.unwrap_or_default().into_iter().collect();
    query.extend(pairs(&connection.query_string_parameters));
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned()),
        ("User-Agent".to_owned(), "Amazon/EventBridge/ApiDestinations".to_owned()),
    ];
    // What the connection says of a header holds, and what logs in before all.
    let said = target.header_parameters.unwrap_or_default().into_iter();
    for (name, value) in said.chain(pairs(&connection.header_parameters)).chain([login]) {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    }
    let url =
        with_query(with_path(&record.endpoint, target.path_parameter_values.unwrap_or_default()), &query);
    let has_body = !matches!(record.method.as_str(), "GET" | "HEAD");
    let body = if has_body { with_fields(body, &connection.body_parameters) } else { String::new() };
    Call { method: record.method.clone(), url, headers, body }
}

fn pairs(parameters: &[Parameter]) -> impl Iterator<Item = (String, String)> {
    parameters.iter().map(|one| (one.key.clone(), one.value.clone()))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Each star is a parameter.
fn with_path(endpoint: &str, values: Vec<String>) -> String {
    values.into_iter().fold(endpoint.to_owned(), |url, value| url.replacen('*', &encoded(&value), 1))
}

fn with_query(url: String, query: &[(String, String)]) -> String {
    query.iter().fold(url, |url, (name, value)| {
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{}={}", encoded(name), encoded(value))
    })
}

/// Fields of the connection are in the object that is sent.
fn with_fields(body: String, fields: &[Parameter]) -> String {
    if fields.is_empty() {
        return body;
    }
    match serde_json::from_str::<Value>(&body) {
        Ok(Value::Object(mut object)) => {
            object.extend(pairs(fields).map(|(name, value)| (name, Value::String(value))));
            Value::Object(object).to_string()
        }
        _ => body,
    }
}

/// The token of a client (RFC 6749, 4.4), its credentials in the body.
async fn token(way: &Way, outside: &dyn Outside) -> Result<String, Refusal> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
    }
    let Way::OAuth { client_id, client_secret, authorization_endpoint, http_method, oauth_http_parameters } =
        way
    else {
        return Err(Refusal::Lasting("the connection has no client".to_owned()));
    };
    let HttpParameters { header_parameters, query_string_parameters, body_parameters } =
        oauth_http_parameters.clone().unwrap_or_default();
    let mut fields = vec![
        ("grant_type".to_owned(), "client_credentials".to_owned()),
        ("client_id".to_owned(), client_id.clone()),
        ("client_secret".to_owned(), client_secret.clone()),
    ];
    fields.extend(pairs(&body_parameters));
    let mut query: Vec<_> = pairs(&query_string_parameters).collect();
    // What has no body has them in the query.
    if http_method == "GET" {
        query.append(&mut fields);
    }
    let body: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let mut headers = vec![("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    headers.extend(pairs(&header_parameters));
    let call = Call {
        method: http_method.clone(),
        url: with_query(authorization_endpoint.clone(), &query),
        headers,
        body: body.join("&"),
    };
    let answer = outside.call(call).await?;
    let granted = serde_json::from_slice::<Granted>(&answer.body).ok().filter(|_| answer.status == 200);
    let granted = granted.map(|granted| granted.access_token);
    granted.ok_or_else(|| {
        Refusal::Passing(format!("the authorization endpoint gave no token: {}", answer.status))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(key: &str, value: &str) -> Parameter {
        Parameter { key: key.into(), value: value.into(), is_value_secret: false }
    }

    #[test]
    fn a_request_has_what_its_connection_and_its_rule_say() {
        let record = DestinationRecord {
            id: String::new(),
            created_ms: 0,
            modified_ms: 0,
            description: None,
            connection_arn: String::new(),
            endpoint: "https://host/*/of/*?a=b".into(),
            method: "POST".into(),
            rate: 1,
        };
        let connection = HttpParameters {
            header_parameters: vec![parameter("X-One", "connection")],
            query_string_parameters: vec![parameter("q", "1 2")],
            body_parameters: vec![parameter("field", "value")],
        };
        let way = Way::ApiKey { api_key_name: "X-Key".into(), api_key_value: "k".into() };
        let authorization = Authorization { way, invocation_http_parameters: Some(connection) };
        let target = types::HttpParameters {
            path_parameter_values: Some(vec!["x/y".into(), "z".into()]),
            header_parameters: Some([("x-one".to_owned(), "rule".to_owned())].into()),
            query_string_parameters: Some([("c".to_owned(), "d".to_owned())].into()),
        };
        let login = ("X-Key".to_owned(), "k".to_owned());
        let call = request(&record, &authorization, target, (r#"{"n":1}"#.into(), login));
        assert_eq!(call.url, "https://host/x%2Fy/of/z?a=b&c=d&q=1%202");
        assert_eq!(call.body, r#"{"field":"value","n":1}"#);
        let header = |name: &str| {
            let found = call.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        assert_eq!((header("x-one"), header("x-key")), (vec!["connection"], vec!["k"]));
    }

    #[test]
    fn what_a_server_is_too_busy_for_is_tried_again() {
        assert_eq!(judged(204), Ended::Done);
        for status in [409, 429, 500, 503] {
            assert!(matches!(judged(status), Ended::Again(_)), "{status}");
        }
        for status in [301, 400, 403, 404] {
            assert!(matches!(judged(status), Ended::Never(_)), "{status}");
        }
    }
}
