//! API keys: who sends one may come to the stages that it is for. Usage plans come later, so that a key names its stages itself
//! (`stageKeys`).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Document, DocumentKey, Transaction};

use super::{
    ApiGateway, Handled,
    error::{bad_request, conflict, no_part},
    listing, patch,
    record::{Shape, defaults, key, new_id, seconds, shape, text},
};
use crate::{change::ChangeError, service::ServiceContext};

/// Characters of a key's value (API Gateway guide, "API keys").
const VALUE_CHARACTERS: std::ops::RangeInclusive<usize> = 20..=128;
const MEMBERS: [&str; 5] = ["name", "description", "enabled", "customerId", "stages"];

/// A key: `ApiKey` of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ApiKeyRecord(pub Shape);

impl Document for ApiKeyRecord {
    const KIND: &'static str = "apigateway/api-key";
}

pub(super) fn api_key_key(context: &ServiceContext, id: &str) -> DocumentKey {
    key(context, String::new(), id)
}

impl ApiGateway {
    pub(super) async fn create_api_key(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let record = self.new_key(context, input)?;
        let kept = record.clone();
        let key = api_key_key(context, text(&record, "id"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            Ok(transaction.put_document(&key, &ApiKeyRecord(kept))?)
        };
        self.store.transact(change).await?;
        Ok(record)
    }

    fn new_key(&self, context: &ServiceContext, mut input: Shape) -> Handled<Shape> {
        let stages = input.remove("stageKeys").unwrap_or_default();
        let stages: Vec<String> = stages
            .as_array()
            .into_iter()
            .flatten()
            .map(|stage| {
                let text = |member: &str| stage[member].as_str().unwrap_or_default().to_owned();
                format!("{}/{}", text("restApiId"), text("stageName"))
            })
            .collect();
        self.check_stages(context, &stages)?;
        input.remove("generateDistinctId");
        input.insert("stageKeys".into(), json!(stages));
        defaults(
            &mut input,
            json!({
                "value": new_id(40), "enabled": false, "createdDate": seconds(context.now_ms),
                "lastUpdatedDate": seconds(context.now_ms),
            }),
        );
        input.insert("id".into(), new_id(10).into());
        let value = text(&input, "value");
        if !VALUE_CHARACTERS.contains(&value.chars().count()) {
            return Err(bad_request(match value.len() < *VALUE_CHARACTERS.start() {
                true => "API Key value should be at least 20 characters",
                false => "API Key value should be at most 128 characters",
            }));
        }
        match self.registry.has_key_value(value) {
            true => Err(conflict("API Key already exists")),
            false => Ok(input),
        }
    }

    fn check_stages(&self, context: &ServiceContext, stages: &[String]) -> Handled<()> {
        for stage in stages {
            let (api_id, name) = stage.split_once('/').unwrap_or((stage, ""));
            if !self.api(context, api_id)?.stages.contains_key(name) {
                return Err(bad_request("Invalid stage identifier specified"));
            }
        }
        Ok(())
    }

    pub(super) async fn get_api_key(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let found = self.registry.api_key(&api_key_key(context, text(&input, "apiKey")));
        let found = found.ok_or_else(|| no_part("ApiKey"))?;
        Ok(shown(found, input.get("includeValue") == Some(&Value::Bool(true))))
    }

    pub(super) async fn get_api_keys(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let (name, customer) = (text(&input, "nameQuery"), text(&input, "customerId"));
        let with_values = input.get("includeValues") == Some(&Value::Bool(true));
        let all = self.registry.api_keys(context.account_id(), &context.region);
        let wanted = all.into_iter().filter(|key| {
            text(key, "name").starts_with(name)
                && (customer.is_empty() || text(key, "customerId") == customer)
        });
        let named = wanted.map(|key| (text(&key, "id").to_owned(), shown(key, with_values)));
        listing::page(&input, named.collect())
    }

    pub(super) async fn update_api_key(&self, context: &ServiceContext, input: Shape) -> Handled<Shape> {
        let operations = patch::operations(&input)?;
        for operation in operations.iter().filter(|it| it.path.first().is_some_and(|it| it == "stages")) {
            if operation.op == "add" {
                self.check_stages(context, &[operation.value()?.to_owned()])?;
            }
        }
        let (key, now_ms) = (api_key_key(context, text(&input, "apiKey")), context.now_ms);
        let change = move |transaction: &mut Transaction<'_>| -> Result<Shape, ChangeError> {
            let ApiKeyRecord(mut record) = transaction.document(&key)?.ok_or_else(|| no_part("ApiKey"))?;
            // Operations call `stages` what the model calls `stageKeys`.
            let stages = record.remove("stageKeys").unwrap_or(json!([]));
            record.insert("stages".into(), stages);
            patch::apply(&mut record, &operations, &MEMBERS)?;
            let stages = record.remove("stages").unwrap_or(json!([]));
            record.insert("stageKeys".into(), stages);
            record.insert("lastUpdatedDate".into(), seconds(now_ms));
            transaction.put_document(&key, &ApiKeyRecord(record.clone()))?;
            Ok(shown(record, false))
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn delete_api_key(&self, context: &ServiceContext, input: Shape) -> Handled<()> {
        let key = api_key_key(context, text(&input, "apiKey"));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.delete_document::<ApiKeyRecord>(&key)? {
                true => Ok(()),
                false => Err(no_part("ApiKey").into()),
            }
        };
        Ok(self.store.transact(change).await?)
    }

    /// Keys from a table: `name,key,description,enabled,usageplanIds` (API Gateway guide, "API key file format").
    pub(super) async fn import_api_keys(
        &self,
        context: &ServiceContext,
        input: Shape,
        body: Bytes,
    ) -> Handled<Shape> {
        let mut rows = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(&body[..]);
        let wrong = |_| bad_request("The file of API keys cannot be read");
        let titles: Vec<String> = rows.headers().map_err(wrong)?.iter().map(str::to_lowercase).collect();
        if !["name", "key"].iter().all(|needed| titles.iter().any(|title| title == needed)) {
            return Err(bad_request("The file of API keys needs the columns name and key"));
        }
        let (mut keys, mut warnings) = (Vec::new(), Vec::new());
        for row in rows.records() {
            let row = row.map_err(wrong)?;
            let cell = |title: &str| {
                titles.iter().position(|known| known == title).and_then(|at| row.get(at)).unwrap_or_default()
            };
            let given = json!({
                "name": cell("name"), "value": cell("key"), "description": cell("description"),
                "enabled": !cell("enabled").eq_ignore_ascii_case("false"),
            });
            let is_twice = keys.iter().any(|key: &Shape| text(key, "value") == cell("key"));
            match self.new_key(context, shape(given)) {
                Ok(_) if is_twice => warnings.push(format!("{}: API Key already exists", cell("name"))),
                Ok(key) => keys.push(key),
                Err(error) => warnings.push(format!("{}: {}", cell("name"), error.message)),
            }
        }
        if input.get("failOnWarnings") == Some(&Value::Bool(true)) && !warnings.is_empty() {
            return Err(bad_request(format!("Failed to import API keys: {}", warnings.join("; "))));
        }
        let ids: Vec<String> = keys.iter().map(|key| text(key, "id").to_owned()).collect();
        let named: Vec<_> = keys.into_iter().map(|it| (api_key_key(context, text(&it, "id")), it)).collect();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            for (key, record) in named {
                transaction.put_document(&key, &ApiKeyRecord(record))?;
            }
            Ok(())
        };
        self.store.transact(change).await?;
        Ok(shape(json!({"ids": ids, "warnings": warnings})))
    }
}

fn shown(mut key: Shape, with_value: bool) -> Shape {
    if !with_value {
        key.remove("value");
    }
    key
}
