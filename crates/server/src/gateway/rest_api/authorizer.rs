//! Functions that authorize: asked with a token, or with the whole request but its body, and believed for a while.

use std::time::Duration;

use invocation::InvokeRequest;
use lambda_model::{
    authorization::PolicyDocument,
    http_api::integration::{function_arn, with_stage_variables},
    http_event::{decoded_path, rest},
};
use serde_json::{Map, Value, json};
use services::apigateway::Shape;

use super::{
    Visit, as_texts, context,
    integration::described,
    policy,
    refusal::{Kind, Refusal},
    text,
};
use crate::gateway::{Gateway, functions::Called, remembered::Said};

/// What an authorizer goes by.
struct Asked {
    /// The values of its identity sources.
    identity: Vec<String>,
    event: Vec<u8>,
}

impl Gateway {
    /// By what the authorizer's function says.
    pub(super) async fn authorized(&self, visit: &mut Visit<'_>, authorizer: &Shape) -> Result<(), Refusal> {
        let asked = asked(visit, authorizer)?;
        let ttl = authorizer.get("authorizerResultTtlInSeconds").and_then(Value::as_u64).unwrap_or_default();
        let id = text(authorizer, "id").to_owned();
        let who = (visit.api.api_id.to_owned(), visit.stage.name.to_owned(), id, asked.identity.clone());
        let is_remembered = ttl > 0 && !asked.identity.is_empty();
        let before =
            is_remembered.then(|| self.memory.remembered.find(&who, visit.stage.cache_reset_ms)).flatten();
        let said = match before {
            Some(said) => said,
            None => {
                let said = self.said(visit, authorizer, asked.event).await?;
                if is_remembered {
                    self.memory.remembered.keep(who, Duration::from_secs(ttl), said.clone());
                }
                said
            }
        };
        let Said::Policy { principal_id, document, mut context, api_key } = said else {
            return Err(Refusal::of(Kind::AuthorizerConfiguration));
        };
        policy::allowed_by(visit, &document)?;
        context.insert("principalId".to_owned(), principal_id.into());
        visit.known.authorizer = Some(context);
        visit.known.key_of_authorizer = api_key;
        Ok(())
    }

    /// What the function says now.
    pub(super) async fn said(
        &self,
        visit: &Visit<'_>,
        authorizer: &Shape,
        event: Vec<u8>,
    ) -> Result<Said, Refusal> {
        let answer = self.answer_of(visit, authorizer, event).await?;
        let wrong = || Refusal::of(Kind::AuthorizerConfiguration);
        let context = match answer.get("context") {
            None | Some(Value::Null) => Map::new(),
            // Only plain values can be passed on.
            Some(Value::Object(members)) if members.values().all(|it| !it.is_object() && !it.is_array()) => {
                as_texts(members.clone())
            }
            Some(_) => return Err(wrong()),
        };
        let document = answer.get("policyDocument").and_then(|it| PolicyDocument::from_value(it).ok());
        let principal_id = answer.get("principalId").and_then(Value::as_str);
        Ok(Said::Policy {
            principal_id: principal_id.ok_or_else(wrong)?.to_owned(),
            document: document.ok_or_else(wrong)?,
            context,
            api_key: answer.get("usageIdentifierKey").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// The function's answer as it gave it.
    pub(super) async fn answer_of(
        &self,
        visit: &Visit<'_>,
        authorizer: &Shape,
        event: Vec<u8>,
    ) -> Result<Map<String, Value>, Refusal> {
        let asked = self.request_to(visit, authorizer, event).await?;
        let invoked = self.invoker.invoke(asked).await;
        let outcome = invoked.map_err(|_| Refusal::of(Kind::AuthorizerConfiguration))?.outcome;
        if outcome.error.is_some() {
            let failure: Value = serde_json::from_slice(&outcome.payload).unwrap_or_default();
            // This is how a function says that it does not know the caller.
            return Err(Refusal::of(match failure["errorMessage"] == "Unauthorized" {
                true => Kind::Unauthorized,
                false => Kind::AuthorizerFailure,
            }));
        }
        serde_json::from_slice(&outcome.payload).map_err(|_| Refusal::of(Kind::AuthorizerConfiguration))
    }

    async fn request_to(
        &self,
        visit: &Visit<'_>,
        authorizer: &Shape,
        event: Vec<u8>,
    ) -> Result<InvokeRequest, Refusal> {
        let wrong = || Refusal::of(Kind::AuthorizerConfiguration);
        let uri = with_stage_variables(text(authorizer, "authorizerUri"), |name| {
            visit.stage_variables.get(name).map(String::as_str)
        });
        let arn = function_arn(&uri).ok_or_else(wrong)?;
        let source_arn = visit.arn_of(&format!("authorizers/{}", text(authorizer, "id")));
        let role = text(authorizer, "authorizerCredentials");
        let called = Called {
            arn,
            source_arn: &source_arn,
            source_account: visit.api.account_id,
            trace_id: visit.web.header("x-amzn-trace-id").map(str::to_owned),
            role,
        };
        self.asked_of_function(called, event.into()).await.map_err(|_| wrong())
    }
}

/// Who the caller says it is, and the event that tells; a caller who does not say is nobody.
fn asked(visit: &Visit<'_>, authorizer: &Shape) -> Result<Asked, Refusal> {
    let nobody = || Refusal::of(Kind::Unauthorized);
    if text(authorizer, "type") == "TOKEN" {
        let source = text(authorizer, "identitySource").strip_prefix("method.request.header.");
        let token = visit.web.header(source.unwrap_or("Authorization")).filter(|token| !token.is_empty());
        let token = token.ok_or_else(nobody)?;
        let pattern = text(authorizer, "identityValidationExpression");
        if !pattern.is_empty() && !visit.stage.deployed.is_token(text(authorizer, "id"), token) {
            return Err(nobody());
        }
        return Ok(Asked {
            identity: vec![token.to_owned()],
            event: token_event(token, &visit.method_arn()),
        });
    }
    let sources = text(authorizer, "identitySource").split(',').map(str::trim).filter(|it| !it.is_empty());
    let known = context::of(visit);
    let identity: Option<Vec<String>> = sources.map(|source| identity(visit, &known, source)).collect();
    let headers = visit.web.headers.clone();
    let path = decoded_path(&visit.shown);
    let event = rest::authorizer_event(described(visit, &known, &path, &headers), &visit.method_arn());
    let event = event.map_err(|_| Refusal::of(Kind::AuthorizerConfiguration))?;
    Ok(Asked { identity: identity.ok_or_else(nobody)?, event })
}

/// The event of the type `TOKEN`, JSON.
pub(super) fn token_event(token: &str, method_arn: &str) -> Vec<u8> {
    json!({"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn}).to_string().into_bytes()
}

fn identity(visit: &Visit<'_>, known: &Value, source: &str) -> Option<String> {
    let found = if let Some(name) = source.strip_prefix("method.request.header.") {
        visit.web.header(name).map(str::to_owned)
    } else if let Some(name) = source.strip_prefix("method.request.querystring.") {
        visit.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    } else if let Some(name) = source.strip_prefix("stageVariables.") {
        visit.stage_variables.get(name).cloned()
    } else {
        context::member(known, source.strip_prefix("context.")?)
    };
    found.filter(|value| !value.is_empty())
}
