//! A REST API of API Gateway: a request takes a method of a resource, and is let through, checked, and put into another form on its way to
//! an integration, as its answer is on the way back.
//!
//! ```text
//! stage ──unknown──► 403      resource and method ──none──► 403      too many ──► 429
//!   the API's policy, who calls (authorizer, signature), API key ──► 401, 403
//!     body unpacked, parameters, body by its model ──► 400, 413, 415
//!       request ──parameters, template──► integration: function, service, server of the web, mock ──parameters, template──► answer
//! ```
//! What is said without an integration is a gateway response ([`refusal`]), which the API may word itself.

mod api_key;
mod authorizer;
mod coding;
mod context;
mod execution_log;
mod integration;
mod mapping;
mod policy;
mod refusal;
mod signed;
mod test_invoke;
mod tokens;
mod validation;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use aws_api::request_id;
use hyper::header::{HeaderName, HeaderValue};
use lambda_model::{
    http_api::variables,
    http_event::{WebRequest, query_pairs},
};
use serde_json::{Map, Value};
use services::{
    apigateway::{Compiled, DeployedRestApi, Method, RestStage, Shape},
    shape::{text, texts},
};

use self::{
    context::Known,
    execution_log::ExecutionLog,
    refusal::{Kind, Refusal},
};
use super::{Callers, Gateway, incoming, limits, place::ApiPlace, throttle};
use crate::http::{self, HttpRequest, HttpResponse};

pub(crate) use test_invoke::Tests;

/// A request on its way through an API.
struct Visit<'a> {
    api: Api<'a>,
    stage: Stage<'a>,
    method: &'a Method,
    /// What the resource's path has variables for.
    parameters: BTreeMap<String, String>,
    web: WebRequest,
    /// The path behind the stage, as it was sent.
    behind: String,
    /// The path that events show, as it was sent: with the key of a custom domain name's mapping.
    shown: String,
    /// The query, decoded.
    query: Vec<(String, String)>,
    stage_variables: BTreeMap<String, String>,
    /// What is found out on the way.
    known: Known,
}

/// Whose API it is.
#[derive(Clone, Copy)]
struct Api<'a> {
    account_id: &'a str,
    region: &'a str,
    api_id: &'a str,
}

/// What is served.
#[derive(Clone, Copy)]
struct Stage<'a> {
    name: &'a str,
    settings: Option<&'a Shape>,
    deployed: &'a Compiled,
    cache_reset_ms: i64,
}

impl Visit<'_> {
    /// What the API's requests are called where a policy names them: by the resource's path.
    fn source_arn(&self) -> String {
        let path = &self.method.resource_path;
        self.arn_of(&format!(
            "{}/{}{path}",
            self.stage.name,
            text(&self.method.shape, "httpMethod").replace("ANY", "*")
        ))
    }

    /// The same by the path that was asked for, which is what authorizers decide about.
    fn method_arn(&self) -> String {
        self.arn_of(&format!("{}/{}{}", self.stage.name, self.web.method, self.behind))
    }

    /// The settings that the stage has for this method alone.
    fn own_settings(&self) -> Option<&Value> {
        let path = self.method.resource_path.trim_start_matches('/');
        self.stage.settings?.get("methodSettings")?.get(format!("{path}/{}", self.web.method))
    }

    /// A setting of the method: its own, or that of all methods.
    fn method_setting(&self, member: &str) -> Option<&Value> {
        let of_all = || self.stage.settings?.get("methodSettings")?.get("*/*")?.get(member);
        self.own_settings().and_then(|own| own.get(member)).or_else(of_all)
    }

    fn arn_of(&self, what: &str) -> String {
        let Api { account_id, region, api_id } = self.api;
        format!("arn:aws:execute-api:{region}:{account_id}:{api_id}/{what}")
    }
}

impl Gateway {
    /// Answers a request to a REST API.
    pub(super) async fn at_rest_api(
        &self,
        request: HttpRequest,
        api: Arc<DeployedRestApi>,
        place: ApiPlace,
        callers: Callers<'_>,
    ) -> HttpResponse {
        let request_id = request_id::new();
        let Some((stage, behind)) = stage_of(&api, &place) else {
            return with_id(refusal::forbidden(), &request_id);
        };
        let mut web = incoming::head(&request, place.path, &request_id);
        web.headers = canonical(std::mem::take(&mut web.headers), web.protocol == "HTTP/2.0");
        let of = Api { account_id: &api.account_id, region: &api.region, api_id: &api.api_id };
        let served = Stage {
            name: &stage.name,
            settings: Some(&stage.settings),
            deployed: &stage.deployed,
            cache_reset_ms: stage.cache_reset_ms,
        };
        let began = Instant::now();
        let mut visit = match found(of, served, web, (behind, place.stage.is_some())) {
            Ok(visit) => visit,
            Err(nowhere) => return with_id(*nowhere, &request_id),
        };
        visit.known.log = ExecutionLog::wanted(&visit);
        execution_log::begin(&mut visit);
        let answered = self.visited(request, &mut visit, callers).await;
        let response = answered.unwrap_or_else(|refusal| refusal::response(refusal, &mut visit));
        if let Some(mut log) = visit.known.log.take() {
            log.note(|| format!("Method completed with status: {}", response.status().as_u16()));
            log.write(&self.memory.access_logs, &visit);
        }
        self.log_access(&visit, &response, began);
        with_id(response, &request_id)
    }

