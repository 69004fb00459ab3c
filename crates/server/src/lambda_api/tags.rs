//! `TagResource`, `UntagResource`, `ListTags`.

use std::collections::BTreeMap;

use aws_api::{arn::FunctionName, generated::lambda::types as api};
use lambda_model::{
    LambdaError,
    function::{LATEST, settings},
};

use super::{LambdaApi, RequestContext, target::Target};

impl LambdaApi {
    /// Adds or replaces tags.
    pub(super) async fn tag_resource(
        &self,
        input: api::TagResourceRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let target = tagged(input.resource.as_deref(), context)?;
        let added: BTreeMap<String, String> = input.tags.unwrap_or_default().into_iter().collect();
        self.change_tags(&target, move |tags| {
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
        let target = tagged(input.resource.as_deref(), context)?;
        let removed = input.tag_keys.unwrap_or_default();
        self.change_tags(&target, move |tags| {
            tags.retain(|key, _| !removed.contains(key));
            Ok(())
        })
        .await
    }

    /// The tags of a function.
    pub(super) async fn list_tags(
        &self,
        input: api::ListTagsRequest,
        context: &RequestContext,
    ) -> Result<api::ListTagsResponse, LambdaError> {
        let target = tagged(input.resource.as_deref(), context)?;
        let record = self.store.function(&target.key, LATEST).await?;
        let record = record.ok_or_else(|| LambdaError::function_not_found(&target.key.arn()))?;
        Ok(api::ListTagsResponse { tags: Some(record.tags.into_iter().collect()) })
    }

    /// Tags change nothing that runs: no new revision, no new environments.
    async fn change_tags(
        &self,
        target: &Target,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), LambdaError> + Send + 'static,
    ) -> Result<(), LambdaError> {
        let changed =
            self.store.update_function(&target.key, LATEST, move |record| change(&mut record.tags)).await?;
        changed.map(|_| ()).ok_or_else(|| LambdaError::function_not_found(&target.key.arn()))
    }
}

/// The function that a tagging request names: a full ARN without a qualifier.
fn tagged(resource: Option<&str>, context: &RequestContext) -> Result<Target, LambdaError> {
    let resource = resource.unwrap_or_default();
    let is_function = FunctionName::parse(resource).is_some_and(|name| name.region.is_some());
    if !is_function {
        return Err(LambdaError::NotImplemented(
            "Tags of anything but functions are not implemented by this server.".into(),
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
