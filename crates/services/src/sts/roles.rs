//! Sessions of roles: for callers, and for Lambda's execution environments.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_api::generated::sts::types;
use lambda_model::{
    authorization::{AuthorizationRequest, Caller, PolicyDocument, trusts},
    credentials::{Principal, PrincipalKind, RoleCredentials, TemporaryCredentials},
    limits,
};

use super::{Handled, Sessions, Sts, access_denied, shown, validation_error};
use crate::{
    iam::{Directory, naming, policy_document},
    random,
    service::ServiceContext,
};

/// An hour, when nobody says.
const SECONDS_DEFAULT: i64 = 3_600;
/// What a role that does not exist lets its sessions last: IAM's own maximum.
const SECONDS_MAX: i64 = 43_200;
/// A role assumed by a session of a role lasts an hour at most.
const CHAINED_SECONDS_MAX: i64 = 3_600;
/// What session policies may have in bytes: their packed size is told in percent of it.
const POLICY_BYTES: usize = 2_048;

impl Sts {
    /// A role that exists decides by its trust policy; one that does not is assumed by
    /// everybody, where credentials are not verified.
    pub(super) async fn assume_role(
        &self,
        context: &ServiceContext,
        input: types::AssumeRoleRequest,
    ) -> Handled<types::AssumeRoleResponse> {
        let role_arn = input.role_arn.unwrap_or_default();
        if !is_role_arn(&role_arn) {
            return Err(validation_error(format!("{role_arn} is invalid")));
        }
        let packed_policy_size = policy_size(input.policy.as_deref())?;
        let seconds = input.duration_seconds.unwrap_or(SECONDS_DEFAULT);
        self.check_duration(context, &role_arn, seconds)?;
        self.check_trust(context, &role_arn, input.external_id)?;
        let principal =
            session_principal(&self.directory, &role_arn, &input.role_session_name.unwrap_or_default());
        let session = self.sessions.issue(&principal, context.now_seconds() + seconds);
        Ok(types::AssumeRoleResponse {
            credentials: Some(shown(session)),
            assumed_role_user: Some(types::AssumedRoleUser {
                assumed_role_id: Some(principal.user_id),
                arn: Some(principal.arn),
            }),
            packed_policy_size,
            source_identity: input.source_identity,
            ..Default::default()
        })
    }

    fn check_trust(
        &self,
        context: &ServiceContext,
        role_arn: &str,
        external_id: Option<String>,
    ) -> Handled<()> {
        let role = self.directory.role(role_arn);
        if role.is_none() && self.directory.accepts_missing_roles() {
            return Ok(());
        }
        let request = AuthorizationRequest {
            caller: Caller::Principal(context.principal.clone()),
            action: "sts:AssumeRole".into(),
            resource: role_arn.to_owned(),
            resource_account: naming::account_in(role_arn).to_owned(),
            context: external_id.map(|id| ("sts:externalid".to_owned(), vec![id])).into_iter().collect(),
        };
        let policy = role.and_then(|role| PolicyDocument::parse(&role.trust).ok());
        if policy.is_some_and(|policy| trusts(&policy, &request)) {
            return Ok(());
        }
        Err(access_denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            context.principal.arn
        )))
    }

    fn check_duration(&self, context: &ServiceContext, role_arn: &str, seconds: i64) -> Handled<()> {
        let is_chained = matches!(context.principal.kind, PrincipalKind::AssumedRole { .. });
        if is_chained && seconds > CHAINED_SECONDS_MAX {
            return Err(validation_error(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            ));
        }
        let seconds_max = self.directory.role(role_arn).map_or(SECONDS_MAX, |role| role.session_seconds_max);
        if seconds > seconds_max {
            return Err(validation_error(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        Ok(())
    }
}

/// Gives execution environments sessions of their function's role, named as the function is (M-02).
pub struct FunctionCredentials {
    sessions: Arc<Sessions>,
    directory: Arc<Directory>,
}

impl FunctionCredentials {
    /// From the sessions that STS issues.
    pub fn new(sessions: Arc<Sessions>, directory: Arc<Directory>) -> Self {
        Self { sessions, directory }
    }
}

impl RoleCredentials for FunctionCredentials {
    fn for_function(&self, role_arn: &str, session_name: &str) -> TemporaryCredentials {
        let principal = session_principal(&self.directory, role_arn, session_name);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.sessions
            .issue(&principal, now_seconds.saturating_add(limits::ENVIRONMENT_CREDENTIALS_SECONDS))
            .credentials
    }
}

/// Who a session of a role is. A role that does not exist has an id that follows from its ARN.
fn session_principal(directory: &Directory, role_arn: &str, session_name: &str) -> Principal {
    let role_id =
        directory.role(role_arn).map_or_else(|| random::derived_id("AROA", role_arn), |role| role.id);
    let (account_id, role_name) = (naming::account_in(role_arn), naming::name_in(role_arn));
    let partition = naming::partition_in(role_arn);
    Principal {
        account_id: account_id.to_owned(),
        arn: format!("arn:{partition}:sts::{account_id}:assumed-role/{role_name}/{session_name}"),
        user_id: format!("{role_id}:{session_name}"),
        kind: PrincipalKind::AssumedRole {
            role_name: role_name.to_owned(),
            session_name: session_name.to_owned(),
        },
    }
}

fn is_role_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, _, account, resource] = parts[..] else { return false };
    prefix == "arn"
        && partition.starts_with("aws")
        && service == "iam"
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}

/// How much of the space for session policies one takes, in percent.
pub(super) fn policy_size(policy: Option<&str>) -> Handled<Option<i64>> {
    let Some(policy) = policy else { return Ok(None) };
    policy_document::check_session(policy)?;
    Ok(i64::try_from((policy.len() * 100).div_ceil(POLICY_BYTES)).ok())
}
