//! The management API of connections (apigatewaymanagementapi, API version 2018-11-29): whoever has a connection's id may send to it, ask
//! for it, and close it.

use std::time::Duration;

use aws_api::{error_response::ApiError, timestamp};
use hyper::{Method, StatusCode};
use lambda_model::websocket::MESSAGE_BYTES_MAX;
use serde_json::json;
use services::apigatewayv2::DeployedApi;
use tokio::time::timeout;

use super::{
    routes::Failure,
    sockets::{CloseBy, Command, Handle},
};
use crate::{
    gateway::{Callers, Gateway},
    http::{self, BodyError, HttpRequest, HttpResponse},
    rest_json_api,
};

/// How long a message waits for a client that reads slowly.
const WAIT: Duration = Duration::from_secs(5);

impl Gateway {
    /// Answers a request about a connection of an API's stage.
    pub(super) async fn about_connection(
        &self,
        request: HttpRequest,
        (api, stage): (&DeployedApi, &str),
        id: &str,
        callers: Callers<'_>,
    ) -> HttpResponse {
        let handle = self.memory.sockets.find(id);
        let handle = handle.filter(|it| it.connection.api_id == api.api_id && it.connection.stage == stage);
        let done = self.managed(request, handle.as_deref(), (api, stage, id), callers).await;
        done.unwrap_or_else(|error| rest_json_api::refuse(&error))
    }

    /// The same of any API's, where the request does not name it: connections have ids of their own.
    pub(crate) async fn about_any_connection(
        &self,
        request: HttpRequest,
        id: &str,
        callers: Callers<'_>,
    ) -> HttpResponse {
        let handle = self.memory.sockets.find(id);
        let api = handle.as_ref().and_then(|handle| self.apis.deployed(&handle.connection.api_id));
        let done = match (&handle, api) {
            (Some(handle), Some(api)) => {
                let place = (&*api, handle.connection.stage.as_str(), id);
                self.managed(request, Some(&**handle), place, callers).await
            }
            _ => Err(gone()),
        };
        done.unwrap_or_else(|error| rest_json_api::refuse(&error))
    }

    async fn managed(
        &self,
        request: HttpRequest,
        handle: Option<&Handle>,
        (api, stage, id): (&DeployedApi, &str, &str),
        callers: Callers<'_>,
    ) -> Result<HttpResponse, ApiError> {
        let DeployedApi { account_id, region, api_id, .. } = api;
        let method = request.method.clone();
        let resource =
            format!("arn:aws:execute-api:{region}:{account_id}:{api_id}/{stage}/{method}/@connections/{id}");
        let proven = self.may(request, &resource, "execute-api:ManageConnections", callers).await;
        let request = proven.map_err(|failure| match failure {
            Failure::Failed => {
                ApiError::service("InternalServerException", 500, "The caller's policies cannot be read.")
            }
            _ => ApiError::user("ForbiddenException", 403, "Forbidden"),
        })?;
        let body = http::read_body(request.body, MESSAGE_BYTES_MAX).await.map_err(|error| match error {
            BodyError::TooLarge => ApiError::user("PayloadTooLargeException", 413, "Message too long"),
            BodyError::Broken => ApiError::user("BadRequestException", 400, "The body did not come."),
        })?;
        let handle = handle.ok_or_else(gone)?;
        match method {
            Method::GET => Ok(http::json(StatusCode::OK, &shown(handle))),
            Method::POST => {
                told(handle, Command::Send(body)).await?;
                Ok(http::empty(StatusCode::OK))
            }
            Method::DELETE => {
                told(handle, Command::Close(CloseBy::Caller)).await?;
                Ok(http::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(ApiError::user(
                "MissingAuthenticationTokenException",
                403,
                "Missing Authentication Token",
            )),
        }
    }
}

async fn told(handle: &Handle, command: Command) -> Result<(), ApiError> {
    match timeout(WAIT, handle.command(command)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(())) => Err(gone()),
        Err(_) => {
            Err(ApiError::user("LimitExceededException", 429, "The client does not read what it is sent."))
        }
    }
}

fn gone() -> ApiError {
    ApiError::user("GoneException", 410, "Gone")
}

fn shown(handle: &Handle) -> serde_json::Value {
    let iso = |at_ms: i64| timestamp::iso_seconds(at_ms.div_euclid(1000));
    json!({
        "connectedAt": iso(handle.connection.connected_at_ms),
        "identity": {"sourceIp": handle.connection.source_ip, "userAgent": handle.connection.user_agent},
        "lastActiveAt": iso(handle.last_active_ms()),
    })
}
