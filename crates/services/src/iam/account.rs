//! What concerns an account as a whole: its alias, its counts, everything in it.

use std::collections::BTreeMap;

use aws_api::generated::iam::types;

use super::{
    Handled, Iam, attachments, aws_managed, groups, instance_profiles, list,
    managed_policies::{self, Uses},
    paging, policy_document, range,
    records::{
        self, AccountAlias, Group, HeldPolicies, InstanceProfile, ManagedPolicy, OidcProvider, Record, Role,
        User,
    },
    roles, seconds, tags,
};
use crate::service::{NoInput, ServiceContext};

/// Quotas that GetAccountSummary tells (AWS's defaults).
const QUOTAS: &[(&str, i64)] = &[
    ("AccessKeysPerUserQuota", 2),
    ("AssumeRolePolicySizeQuota", 2048),
    ("AttachedPoliciesPerGroupQuota", 10),
    ("AttachedPoliciesPerRoleQuota", 10),
    ("AttachedPoliciesPerUserQuota", 10),
    ("GroupPolicySizeQuota", 5120),
    ("GroupsPerUserQuota", 10),
    ("GroupsQuota", 300),
    ("InstanceProfilesQuota", 1000),
    ("PoliciesQuota", 1500),
    ("PolicySizeQuota", 6144),
    ("PolicyVersionsInUseQuota", 10_000),
    ("RolePolicySizeQuota", 10_240),
    ("RolesQuota", 1000),
    ("ServerCertificatesQuota", 20),
    ("SigningCertificatesPerUserQuota", 2),
    ("UserPolicySizeQuota", 2048),
    ("UsersQuota", 5000),
    ("VersionsPerPolicyQuota", 5),
];
/// What an account may have and this server does not keep.
const ABSENT: &[&str] = &[
    "AccountAccessKeysPresent",
    "AccountMFAEnabled",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
    "MFADevices",
    "MFADevicesInUse",
    "ServerCertificates",
];

impl Iam {
    /// An account has one alias: a new one takes the place of the old.
    pub(super) async fn create_account_alias(
        &self,
        context: &ServiceContext,
        input: types::CreateAccountAliasRequest,
    ) -> Handled<()> {
        let account_id = context.account_id().to_owned();
        let name = input.account_alias.unwrap_or_default();
        self.store
            .transact(move |tx| {
                for old in list::<AccountAlias>(tx, &account_id)? {
                    tx.delete_document::<AccountAlias>(&records::key(&account_id, &old.name))?;
                }
                Ok(tx.put_document(&records::key(&account_id, &name), &AccountAlias { name })?)
            })
            .await
    }

    pub(super) async fn delete_account_alias(
        &self,
        context: &ServiceContext,
        input: types::DeleteAccountAliasRequest,
    ) -> Handled<()> {
        self.delete(context.account_id(), input.account_alias, |_: &AccountAlias, _| Ok(())).await
    }

    pub(super) async fn list_account_aliases(
        &self,
        context: &ServiceContext,
        _: types::ListAccountAliasesRequest,
    ) -> Handled<types::ListAccountAliasesResponse> {
        let aliases: Vec<AccountAlias> = self.all(context.account_id()).await?;
        Ok(types::ListAccountAliasesResponse {
            account_aliases: Some(aliases.into_iter().map(|alias| alias.name).collect()),
            is_truncated: Some(false),
            marker: None,
        })
    }

