//! Managed policies of accounts, with up to five versions, and AWS's own.

use std::collections::BTreeMap;

use aws_api::generated::iam::types;

use super::{
    Handled, Iam,
    aws_managed::{self, AwsManaged},
    error::IamError,
    holders::Holder,
    list, naming, paging, policy_document,
    records::{Group, ManagedPolicy, PolicyVersion, Record, Role, User},
    seconds, tags,
};
use crate::{random, service::ServiceContext};

/// Versions of a policy at most.
const VERSIONS_MAX: usize = 5;

/// How often policies are used in an account.
pub(super) struct Uses {
    attached: BTreeMap<String, i64>,
    boundaries: BTreeMap<String, i64>,
}

impl Uses {
    pub(super) fn count(roles: &[Role], users: &[User], groups: &[Group]) -> Self {
        let held = roles.iter().map(Holder::held).chain(users.iter().map(Holder::held));
        let attached = held.chain(groups.iter().map(Holder::held)).flat_map(|held| &held.attached);
        let boundaries =
            roles.iter().map(|role| &role.boundary).chain(users.iter().map(|user| &user.boundary));
        Self { attached: count(attached), boundaries: count(boundaries.flatten()) }
    }
}

fn count<'a>(arns: impl Iterator<Item = &'a String>) -> BTreeMap<String, i64> {
    arns.fold(BTreeMap::new(), |mut counts, arn| {
        *counts.entry(arn.clone()).or_default() += 1;
        counts
    })
}

impl Iam {
    pub(super) async fn create_policy(
        &self,
        context: &ServiceContext,
        input: types::CreatePolicyRequest,
    ) -> Handled<types::CreatePolicyResponse> {
        let document = input.policy_document.unwrap_or_default();
        policy_document::check(&document)?;
        let account_id = context.account_id();
        let path = naming::path(input.path)?;
        let name = input.policy_name.unwrap_or_default();
        let policy = ManagedPolicy {
            id: random::unique_id("ANPA"),
            arn: naming::arn(context, "policy", &path, &name),
            path,
            created_ms: context.now_ms,
            updated_ms: context.now_ms,
            description: input.description,
            tags: tags::given(input.tags)?,
            default_version: 1,
            next_version: 2,
            versions: BTreeMap::from([(1, PolicyVersion { document, created_ms: context.now_ms })]),
            name,
        };
        let exists = IamError::EntityAlreadyExists(format!(
            "A policy called {} already exists. Duplicate names are not allowed.",
            policy.name
        ));
        let policy = self.create(account_id, policy, exists).await?;
        Ok(types::CreatePolicyResponse {
            policy: Some(types::Policy {
                description: None,
                tags: tags::shown_if_any(&policy.tags),
                ..shown(&policy, &Uses::count(&[], &[], &[]))
            }),
        })
    }

    pub(super) async fn get_policy(
        &self,
        context: &ServiceContext,
        input: types::GetPolicyRequest,
    ) -> Handled<types::GetPolicyResponse> {
        let arn = input.policy_arn.unwrap_or_default();
        let uses = self.uses(context.account_id()).await?;
        if let Some(policy) = aws_managed::find(&arn) {
            let policy = types::Policy {
                description: Some(policy.description.into()),
                tags: Some(Vec::new()),
                ..shown_aws_managed(policy, &uses)
            };
            return Ok(types::GetPolicyResponse { policy: Some(policy) });
        }
        let policy = self.policy(context.account_id(), &arn).await?;
        let tags = Some(tags::shown(&policy.tags));
        Ok(types::GetPolicyResponse { policy: Some(types::Policy { tags, ..shown(&policy, &uses) }) })
    }

