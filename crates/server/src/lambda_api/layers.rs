//! Layers: publish, get, list, delete (B.17). A deleted version keeps working where it is used: functions keep its package.

use aws_api::{generated::lambda::types as api, timestamp};
use lambda_model::{
    LambdaError,
    function::{
        LayerKey, LayerVersion,
        layer::{LayerCounter, LayerPolicy, LayerVersionName},
    },
};
use store::{DocumentKey, DocumentRange};

use super::{LambdaApi, RequestContext, functions::package, paging::Page};
use crate::{admin::code_path, clock, identity::Caller, signed_path};

impl LambdaApi {
    /// Keeps a package as the next version of a layer.
    pub(super) async fn publish_layer_version(
        &self,
        input: api::PublishLayerVersionRequest,
        context: &RequestContext,
    ) -> Result<api::PublishLayerVersionResponse, LambdaError> {
        let key = layer_key(input.layer_name.as_deref(), &context.caller)?;
        let content = input.content.unwrap_or_default();
        let source = package(content.zip_file, content.s3_bucket, content.s3_key, content.s3_object_version);
        let (code, _lease) = self.take_in(source, context).await?;
        let unnumbered = LayerVersion {
            key,
            version: 0,
            description: input.description.unwrap_or_default(),
            license_info: input.license_info,
            compatible_runtimes: input.compatible_runtimes.unwrap_or_default(),
            compatible_architectures: input.compatible_architectures.unwrap_or_default(),
            code,
            created_ms: clock::unix_ms(),
        };
        let stored = self
            .store
            .transact(move |transaction| {
                let counter_key = counter_key(&unnumbered.key);
                let mut counter = transaction.document::<LayerCounter>(&counter_key)?.unwrap_or_default();
                counter.versions_published += 1;
                transaction.put_document(&counter_key, &counter)?;
                let version = LayerVersion { version: counter.versions_published, ..unnumbered };
                transaction.put_document(&version_key(&version.key, version.version), &version)?;
                Ok::<_, LambdaError>(version)
            })
            .await?;
        let shown = self.shown(stored, context);
        Ok(api::PublishLayerVersionResponse {
            content: shown.content,
            layer_arn: shown.layer_arn,
            layer_version_arn: shown.layer_version_arn,
            description: shown.description,
            created_date: shown.created_date,
            version: shown.version,
            compatible_architectures: shown.compatible_architectures,
            compatible_runtimes: shown.compatible_runtimes,
            license_info: shown.license_info,
        })
    }

    /// One version, by name and number.
    pub(super) async fn get_layer_version(
        &self,
        input: api::GetLayerVersionRequest,
        context: &RequestContext,
    ) -> Result<api::GetLayerVersionResponse, LambdaError> {
        let key = layer_key(input.layer_name.as_deref(), &context.caller)?;
        let version = version_number(input.version_number)?;
        let found = self.store.document::<LayerVersion>(&version_key(&key, version)).await?;
        let found = found.ok_or_else(|| {
            LambdaError::ResourceNotFound("The resource you requested does not exist.".into())
        })?;
        Ok(self.shown(found, context))
    }

    /// One version, by its ARN.
    pub(super) async fn get_layer_version_by_arn(
        &self,
        input: api::GetLayerVersionByArnRequest,
        context: &RequestContext,
    ) -> Result<api::GetLayerVersionResponse, LambdaError> {
        let name = LayerVersionName::parse(input.arn.as_deref().unwrap_or_default());
        let name = name.filter(|name| {
            name.key.account_id == context.caller.account_id && name.key.region == context.caller.region
        });
        let not_there = || LambdaError::ResourceNotFound("The resource you requested does not exist.".into());
        let name = name.ok_or_else(not_there)?;
        let found = self.store.document::<LayerVersion>(&version_key(&name.key, name.version)).await?;
        Ok(self.shown(found.ok_or_else(not_there)?, context))
    }

    /// The versions of a layer, newest first; none for a layer that does not exist.
    pub(super) async fn list_layer_versions(
        &self,
        input: api::ListLayerVersionsRequest,
        context: &RequestContext,
    ) -> Result<api::ListLayerVersionsResponse, LambdaError> {
        let key = layer_key(input.layer_name.as_deref(), &context.caller)?;
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        let filter =
            Filter { runtime: input.compatible_runtime, architecture: input.compatible_architecture };
        let range = DocumentRange { parent: Some(key.name.clone()), ..range(&context.caller) };
        let mut versions = self.matching(range, &filter).await?;
        versions.reverse();
        if let Some(after) = page.after.as_deref().and_then(|after| after.parse::<u64>().ok()) {
            versions.retain(|version| version.version < after);
        }
        let next_marker = page.cut(&mut versions, |version| version.version.to_string());
        let layer_versions = versions.into_iter().map(listed).collect();
        Ok(api::ListLayerVersionsResponse { layer_versions: Some(layer_versions), next_marker })
    }

