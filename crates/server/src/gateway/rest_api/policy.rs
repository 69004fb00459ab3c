//! Who may come in: by the policy of the API, by those of a caller, and by what an authorizer says (API Gateway guide, "How API Gateway
//! resource policies affect authorization workflow").

use lambda_model::{
    authorization::{AuthorizationRequest, Caller, Decision, Denial, Policies, PolicyDocument, evaluate},
    credentials::{Principal, PrincipalKind},
};

use super::{
    Visit,
    refusal::{Kind, Refusal},
    text,
};
use crate::{
    gateway::{Callers, Gateway},
    http::HttpRequest,
};

impl Gateway {
    /// Lets the caller in, or not; what is known of it is with the visit then.
    pub(super) async fn let_in(
        &self,
        request: HttpRequest,
        visit: &mut Visit<'_>,
        callers: Callers<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let authorizers = visit.stage.deployed.snapshot.of("Authorizer");
        let authorizer = authorizers.get(text(&visit.method.shape, "authorizerId"));
        let kind = text(&visit.method.shape, "authorizationType").to_ascii_uppercase();
        match (kind.as_str(), authorizer) {
            ("AWS_IAM", _) => self.by_signature(request, visit, callers).await,
            ("CUSTOM", Some(authorizer)) => {
                self.authorized(visit, authorizer).await?;
                Ok(request)
            }
            ("COGNITO_USER_POOLS", Some(authorizer)) => {
                allowed(visit, Caller::Anonymous, &Policies::default())?;
                self.of_user_pool(visit, authorizer).await?;
                Ok(request)
            }
            ("NONE", _) => {
                allowed(visit, Caller::Anonymous, &Policies::default())?;
                Ok(request)
            }
            _ => Err(Refusal::configuration("a method has no authorizer")),
        }
    }
}

/// Whether a caller may come in by what it has and by the API's policy. An API without a policy lets everybody in who needs none.
pub(super) fn allowed(visit: &Visit<'_>, caller: Caller, own: &Policies<'_>) -> Result<(), Refusal> {
    let resource = visit.stage.deployed.policy.as_ref();
    let is_anonymous = matches!(caller, Caller::Anonymous);
    if resource.is_none() && is_anonymous {
        return Ok(());
    }
    let name = match &caller {
        Caller::Principal(principal) => principal.arn.clone(),
        _ => "anonymous".to_owned(),
    };
    let policies =
        Policies { resource, identity: own.identity, boundary: own.boundary, ..Policies::default() };
    match evaluate(&invoking(visit, caller), &policies) {
        Decision::Allowed => Ok(()),
        Decision::Denied(denial) => {
            let explicitly =
                if matches!(denial, Denial::Explicit(_)) { " with an explicit deny" } else { "" };
            Err(Refusal::saying(
                Kind::AccessDenied,
                format!(
                    "User: {name} is not authorized to perform: execute-api:Invoke on resource: {}{explicitly}",
                    visit.method_arn()
                ),
            ))
        }
    }
}

/// Whether what an authorizer said allows the request, with the API's policy or without; an explicit deny wins.
pub(super) fn allowed_by(visit: &Visit<'_>, said: &PolicyDocument) -> Result<(), Refusal> {
    let kind = PrincipalKind::User { name: String::new() };
    let caller = Principal { kind, ..Principal::root(visit.api.account_id) };
    let policies = Policies {
        identity: std::slice::from_ref(said),
        resource: visit.stage.deployed.policy.as_ref(),
        ..Policies::default()
    };
    match evaluate(&invoking(visit, Caller::Principal(caller)), &policies) {
        Decision::Allowed => Ok(()),
        Decision::Denied(Denial::Explicit(_)) => Err(Refusal::saying(
            Kind::AccessDenied,
            "User is not authorized to access this resource with an explicit deny",
        )),
        Decision::Denied(_) => Err(Refusal::of(Kind::AccessDenied)),
    }
}

fn invoking(visit: &Visit<'_>, caller: Caller) -> AuthorizationRequest {
    AuthorizationRequest {
        caller,
        action: "execute-api:Invoke".to_owned(),
        resource: visit.method_arn(),
        resource_account: visit.api.account_id.to_owned(),
        context: [("aws:sourceip".to_owned(), vec![visit.web.source_ip.clone()])].into(),
    }
}
