//! Gateway responses: what a REST API says without an integration, in API Gateway's words or in the API's own.

use std::collections::BTreeMap;

use hyper::StatusCode;
use lambda_model::{
    http_event::{WebAnswer, WebRequest, answer::Malformed, query_pairs},
    rest_api::{
        media,
        parameters::{Given, Source},
        responses::{TEMPLATE, fallback_of, filled, status_of},
    },
};
use serde_json::{Value, json};

use super::{Api, Stage, Visit, context, text, texts};
use crate::{
    authentication::AuthenticationFailure,
    gateway::{functions::NotInvoked, outgoing},
    http::{self, BodyError, HttpResponse},
};

/// Why there is no answer of an integration.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: Kind,
    /// In place of the kind's own message.
    message: Option<String>,
    /// What exactly is wrong with the request.
    detail: Option<String>,
}

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AccessDenied,
    ApiConfiguration,
    AuthorizerConfiguration,
    AuthorizerFailure,
    BadBody,
    BadParameters,
    /// The function failed, or gave what is no answer: none of the types, but the fallback.
    BadGateway,
    IntegrationFailure,
    IntegrationTimeout,
    InvalidApiKey,
    InvalidSignature,
    MissingToken,
    TooLarge,
    Throttled,
    Unauthorized,
    UnsupportedMedia,
}

impl Kind {
    /// The type of response, its usual message, and the name of the error.
    fn told(self) -> (&'static str, Option<&'static str>, &'static str) {
        const SERVER: Option<&str> = Some("Internal server error");
        match self {
            Self::AccessDenied => (
                "ACCESS_DENIED",
                Some("User is not authorized to access this resource"),
                "AccessDeniedException",
            ),
            Self::ApiConfiguration => ("API_CONFIGURATION_ERROR", SERVER, "InternalServerErrorException"),
            Self::AuthorizerConfiguration => {
                ("AUTHORIZER_CONFIGURATION_ERROR", None, "AuthorizerConfigurationException")
            }
            Self::AuthorizerFailure => ("AUTHORIZER_FAILURE", None, "AuthorizerFailureException"),
            Self::BadBody => ("BAD_REQUEST_BODY", Some("Invalid request body"), "BadRequestException"),
            Self::BadParameters => {
                ("BAD_REQUEST_PARAMETERS", Some("Invalid request parameters"), "BadRequestException")
            }
            Self::BadGateway => ("DEFAULT_5XX", SERVER, "InternalServerErrorException"),
            Self::IntegrationFailure => (
                "INTEGRATION_FAILURE",
                Some("Network error communicating with endpoint"),
                "InternalServerErrorException",
            ),
            Self::IntegrationTimeout => {
                ("INTEGRATION_TIMEOUT", Some("Endpoint request timed out"), "InternalServerErrorException")
            }
            Self::InvalidApiKey => ("INVALID_API_KEY", Some("Forbidden"), "ForbiddenException"),
            Self::InvalidSignature => (
                "INVALID_SIGNATURE",
                Some(
                    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
                ),
                "InvalidSignatureException",
            ),
            Self::MissingToken => (
                "MISSING_AUTHENTICATION_TOKEN",
                Some("Missing Authentication Token"),
                "MissingAuthenticationTokenException",
            ),
            Self::TooLarge => ("REQUEST_TOO_LARGE", Some("Request Too Long"), "RequestTooLongException"),
            Self::Throttled => ("THROTTLED", Some("Too Many Requests"), "TooManyRequestsException"),
            Self::Unauthorized => ("UNAUTHORIZED", Some("Unauthorized"), "UnauthorizedException"),
            Self::UnsupportedMedia => {
                ("UNSUPPORTED_MEDIA_TYPE", Some("Unsupported Media Type"), "UnsupportedMediaTypeException")
            }
        }
    }

    fn status(self) -> u16 {
        // What a function returned is the gateway's word against its: 502 (Lambda guide, "Errors in API Gateway").
        status_of(self.told().0).unwrap_or(502)
    }
}

impl Refusal {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, message: None, detail: None }
    }

    /// With another message.
    pub(super) fn saying(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: Some(message.into()), detail: None }
    }

    /// With what exactly is wrong.
    pub(super) fn because(kind: Kind, detail: String) -> Self {
        Self { kind, message: None, detail: Some(detail) }
    }

    /// The API is not as it would have to be; the operator learns why.
    pub(super) fn configuration(why: &str) -> Self {
        tracing::info!(why, "a REST API cannot answer as it is configured");
        Self::of(Kind::ApiConfiguration)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::of(Kind::TooLarge),
            BodyError::Broken => Self::saying(Kind::BadBody, "Bad Request"),
        }
    }
}

impl From<AuthenticationFailure> for Refusal {
    fn from(failure: AuthenticationFailure) -> Self {
        match failure {
            AuthenticationFailure::Body(error) => error.into(),
            AuthenticationFailure::Credential(_) => {
                Self::saying(Kind::InvalidSignature, "The security token included in the request is invalid.")
            }
            _ => Self::of(Kind::InvalidSignature),
        }
    }
}

