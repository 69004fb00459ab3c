//! Roles.

use aws_api::generated::iam::types;

use super::{
    Handled, Iam, attachments,
    error::IamError,
    list, naming, paging, policy_document,
    records::{self, InstanceProfile, Role},
    seconds, tags,
};
use crate::{random, service::ServiceContext};

/// How long a session of a role may be when nobody says.
const SESSION_SECONDS_DEFAULT: i64 = 3600;

impl Iam {
    pub(super) async fn create_role(
        &self,
        context: &ServiceContext,
        input: types::CreateRoleRequest,
    ) -> Handled<types::CreateRoleResponse> {
        let trust = input.assume_role_policy_document.unwrap_or_default();
        policy_document::check_trust(&trust)?;
        let path = naming::path(input.path)?;
        let account_id = context.account_id();
        let name = input.role_name.unwrap_or_default();
        let role = Role {
            id: random::unique_id("AROA"),
            arn: naming::arn(context, "role", &path, &name),
            path,
            created_ms: context.now_ms,
            trust,
            description: input.description,
            session_seconds_max: input.max_session_duration.unwrap_or(SESSION_SECONDS_DEFAULT),
            boundary: self.boundary(account_id, input.permissions_boundary).await?,
            tags: tags::given(input.tags)?,
            policies: records::HeldPolicies::default(),
            name,
        };
        let exists = IamError::EntityAlreadyExists(format!("Role with name {} already exists.", role.name));
        let role = self.create(account_id, role, exists).await?;
        Ok(types::CreateRoleResponse { role: Some(shown_with_tags(&role)) })
    }

    pub(super) async fn get_role(
        &self,
        context: &ServiceContext,
        input: types::GetRoleRequest,
    ) -> Handled<types::GetRoleResponse> {
        let role: Role = self.read(context.account_id(), &input.role_name.unwrap_or_default()).await?;
        let shown = shown_with_tags(&role);
        Ok(types::GetRoleResponse {
            role: Some(types::Role { role_last_used: Some(types::RoleLastUsed::default()), ..shown }),
        })
    }

