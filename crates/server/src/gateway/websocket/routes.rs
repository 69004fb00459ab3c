//! Which route a message takes, and what comes of it.

use std::{collections::BTreeMap, time::Instant};

use aws_api::request_id;
use bytes::Bytes;
use hyper::StatusCode;
use lambda_model::{
    http_api::variables::{self, Variables},
    http_event::{WebAnswer, WebRequest},
    websocket::{self, CONNECT, Connection, DEFAULT, DISCONNECT, Happened},
};
use serde_json::{Value, json};
use services::apigatewayv2::{DeployedApi, DeployedStage, Shape};

use super::{handshake, text, told};
use crate::{
    authentication::AuthenticationFailure,
    clock,
    gateway::{Gateway, access_log, functions::NotInvoked, throttle},
    http::HttpResponse,
};

/// Whose connection it is.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub api: &'a DeployedApi,
    pub stage: &'a DeployedStage,
    pub connection: &'a Connection,
}

/// What is sent to a route.
pub(super) struct Sent<'a> {
    pub happened: Happened,
    pub request_id: String,
    pub headers: &'a [(String, String)],
    pub query: &'a [(String, String)],
    /// A message, and whether it is base64.
    pub body: Option<(&'a str, bool)>,
}

/// Why a route gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is no handshake.
    NoUpgrade,
    /// There are as many connections as there may be.
    TooMany,
    /// The client did not say who it is.
    Unauthorized,
    /// It may not connect.
    Forbidden,
    /// There are more messages, or connections, than the stage allows.
    Throttled,
    /// The function of `$connect` says so.
    Declined(u16),
    /// The integration is not as it would have to be.
    Configuration,
    /// The integration failed.
    Failed,
}

impl From<NotInvoked> for Failure {
    fn from(_: NotInvoked) -> Self {
        Self::Configuration
    }
}

impl From<AuthenticationFailure> for Failure {
    fn from(_: AuthenticationFailure) -> Self {
        Self::Forbidden
    }
}

impl Failure {
    /// The status that clients hear or access logs tell, and its words.
    fn told(self) -> (u16, &'static str) {
        match self {
            Self::NoUpgrade => (426, "Upgrade Required"),
            Self::TooMany => (503, "Service Unavailable"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::Throttled => (429, "Too Many Requests"),
            Self::Declined(status) => {
                // An informational status, or success, would be none.
                let status = StatusCode::from_u16(status).ok().filter(|it| it.as_u16() >= 300);
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status.as_u16(), status.canonical_reason().unwrap_or("Error"))
            }
            Self::Configuration => (500, "Internal server error"),
            Self::Failed => (502, "Internal server error"),
        }
    }

    /// What a client is told that wanted to connect.
    pub(super) fn of_handshake(self) -> HttpResponse {
        let (status, message) = self.told();
        match self {
            Self::NoUpgrade => handshake::required(),
            _ => told(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), message),
        }
    }
}

impl Asked<'_> {
    /// The route of a key.
    pub(super) fn route(&self, key: &str) -> Option<&Shape> {
        self.stage.snapshot.routes.values().find(|route| text(route, "RouteKey") == key)
    }

    /// Variables of the stage.
    pub(super) fn stage_variables(&self) -> BTreeMap<String, String> {
        let all = self.stage.settings.get("StageVariables").and_then(Value::as_object).into_iter().flatten();
        all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// What the API's requests are called where a policy names them.
    pub(super) fn arn_of(&self, what: &str) -> String {
        let DeployedApi { account_id, region, api_id, .. } = self.api;
        format!("arn:aws:execute-api:{region}:{account_id}:{api_id}/{}/{what}", self.stage.name)
    }

    /// What an expression such as `$request.body.action` names in a message.
    pub(super) fn selected(&self, expression: &str, body: &str, context: &Value) -> Option<String> {
        let request = WebRequest { body: Bytes::copy_from_slice(body.as_bytes()), ..WebRequest::default() };
        let stage_variables = self.stage_variables();
        let variables = Variables {
            request: &request,
            path_parameters: &BTreeMap::new(),
            stage_variables: &stage_variables,
            context,
            answer: None,
        };
        variables.resolve(expression)
    }

    /// The route of a message: that which it names, or the one for all others. It cannot name those that connections take by themselves.
    fn route_of(&self, body: &str, context: &Value) -> Option<&Shape> {
        let named = self.selected(&self.api.route_selection, body, context);
        let named = named.filter(|key| !matches!(key.as_str(), CONNECT | DISCONNECT));
        named.and_then(|key| self.route(&key)).or_else(|| self.route(DEFAULT))
    }
}

