//! Users.

use aws_api::generated::iam::types;
use lambda_model::credentials::PrincipalKind;

use super::{
    Handled, Iam, attachments,
    error::IamError,
    naming, paging,
    records::{self, AccessKey, HeldPolicies, User},
    roles, seconds, tags,
};
use crate::{random, service::ServiceContext};

impl Iam {
    pub(super) async fn create_user(
        &self,
        context: &ServiceContext,
        input: types::CreateUserRequest,
    ) -> Handled<types::CreateUserResponse> {
        let account_id = context.account_id();
        let path = naming::path(input.path)?;
        let name = input.user_name.unwrap_or_default();
        let user = User {
            id: random::unique_id("AIDA"),
            arn: naming::arn(context, "user", &path, &name),
            path,
            created_ms: context.now_ms,
            boundary: self.boundary(account_id, input.permissions_boundary).await?,
            tags: tags::given(input.tags)?,
            policies: HeldPolicies::default(),
            groups: Vec::new(),
            login_profile: None,
            certificates: Vec::new(),
            name,
        };
        let exists = IamError::EntityAlreadyExists(format!("User with name {} already exists.", user.name));
        let user = self.create(account_id, user, exists).await?;
        Ok(types::CreateUserResponse { user: Some(shown_with_tags(&user)) })
    }

    /// Without a name, the caller.
    pub(super) async fn get_user(
        &self,
        context: &ServiceContext,
        input: types::GetUserRequest,
    ) -> Handled<types::GetUserResponse> {
        let account_id = context.account_id();
        if input.user_name.is_none() && context.principal.kind == PrincipalKind::Root {
            let root = types::User {
                user_id: Some(account_id.to_owned()),
                arn: Some(context.principal.arn.clone()),
                // An account is as old as the server that keeps it, which nobody asks for.
                create_date: Some(0.0),
                ..types::User::default()
            };
            return Ok(types::GetUserResponse { user: Some(root) });
        }
        let name = user_or_caller(input.user_name, context)?;
        let user = shown_with_tags(&self.read::<User>(account_id, &name).await?);
        Ok(types::GetUserResponse { user: Some(user) })
    }

