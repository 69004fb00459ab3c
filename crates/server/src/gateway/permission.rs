//! Whether a caller may have what is behind a function's URL (U-05 to U-07), and whether an API may invoke a function.
//!
//! For a URL the policy of the function, or of the alias, has to allow both `lambda:InvokeFunctionUrl` and `lambda:InvokeFunction` (the latter since
//! late 2025); of callers of the same account their own policies may do so instead.

use std::collections::BTreeMap;

use lambda_model::{
    authorization::{AuthorizationRequest, Caller, Policies, PolicyDocument, evaluate},
    credentials::Principal,
};
use services::iam::CallerPolicies;

use super::urls::Url;

/// The first action that the caller may not do; `None` if it may come in.
pub(super) fn missing(
    url: &Url,
    policy: Option<&PolicyDocument>,
    caller: Option<(&Principal, &CallerPolicies)>,
    source_ip: &str,
) -> Option<&'static str> {
    let facts = [
        ("lambda:functionurlauthtype", url.auth_type.as_str()),
        ("lambda:invokedviafunctionurl", "true"),
        ("aws:sourceip", source_ip),
    ];
    let context: BTreeMap<_, _> =
        facts.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect();
    let mut request = AuthorizationRequest {
        caller: caller.map_or(Caller::Anonymous, |(principal, _)| Caller::Principal(principal.clone())),
        action: String::new(),
        resource: url.key.arn_of(url.qualifier.as_deref()),
        resource_account: url.key.account_id.clone(),
        context,
    };
    let own = caller.map(|(_, policies)| policies);
    let policies = Policies {
        identity: own.map_or(&[], |own| &own.identity),
        boundary: own.and_then(|own| own.boundary.as_ref()),
        resource: policy,
        ..Policies::default()
    };
    ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"].into_iter().find(|action| {
        request.action = (*action).to_owned();
        !evaluate(&request, &policies).is_allowed()
    })
}

/// Whether a function's policy lets API Gateway invoke it for an API: by the ARN of what was asked for, and the API's account.
pub(super) fn lets_gateway(
    policy: Option<&PolicyDocument>,
    function_arn: &str,
    account_id: &str,
    (source_arn, source_account): (&str, &str),
) -> bool {
    let facts = [("aws:sourcearn", source_arn), ("aws:sourceaccount", source_account)];
    let request = AuthorizationRequest {
        caller: Caller::Service("apigateway.amazonaws.com".to_owned()),
        action: "lambda:InvokeFunction".to_owned(),
        resource: function_arn.to_owned(),
        resource_account: account_id.to_owned(),
        context: facts.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).into(),
    };
    evaluate(&request, &Policies { resource: policy, ..Policies::default() }).is_allowed()
}
