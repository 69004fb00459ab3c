//! Who a caller of an HTTP API is, and whether it may: by a token, by a function, or by its signature.
//!
//! ```text
//! JWT      token ──► the issuer's key ──► claims, scopes           no token, not good: 401   no scope: 403
//! CUSTOM   identity sources ──remembered?──► function ──► allowed?  a source missing: 401     no: 403
//! AWS_IAM  signature ──► policies                                   403
//! ```

use std::time::Duration;

use lambda_model::{
    authorization::{AuthorizationRequest, Caller, Policies, PolicyDocument, evaluate},
    credentials::Principal,
    http_api::{
        identity,
        integration::{function_arn, with_stage_variables},
        jwt::{Expected, Refused, Token},
    },
    http_event::{version_1, version_2},
};
use serde_json::{Map, Value, json};
use services::{apigatewayv2::Shape, shape::list};

use super::{Refusal, Visit, integration::known, text};
use crate::{
    clock,
    gateway::{Callers, Gateway, issuers::Keys, remembered::Said},
    http::HttpRequest,
};

impl Gateway {
    /// Lets the caller in, or not; what is known of it is with the visit then.
    pub(super) async fn authorize(
        &self,
        request: HttpRequest,
        visit: &mut Visit<'_>,
        callers: Callers<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let Some(route) = visit.route_settings() else { return Err(Refusal::Failed) };
        let scopes = list(route.get("AuthorizationScopes"));
        let authorizer = visit.stage.snapshot.authorizers.get(text(route, "AuthorizerId"));
        match (text(route, "AuthorizationType"), authorizer) {
            ("NONE" | "", _) => Ok(request),
            ("JWT", Some(authorizer)) => {
                let known = self.token(visit, authorizer, &scopes).await?;
                visit.authorizer = Some(known);
                Ok(request)
            }
            ("CUSTOM", Some(authorizer)) => {
                let known = self.asked(visit, authorizer).await?;
                visit.authorizer = Some(known);
                Ok(request)
            }
            ("AWS_IAM", _) => self.signed(request, visit, callers).await,
            _ => Err(Refusal::Failed),
        }
    }

    async fn token(
        &self,
        visit: &Visit<'_>,
        authorizer: &Shape,
        scopes: &[String],
    ) -> Result<Value, Refusal> {
        let sources = list(authorizer.get("IdentitySource"));
        let found = identity::values(&sources, &visit.web, &visit.stage_variables);
        let token = found.and_then(|values| Token::parse(values.first()?)).ok_or(Refusal::Unauthorized)?;
        let configuration = authorizer.get("JwtConfiguration").cloned().unwrap_or_default();
        let issuer = configuration["Issuer"].as_str().unwrap_or_default();
        if !self.memory.issuers.has_signed(issuer, Keys::Told, &token, &self.ways_out).await {
            return Err(Refusal::Unauthorized);
        }
        let audience = list(configuration.get("Audience"));
        let expected = Expected { issuer, audience: Some(&audience), scopes, now: clock::unix_seconds() };
        let scopes = token.check(&expected).map_err(|refused| match refused {
            Refused::Unauthorized => Refusal::Unauthorized,
            Refused::Forbidden => Refusal::Forbidden,
        })?;
        let scopes = if scopes.is_empty() { Value::Null } else { json!(scopes) };
        let known = json!({"claims": token.shown(), "scopes": scopes});
        Ok(if is_version_1(visit) { known } else { json!({"jwt": known}) })
    }

    /// What the authorizer's function says.
    async fn asked(&self, visit: &Visit<'_>, authorizer: &Shape) -> Result<Value, Refusal> {
        let sources = list(authorizer.get("IdentitySource"));
        let values =
            identity::values(&sources, &visit.web, &visit.stage_variables).ok_or(Refusal::Unauthorized)?;
        let ttl = authorizer.get("AuthorizerResultTtlInSeconds").and_then(Value::as_u64).unwrap_or_default();
        let id = text(authorizer, "AuthorizerId");
        let who = (visit.api.api_id.clone(), visit.stage.name.clone(), id.to_owned(), values.clone());
        let is_remembered = ttl > 0 && !sources.is_empty();
        let before =
            is_remembered.then(|| self.memory.remembered.find(&who, visit.stage.cache_reset_ms)).flatten();
        let said = match before {
            Some(said) => said,
            None => {
                let said = self.say(visit, authorizer, &values).await?;
                if is_remembered {
                    self.memory.remembered.keep(who, Duration::from_secs(ttl), said.clone());
                }
                said
            }
        };
        let (is_authorized, context) = match said {
            Said::Simple { is_authorized, context } => (is_authorized, context),
            Said::Policy { principal_id, document, mut context, .. } => {
                let is_allowed = allows(&document, visit);
                context.insert("principalId".to_owned(), principal_id.into());
                (is_allowed, context)
            }
        };
        match is_authorized {
            false => Err(Refusal::Forbidden),
            true if is_version_1(visit) => Ok(Value::Object(context)),
            true => Ok(json!({"lambda": context})),
        }
    }

