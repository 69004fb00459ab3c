//! The SQL of single rows.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Serialize, de::DeserializeOwned};

use super::records::{BucketRecord, ObjectRecord, PartRecord, UploadRecord};
use crate::StoreError;

/// A record's JSON.
pub(super) fn encode(record: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|_| damaged("cannot be encoded"))
}

pub(super) fn decode<T: DeserializeOwned>(document: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(document).map_err(|_| damaged("is not what was stored"))
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::DamagedDocument { document: "s3".into(), what }
}

pub(super) fn bucket(connection: &Connection, name: &str) -> Result<Option<BucketRecord>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT document FROM s3_buckets WHERE name = ?1")?;
    let document: Option<Vec<u8>> = statement.query_row([name], |row| row.get(0)).optional()?;
    document.map(|document| decode(&document)).transpose()
}

pub(super) fn buckets(connection: &Connection, account_id: &str) -> Result<Vec<BucketRecord>, StoreError> {
    let sql = "SELECT document FROM s3_buckets WHERE account_id = ?1 ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let documents = statement.query_map([account_id], |row| row.get::<_, Vec<u8>>(0))?;
    documents.map(|document| decode(&document?)).collect()
}

pub(super) fn put_bucket(connection: &Connection, record: &BucketRecord) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO s3_buckets (name, account_id, document) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![record.name, record.account_id, encode(record)?])?;
    Ok(())
}

/// Columns that [`object_of_row`] reads.
pub(super) const OBJECT_COLUMNS: &str = "key, version_id, is_current, document";

pub(super) fn object_of_row(row: &Row<'_>) -> Result<ObjectRecord, StoreError> {
    let mut record: ObjectRecord = decode(&row.get::<_, Vec<u8>>(3)?)?;
    record.key = text(row.get(0)?)?;
    record.version_id = row.get(1)?;
    record.is_current = row.get(2)?;
    Ok(record)
}

pub(super) fn text(bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|_| damaged("has a key that is not text"))
}

