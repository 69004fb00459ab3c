//! Requests and answers in another form: parameters by mappings, bodies by templates.

use std::borrow::Cow;

use bytes::Bytes;
use lambda_model::{
    http_event::WebAnswer,
    rest_api::{
        media::{self, ForRequest},
        parameters::{Given, Place},
    },
    vtl::{self, Input, Map, Scope, Template},
};
use serde_json::{Value, json};
use services::apigateway::{Integration, IntegrationResponse, TemplateOf};

use super::{
    Visit, context,
    refusal::{Kind, Refusal},
    text,
};

/// A request as its integration gets it.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// Variables of the integration's URI.
    pub path: Vec<(String, String)>,
    /// The query.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What a template said of the answer already.
    pub overrides: Overrides,
}

/// What a template says of the answer, beside its body: `$context.responseOverride`.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    status: Option<u16>,
    headers: Vec<(String, String)>,
}

/// The request in the integration's form. Bodies of proxies go as they came.
pub(super) fn request(
    visit: &Visit<'_>,
    integration: &Integration,
    known: &Value,
) -> Result<Mapped, Refusal> {
    let context = |name: &str| context::member(known, name);
    let given = Given {
        path: &visit.parameters,
        query: &visit.query,
        headers: &visit.web.headers,
        body: &visit.web.body,
        stage_variables: &visit.stage_variables,
        context: &context,
    };
    let mut mapped = Mapped::default();
    for (place, source) in &integration.parameters {
        for value in source.values(&given) {
            match place {
                Place::Path(name) => mapped.path.push((name.clone(), value)),
                Place::Query(name) => mapped.query.push((name.clone(), value)),
                Place::Header(name) => mapped.headers.push((name.clone(), value)),
            }
        }
    }
    body(visit, integration, known, &mut mapped)?;
    Ok(mapped)
}

fn body(
    visit: &Visit<'_>,
    integration: &Integration,
    known: &Value,
    mapped: &mut Mapped,
) -> Result<(), Refusal> {
    let content_type = visit.web.header("content-type");
    let is_binary = media::is_binary(&visit.stage.deployed.binary, content_type);
    let handling = integration.shape.get("contentHandling").and_then(Value::as_str);
    let converted = media::converted(visit.web.body.clone(), is_binary, handling);
    let body = converted.map_err(|_| Refusal::configuration("a body is not the base64 that it has to be"))?;
    if text(&integration.shape, "type").ends_with("_PROXY") {
        mapped.body = body;
        return Ok(());
    }
    let passthrough = text(&integration.shape, "passthroughBehavior");
    match media::for_request(&integration.templates, content_type, passthrough) {
        ForRequest::PassThrough => mapped.body = body,
        ForRequest::Refused => return Err(Refusal::of(Kind::UnsupportedMedia)),
        ForRequest::Template(template) => {
            let mut scope = scope(visit, &body, known.clone());
            mapped.body = rendered(template.as_ref(), &mut scope)?.into();
            overridden_request(&scope, mapped);
        }
    }
    Ok(())
}

/// What a template may name. Headers are found under the names that they are shown by.
fn scope(visit: &Visit<'_>, body: &[u8], mut known: Value) -> Scope {
    known["requestOverride"] = json!({"path": {}, "querystring": {}, "header": {}});
    known["responseOverride"] = json!({"header": {}});
    let map = |pairs: &[(String, String)]| -> Map {
        pairs.iter().map(|(name, value)| (name.clone(), vtl::Value::text(value))).collect()
    };
    let path = visit.parameters.iter().map(|(name, value)| (name.clone(), vtl::Value::text(value))).collect();
    let parameters = [path, map(&visit.query), map(&declared_headers(visit))];
    let mut scope = Scope::new(Input::new(&String::from_utf8_lossy(body), parameters));
    scope.set("context", known.into());
    let variables = visit.stage_variables.iter();
    let variables = variables.map(|(name, value)| (name.clone(), vtl::Value::text(value)));
    scope.set("stageVariables", vtl::Value::map(variables.collect()));
    scope
}