    pub(super) async fn list_roles(
        &self,
        context: &ServiceContext,
        input: types::ListRolesRequest,
    ) -> Handled<types::ListRolesResponse> {
        let mut roles: Vec<Role> = self.all(context.account_id()).await?;
        roles.retain(|role| naming::is_below(&role.path, input.path_prefix.as_deref()));
        let page =
            paging::page(roles, input.marker.as_deref(), input.max_items, |role| role.name.to_lowercase())?;
        Ok(types::ListRolesResponse {
            roles: Some(page.items.iter().map(shown).collect()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    pub(super) async fn update_role(
        &self,
        context: &ServiceContext,
        input: types::UpdateRoleRequest,
    ) -> Handled<types::UpdateRoleResponse> {
        self.change(context.account_id(), input.role_name, move |role: &mut Role, _| {
            is_changeable(role)?;
            role.description = input.description.or(role.description.take());
            role.session_seconds_max = input.max_session_duration.unwrap_or(role.session_seconds_max);
            Ok(types::UpdateRoleResponse {})
        })
        .await
    }

    pub(super) async fn update_role_description(
        &self,
        context: &ServiceContext,
        input: types::UpdateRoleDescriptionRequest,
    ) -> Handled<types::UpdateRoleDescriptionResponse> {
        self.change(context.account_id(), input.role_name, move |role: &mut Role, _| {
            is_changeable(role)?;
            role.description = input.description;
            Ok(types::UpdateRoleDescriptionResponse { role: Some(shown(role)) })
        })
        .await
    }

    pub(super) async fn update_assume_role_policy(
        &self,
        context: &ServiceContext,
        input: types::UpdateAssumeRolePolicyRequest,
    ) -> Handled<()> {
        let trust = input.policy_document.unwrap_or_default();
        self.change(context.account_id(), input.role_name, |role: &mut Role, _| {
            is_changeable(role)?;
            policy_document::check_trust(&trust)?;
            role.trust = trust;
            Ok(())
        })
        .await
    }

    pub(super) async fn delete_role(
        &self,
        context: &ServiceContext,
        input: types::DeleteRoleRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        self.delete(context.account_id(), input.role_name, move |role: &Role, tx| {
            is_changeable(role)?;
            let profiles: Vec<InstanceProfile> = list(tx, &account_id)?;
            if profiles.iter().any(|profile| profile.role.as_ref() == Some(&role.name)) {
                return Err(IamError::DeleteConflict(
                    "Cannot delete entity, must remove roles from instance profile first.".into(),
                ));
            }
            attachments::has_none(&role.policies)
        })
        .await
    }

    pub(super) async fn put_role_permissions_boundary(
        &self,
        context: &ServiceContext,
        input: types::PutRolePermissionsBoundaryRequest,
    ) -> Handled<()> {
        let boundary = self.boundary(context.account_id(), input.permissions_boundary).await?;
        self.change(context.account_id(), input.role_name, |role: &mut Role, _| {
            is_changeable(role)?;
            role.boundary = boundary;
            Ok(())
        })
        .await
    }

    pub(super) async fn delete_role_permissions_boundary(
        &self,
        context: &ServiceContext,
        input: types::DeleteRolePermissionsBoundaryRequest,
    ) -> Handled<()> {
        self.change(context.account_id(), input.role_name, |role: &mut Role, _| {
            is_changeable(role)?;
            role.boundary = None;
            Ok(())
        })
        .await
    }

    pub(super) async fn tag_role(
        &self,
        context: &ServiceContext,
        input: types::TagRoleRequest,
    ) -> Handled<()> {
        self.change(context.account_id(), input.role_name, |role: &mut Role, _| {
            tags::add(&mut role.tags, input.tags)
        })
        .await
    }

    pub(super) async fn untag_role(
        &self,
        context: &ServiceContext,
        input: types::UntagRoleRequest,
    ) -> Handled<()> {
        self.change(context.account_id(), input.role_name, |role: &mut Role, _| {
            tags::remove(&mut role.tags, input.tag_keys);
            Ok(())
        })
        .await
    }

    pub(super) async fn list_role_tags(
        &self,
        context: &ServiceContext,
        input: types::ListRoleTagsRequest,
    ) -> Handled<types::ListRoleTagsResponse> {
        let role: Role = self.read(context.account_id(), &input.role_name.unwrap_or_default()).await?;
        let page = tags::page(&role.tags, input.marker.as_deref(), input.max_items)?;
        Ok(types::ListRoleTagsResponse {
            tags: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    /// The ARN of a policy that shall be a boundary, once it is known to be one.
    pub(super) async fn boundary(&self, account_id: &str, arn: Option<String>) -> Handled<Option<String>> {
        let Some(arn) = arn else { return Ok(None) };
        if !arn.starts_with("arn:") || !arn.contains(":policy/") {
            return Err(IamError::Validation(format!(
                "Value ({arn}) at 'permissionsBoundary' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws[a-z-]*:iam::.*:policy/.*"
            )));
        }
        match self.policy_exists(account_id, &arn).await? {
            true => Ok(Some(arn)),
            false => {
                Err(IamError::NoSuchEntity(format!("Scope ARN: {arn} does not exist or is not attachable.")))
            }
        }
    }
}

/// A role that a service manages is not changed by others.
pub(super) fn is_changeable(role: &Role) -> Handled<()> {
    if !role.path.starts_with("/aws-service-role/") {
        return Ok(());
    }
    Err(IamError::UnmodifiableEntity(format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
        role.name
    )))
}

/// A role as lists show it.
pub(super) fn shown(role: &Role) -> types::Role {
    types::Role {
        path: Some(role.path.clone()),
        role_name: Some(role.name.clone()),
        role_id: Some(role.id.clone()),
        arn: Some(role.arn.clone()),
        create_date: seconds(role.created_ms),
        assume_role_policy_document: Some(policy_document::shown(&role.trust)),
        description: role.description.clone(),
        max_session_duration: Some(role.session_seconds_max),
        ..types::Role::default()
    }
}

fn shown_with_tags(role: &Role) -> types::Role {
    types::Role {
        tags: tags::shown_if_any(&role.tags),
        permissions_boundary: shown_boundary(role.boundary.as_ref()),
        ..shown(role)
    }
}

/// A boundary as answers show it.
pub(super) fn shown_boundary(arn: Option<&String>) -> Option<types::AttachedPermissionsBoundary> {
    arn.map(|arn| types::AttachedPermissionsBoundary {
        permissions_boundary_type: Some("Policy".into()),
        permissions_boundary_arn: Some(arn.clone()),
    })
}
