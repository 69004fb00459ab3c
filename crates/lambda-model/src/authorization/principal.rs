//! Who asks, and whom a policy names.

use serde_json::Value;

use super::document::DocumentError;
use crate::credentials::{Principal, PrincipalKind};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who did not say.
    Anonymous,
    /// A service of AWS, such as `s3.amazonaws.com`.
    Service(String),
    /// Somebody with credentials.
    Principal(Principal),
}

impl Caller {
    /// The caller's account, if it has one.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        match self {
            Self::Principal(principal) => Some(&principal.account_id),
            Self::Anonymous | Self::Service(_) => None,
        }
    }

    /// What is known of a caller by itself; the name is in lower case.
    pub(super) fn fact(&self, key: &str) -> Option<String> {
        let Self::Principal(principal) = self else {
            return match (self, key) {
                (Self::Service(name), "aws:principalservicename") => Some(name.clone()),
                (Self::Service(_), "aws:principalisawsservice") => Some("true".into()),
                (_, "aws:principalisawsservice") => Some("false".into()),
                (Self::Anonymous, "aws:principaltype") => Some("Anonymous".into()),
                _ => None,
            };
        };
        match key {
            "aws:principalaccount" => Some(principal.account_id.clone()),
            "aws:principalarn" => Some(principal_arn(principal)),
            "aws:userid" => Some(principal.user_id.clone()),
            "aws:username" => match &principal.kind {
                PrincipalKind::User { name } => Some(name.clone()),
                _ => None,
            },
            "aws:principaltype" => Some(kind_name(&principal.kind).into()),
            "aws:principalisawsservice" => Some("false".into()),
            _ => None,
        }
    }
}

fn kind_name(kind: &PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Root => "Account",
        PrincipalKind::User { .. } => "User",
        PrincipalKind::FederatedUser { .. } => "FederatedUser",
        PrincipalKind::AssumedRole { .. } => "AssumedRole",
    }
}

/// `aws:PrincipalArn` of a session is the role's.
fn principal_arn(principal: &Principal) -> String {
    match &principal.kind {
        PrincipalKind::AssumedRole { role_name, .. } => {
            format!("arn:aws:iam::{}:role/{role_name}", principal.account_id)
        }
        _ => principal.arn.clone(),
    }
}

/// How a policy names a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Naming {
    /// By its account, which then decides by its own policies.
    Account,
    /// By its role, within what bounds the role.
    Role,
    /// By itself, or as anyone.
    Itself,
}

/// The element `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrincipalElement {
    pub is_negated: bool,
    aws: Vec<String>,
    services: Vec<String>,
}

impl PrincipalElement {
    pub(super) fn parse(value: &Value, is_negated: bool) -> Result<Self, DocumentError> {
        let mut element = Self { is_negated, aws: Vec::new(), services: Vec::new() };
        match value {
            Value::String(anyone) if anyone == "*" => element.aws.push("*".into()),
            Value::Object(kinds) => {
                for (kind, names) in kinds {
                    let names = super::document::strings(names, "Principal")?;
                    match kind.as_str() {
                        "AWS" => element.aws.extend(names),
                        "Service" => element.services.extend(names),
                        // Nobody comes with these here.
                        "Federated" | "CanonicalUser" => {}
                        _ => return Err(DocumentError::new(format!("unknown principal type {kind}"))),
                    }
                }
            }
            _ => return Err(DocumentError::new("a principal is * or an object")),
        }
        Ok(element)
    }

    /// How it names the caller; `None` when it does not. Of `NotPrincipal`: whether it leaves the caller out.
    pub(super) fn naming(&self, caller: &Caller) -> Option<Naming> {
        let named = match caller {
            Caller::Service(name) => {
                let is_named = self.services.iter().any(|known| known == name || known == "*");
                // Whoever names everybody names services too: how older guides let S3 into a queue, under a condition.
                (is_named || self.names_everybody()).then_some(Naming::Itself)
            }
            Caller::Anonymous => self.names_everybody().then_some(Naming::Itself),
            Caller::Principal(principal) => {
                self.aws.iter().filter_map(|name| naming_of(name, principal)).max()
            }
        };
        match (self.is_negated, named) {
            (false, named) => named,
            (true, None) => Some(Naming::Itself),
            (true, Some(_)) => None,
        }
    }

    fn names_everybody(&self) -> bool {
        self.aws.iter().any(|name| name == "*")
    }
}

fn naming_of(name: &str, principal: &Principal) -> Option<Naming> {
    let account = &principal.account_id;
    if name == "*" || name == principal.arn {
        return Some(Naming::Itself);
    }
    if name == account || *name == format!("arn:aws:iam::{account}:root") {
        return Some(Naming::Account);
    }
    let PrincipalKind::AssumedRole { role_name, .. } = &principal.kind else { return None };
    let of_account = name.strip_prefix(&format!("arn:aws:iam::{account}:role/"))?;
    // A path may be before the name, which is unique without it.
    (of_account.rsplit('/').next() == Some(role_name.as_str())).then_some(Naming::Role)
}
