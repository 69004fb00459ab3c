//! Instance profiles: what Terraform makes around a role. Nothing runs with them here.

use aws_api::generated::iam::types;
use store::Transaction;

use super::{
    Handled, Iam,
    error::IamError,
    get, naming, paging,
    records::{InstanceProfile, Role},
    roles, seconds, tags,
};
use crate::{random, service::ServiceContext};

impl Iam {
    pub(super) async fn create_instance_profile(
        &self,
        context: &ServiceContext,
        input: types::CreateInstanceProfileRequest,
    ) -> Handled<types::CreateInstanceProfileResponse> {
        let account_id = context.account_id();
        let path = naming::path(input.path)?;
        let name = input.instance_profile_name.unwrap_or_default();
        let profile = InstanceProfile {
            id: random::unique_id("AIPA"),
            arn: naming::arn(context, "instance-profile", &path, &name),
            path,
            created_ms: context.now_ms,
            tags: tags::given(input.tags)?,
            role: None,
            name,
        };
        let exists =
            IamError::EntityAlreadyExists(format!("Instance Profile {} already exists.", profile.name));
        let profile = self.create(account_id, profile, exists).await?;
        Ok(types::CreateInstanceProfileResponse { instance_profile: Some(shown(&profile, &[])) })
    }

    pub(super) async fn get_instance_profile(
        &self,
        context: &ServiceContext,
        input: types::GetInstanceProfileRequest,
    ) -> Handled<types::GetInstanceProfileResponse> {
        let name = input.instance_profile_name.unwrap_or_default();
        let profile: InstanceProfile = self.read(context.account_id(), &name).await?;
        let roles: Vec<Role> = self.all(context.account_id()).await?;
        Ok(types::GetInstanceProfileResponse { instance_profile: Some(shown(&profile, &roles)) })
    }

    pub(super) async fn list_instance_profiles(
        &self,
        context: &ServiceContext,
        input: types::ListInstanceProfilesRequest,
    ) -> Handled<types::ListInstanceProfilesResponse> {
        let mut profiles: Vec<InstanceProfile> = self.all(context.account_id()).await?;
        profiles.retain(|profile| naming::is_below(&profile.path, input.path_prefix.as_deref()));
        let page = self.page_of_profiles(context, profiles, input.marker.as_deref(), input.max_items).await?;
        Ok(types::ListInstanceProfilesResponse {
            instance_profiles: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    pub(super) async fn list_instance_profiles_for_role(
        &self,
        context: &ServiceContext,
        input: types::ListInstanceProfilesForRoleRequest,
    ) -> Handled<types::ListInstanceProfilesForRoleResponse> {
        let role: Role = self.read(context.account_id(), &input.role_name.unwrap_or_default()).await?;
        let mut profiles: Vec<InstanceProfile> = self.all(context.account_id()).await?;
        profiles.retain(|profile| profile.role.as_ref() == Some(&role.name));
        let page = self.page_of_profiles(context, profiles, input.marker.as_deref(), input.max_items).await?;
        Ok(types::ListInstanceProfilesForRoleResponse {
            instance_profiles: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    async fn page_of_profiles(
        &self,
        context: &ServiceContext,
        profiles: Vec<InstanceProfile>,
        marker: Option<&str>,
        items_max: Option<i64>,
    ) -> Handled<paging::Page<types::InstanceProfile>> {
        let roles: Vec<Role> = self.all(context.account_id()).await?;
        let shown = profiles.iter().map(|profile| shown(profile, &roles)).collect();
        paging::page(shown, marker, items_max, |profile: &types::InstanceProfile| {
            profile.instance_profile_name.clone().unwrap_or_default().to_lowercase()
        })
    }

    pub(super) async fn delete_instance_profile(
        &self,
        context: &ServiceContext,
        input: types::DeleteInstanceProfileRequest,
    ) -> Handled<()> {
        let name = input.instance_profile_name;
        self.delete(context.account_id(), name, |profile: &InstanceProfile, _| match profile.role {
            None => Ok(()),
            Some(_) => Err(IamError::DeleteConflict(
                "Cannot delete entity, must remove roles from instance profile first.".into(),
            )),
        })
        .await
    }

    pub(super) async fn add_role_to_instance_profile(
        &self,
        context: &ServiceContext,
        input: types::AddRoleToInstanceProfileRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        let role = input.role_name.unwrap_or_default();
        let add = move |profile: &mut InstanceProfile, tx: &Transaction<'_>| {
            get::<Role>(tx, &account_id, &role)?;
            if profile.role.is_some() {
                return Err(IamError::LimitExceeded(
                    "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".into(),
                ));
            }
            profile.role = Some(role);
            Ok(())
        };
        self.change(context.account_id(), input.instance_profile_name, add).await
    }

    pub(super) async fn remove_role_from_instance_profile(
        &self,
        context: &ServiceContext,
        input: types::RemoveRoleFromInstanceProfileRequest,
    ) -> Handled<()> {
        let role = input.role_name.unwrap_or_default();
        let remove = move |profile: &mut InstanceProfile, _: &Transaction<'_>| {
            if profile.role.as_ref() != Some(&role) {
                return Err(IamError::NoSuchEntity(format!(
                    "The role with name {role} cannot be found in instance profile {}.",
                    profile.name
                )));
            }
            profile.role = None;
            Ok(())
        };
        self.change(context.account_id(), input.instance_profile_name, remove).await
    }

    pub(super) async fn tag_instance_profile(
        &self,
        context: &ServiceContext,
        input: types::TagInstanceProfileRequest,
    ) -> Handled<()> {
        let name = input.instance_profile_name;
        self.change(context.account_id(), name, |profile: &mut InstanceProfile, _| {
            tags::add(&mut profile.tags, input.tags)
        })
        .await
    }

    pub(super) async fn untag_instance_profile(
        &self,
        context: &ServiceContext,
        input: types::UntagInstanceProfileRequest,
    ) -> Handled<()> {
        let name = input.instance_profile_name;
        self.change(context.account_id(), name, |profile: &mut InstanceProfile, _| {
            tags::remove(&mut profile.tags, input.tag_keys);
            Ok(())
        })
        .await
    }

    pub(super) async fn list_instance_profile_tags(
        &self,
        context: &ServiceContext,
        input: types::ListInstanceProfileTagsRequest,
    ) -> Handled<types::ListInstanceProfileTagsResponse> {
        let name = input.instance_profile_name.unwrap_or_default();
        let profile: InstanceProfile = self.read(context.account_id(), &name).await?;
        let page = tags::page(&profile.tags, input.marker.as_deref(), input.max_items)?;
        Ok(types::ListInstanceProfileTagsResponse {
            tags: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }
}

/// A profile with its role, which is among `roles`.
pub(super) fn shown(profile: &InstanceProfile, all_roles: &[Role]) -> types::InstanceProfile {
    let own = all_roles.iter().filter(|role| profile.role.as_ref() == Some(&role.name));
    types::InstanceProfile {
        path: Some(profile.path.clone()),
        instance_profile_name: Some(profile.name.clone()),
        instance_profile_id: Some(profile.id.clone()),
        arn: Some(profile.arn.clone()),
        create_date: seconds(profile.created_ms),
        roles: Some(own.map(roles::shown).collect()),
        tags: tags::shown_if_any(&profile.tags),
    }
}
