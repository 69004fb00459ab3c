//! Operations on archives.

use aws_api::{error_response::ApiError, generated::events::types};
use serde_json::{Value, json};
use store::{DocumentKey, StoreError, TableTransaction, TableView, Transaction};

use super::{
    super::{
        EventBridge, Handled,
        bus::{BusKey, BusRecord, DEFAULT, RuleRecord},
        buses::page,
        error::{exists, invalid, invalid_pattern, no_bus, not_found},
        named::{document, range, seconds},
        rules::check_pattern,
    },
    ArchiveRecord, arn, rule_name, target_arn,
};
use crate::{
    change::{ChangeError, of_store},
    service::{ServiceContext, not_implemented},
};

impl EventBridge {
    pub(in super::super) async fn create_archive(
        &self,
        context: &ServiceContext,
        input: types::CreateArchiveRequest,
    ) -> Handled<types::CreateArchiveResponse> {
        refuse_keys(input.kms_key_identifier.as_ref())?;
        input.event_pattern.as_deref().map(check).transpose()?;
        let source_arn = input.event_source_arn.unwrap_or_default();
        let bus = BusKey::asked(context, Some(&source_arn));
        let (key, now_ms) = (document(context, &input.archive_name.unwrap_or_default()), context.now_ms);
        let archive_arn = arn("archive", &key);
        // A number that is never used again, also where the archive is not made in the end.
        let new_space = |transaction: &mut TableTransaction<'_>| transaction.new_space();
        let space = self.store.tables().transact(new_space, |_| {}).await.map_err(of_store)?;
        let record = ArchiveRecord {
            created_ms: now_ms,
            source_arn,
            description: input.description,
            event_pattern: input.event_pattern,
            retention_days: input.retention_days.unwrap_or(0),
            space,
        };
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if bus.name != DEFAULT && transaction.document::<BusRecord>(&bus.document())?.is_none() {
                return Err(no_bus(&bus.name).into());
            }
            if transaction.document::<ArchiveRecord>(&key)?.is_some() {
                return Err(exists(format!("Archive {} already exists.", key.name)).into());
            }
            transaction
                .put_document(&bus.rule_document(&rule_name(&key.name)), &rule(&bus, &key, &record))?;
            Ok(transaction.put_document(&key, &record)?)
        };
        let made = self.store.transact(change).await;
        if let Err(error) = made {
            self.forget(space).await?;
            return Err(error.into());
        }
        Ok(types::CreateArchiveResponse {
            archive_arn: Some(archive_arn),
            state: Some("ENABLED".to_owned()),
            state_reason: None,
            creation_time: Some(seconds(now_ms)),
        })
    }

    pub(in super::super) async fn describe_archive(
        &self,
        context: &ServiceContext,
        input: types::DescribeArchiveRequest,
    ) -> Handled<types::DescribeArchiveResponse> {
        let key = document(context, &input.archive_name.unwrap_or_default());
        let record = self.archive(&key).await?;
        let (events, bytes) = self.count(record.space).await?;
        Ok(types::DescribeArchiveResponse {
            archive_arn: Some(arn("archive", &key)),
            archive_name: Some(key.name),
            event_source_arn: Some(record.source_arn),
            description: record.description,
            event_pattern: record.event_pattern,
            state: Some("ENABLED".to_owned()),
            retention_days: Some(record.retention_days),
            size_bytes: Some(bytes),
            event_count: Some(events),
            creation_time: Some(seconds(record.created_ms)),
            ..Default::default()
        })
    }

    pub(in super::super) async fn list_archives(
        &self,
        context: &ServiceContext,
        input: types::ListArchivesRequest,
    ) -> Handled<types::ListArchivesResponse> {
        let filters = [input.name_prefix.is_some(), input.event_source_arn.is_some(), input.state.is_some()];
        if filters.into_iter().filter(|is_there| *is_there).count() > 1 {
            return Err(invalid(
                "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix.",
            ));
        }
        let all = self.store.documents::<ArchiveRecord>(range(context)).await.map_err(of_store)?;
        let is_wanted = |key: &DocumentKey, record: &ArchiveRecord| {
            input.name_prefix.as_ref().is_none_or(|prefix| key.name.starts_with(prefix))
                && input.event_source_arn.as_ref().is_none_or(|source| *source == record.source_arn)
                && input.state.as_ref().is_none_or(|state| state == "ENABLED")
        };
        let mut named = Vec::new();
        for (key, record) in all.into_iter().filter(|(key, record)| is_wanted(key, record)) {
            let (events, bytes) = self.count(record.space).await?;
            let shown = types::Archive {
                archive_name: Some(key.name.clone()),
                event_source_arn: Some(record.source_arn),
                state: Some("ENABLED".to_owned()),
                state_reason: None,
                retention_days: Some(record.retention_days),
                size_bytes: Some(bytes),
                event_count: Some(events),
                creation_time: Some(seconds(record.created_ms)),
            };
            named.push((key.name, shown));
        }
        let (archives, next_token) = page(named, input.limit, input.next_token.as_deref())?;
        Ok(types::ListArchivesResponse { archives: Some(archives), next_token })
    }

    pub(in super::super) async fn update_archive(
        &self,
        context: &ServiceContext,
        input: types::UpdateArchiveRequest,
    ) -> Handled<types::UpdateArchiveResponse> {
        refuse_keys(input.kms_key_identifier.as_ref())?;
        input.event_pattern.as_deref().map(check).transpose()?;
        let key = document(context, &input.archive_name.unwrap_or_default());
        let archive_arn = arn("archive", &key);
        let bus_of = |record: &ArchiveRecord| BusKey::asked(context, Some(&record.source_arn));
        let bus = bus_of(&self.archive(&key).await?);
        let change = move |transaction: &mut Transaction<'_>| -> Result<i64, ChangeError> {
            let found = transaction.document::<ArchiveRecord>(&key)?;
            let mut record = found.ok_or_else(|| no_archive(&key.name))?;
            record.description = input.description.or(record.description.take());
            record.event_pattern = input.event_pattern.or(record.event_pattern.take());
            record.retention_days = input.retention_days.unwrap_or(record.retention_days);
            transaction
                .put_document(&bus.rule_document(&rule_name(&key.name)), &rule(&bus, &key, &record))?;
            transaction.put_document(&key, &record)?;
            Ok(record.created_ms)
        };
        let created_ms = self.store.transact(change).await?;
        Ok(types::UpdateArchiveResponse {
            archive_arn: Some(archive_arn),
            state: Some("ENABLED".to_owned()),
            state_reason: None,
            creation_time: Some(seconds(created_ms)),
        })
    }

    pub(in super::super) async fn delete_archive(
        &self,
        context: &ServiceContext,
        input: types::DeleteArchiveRequest,
    ) -> Handled<types::DeleteArchiveResponse> {
        let key = document(context, &input.archive_name.unwrap_or_default());
        let record = self.archive(&key).await?;
        let bus = BusKey::asked(context, Some(&record.source_arn));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            transaction.delete_document::<RuleRecord>(&bus.rule_document(&rule_name(&key.name)))?;
            transaction.delete_document::<ArchiveRecord>(&key)?;
            Ok(())
        };
        self.store.transact(change).await?;
        self.forget(record.space).await?;
        Ok(types::DeleteArchiveResponse {})
    }

    /// An archive that must be there.
    pub(super) async fn archive(&self, key: &DocumentKey) -> Handled<ArchiveRecord> {
        let found = self.store.document::<ArchiveRecord>(key).await.map_err(of_store)?;
        found.ok_or_else(|| no_archive(&key.name))
    }

    /// Events, and their bytes.
    async fn count(&self, space: i64) -> Handled<(i64, i64)> {
        let count = move |view: &TableView<'_>| -> Result<(i64, i64), StoreError> { view.count(space) };
        self.store.tables().read(count).await.map_err(of_store)
    }

    async fn forget(&self, space: i64) -> Handled<()> {
        let delete = move |transaction: &mut TableTransaction<'_>| transaction.delete_space(space);
        self.store.tables().transact(delete, |()| {}).await.map_err(of_store)
    }
}