impl From<NotInvoked> for Refusal {
    fn from(why: NotInvoked) -> Self {
        match why {
            NotInvoked::TooLarge => Self::of(Kind::TooLarge),
            NotInvoked::Failed | NotInvoked::Throttled => Self::of(Kind::ApiConfiguration),
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(why: Malformed) -> Self {
        tracing::info!(%why, "what a function returned to its REST API is no answer");
        Self::of(Kind::BadGateway)
    }
}

/// The response for a refusal; what is known of the request tells of it from now on.
pub(super) fn response(refusal: Refusal, visit: &mut Visit<'_>) -> HttpResponse {
    let (kind, usual, error_type) = refusal.kind.told();
    let message = refusal.message.clone().map_or_else(|| json!(usual), Value::from);
    let mut error = json!({"message": message, "messageString": message.to_string(), "responseType": kind});
    if let Some(detail) = &refusal.detail {
        error["validationErrorString"] = detail.as_str().into();
    }
    if let Some(log) = &mut visit.known.log {
        log.note_error(format!("Execution failed: {message}"));
    }
    visit.known.error = Some(error);
    let context = context::of(visit);
    worded(
        refusal.kind,
        error_type,
        &Asked {
            deployed: visit.stage.deployed,
            context: &context,
            path: &visit.parameters,
            stage_variables: &visit.stage_variables,
            web: &visit.web,
        },
    )
}

/// What responses may tell of a request.
struct Asked<'a> {
    deployed: &'a services::apigateway::Compiled,
    context: &'a Value,
    path: &'a BTreeMap<String, String>,
    stage_variables: &'a BTreeMap<String, String>,
    web: &'a WebRequest,
}

fn worded(kind: Kind, error_type: &str, asked: &Asked<'_>) -> HttpResponse {
    let (name, ..) = kind.told();
    let own = asked.deployed.snapshot.of("GatewayResponse");
    let of_kind = own.get(name);
    let worded = of_kind.or_else(|| own.get(fallback_of(kind.status())));
    let status = worded.map_or("", |it| text(it, "statusCode")).parse().unwrap_or(kind.status());
    let templates: Vec<(String, String)> = match worded {
        Some(worded) => texts(worded.get("responseTemplates")).into_iter().collect(),
        None => vec![(media::USUAL.to_owned(), TEMPLATE.to_owned())],
    };
    let query: Vec<_> = query_pairs(&asked.web.raw_query).collect();
    let given = Given {
        path: asked.path,
        query: &query,
        headers: &asked.web.headers,
        body: &[],
        stage_variables: asked.stage_variables,
        context: &|name| context::member(asked.context, name),
    };
    let value = |name: &str| Source::of_request(name).and_then(|source| source.values(&given).pop());
    let accept = asked.web.header("accept");
    let (content_type, body) = match media::for_answer(&templates, accept) {
        Some((content_type, template)) => {
            let named = |name: &str| match name.strip_prefix("context.") {
                Some("error.message") | Some("error.messageString")
                    if asked.context["error"]["message"].is_null() =>
                {
                    Some("null".to_owned())
                }
                _ => value(name),
            };
            (content_type.clone(), filled(template, named))
        }
        None => (media::USUAL.to_owned(), String::new()),
    };
    let mut headers = vec![
        ("Content-Type".to_owned(), content_type),
        ("x-amzn-ErrorType".to_owned(), error_type.to_owned()),
    ];
    for (place, source) in texts(worded.and_then(|it| it.get("responseParameters"))) {
        let Some(header) = place.strip_prefix("gatewayresponse.header.") else { continue };
        if let Some(value) = value(&source) {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(header));
            headers.push((header.to_owned(), value));
        }
    }
    outgoing::response(WebAnswer { status, headers, body: body.into() })
}

/// The response where a path and a method lead nowhere: AWS takes it for a caller who has not said who it is.
pub(super) fn nowhere(
    (api, stage, web): (Api<'_>, Stage<'_>, &WebRequest),
    stage_variables: &BTreeMap<String, String>,
) -> HttpResponse {
    let (kind, message, error_type) = Kind::MissingToken.told();
    let context = json!({
        "accountId": api.account_id, "apiId": api.api_id, "stage": stage.name, "httpMethod": web.method,
        "path": web.raw_path, "requestId": web.request_id, "requestTimeEpoch": web.time_ms,
        "identity": {"sourceIp": web.source_ip},
        "error": {"message": message, "messageString": json!(message).to_string(), "responseType": kind},
    });
    let path = BTreeMap::new();
    worded(
        Kind::MissingToken,
        error_type,
        &Asked { deployed: stage.deployed, context: &context, path: &path, stage_variables, web },
    )
}

/// What API Gateway says for itself, before there is an API.
pub(super) fn forbidden() -> HttpResponse {
    let mut response = http::json(StatusCode::FORBIDDEN, &json!({"message": "Forbidden"}));
    outgoing::put_headers(
        response.headers_mut(),
        vec![("x-amzn-ErrorType".into(), "ForbiddenException".into())],
    );
    response
}
