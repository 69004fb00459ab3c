//! Migrations are applied once, and a database from the future is left alone.

use rusqlite::Connection;

use super::RESOURCES;
use crate::StoreError;

#[test]
fn migrations_are_applied_once() {
    let mut connection = Connection::open_in_memory().unwrap();
    RESOURCES.configure(&connection).unwrap();
    RESOURCES.migrate(&mut connection).unwrap();
    connection.execute("INSERT INTO functions VALUES ('a', 'r', 'n', 'v', x'', x'')", []).unwrap();
    RESOURCES.migrate(&mut connection).unwrap();
    let rows: i64 = connection.query_row("SELECT count(*) FROM functions", [], |row| row.get(0)).unwrap();
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!((rows, version), (1, RESOURCES.migrations.len() as i64));
}

#[test]
fn a_newer_schema_is_refused() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let refused = RESOURCES.migrate(&mut connection);
    assert!(matches!(refused, Err(StoreError::NewerSchema { found: 99, .. })), "{refused:?}");
}

#[test]
fn commits_are_synced_in_a_write_ahead_log() {
    let folder = tempfile::TempDir::new().unwrap();
    let connection = Connection::open(folder.path().join("db")).unwrap();
    RESOURCES.configure(&connection).unwrap();
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}
