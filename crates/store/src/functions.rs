//! Functions in the database: one row per version, the record as JSON with a checksum.

use std::{collections::HashSet, fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path};

use lambda_model::function::{FunctionKey, FunctionRecord, LATEST};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::{Store, StoreError, error::at};

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
        let record = record.clone();
        self.writer()
            .write(move |connection| {
                if read(connection, &record.key)?.is_some() {
                    return Ok(false);
                }
                write(connection, &record)?;
                Ok(true)
            })
            .await
    }

    /// The function's `$LATEST`.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub async fn function(&self, key: &FunctionKey) -> Result<Option<FunctionRecord>, StoreError> {
        let key = key.clone();
        self.read(move |connection| read(connection, &key)).await
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
        let key = key.clone();
        let changed = self
            .writer()
            .write(move |connection| {
                let Some(mut record) = read(connection, &key)? else { return Ok(None) };
                if let Err(error) = change(&mut record) {
                    return Ok(Some(Err(error)));
                }
                write(connection, &record)?;
                Ok(Some(Ok(record)))
            })
            .await?;
        Ok(changed)
    }

    /// Deletes all versions. False when there was none.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn delete_function(&self, key: &FunctionKey) -> Result<bool, StoreError> {
        let key = key.clone();
        let deleted = self
            .writer()
            .write(move |connection| {
                let rows = connection.execute(
                    "DELETE FROM functions WHERE account_id = ?1 AND region = ?2 AND name = ?3",
                    params![key.account_id, key.region, key.name],
                )?;
                Ok(rows > 0)
            })
            .await?;
        self.collect_garbage().await;
        Ok(deleted)
    }

    /// Deletes everything, and says what it was.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn delete_all_functions(&self) -> Result<Vec<FunctionKey>, StoreError> {
        let keys = self
            .writer()
            .write(|connection| {
                let records = read_all(connection)?;
                connection.execute("DELETE FROM functions", [])?;
                Ok(records.into_iter().map(|record| record.key).collect())
            })
            .await?;
        self.collect_garbage().await;
        Ok(keys)
    }

    /// Functions of an account in a Region, by name, those after `after`.
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
        self.read(move |connection| {
            let mut statement = connection.prepare(
                "SELECT document, checksum FROM functions
                 WHERE account_id = ?1 AND region = ?2 AND version = ?3 AND name > ?4 ORDER BY name LIMIT ?5",
            )?;
            let rows = statement.query_map(
                params![account_id, region, LATEST, after, i64::try_from(limit).unwrap_or(i64::MAX)],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            rows.map(|row| decode(&row?)).collect()
        })
        .await
    }

    /// Every function of every account.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn all_functions(&self) -> Result<Vec<FunctionRecord>, StoreError> {
        self.read(read_all).await
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
            tracing::warn!(%error, "unused code not removed");
        }
    }

    /// The same, on this thread.
    pub(crate) fn collect_garbage_now(&self) -> Result<(), StoreError> {
        if !self.damaged().is_empty() {
            // Nobody knows which packages the damaged records name.
            return Ok(());
        }
        let packages = self.code_packages();
        packages.collect(|| {
            let records = read_all(&self.reader()?)?;
            Ok(records.iter().flat_map(references).collect::<HashSet<_>>())
        })
    }
}

/// Every package that a record needs.
fn references(record: &FunctionRecord) -> impl Iterator<Item = String> + '_ {
    let previous = record.previous.iter().map(|previous| previous.code.sha256_hex.clone());
    std::iter::once(record.code.sha256_hex.clone()).chain(previous)
}

fn read(connection: &Connection, key: &FunctionKey) -> Result<Option<FunctionRecord>, StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT document, checksum FROM functions
             WHERE account_id = ?1 AND region = ?2 AND name = ?3 AND version = ?4",
        )?
        .query_row(params![key.account_id, key.region, key.name, LATEST], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    row.as_ref().map(decode).transpose()
}

fn read_all(connection: &Connection) -> Result<Vec<FunctionRecord>, StoreError> {
    let mut statement = connection.prepare("SELECT document, checksum FROM functions ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| decode(&row?)).collect()
}

fn write(connection: &Connection, record: &FunctionRecord) -> Result<(), StoreError> {
    let document = serde_json::to_vec(record)
        .map_err(|error| StoreError::Damaged(format!("record not encoded: {error}")))?;
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

pub(crate) fn decode((document, checksum): &(Vec<u8>, Vec<u8>)) -> Result<FunctionRecord, StoreError> {
    if Sha256::digest(document).as_slice() != checksum.as_slice() {
        return Err(StoreError::Damaged("a function's record does not match its checksum".into()));
    }
    serde_json::from_slice(document)
        .map_err(|_| StoreError::Damaged("a function's record cannot be decoded".into()))
}

/// Makes an empty file that only its owner can read, if it does not exist.
pub(crate) fn create_private_file(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop).map_err(at(path))
}
