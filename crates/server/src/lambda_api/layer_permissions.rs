//! `AddLayerVersionPermission`, `RemoveLayerVersionPermission`, `GetLayerVersionPolicy`: which accounts may use a layer version.

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{LayerKey, LayerVersion, layer::LayerPolicy, resource_policy::Grant},
};
use store::Transaction;

use super::{
    LambdaApi, RequestContext,
    layers::{layer_key, version_key, version_number},
};

impl LambdaApi {
    /// Shares a layer version.
    pub(super) async fn add_layer_version_permission(
        &self,
        input: api::AddLayerVersionPermissionRequest,
        context: &RequestContext,
    ) -> Result<api::AddLayerVersionPermissionResponse, LambdaError> {
        let layer = named(input.layer_name.as_deref(), input.version_number, context)?;
        let grant = Grant {
            statement_id: input.statement_id.unwrap_or_default(),
            action: input.action.unwrap_or_default(),
            principal: input.principal.unwrap_or_default(),
            principal_org_id: input.organization_id,
            ..Grant::default()
        };
        let statement = grant.statement(&layer.0.version_arn(layer.1))?;
        let added = statement.clone();
        let policy = self
            .store
            .transact(move |transaction| {
                let mut policy = current(transaction, &layer)?.unwrap_or_default();
                check_revision(input.revision_id.as_deref(), &policy)?;
                policy.policy.add(added)?;
                store(transaction, &layer, policy)
            })
            .await?;
        Ok(api::AddLayerVersionPermissionResponse {
            statement: Some(statement.to_string()),
            revision_id: Some(policy.revision_id),
        })
    }

    /// Takes a statement away.
    pub(super) async fn remove_layer_version_permission(
        &self,
        input: api::RemoveLayerVersionPermissionRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let layer = named(input.layer_name.as_deref(), input.version_number, context)?;
        self.store
            .transact(move |transaction| {
                let mut policy = current(transaction, &layer)?.unwrap_or_default();
                check_revision(input.revision_id.as_deref(), &policy)?;
                policy.policy.remove(input.statement_id.as_deref().unwrap_or_default())?;
                store(transaction, &layer, policy).map(drop)
            })
            .await
    }

    /// The whole policy.
    pub(super) async fn get_layer_version_policy(
        &self,
        input: api::GetLayerVersionPolicyRequest,
        context: &RequestContext,
    ) -> Result<api::GetLayerVersionPolicyResponse, LambdaError> {
        let layer = named(input.layer_name.as_deref(), input.version_number, context)?;
        let policy = self.store.transact(move |transaction| current(transaction, &layer)).await?;
        let policy = policy.ok_or_else(|| {
            LambdaError::ResourceNotFound("No policy is associated with the given resource.".into())
        })?;
        Ok(api::GetLayerVersionPolicyResponse {
            policy: Some(policy.policy.document()),
            revision_id: Some(policy.revision_id),
        })
    }
}

fn named(
    name: Option<&str>,
    version: Option<i64>,
    context: &RequestContext,
) -> Result<(LayerKey, u64), LambdaError> {
    Ok((layer_key(name, &context.caller)?, version_number(version)?))
}

/// The policy of a layer version, which must be there.
fn current(
    transaction: &Transaction<'_>,
    (key, version): &(LayerKey, u64),
) -> Result<Option<LayerPolicy>, LambdaError> {
    let document = version_key(key, *version);
    if transaction.document::<LayerVersion>(&document)?.is_none() {
        let arn = key.version_arn(*version);
        return Err(LambdaError::ResourceNotFound(format!("Layer version {arn} does not exist.")));
    }
    Ok(transaction.document(&document)?)
}

fn check_revision(expected: Option<&str>, policy: &LayerPolicy) -> Result<(), LambdaError> {
    match expected {
        Some(expected) if expected != policy.revision_id => Err(LambdaError::stale_layer_revision()),
        _ => Ok(()),
    }
}

/// Stores the policy under a new revision, or deletes it when it is empty.
fn store(
    transaction: &mut Transaction<'_>,
    (key, version): &(LayerKey, u64),
    policy: LayerPolicy,
) -> Result<LayerPolicy, LambdaError> {
    let document = version_key(key, *version);
    let policy = LayerPolicy { revision_id: aws_api::request_id::new(), ..policy };
    if policy.policy.statements.is_empty() {
        transaction.delete_document::<LayerPolicy>(&document)?;
    } else {
        transaction.put_document(&document, &policy)?;
    }
    Ok(policy)
}
