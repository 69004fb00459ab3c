//! Backups of tables: what was in one, its indexes included, in spaces of the backup's own.
//!
//! A backup is made in one transaction, which copies every row: whoever writes to tables waits meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use aws_api::{error_response::ApiError, generated::dynamodb::types, request_id};
use serde::{Deserialize, Serialize};
use store::{TableKey, TableTransaction, TableView};

use super::{
    DynamoDb, Handled,
    describe::{description, elements},
    error::{invalid, table_not_found},
    record::{IndexRecord, Restored, TableRecord, encode, found_in, table_arn, table_key},
};
use crate::{change::ChangeError, service::ServiceContext};

/// Backups of a page, where the request says nothing.
const PAGE: usize = 100;

/// A backup as it is kept.
#[derive(Serialize, Deserialize)]
struct BackupRecord {
    name: String,
    created_ms: i64,
    /// The table's name.
    table: String,
    /// What the table was; its spaces are the backup's.
    record: TableRecord,
    items: i64,
    bytes: i64,
}

impl DynamoDb {
    pub(super) async fn create_backup(
        &self,
        context: &ServiceContext,
        input: types::CreateBackupInput,
    ) -> Handled<types::CreateBackupOutput> {
        let key = table_key(context, input.table_name.as_deref());
        if key.account_id != context.account_id() {
            return Err(table_not_found(&key.name));
        }
        let (name, now_ms) = (input.backup_name.unwrap_or_default(), context.now_ms);
        // Such as `01623095754481-2cfcd6f9`.
        let id = format!("{now_ms:014}-{}", &request_id::new()[..8]);
        let arn = format!("{}/backup/{id}", table_arn(&key));
        let kept = arn.clone();
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<BackupRecord, ChangeError> {
            let record = found_in(transaction, &key)?.filter(|table| !table.is_importing);
            let mut record = record.ok_or_else(|| table_not_found(&key.name))?;
            let (items, bytes) = transaction.count(record.space)?;
            copy_spaces(transaction, &mut record)?;
            let backup = BackupRecord { name, created_ms: now_ms, table: key.name, record, items, bytes };
            transaction.put_backup(&kept, &serde_json::to_vec(&backup).map_err(|error| failed(&error))?)?;
            Ok(backup)
        };
        let backup = self.tables.transact(change, |_| {}).await?;
        Ok(types::CreateBackupOutput { backup_details: Some(details(&arn, &backup, "CREATING")) })
    }

    pub(super) async fn describe_backup(
        &self,
        context: &ServiceContext,
        input: types::DescribeBackupInput,
    ) -> Handled<types::DescribeBackupOutput> {
        let arn = input.backup_arn.unwrap_or_default();
        let (asked, account_id) = (arn.clone(), context.account_id().to_owned());
        let read = move |view: &TableView<'_>| backup_in(view, &asked, &account_id);
        let backup = self.tables.read(read).await?;
        Ok(types::DescribeBackupOutput { backup_description: Some(described(&arn, &backup, "AVAILABLE")) })
    }

    pub(super) async fn delete_backup(
        &self,
        context: &ServiceContext,
        input: types::DeleteBackupInput,
    ) -> Handled<types::DeleteBackupOutput> {
        let arn = input.backup_arn.unwrap_or_default();
        let (asked, account_id) = (arn.clone(), context.account_id().to_owned());
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<BackupRecord, ChangeError> {
            let backup = backup_in(transaction, &asked, &account_id)?;
            for space in backup.record.spaces() {
                transaction.delete_space(space)?;
            }
            transaction.delete_backup(&asked)?;
            Ok(backup)
        };
        let backup = self.tables.transact(change, |_| {}).await?;
        Ok(types::DeleteBackupOutput { backup_description: Some(described(&arn, &backup, "DELETED")) })
    }

