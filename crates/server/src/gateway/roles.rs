//! Roles that APIs act as.

use lambda_model::{
    authorization::{AuthorizationRequest, Caller, Policies, evaluate},
    credentials::{Principal, PrincipalKind},
};

use super::Gateway;

impl Gateway {
    /// Whether a role may invoke a function: an integration that names a role acts as it, and the function's own policy is not asked.
    pub(super) async fn role_may_invoke(
        &self,
        (role_arn, account_id): (&str, &str),
        function_arn: &str,
    ) -> bool {
        let Some(role) = role_session(role_arn, account_id) else { return false };
        // Who does not prove who is calling does not ask policies of callers either.
        if !self.is_enforcing {
            return true;
        }
        let Ok(own) = self.iam.policies_of(&role).await else { return false };
        let request = AuthorizationRequest {
            resource_account: role.account_id.clone(),
            caller: Caller::Principal(role),
            action: "lambda:InvokeFunction".to_owned(),
            resource: function_arn.to_owned(),
            context: Default::default(),
        };
        let policies =
            Policies { identity: &own.identity, boundary: own.boundary.as_ref(), ..Policies::default() };
        evaluate(&request, &policies).is_allowed()
    }
}

/// Who an API of an account is where it acts as a role, which has to be of the same account: nobody passes on a role of somebody else's.
pub(super) fn role_session(role_arn: &str, own_account_id: &str) -> Option<Principal> {
    let parts: Vec<&str> = role_arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", _, account_id, resource] = parts[..] else { return None };
    if account_id != own_account_id {
        return None;
    }
    let role_name = resource.strip_prefix("role/")?.rsplit('/').next()?.to_owned();
    let session_name = "BackplaneAssumeRoleSession".to_owned();
    Some(Principal {
        arn: format!("arn:{partition}:sts::{account_id}:assumed-role/{role_name}/{session_name}"),
        kind: PrincipalKind::AssumedRole { role_name, session_name },
        ..Principal::root(account_id)
    })
}
