//! The URL of a function (B.18): a request of the web becomes its event, and what it returns the answer.
//!
//! ```text
//! unknown id ──► 403        preflight ──► answered here        not allowed ──► 403
//! BUFFERED ──► invoke ──► answer, inferred where it says nothing        RESPONSE_STREAM ──► head, then bytes as they come
//! function error, malformed response ──► 502
//! ```

use aws_api::request_id;
use bytes::Bytes;
use hyper::header::HeaderValue;
use invocation::InvokeRequest;
use lambda_model::{
    LambdaError,
    authorization::PolicyDocument,
    credentials::{Principal, PrincipalKind},
    http_event::{Context, WebAnswer, WebRequest, answer, cors, version_2},
    invocation::Invocation,
};
use serde_json::{Value, json};
use services::iam::CallerPolicies;

use super::{
    Callers, Gateway, incoming, limits, outgoing, permission,
    refusal::Refusal,
    streaming::{self, NoStream},
    urls::Url,
};
use crate::http::{self, BodyError, HttpRequest, HttpResponse};

const AWS_IAM: &str = "AWS_IAM";
const REQUEST_ID: &str = "x-amzn-requestid";

impl Gateway {
    /// Answers a request to the URL of `url_id`; `path` is what is behind it.
    pub(super) async fn at_function_url(
        &self,
        request: HttpRequest,
        url_id: &str,
        path: String,
        callers: Callers<'_>,
    ) -> HttpResponse {
        let Some((url, policy)) = self.urls.find(url_id) else {
            // Also of an id that never was (U-04).
            return Refusal::Nobodys.into();
        };
        let request_id = request_id::new();
        let mut web = incoming::head(&request, path, &request_id);
        if let Some(settings) = url.cors.as_ref().filter(|_| cors::is_preflight(&web)) {
            let headers = cors::preflight(settings, &web);
            return outgoing::response(WebAnswer { status: 200, headers, body: Bytes::new() });
        }
        let invoked = self.invoked(request, &mut web, (&url, policy.as_deref(), url_id), callers).await;
        let mut response = invoked.unwrap_or_else(HttpResponse::from);
        if let Some(settings) = &url.cors {
            let given = cors::answered(settings, &web);
            cors::OURS.iter().for_each(|name| drop(response.headers_mut().remove(*name)));
            outgoing::put_headers(response.headers_mut(), given);
        }
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }

    async fn invoked(
        &self,
        request: HttpRequest,
        web: &mut WebRequest,
        (url, policy, url_id): (&Url, Option<&PolicyDocument>, &str),
        callers: Callers<'_>,
    ) -> Result<HttpResponse, Refusal> {
        let (request, caller) = self.identify(request, url, &callers).await?;
        self.check(url, policy, caller.as_ref(), &callers, &web.source_ip).await?;
        web.body = http::read_body(request.body, limits::URL_BODY_BYTES_MAX).await?;
        let event = event(web, url_id, caller.as_ref())?;
        if url.qualifier.is_none() {
            self.watches.settle(&url.key).await;
        }
        let invocation = Invocation {
            trace_id: web.header("x-amzn-trace-id").map(str::to_owned),
            is_patient: false,
            ..Invocation::of_event(
                web.request_id.clone(),
                event.into(),
                url.key.arn_of(url.qualifier.as_deref()),
            )
        };
        let asked = InvokeRequest { key: url.key.clone(), qualifier: url.qualifier.clone(), invocation };
        if url.is_streaming { self.streamed(asked).await } else { self.buffered(asked).await }
    }

    /// Who signed, where the URL wants that; with the request, whose body was read to prove it.
    async fn identify(
        &self,
        request: HttpRequest,
        url: &Url,
        callers: &Callers<'_>,
    ) -> Result<(HttpRequest, Option<Principal>), Refusal> {
        if url.auth_type != AWS_IAM {
            return Ok((request, None));
        }
        let caller = callers.defaults.identify(&request);
        if caller.access_key_id.is_none() {
            return Err(Refusal::Forbidden);
        }
        let request = match callers.authentication {
            Some(authentication) => authentication.prove(request).await?,
            None => request,
        };
        Ok((request, Some(caller.principal)))
    }

    async fn check(
        &self,
        url: &Url,
        policy: Option<&PolicyDocument>,
        caller: Option<&Principal>,
        callers: &Callers<'_>,
        source_ip: &str,
    ) -> Result<(), Refusal> {
        let own = match caller {
            // Where nobody has to prove anything, nobody has policies.
            Some(principal) if callers.authentication.is_some() => self.iam.policies_of(principal).await,
            _ => Ok(CallerPolicies::default()),
        };
        let own = own.map_err(|error| LambdaError::Service(error.to_string()))?;
        let believed = caller.map(|principal| match callers.authentication {
            Some(_) => principal.clone(),
            None => Principal { kind: PrincipalKind::Root, ..principal.clone() },
        });
        let caller = believed.as_ref().map(|principal| (principal, &own));
        match permission::missing(url, policy, caller, source_ip) {
            None => Ok(()),
            Some(action) => {
                tracing::info!(function = %url.key.name, action, "the URL's caller is not allowed");
                Err(Refusal::Forbidden)
            }
        }
    }

    async fn buffered(&self, asked: InvokeRequest) -> Result<HttpResponse, Refusal> {
        let outcome = self.invoker.invoke(asked).await?.outcome;
        if outcome.error.is_some() {
            return Err(Refusal::BadGateway);
        }
        Ok(outgoing::response(answer::of_version_2(&outcome.payload)?))
    }

    async fn streamed(&self, asked: InvokeRequest) -> Result<HttpResponse, Refusal> {
        let whole = |payload: &Bytes| answer::of_version_2(payload);
        streaming::answered(&self.invoker, asked, whole).await.map_err(|why| match why {
            NoStream::NotInvoked(error) => error.into(),
            NoStream::Failed => Refusal::BadGateway,
            NoStream::Malformed(why) => why.into(),
        })
    }
}

fn event(web: &WebRequest, url_id: &str, caller: Option<&Principal>) -> Result<Vec<u8>, Refusal> {
    let context = Context {
        account_id: caller.map_or("anonymous", |principal| &principal.account_id).to_owned(),
        api_id: url_id.to_owned(),
        route_key: "$default".to_owned(),
        stage: "$default".to_owned(),
        authorizer: caller.map(|principal| authorizer(principal, web)),
        ..Context::default()
    };
    let event = version_2::event(web, &context);
    let event = event.map_err(|error| LambdaError::Service(format!("no event: {error}")))?;
    if event.len() > limits::URL_BODY_BYTES_MAX {
        return Err(BodyError::TooLarge.into());
    }
    Ok(event)
}

/// What an event says of whoever signed.
fn authorizer(principal: &Principal, web: &WebRequest) -> Value {
    let signed = web.header("authorization").unwrap_or_default();
    let credential = signed.split_once("Credential=").map_or("", |(_, rest)| rest);
    json!({"iam": {
        "accessKey": credential.split('/').next().unwrap_or_default(),
        "accountId": principal.account_id,
        "callerId": principal.user_id,
        "cognitoIdentity": null,
        "principalOrgId": null,
        "userArn": principal.arn,
        "userId": principal.user_id,
    }})
}
