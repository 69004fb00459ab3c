//! `TagResource`, `UntagResource`, `ListTags`.

use std::collections::BTreeMap;

use aws_api::{arn::FunctionName, generated::lambda::types as api};
use lambda_model::{
    LambdaError,
    event_source_mapping::EventSourceMapping,
    function::{LATEST, settings},
};
use store::Transaction;

use super::{
    LambdaApi, RequestContext,
    event_source_mappings::{mapping_key, not_there},
    target::Target,
};

impl LambdaApi {
    /// Adds or replaces tags.
    pub(super) async fn tag_resource(
        &self,
        input: api::TagResourceRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let added: BTreeMap<String, String> = input.tags.unwrap_or_default().into_iter().collect();
        self.change_tags(input.resource.as_deref(), context, move |tags| {
            tags.extend(added);
            settings::check_tags(tags)
        })
        .await
    }

    /// Removes tags; keys that are not there are no error.
    pub(super) async fn untag_resource(
        &self,
        input: api::UntagResourceRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let removed = input.tag_keys.unwrap_or_default();
        self.change_tags(input.resource.as_deref(), context, move |tags| {
            tags.retain(|key, _| !removed.contains(key));
            Ok(())
        })
        .await
    }

    /// The tags of a function or an event source mapping.
    pub(super) async fn list_tags(
        &self,
        input: api::ListTagsRequest,
        context: &RequestContext,
    ) -> Result<api::ListTagsResponse, LambdaError> {
        if let Some(uuid) = mapping_uuid(input.resource.as_deref(), context)? {
            let key = mapping_key(&context.caller, &uuid);
            let mapping = self.store.document::<EventSourceMapping>(&key).await?.ok_or_else(not_there)?;
            return Ok(api::ListTagsResponse { tags: Some(mapping.tags) });
        }
        let target = tagged(input.resource.as_deref(), context)?;
        let record = self.store.function(&target.key, LATEST).await?;
        let record = record.ok_or_else(|| LambdaError::function_not_found(&target.key.arn()))?;
        Ok(api::ListTagsResponse { tags: Some(record.tags.into_iter().collect()) })
    }

    /// Tags change nothing that runs: no new revision, no new environments.
    async fn change_tags(
        &self,
        resource: Option<&str>,
        context: &RequestContext,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), LambdaError> + Send + 'static,
    ) -> Result<(), LambdaError> {
        if let Some(uuid) = mapping_uuid(resource, context)? {
            let key = mapping_key(&context.caller, &uuid);
            let change = move |transaction: &mut Transaction<'_>| {
                let mut mapping = transaction.document::<EventSourceMapping>(&key)?.ok_or_else(not_there)?;
                change(&mut mapping.tags)?;
                Ok::<_, LambdaError>(transaction.put_document(&key, &mapping)?)
            };
            return self.store.transact(change).await;
        }
        let target = tagged(resource, context)?;
        let changed =
            self.store.update_function(&target.key, LATEST, move |record| change(&mut record.tags)).await?;
        changed.map(|_| ()).ok_or_else(|| LambdaError::function_not_found(&target.key.arn()))
    }
}

/// The event source mapping that a tagging request names, if it does.
fn mapping_uuid(resource: Option<&str>, context: &RequestContext) -> Result<Option<String>, LambdaError> {
    let parts: Vec<&str> = resource.unwrap_or_default().split(':').collect();
    let ["arn", _, "lambda", region, account_id, "event-source-mapping", uuid] = parts[..] else {
        return Ok(None);
    };
    match (region, account_id) == (context.caller.region.as_str(), context.caller.account_id.as_str()) {
        true => Ok(Some(uuid.to_owned())),
        false => Err(not_there()),
    }
}

/// The function that a tagging request names: a full ARN without a qualifier.
fn tagged(resource: Option<&str>, context: &RequestContext) -> Result<Target, LambdaError> {
    let resource = resource.unwrap_or_default();
    let is_function = FunctionName::parse(resource).is_some_and(|name| name.region.is_some());
    if !is_function {
        return Err(LambdaError::NotImplemented(
            "Tags of anything but functions and event source mappings are not implemented by this server."
                .into(),
        ));
    }
    let target = Target::resolve(resource, None, &context.caller)?;
    if target.qualifier.is_some() {
        return Err(LambdaError::InvalidParameterValue(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.".into(),
        ));
    }
    Ok(target)
}
