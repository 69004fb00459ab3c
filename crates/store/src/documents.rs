//! Everything that is not a function: a resource is a JSON document with a checksum, under its kind, account, Region, parent and name.

use lambda_model::function::FunctionKey;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{Store, StoreError};

/// What can be kept as a document.
pub trait Document: Serialize + DeserializeOwned + Send + 'static {
    /// Names the kind in the database, such as `function/alias`. What belongs to a function begins with `function/`, has the
    /// function's name for its parent, and goes with it.
    const KIND: &'static str;

    /// The package that must stay while the document does: the name that [`crate::CodePackages`] knows it by.
    fn code(&self) -> Option<&str> {
        None
    }
}

/// Identifies a document among those of its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`; empty for what is global.
    pub region: String,
    /// What it belongs to; empty where there is nothing of the kind.
    pub parent: String,
    /// Its own name.
    pub name: String,
}

impl DocumentKey {
    /// Something of a function: under the name of an alias, or under a version.
    #[must_use]
    pub fn of_function(function: &FunctionKey, name: &str) -> Self {
        let FunctionKey { account_id, region, name: parent } = function.clone();
        Self { account_id, region, parent, name: name.to_owned() }
    }
}

/// Which documents of a kind to list: by parent and name, in this order.
#[derive(Debug, Clone, Default)]
pub struct DocumentRange {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`; empty for what is global.
    pub region: String,
    /// Only those of this parent.
    pub parent: Option<String>,
    /// Only those after this parent and name.
    pub after: Option<(String, String)>,
    /// At most so many; all when absent.
    pub limit: Option<usize>,
}

impl Store {
    /// One document.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub async fn document<D: Document>(&self, key: &DocumentKey) -> Result<Option<D>, StoreError> {
        let key = key.clone();
        let found = self.read(move |connection| get(connection, &key)).await;
        found.inspect_err(|error| self.damaged_records().notice(error))
    }

    /// Documents in order. Damaged ones are left out and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn documents<D: Document>(
        &self,
        range: DocumentRange,
    ) -> Result<Vec<(DocumentKey, D)>, StoreError> {
        Ok(self.damaged_records().leave_out(self.read(move |connection| list(connection, &range)).await?))
    }

    /// Every document of a kind, of every account. Damaged ones are left out and reported.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn all_documents<D: Document>(&self) -> Result<Vec<(DocumentKey, D)>, StoreError> {
        Ok(self.damaged_records().leave_out(self.read(all).await?))
    }
}

/// A document that was read, or that it is damaged.
type Found<D> = Result<(DocumentKey, D), StoreError>;

/// What [`Row::read`] reads. The casts let it read whatever damage put there.
pub(crate) const COLUMNS: &str =
    "kind, account_id, region, parent, name, CAST(document AS BLOB), CAST(checksum AS BLOB)";

/// A row as it is stored.
pub(crate) struct Row {
    kind: String,
    key: DocumentKey,
    document: Vec<u8>,
    checksum: Vec<u8>,
}

impl Row {
    /// Reads [`COLUMNS`].
    pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            kind: row.get(0)?,
            key: DocumentKey {
                account_id: row.get(1)?,
                region: row.get(2)?,
                parent: row.get(3)?,
                name: row.get(4)?,
            },
            document: row.get(5)?,
            checksum: row.get(6)?,
        })
    }

    /// Whether the bytes are those that were stored.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if Sha256::digest(&self.document).as_slice() == self.checksum {
            return Ok(());
        }
        Err(self.damaged("does not match its checksum"))
    }

    fn damaged(&self, what: &'static str) -> StoreError {
        StoreError::DamagedDocument { document: describe(&self.kind, &self.key), what }
    }

    fn decode<D: Document>(self) -> Result<(DocumentKey, D), StoreError> {
        self.check()?;
        let document =
            serde_json::from_slice(&self.document).map_err(|_| self.damaged("cannot be decoded"))?;
        Ok((self.key, document))
    }
}

/// How messages name a document.
pub(crate) fn describe(kind: &str, key: &DocumentKey) -> String {
    let DocumentKey { account_id, region, parent, name } = key;
    format!("{kind} {account_id}/{region}/{parent}/{name}")
}

/// Reads a document.
pub(crate) fn get<D: Document>(connection: &Connection, key: &DocumentKey) -> Result<Option<D>, StoreError> {
    let row = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM documents
             WHERE kind = ?1 AND account_id = ?2 AND region = ?3 AND parent = ?4 AND name = ?5"
        ))?
        .query_row(params![D::KIND, key.account_id, key.region, key.parent, key.name], Row::read)
        .optional()?;
    row.map(|row| row.decode().map(|(_, document)| document)).transpose()
}

/// Reads the documents of a range.
pub(crate) fn list<D: Document>(
    connection: &Connection,
    range: &DocumentRange,
) -> Result<Vec<Found<D>>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM documents
         WHERE kind = ?1 AND account_id = ?2 AND region = ?3 AND (?4 IS NULL OR parent = ?4)
           AND (?5 IS NULL OR (parent, name) > (?5, ?6)) ORDER BY parent, name LIMIT ?7"
    ))?;
    let limit = range.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let (parent, name) = range.after.clone().unzip();
    let rows = statement.query_map(
        params![D::KIND, range.account_id, range.region, range.parent, parent, name, limit],
        Row::read,
    )?;
    rows.map(|row| Ok(row?.decode())).collect()
}

fn all<D: Document>(connection: &Connection) -> Result<Vec<Found<D>>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM documents WHERE kind = ?1"))?;
    let rows = statement.query_map(params![D::KIND], Row::read)?;
    rows.map(|row| Ok(row?.decode())).collect()
}

/// Writes a document, over the one of the same key. Its bytes.
pub(crate) fn put<D: Document>(
    connection: &Connection,
    key: &DocumentKey,
    document: &D,
) -> Result<Vec<u8>, StoreError> {
    let bytes = serde_json::to_vec(document)
        .map_err(|error| StoreError::NotWritten(format!("document not encoded: {error}")))?;
    let checksum = Sha256::digest(&bytes).to_vec();
    let DocumentKey { account_id, region, parent, name } = key;
    connection
        .prepare_cached(
            "INSERT INTO documents (kind, account_id, region, parent, name, document, checksum, code)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET document = excluded.document, checksum = excluded.checksum, code = excluded.code",
        )?
        .execute(params![D::KIND, account_id, region, parent, name, bytes, checksum, document.code()])?;
    Ok(bytes)
}

/// Deletes a document. Whether there was one, and whether it kept a package.
pub(crate) fn delete(connection: &Connection, kind: &str, key: &DocumentKey) -> Result<Deleted, StoreError> {
    let kept: Option<Option<String>> = connection
        .prepare_cached(
            "DELETE FROM documents
             WHERE kind = ?1 AND account_id = ?2 AND region = ?3 AND parent = ?4 AND name = ?5 RETURNING code",
        )?
        .query_row(params![kind, key.account_id, key.region, key.parent, key.name], |row| row.get(0))
        .optional()?;
    Ok(Deleted { existed: kept.is_some(), kept_code: kept.flatten().is_some() })
}

/// What a deletion found.
pub(crate) struct Deleted {
    pub existed: bool,
    pub kept_code: bool,
}

/// Deletes what belongs to a function.
pub(crate) fn delete_of_function(
    connection: &Connection,
    key: &lambda_model::function::FunctionKey,
) -> Result<(), StoreError> {
    connection.execute(
        "DELETE FROM documents WHERE kind GLOB 'function/*' AND account_id = ?1 AND region = ?2 AND parent = ?3",
        params![key.account_id, key.region, key.name],
    )?;
    Ok(())
}

/// Deletes what belongs to one qualifier of a function. The kinds of what was deleted.
pub(crate) fn delete_of_qualifier(
    connection: &Connection,
    key: &DocumentKey,
) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM documents WHERE kind GLOB 'function/*' AND account_id = ?1 AND region = ?2 AND parent = ?3 AND name = ?4
         RETURNING kind",
    )?;
    let kinds =
        statement.query_map(params![key.account_id, key.region, key.parent, key.name], |row| row.get(0))?;
    Ok(kinds.collect::<Result<_, _>>()?)
}

/// The packages that documents keep.
pub(crate) fn codes(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("SELECT DISTINCT code FROM documents WHERE code IS NOT NULL")?;
    let codes = statement.query_map([], |row| row.get(0))?;
    Ok(codes.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
