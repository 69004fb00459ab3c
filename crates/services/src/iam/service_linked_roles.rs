//! Roles that belong to a service of AWS and carry its name.

use aws_api::generated::iam::types;
use serde_json::json;
use uuid::Uuid;

use super::{
    Handled, Iam,
    error::IamError,
    naming,
    records::{self, HeldPolicies, Role},
    roles,
};
use crate::{random, service::ServiceContext};

/// Sessions of such roles are an hour.
const SESSION_SECONDS: i64 = 3600;
/// Services whose roles are not called as the service is.
const NAMES: &[(&str, &str)] = &[
    ("autoscaling", "AutoScaling"),
    ("elasticbeanstalk", "ElasticBeanstalk"),
    ("replicator.lambda", "LambdaReplicator"),
    ("ecs", "ECS"),
    ("elasticloadbalancing", "ElasticLoadBalancing"),
    ("apidestinations.events", "AmazonEventBridgeApiDestinations"),
    ("ops.apigateway", "APIGateway"),
    ("rds", "RDS"),
];

impl Iam {
    pub(super) async fn create_service_linked_role(
        &self,
        context: &ServiceContext,
        input: types::CreateServiceLinkedRoleRequest,
    ) -> Handled<types::CreateServiceLinkedRoleResponse> {
        let service = input.aws_service_name.unwrap_or_default();
        let name = role_name(&service, input.custom_suffix.as_deref());
        let path = format!("/aws-service-role/{service}/");
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": [service]}}]});
        let role = Role {
            id: random::unique_id("AROA"),
            arn: naming::arn(context, "role", &path, &name),
            path,
            created_ms: context.now_ms,
            trust: trust.to_string(),
            description: input.description,
            session_seconds_max: SESSION_SECONDS,
            boundary: None,
            tags: Vec::new(),
            policies: HeldPolicies::default(),
            name,
        };
        let exists = IamError::InvalidInput(format!(
            "Service role name {} has been taken in this account, please try a different suffix.",
            role.name
        ));
        let role = self.create(context.account_id(), role, exists).await?;
        Ok(types::CreateServiceLinkedRoleResponse { role: Some(roles::shown(&role)) })
    }

    pub(super) async fn delete_service_linked_role(
        &self,
        context: &ServiceContext,
        input: types::DeleteServiceLinkedRoleRequest,
    ) -> Handled<types::DeleteServiceLinkedRoleResponse> {
        let account_id = context.account_id().to_owned();
        let name = input.role_name.unwrap_or_default();
        let path = self
            .store
            .transact(move |tx| {
                let role: Role = super::get(tx, &account_id, &name)?;
                if roles::is_changeable(&role).is_ok() {
                    return Err(IamError::InvalidInput(format!("{name} is no service-linked role.")));
                }
                tx.delete_document::<Role>(&records::key(&account_id, &name))?;
                Ok(role.path + &name)
            })
            .await?;
        Ok(types::DeleteServiceLinkedRoleResponse {
            deletion_task_id: Some(format!("task{path}/{}", Uuid::new_v4())),
        })
    }

    /// Deletion is done when it is asked for, so that every task of the right form has succeeded.
    pub(super) async fn get_service_linked_role_deletion_status(
        &self,
        _: &ServiceContext,
        input: types::GetServiceLinkedRoleDeletionStatusRequest,
    ) -> Handled<types::GetServiceLinkedRoleDeletionStatusResponse> {
        let task = input.deletion_task_id.unwrap_or_default();
        if !task.starts_with("task/aws-service-role/") {
            return Err(IamError::InvalidInput(format!("Deletion task id {task} is not valid.")));
        }
        Ok(types::GetServiceLinkedRoleDeletionStatusResponse {
            status: Some("SUCCEEDED".into()),
            ..Default::default()
        })
    }
}

fn role_name(service: &str, suffix: Option<&str>) -> String {
    let service = service.strip_suffix(".amazonaws.com").unwrap_or(service);
    let known = NAMES.iter().find(|(name, _)| *name == service).map(|(_, role)| (*role).to_owned());
    let name = known.unwrap_or_else(|| {
        let words = service.split(['.', '-']);
        words
            .map(|word| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default())
            .collect()
    });
    match suffix {
        Some(suffix) => format!("AWSServiceRoleFor{name}_{suffix}"),
        None => format!("AWSServiceRoleFor{name}"),
    }
}
