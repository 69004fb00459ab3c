//! How policies together decide.

use super::{
    AuthorizationRequest,
    document::{Effect, PolicyDocument, Statement},
    principal::{Caller, Naming},
};
use crate::credentials::PrincipalKind;

/// Everything that has a say.
#[derive(Debug, Clone, Default)]
pub struct Policies<'a> {
    /// Of the caller: inline, attached, of its groups.
    pub identity: &'a [PolicyDocument],
    /// Of what is asked for, if it has one.
    pub resource: Option<&'a PolicyDocument>,
    /// The caller's permissions boundary, if it has one.
    pub boundary: Option<&'a PolicyDocument>,
    /// Given when the session was made; empty for none.
    pub session: &'a [PolicyDocument],
    /// Of the caller's organisation; empty for none.
    pub organization: &'a [PolicyDocument],
}

/// Why something is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// A statement says so; its id, if it has one.
    Explicit(Option<String>),
    /// Nothing allows it.
    Implicit,
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Allowed,
    /// It may not.
    Denied(Denial),
}

impl Decision {
    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }
}

/// Decides.
#[must_use]
pub fn evaluate(request: &AuthorizationRequest, policies: &Policies<'_>) -> Decision {
    if let Some(statement) = explicit_deny(request, policies) {
        return Decision::Denied(Denial::Explicit(statement.sid.clone()));
    }
    let of_resource = policies.resource.and_then(|policy| naming_allow(policy, request));
    if is_allowed(request, policies, of_resource) {
        Decision::Allowed
    } else {
        Decision::Denied(Denial::Implicit)
    }
}

/// Whether the policy of a role lets the caller become it. The account that it names speaks for all of its callers: whether the
/// account's own policies let them is not asked here.
#[must_use]
pub fn trusts(policy: &PolicyDocument, request: &AuthorizationRequest) -> bool {
    let alone = Policies { resource: Some(policy), ..Policies::default() };
    explicit_deny(request, &alone).is_none() && naming_allow(policy, request).is_some()
}

fn is_allowed(request: &AuthorizationRequest, policies: &Policies<'_>, of_resource: Option<Naming>) -> bool {
    let Caller::Principal(principal) = &request.caller else {
        // Services and strangers have no policies of their own.
        return of_resource.is_some();
    };
    if !policies.organization.iter().all(|policy| allows(policy, request)) {
        return false;
    }
    let bounded = within_bounds(request, policies);
    let is_root = principal.kind == PrincipalKind::Root;
    let of_identity = is_root || policies.identity.iter().any(|policy| allows(policy, request));
    if principal.account_id != request.resource_account {
        return of_resource.is_some() && of_identity && bounded;
    }
    match of_resource {
        // Named itself, a caller needs nothing else; a role's sessions stay within what bounds the role.
        Some(Naming::Itself) => true,
        Some(Naming::Role) if bounded => true,
        _ => of_identity && bounded,
    }
}

/// Boundary and session policies give nothing; they must allow what others give.
fn within_bounds(request: &AuthorizationRequest, policies: &Policies<'_>) -> bool {
    let of_boundary = policies.boundary.is_none_or(|policy| allows(policy, request));
    let of_session = policies.session.is_empty() || policies.session.iter().any(|p| allows(p, request));
    of_boundary && of_session
}

fn explicit_deny<'a>(request: &AuthorizationRequest, policies: &Policies<'a>) -> Option<&'a Statement> {
    let of_caller = policies
        .identity
        .iter()
        .chain(policies.boundary)
        .chain(policies.session)
        .chain(policies.organization)
        .flat_map(|policy| &policy.statements)
        .find(|statement| statement.effect == Effect::Deny && statement.applies(request));
    of_caller.or_else(|| {
        let mut statements = policies.resource.into_iter().flat_map(|policy| &policy.statements);
        statements.find(|statement| {
            let names = statement.principal.as_ref().is_some_and(|it| it.naming(&request.caller).is_some());
            statement.effect == Effect::Deny && names && statement.applies(request)
        })
    })
}

/// Whether an identity's policy allows it.
fn allows(policy: &PolicyDocument, request: &AuthorizationRequest) -> bool {
    let mut statements = policy.statements.iter();
    statements.any(|statement| statement.effect == Effect::Allow && statement.applies(request))
}

/// How a resource's policy names whom it allows; the closest of several.
fn naming_allow(policy: &PolicyDocument, request: &AuthorizationRequest) -> Option<Naming> {
    let allowing = policy.statements.iter().filter(|it| it.effect == Effect::Allow && it.applies(request));
    allowing.filter_map(|it| it.principal.as_ref()?.naming(&request.caller)).max()
}
