//! Functions in the database: one row per version, the record as JSON with a checksum.

use std::collections::HashSet;

use lambda_model::{
    error::with_causes,
    function::{CodeReference, FunctionConfiguration, FunctionKey, FunctionRecord, LATEST, LayerVersion},
};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::{Change, DocumentRange, Store, StoreError, documents};

/// The order of versions: `$LATEST`, then by number.
const NUMERICALLY: &str = "version <> '$LATEST', length(version), version";

impl Store {
    /// Stores a new function. False when one of this name exists.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn create_function(&self, record: &FunctionRecord) -> Result<bool, StoreError> {
        let record = record.clone();
        self.transact(move |transaction| {
            if transaction.function_exists(&record.key)? {
                return Ok(false);
            }
            transaction.put_function(&record)?;
            Ok(true)
        })
        .await
    }

    /// A version of a function.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub async fn function(
        &self,
        key: &FunctionKey,
        version: &str,
    ) -> Result<Option<FunctionRecord>, StoreError> {
        let (key, version) = (key.clone(), version.to_owned());
        let found = self.read(move |connection| read(connection, &key, &version)).await;
        found.inspect_err(|error| self.damaged_records().notice(error))
    }

    /// Every version of a function, `$LATEST` first, then in the order of their numbers.
    ///
    /// # Errors
    /// When they cannot be read, or one is damaged.
    pub async fn versions(&self, key: &FunctionKey) -> Result<Vec<FunctionRecord>, StoreError> {
        let key = key.clone();
        let found = self.read(move |connection| read_versions(connection, &key)).await;
        found.inspect_err(|error| self.damaged_records().notice(error))
    }

    /// Changes a version where nobody else changes it meanwhile. `None`: there is none. An error leaves it as it was.
    ///
    /// # Errors
    /// That of `change`, or that it could not be made durable.
    pub async fn update_function<E: From<StoreError> + Send + 'static>(
        &self,
        key: &FunctionKey,
        version: &str,
        change: impl FnOnce(&mut FunctionRecord) -> Result<(), E> + Send + 'static,
    ) -> Result<Option<FunctionRecord>, E> {
        let (key, version) = (key.clone(), version.to_owned());
        self.transact(move |transaction| {
            let Some(mut record) = transaction.function(&key, &version)? else { return Ok(None) };
            change(&mut record)?;
            transaction.put_function(&record)?;
            Ok(Some(record))
        })
        .await
    }

    /// Deletes all versions, what belongs to them, and what lies in quarantine of them. False when there was none.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn delete_function(&self, key: &FunctionKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.transact(move |transaction| transaction.delete_function(&key)).await
    }

    /// Functions of an account in a Region, by name, those after `after`. Damaged ones are left out and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list_functions(
        &self,
        account_id: &str,
        region: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<FunctionRecord>, StoreError> {
        let (account_id, region) = (account_id.to_owned(), region.to_owned());
        let after = after.unwrap_or_default().to_owned();
        let records =
            self.read(move |connection| read_latest(connection, &account_id, &region, &after, limit));
        Ok(self.damaged_records().leave_out(records.await?))
    }

    /// The same with every version, by name and number; `after` is the name and the version of the last one seen.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list_versions(
        &self,
        account_id: &str,
        region: &str,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<FunctionRecord>, StoreError> {
        let (account_id, region) = (account_id.to_owned(), region.to_owned());
        let (name, version) = after.map(|(name, version)| (name.to_owned(), version.to_owned())).unzip();
        let records = self.read(move |connection| {
            let mut statement = connection.prepare(&format!(
                "SELECT {COLUMNS} FROM functions WHERE account_id = ?1 AND region = ?2
                   AND (?3 IS NULL OR (name, version <> '{LATEST}', length(version), version)
                                    > (?3, ?4 <> '{LATEST}', length(?4), ?4))
                 ORDER BY name, {NUMERICALLY} LIMIT ?5"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![account_id, region, name, version, limit], Row::read)?;
            rows.map(|row| Ok(decode(&row?))).collect()
        });
        Ok(self.damaged_records().leave_out(records.await?))
    }

    /// Bytes of the packages of an account's functions and layers in a Region, as uploaded; a package counts as often as it is named.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn code_bytes(&self, account_id: &str, region: &str) -> Result<u64, StoreError> {
        let of_functions = self.list_versions(account_id, region, None, usize::MAX).await?;
        let range = DocumentRange {
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            ..DocumentRange::default()
        };
        let of_layers = self.documents::<LayerVersion>(range).await?;
        let functions = of_functions.iter().map(|record| record.code.code_size_bytes);
        Ok(functions.chain(of_layers.iter().map(|(_, layer)| layer.code.code_size_bytes)).sum())
    }

    /// How many functions an account has in a Region.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub async fn count_functions(&self, account_id: &str, region: &str) -> Result<i64, StoreError> {
        let (account_id, region) = (account_id.to_owned(), region.to_owned());
        let count = self.read(move |connection| {
            let count =
                "SELECT count(*) FROM functions WHERE account_id = ?1 AND region = ?2 AND version = ?3";
            Ok(connection.query_row(count, params![account_id, region, LATEST], |row| row.get(0))?)
        });
        count.await
    }

    /// Every version of every function of every account. Damaged ones are left out and reported.
    #[cfg(test)]
    pub(crate) async fn all_functions(&self) -> Result<Vec<FunctionRecord>, StoreError> {
        Ok(self.damaged_records().leave_out(self.read(read_all).await?))
    }

    /// Deletes everything of every account.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn delete_everything(&self) -> Result<(), StoreError> {
        let observer = self.observer();
        let job = |connection: &Connection| {
            let mut statement =
                connection.prepare("SELECT DISTINCT account_id, region, name FROM functions")?;
            let keys = statement.query_map([], |row| {
                Ok(FunctionKey { account_id: row.get(0)?, region: row.get(1)?, name: row.get(2)? })
            })?;
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            connection.execute_batch(
                "DELETE FROM functions; DELETE FROM quarantine;
                 DELETE FROM documents; DELETE FROM quarantined_documents",
            )?;
            Ok(keys)
        };
        let deleted = self.writer().write(job, move |keys: &Vec<FunctionKey>| {
            keys.iter().for_each(|key| observer.committed(&Change::FunctionDeleted(key.clone())));
            observer.committed(&Change::EverythingDeleted);
        });
        deleted.await?;
        self.damaged_records().forget_all();
        self.collect_garbage().await;
        Ok(())
    }

    /// Removes packages that no function names and nobody holds.
    pub async fn collect_garbage(&self) {
        let store = self.clone();
        let collected = tokio::task::spawn_blocking(move || store.collect_garbage_now()).await;
        if let Ok(Err(error)) = collected {
            tracing::warn!(error = with_causes(&error), "unused code not removed");
        }
    }

    /// The same, on this thread.
    pub(crate) fn collect_garbage_now(&self) -> Result<(), StoreError> {
        self.collect_unless(|connection| {
            let records = read_all(connection)?.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(records.iter().flat_map(references).map(str::to_owned).collect())
        })
    }

    /// The same where these are what all functions name.
    pub(crate) fn collect_garbage_beside(&self, packages: HashSet<String>) -> Result<(), StoreError> {
        self.collect_unless(|_| Ok(packages))
    }

    /// Removes packages unless a function names them, or a document.
    fn collect_unless(
        &self,
        named_by_functions: impl FnOnce(&Connection) -> Result<HashSet<String>, StoreError>,
    ) -> Result<(), StoreError> {
        if !self.damaged_records().is_empty() {
            // Nobody knows which packages the damaged records name.
            return Ok(());
        }
        self.code_packages().collect(|| {
            self.read_now(|connection| {
                let mut named = named_by_functions(connection)?;
                named.extend(documents::codes(connection)?);
                Ok(named)
            })
        })
    }
}

