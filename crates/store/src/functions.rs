//! Functions in the database: one row per version, the record as JSON with a checksum.

use std::collections::HashSet;

use lambda_model::{
    error::with_causes,
    function::{FunctionKey, FunctionRecord, LATEST},
};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::{Store, StoreError, quarantine};

/// What an account has in a Region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountUsage {
    /// Bytes of all packages, as uploaded.
    pub code_bytes: i64,
    /// Functions.
    pub functions: i64,
}

impl Store {
    /// Stores a new function. False when one of this name exists.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn create_function(&self, record: &FunctionRecord) -> Result<bool, StoreError> {
        let (stored, record) = (record.clone(), record.clone());
        let (observer, key) = (self.observer(), stored.key.clone());
        let job = move |connection: &Connection| {
            if exists(connection, &record.key)? {
                return Ok(false);
            }
            quarantine::discard(connection, &record.key)?;
            write(connection, &record)?;
            Ok(true)
        };
        let created = self.writer().write(job, move |created| {
            if *created {
                observer.stored(&stored);
            }
        });
        let created = created.await?;
        if created {
            self.damaged_functions().forget(&key);
        }
        Ok(created)
    }

    /// The function's `$LATEST`.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub async fn function(&self, key: &FunctionKey) -> Result<Option<FunctionRecord>, StoreError> {
        let key = key.clone();
        let found = self.read(move |connection| read(connection, &key)).await;
        found.inspect_err(|error| self.damaged_functions().notice(error))
    }

    /// Changes the function where nobody else changes it meanwhile. `None`: there is none; an inner error leaves it as it was.
    ///
    /// # Errors
    /// When the change cannot be made durable.
    pub async fn update_function<E: Send + 'static>(
        &self,
        key: &FunctionKey,
        change: impl FnOnce(&mut FunctionRecord) -> Result<(), E> + Send + 'static,
    ) -> Result<Option<Result<FunctionRecord, E>>, StoreError> {
        let (observer, key) = (self.observer(), key.clone());
        let job = move |connection: &Connection| {
            let Some(mut record) = read(connection, &key)? else { return Ok(None) };
            let before: Vec<String> = references(&record).map(str::to_owned).collect();
            if let Err(error) = change(&mut record) {
                return Ok(Some(Err(error)));
            }
            write(connection, &record)?;
            let releases = before.iter().any(|name| !references(&record).any(|other| other == name));
            Ok(Some(Ok((record, releases))))
        };
        let changed = self.writer().write(job, move |changed| {
            if let Some(Ok((record, _))) = changed {
                observer.stored(record);
            }
        });
        let changed = changed.await.inspect_err(|error| self.damaged_functions().notice(error))?;
        if let Some(Ok((_, true))) = &changed {
            self.collect_garbage().await;
        }
        Ok(changed.map(|changed| changed.map(|(record, _)| record)))
    }

    /// Deletes all versions, and what lies in quarantine of them. False when there was none.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn delete_function(&self, key: &FunctionKey) -> Result<bool, StoreError> {
        let (observer, key) = (self.observer(), key.clone());
        let deleted = key.clone();
        let job = move |connection: &Connection| {
            let was_damaged = quarantine::discard(connection, &key)?;
            let rows = connection.execute(
                "DELETE FROM functions WHERE account_id = ?1 AND region = ?2 AND name = ?3",
                params![key.account_id, key.region, key.name],
            )?;
            Ok((rows > 0 || was_damaged, key))
        };
        let existed = self.writer().write(job, move |(existed, key)| {
            if *existed {
                observer.deleted(key);
            }
        });
        let (existed, _) = existed.await?;
        if existed {
            self.damaged_functions().forget(&deleted);
            self.collect_garbage().await;
        }
        Ok(existed)
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn delete_all_functions(&self) -> Result<(), StoreError> {
        let observer = self.observer();
        let job = |connection: &Connection| {
            let mut statement =
                connection.prepare("SELECT DISTINCT account_id, region, name FROM functions")?;
            let keys = statement.query_map([], |row| {
                Ok(FunctionKey { account_id: row.get(0)?, region: row.get(1)?, name: row.get(2)? })
            })?;
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            connection.execute_batch("DELETE FROM functions; DELETE FROM quarantine")?;
            Ok(keys)
        };
        let deleted = self.writer().write(job, move |keys: &Vec<_>| {
            keys.iter().for_each(|key| observer.deleted(key));
        });
        deleted.await?;
        self.damaged_functions().forget_all();
        self.collect_garbage().await;
        Ok(())
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
        let records = self.read(move |connection| {
            let mut statement = connection.prepare(&format!(
                "SELECT {COLUMNS} FROM functions
                 WHERE account_id = ?1 AND region = ?2 AND version = ?3 AND name > ?4 ORDER BY name LIMIT ?5"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![account_id, region, LATEST, after, limit], Row::read)?;
            rows.map(|row| Ok(decode(&row?))).collect()
        });
        Ok(self.damaged_functions().leave_out(records.await?))
    }

    /// Every function of every account. Damaged ones are left out and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn all_functions(&self) -> Result<Vec<FunctionRecord>, StoreError> {
        Ok(self.damaged_functions().leave_out(self.read(read_all).await?))
    }

    /// What the account has in the Region.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn account_usage(&self, account_id: &str, region: &str) -> Result<AccountUsage, StoreError> {
        let records = self.list_functions(account_id, region, None, usize::MAX).await?;
        let bytes: u64 = records.iter().map(|record| record.code.code_size_bytes).sum();
        Ok(AccountUsage {
            code_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            functions: i64::try_from(records.len()).unwrap_or(i64::MAX),
        })
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
        if !self.damaged_functions().is_empty() {
            // Nobody knows which packages the damaged records name.
            return Ok(());
        }
        self.code_packages().collect(|| {
            let records = read_all(&self.reader()?)?.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(records.iter().flat_map(references).map(str::to_owned).collect::<HashSet<_>>())
        })
    }
}

