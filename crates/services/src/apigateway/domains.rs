//! Custom domain names and base path mappings: those of the other generation of the service, in this one's words. What only this one has
//! is kept beside.

use serde_json::{Value, json};

use super::{
    ApiGateway, Handled,
    error::{bad_request, conflict, no_part},
    listing, patch,
    record::{Shape, defaults, new_id, shape, text},
};
use crate::{
    apigatewayv2::domains::{DomainRecord, new_domain},
    change::{ChangeError, of_store},
    service::ServiceContext,
};
use store::Transaction;

/// What a mapping of all paths is called.
const NO_PATH: &str = "(none)";
/// Where what is only of this generation is kept; no member of the other's model, so that nobody sees it there.
const OWN: &str = "RestDomainName";

impl ApiGateway {
    pub(super) async fn create_domain_name(
        &self,
        context: &ServiceContext,
        mut input: Shape,
    ) -> Handled<Shape> {
        let name = text(&input, "domainName").to_owned();
        if name.is_empty() {
            return Err(bad_request("No Domain Name specified"));
        }
        for secret in ["certificateBody", "certificatePrivateKey", "certificateChain"] {
            input.remove(secret);
        }
        let tags = input.get("tags").cloned().unwrap_or(json!({}));
        let mut domain = shape(json!({"DomainName": name, "Tags": tags}));
        domain.insert(OWN.into(), input.into());
        let domain = new_domain(&self.domains, context, domain)?;
        let (key, record) =
            (DomainRecord::key(context, &name), DomainRecord { domain, mappings: Default::default() });
        let made = shown(&record, context);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.document::<DomainRecord>(&key)? {
                Some(_) => Err(conflict("The domain name you provided already exists.").into()),
                None => Ok(transaction.put_document(&key, &record)?),
            }
        };
        self.store.transact(change).await?;
        Ok(made)
    }

    pub(super) async fn get_domain_name(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        Ok(shown(&self.domain(context, &input).await?, context))
    }

    pub(super) async fn get_domain_names(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let all = self.store.all_documents::<DomainRecord>().await.map_err(of_store)?;
        let own = all
            .into_iter()
            .filter(|(key, _)| key.account_id == context.account_id() && key.region == context.region);
        listing::page(&input, own.map(|(key, record)| (key.name, shown(&record, context))).collect())
    }

    pub(super) async fn update_domain_name(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        const MEMBERS: [&str; 9] = [
            "certificateName",
            "certificateArn",
            "regionalCertificateName",
            "regionalCertificateArn",
            "endpointConfiguration",
            "securityPolicy",
            "mutualTlsAuthentication",
            "ownershipVerificationCertificateArn",
            "policy",
        ];
        let operations = patch::operations(&input)?;
        let (caller, now) = (context.clone(), input.clone());
        self.change_domain(context, &now, move |record| {
            let own = record.domain.entry(OWN).or_insert(json!({}));
            if let Value::Object(own) = own {
                patch::apply(own, &operations, &MEMBERS)?;
            }
            Ok(shown(record, &caller))
        })
        .await
    }

    pub(super) async fn delete_domain_name(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let key = DomainRecord::key(context, text(&input, "domainName"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.delete_document::<DomainRecord>(&key)? {
                true => Ok(()),
                false => Err(no_part("DomainName").into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn create_base_path_mapping(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        self.domain(context, &input).await?;
        self.check_mapped(context, &input)?;
        let asked = input.clone();
        self.change_domain(context, &asked, move |record| {
            let path = key_of(text(&input, "basePath"));
            check_path(&path)?;
            if mapping_of(record, &path).is_some() {
                return Err(conflict("Base path already exists for this domain name"));
            }
            let id = new_id(6);
            let mapping = shape(json!({
                "ApiMappingId": id, "ApiMappingKey": path, "ApiId": text(&input, "restApiId"),
                "Stage": text(&input, "stage"),
            }));
            let made = mapping_shown(&mapping);
            record.mappings.insert(id, mapping);
            Ok(made)
        })
        .await
    }

    pub(super) async fn get_base_path_mapping(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let record = self.domain(context, &input).await?;
        let id = mapping_of(&record, &key_of(text(&input, "basePath")));
        id.map(|id| mapping_shown(&record.mappings[&id])).ok_or_else(|| no_part("BasePathMapping"))
    }

    pub(super) async fn get_base_path_mappings(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let record = self.domain(context, &input).await?;
        let named = record.mappings.values().map(mapping_shown);
        listing::page(&input, named.map(|it| (text(&it, "basePath").to_owned(), it)).collect())
    }

    pub(super) async fn update_base_path_mapping(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        let before = self.get_base_path_mapping(context, input.clone()).await?;
        let mut after = before.clone();
        // Operations call it otherwise than the model does.
        let api_id = after.get("restApiId").cloned().unwrap_or_default();
        after.insert("restapiId".into(), api_id);
        patch::apply(&mut after, &operations, &["basePath", "restapiId", "stage"])?;
        let api_id = after.remove("restapiId").unwrap_or_default();
        after.insert("restApiId".into(), api_id);
        self.check_mapped(context, &after)?;
        self.change_domain(context, &input, move |record| {
            let (old, new) = (key_of(text(&before, "basePath")), key_of(text(&after, "basePath")));
            check_path(&new)?;
            if old != new && mapping_of(record, &new).is_some() {
                return Err(conflict("Base path already exists for this domain name"));
            }
            let id = mapping_of(record, &old).ok_or_else(|| no_part("BasePathMapping"))?;
            let mapping = record.mappings.entry(id).or_default();
            mapping.insert("ApiMappingKey".into(), new.into());
            mapping.insert("ApiId".into(), text(&after, "restApiId").into());
            mapping.insert("Stage".into(), text(&after, "stage").into());
            Ok(mapping_shown(mapping))
        })
        .await
    }

    pub(super) async fn delete_base_path_mapping(
        &self,
        context: &ServiceContext,
        input: Shape,
    ) -> Handled<()> {
        let asked = input.clone();
        self.change_domain(context, &asked, move |record| {
            let id = mapping_of(record, &key_of(text(&input, "basePath")));
            let id = id.ok_or_else(|| no_part("BasePathMapping"))?;
            record.mappings.remove(&id);
            Ok(())
        })
        .await
    }

    async fn domain(&self, context: &ServiceContext, input: &Shape) -> Handled<DomainRecord> {
        let key = DomainRecord::key(context, text(input, "domainName"));
        self.store.document(&key).await.map_err(of_store)?.ok_or_else(|| no_part("DomainName"))
    }

    /// The API must be there, and its stage.
    fn check_mapped(&self, context: &ServiceContext, input: &Shape) -> Handled<()> {
        let record = self.api(context, text(input, "restApiId"));
        let record = record.map_err(|_| bad_request("Invalid REST API identifier specified"))?;
        let stage = text(input, "stage");
        match stage.is_empty() || record.stages.contains_key(stage) {
            true => Ok(()),
            false => Err(bad_request("Invalid stage identifier specified")),
        }
    }

    async fn change_domain<T: Send + 'static>(
        &self,
        context: &ServiceContext,
        input: &Shape,
        change: impl FnOnce(&mut DomainRecord) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let key = DomainRecord::key(context, text(input, "domainName"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<T, ChangeError> {
            let mut record =
                transaction.document::<DomainRecord>(&key)?.ok_or_else(|| no_part("DomainName"))?;
            let changed = change(&mut record)?;
            transaction.put_document(&key, &record)?;
            Ok(changed)
        };
        Ok(self.store.transact(change).await?)
    }
}

fn key_of(path: &str) -> String {
    if path == NO_PATH { String::new() } else { path.to_owned() }
}

fn check_path(path: &str) -> Handled<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"$-_.+!*'()/".contains(&byte);
    match path.bytes().all(is_plain) && !path.starts_with('/') && !path.ends_with('/') {
        true => Ok(()),
        false => Err(bad_request(
            "API Gateway V1 doesn't support the slash character (/) in base path mappings. \
             To create a multi-level base path mapping, use API Gateway V2.",
        )),
    }
}

fn mapping_of(record: &DomainRecord, path: &str) -> Option<String> {
    let mut all = record.mappings.iter();
    all.find(|(_, mapping)| text(mapping, "ApiMappingKey") == path).map(|(id, _)| id.clone())
}

fn mapping_shown(mapping: &Shape) -> Shape {
    let key = text(mapping, "ApiMappingKey");
    let path = if key.is_empty() { NO_PATH } else { key };
    let mut shown = shape(json!({"basePath": path, "restApiId": text(mapping, "ApiId")}));
    if !text(mapping, "Stage").is_empty() {
        shown.insert("stage".into(), text(mapping, "Stage").into());
    }
    shown
}

/// `DomainName` of this generation's model.
fn shown(record: &DomainRecord, context: &ServiceContext) -> Shape {
    let name = text(&record.domain, "DomainName");
    let mut domain = record.domain.get(OWN).and_then(Value::as_object).cloned().unwrap_or_default();
    defaults(
        &mut domain,
        json!({
            "domainName": name, "domainNameStatus": "AVAILABLE", "securityPolicy": "TLS_1_2",
            "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        }),
    );
    domain.insert("tags".into(), record.domain.get("Tags").cloned().unwrap_or(json!({})));
    let arn = format!("arn:{}:apigateway:{}::/domainnames/{name}", context.partition(), context.region);
    domain.insert("domainNameArn".into(), arn.into());
    let types = domain.get("endpointConfiguration").and_then(|it| it.get("types"));
    let is_regional =
        types.and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == "REGIONAL"));
    // Clients come by the name itself, whatever it is an alias of.
    match is_regional {
        true => domain.insert("regionalDomainName".into(), name.into()),
        false => domain.insert("distributionDomainName".into(), name.into()),
    };
    domain
}