    /// The layers of the account, each with its newest version that matches.
    pub(super) async fn list_layers(
        &self,
        input: api::ListLayersRequest,
        context: &RequestContext,
    ) -> Result<api::ListLayersResponse, LambdaError> {
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        let filter =
            Filter { runtime: input.compatible_runtime, architecture: input.compatible_architecture };
        let mut newest: Vec<LayerVersion> = Vec::new();
        for version in self.matching(range(&context.caller), &filter).await? {
            match newest.last_mut() {
                Some(last) if last.key == version.key => *last = version,
                _ => newest.push(version),
            }
        }
        if let Some(after) = &page.after {
            newest.retain(|version| version.key.name > *after);
        }
        let next_marker = page.cut(&mut newest, |version| version.key.name.clone());
        let layers = newest.into_iter().map(|version| api::LayersListItem {
            layer_name: Some(version.key.name.clone()),
            layer_arn: Some(version.key.arn()),
            latest_matching_version: Some(listed(version)),
        });
        Ok(api::ListLayersResponse { layers: Some(layers.collect()), next_marker })
    }

    /// Takes a version away; one that is not there is no error.
    pub(super) async fn delete_layer_version(
        &self,
        input: api::DeleteLayerVersionRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let key = layer_key(input.layer_name.as_deref(), &context.caller)?;
        let version = version_number(input.version_number)?;
        self.store
            .transact(move |transaction| {
                transaction.delete_document::<LayerVersion>(&version_key(&key, version))?;
                transaction.delete_document::<LayerPolicy>(&version_key(&key, version))?;
                Ok(())
            })
            .await
    }

    /// Versions by layer and number, those that match.
    async fn matching(
        &self,
        range: DocumentRange,
        filter: &Filter,
    ) -> Result<Vec<LayerVersion>, LambdaError> {
        let versions = self.store.documents::<LayerVersion>(range).await?;
        Ok(versions
            .into_iter()
            .map(|(_, version)| version)
            .filter(|version| filter.matches(version))
            .collect())
    }

    fn shown(&self, version: LayerVersion, context: &RequestContext) -> api::GetLayerVersionResponse {
        let path = code_path(&version.code.sha256_hex);
        let expires = clock::unix_ms() / 1000 + signed_path::VALID_SECONDS;
        let location = format!("{}{path}?{}", context.base_url, self.signer.query(&path, expires));
        let (layer_arn, code) = (version.key.arn(), version.code.clone());
        let item = listed(version);
        api::GetLayerVersionResponse {
            content: Some(api::LayerVersionContentOutput {
                location: Some(location),
                code_sha256: Some(code.code_sha256),
                code_size: i64::try_from(code.code_size_bytes).ok(),
                ..Default::default()
            }),
            layer_arn: Some(layer_arn),
            layer_version_arn: item.layer_version_arn,
            // Recorded: empty, not absent, unlike in lists.
            description: Some(item.description.unwrap_or_default()),
            created_date: item.created_date,
            version: item.version,
            compatible_architectures: item.compatible_architectures,
            compatible_runtimes: item.compatible_runtimes,
            license_info: item.license_info,
        }
    }
}

/// What a list is narrowed to.
struct Filter {
    runtime: Option<String>,
    architecture: Option<String>,
}

impl Filter {
    fn matches(&self, version: &LayerVersion) -> bool {
        let is_in = |wanted: &Option<String>, list: &[String]| {
            wanted.as_ref().is_none_or(|wanted| list.contains(wanted))
        };
        is_in(&self.runtime, &version.compatible_runtimes)
            && is_in(&self.architecture, &version.compatible_architectures)
    }
}

/// A layer by its name, or by its ARN in the caller's account and Region.
pub(super) fn layer_key(name: Option<&str>, caller: &Caller) -> Result<LayerKey, LambdaError> {
    let name = name.unwrap_or_default();
    let own = format!("arn:aws:lambda:{}:{}:layer:", caller.region, caller.account_id);
    let name = match name.strip_prefix(&own) {
        Some(name) => name,
        None if name.contains(':') => {
            return Err(LambdaError::ResourceNotFound("The resource you requested does not exist.".into()));
        }
        None => name,
    };
    Ok(LayerKey { account_id: caller.account_id.clone(), region: caller.region.clone(), name: name.into() })
}

/// Recorded text for a number below one.
pub(super) fn version_number(number: Option<i64>) -> Result<u64, LambdaError> {
    let number = number.unwrap_or_default();
    u64::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| LambdaError::InvalidParameterValue("Layer Version Cannot be less than 1".into()))
}

/// Where a version is kept: in the order of the numbers.
pub(super) fn version_key(layer: &LayerKey, version: u64) -> DocumentKey {
    DocumentKey {
        account_id: layer.account_id.clone(),
        region: layer.region.clone(),
        parent: layer.name.clone(),
        name: format!("{version:010}"),
    }
}

fn counter_key(layer: &LayerKey) -> DocumentKey {
    DocumentKey { parent: String::new(), name: layer.name.clone(), ..version_key(layer, 0) }
}

fn range(caller: &Caller) -> DocumentRange {
    DocumentRange {
        account_id: caller.account_id.clone(),
        region: caller.region.clone(),
        ..DocumentRange::default()
    }
}

fn listed(version: LayerVersion) -> api::LayerVersionsListItem {
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    api::LayerVersionsListItem {
        layer_version_arn: Some(version.key.version_arn(version.version)),
        version: i64::try_from(version.version).ok(),
        description: Some(version.description).filter(|text| !text.is_empty()),
        created_date: Some(timestamp::last_modified(version.created_ms)),
        compatible_architectures: some(version.compatible_architectures),
        compatible_runtimes: some(version.compatible_runtimes),
        license_info: version.license_info,
    }
}
