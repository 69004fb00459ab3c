//! Custom domain names, and the mappings of their paths to stages of APIs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Document, DocumentKey, Transaction};

use super::{
    ApiGatewayV2, Handled, Registry,
    error::{bad_request, conflict, not_found},
    listing,
    record::{ApiRecord, Shape, key, new_id, taken, text},
};
use crate::{
    change::{ChangeError, of_store},
    service::ServiceContext,
    shape::defaults,
};

/// A domain name with its mappings, by their ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DomainRecord {
    /// `DomainName` of the model.
    pub domain: Shape,
    /// `ApiMapping` of the model.
    #[serde(default)]
    pub mappings: BTreeMap<String, Shape>,
}

impl Document for DomainRecord {
    const KIND: &'static str = "apigatewayv2/domain";
}

impl DomainRecord {
    /// Where a domain name of the caller's is kept.
    pub(crate) fn key(context: &ServiceContext, name: &str) -> DocumentKey {
        key(context, String::new(), &name.to_ascii_lowercase())
    }
}

fn no_domain() -> aws_api::error_response::ApiError {
    not_found("The domain name resource specified in the request was not found.")
}

fn no_mapping() -> aws_api::error_response::ApiError {
    not_found("The api mapping resource specified in the request was not found.")
}

impl ApiGatewayV2 {
    pub(super) async fn create_domain_name(
        &self,
        context: &ServiceContext,
        mut input: Shape,
    ) -> Handled<Shape> {
        let name = text(&input, "DomainName").to_owned();
        input = new_domain(&self.registry, context, input)?;
        let record = DomainRecord { domain: input.clone(), mappings: BTreeMap::new() };
        let key = DomainRecord::key(context, &name);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.document::<DomainRecord>(&key)? {
                Some(_) => Err(conflict("The domain name resource already exists.").into()),
                None => Ok(transaction.put_document(&key, &record)?),
            }
        };
        self.store.transact(change).await?;
        Ok(input)
    }

    pub(super) async fn get_domain_name(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        Ok(self.domain(context, &input).await?.domain)
    }

    pub(super) async fn get_domain_names(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let all = self.store.all_documents::<DomainRecord>().await.map_err(of_store)?;
        let own = all
            .into_iter()
            .filter(|(key, _)| key.account_id == context.account_id() && key.region == context.region);
        listing::page(&input, own.map(|(key, record)| (key.name, record.domain)).collect())
    }

    pub(super) async fn update_domain_name(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        self.change_domain(context, input, |record, input| {
            record.domain.extend(input);
            Ok(record.domain.clone())
        })
        .await
    }

    pub(super) async fn delete_domain_name(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let key = DomainRecord::key(context, text(&input, "DomainName"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.delete_document::<DomainRecord>(&key)? {
                true => Ok(()),
                false => Err(no_domain().into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn create_api_mapping(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        check_mapping_key(text(&input, "ApiMappingKey"))?;
        self.domain(context, &input).await?;
        self.check_mapped(context, &input)?;
        self.change_domain(context, input, |record, mut input| {
            check_free(record, &input, "")?;
            let id = new_id(6);
            input.remove("DomainName");
            input.insert("ApiMappingId".into(), id.clone().into());
            input.entry("ApiMappingKey").or_insert("".into());
            record.mappings.insert(id, input.clone());
            Ok(input)
        })
        .await
    }

    pub(super) async fn get_api_mapping(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let mut record = self.domain(context, &input).await?;
        record.mappings.remove(text(&input, "ApiMappingId")).ok_or_else(no_mapping)
    }

    pub(super) async fn get_api_mappings(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.domain(context, &input).await?;
        listing::page(&input, record.mappings.into_iter().collect())
    }

    pub(super) async fn update_api_mapping(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        check_mapping_key(text(&input, "ApiMappingKey"))?;
        self.check_mapped(context, &input)?;
        self.change_domain(context, input, |record, mut input| {
            let id = taken(&mut input, "ApiMappingId");
            check_free(record, &input, &id)?;
            input.remove("DomainName");
            let mapping = record.mappings.get_mut(&id).ok_or_else(no_mapping)?;
            mapping.extend(input);
            Ok(mapping.clone())
        })
        .await
    }

    pub(super) async fn delete_api_mapping(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        self.change_domain(context, input, |record, input| {
            record.mappings.remove(text(&input, "ApiMappingId")).map(drop).ok_or_else(no_mapping)
        })
        .await
    }

    async fn domain(&self, context: &ServiceContext, input: &Shape) -> Handled<DomainRecord> {
        let key = DomainRecord::key(context, text(input, "DomainName"));
        self.store.document(&key).await.map_err(of_store)?.ok_or_else(no_domain)
    }

    /// The API must be there, and its stage.
    fn check_mapped(&self, context: &ServiceContext, input: &Shape) -> Handled<()> {
        let api_id = text(input, "ApiId");
        let missing = "Invalid API identifier specified The resource specified in the request was not found.";
        let record: std::sync::Arc<ApiRecord> = self.api(context, api_id).map_err(|_| not_found(missing))?;
        let stage = text(input, "Stage");
        match stage.is_empty() || record.of("Stage").contains_key(stage) {
            true => Ok(()),
            false => Err(bad_request("Invalid stage identifier specified")),
        }
    }

    async fn change_domain<T: Send + 'static>(
        &self,
        context: &ServiceContext,
        input: Shape,
        change: impl FnOnce(&mut DomainRecord, Shape) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let key = DomainRecord::key(context, text(&input, "DomainName"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<T, ChangeError> {
            let mut record = transaction.document::<DomainRecord>(&key)?.ok_or_else(no_domain)?;
            let changed = change(&mut record, input)?;
            transaction.put_document(&key, &record)?;
            Ok(changed)
        };
        Ok(self.store.transact(change).await?)
    }
}

/// A domain name that nobody has, and what it is where a request does not say.
pub(crate) fn new_domain(registry: &Registry, context: &ServiceContext, mut domain: Shape) -> Handled<Shape> {
    let name = text(&domain, "DomainName").to_owned();
    if name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok() {
        return Err(bad_request("This name is the server's own"));
    }
    if registry.has_domain(&name) {
        return Err(conflict("The domain name resource already exists."));
    }
    let arn = format!("arn:{}:apigateway:{}::/domainnames/{name}", context.partition(), context.region);
    domain.insert("DomainNameArn".into(), arn.into());
    domain.insert("ApiMappingSelectionExpression".into(), "$request.basepath".into());
    defaults(&mut domain, json!({"DomainNameConfigurations": [], "MutualTlsAuthentication": {}, "Tags": {}}));
    Ok(domain)
}

fn check_mapping_key(key: &str) -> Handled<()> {
    if key.starts_with('/') || key.contains("//") {
        return Err(bad_request("API mapping key should not start with a '/' or have consecutive '/'s."));
    }
    if key.ends_with('/') {
        return Err(bad_request("API mapping key should not end with a '/'."));
    }
    Ok(())
}

fn check_free(record: &DomainRecord, input: &Shape, id: &str) -> Handled<()> {
    let mapped = text(input, "ApiMappingKey");
    let is_taken =
        |(other, mapping): (&String, &Shape)| other != id && text(mapping, "ApiMappingKey") == mapped;
    match input.contains_key("ApiMappingKey") || id.is_empty() {
        true if record.mappings.iter().any(is_taken) => {
            Err(conflict("ApiMapping key already exists for this domain name"))
        }
        _ => Ok(()),
    }
}