impl Gateway {
    /// What a client gets for a message: the answer of a route that has one, or what is wrong.
    pub(super) async fn at_message(&self, asked: Asked<'_>, body: (&str, bool)) -> Option<Bytes> {
        let id = request_id::new();
        let happened = Happened::Message { id: id.clone() };
        let known = websocket::context(asked.connection, &happened, "", (&id, clock::unix_ms()));
        let tell = |message: &str| Some(websocket::told(message, &asked.connection.id, &id).into());
        let sent = Sent { happened, request_id: id.clone(), headers: &[], query: &[], body: Some(body) };
        let Some(route) = asked.route_of(body.0, &known) else {
            self.log_what_happened(asked, ("", &sent), Err(Failure::Forbidden), Instant::now());
            return tell("Forbidden");
        };
        match self.at_route(asked, route, &sent).await {
            Ok(answer) if !answer.body.is_empty() && has_response(asked, route) => Some(answer.body),
            Ok(_) => None,
            Err(Failure::Throttled) => tell("Too Many Requests"),
            Err(_) => tell("Internal server error"),
        }
    }

    /// What the integration of a route answers, for which there is a line in the stage's access log.
    pub(super) async fn at_route(
        &self,
        asked: Asked<'_>,
        route: &Shape,
        sent: &Sent<'_>,
    ) -> Result<WebAnswer, Failure> {
        let (key, began) = (text(route, "RouteKey"), Instant::now());
        // Whoever connects was counted before anybody was asked about it, and an end is no request.
        let answered = match matches!(key, CONNECT | DISCONNECT) || self.admits_at_route(asked, key) {
            true => self.admitted(asked, route, sent).await,
            false => Err(Failure::Throttled),
        };
        self.log_what_happened(
            asked,
            (key, sent),
            answered.as_ref().map(|it| it.status).map_err(|it| *it),
            began,
        );
        answered
    }

    /// Whether there are no more requests for a route than there may be.
    pub(super) fn admits_at_route(&self, asked: Asked<'_>, key: &str) -> bool {
        let limits = throttle::of_route(&asked.stage.settings, key);
        self.memory.throttle.admits((&asked.api.api_id, &asked.stage.name, key), limits)
    }

    async fn admitted(&self, asked: Asked<'_>, route: &Shape, sent: &Sent<'_>) -> Result<WebAnswer, Failure> {
        let target = text(route, "Target");
        let Some(id) = target.strip_prefix("integrations/") else {
            // A route that leads nowhere lets everybody through.
            return Ok(WebAnswer { status: 200, headers: Vec::new(), body: Bytes::new() });
        };
        let integration = asked.stage.snapshot.integrations.get(id).ok_or(Failure::Configuration)?;
        self.integrated_at(asked, route, integration, sent).await
    }
}

impl Gateway {
    /// A line for what happened on a connection, where the stage wants one.
    pub(super) fn log_what_happened(
        &self,
        asked: Asked<'_>,
        (key, sent): (&str, &Sent<'_>),
        answered: Result<u16, Failure>,
        began: Instant,
    ) {
        let Some((group, format)) = access_log::settings(asked.stage) else { return };
        let now_ms = clock::unix_ms();
        let mut known = websocket::context(asked.connection, &sent.happened, key, (&sent.request_id, now_ms));
        if key.is_empty() {
            // No route was for it.
            known["routeKey"] = Value::Null;
        }
        known["accountId"] = asked.api.account_id.as_str().into();
        match answered {
            Ok(status) => {
                known["status"] = status.into();
                known["integrationStatus"] = status.into();
                known["integrationLatency"] =
                    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).into();
            }
            Err(failure) => {
                let (status, message) = failure.told();
                known["status"] = status.into();
                known["error"] = json!({"message": message, "messageString": json!(message).to_string()});
            }
        }
        let line = variables::access_log_line(format, &known);
        let stream = format!("{}/{}", asked.api.api_id, asked.stage.name);
        self.memory.access_logs.put(group, stream, now_ms, line);
    }
}

/// Whether clients hear of what a route's integration answers.
fn has_response(asked: Asked<'_>, route: &Shape) -> bool {
    let id = text(route, "RouteId");
    asked
        .stage
        .snapshot
        .responses
        .values()
        .any(|it| text(it, "RouteId") == id && it.contains_key("RouteResponseKey"))
}
