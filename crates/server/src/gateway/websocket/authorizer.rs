//! Who may connect: by its signature, or by what a function says of the handshake.

use lambda_model::{
    authorization::{AuthorizationRequest, Caller, Policies, PolicyDocument, evaluate},
    credentials::{Principal, PrincipalKind},
    http_api::integration::{function_arn, with_stage_variables},
    http_event::{WebRequest, query_pairs},
    websocket::{self, CONNECT, Connection, Happened},
};
use serde_json::{Map, Value};
use services::apigatewayv2::{DeployedApi, DeployedStage, Shape};

use super::{
    routes::{Asked, Failure},
    text,
};
use crate::{
    clock,
    gateway::{Callers, Gateway, functions::Called},
    http::HttpRequest,
};

impl Gateway {
    /// Lets a client in, or not; what an authorizer says of it goes with everything that it sends.
    pub(super) async fn welcome(
        &self,
        request: HttpRequest,
        api: &DeployedApi,
        stage: &DeployedStage,
        (connection, web): (&Connection, &WebRequest),
        callers: Callers<'_>,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let asked = Asked { api, stage, connection };
        let Some(route) = asked.route(CONNECT) else { return Ok(None) };
        let authorizer = stage.snapshot.authorizers.get(text(route, "AuthorizerId"));
        match (text(route, "AuthorizationType"), authorizer) {
            ("NONE" | "", _) => Ok(None),
            ("AWS_IAM", _) => {
                self.may(request, &asked.arn_of(CONNECT), "execute-api:Invoke", callers).await?;
                Ok(None)
            }
            ("CUSTOM", Some(authorizer)) => self.said_of(asked, authorizer, web).await.map(Some),
            _ => Err(Failure::Configuration),
        }
    }

    /// Whether whoever signed a request may do something.
    pub(super) async fn may(
        &self,
        request: HttpRequest,
        resource: &str,
        action: &str,
        callers: Callers<'_>,
    ) -> Result<HttpRequest, Failure> {
        let caller = callers.defaults.identify(&request);
        if caller.access_key_id.is_none() {
            return Err(Failure::Forbidden);
        }
        let Some(authentication) = callers.authentication else { return Ok(request) };
        let request = authentication.prove(request).await?;
        let own = self.iam.policies_of(&caller.principal).await.map_err(|_| Failure::Failed)?;
        let policies =
            Policies { identity: &own.identity, boundary: own.boundary.as_ref(), ..Policies::default() };
        match evaluate(&asking(caller.principal, resource, action), &policies).is_allowed() {
            true => Ok(request),
            false => Err(Failure::Forbidden),
        }
    }

    async fn said_of(
        &self,
        asked: Asked<'_>,
        authorizer: &Shape,
        web: &WebRequest,
    ) -> Result<Map<String, Value>, Failure> {
        let variables = asked.stage_variables();
        let query: Vec<_> = query_pairs(&web.raw_query).collect();
        let context = websocket::context(
            asked.connection,
            &Happened::Connect,
            CONNECT,
            (&web.request_id, clock::unix_ms()),
        );
        let sources = authorizer.get("IdentitySource").and_then(Value::as_array).into_iter().flatten();
        for source in sources.filter_map(Value::as_str) {
            if !is_there(source, web, &query, &variables) {
                return Err(Failure::Unauthorized);
            }
        }
        let sent =
            websocket::Sent { headers: &web.headers, query: &query, stage_variables: &variables, body: None };
        let mut event = websocket::event(context, sent);
        event["type"] = "REQUEST".into();
        event["methodArn"] = asked.arn_of(CONNECT).into();
        let uri = with_stage_variables(text(authorizer, "AuthorizerUri"), |name| {
            variables.get(name).map(String::as_str)
        });
        let DeployedApi { account_id, region, api_id, .. } = asked.api;
        let source_arn = format!(
            "arn:aws:execute-api:{region}:{account_id}:{api_id}/authorizers/{}",
            text(authorizer, "AuthorizerId")
        );
        let called = Called {
            arn: function_arn(&uri).ok_or(Failure::Configuration)?,
            source_arn: &source_arn,
            source_account: account_id,
            trace_id: None,
            role: text(authorizer, "AuthorizerCredentialsArn"),
        };
        let request = self.asked_of_function(called, event.to_string().into()).await?;
        let outcome = self.invoker.invoke(request).await.map_err(|_| Failure::Configuration)?.outcome;
        if outcome.error.is_some() {
            let failure: Value = serde_json::from_slice(&outcome.payload).unwrap_or_default();
            let is_nobody = failure["errorMessage"] == "Unauthorized";
            return Err(if is_nobody { Failure::Unauthorized } else { Failure::Configuration });
        }
        allowed(asked, &outcome.payload)
    }
}

/// What a function said, where it lets the client in.
fn allowed(asked: Asked<'_>, payload: &[u8]) -> Result<Map<String, Value>, Failure> {
    let answer: Map<String, Value> = serde_json::from_slice(payload).map_err(|_| Failure::Configuration)?;
    let document = answer.get("policyDocument").and_then(|it| PolicyDocument::from_value(it).ok());
    let document = document.ok_or(Failure::Configuration)?;
    let kind = PrincipalKind::User { name: String::new() };
    let nobody = Principal { kind, ..Principal::root(&asked.api.account_id) };
    let policies = Policies { identity: std::slice::from_ref(&document), ..Policies::default() };
    if !evaluate(&asking(nobody, &asked.arn_of(CONNECT), "execute-api:Invoke"), &policies).is_allowed() {
        return Err(Failure::Forbidden);
    }
    let mut context = match answer.get("context") {
        Some(Value::Object(context)) => context.clone(),
        _ => Map::new(),
    };
    context.insert("principalId".into(), answer.get("principalId").cloned().unwrap_or_default());
    Ok(context)
}

fn asking(principal: Principal, resource: &str, action: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        resource_account: principal.account_id.clone(),
        caller: Caller::Principal(principal),
        action: action.to_owned(),
        resource: resource.to_owned(),
        context: Default::default(),
    }
}

fn is_there(
    source: &str,
    web: &WebRequest,
    query: &[(String, String)],
    variables: &std::collections::BTreeMap<String, String>,
) -> bool {
    let found = if let Some(name) = source.strip_prefix("route.request.header.") {
        web.header(&name.to_ascii_lowercase()).map(str::to_owned)
    } else if let Some(name) = source.strip_prefix("route.request.querystring.") {
        query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    } else if let Some(name) = source.strip_prefix("stageVariables.") {
        variables.get(name).cloned()
    } else {
        // What is known of a request is always there.
        source.starts_with("context.").then(|| source.to_owned())
    };
    found.is_some_and(|value| !value.is_empty())
}
