//! Policies of secrets: kept and shown. Callers of other accounts are not let in by them.

use aws_api::{error_response::ApiError, generated::secretsmanager::types};
use serde_json::Value;

use super::{Handled, SecretsManager};
use crate::service::ServiceContext;

impl SecretsManager {
    pub(super) async fn put_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::PutResourcePolicyRequest,
    ) -> Handled<types::PutResourcePolicyResponse> {
        let policy = input.resource_policy.unwrap_or_default();
        if !serde_json::from_str::<Value>(&policy).is_ok_and(|policy| policy.get("Statement").is_some()) {
            let told = "This resource policy contains invalid Json or is no policy.";
            return Err(ApiError::user("MalformedPolicyDocumentException", 400, told).capital_message());
        }
        self.change(context, input.secret_id, move |key, secret| {
            secret.policy = Some(policy);
            let (arn, name) = (Some(secret.arn.clone()), Some(key.name.clone()));
            Ok(types::PutResourcePolicyResponse { arn, name, policy_name: None })
        })
        .await
    }

    pub(super) async fn get_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::GetResourcePolicyRequest,
    ) -> Handled<types::GetResourcePolicyResponse> {
        let (key, secret) = self.existing(context, input.secret_id).await?;
        Ok(types::GetResourcePolicyResponse {
            arn: Some(secret.arn),
            name: Some(key.name),
            resource_policy: secret.policy,
            policy_name: None,
        })
    }

    pub(super) async fn delete_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::DeleteResourcePolicyRequest,
    ) -> Handled<types::DeleteResourcePolicyResponse> {
        self.change(context, input.secret_id, |key, secret| {
            secret.policy = None;
            let (arn, name) = (Some(secret.arn.clone()), Some(key.name.clone()));
            Ok(types::DeleteResourcePolicyResponse { arn, name, policy_name: None })
        })
        .await
    }
}