    /// Lets a request through to its integration.
    async fn visited(
        &self,
        request: HttpRequest,
        visit: &mut Visit<'_>,
        callers: Callers<'_>,
    ) -> Result<HttpResponse, Refusal> {
        if !self.admits(visit) {
            return Err(Refusal::of(Kind::Throttled));
        }
        let request = self.let_in(request, visit, callers).await?;
        self.check_key(visit)?;
        visit.web.body = http::read_body(request.body, limits::API_BODY_BYTES_MAX).await?;
        coding::unpack(&mut visit.web).await?;
        execution_log::body_came(visit);
        validation::check(visit)?;
        let answer = self.at_integration(visit).await?;
        let minimum = visit.stage.deployed.snapshot.api.get("minimumCompressionSize").and_then(Value::as_u64);
        Ok(coding::pack(answer, visit.web.header("accept-encoding"), minimum).await)
    }

    /// Whether there are no more requests than there may be, of those that the same settings are for.
    fn admits(&self, visit: &Visit<'_>) -> bool {
        let number = |member: &str| visit.method_setting(member).and_then(Value::as_f64);
        let limits = throttle::limits(number("throttlingRateLimit"), number("throttlingBurstLimit"));
        // Whatever a client calls its method: those without settings of their own are one.
        let method = if visit.own_settings().is_some() {
            visit.web.method.as_str()
        } else {
            text(&visit.method.shape, "httpMethod")
        };
        let counted = format!("{}/{method}", visit.method.resource_id);
        self.memory.throttle.admits((visit.api.api_id, visit.stage.name, &counted), limits)
    }

    fn log_access(&self, visit: &Visit<'_>, response: &HttpResponse, began: Instant) {
        let settings = visit.stage.settings.and_then(|settings| settings.get("accessLogSettings"));
        let member = |name: &str| settings.and_then(|it| it.get(name)).and_then(Value::as_str);
        let (Some(group), Some(format)) = (member("destinationArn"), member("format")) else { return };
        let mut context = context::of(visit);
        context::answered(&mut context, response, began.elapsed());
        let line = variables::access_log_line(format, &context);
        let stream = format!("{}/{}", visit.api.api_id, visit.stage.name);
        self.memory.access_logs.put(group, stream, visit.web.time_ms, line);
    }
}

/// The method that a request is for.
fn found<'a>(
    api: Api<'a>,
    stage: Stage<'a>,
    web: WebRequest,
    (behind, is_mapped): (String, bool),
) -> Result<Visit<'a>, Box<HttpResponse>> {
    let stage_variables = texts(stage.settings.and_then(|settings| settings.get("variables")));
    let Some((method, resource)) = stage.deployed.find(&web.method, &behind) else {
        let known = (api, stage, &web);
        return Err(Box::new(refusal::nowhere(known, &stage_variables)));
    };
    Ok(Visit {
        parameters: resource.parameters,
        query: query_pairs(&web.raw_query).collect(),
        known: Known::default(),
        api,
        stage,
        method,
        shown: if is_mapped { web.raw_path.clone() } else { behind.clone() },
        web,
        behind,
        stage_variables,
    })
}

/// The stage that a path names, or a custom domain name's mapping, and what of the path is behind it.
fn stage_of(api: &DeployedRestApi, place: &ApiPlace) -> Option<(Arc<RestStage>, String)> {
    if let Some(stage) = &place.stage {
        return Some((Arc::clone(api.stages.get(stage)?), place.behind_mapping.clone()));
    }
    let path = if place.behind_mapping.is_empty() { &place.path } else { &place.behind_mapping };
    let rest = path.strip_prefix('/').unwrap_or_default();
    let (first, behind) =
        rest.split_once('/').map_or((rest, "/".to_owned()), |(first, behind)| (first, format!("/{behind}")));
    Some((Arc::clone(api.stages.get(first)?), behind))
}

/// Headers under the names that REST APIs show. What came in HTTP/1.1 has lost how it was written, and is written as headers usually are;
/// in HTTP/2 all letters are small.
fn canonical(headers: Vec<(String, String)>, is_http_2: bool) -> Vec<(String, String)> {
    if is_http_2 {
        return headers;
    }
    headers.into_iter().map(|(name, value)| (title(&name), value)).collect()
}

fn title(name: &str) -> String {
    let mut starts = true;
    let letter = |character: char| {
        let shown = if starts { character.to_ascii_uppercase() } else { character };
        starts = character == '-';
        shown
    };
    name.chars().map(letter).collect()
}

fn with_id(mut response: HttpResponse, request_id: &str) -> HttpResponse {
    for name in ["x-amzn-requestid", "x-amz-apigw-id"] {
        if let Ok(value) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// An object of texts, as `context` of an authorizer's answer is passed on.
fn as_texts(members: Map<String, Value>) -> Map<String, Value> {
    let text = |value: Value| match value {
        Value::String(_) | Value::Null => value,
        other => Value::String(other.to_string()),
    };
    members.into_iter().map(|(name, value)| (name, text(value))).collect()
}
