//! Aliases: create, get, list, update, delete (V-02).

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{Alias, FunctionKey, LATEST, alias as rules},
};
use store::{DocumentKey, DocumentRange, Transaction};

use super::{
    LambdaApi, RequestContext, functions::check_revision, located::version_in, paging::Page, target::Target,
};

impl LambdaApi {
    /// Gives versions a name.
    pub(super) async fn create_alias(
        &self,
        input: api::CreateAliasRequest,
        context: &RequestContext,
    ) -> Result<api::AliasConfiguration, LambdaError> {
        let key = function(input.function_name.as_deref(), context)?;
        let function_version = input.function_version.unwrap_or_default();
        let weights = weights(input.routing_config).unwrap_or_default();
        rules::check_routing(&function_version, &weights)?;
        let alias = Alias {
            name: input.name.unwrap_or_default(),
            function_version,
            description: input.description.unwrap_or_default(),
            additional_version: weights.into_iter().next(),
            revision_id: aws_api::request_id::new(),
        };
        let answered = key.clone();
        let stored = self
            .store
            .transact(move |transaction| {
                check_versions(transaction, &key, &alias)?;
                let document = DocumentKey::of_function(&key, &alias.name);
                if transaction.document::<Alias>(&document)?.is_some() {
                    return Err(LambdaError::ResourceConflict(format!(
                        "Alias already exists: {}",
                        key.qualified_arn(&alias.name)
                    )));
                }
                transaction.put_document(&document, &alias)?;
                Ok(alias)
            })
            .await?;
        Ok(render(&answered, stored))
    }

    /// One alias.
    pub(super) async fn get_alias(
        &self,
        input: api::GetAliasRequest,
        context: &RequestContext,
    ) -> Result<api::AliasConfiguration, LambdaError> {
        let key = function(input.function_name.as_deref(), context)?;
        let name = input.name.unwrap_or_default();
        let alias = self.store.document::<Alias>(&DocumentKey::of_function(&key, &name)).await?;
        let alias = alias.ok_or_else(|| rules::not_found(&key.qualified_arn(&name)))?;
        Ok(render(&key, alias))
    }

    /// The aliases of a function by name, or those that point to one version.
    pub(super) async fn list_aliases(
        &self,
        input: api::ListAliasesRequest,
        context: &RequestContext,
    ) -> Result<api::ListAliasesResponse, LambdaError> {
        let key = function(input.function_name.as_deref(), context)?;
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        if self.store.function(&key, LATEST).await?.is_none() {
            return Err(LambdaError::function_not_found(&key.arn()));
        }
        let aliases = self.store.documents::<Alias>(of_function(&key)).await?;
        let after = page.after.as_deref().unwrap_or_default();
        let mut aliases: Vec<Alias> = aliases
            .into_iter()
            .map(|(_, alias)| alias)
            .filter(|alias| input.function_version.as_deref().is_none_or(|version| alias.points_to(version)))
            .filter(|alias| alias.name.as_str() > after)
            .collect();
        let next_marker = page.cut(&mut aliases, |alias| alias.name.clone());
        let aliases = aliases.into_iter().map(|alias| render(&key, alias)).collect();
        Ok(api::ListAliasesResponse { aliases: Some(aliases), next_marker })
    }

    /// Changes what is named in the request. A routing that is empty ends the sharing.
    pub(super) async fn update_alias(
        &self,
        input: api::UpdateAliasRequest,
        context: &RequestContext,
    ) -> Result<api::AliasConfiguration, LambdaError> {
        let key = function(input.function_name.as_deref(), context)?;
        let answered = key.clone();
        let stored = self
            .store
            .transact(move |transaction| {
                if transaction.function(&key, LATEST)?.is_none() {
                    return Err(LambdaError::function_not_found(&key.arn()));
                }
                let name = input.name.unwrap_or_default();
                let document = DocumentKey::of_function(&key, &name);
                let found = transaction.document::<Alias>(&document)?;
                let mut alias = found.ok_or_else(|| rules::not_found(&key.qualified_arn(&name)))?;
                check_revision(input.revision_id.as_deref(), &alias.revision_id)?;
                alias.description = input.description.unwrap_or(alias.description);
                alias.function_version = input.function_version.unwrap_or(alias.function_version);
                let weights = weights(input.routing_config)
                    .unwrap_or_else(|| alias.additional_version.take().into_iter().collect());
                rules::check_routing(&alias.function_version, &weights)?;
                alias.additional_version = weights.into_iter().next();
                check_versions(transaction, &key, &alias)?;
                alias.revision_id = aws_api::request_id::new();
                transaction.put_document(&document, &alias)?;
                Ok(alias)
            })
            .await?;
        Ok(render(&answered, stored))
    }

    /// Takes the name away, and what belongs to it alone; one that is not there is no error.
    pub(super) async fn delete_alias(
        &self,
        input: api::DeleteAliasRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let key = function(input.function_name.as_deref(), context)?;
        self.store
            .transact(move |transaction| {
                let name = input.name.unwrap_or_default();
                transaction.delete_document::<Alias>(&DocumentKey::of_function(&key, &name))?;
                Ok(transaction.delete_documents_of_qualifier(&key, &name)?)
            })
            .await
    }
}

/// The function that an operation on aliases names; a qualifier in the name is not looked at, as on AWS.
fn function(name: Option<&str>, context: &RequestContext) -> Result<FunctionKey, LambdaError> {
    Ok(Target::of(name, None, context)?.key)
}

/// Every alias of a function.
pub(super) fn of_function(key: &FunctionKey) -> DocumentRange {
    DocumentRange {
        account_id: key.account_id.clone(),
        region: key.region.clone(),
        parent: Some(key.name.clone()),
        ..DocumentRange::default()
    }
}

/// What an alias points to must exist, and two versions must go together.
fn check_versions(
    transaction: &Transaction<'_>,
    key: &FunctionKey,
    alias: &Alias,
) -> Result<(), LambdaError> {
    let primary = version_in(transaction, key, &alias.function_version)?;
    match &alias.additional_version {
        Some((additional, _)) => {
            rules::check_versions_match(&primary, &version_in(transaction, key, additional)?)
        }
        None => Ok(()),
    }
}

/// `None` where the request does not speak of it.
fn weights(routing: Option<api::AliasRoutingConfiguration>) -> Option<Vec<(String, f64)>> {
    Some(routing?.additional_version_weights.unwrap_or_default().into_iter().collect())
}

fn render(key: &FunctionKey, alias: Alias) -> api::AliasConfiguration {
    let arn = key.qualified_arn(&alias.name);
    api::AliasConfiguration {
        alias_arn: Some(arn),
        name: Some(alias.name),
        function_version: Some(alias.function_version),
        description: Some(alias.description),
        routing_config: alias.additional_version.map(|additional| api::AliasRoutingConfiguration {
            additional_version_weights: Some([additional].into()),
        }),
        revision_id: Some(alias.revision_id),
    }
}
