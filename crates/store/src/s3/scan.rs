//! Listing: keys in order below a prefix, those that share what follows up to a delimiter as one.

use rusqlite::{Connection, Row, params};

use super::{
    records::{ObjectRecord, UploadRecord},
    rows::{self, OBJECT_COLUMNS},
};
use crate::StoreError;

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// The bucket.
    pub bucket: String,
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys that have it after the prefix count as one, up to and with it. Empty: none do.
    pub delimiter: String,
    /// Only what comes after this key, or after everything that begins with it when it is a common prefix.
    pub after: Option<String>,
    /// Of the key `after`, the versions after this one come too.
    pub after_version: Option<String>,
    /// At most so many keys and common prefixes together.
    pub limit: usize,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq)]
pub enum Listed<T> {
    /// A key by itself.
    One(T),
    /// Keys that share this beginning.
    CommonPrefix(String),
}

/// A page of a listing.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// In the order of the keys.
    pub lines: Vec<Listed<T>>,
    /// Whether there is more.
    pub is_truncated: bool,
}

/// A page of versions.
pub type VersionPage = Listing<ObjectRecord>;
/// A page of uploads.
pub type UploadPage = Listing<UploadRecord>;

/// Where to go on: at a key, or behind it.
struct Position {
    key: Vec<u8>,
    is_behind: bool,
}

impl Scan {
    fn start(&self) -> Position {
        let prefix = self.prefix.as_bytes();
        match &self.after {
            Some(after) if self.is_common_prefix(after) => behind_all(after.as_bytes()),
            Some(after) if after.as_bytes() >= prefix => {
                Position { key: after.as_bytes().to_vec(), is_behind: true }
            }
            _ => Position { key: prefix.to_vec(), is_behind: false },
        }
    }

    /// Where the keys with the prefix end.
    fn end(&self) -> Option<Vec<u8>> {
        successor(self.prefix.as_bytes())
    }

    /// What `key` counts under, if it has the delimiter after the prefix.
    fn common_prefix<'a>(&self, key: &'a str) -> Option<&'a str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let found = key.get(self.prefix.len()..)?.find(&self.delimiter)?;
        key.get(..self.prefix.len() + found + self.delimiter.len())
    }

    fn is_common_prefix(&self, text: &str) -> bool {
        text.starts_with(&self.prefix) && self.common_prefix(text) == Some(text)
    }
}

fn behind_all(prefix: &[u8]) -> Position {
    Position { key: successor(prefix).unwrap_or_default(), is_behind: false }
}

/// The first bytes that sort behind everything that begins with `prefix`: UTF-8 never has a byte 0xFF, so that one can be added.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let (last, rest) = prefix.split_last()?;
    Some([rest, &[last + 1]].concat())
}

/// The current objects, without those whose newest version is a delete marker.
pub(super) fn current_objects(
    connection: &Connection,
    scan: &Scan,
) -> Result<Listing<ObjectRecord>, StoreError> {
    let sql = format!(
        "SELECT {OBJECT_COLUMNS} FROM s3_objects WHERE bucket = ?1 AND is_current
         AND (key > ?2 OR (key = ?2 AND NOT ?3)) AND (?4 IS NULL OR key < ?4) ORDER BY key"
    );
    walk(connection, &sql, scan, |row| {
        let record = rows::object_of_row(row)?;
        Ok(record.content.is_some().then(|| (record.key.clone(), record)))
    })
}

/// Every version and delete marker, of each key the newest first.
pub(super) fn versions(connection: &Connection, scan: &Scan) -> Result<VersionPage, StoreError> {
    let sql = format!(
        "SELECT {OBJECT_COLUMNS} FROM s3_objects WHERE bucket = ?1
         AND (key > ?2 OR (key = ?2 AND NOT ?3)) AND (?4 IS NULL OR key < ?4) ORDER BY key, sequence DESC"
    );
    let of_key = format!(
        "SELECT {OBJECT_COLUMNS} FROM s3_objects WHERE bucket = ?1 AND key = ?2 AND sequence <
         (SELECT sequence FROM s3_objects WHERE bucket = ?1 AND key = ?2 AND version_id = ?3) ORDER BY sequence DESC"
    );
    let read = |row: &Row<'_>| {
        let record = rows::object_of_row(row)?;
        Ok(Some((record.key.clone(), record)))
    };
    let rest = rest_of_key(connection, &of_key, scan, read)?;
    Ok(joined(rest, walk(connection, &sql, scan, read)?, scan.limit))
}

/// Uploads that go on.
pub(super) fn uploads(connection: &Connection, scan: &Scan) -> Result<UploadPage, StoreError> {
    let sql = "SELECT key, upload_id, document FROM s3_uploads WHERE bucket = ?1
         AND (key > ?2 OR (key = ?2 AND NOT ?3)) AND (?4 IS NULL OR key < ?4) ORDER BY key, upload_id";
    let of_key =
        "SELECT key, upload_id, document FROM s3_uploads WHERE bucket = ?1 AND key = ?2 AND upload_id > ?3
         ORDER BY upload_id";
    let read = |row: &Row<'_>| {
        let record = rows::upload_of(row.get(2)?, rows::text(row.get(0)?)?, row.get(1)?)?;
        Ok(Some((record.key.clone(), record)))
    };
    let rest = rest_of_key(connection, of_key, scan, read)?;
    Ok(joined(rest, walk(connection, sql, scan, read)?, scan.limit))
}

/// What is left of the key that the page before ended within.
fn rest_of_key<T>(
    connection: &Connection,
    sql: &str,
    scan: &Scan,
    read: impl Fn(&Row<'_>) -> Result<Option<(String, T)>, StoreError>,
) -> Result<Vec<Listed<T>>, StoreError> {
    let (Some(key), Some(marker)) = (&scan.after, &scan.after_version) else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params![scan.bucket, key.as_bytes(), marker])?;
    let mut lines = Vec::new();
    while let Some(row) = found.next()? {
        lines.extend(read(row)?.map(|(_, record)| Listed::One(record)));
    }
    Ok(lines)
}

fn joined<T>(mut rest: Vec<Listed<T>>, page: Listing<T>, limit: usize) -> Listing<T> {
    rest.extend(page.lines);
    let is_truncated = page.is_truncated || rest.len() > limit;
    rest.truncate(limit);
    Listing { lines: rest, is_truncated }
}

/// Walks rows in the order of their keys; where keys share a common prefix, it goes on behind all of them.
fn walk<T>(
    connection: &Connection,
    sql: &str,
    scan: &Scan,
    read: impl Fn(&Row<'_>) -> Result<Option<(String, T)>, StoreError>,
) -> Result<Listing<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut lines = Vec::new();
    // Who asks for nothing has got it all.
    let mut next = Some(scan.start()).filter(|_| scan.limit > 0);
    let end = scan.end();
    while let Some(position) = next.take() {
        let mut found = statement.query(params![scan.bucket, position.key, position.is_behind, end])?;
        while let Some(row) = found.next()? {
            let Some((key, record)) = read(row)? else { continue };
            if lines.len() == scan.limit {
                return Ok(Listing { lines, is_truncated: true });
            }
            match scan.common_prefix(&key) {
                None => lines.push(Listed::One(record)),
                Some(common) => {
                    lines.push(Listed::CommonPrefix(common.to_owned()));
                    next = Some(behind_all(common.as_bytes()));
                    break;
                }
            }
        }
    }
    Ok(Listing { lines, is_truncated: false })
}
