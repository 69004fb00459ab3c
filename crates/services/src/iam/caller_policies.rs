//! What the policies of a caller are: its own, those of its groups, and its boundary.

use lambda_model::{
    authorization::PolicyDocument,
    credentials::{Principal, PrincipalKind},
};
use store::StoreError;

use super::{
    Iam, aws_managed, naming,
    records::{self, Group, HeldPolicies, ManagedPolicy, Record, Role, User},
};

/// See the module's doc. The root of an account needs none.
#[derive(Debug, Clone, Default)]
pub struct CallerPolicies {
    /// Any of these may allow.
    pub identity: Vec<PolicyDocument>,
    /// This must allow too.
    pub boundary: Option<PolicyDocument>,
}

impl Iam {
    /// The policies of a principal. What is attached and no longer there, or is no policy, gives nothing.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn policies_of(&self, principal: &Principal) -> Result<CallerPolicies, StoreError> {
        let account_id = &principal.account_id;
        let (held, boundary) = match &principal.kind {
            PrincipalKind::Root | PrincipalKind::FederatedUser { .. } => return Ok(CallerPolicies::default()),
            PrincipalKind::User { name } => {
                let Some(user) = self.find::<User>(account_id, name).await? else {
                    return Ok(CallerPolicies::default());
                };
                let mut held = vec![user.policies];
                for group in &user.groups {
                    held.extend(self.find::<Group>(account_id, group).await?.map(|group| group.policies));
                }
                (held, user.boundary)
            }
            PrincipalKind::AssumedRole { role_name, .. } => {
                let role = self.find::<Role>(account_id, role_name).await?;
                let boundary = role.as_ref().and_then(|role| role.boundary.clone());
                (role.map(|role| role.policies).into_iter().collect(), boundary)
            }
        };
        let mut identity = Vec::new();
        for HeldPolicies { inline, attached } in &held {
            identity.extend(inline.values().filter_map(|document| PolicyDocument::parse(document).ok()));
            for arn in attached {
                identity.extend(self.managed(arn).await?);
            }
        }
        let boundary = match boundary {
            // One that cannot be read bounds everything.
            Some(arn) => Some(self.managed(&arn).await?.unwrap_or_default()),
            None => None,
        };
        Ok(CallerPolicies { identity, boundary })
    }

    async fn find<R: Record>(&self, account_id: &str, name: &str) -> Result<Option<R>, StoreError> {
        self.store.document(&records::key(account_id, name)).await
    }

    /// The default version of a managed policy.
    async fn managed(&self, arn: &str) -> Result<Option<PolicyDocument>, StoreError> {
        if let Some(policy) = aws_managed::find(arn) {
            return Ok(PolicyDocument::parse(&policy.document()).ok());
        }
        let policy = self.find::<ManagedPolicy>(naming::account_in(arn), naming::name_in(arn)).await?;
        let policy = policy.filter(|policy| policy.arn == arn);
        let document = policy.and_then(|mut policy| policy.versions.remove(&policy.default_version));
        Ok(document.and_then(|version| PolicyDocument::parse(&version.document).ok()))
    }
}