/// A header that the method declares is found as it is written there, however it was sent.
fn declared_headers<'a>(visit: &'a Visit<'_>) -> Cow<'a, [(String, String)]> {
    let declared = visit.method.shape.get("requestParameters").and_then(Value::as_object);
    let names =
        declared.into_iter().flatten().filter_map(|(name, _)| name.strip_prefix("method.request.header."));
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return Cow::Borrowed(&visit.web.headers);
    }
    let renamed = visit.web.headers.iter().map(|(name, value)| {
        let written = names.iter().find(|known| known.eq_ignore_ascii_case(name));
        (written.map_or_else(|| name.clone(), |written| (*written).to_owned()), value.clone())
    });
    Cow::Owned(renamed.collect())
}

fn rendered(template: Option<&Template>, scope: &mut Scope) -> Result<String, Refusal> {
    let template = template.ok_or_else(|| Refusal::configuration("a template cannot be read"))?;
    template.render(scope).map_err(|error| Refusal::configuration(&error.to_string()))
}

/// `$context.requestOverride`: in the place of what mappings gave.
fn overridden_request(scope: &Scope, mapped: &mut Mapped) {
    let Some(context) = scope.get("context") else { return };
    let given = context.member("requestOverride");
    for (kind, pairs) in
        [("path", &mut mapped.path), ("querystring", &mut mapped.query), ("header", &mut mapped.headers)]
    {
        for (name, values) in given.member(kind).entries() {
            pairs.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            pairs.extend(values.parameters().into_iter().map(|value| (name.clone(), value)));
        }
    }
    mapped.overrides = overrides_of(context);
}

fn overrides_of(context: &vtl::Value) -> Overrides {
    let given = context.member("responseOverride");
    let status = given.member("status").as_parameter().and_then(|status| status.trim().parse().ok());
    let headers = given.member("header").entries().into_iter();
    let headers = headers
        .flat_map(|(name, values)| values.parameters().into_iter().map(move |value| (name.clone(), value)));
    Overrides { status, headers: headers.collect() }
}

/// The integration's answer in the client's form.
pub(super) fn answer(
    visit: &Visit<'_>,
    response: &IntegrationResponse,
    answered: &WebAnswer,
    before: Overrides,
) -> Result<WebAnswer, Refusal> {
    let known = context::of(visit);
    let context = |name: &str| context::member(&known, name);
    let given = Given {
        path: &visit.parameters,
        query: &[],
        headers: &answered.headers,
        body: &answered.body,
        stage_variables: &visit.stage_variables,
        context: &context,
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, source) in &response.headers {
        headers.extend(source.values(&given).into_iter().map(|value| (name.clone(), value)));
    }
    let accept = visit.web.header("accept");
    let (kind, body, after) = answered_body(visit, response, answered, (accept, known))?;
    let given_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !given_type {
        headers.push(("Content-Type".to_owned(), kind));
    }
    let status = after.status.or(before.status).unwrap_or(response.status);
    for (name, value) in before.headers.into_iter().chain(after.headers) {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    }
    Ok(WebAnswer { status, headers, body })
}

type Body = (String, Bytes, Overrides);

fn answered_body(
    visit: &Visit<'_>,
    response: &IntegrationResponse,
    answered: &WebAnswer,
    (accept, known): (Option<&str>, Value),
) -> Result<Body, Refusal> {
    let template: Option<&(String, TemplateOf)> = media::for_answer(&response.templates, accept);
    // An empty template passes the body on.
    let template = template.filter(|(_, template)| template.as_ref().is_some_and(|it| !it.is_empty()));
    if let Some((kind, template)) = template {
        let mut scope = scope(visit, &answered.body, known);
        let body = rendered(template.as_ref(), &mut scope)?;
        let overrides = scope.get("context").map(overrides_of).unwrap_or_default();
        return Ok((kind.clone(), body.into(), overrides));
    }
    let sent = answered.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = sent.map(|(_, kind)| kind.as_str());
    let binary = &visit.stage.deployed.binary;
    let handling = response.shape.get("contentHandling").and_then(Value::as_str);
    // A text goes to a client that accepts what is binary as the bytes that it stands for.
    let is_binary = media::is_binary(binary, kind);
    let handling = handling
        .or((!is_binary && !binary.is_empty() && media::is_binary(binary, accept))
            .then_some("CONVERT_TO_BINARY"));
    let converted = media::converted(answered.body.clone(), is_binary, handling);
    let body =
        converted.map_err(|_| Refusal::configuration("an answer is not the base64 that it has to be"))?;
    Ok((kind.unwrap_or(media::USUAL).to_owned(), body, Overrides::default()))
}