    pub(super) async fn list_users(
        &self,
        context: &ServiceContext,
        input: types::ListUsersRequest,
    ) -> Handled<types::ListUsersResponse> {
        let mut users: Vec<User> = self.all(context.account_id()).await?;
        users.retain(|user| naming::is_below(&user.path, input.path_prefix.as_deref()));
        let page =
            paging::page(users, input.marker.as_deref(), input.max_items, |user| user.name.to_lowercase())?;
        Ok(types::ListUsersResponse {
            users: Some(page.items.iter().map(shown).collect()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    /// A new name or path changes the ARN; access keys stay.
    pub(super) async fn update_user(
        &self,
        context: &ServiceContext,
        input: types::UpdateUserRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        let path = input.new_path.map(Some).map(naming::path).transpose()?;
        let old = input.user_name.unwrap_or_default();
        self.store
            .transact(move |tx| {
                let mut user: User = super::get(tx, &account_id, &old)?;
                let new = input.new_user_name.unwrap_or_else(|| old.clone());
                let (old_key, new_key) = (records::key(&account_id, &old), records::key(&account_id, &new));
                if old_key != new_key && tx.document::<User>(&new_key)?.is_some() {
                    return Err(IamError::EntityAlreadyExists(format!(
                        "User with name {new} already exists."
                    )));
                }
                tx.delete_document::<User>(&old_key)?;
                user.path = path.unwrap_or(user.path);
                user.arn = naming::renamed(&user.arn, "user", &user.path, &new);
                user.name = new;
                tx.put_document(&new_key, &user)?;
                for (key, access_key) in tx.documents::<AccessKey>(&super::range(&account_id))? {
                    if access_key.user_name == old {
                        tx.put_document(&key, &AccessKey { user_name: user.name.clone(), ..access_key })?;
                    }
                }
                Ok(())
            })
            .await
    }

    pub(super) async fn delete_user(
        &self,
        context: &ServiceContext,
        input: types::DeleteUserRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        self.delete(context.account_id(), input.user_name, move |user: &User, tx| {
            let keys = tx.documents::<AccessKey>(&super::range(&account_id))?;
            if keys.iter().any(|(_, key)| key.user_name == user.name) {
                return Err(IamError::DeleteConflict(
                    "Cannot delete entity, must delete access keys first.".into(),
                ));
            }
            if user.login_profile.is_some() {
                return Err(IamError::DeleteConflict(
                    "Cannot delete entity, must delete login profile first.".into(),
                ));
            }
            if !user.certificates.is_empty() {
                return Err(IamError::DeleteConflict(
                    "Cannot delete entity, must delete signing certificates first.".into(),
                ));
            }
            if !user.groups.is_empty() {
                return Err(IamError::DeleteConflict(
                    "Cannot delete entity, must remove user from group first.".into(),
                ));
            }
            attachments::has_none(&user.policies)
        })
        .await
    }

    pub(super) async fn put_user_permissions_boundary(
        &self,
        context: &ServiceContext,
        input: types::PutUserPermissionsBoundaryRequest,
    ) -> Handled<()> {
        let boundary = self.boundary(context.account_id(), input.permissions_boundary).await?;
        self.change(context.account_id(), input.user_name, |user: &mut User, _| {
            user.boundary = boundary;
            Ok(())
        })
        .await
    }

    pub(super) async fn delete_user_permissions_boundary(
        &self,
        context: &ServiceContext,
        input: types::DeleteUserPermissionsBoundaryRequest,
    ) -> Handled<()> {
        self.change(context.account_id(), input.user_name, |user: &mut User, _| {
            user.boundary = None;
            Ok(())
        })
        .await
    }

    pub(super) async fn tag_user(
        &self,
        context: &ServiceContext,
        input: types::TagUserRequest,
    ) -> Handled<()> {
        self.change(context.account_id(), input.user_name, |user: &mut User, _| {
            tags::add(&mut user.tags, input.tags)
        })
        .await
    }

    pub(super) async fn untag_user(
        &self,
        context: &ServiceContext,
        input: types::UntagUserRequest,
    ) -> Handled<()> {
        self.change(context.account_id(), input.user_name, |user: &mut User, _| {
            tags::remove(&mut user.tags, input.tag_keys);
            Ok(())
        })
        .await
    }

    pub(super) async fn list_user_tags(
        &self,
        context: &ServiceContext,
        input: types::ListUserTagsRequest,
    ) -> Handled<types::ListUserTagsResponse> {
        let user: User = self.read(context.account_id(), &input.user_name.unwrap_or_default()).await?;
        let page = tags::page(&user.tags, input.marker.as_deref(), input.max_items)?;
        Ok(types::ListUserTagsResponse {
            tags: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }
}

/// The user that an operation is about: the named one, or the caller.
pub(super) fn user_or_caller(name: Option<String>, context: &ServiceContext) -> Handled<String> {
    match (name, &context.principal.kind) {
        (Some(name), _) => Ok(name),
        (None, PrincipalKind::User { name }) => Ok(name.clone()),
        (None, _) => {
            Err(IamError::Validation("Must specify userName when calling with non-User credentials".into()))
        }
    }
}

/// A user as lists show it.
pub(super) fn shown(user: &User) -> types::User {
    types::User {
        path: Some(user.path.clone()),
        user_name: Some(user.name.clone()),
        user_id: Some(user.id.clone()),
        arn: Some(user.arn.clone()),
        create_date: seconds(user.created_ms),
        ..types::User::default()
    }
}

fn shown_with_tags(user: &User) -> types::User {
    types::User {
        tags: tags::shown_if_any(&user.tags),
        permissions_boundary: roles::shown_boundary(user.boundary.as_ref()),
        ..shown(user)
    }
}