/// Every package that a record needs.
pub(crate) fn references(record: &FunctionRecord) -> impl Iterator<Item = &str> {
    let previous =
        record.previous.iter().flat_map(|previous| packages(&previous.code, &previous.configuration));
    packages(&record.code, &record.configuration).chain(previous)
}

fn packages<'a>(
    code: &'a CodeReference,
    configuration: &'a FunctionConfiguration,
) -> impl Iterator<Item = &'a str> {
    let layers = configuration.layers.iter().map(|layer| layer.code.sha256_hex.as_str());
    std::iter::once(code.sha256_hex.as_str()).chain(layers)
}

/// Whether the record names a package less than before.
pub(crate) fn releases(before: &FunctionRecord, after: &FunctionRecord) -> bool {
    references(before).any(|name| !references(after).any(|other| other == name))
}

/// What [`Row::read`] reads. The casts let it read whatever damage put there.
pub(crate) const COLUMNS: &str =
    "account_id, region, name, version, CAST(document AS BLOB), CAST(checksum AS BLOB)";

/// A row as it is stored.
#[derive(Default)]
pub(crate) struct Row {
    key: FunctionKey,
    version: String,
    document: Vec<u8>,
    checksum: Vec<u8>,
}

impl Row {
    /// Reads [`COLUMNS`].
    pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let mut read = Self::default();
        read.read_again(row)?;
        Ok(read)
    }

    /// The same, into the memory of one that nobody needs any more.
    pub(crate) fn read_again(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        let FunctionKey { account_id, region, name } = &mut self.key;
        for (column, text) in [account_id, region, name, &mut self.version].into_iter().enumerate() {
            text.clear();
            text.push_str(row.get_ref(column)?.as_str()?);
        }
        for (column, bytes) in [(4, &mut self.document), (5, &mut self.checksum)] {
            bytes.clear();
            bytes.extend_from_slice(row.get_ref(column)?.as_bytes()?);
        }
        Ok(())
    }
}

