//! Servers of the web behind a REST API.

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};
use lambda_model::{
    http_api::integration::with_stage_variables,
    http_event::{WebAnswer, encoded_path, encoded_query},
};
use services::apigateway::Integration;

use super::Answered;
use crate::{
    gateway::{
        Gateway, limits, outgoing,
        rest_api::{
            Visit, context,
            mapping::{self, Mapped},
            refusal::{Kind, Refusal},
            text,
        },
    },
    http::{self, HttpResponse, OF_A_CONNECTION},
};

type Outgoing = Request<Full<bytes::Bytes>>;

impl Gateway {
    /// The answer of a server that gets the request as it came.
    pub(super) async fn proxied(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        uri: &str,
        is_stream: bool,
    ) -> Result<HttpResponse, Refusal> {
        let mapped = mapping::request(visit, integration, &context::of(visit))?;
        let headers = sent_headers(visit, &mapped);
        let mut query = visit.query.clone();
        replace(&mut query, mapped.query, str::eq);
        let target = target(visit, uri, &mapped.path, &query)?;
        let request = request(visit, integration, &target, headers, mapped.body)?;
        visit.known.note(|| format!("Endpoint request URI: {target}"));
        let failed = |error: String| {
            tracing::info!(%error, "the server behind a REST API did not answer");
            Refusal::of(Kind::IntegrationFailure)
        };
        if is_stream {
            let response = self.ways_out.forward_open(request).await.map_err(failed)?;
            return Ok(streamed(response));
        }
        let response =
            self.ways_out.forward(request, limits::INTEGRATION_BODY_BYTES_MAX).await.map_err(failed)?;
        Ok(outgoing::response(answer_of(response)))
    }

    /// The answer of a server that gets what mappings give.
    pub(super) async fn web(
        &self,
        visit: &mut Visit<'_>,
        integration: &Integration,
        uri: &str,
        mapped: Mapped,
    ) -> Result<Answered, Refusal> {
        let target = target(visit, uri, &mapped.path, &mapped.query)?;
        let mut headers = vec![
            ("Accept".to_owned(), "application/json".to_owned()),
            ("User-Agent".to_owned(), format!("AmazonAPIGateway_{}", visit.api.api_id)),
            ("X-Amzn-Apigateway-Api-Id".to_owned(), visit.api.api_id.to_owned()),
        ];
        if !mapped.body.is_empty() {
            let kind = visit.web.header("content-type").unwrap_or("application/json");
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
        }
        replace(&mut headers, mapped.headers, str::eq_ignore_ascii_case);
        let request = request(visit, integration, &target, headers, mapped.body)?;
        visit.known.note(|| format!("Endpoint request URI: {target}"));
        let answered = self.ways_out.forward(request, limits::INTEGRATION_BODY_BYTES_MAX).await;
        let response = answered.map_err(|error| {
            tracing::info!(%error, "the server behind a REST API did not answer");
            Refusal::of(Kind::IntegrationFailure)
        })?;
        let answer = answer_of(response);
        Ok(Answered { named: answer.status.to_string(), answer })
    }
}

/// Puts pairs in the place of those of the same names.
fn replace(pairs: &mut Vec<(String, String)>, with: Vec<(String, String)>, is_same: fn(&str, &str) -> bool) {
    for (name, _) in &with {
        pairs.retain(|(known, _)| !is_same(known, name));
    }
    pairs.extend(with);
}

/// What the client sent, beside what is of its connection, and what mappings give.
fn sent_headers(visit: &Visit<'_>, mapped: &Mapped) -> Vec<(String, String)> {
    let is_of_connection = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "content-length" || OF_A_CONNECTION.contains(&name.as_str())
    };
    let sent = visit.web.headers.iter().filter(|(name, _)| !is_of_connection(name));
    let mut headers: Vec<_> = sent.cloned().collect();
    replace(&mut headers, mapped.headers.clone(), str::eq_ignore_ascii_case);
    headers.push(("X-Amzn-Apigateway-Api-Id".to_owned(), visit.api.api_id.to_owned()));
    headers
}

/// The address: the integration's, with its variables and the query put in. Encoded, no value can begin a query, or be another variable.
fn target(
    visit: &Visit<'_>,
    uri: &str,
    path: &[(String, String)],
    query: &[(String, String)],
) -> Result<String, Refusal> {
    let mut target = with_stage_variables(uri, |name| visit.stage_variables.get(name).map(String::as_str));
    // What a client sends does not decide which server is asked.
    let authority = target.split("://").nth(1).and_then(|rest| rest.split('/').next());
    if authority.is_none_or(|authority| authority.contains('{')) {
        return Err(Refusal::configuration(
            "a variable of a path stands in the host of an integration's URI",
        ));
    }
    let own = visit.parameters.iter();
    for (name, value) in path.iter().map(|(name, value)| (name, value)).chain(own) {
        for placeholder in [format!("{{{name}}}"), format!("{{{name}+}}")] {
            target = target.replace(&placeholder, &encoded_path(value));
        }
    }
    if target.contains('{') {
        return Err(Refusal::configuration("a variable of an integration's URI has no value"));
    }
    if !query.is_empty() {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&encoded_query(query));
    }
    Ok(target)
}

fn request(
    visit: &Visit<'_>,
    integration: &Integration,
    target: &str,
    headers: Vec<(String, String)>,
    body: bytes::Bytes,
) -> Result<Outgoing, Refusal> {
    let method = match text(&integration.shape, "httpMethod") {
        "ANY" | "" => visit.web.method.as_str(),
        method => method,
    };
    let mut builder = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::from(body)).map_err(|error| Refusal::configuration(&error.to_string()))
}

fn answer_of(response: Response<bytes::Bytes>) -> WebAnswer {
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    WebAnswer { status: parts.status.as_u16(), headers: headers.collect(), body }
}

/// The answer from its head on; the rest of its body follows as it comes.
fn streamed(response: Response<Incoming>) -> HttpResponse {
    let (parts, mut body) = response.into_parts();
    let (sender, mut streamed) = http::response_in_pieces("application/octet-stream");
    *streamed.status_mut() = parts.status;
    for (name, value) in &parts.headers {
        let is_of_connection = name == "content-length" || OF_A_CONNECTION.contains(&name.as_str());
        if !is_of_connection {
            streamed.headers_mut().insert(name.clone(), value.clone());
        }
    }
    tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return sender.cut_off().await };
            if let Ok(piece) = frame.into_data()
                && sender.send(piece).await.is_err()
            {
                return;
            }
        }
    });
    streamed
}
