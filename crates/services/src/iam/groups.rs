//! Groups of users.

use aws_api::generated::iam::types;

use super::{
    Handled, Iam, attachments,
    error::IamError,
    get, list, naming, paging,
    records::{self, Group, HeldPolicies, User},
    seconds, users,
};
use crate::{random, service::ServiceContext};

/// Groups of a user at most.
const GROUPS_PER_USER_MAX: usize = 10;

impl Iam {
    pub(super) async fn create_group(
        &self,
        context: &ServiceContext,
        input: types::CreateGroupRequest,
    ) -> Handled<types::CreateGroupResponse> {
        let account_id = context.account_id();
        let path = naming::path(input.path)?;
        let name = input.group_name.unwrap_or_default();
        let group = Group {
            id: random::unique_id("AGPA"),
            arn: naming::arn(context, "group", &path, &name),
            path,
            created_ms: context.now_ms,
            policies: HeldPolicies::default(),
            name,
        };
        let exists = IamError::EntityAlreadyExists(format!("Group with name {} already exists.", group.name));
        let group = self.create(account_id, group, exists).await?;
        Ok(types::CreateGroupResponse { group: Some(shown(&group)) })
    }

    pub(super) async fn get_group(
        &self,
        context: &ServiceContext,
        input: types::GetGroupRequest,
    ) -> Handled<types::GetGroupResponse> {
        let group: Group = self.read(context.account_id(), &input.group_name.unwrap_or_default()).await?;
        let mut members: Vec<User> = self.all(context.account_id()).await?;
        members.retain(|user| user.groups.contains(&group.name));
        let page =
            paging::page(members, input.marker.as_deref(), input.max_items, |user| user.name.to_lowercase())?;
        Ok(types::GetGroupResponse {
            group: Some(shown(&group)),
            users: Some(page.items.iter().map(users::shown).collect()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    pub(super) async fn list_groups(
        &self,
        context: &ServiceContext,
        input: types::ListGroupsRequest,
    ) -> Handled<types::ListGroupsResponse> {
        let mut groups: Vec<Group> = self.all(context.account_id()).await?;
        groups.retain(|group| naming::is_below(&group.path, input.path_prefix.as_deref()));
        let page = paging::page(groups, input.marker.as_deref(), input.max_items, |group| {
            group.name.to_lowercase()
        })?;
        Ok(types::ListGroupsResponse {
            groups: Some(page.items.iter().map(shown).collect()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    pub(super) async fn update_group(
        &self,
        context: &ServiceContext,
        input: types::UpdateGroupRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        let path = input.new_path.map(Some).map(naming::path).transpose()?;
        let old = input.group_name.unwrap_or_default();
        self.store
            .transact(move |tx| {
                let mut group: Group = get(tx, &account_id, &old)?;
                let new = input.new_group_name.unwrap_or_else(|| old.clone());
                let (old_key, new_key) = (records::key(&account_id, &old), records::key(&account_id, &new));
                if old_key != new_key && tx.document::<Group>(&new_key)?.is_some() {
                    return Err(IamError::EntityAlreadyExists(format!(
                        "Group with name {new} already exists."
                    )));
                }
                tx.delete_document::<Group>(&old_key)?;
                group.path = path.unwrap_or(group.path);
                group.arn = naming::renamed(&group.arn, "group", &group.path, &new);
                group.name.clone_from(&new);
                tx.put_document(&new_key, &group)?;
                for mut user in list::<User>(tx, &account_id)? {
                    if let Some(name) = user.groups.iter_mut().find(|name| **name == old) {
                        name.clone_from(&new);
                        tx.put_document(&records::key(&account_id, &user.name), &user)?;
                    }
                }
                Ok(())
            })
            .await
    }

    pub(super) async fn delete_group(
        &self,
        context: &ServiceContext,
        input: types::DeleteGroupRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        self.delete(context.account_id(), input.group_name, move |group: &Group, tx| {
            if list::<User>(tx, &account_id)?.iter().any(|user| user.groups.contains(&group.name)) {
                return Err(IamError::DeleteConflict(
                    "Cannot delete entity, must remove users from group first.".into(),
                ));
            }
            attachments::has_none(&group.policies)
        })
        .await
    }

    pub(super) async fn add_user_to_group(
        &self,
        context: &ServiceContext,
        input: types::AddUserToGroupRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        let group = input.group_name.unwrap_or_default();
        self.change(context.account_id(), input.user_name, move |user: &mut User, tx| {
            get::<Group>(tx, &account_id, &group)?;
            if user.groups.contains(&group) {
                return Ok(());
            }
            if user.groups.len() >= GROUPS_PER_USER_MAX {
                return Err(IamError::LimitExceeded(format!(
                    "Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER_MAX}"
                )));
            }
            user.groups.push(group);
            Ok(())
        })
        .await
    }

    pub(super) async fn remove_user_from_group(
        &self,
        context: &ServiceContext,
        input: types::RemoveUserFromGroupRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        let group = input.group_name.unwrap_or_default();
        self.change(context.account_id(), input.user_name, move |user: &mut User, tx| {
            get::<Group>(tx, &account_id, &group)?;
            if !user.groups.contains(&group) {
                return Err(IamError::NoSuchEntity(format!("User {} not in group {group}", user.name)));
            }
            user.groups.retain(|name| *name != group);
            Ok(())
        })
        .await
    }

    pub(super) async fn list_groups_for_user(
        &self,
        context: &ServiceContext,
        input: types::ListGroupsForUserRequest,
    ) -> Handled<types::ListGroupsForUserResponse> {
        let user: User = self.read(context.account_id(), &input.user_name.unwrap_or_default()).await?;
        let mut groups: Vec<Group> = self.all(context.account_id()).await?;
        groups.retain(|group| user.groups.contains(&group.name));
        let page = paging::page(groups, input.marker.as_deref(), input.max_items, |group| {
            group.name.to_lowercase()
        })?;
        Ok(types::ListGroupsForUserResponse {
            groups: Some(page.items.iter().map(shown).collect()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }
}

/// A group as answers show it.
pub(super) fn shown(group: &Group) -> types::Group {
    types::Group {
        path: Some(group.path.clone()),
        group_name: Some(group.name.clone()),
        group_id: Some(group.id.clone()),
        arn: Some(group.arn.clone()),
        create_date: seconds(group.created_ms),
    }
}