    pub(super) async fn get_account_summary(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::GetAccountSummaryResponse> {
        let everything = self.everything(context.account_id()).await?;
        let providers: Vec<OidcProvider> = self.all(context.account_id()).await?;
        let versions = everything.policies.iter().map(|policy| policy.versions.len()).sum();
        let counts = [
            ("Groups", everything.groups.len()),
            ("InstanceProfiles", everything.profiles.len()),
            ("Policies", everything.policies.len()),
            ("PolicyVersionsInUse", versions),
            ("Providers", providers.len()),
            ("Roles", everything.roles.len()),
            ("Users", everything.users.len()),
        ];
        let mut summary: BTreeMap<String, i64> =
            QUOTAS.iter().map(|(name, quota)| ((*name).to_owned(), *quota)).collect();
        summary.extend(ABSENT.iter().map(|name| ((*name).to_owned(), 0)));
        summary
            .extend(counts.map(|(name, count)| (name.to_owned(), i64::try_from(count).unwrap_or(i64::MAX))));
        summary.insert("GlobalEndpointTokenVersion".into(), 1);
        Ok(types::GetAccountSummaryResponse { summary_map: Some(summary) })
    }

    /// Everything in one list, in pages: users, groups, roles, policies.
    pub(super) async fn get_account_authorization_details(
        &self,
        context: &ServiceContext,
        input: types::GetAccountAuthorizationDetailsRequest,
    ) -> Handled<types::GetAccountAuthorizationDetailsResponse> {
        let everything = self.everything(context.account_id()).await?;
        let filter = input.filter.unwrap_or_default();
        let wanted = |kind: &str| filter.is_empty() || filter.iter().any(|named| named == kind);
        let page = paging::page(
            everything.details(&wanted),
            input.marker.as_deref(),
            input.max_items,
            |(name, _)| name.clone(),
        )?;
        let mut answer = types::GetAccountAuthorizationDetailsResponse {
            user_detail_list: Some(Vec::new()),
            group_detail_list: Some(Vec::new()),
            role_detail_list: Some(Vec::new()),
            policies: Some(Vec::new()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        };
        for (_, detail) in page.items {
            match detail {
                Detail::User(user) => answer.user_detail_list.get_or_insert_default().push(*user),
                Detail::Group(group) => answer.group_detail_list.get_or_insert_default().push(*group),
                Detail::Role(role) => answer.role_detail_list.get_or_insert_default().push(*role),
                Detail::Policy(policy) => answer.policies.get_or_insert_default().push(*policy),
            }
        }
        Ok(answer)
    }

    async fn everything(&self, account_id: &str) -> Handled<Everything> {
        async fn read<R: Record>(iam: &Iam, account_id: &str) -> Handled<Vec<R>> {
            let found = iam.store.documents::<R>(range(account_id)).await?;
            Ok(found.into_iter().map(|(_, record)| record).collect())
        }
        Ok(Everything {
            users: read(self, account_id).await?,
            groups: read(self, account_id).await?,
            roles: read(self, account_id).await?,
            policies: read(self, account_id).await?,
            profiles: read(self, account_id).await?,
        })
    }
}

struct Everything {
    users: Vec<User>,
    groups: Vec<Group>,
    roles: Vec<Role>,
    policies: Vec<ManagedPolicy>,
    profiles: Vec<InstanceProfile>,
}

enum Detail {
    User(Box<types::UserDetail>),
    Group(Box<types::GroupDetail>),
    Role(Box<types::RoleDetail>),
    Policy(Box<types::ManagedPolicyDetail>),
}

impl Everything {
    /// Each detail with the name that it is ordered by.
    fn details(&self, wanted: &dyn Fn(&str) -> bool) -> Vec<(String, Detail)> {
        let uses = Uses::count(&self.roles, &self.users, &self.groups);
        let mut details = Vec::new();
        if wanted("User") {
            let users = self.users.iter();
            details.extend(
                users.map(|user| (format!("1/{}", user.name), Detail::User(Box::new(user_detail(user))))),
            );
        }
        if wanted("Group") {
            let groups = self.groups.iter();
            details
                .extend(groups.map(|group| {
                    (format!("2/{}", group.name), Detail::Group(Box::new(group_detail(group))))
                }));
        }
        if wanted("Role") {
            let roles = self.roles.iter();
            details
                .extend(roles.map(|role| {
                    (format!("3/{}", role.name), Detail::Role(Box::new(self.role_detail(role))))
                }));
        }
        if wanted("LocalManagedPolicy") {
            let policies = self.policies.iter().map(|policy| (&policy.arn, policy_detail(policy, &uses)));
            details
                .extend(policies.map(|(arn, detail)| (format!("4/{arn}"), Detail::Policy(Box::new(detail)))));
        }
        if wanted("AWSManagedPolicy") {
            let policies =
                aws_managed::ALL.iter().map(|policy| (policy.arn(), aws_policy_detail(policy, &uses)));
            details
                .extend(policies.map(|(arn, detail)| (format!("4/{arn}"), Detail::Policy(Box::new(detail)))));
        }
        details.sort_by(|(a, _), (b, _)| a.cmp(b));
        details
    }

    fn role_detail(&self, role: &Role) -> types::RoleDetail {
        let shown = roles::shown(role);
        let profiles = self.profiles.iter().filter(|profile| profile.role.as_ref() == Some(&role.name));
        types::RoleDetail {
            path: shown.path,
            role_name: shown.role_name,
            role_id: shown.role_id,
            arn: shown.arn,
            create_date: shown.create_date,
            assume_role_policy_document: shown.assume_role_policy_document,
            instance_profile_list: Some(
                profiles.map(|profile| instance_profiles::shown(profile, &self.roles)).collect(),
            ),
            role_policy_list: Some(inline(&role.policies)),
            attached_managed_policies: Some(attachments::shown(&role.policies)),
            permissions_boundary: roles::shown_boundary(role.boundary.as_ref()),
            tags: Some(tags::shown(&role.tags)),
            role_last_used: Some(types::RoleLastUsed::default()),
        }
    }
}

fn user_detail(user: &User) -> types::UserDetail {
    types::UserDetail {
        path: Some(user.path.clone()),
        user_name: Some(user.name.clone()),
        user_id: Some(user.id.clone()),
        arn: Some(user.arn.clone()),
        create_date: seconds(user.created_ms),
        user_policy_list: Some(inline(&user.policies)),
        group_list: Some(user.groups.clone()),
        attached_managed_policies: Some(attachments::shown(&user.policies)),
        permissions_boundary: roles::shown_boundary(user.boundary.as_ref()),
        tags: Some(tags::shown(&user.tags)),
    }
}

fn group_detail(group: &Group) -> types::GroupDetail {
    let shown = groups::shown(group);
    types::GroupDetail {
        path: shown.path,
        group_name: shown.group_name,
        group_id: shown.group_id,
        arn: shown.arn,
        create_date: shown.create_date,
        group_policy_list: Some(inline(&group.policies)),
        attached_managed_policies: Some(attachments::shown(&group.policies)),
    }
}

fn policy_detail(policy: &ManagedPolicy, uses: &Uses) -> types::ManagedPolicyDetail {
    let versions = policy.versions.keys().rev();
    let versions = versions.map(|number| managed_policies::shown_version(policy, *number)).collect();
    detail_of(managed_policies::shown(policy, uses), versions)
}

fn aws_policy_detail(policy: &aws_managed::AwsManaged, uses: &Uses) -> types::ManagedPolicyDetail {
    let version = managed_policies::shown_aws_version(policy);
    detail_of(managed_policies::shown_aws_managed(policy, uses), vec![version])
}

fn detail_of(policy: types::Policy, versions: Vec<types::PolicyVersion>) -> types::ManagedPolicyDetail {
    types::ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description: policy.description,
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list: Some(versions),
    }
}

fn inline(held: &HeldPolicies) -> Vec<types::PolicyDetail> {
    let policies = held.inline.iter().map(|(name, document)| types::PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(policy_document::shown(document)),
    });
    policies.collect()
}