/// The record of a row, if it is what was stored.
pub(crate) fn decode(row: &Row) -> Result<FunctionRecord, StoreError> {
    let damaged = |what| StoreError::DamagedFunction { arn: row.key.qualified_arn(&row.version), what };
    if Sha256::digest(&row.document).as_slice() != row.checksum {
        return Err(damaged("does not match its checksum"));
    }
    let record: FunctionRecord =
        serde_json::from_slice(&row.document).map_err(|_| damaged("cannot be decoded"))?;
    if record.key == row.key && record.version == row.version {
        Ok(record)
    } else {
        Err(damaged("is another function's"))
    }
}

/// Whether there is anything of the function, damaged or not.
pub(crate) fn exists(connection: &Connection, key: &FunctionKey) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM functions WHERE account_id = ?1 AND region = ?2 AND name = ?3")?;
    Ok(statement.exists(params![key.account_id, key.region, key.name])?)
}

/// Reads a version.
pub(crate) fn read(
    connection: &Connection,
    key: &FunctionKey,
    version: &str,
) -> Result<Option<FunctionRecord>, StoreError> {
    let row = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM functions
             WHERE account_id = ?1 AND region = ?2 AND name = ?3 AND version = ?4"
        ))?
        .query_row(params![key.account_id, key.region, key.name, version], Row::read)
        .optional()?;
    row.as_ref().map(decode).transpose()
}

/// Reads all versions of a function, in order.
pub(crate) fn read_versions(
    connection: &Connection,
    key: &FunctionKey,
) -> Result<Vec<FunctionRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM functions WHERE account_id = ?1 AND region = ?2 AND name = ?3 ORDER BY {NUMERICALLY}"
    ))?;
    let rows = statement.query_map(params![key.account_id, key.region, key.name], Row::read)?;
    rows.map(|row| decode(&row?)).collect()
}

/// Reads the `$LATEST` of the functions after a name.
pub(crate) fn read_latest(
    connection: &Connection,
    account_id: &str,
    region: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Result<FunctionRecord, StoreError>>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM functions
         WHERE account_id = ?1 AND region = ?2 AND version = ?3 AND name > ?4 ORDER BY name LIMIT ?5"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![account_id, region, LATEST, after, limit], Row::read)?;
    rows.map(|row| Ok(decode(&row?))).collect()
}

/// Deletes a version, or all of them. Whether there was one.
pub(crate) fn delete(
    connection: &Connection,
    key: &FunctionKey,
    version: Option<&str>,
) -> Result<bool, StoreError> {
    let rows = connection.execute(
        "DELETE FROM functions
         WHERE account_id = ?1 AND region = ?2 AND name = ?3 AND (?4 IS NULL OR version = ?4)",
        params![key.account_id, key.region, key.name, version],
    )?;
    Ok(rows > 0)
}

/// Every row, each decoded or damaged.
fn read_all(connection: &Connection) -> Result<Vec<Result<FunctionRecord, StoreError>>, StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM functions ORDER BY name"))?;
    let rows = statement.query_map([], Row::read)?;
    rows.map(|row| Ok(decode(&row?))).collect()
}

/// Writes a version, over what was there.
pub(crate) fn write(connection: &Connection, record: &FunctionRecord) -> Result<(), StoreError> {
    let document = serde_json::to_vec(record)
        .map_err(|error| StoreError::NotWritten(format!("record not encoded: {error}")))?;
    let checksum = Sha256::digest(&document).to_vec();
    let key = &record.key;
    connection
        .prepare_cached(
            "INSERT INTO functions (account_id, region, name, version, document, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET document = excluded.document, checksum = excluded.checksum",
        )?
        .execute(params![key.account_id, key.region, key.name, record.version, document, checksum])?;
    Ok(())
}

#[cfg(test)]
mod tests;