    pub(super) async fn list_backups(
        &self,
        context: &ServiceContext,
        input: types::ListBackupsInput,
    ) -> Handled<types::ListBackupsOutput> {
        let all = self.tables.read(|view: &TableView<'_>| view.backups()).await;
        let all = all.map_err(crate::change::of_store)?;
        let of_table = input.table_name.as_deref().map(|name| table_key(context, Some(name)));
        let mut found = Vec::new();
        for (arn, bytes) in all {
            let backup = read(&bytes).map_err(ApiError::from)?;
            let key = table_of(&arn).filter(|key| {
                key.account_id == context.account_id()
                    && key.region == context.region
                    && of_table.as_ref().is_none_or(|wanted| wanted == key)
            });
            let Some(key) = key.filter(|_| is_wanted(&input, backup.created_ms)) else { continue };
            found.push((arn, key, backup));
        }
        // In the order in which they were made; each goes on behind the one that a request names.
        found.sort_by(|(one_arn, _, one), (other_arn, _, other)| {
            (one.created_ms, one_arn).cmp(&(other.created_ms, other_arn))
        });
        let start = input.exclusive_start_backup_arn.as_ref();
        let after = start
            .and_then(|start| found.iter().position(|(arn, ..)| arn == start))
            .map_or(0, |place| place + 1);
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
        let rest = found.get(after..).unwrap_or_default();
        let page = rest.get(..limit.min(rest.len())).unwrap_or_default();
        let last = page.last().filter(|_| rest.len() > page.len()).map(|(arn, ..)| arn.clone());
        Ok(types::ListBackupsOutput {
            backup_summaries: Some(page.iter().map(summary).collect()),
            last_evaluated_backup_arn: last,
        })
    }

    pub(super) async fn restore_table_from_backup(
        &self,
        context: &ServiceContext,
        input: types::RestoreTableFromBackupInput,
    ) -> Handled<types::RestoreTableFromBackupOutput> {
        let key = table_key(context, input.target_table_name.as_deref());
        let (named, account_id, now_ms) = (key.clone(), context.account_id().to_owned(), context.now_ms);
        let arn = input.backup_arn.unwrap_or_default();
        let overrides = Overrides {
            billing_mode: input.billing_mode_override,
            throughput: input.provisioned_throughput_override,
            on_demand_throughput: input.on_demand_throughput_override,
            global: input.global_secondary_index_override,
            local: input.local_secondary_index_override,
        };
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<_, ChangeError> {
            let backup = backup_in(transaction, &arn, &account_id)?;
            if found_in(transaction, &named)?.is_some() {
                return Err(exists(&named.name).into());
            }
            let source = table_of(&arn).map(|key| table_arn(&key)).unwrap_or_default();
            let mut record = new_table(backup.record, overrides, now_ms)?;
            record.restored = Some(Restored { backup_arn: Some(arn), table_arn: source, at_ms: None });
            copy_spaces(transaction, &mut record)?;
            finished(transaction, &named, record)
        };
        let (record, counts) = self.tables.transact(change, |_| {}).await?;
        let table = description(&key, &record, "CREATING", &counts);
        Ok(types::RestoreTableFromBackupOutput { table_description: Some(table) })
    }
}

/// What a request has otherwise than the table that is restored.
pub(super) struct Overrides {
    pub billing_mode: Option<String>,
    pub throughput: Option<types::ProvisionedThroughput>,
    pub on_demand_throughput: Option<types::OnDemandThroughput>,
    /// Those that are left, by their names.
    pub global: Option<Vec<types::GlobalSecondaryIndex>>,
    pub local: Option<Vec<types::LocalSecondaryIndex>>,
}

/// The table of a backup as a new one: policies, tags, streams and what says when items expire do not come with it.
pub(super) fn new_table(record: TableRecord, overrides: Overrides, now_ms: i64) -> Handled<TableRecord> {
    let mut record = TableRecord {
        id: request_id::new(),
        created_ms: now_ms,
        tags: BTreeMap::new(),
        expiry: None,
        stream: None,
        policy: None,
        history: None,
        is_importing: false,
        ..record
    };
    record.settings.is_protected = false;
    record.settings.set_throughput(overrides.billing_mode, overrides.throughput)?;
    let on_demand_throughput = &mut record.settings.on_demand_throughput;
    *on_demand_throughput = overrides.on_demand_throughput.or(on_demand_throughput.take());
    let global = overrides.global;
    let global =
        global.map(|all| all.into_iter().map(|index| index.index_name.unwrap_or_default()).collect());
    let local = overrides.local;
    let local = local.map(|all| all.into_iter().map(|index| index.index_name.unwrap_or_default()).collect());
    keep(&mut record.global, global)?;
    keep(&mut record.local, local)?;
    let used: BTreeSet<String> = {
        let keys = record.key.attributes().chain(record.indexes().flat_map(|index| index.key.attributes()));
        keys.map(|attribute| attribute.name.clone()).collect()
    };
    record.attributes.retain(|attribute| used.contains(&attribute.name));
    Ok(record)
}

/// Rows of each space, and their bytes.
type Counts = BTreeMap<i64, (i64, i64)>;

/// Keeps a restored table; with what there is in its spaces.
pub(super) fn finished(
    transaction: &mut TableTransaction<'_>,
    key: &TableKey,
    record: TableRecord,
) -> Result<(TableRecord, Counts), ChangeError> {
    transaction.put_table(key, &encode(&record)?)?;
    let counted = |space| Ok::<_, ChangeError>((space, transaction.count(space)?));
    let counts = record.spaces().map(counted).collect::<Result<_, _>>()?;
    Ok((record, counts))
}

/// Keeps only indexes that a request names, which the table must have had; all where it says nothing.
fn keep(indexes: &mut Vec<IndexRecord>, named: Option<BTreeSet<String>>) -> Handled<()> {
    let Some(named) = named else { return Ok(()) };
    if let Some(unknown) = named.iter().find(|name| indexes.iter().all(|index| index.name != **name)) {
        return Err(invalid(format!(
            "The index {unknown} is not in the backup: indexes cannot be added while a table is restored."
        )));
    }
    indexes.retain(|index| named.contains(&index.name));
    Ok(())
}

/// Gives a record spaces of its own, with all that was in those that it has.
fn copy_spaces(transaction: &mut TableTransaction<'_>, record: &mut TableRecord) -> Result<(), ChangeError> {
    record.space = transaction.copy_space(record.space)?;
    for index in record.local.iter_mut().chain(&mut record.global) {
        index.space = transaction.copy_space(index.space)?;
    }
    // When items expire is found out anew, and what they were is the table's own.
    record.expiry = None;
    record.history = None;
    Ok(())
}

/// The table of a backup's ARN.
fn table_of(arn: &str) -> Option<TableKey> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "dynamodb", region, account_id, resource] = parts[..] else { return None };
    let (name, _) = resource.strip_prefix("table/")?.split_once("/backup/")?;
    Some(TableKey { account_id: account_id.into(), region: region.into(), name: name.into() })
}

