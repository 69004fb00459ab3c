//! Group commit: who shares a transaction shares its end, and nothing else.

use std::sync::mpsc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::Writer;
use crate::StoreError;

async fn write<T: Send + 'static>(
    writer: &Writer,
    job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    writer.write(job, |_| {}).await
}

fn writer() -> (TempDir, Writer, Connection) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE names (name TEXT UNIQUE NOT NULL)")
        .unwrap();
    (folder, Writer::start(connection).unwrap(), Connection::open(path).unwrap())
}

fn insert(name: &str) -> impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static + use<> {
    let name = name.to_owned();
    move |connection| {
        connection.execute("INSERT INTO names VALUES (?1)", [name])?;
        Ok(())
    }
}

fn names(reader: &Connection) -> Vec<String> {
    let mut statement = reader.prepare("SELECT name FROM names ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Keeps the thread busy until the sender is dropped, so that what comes meanwhile is one batch with it.
fn hold(release: mpsc::Receiver<()>) -> impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static {
    move |_| {
        let _ = release.recv();
        Ok(())
    }
}

#[tokio::test]
async fn a_job_that_fails_is_rolled_back_alone() {
    let (_folder, writer, reader) = writer();
    write(&writer, insert("taken")).await.unwrap();
    let (gate, release) = mpsc::channel();
    let outcomes = tokio::join!(
        write(&writer, hold(release)),
        write(&writer, insert("before")),
        write(&writer, |connection| {
            insert("half")(connection)?;
            insert("taken")(connection)
        }),
        write(&writer, insert("after")),
        async { drop(gate) },
    );
    assert!(outcomes.0.is_ok() && outcomes.1.is_ok() && outcomes.3.is_ok());
    assert!(matches!(outcomes.2, Err(StoreError::Database(_))), "{:?}", outcomes.2);
    assert_eq!(names(&reader), ["after", "before", "taken"]);
}

#[tokio::test]
async fn when_the_transaction_ends_nobody_is_told_otherwise() {
    let (_folder, writer, reader) = writer();
    let (gate, release) = mpsc::channel();
    // As SQLite does by itself when the disk is full.
    let end =
        |connection: &Connection| -> Result<(), StoreError> { Ok(connection.execute_batch("ROLLBACK")?) };
    let outcomes = tokio::join!(
        write(&writer, hold(release)),
        write(&writer, insert("before")),
        write(&writer, end),
        write(&writer, insert("after")),
        async { drop(gate) },
    );
    assert!(matches!(outcomes.1, Err(StoreError::NotWritten(_))), "{:?}", outcomes.1);
    assert!(matches!(outcomes.2, Err(StoreError::NotWritten(_))), "{:?}", outcomes.2);
    assert!(outcomes.3.is_ok(), "the next batch is another transaction");
    assert_eq!(names(&reader), ["after"]);
}

#[tokio::test]
async fn what_was_sent_is_written_before_the_end_and_nothing_after() {
    let (_folder, writer, reader) = writer();
    write(&writer, insert("a")).await.unwrap();
    writer.close();
    assert!(matches!(write(&writer, insert("b")).await, Err(StoreError::Closed)));
    assert_eq!(names(&reader), ["a"]);
}

#[tokio::test]
async fn commits_are_told_in_their_order_even_if_nobody_waits() {
    let (_folder, writer, _reader) = writer();
    let (told, commits) = mpsc::channel();
    let (gate, release) = mpsc::channel();
    for name in ["a", "b", "a", "c"] {
        let told = told.clone();
        let write = writer.write(insert(name), move |()| told.send(name).unwrap());
        // Asked, and not waited for.
        let _ = tokio::time::timeout(std::time::Duration::ZERO, write).await;
    }
    drop((gate, told));
    write(&writer, hold(release)).await.unwrap();
    assert_eq!(commits.iter().collect::<Vec<_>>(), ["a", "b", "c"], "and the second a failed");
}
