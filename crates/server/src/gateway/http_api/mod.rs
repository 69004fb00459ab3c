//! An HTTP API of API Gateway: a request takes a route of a stage, its caller is authorized, and its integration answers.
//!
//! ```text
//! API and stage ──unknown──► 403, 404
//!   preflight ──► answered by the API's settings
//!   route ──none──► 404      too many ──► 429
//!     authorizer ──► 401, 403
//!       integration: a function (format 1.0 or 2.0), or a server of the web ──► answer ──► CORS ──► client
//! ```

mod authorizer;
mod context;
mod integration;
mod refusal;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use aws_api::request_id;
use bytes::Bytes;
use hyper::header::HeaderValue;
use lambda_model::{
    function::url::Cors,
    http_api::{Found, variables},
    http_event::{WebAnswer, WebRequest, cors},
};
use serde_json::Value;
use services::{
    apigatewayv2::{DeployedApi, DeployedStage, Shape},
    shape::{text, texts},
};

use self::refusal::Refusal;
use super::{Callers, Gateway, access_log, incoming, limits, outgoing, place::ApiPlace, throttle};
use crate::http::{self, HttpRequest, HttpResponse};

/// A stage that is served when nothing of a path names one.
const DEFAULT_STAGE: &str = "$default";

/// A request on its way through an API.
struct Visit<'a> {
    api: &'a DeployedApi,
    stage: &'a DeployedStage,
    route: Found<'a>,
    web: WebRequest,
    stage_variables: BTreeMap<String, String>,
    /// What the authorizer says of the caller.
    authorizer: Option<Value>,
    /// What is known of the request, for mappings and access logs: `$context`.
    context: &'a mut Value,
}

impl Visit<'_> {
    /// The route of the model.
    fn route_settings(&self) -> Option<&Shape> {
        self.stage.snapshot.routes.get(self.route.id)
    }

    /// What the API's requests are called where a policy names them.
    fn source_arn(&self) -> String {
        let DeployedApi { account_id, region, api_id, .. } = self.api;
        let resource = match self.route.key.split_once(' ') {
            Some((_, path)) => format!("{}{path}", self.web.method),
            None => self.route.key.to_owned(),
        };
        format!("arn:aws:execute-api:{region}:{account_id}:{api_id}/{}/{resource}", self.stage.name)
    }
}

impl Gateway {
    /// Answers a request to an HTTP API.
    pub(super) async fn at_http_api(
        &self,
        request: HttpRequest,
        api: Arc<DeployedApi>,
        place: ApiPlace,
        callers: Callers<'_>,
    ) -> HttpResponse {
        let request_id = request_id::new();
        let Some((stage, path)) = stage_of(&api, &place) else {
            return with_id(Refusal::NotFound.into(), &request_id);
        };
        let web = incoming::head(&request, place.path, &request_id);
        let settings = stage.snapshot.cors.as_ref().map(cors_settings);
        if let Some(settings) = settings.as_ref().filter(|_| cors::is_preflight(&web)) {
            let headers = cors::preflight(settings, &web);
            let answer = WebAnswer { status: 204, headers, body: Bytes::new() };
            return with_id(outgoing::response(answer), &request_id);
        }
        let given = settings.as_ref().map(|settings| cors::answered(settings, &web));
        let (began, at_ms, mut context) = (Instant::now(), web.time_ms, context::of(&api, &stage, &web));
        let routed = self.routed(request, (&api, &stage), (web, path), (callers, &mut context)).await;
        let mut response = routed.unwrap_or_else(|refusal| {
            context["error"] = refusal.shown();
            refusal.into()
        });
        if let Some(given) = given {
            cors::OURS.iter().for_each(|name| drop(response.headers_mut().remove(*name)));
            outgoing::put_headers(response.headers_mut(), given);
        }
        if let Some((group, format)) = access_log::settings(&stage) {
            context::answered(&mut context, &response, began.elapsed());
            let line = variables::access_log_line(format, &context);
            self.memory.access_logs.put(group, format!("{}/{}", api.api_id, stage.name), at_ms, line);
        }
        with_id(response, &request_id)
    }

    async fn routed(
        &self,
        request: HttpRequest,
        (api, stage): (&DeployedApi, &DeployedStage),
        (web, path): (WebRequest, String),
        (callers, context): (Callers<'_>, &mut Value),
    ) -> Result<HttpResponse, Refusal> {
        let route = stage.routes.find(&web.method, &path).ok_or(Refusal::NotFound)?;
        let stage_variables = texts(stage.settings.get("StageVariables"));
        context["routeKey"] = route.key.into();
        let mut visit = Visit { api, stage, route, web, stage_variables, authorizer: None, context };
        let counted = (api.api_id.as_str(), stage.name.as_str(), visit.route.key);
        if !self.memory.throttle.admits(counted, throttle::of_route(&stage.settings, visit.route.key)) {
            return Err(Refusal::TooManyRequests);
        }
        let request = self.authorize(request, &mut visit, callers).await?;
        context::authorized(&mut visit);
        visit.web.body = http::read_body(request.body, limits::API_BODY_BYTES_MAX).await?;
        self.integrated(visit).await
    }
}

/// The stage that a path names, or the default one, and what of the path is behind it.
fn stage_of(api: &DeployedApi, place: &ApiPlace) -> Option<(Arc<DeployedStage>, String)> {
    if let Some(stage) = &place.stage {
        return Some((Arc::clone(api.stages.get(stage)?), place.behind_mapping.clone()));
    }
    let rest = place.path.strip_prefix('/').unwrap_or_default();
    let (first, behind) =
        rest.split_once('/').map_or((rest, "/".to_owned()), |(first, behind)| (first, format!("/{behind}")));
    match api.stages.get(first) {
        Some(stage) => Some((Arc::clone(stage), behind)),
        None => Some((Arc::clone(api.stages.get(DEFAULT_STAGE)?), place.path.clone())),
    }
}

fn with_id(mut response: HttpResponse, request_id: &str) -> HttpResponse {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("apigw-requestid", value);
    }
    response
}

/// `Cors` of the model in the words of function URLs.
fn cors_settings(settings: &Value) -> Cors {
    let list = |member: &str| {
        let values = settings[member].as_array()?;
        Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    Cors {
        allow_credentials: settings["AllowCredentials"].as_bool(),
        allow_headers: list("AllowHeaders"),
        allow_methods: list("AllowMethods"),
        allow_origins: list("AllowOrigins"),
        expose_headers: list("ExposeHeaders"),
        max_age_seconds: settings["MaxAge"].as_i64(),
    }
}