    pub(super) async fn list_policies(
        &self,
        context: &ServiceContext,
        input: types::ListPoliciesRequest,
    ) -> Handled<types::ListPoliciesResponse> {
        let uses = self.uses(context.account_id()).await?;
        let scope = input.scope.as_deref().unwrap_or("All");
        let mut policies = Vec::new();
        if scope != "Local" {
            policies.extend(aws_managed::ALL.iter().map(|policy| shown_aws_managed(policy, &uses)));
        }
        if scope != "AWS" {
            let own: Vec<ManagedPolicy> = self.all(context.account_id()).await?;
            policies
                .extend(own.iter().map(|policy| types::Policy { description: None, ..shown(policy, &uses) }));
        }
        policies.retain(|policy| {
            let is_attached = policy.attachment_count.unwrap_or_default() > 0;
            naming::is_below(policy.path.as_deref().unwrap_or("/"), input.path_prefix.as_deref())
                && (is_attached || !input.only_attached.unwrap_or_default())
        });
        policies.sort_by(|a, b| a.arn.cmp(&b.arn));
        let page = paging::page(policies, input.marker.as_deref(), input.max_items, |policy| {
            policy.arn.clone().unwrap_or_default()
        })?;
        Ok(types::ListPoliciesResponse {
            policies: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    pub(super) async fn delete_policy(
        &self,
        context: &ServiceContext,
        input: types::DeletePolicyRequest,
    ) -> Handled<()> {
        let arn = input.policy_arn.unwrap_or_default();
        let name = own_name(&arn)?;
        let account_id = context.account_id().to_owned();
        self.delete(context.account_id(), Some(name), move |policy: &ManagedPolicy, tx| {
            is_at(policy, &arn)?;
            let uses = Uses::count(&list(tx, &account_id)?, &list(tx, &account_id)?, &list(tx, &account_id)?);
            if uses.attached.contains_key(&arn) {
                return Err(IamError::DeleteConflict("Cannot delete a policy attached to entities.".into()));
            }
            if policy.versions.len() > 1 {
                return Err(IamError::DeleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.".into()));
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn create_policy_version(
        &self,
        context: &ServiceContext,
        input: types::CreatePolicyVersionRequest,
    ) -> Handled<types::CreatePolicyVersionResponse> {
        let (document, now_ms) = (input.policy_document.unwrap_or_default(), context.now_ms);
        policy_document::check(&document)?;
        let becomes_default = input.set_as_default.unwrap_or_default();
        self.change_policy(context, input.policy_arn, move |policy| {
            if policy.versions.len() >= VERSIONS_MAX {
                return Err(IamError::LimitExceeded(format!("A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must delete an existing version.")));
            }
            let number = policy.next_version;
            policy.next_version += 1;
            policy.updated_ms = now_ms;
            policy.versions.insert(number, PolicyVersion { document, created_ms: now_ms });
            if becomes_default {
                policy.default_version = number;
            }
            let version = types::PolicyVersion { document: None, ..shown_version(policy, number) };
            Ok(types::CreatePolicyVersionResponse { policy_version: Some(version) })
        })
        .await
    }

    pub(super) async fn get_policy_version(
        &self,
        context: &ServiceContext,
        input: types::GetPolicyVersionRequest,
    ) -> Handled<types::GetPolicyVersionResponse> {
        let (arn, id) = (input.policy_arn.unwrap_or_default(), input.version_id.unwrap_or_default());
        let version = match aws_managed::find(&arn) {
            Some(policy) if id == aws_managed::VERSION_ID => shown_aws_version(policy),
            Some(_) => return Err(missing_version(&arn, &id)),
            None => {
                let policy = self.policy(context.account_id(), &arn).await?;
                shown_version(&policy, number(&policy, &id)?)
            }
        };
        Ok(types::GetPolicyVersionResponse { policy_version: Some(version) })
    }

    pub(super) async fn list_policy_versions(
        &self,
        context: &ServiceContext,
        input: types::ListPolicyVersionsRequest,
    ) -> Handled<types::ListPolicyVersionsResponse> {
        let arn = input.policy_arn.unwrap_or_default();
        let versions = match aws_managed::find(&arn) {
            Some(policy) => vec![shown_aws_version(policy)],
            None => {
                let policy = self.policy(context.account_id(), &arn).await?;
                policy.versions.keys().rev().map(|number| shown_version(&policy, *number)).collect()
            }
        };
        // At most five: one page.
        let versions = versions.into_iter().map(|version| types::PolicyVersion { document: None, ..version });
        Ok(types::ListPolicyVersionsResponse {
            versions: Some(versions.collect()),
            is_truncated: Some(false),
            marker: None,
        })
    }

    pub(super) async fn delete_policy_version(
        &self,
        context: &ServiceContext,
        input: types::DeletePolicyVersionRequest,
    ) -> Handled<()> {
        let id = input.version_id.unwrap_or_default();
        self.change_policy(context, input.policy_arn, move |policy| {
            let number = number(policy, &id)?;
            if number == policy.default_version {
                return Err(IamError::DeleteConflict(
                    "Cannot delete the default version of a policy.".into(),
                ));
            }
            policy.versions.remove(&number);
            Ok(())
        })
        .await
    }

    pub(super) async fn set_default_policy_version(
        &self,
        context: &ServiceContext,
        input: types::SetDefaultPolicyVersionRequest,
    ) -> Handled<()> {
        let (id, now_ms) = (input.version_id.unwrap_or_default(), context.now_ms);
        self.change_policy(context, input.policy_arn, move |policy| {
            policy.default_version = number(policy, &id)?;
            policy.updated_ms = now_ms;
            Ok(())
        })
        .await
    }

    pub(super) async fn list_entities_for_policy(
        &self,
        context: &ServiceContext,
        input: types::ListEntitiesForPolicyRequest,
    ) -> Handled<types::ListEntitiesForPolicyResponse> {
        let arn = input.policy_arn.unwrap_or_default();
        if !self.policy_exists(context.account_id(), &arn).await? {
            return Err(ManagedPolicy::missing(&arn));
        }
        let wanted = |kind: &str| input.entity_filter.as_deref().is_none_or(|filter| filter == kind);
        let of = |path: &str, attached: &[String]| {
            attached.contains(&arn) && naming::is_below(path, input.path_prefix.as_deref())
        };
        let mut groups: Vec<Group> = self.all(context.account_id()).await?;
        groups.retain(|group| wanted("Group") && of(&group.path, &group.policies.attached));
        let mut users: Vec<User> = self.all(context.account_id()).await?;
        users.retain(|user| wanted("User") && of(&user.path, &user.policies.attached));
        let mut roles: Vec<Role> = self.all(context.account_id()).await?;
        roles.retain(|role| wanted("Role") && of(&role.path, &role.policies.attached));
        let groups = groups
            .into_iter()
            .map(|group| types::PolicyGroup { group_name: Some(group.name), group_id: Some(group.id) });
        let users = users
            .into_iter()
            .map(|user| types::PolicyUser { user_name: Some(user.name), user_id: Some(user.id) });
        let roles = roles
            .into_iter()
            .map(|role| types::PolicyRole { role_name: Some(role.name), role_id: Some(role.id) });
        Ok(types::ListEntitiesForPolicyResponse {
            policy_groups: Some(groups.collect()),
            policy_users: Some(users.collect()),
            policy_roles: Some(roles.collect()),
            is_truncated: Some(false),
            marker: None,
        })
    }

    pub(super) async fn tag_policy(
        &self,
        context: &ServiceContext,
        input: types::TagPolicyRequest,
    ) -> Handled<()> {
        self.change_policy(context, input.policy_arn, |policy| tags::add(&mut policy.tags, input.tags)).await
    }

    pub(super) async fn untag_policy(
        &self,
        context: &ServiceContext,
        input: types::UntagPolicyRequest,
    ) -> Handled<()> {
        self.change_policy(context, input.policy_arn, |policy| {
            tags::remove(&mut policy.tags, input.tag_keys);
            Ok(())
        })
        .await
    }

    pub(super) async fn list_policy_tags(
        &self,
        context: &ServiceContext,
        input: types::ListPolicyTagsRequest,
    ) -> Handled<types::ListPolicyTagsResponse> {
        let policy = self.policy(context.account_id(), &input.policy_arn.unwrap_or_default()).await?;
        let page = tags::page(&policy.tags, input.marker.as_deref(), input.max_items)?;
        Ok(types::ListPolicyTagsResponse {
            tags: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    /// Whether there is a policy, of the account or of AWS.
    pub(super) async fn policy_exists(&self, account_id: &str, arn: &str) -> Handled<bool> {
        match aws_managed::find(arn) {
            Some(_) => Ok(true),
            None => match self.policy(account_id, arn).await {
                Ok(_) => Ok(true),
                Err(IamError::NoSuchEntity(_) | IamError::Validation(_)) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }

    /// A policy of the account.
    async fn policy(&self, account_id: &str, arn: &str) -> Handled<ManagedPolicy> {
        check_arn(arn)?;
        let policy: Option<ManagedPolicy> =
            self.store.document(&super::records::key(account_id, naming::name_in(arn))).await?;
        policy.filter(|policy| policy.arn == arn).ok_or_else(|| ManagedPolicy::missing(arn))
    }

    async fn change_policy<T: Send + 'static>(
        &self,
        context: &ServiceContext,
        arn: Option<String>,
        change: impl FnOnce(&mut ManagedPolicy) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let arn = arn.unwrap_or_default();
        let name = own_name(&arn)?;
        let changed = self.change(context.account_id(), Some(name.clone()), {
            let arn = arn.clone();
            move |policy: &mut ManagedPolicy, _| {
                is_at(policy, &arn)?;
                change(policy)
            }
        });
        changed.await.map_err(|error| match error {
            IamError::NoSuchEntity(text) if text == ManagedPolicy::missing(&name).to_string() => {
                ManagedPolicy::missing(&arn)
            }
            other => other,
        })
    }

    async fn uses(&self, account_id: &str) -> Handled<Uses> {
        let (roles, users) = (self.all(account_id).await?, self.all(account_id).await?);
        Ok(Uses::count(&roles, &users, &self.all(account_id).await?))
    }
}

/// An ARN of a policy; anything else is refused as AWS does.
pub(super) fn check_arn(arn: &str) -> Handled<()> {
    match arn.starts_with("arn:") && arn.contains(":policy/") {
        true => Ok(()),
        false => Err(IamError::InvalidInput(format!("ARN {arn} is not valid."))),
    }
}

/// The name in the ARN of a policy that the account may change.
fn own_name(arn: &str) -> Handled<String> {
    check_arn(arn)?;
    match aws_managed::find(arn) {
        Some(_) => Err(IamError::AccessDenied(
            "Cannot perform the operation on a policy that is managed by AWS.".into(),
        )),
        None => Ok(naming::name_in(arn).to_owned()),
    }
}

fn is_at(policy: &ManagedPolicy, arn: &str) -> Handled<()> {
    if policy.arn == arn { Ok(()) } else { Err(ManagedPolicy::missing(arn)) }
}

fn number(policy: &ManagedPolicy, id: &str) -> Handled<u32> {
    let number = id.strip_prefix('v').and_then(|number| number.parse().ok());
    number
        .filter(|number| policy.versions.contains_key(number))
        .ok_or_else(|| missing_version(&policy.arn, id))
}

fn missing_version(arn: &str, id: &str) -> IamError {
    IamError::NoSuchEntity(format!("Policy {arn} version {id} does not exist or is not attachable."))
}

/// A policy without its tags.
pub(super) fn shown(policy: &ManagedPolicy, uses: &Uses) -> types::Policy {
    types::Policy {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.id.clone()),
        arn: Some(policy.arn.clone()),
        path: Some(policy.path.clone()),
        default_version_id: Some(format!("v{}", policy.default_version)),
        attachment_count: Some(uses.attached.get(&policy.arn).copied().unwrap_or_default()),
        permissions_boundary_usage_count: Some(uses.boundaries.get(&policy.arn).copied().unwrap_or_default()),
        is_attachable: Some(true),
        description: policy.description.clone(),
        create_date: seconds(policy.created_ms),
        update_date: seconds(policy.updated_ms),
        tags: None,
    }
}

/// One of AWS's policies as lists show it.
pub(super) fn shown_aws_managed(policy: &AwsManaged, uses: &Uses) -> types::Policy {
    let arn = policy.arn();
    types::Policy {
        policy_name: Some(policy.name.into()),
        policy_id: Some(policy.id()),
        path: Some(policy.path.into()),
        default_version_id: Some(aws_managed::VERSION_ID.into()),
        attachment_count: Some(uses.attached.get(&arn).copied().unwrap_or_default()),
        permissions_boundary_usage_count: Some(uses.boundaries.get(&arn).copied().unwrap_or_default()),
        is_attachable: Some(true),
        description: None,
        create_date: Some(aws_managed::CREATED_SECONDS),
        update_date: Some(aws_managed::CREATED_SECONDS),
        tags: None,
        arn: Some(arn),
    }
}

/// A version with its document.
pub(super) fn shown_version(policy: &ManagedPolicy, number: u32) -> types::PolicyVersion {
    let version = policy.versions.get(&number);
    types::PolicyVersion {
        document: version.map(|version| policy_document::shown(&version.document)),
        version_id: Some(format!("v{number}")),
        is_default_version: Some(number == policy.default_version),
        create_date: version.and_then(|version| seconds(version.created_ms)),
    }
}

/// The version of one of AWS's policies.
pub(super) fn shown_aws_version(policy: &AwsManaged) -> types::PolicyVersion {
    types::PolicyVersion {
        document: Some(policy_document::shown(&policy.document())),
        version_id: Some(aws_managed::VERSION_ID.into()),
        is_default_version: Some(true),
        create_date: Some(aws_managed::CREATED_SECONDS),
    }
}
