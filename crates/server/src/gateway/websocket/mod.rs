//! WebSocket APIs of API Gateway.
//!
//! ```text
//! handshake ──no upgrade, wrong version──► 426      too many open──► 503
//!   $connect: authorizer, integration ──► 401, 403, 429, or what the function says
//!     101 ──► open (a task each, known by its id) ──message──► route ──► integration ──► answer, where the route has one
//!       @connections/ID: POST sends, GET tells, DELETE closes
//!     closed, idle, too old ──► $disconnect
//! ```

mod authorizer;
mod connection;
mod handshake;
mod integration;
mod management;
mod routes;
mod sockets;

use std::{sync::Arc, time::Instant};

use aws_api::request_id;
use hyper::StatusCode;
use lambda_model::{
    http_event::{WebRequest, query_pairs},
    websocket::{CONNECT, Connection, Happened},
};
use serde_json::json;
use services::{
    apigatewayv2::{DeployedApi, DeployedStage, Shape},
    shape::text,
};

use self::{
    connection::Line,
    routes::{Asked, Failure},
};
use super::{Callers, Gateway, incoming, place::ApiPlace};
use crate::{
    clock,
    http::{self, HttpRequest, HttpResponse},
};

pub(super) use sockets::Sockets;
pub(crate) use sockets::WebSocketLimits;

/// Where connections are sent to, told of and closed.
const CONNECTIONS: &str = "/@connections/";

impl Gateway {
    /// Answers a request to a WebSocket API: a handshake, or one about a connection.
    pub(super) async fn at_websocket_api(
        &self,
        request: HttpRequest,
        api: Arc<DeployedApi>,
        place: ApiPlace,
        callers: Callers<'_>,
    ) -> HttpResponse {
        let Some((stage, behind)) = stage_of(&api, &place) else {
            return told(StatusCode::FORBIDDEN, "Forbidden");
        };
        if let Some(id) = behind.strip_prefix(CONNECTIONS) {
            let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
            return self.about_connection(request, (&api, &stage.name), &id, callers).await;
        }
        if !matches!(behind.as_str(), "" | "/") {
            return told(StatusCode::FORBIDDEN, "Forbidden");
        }
        match self.connected(request, &api, stage, callers).await {
            Ok(response) => response,
            Err(failure) => failure.of_handshake(),
        }
    }

    /// Closes every connection: the server is about to stop.
    pub(crate) fn close_connections(&self) {
        self.memory.sockets.close_all();
    }

    async fn connected(
        &self,
        mut request: HttpRequest,
        api: &Arc<DeployedApi>,
        stage: Arc<DeployedStage>,
        callers: Callers<'_>,
    ) -> Result<HttpResponse, Failure> {
        let accepted = handshake::accepted(&request)?;
        let upgrade = request.upgrade.take().ok_or(Failure::NoUpgrade)?;
        let place = self.memory.sockets.place().ok_or(Failure::TooMany)?;
        let web = incoming::head(&request, request.path.clone(), &request_id::new());
        let mut connection = new_connection(api, &stage, &web);
        let asked = Asked { api, stage: &stage, connection: &connection };
        let welcome = match asked.route(CONNECT).is_none() || self.admits_at_route(asked, CONNECT) {
            true => self.welcome(request, api, &stage, (&connection, &web), callers).await,
            false => Err(Failure::Throttled),
        };
        connection.authorizer = match welcome {
            Ok(said) => said,
            Err(failure) => {
                let asked = Asked { api, stage: &stage, connection: &connection };
                self.log_what_happened(asked, (CONNECT, &sent_by(&web, &[])), Err(failure), Instant::now());
                return Err(failure);
            }
        };
        let mut response = accepted.response();
        let asked = Asked { api, stage: &stage, connection: &connection };
        if let Some(route) = asked.route(CONNECT) {
            let headers = self.greeted(asked, route, &web).await?;
            accepted.choose_protocol(&mut response, &headers);
        }
        let (handle, commands) = self.memory.sockets.opened(&connection);
        let line = Line {
            server: self.services.get().cloned().unwrap_or_default(),
            api: Arc::clone(api),
            connection,
            handshake: web,
            handle,
            _place: place,
        };
        tokio::spawn(line.run(upgrade, commands, self.memory.sockets.limits));
        Ok(response)
    }

    /// What the function of `$connect` says of a client; with its headers where it lets it in.
    async fn greeted(
        &self,
        asked: Asked<'_>,
        route: &Shape,
        web: &WebRequest,
    ) -> Result<Vec<(String, String)>, Failure> {
        let query: Vec<_> = query_pairs(&web.raw_query).collect();
        let answered = self.at_route(asked, route, &sent_by(web, &query)).await?;
        match answered.status {
            200..=299 => Ok(answered.headers),
            status => Err(Failure::Declined(status)),
        }
    }
}

/// What the route of connections is sent.
fn sent_by<'a>(web: &'a WebRequest, query: &'a [(String, String)]) -> routes::Sent<'a> {
    let request_id = web.request_id.clone();
    routes::Sent { happened: Happened::Connect, request_id, headers: &web.headers, query, body: None }
}

fn new_connection(api: &DeployedApi, stage: &DeployedStage, web: &WebRequest) -> Connection {
    Connection {
        id: sockets::new_id(),
        api_id: api.api_id.clone(),
        stage: stage.name.clone(),
        domain: web.domain().to_owned(),
        source_ip: web.source_ip.clone(),
        user_agent: web.header("user-agent").map(str::to_owned),
        connected_at_ms: clock::unix_ms(),
        authorizer: None,
    }
}

/// The stage that a path names, or a custom domain name's mapping, and what of the path is behind it.
fn stage_of(api: &DeployedApi, place: &ApiPlace) -> Option<(Arc<DeployedStage>, String)> {
    if let Some(stage) = &place.stage {
        return Some((Arc::clone(api.stages.get(stage)?), place.behind_mapping.clone()));
    }
    let rest = place.path.strip_prefix('/').unwrap_or_default();
    let (first, behind) =
        rest.split_once('/').map_or((rest, String::new()), |(first, behind)| (first, format!("/{behind}")));
    Some((Arc::clone(api.stages.get(first)?), behind))
}

fn told(status: StatusCode, message: &str) -> HttpResponse {
    http::json(status, &json!({"message": message}))
}
