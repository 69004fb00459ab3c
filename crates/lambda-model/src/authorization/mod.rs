//! Whether a request may do what it asks: IAM's policy language, and how policies together decide. Pure, no clock, no I/O.
//!
//! ```text
//!   an explicit deny anywhere ----------------------------------------------> denied
//!   organisation policies, if there are any, must all allow
//!   same account:   the resource's policy names the caller  OR  the identity's policies allow, within boundary and session
//!   other account:  the resource's policy allows  AND  the identity's policies do, within boundary and session
//!   a service, or nobody in particular: the resource's policy alone
//! ```
//! Sources: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements reference".

mod condition;
mod document;
mod evaluate;
mod principal;
mod variables;
mod wildcard;

pub use document::{DocumentError, PolicyDocument};
pub use evaluate::{Decision, Denial, Policies, evaluate, trusts};
pub use principal::Caller;

use std::collections::BTreeMap;

/// What is asked.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub caller: Caller,
    /// Such as `s3:GetObject`.
    pub action: String,
    /// The ARN of what it is done to.
    pub resource: String,
    /// The account of what it is done to.
    pub resource_account: String,
    /// Facts of the request by their names in lower case, such as `aws:sourceip`. Some have several values.
    pub context: BTreeMap<String, Vec<String>>,
}

impl AuthorizationRequest {
    /// The values of a fact; what follows from the caller itself is there too.
    pub(crate) fn values(&self, key: &str) -> Option<Vec<String>> {
        let key = key.to_ascii_lowercase();
        self.context.get(&key).cloned().or_else(|| self.caller.fact(&key).map(|value| vec![value]))
    }
}

#[cfg(test)]
mod tests;