    async fn say(&self, visit: &Visit<'_>, authorizer: &Shape, values: &[String]) -> Result<Said, Refusal> {
        let uri = with_stage_variables(text(authorizer, "AuthorizerUri"), |name| {
            visit.stage_variables.get(name).map(String::as_str)
        });
        let arn = function_arn(&uri).ok_or(Refusal::Failed)?;
        let is_version_1 = text(authorizer, "AuthorizerPayloadFormatVersion") == "1.0";
        let event = event(visit, values, is_version_1).map_err(|_| Refusal::Failed)?;
        let (account_id, region) = (&visit.api.account_id, &visit.api.region);
        let source = format!(
            "arn:aws:execute-api:{region}:{account_id}:{}/authorizers/{}",
            visit.api.api_id,
            text(authorizer, "AuthorizerId")
        );
        let role = text(authorizer, "AuthorizerCredentialsArn");
        let answer = self.returned(arn, event.into(), (&source, role), visit).await?;
        let answer: Map<String, Value> = serde_json::from_slice(&answer).map_err(|_| Refusal::Failed)?;
        let context = match answer.get("context") {
            Some(Value::Object(context)) => context.clone(),
            _ => Map::new(),
        };
        if authorizer.get("EnableSimpleResponses") == Some(&Value::Bool(true)) {
            let is_authorized = answer.get("isAuthorized").and_then(Value::as_bool).ok_or(Refusal::Failed)?;
            return Ok(Said::Simple { is_authorized, context });
        }
        let principal_id = text(&answer, "principalId").to_owned();
        let document = answer.get("policyDocument").and_then(|it| PolicyDocument::from_value(it).ok());
        Ok(Said::Policy { principal_id, document: document.ok_or(Refusal::Failed)?, context, api_key: None })
    }

    async fn signed(
        &self,
        request: HttpRequest,
        visit: &mut Visit<'_>,
        callers: Callers<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let caller = callers.defaults.identify(&request);
        let Some(access_key) = caller.access_key_id.clone() else { return Err(Refusal::Forbidden) };
        let principal = caller.principal;
        let request = match callers.authentication {
            Some(authentication) => {
                let request = authentication.prove(request).await?;
                let own = self.iam.policies_of(&principal).await.map_err(|_| Refusal::Failed)?;
                let policies = Policies {
                    identity: &own.identity,
                    boundary: own.boundary.as_ref(),
                    ..Policies::default()
                };
                if !evaluate(&invoke_request(visit, principal.clone()), &policies).is_allowed() {
                    return Err(Refusal::Forbidden);
                }
                request
            }
            None => request,
        };
        visit.authorizer = Some(json!({"iam": {
            "accessKey": access_key, "accountId": principal.account_id, "callerId": principal.user_id,
            "cognitoIdentity": null, "principalOrgId": null, "userArn": principal.arn, "userId": principal.user_id,
        }}));
        Ok(request)
    }
}

/// Whether the integration's event is in format 1.0, where authorizers are shown otherwise.
fn is_version_1(visit: &Visit<'_>) -> bool {
    let target = visit.route_settings().map_or("", |route| text(route, "Target"));
    let integration = visit.stage.snapshot.integrations.get(target.trim_start_matches("integrations/"));
    integration.is_some_and(|it| text(it, "PayloadFormatVersion") == "1.0")
}

fn allows(document: &PolicyDocument, visit: &Visit<'_>) -> bool {
    let nobody = Principal::root(&visit.api.account_id);
    let caller =
        Principal { kind: lambda_model::credentials::PrincipalKind::User { name: String::new() }, ..nobody };
    let policies = Policies { identity: std::slice::from_ref(document), ..Policies::default() };
    evaluate(&invoke_request(visit, caller), &policies).is_allowed()
}

fn invoke_request(visit: &Visit<'_>, caller: Principal) -> AuthorizationRequest {
    AuthorizationRequest {
        caller: Caller::Principal(caller),
        action: "execute-api:Invoke".to_owned(),
        resource: visit.source_arn(),
        resource_account: visit.api.account_id.clone(),
        context: [("aws:sourceip".to_owned(), vec![visit.web.source_ip.clone()])].into(),
    }
}

/// The event of an authorizer's function: that of a request, without its body.
fn event(visit: &Visit<'_>, values: &[String], is_version_1: bool) -> serde_json::Result<Vec<u8>> {
    let made = if is_version_1 { version_1::event } else { version_2::event };
    let mut event: Map<String, Value> = serde_json::from_slice(&made(&visit.web, &known(visit))?)?;
    event.retain(|member, _| !matches!(member.as_str(), "body" | "isBase64Encoded"));
    event.insert("type".to_owned(), "REQUEST".into());
    if is_version_1 {
        event.insert("methodArn".to_owned(), visit.source_arn().into());
        event.insert("identitySource".to_owned(), values.join(",").into());
        event.insert("authorizationToken".to_owned(), values.join(",").into());
    } else {
        event.insert("routeArn".to_owned(), visit.source_arn().into());
        event.insert("identitySource".to_owned(), json!(values));
    }
    serde_json::to_vec(&event)
}
