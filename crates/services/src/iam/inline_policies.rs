//! Policies inside roles, users and groups.

use aws_api::generated::iam::types;

use super::{Handled, Iam, error::IamError, holders::Holder, paging, policy_document};
use crate::service::ServiceContext;

impl Iam {
    async fn put_inline<H: Holder>(
        &self,
        context: &ServiceContext,
        holder: Option<String>,
        name: Option<String>,
        document: Option<String>,
    ) -> Handled<()> {
        let (name, document) = (name.unwrap_or_default(), document.unwrap_or_default());
        self.change(context.account_id(), holder, move |holder: &mut H, _| {
            holder.is_changeable()?;
            policy_document::check(&document)?;
            holder.held_mut().inline.insert(name, document);
            let documents = holder.held().inline.values().flat_map(|document| document.chars());
            if documents.filter(|c| !c.is_whitespace()).count() <= H::INLINE_CHARACTERS_MAX {
                return Ok(());
            }
            Err(IamError::LimitExceeded(format!(
                "Maximum policy size of {} bytes exceeded for {} {}",
                H::INLINE_CHARACTERS_MAX,
                H::NOUN,
                holder.name()
            )))
        })
        .await
    }

    /// Names of the holder and of the policy as kept, and the document.
    async fn get_inline<H: Holder>(
        &self,
        context: &ServiceContext,
        holder: Option<String>,
        name: Option<String>,
    ) -> Handled<(Option<String>, Option<String>, Option<String>)> {
        let name = name.unwrap_or_default();
        let holder: H = self.read(context.account_id(), &holder.unwrap_or_default()).await?;
        let document = holder.held().inline.get(&name).ok_or_else(|| missing::<H>(&name))?;
        Ok((Some(holder.name().to_owned()), Some(name), Some(policy_document::shown(document))))
    }

    async fn delete_inline<H: Holder>(
        &self,
        context: &ServiceContext,
        holder: Option<String>,
        name: Option<String>,
    ) -> Handled<()> {
        let name = name.unwrap_or_default();
        self.change(context.account_id(), holder, move |holder: &mut H, _| {
            holder.is_changeable()?;
            holder.held_mut().inline.remove(&name).map(|_| ()).ok_or_else(|| missing::<H>(&name))
        })
        .await
    }

    async fn list_inline<H: Holder>(
        &self,
        context: &ServiceContext,
        holder: Option<String>,
        marker: Option<String>,
        items_max: Option<i64>,
    ) -> Handled<paging::Page<String>> {
        let holder: H = self.read(context.account_id(), &holder.unwrap_or_default()).await?;
        let names = holder.held().inline.keys().cloned().collect();
        paging::page(names, marker.as_deref(), items_max, String::clone)
    }
}

fn missing<H: Holder>(name: &str) -> IamError {
    IamError::NoSuchEntity(format!("The {} policy with name {name} cannot be found.", H::NOUN))
}

/// The four operations of a kind of holder.
macro_rules! inline_policies {
    ($(
        $holder:ident by $name:ident:
        $put:ident($put_input:ident),
        $get:ident($get_input:ident) -> $get_output:ident,
        $delete:ident($delete_input:ident),
        $list:ident($list_input:ident) -> $list_output:ident;
    )*) => {
        impl Iam {
            $(
                pub(super) async fn $put(&self, context: &ServiceContext, input: types::$put_input) -> Handled<()> {
                    self.put_inline::<super::records::$holder>(context, input.$name, input.policy_name, input.policy_document)
                        .await
                }

                pub(super) async fn $get(
                    &self,
                    context: &ServiceContext,
                    input: types::$get_input,
                ) -> Handled<types::$get_output> {
                    let got = self.get_inline::<super::records::$holder>(context, input.$name, input.policy_name);
                    let ($name, policy_name, policy_document) = got.await?;
                    Ok(types::$get_output { $name, policy_name, policy_document })
                }

                pub(super) async fn $delete(
                    &self,
                    context: &ServiceContext,
                    input: types::$delete_input,
                ) -> Handled<()> {
                    self.delete_inline::<super::records::$holder>(context, input.$name, input.policy_name).await
                }

                pub(super) async fn $list(
                    &self,
                    context: &ServiceContext,
                    input: types::$list_input,
                ) -> Handled<types::$list_output> {
                    let page = self
                        .list_inline::<super::records::$holder>(context, input.$name, input.marker, input.max_items)
                        .await?;
                    Ok(types::$list_output {
                        policy_names: Some(page.items),
                        is_truncated: page.is_truncated,
                        marker: page.marker,
                    })
                }
            )*
        }
    };
}

inline_policies! {
    Role by role_name:
        put_role_policy(PutRolePolicyRequest),
        get_role_policy(GetRolePolicyRequest) -> GetRolePolicyResponse,
        delete_role_policy(DeleteRolePolicyRequest),
        list_role_policies(ListRolePoliciesRequest) -> ListRolePoliciesResponse;
    User by user_name:
        put_user_policy(PutUserPolicyRequest),
        get_user_policy(GetUserPolicyRequest) -> GetUserPolicyResponse,
        delete_user_policy(DeleteUserPolicyRequest),
        list_user_policies(ListUserPoliciesRequest) -> ListUserPoliciesResponse;
    Group by group_name:
        put_group_policy(PutGroupPolicyRequest),
        get_group_policy(GetGroupPolicyRequest) -> GetGroupPolicyResponse,
        delete_group_policy(DeleteGroupPolicyRequest),
        list_group_policies(ListGroupPoliciesRequest) -> ListGroupPoliciesResponse;
}
