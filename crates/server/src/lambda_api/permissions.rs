//! `AddPermission`, `RemovePermission`, `GetPolicy`: who may invoke a function, a version or an alias (M-01, V-04); and the same policy
//! as a whole, by its ARN: `PutResourcePolicy`, `GetResourcePolicy`, `DeleteResourcePolicy`.
//!
//! A policy has no revision of its own: it is that of the function, version or alias, which changes with it.

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{
        Alias, FunctionKey, LATEST, alias,
        resource_policy::{Grant, ResourcePolicy},
    },
};
use store::{DocumentKey, Transaction};

use super::{LambdaApi, RequestContext, functions::check_revision, located::is_version, target::Target};

impl LambdaApi {
    /// Adds a statement.
    pub(super) async fn add_permission(
        &self,
        input: api::AddPermissionRequest,
        context: &RequestContext,
    ) -> Result<api::AddPermissionResponse, LambdaError> {
        let holder = Holder::of(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let grant = Grant {
            statement_id: input.statement_id.unwrap_or_default(),
            action: input.action.unwrap_or_default(),
            principal: input.principal.unwrap_or_default(),
            source_arn: input.source_arn,
            source_account: input.source_account,
            principal_org_id: input.principal_org_id,
            event_source_token: input.event_source_token,
            function_url_auth_type: input.function_url_auth_type,
            invoked_via_function_url: input.invoked_via_function_url,
        };
        let statement = grant.statement(&holder.arn())?;
        let added = statement.clone();
        self.store
            .transact(move |transaction| {
                check_revision(input.revision_id.as_deref(), &holder.revision(transaction)?)?;
                let mut policy = holder.policy(transaction)?.unwrap_or_default();
                policy.add(added)?;
                holder.store(transaction, &policy)
            })
            .await?;
        Ok(api::AddPermissionResponse { statement: Some(statement.to_string()) })
    }

    /// Removes a statement; a policy that has none left is gone.
    pub(super) async fn remove_permission(
        &self,
        input: api::RemovePermissionRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let holder = Holder::of(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        self.store
            .transact(move |transaction| {
                let revision = holder.revision(transaction)?;
                let policy = holder.policy(transaction)?;
                let mut policy = policy.ok_or_else(|| {
                    LambdaError::ResourceNotFound("No policy is associated with the given resource.".into())
                })?;
                policy.remove(input.statement_id.as_deref().unwrap_or_default())?;
                check_revision(input.revision_id.as_deref(), &revision)?;
                holder.store(transaction, &policy).map(drop)
            })
            .await
    }

    /// The whole policy.
    pub(super) async fn get_policy(
        &self,
        input: api::GetPolicyRequest,
        context: &RequestContext,
    ) -> Result<api::GetPolicyResponse, LambdaError> {
        let holder = Holder::of(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let (policy, revision_id) = self.policy_of(holder).await?;
        Ok(api::GetPolicyResponse { policy: Some(policy.document()), revision_id: Some(revision_id) })
    }

    /// Puts a whole document in the place of the policy.
    pub(super) async fn put_resource_policy(
        &self,
        input: api::PutResourcePolicyRequest,
        context: &RequestContext,
    ) -> Result<api::PutResourcePolicyResponse, LambdaError> {
        let holder = Holder::of(input.resource_arn.as_deref(), None, context)?;
        let policy = ResourcePolicy::parse(input.policy.as_deref().unwrap_or_default(), &holder.arn())?;
        let document = policy.document();
        let revision_id = self
            .store
            .transact(move |transaction| {
                check_revision(input.revision_id.as_deref(), &holder.revision(transaction)?)?;
                holder.store(transaction, &policy)
            })
            .await?;
        Ok(api::PutResourcePolicyResponse { policy: Some(document), revision_id: Some(revision_id) })
    }

    /// The same by ARN.
    pub(super) async fn get_resource_policy(
        &self,
        input: api::GetResourcePolicyRequest,
        context: &RequestContext,
    ) -> Result<api::GetResourcePolicyResponse, LambdaError> {
        let holder = Holder::of(input.resource_arn.as_deref(), None, context)?;
        let (policy, revision_id) = self.policy_of(holder).await?;
        Ok(api::GetResourcePolicyResponse { policy: Some(policy.document()), revision_id: Some(revision_id) })
    }

    /// Takes the policy away.
    pub(super) async fn delete_resource_policy(
        &self,
        input: api::DeleteResourcePolicyRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let holder = Holder::of(input.resource_arn.as_deref(), None, context)?;
        self.store
            .transact(move |transaction| {
                check_revision(input.revision_id.as_deref(), &holder.revision(transaction)?)?;
                if holder.policy(transaction)?.is_none() {
                    return Err(no_policy());
                }
                holder.store(transaction, &ResourcePolicy::default()).map(drop)
            })
            .await
    }

    async fn policy_of(&self, holder: Holder) -> Result<(ResourcePolicy, String), LambdaError> {
        self.store
            .transact(move |transaction| {
                let revision_id = holder.revision(transaction)?;
                let policy = holder.policy(transaction)?.ok_or_else(no_policy)?;
                Ok((policy, revision_id))
            })
            .await
    }
}

/// Recorded.
fn no_policy() -> LambdaError {
    LambdaError::ResourceNotFound("The resource you requested does not exist.".into())
}

/// What a policy is of.
struct Holder {
    key: FunctionKey,
    qualifier: Option<String>,
}

impl Holder {
    fn of(
        name: Option<&str>,
        qualifier: Option<&str>,
        context: &RequestContext,
    ) -> Result<Self, LambdaError> {
        let Target { key, qualifier } = Target::of(name, qualifier, context)?;
        if qualifier.as_deref() == Some(LATEST) {
            // Recorded.
            return Err(LambdaError::InvalidParameterValue(
                "We currently do not support adding policies for $LATEST.".into(),
            ));
        }
        Ok(Self { key, qualifier })
    }

    fn arn(&self) -> String {
        self.key.arn_of(self.qualifier.as_deref())
    }

    fn document_key(&self) -> DocumentKey {
        DocumentKey::of_function(&self.key, self.qualifier.as_deref().unwrap_or(LATEST))
    }

    fn policy(&self, transaction: &Transaction<'_>) -> Result<Option<ResourcePolicy>, LambdaError> {
        Ok(transaction.document(&self.document_key())?)
    }

    /// The revision of what the policy is of, which must be there.
    fn revision(&self, transaction: &Transaction<'_>) -> Result<String, LambdaError> {
        match self.alias() {
            Some(name) => {
                if transaction.function(&self.key, LATEST)?.is_none() {
                    return Err(LambdaError::function_not_found(&self.key.arn()));
                }
                let found = transaction.document::<Alias>(&DocumentKey::of_function(&self.key, name))?;
                found.map(|alias| alias.revision_id).ok_or_else(|| alias::not_found(&self.arn()))
            }
            None => {
                let found = transaction.function(&self.key, self.version())?;
                found
                    .map(|record| record.revision_id)
                    .ok_or_else(|| LambdaError::function_not_found(&self.arn()))
            }
        }
    }

    /// Stores the policy, or deletes it when it is empty, and renews the revision of what it is of.
    fn store(
        &self,
        transaction: &mut Transaction<'_>,
        policy: &ResourcePolicy,
    ) -> Result<String, LambdaError> {
        let document = self.document_key();
        if policy.statements.is_empty() {
            transaction.delete_document::<ResourcePolicy>(&document)?;
        } else {
            transaction.put_document(&document, policy)?;
        }
        let revision_id = aws_api::request_id::new();
        match self.alias() {
            Some(name) => {
                if let Some(alias) =
                    transaction.document::<Alias>(&DocumentKey::of_function(&self.key, name))?
                {
                    let alias = Alias { revision_id: revision_id.clone(), ..alias };
                    transaction.put_document(&DocumentKey::of_function(&self.key, name), &alias)?;
                }
            }
            None => {
                if let Some(mut record) = transaction.function(&self.key, self.version())? {
                    record.revision_id.clone_from(&revision_id);
                    transaction.put_function(&record)?;
                }
            }
        }
        Ok(revision_id)
    }

    fn alias(&self) -> Option<&str> {
        self.qualifier.as_deref().filter(|qualifier| !is_version(qualifier))
    }

    fn version(&self) -> &str {
        self.qualifier.as_deref().unwrap_or(LATEST)
    }
}