/// The current version of a key, or the version that is asked for.
pub(super) fn object(
    connection: &Connection,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> Result<Option<ObjectRecord>, StoreError> {
    let sql = format!(
        "SELECT {OBJECT_COLUMNS} FROM s3_objects WHERE bucket = ?1 AND key = ?2 AND (version_id = ?3 OR ?3 IS NULL)
         ORDER BY sequence DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![bucket, key.as_bytes(), version_id])?;
    rows.next()?.map(object_of_row).transpose()
}

/// Makes `record` the newest of its key.
pub(super) fn insert_object(
    connection: &Connection,
    bucket: &str,
    record: &ObjectRecord,
) -> Result<(), StoreError> {
    let key = record.key.as_bytes();
    set_current(connection, bucket, key, false)?;
    let sql = "INSERT INTO s3_objects (bucket, key, sequence, version_id, is_current, document)
        VALUES (?1, ?2, (SELECT COALESCE(MAX(sequence), 0) + 1 FROM s3_objects WHERE bucket = ?1 AND key = ?2), ?3, 1, ?4)";
    connection.prepare_cached(sql)?.execute(params![bucket, key, record.version_id, encode(record)?])?;
    Ok(())
}

/// Stores what was changed of a version that is there.
pub(super) fn update_object(
    connection: &Connection,
    bucket: &str,
    record: &ObjectRecord,
) -> Result<(), StoreError> {
    let sql = "UPDATE s3_objects SET document = ?4 WHERE bucket = ?1 AND key = ?2 AND version_id = ?3";
    let document = encode(record)?;
    let parameters = params![bucket, record.key.as_bytes(), record.version_id, document];
    connection.prepare_cached(sql)?.execute(parameters)?;
    Ok(())
}

/// Deletes a version; the one before it becomes the newest, if it was that.
pub(super) fn delete_object(
    connection: &Connection,
    bucket: &str,
    record: &ObjectRecord,
) -> Result<(), StoreError> {
    let key = record.key.as_bytes();
    let sql = "DELETE FROM s3_objects WHERE bucket = ?1 AND key = ?2 AND version_id = ?3";
    connection.prepare_cached(sql)?.execute(params![bucket, key, record.version_id])?;
    if record.is_current {
        set_current(connection, bucket, key, true)?;
    }
    Ok(())
}

/// The newest row of the key is, or is not, the current one.
fn set_current(
    connection: &Connection,
    bucket: &str,
    key: &[u8],
    is_current: bool,
) -> Result<(), StoreError> {
    let sql = "UPDATE s3_objects SET is_current = ?3 WHERE bucket = ?1 AND key = ?2
        AND sequence = (SELECT MAX(sequence) FROM s3_objects WHERE bucket = ?1 AND key = ?2)";
    connection.prepare_cached(sql)?.execute(params![bucket, key, is_current])?;
    Ok(())
}

pub(super) fn upload(
    connection: &Connection,
    bucket: &str,
    key: &str,
    upload_id: &str,
) -> Result<Option<UploadRecord>, StoreError> {
    let sql = "SELECT document FROM s3_uploads WHERE bucket = ?1 AND key = ?2 AND upload_id = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let found: Option<Vec<u8>> =
        statement.query_row(params![bucket, key.as_bytes(), upload_id], |row| row.get(0)).optional()?;
    found.map(|document| upload_of(document, key.to_owned(), upload_id.to_owned())).transpose()
}

pub(super) fn upload_of(
    document: Vec<u8>,
    key: String,
    upload_id: String,
) -> Result<UploadRecord, StoreError> {
    Ok(UploadRecord { key, upload_id, ..decode(&document)? })
}

pub(super) fn put_upload(
    connection: &Connection,
    bucket: &str,
    record: &UploadRecord,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO s3_uploads (bucket, key, upload_id, document) VALUES (?1, ?2, ?3, ?4)";
    let document = encode(record)?;
    let parameters = params![bucket, record.key.as_bytes(), record.upload_id, document];
    connection.prepare_cached(sql)?.execute(parameters)?;
    Ok(())
}

/// Every part of an upload, in order.
pub(super) fn parts(connection: &Connection, upload_id: &str) -> Result<Vec<PartRecord>, StoreError> {
    let sql = "SELECT number, document FROM s3_parts WHERE upload_id = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([upload_id])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let record: PartRecord = decode(&row.get::<_, Vec<u8>>(1)?)?;
        parts.push(PartRecord { number: row.get(0)?, ..record });
    }
    Ok(parts)
}

/// The file of one part, if it is there.
pub(super) fn part_file(
    connection: &Connection,
    upload_id: &str,
    number: u32,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT document FROM s3_parts WHERE upload_id = ?1 AND number = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found: Option<Vec<u8>> =
        statement.query_row(params![upload_id, number], |row| row.get(0)).optional()?;
    found.map(|document| Ok(decode::<PartRecord>(&document)?.file)).transpose()
}

pub(super) fn put_part(
    connection: &Connection,
    upload_id: &str,
    record: &PartRecord,
) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO s3_parts (upload_id, number, document) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![upload_id, record.number, encode(record)?])?;
    Ok(())
}

pub(super) fn delete_upload(
    connection: &Connection,
    bucket: &str,
    upload: &UploadRecord,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM s3_uploads WHERE bucket = ?1 AND key = ?2 AND upload_id = ?3";
    connection.prepare_cached(sql)?.execute(params![bucket, upload.key.as_bytes(), upload.upload_id])?;
    let sql = "DELETE FROM s3_parts WHERE upload_id = ?1";
    connection.prepare_cached(sql)?.execute([&upload.upload_id])?;
    Ok(())
}

/// Every file that a row names.
pub(super) fn files(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut files = Vec::new();
    let mut statement = connection.prepare("SELECT document FROM s3_objects")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let record: ObjectRecord = decode(&row.get::<_, Vec<u8>>(0)?)?;
        files.extend(
            record.content.into_iter().flat_map(|content| content.segments).map(|segment| segment.file),
        );
    }
    let mut statement = connection.prepare("SELECT document FROM s3_parts")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        files.push(decode::<PartRecord>(&row.get::<_, Vec<u8>>(0)?)?.file);
    }
    Ok(files)
}