/// Every package that a record needs.
fn references(record: &FunctionRecord) -> impl Iterator<Item = &str> {
    let previous = record.previous.iter().map(|previous| previous.code.sha256_hex.as_str());
    std::iter::once(record.code.sha256_hex.as_str()).chain(previous)
}

/// What [`Row::read`] reads. The casts let it read whatever damage put there.
pub(crate) const COLUMNS: &str =
    "account_id, region, name, version, CAST(document AS BLOB), CAST(checksum AS BLOB)";

/// A row as it is stored.
pub(crate) struct Row {
    key: FunctionKey,
    version: String,
    document: Vec<u8>,
    checksum: Vec<u8>,
}

impl Row {
    /// Reads [`COLUMNS`].
    pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: FunctionKey { account_id: row.get(0)?, region: row.get(1)?, name: row.get(2)? },
            version: row.get(3)?,
            document: row.get(4)?,
            checksum: row.get(5)?,
        })
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

fn exists(connection: &Connection, key: &FunctionKey) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM functions WHERE account_id = ?1 AND region = ?2 AND name = ?3")?;
    Ok(statement.exists(params![key.account_id, key.region, key.name])?)
}

fn read(connection: &Connection, key: &FunctionKey) -> Result<Option<FunctionRecord>, StoreError> {
    let row = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM functions
             WHERE account_id = ?1 AND region = ?2 AND name = ?3 AND version = ?4"
        ))?
        .query_row(params![key.account_id, key.region, key.name, LATEST], Row::read)
        .optional()?;
    row.as_ref().map(decode).transpose()
}

/// Every row, each decoded or damaged.
fn read_all(connection: &Connection) -> Result<Vec<Result<FunctionRecord, StoreError>>, StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM functions ORDER BY name"))?;
    let rows = statement.query_map([], Row::read)?;
    rows.map(|row| Ok(decode(&row?))).collect()
}

fn write(connection: &Connection, record: &FunctionRecord) -> Result<(), StoreError> {
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