/// A backup of an account.
fn backup_in(view: &TableView<'_>, arn: &str, account_id: &str) -> Result<BackupRecord, ChangeError> {
    let is_own = table_of(arn).is_some_and(|key| key.account_id == account_id);
    let found = if is_own { view.backup(arn)? } else { None };
    read(&found.ok_or_else(|| no_backup(arn))?)
}

fn read(bytes: &[u8]) -> Result<BackupRecord, ChangeError> {
    serde_json::from_slice(bytes).map_err(|error| failed(&error).into())
}

fn is_wanted(input: &types::ListBackupsInput, created_ms: i64) -> bool {
    let at = created_ms as f64 / 1_000.0;
    // All are users': none is made by itself.
    matches!(input.backup_type.as_deref(), None | Some("USER" | "ALL"))
        && input.time_range_lower_bound.is_none_or(|bound| at >= bound)
        && input.time_range_upper_bound.is_none_or(|bound| at < bound)
}

fn details(arn: &str, backup: &BackupRecord, status: &str) -> types::BackupDetails {
    types::BackupDetails {
        backup_arn: Some(arn.to_owned()),
        backup_name: Some(backup.name.clone()),
        backup_size_bytes: Some(backup.bytes),
        backup_status: Some(status.to_owned()),
        backup_type: Some("USER".to_owned()),
        backup_creation_date_time: Some(backup.created_ms as f64 / 1_000.0),
        backup_expiry_date_time: None,
    }
}

fn summary((arn, key, backup): &(String, TableKey, BackupRecord)) -> types::BackupSummary {
    types::BackupSummary {
        table_name: Some(key.name.clone()),
        table_id: Some(backup.record.id.clone()),
        table_arn: Some(table_arn(key)),
        backup_arn: Some(arn.clone()),
        backup_name: Some(backup.name.clone()),
        backup_creation_date_time: Some(backup.created_ms as f64 / 1_000.0),
        backup_expiry_date_time: None,
        backup_status: Some("AVAILABLE".to_owned()),
        backup_type: Some("USER".to_owned()),
        backup_size_bytes: Some(backup.bytes),
    }
}

fn described(arn: &str, backup: &BackupRecord, status: &str) -> types::BackupDescription {
    let record = &backup.record;
    let global = record.global.iter().map(|index| types::GlobalSecondaryIndexInfo {
        index_name: Some(index.name.clone()),
        key_schema: Some(elements(&index.key)),
        projection: Some(index.projection.clone()),
        provisioned_throughput: index.throughput.clone(),
        on_demand_throughput: None,
    });
    let local = record.local.iter().map(|index| types::LocalSecondaryIndexInfo {
        index_name: Some(index.name.clone()),
        key_schema: Some(elements(&index.key)),
        projection: Some(index.projection.clone()),
    });
    let none =
        || types::ProvisionedThroughput { read_capacity_units: Some(0), write_capacity_units: Some(0) };
    types::BackupDescription {
        backup_details: Some(details(arn, backup, status)),
        source_table_details: Some(types::SourceTableDetails {
            table_name: Some(backup.table.clone()),
            table_id: Some(record.id.clone()),
            table_arn: table_of(arn).map(|key| table_arn(&key)),
            table_size_bytes: Some(backup.bytes),
            key_schema: Some(elements(&record.key)),
            table_creation_date_time: Some(record.created_ms as f64 / 1_000.0),
            provisioned_throughput: Some(record.settings.throughput.clone().unwrap_or_else(none)),
            on_demand_throughput: record.settings.on_demand_throughput.clone(),
            item_count: Some(backup.items),
            billing_mode: Some(record.settings.billing_mode.clone()),
        }),
        source_table_feature_details: Some(types::SourceTableFeatureDetails {
            global_secondary_indexes: Some(global.collect()).filter(|all: &Vec<_>| !all.is_empty()),
            local_secondary_indexes: Some(local.collect()).filter(|all: &Vec<_>| !all.is_empty()),
            ..types::SourceTableFeatureDetails::default()
        }),
    }
}

fn no_backup(arn: &str) -> ApiError {
    ApiError::user("BackupNotFoundException", 400, format!("Backup not found: {arn}"))
}

pub(super) fn exists(name: &str) -> ApiError {
    ApiError::user("TableAlreadyExistsException", 400, format!("Table already exists: {name}"))
}

fn failed(error: &serde_json::Error) -> ApiError {
    crate::change::failed(format!("the record of a backup: {error}"))
}
