//! Sessions of users: as themselves, or as somebody they speak for.

use aws_api::generated::sts::types;
use lambda_model::credentials::{Principal, PrincipalKind};

use super::{Handled, Sts, access_denied, roles::policy_size, shown};
use crate::service::ServiceContext;

/// Twelve hours.
const USER_SECONDS_DEFAULT: i64 = 43_200;
/// The root of an account gets an hour at most.
const ROOT_SECONDS_MAX: i64 = 3_600;

impl Sts {
    pub(super) async fn get_session_token(
        &self,
        context: &ServiceContext,
        input: types::GetSessionTokenRequest,
    ) -> Handled<types::GetSessionTokenResponse> {
        is_no_session(context, "GetSessionToken")?;
        let session = self.sessions.issue(&context.principal, expiry(context, input.duration_seconds));
        Ok(types::GetSessionTokenResponse { credentials: Some(shown(session)), ..Default::default() })
    }

    pub(super) async fn get_federation_token(
        &self,
        context: &ServiceContext,
        input: types::GetFederationTokenRequest,
    ) -> Handled<types::GetFederationTokenResponse> {
        is_no_session(context, "GetFederationToken")?;
        let packed_policy_size = policy_size(input.policy.as_deref())?;
        let (account_id, name) = (context.account_id(), input.name.unwrap_or_default());
        let principal = Principal {
            account_id: account_id.to_owned(),
            arn: format!("arn:{}:sts::{account_id}:federated-user/{name}", context.partition()),
            user_id: format!("{account_id}:{name}"),
            kind: PrincipalKind::FederatedUser { name },
        };
        let session = self.sessions.issue(&principal, expiry(context, input.duration_seconds));
        Ok(types::GetFederationTokenResponse {
            credentials: Some(shown(session)),
            federated_user: Some(types::FederatedUser {
                federated_user_id: Some(principal.user_id),
                arn: Some(principal.arn),
            }),
            packed_policy_size,
            ..Default::default()
        })
    }
}

fn is_no_session(context: &ServiceContext, operation: &str) -> Handled<()> {
    let is_session = context.access_key_id.as_deref().is_some_and(|id| id.starts_with("ASIA"));
    match is_session {
        true => Err(access_denied(format!("Cannot call {operation} with session credentials"))),
        false => Ok(()),
    }
}

fn expiry(context: &ServiceContext, wanted_seconds: Option<i64>) -> i64 {
    let seconds = wanted_seconds.unwrap_or(USER_SECONDS_DEFAULT);
    let seconds_max = match context.principal.kind {
        PrincipalKind::Root => ROOT_SECONDS_MAX,
        _ => i64::MAX,
    };
    context.now_seconds() + seconds.min(seconds_max)
}
