//! Methods and authorizers that are tried out before they are deployed: the same way, without the doors before it.

use std::{future::Future, pin::Pin, sync::Weak, time::Instant};

use aws_api::request_id;
use http_body_util::BodyExt;
use lambda_model::http_event::{WebRequest, query_pairs};
use serde_json::{Value, json};
use services::apigateway::{Method, Shape, TestInvoke, TestInvoked, TestOfAuthorizer, TestOfMethod};

use super::{
    Api, Known, Stage, Visit, authorizer, context,
    execution_log::{self, ExecutionLog},
    integration::described,
    refusal, text, validation,
};
use crate::{
    clock,
    gateway::{Gateway, remembered::Said},
    http::HttpResponse,
    router::Router,
};

/// What a stage is called where there is none.
const STAGE: &str = "test-invoke-stage";

/// Answers tests by the server that they are for.
pub(crate) struct Tests(pub Weak<Router>);

impl TestInvoke for Tests {
    fn method(&self, test: TestOfMethod) -> Pin<Box<dyn Future<Output = TestInvoked> + Send + '_>> {
        Box::pin(async move {
            match self.0.upgrade() {
                Some(router) => router.gateway.test_method(&test).await,
                None => TestInvoked {
                    status: 503,
                    headers: Vec::new(),
                    body: Default::default(),
                    log: String::new(),
                    latency_ms: 0,
                },
            }
        })
    }

    fn authorizer(&self, test: TestOfAuthorizer) -> Pin<Box<dyn Future<Output = Shape> + Send + '_>> {
        Box::pin(async move {
            match self.0.upgrade() {
                Some(router) => router.gateway.test_authorizer(&test).await,
                None => Shape::new(),
            }
        })
    }
}

impl Gateway {
    async fn test_method(&self, test: &TestOfMethod) -> TestInvoked {
        let began = Instant::now();
        let method = test.compiled.method(&test.resource_id, &test.method);
        let Some(method) = method else {
            return TestInvoked {
                status: 404,
                headers: Vec::new(),
                body: Default::default(),
                log: String::new(),
                latency_ms: 0,
            };
        };
        let mut visit = visit(test, method);
        let id = visit.web.request_id.clone();
        visit.known.log = Some(ExecutionLog::whole());
        visit.known.note(|| format!("Execution log for request {id}"));
        execution_log::begin(&mut visit);
        execution_log::body_came(&mut visit);
        let answered = match validation::check(&visit) {
            Ok(()) => self.at_integration(&mut visit).await,
            Err(refusal) => Err(refusal),
        };
        let response = answered.unwrap_or_else(|refusal| refusal::response(refusal, &mut visit));
        shown(visit, response, began).await
    }

    async fn test_authorizer(&self, test: &TestOfAuthorizer) -> Shape {
        let began = Instant::now();
        // An authorizer is of no method.
        let method = Method {
            shape: Shape::new(),
            resource_id: String::new(),
            resource_path: "/".into(),
            integration: None,
        };
        let mut visit = visit(&test.request, &method);
        visit.web.method = "GET".to_owned();
        let kind = text(&test.authorizer, "type");
        let found = if kind == "COGNITO_USER_POOLS" {
            let found = self.of_user_pool(&mut visit, &test.authorizer).await;
            found.map(
                |()| json!({"claims": visit.known.authorizer.take().and_then(|mut it| it.remove("claims"))}),
            )
        } else {
            match event(&visit, &test.authorizer) {
                Some(event) => self.said(&visit, &test.authorizer, event).await.map(told),
                None => Err(refusal::Refusal::of(refusal::Kind::Unauthorized)),
            }
        };
        let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (mut result, status) = match found {
            Ok(result) => (result, 200),
            Err(refusal) => (json!({}), refusal::response(refusal, &mut visit).status().as_u16()),
        };
        result["clientStatus"] = status.into();
        result["latency"] = latency.into();
        result["log"] = format!("Execution log for request {}\n", visit.web.request_id).into();
        match result {
            Value::Object(result) => result,
            _ => Shape::new(),
        }
    }
}

fn told(said: Said) -> Value {
    match said {
        Said::Policy { principal_id, context, .. } => {
            json!({"principalId": principal_id, "authorization": context.into_iter().map(|(name, value)| (name, json!([value]))).collect::<Shape>()})
        }
        Said::Simple { .. } => json!({}),
    }
}

fn event(visit: &Visit<'_>, shape: &Shape) -> Option<Vec<u8>> {
    if text(shape, "type") == "TOKEN" {
        let source = text(shape, "identitySource").strip_prefix("method.request.header.")?;
        return Some(authorizer::token_event(visit.web.header(source)?, &visit.method_arn()));
    }
    let known = context::of(visit);
    let described = described(visit, &known, &visit.behind, &visit.web.headers);
    lambda_model::http_event::rest::authorizer_event(described, &visit.method_arn()).ok()
}

fn visit<'a>(test: &'a TestOfMethod, method: &'a Method) -> Visit<'a> {
    let (path, query) = test.path.split_once('?').unwrap_or((&test.path, ""));
    let found = test.compiled.find(&test.method, path);
    let [account_id, region, api_id] = &test.api;
    let mut headers = test.headers.clone();
    if header_of(&headers, "host").is_none() {
        headers.push(("Host".to_owned(), "testPrefix.testDomainName".to_owned()));
    }
    Visit {
        api: Api { account_id, region, api_id },
        stage: Stage { name: STAGE, settings: None, deployed: &test.compiled, cache_reset_ms: 0 },
        method,
        parameters: found.map(|(_, resource)| resource.parameters).unwrap_or_default(),
        web: WebRequest {
            method: test.method.clone(),
            raw_path: path.to_owned(),
            raw_query: query.to_owned(),
            headers,
            body: test.body.clone(),
            protocol: "HTTP/1.1".to_owned(),
            source_ip: "test-invoke-source-ip".to_owned(),
            time_ms: clock::unix_ms(),
            request_id: request_id::new(),
        },
        behind: path.to_owned(),
        shown: path.to_owned(),
        query: query_pairs(query).collect(),
        stage_variables: test.stage_variables.clone(),
        known: Known::default(),
    }
}

fn header_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

async fn shown(mut visit: Visit<'_>, response: HttpResponse, began: Instant) -> TestInvoked {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    visit.known.note_data(|| {
        format!("Method response body after transformations: {}", String::from_utf8_lossy(&body))
    });
    visit.known.note(|| "Successfully completed execution".to_owned());
    visit.known.note(|| format!("Method completed with status: {}", parts.status.as_u16()));
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| {
        (super::title(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    TestInvoked {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body,
        log: visit.known.log.map(|log| log.text()).unwrap_or_default(),
        latency_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
