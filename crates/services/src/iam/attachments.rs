//! Managed policies attached to roles, users and groups.

use aws_api::generated::iam::types;

use super::{
    Handled, Iam, aws_managed, error::IamError, holders::Holder, list, managed_policies, naming, paging,
    records::HeldPolicies,
};
use crate::service::ServiceContext;

/// Policies attached to an entity at most (AWS's default quota).
const ATTACHED_MAX: usize = 10;

impl Iam {
    async fn attach<H: Holder>(
        &self,
        context: &ServiceContext,
        holder: Option<String>,
        arn: Option<String>,
    ) -> Handled<()> {
        let arn = arn.unwrap_or_default();
        let account_id = context.account_id().to_owned();
        self.change(context.account_id(), holder, move |holder: &mut H, tx| {
            holder.is_changeable()?;
            managed_policies::check_arn(&arn)?;
            let is_known = aws_managed::find(&arn).is_some()
                || list(tx, &account_id)?
                    .iter()
                    .any(|policy: &super::records::ManagedPolicy| policy.arn == arn);
            if !is_known {
                return Err(IamError::NoSuchEntity(format!(
                    "Policy {arn} does not exist or is not attachable."
                )));
            }
            let attached = &mut holder.held_mut().attached;
            if attached.contains(&arn) {
                return Ok(());
            }
            if attached.len() >= ATTACHED_MAX {
                return Err(IamError::LimitExceeded(format!(
                    "Cannot exceed quota for {}: {ATTACHED_MAX}",
                    H::QUOTA
                )));
            }
            attached.push(arn);
            Ok(())
        })
        .await
    }

    async fn detach<H: Holder>(
        &self,
        context: &ServiceContext,
        holder: Option<String>,
        arn: Option<String>,
    ) -> Handled<()> {
        let arn = arn.unwrap_or_default();
        self.change(context.account_id(), holder, move |holder: &mut H, _| {
            holder.is_changeable()?;
            managed_policies::check_arn(&arn)?;
            let attached = &mut holder.held_mut().attached;
            if !attached.contains(&arn) {
                return Err(IamError::NoSuchEntity(format!("Policy {arn} was not found.")));
            }
            attached.retain(|known| *known != arn);
            Ok(())
        })
        .await
    }

    async fn list_attached<H: Holder>(
        &self,
        context: &ServiceContext,
        holder: Option<String>,
        prefix: Option<String>,
        marker: Option<String>,
        items_max: Option<i64>,
    ) -> Handled<paging::Page<types::AttachedPolicy>> {
        let holder: H = self.read(context.account_id(), &holder.unwrap_or_default()).await?;
        let mut attached = shown(holder.held());
        attached.retain(|policy| {
            let arn = policy.policy_arn.as_deref().unwrap_or_default();
            let path = arn.split_once(":policy").map_or("/", |(_, rest)| rest);
            naming::is_below(path, prefix.as_deref())
        });
        attached.sort_by(|a, b| a.policy_arn.cmp(&b.policy_arn));
        paging::page(attached, marker.as_deref(), items_max, |policy| {
            policy.policy_arn.clone().unwrap_or_default()
        })
    }
}

/// Attached policies as answers show them.
pub(super) fn shown(held: &HeldPolicies) -> Vec<types::AttachedPolicy> {
    let attached = held.attached.iter().map(|arn| types::AttachedPolicy {
        policy_name: Some(naming::name_in(arn).to_owned()),
        policy_arn: Some(arn.clone()),
    });
    attached.collect()
}

/// An entity is deleted only without policies.
pub(super) fn has_none(held: &HeldPolicies) -> Handled<()> {
    if !held.attached.is_empty() {
        return Err(IamError::DeleteConflict("Cannot delete entity, must detach all policies first.".into()));
    }
    if !held.inline.is_empty() {
        return Err(IamError::DeleteConflict("Cannot delete entity, must delete policies first.".into()));
    }
    Ok(())
}

/// The three operations of a kind of holder.
macro_rules! attachments {
    ($(
        $holder:ident by $name:ident:
        $attach:ident($attach_input:ident),
        $detach:ident($detach_input:ident),
        $list:ident($list_input:ident) -> $list_output:ident;
    )*) => {
        impl Iam {
            $(
                pub(super) async fn $attach(
                    &self,
                    context: &ServiceContext,
                    input: types::$attach_input,
                ) -> Handled<()> {
                    self.attach::<super::records::$holder>(context, input.$name, input.policy_arn).await
                }

                pub(super) async fn $detach(
                    &self,
                    context: &ServiceContext,
                    input: types::$detach_input,
                ) -> Handled<()> {
                    self.detach::<super::records::$holder>(context, input.$name, input.policy_arn).await
                }

                pub(super) async fn $list(
                    &self,
                    context: &ServiceContext,
                    input: types::$list_input,
                ) -> Handled<types::$list_output> {
                    let types::$list_input { $name, path_prefix, marker, max_items } = input;
                    let page = self
                        .list_attached::<super::records::$holder>(context, $name, path_prefix, marker, max_items)
                        .await?;
                    Ok(types::$list_output {
                        attached_policies: Some(page.items),
                        is_truncated: page.is_truncated,
                        marker: page.marker,
                    })
                }
            )*
        }
    };
}

attachments! {
    Role by role_name:
        attach_role_policy(AttachRolePolicyRequest),
        detach_role_policy(DetachRolePolicyRequest),
        list_attached_role_policies(ListAttachedRolePoliciesRequest) -> ListAttachedRolePoliciesResponse;
    User by user_name:
        attach_user_policy(AttachUserPolicyRequest),
        detach_user_policy(DetachUserPolicyRequest),
        list_attached_user_policies(ListAttachedUserPoliciesRequest) -> ListAttachedUserPoliciesResponse;
    Group by group_name:
        attach_group_policy(AttachGroupPolicyRequest),
        detach_group_policy(DetachGroupPolicyRequest),
        list_attached_group_policies(ListAttachedGroupPoliciesRequest) -> ListAttachedGroupPoliciesResponse;
}