/// The rule that brings events into an archive, as AWS shows it: what was replayed does not come again.
fn rule(bus: &BusKey, key: &DocumentKey, record: &ArchiveRecord) -> RuleRecord {
    let pattern = record.event_pattern.as_deref().and_then(|pattern| serde_json::from_str(pattern).ok());
    let mut pattern: Value = pattern.unwrap_or_else(|| json!({}));
    pattern["replay-name"] = json!([{"exists": false}]);
    // An archive of the same name that is made later gets nothing of this one.
    let archive = format!("{}:{}", arn("archive", key), record.space);
    let transformer = types::InputTransformer {
        input_paths_map: Some(Default::default()),
        input_template: Some(format!(
            "{{\"archive-arn\": \"{archive}\", \"event\": <aws.events.event.json>, \"ingestion-time\": <aws.events.event.ingestion-time>}}"
        )),
    };
    let target = types::Target {
        id: Some(rule_name(&key.name)),
        arn: Some(target_arn(bus)),
        input_transformer: Some(transformer),
        ..types::Target::default()
    };
    RuleRecord {
        event_pattern: Some(pattern.to_string()),
        state: "ENABLED".to_owned(),
        targets: [(rule_name(&key.name), target)].into(),
        archive: Some(archive),
        ..RuleRecord::default()
    }
}

/// As of a rule, in the words that are for archives (recorded by moto's tests).
fn check(pattern: &str) -> Handled<()> {
    let read: Value = serde_json::from_str(pattern).map_err(|_| invalid_pattern("Invalid JSON"))?;
    if let Some(field) = neither(&read) {
        return Err(invalid_pattern(&format!("'{field}' must be an object or an array")));
    }
    check_pattern(pattern).map(drop)
}

/// A field of a pattern that is neither an object nor an array.
fn neither(pattern: &Value) -> Option<&str> {
    pattern.as_object()?.iter().find_map(|(name, value)| match value {
        Value::Object(_) => neither(value),
        Value::Array(_) => None,
        _ => Some(name.as_str()),
    })
}

fn refuse_keys(key: Option<&String>) -> Handled<()> {
    match key.filter(|key| !key.is_empty()) {
        Some(_) => Err(not_implemented("EventBridge", "archives that KMS encrypts")),
        None => Ok(()),
    }
}

fn no_archive(name: &str) -> ApiError {
    not_found(format!("Archive {name} does not exist."))
}
