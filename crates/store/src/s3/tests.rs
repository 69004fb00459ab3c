//! What is named stays, what is not goes, and nobody's reading is broken.

use std::{fs, io::Read, sync::Arc};

use super::*;
use crate::{Change, CommitObserver, DataDir, OpenOptions, Store, StoreError};

struct Nobody;

impl CommitObserver for Nobody {
    fn committed(&self, _: &Change) {}
}

fn open(folder: &tempfile::TempDir) -> Store {
    let options = OpenOptions { data_dir: folder.path().to_owned(), ephemeral: false };
    Store::open(DataDir::open(&options).unwrap(), Arc::new(Nobody)).unwrap()
}

/// Files below `objects/`.
fn files(folder: &tempfile::TempDir) -> usize {
    let directories = fs::read_dir(folder.path().join("objects")).unwrap();
    directories.map(|directory| fs::read_dir(directory.unwrap().path()).unwrap().count()).sum()
}

fn record(key: &str, file: &NewObjectFile) -> ObjectRecord {
    let segment = Segment {
        file: file.name().to_owned(),
        size_bytes: file.size_bytes(),
        part_number: 1,
        checksum: None,
    };
    let content =
        ObjectContent { size_bytes: file.size_bytes(), segments: vec![segment], ..ObjectContent::default() };
    ObjectRecord {
        key: key.to_owned(),
        version_id: "null".to_owned(),
        is_current: true,
        last_modified_ms: 0,
        content: Some(content),
    }
}

async fn put(store: &Store, key: &str, body: &[u8]) -> ObjectRecord {
    let mut file = store.object_files().create().unwrap();
    file.write(body).unwrap();
    file.sync().unwrap();
    let record = record(key, &file);
    let stored = record.clone();
    store
        .change_s3(move |transaction| {
            transaction.put_object("bucket", &record)?;
            transaction.keep_file(file);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    stored
}

#[tokio::test]
async fn what_a_crash_left_goes_at_the_next_start_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let kept = put(&store, "kept", b"kept").await;
    // As after a crash between the file and its row: the file is there, whole, and nobody names it.
    let mut orphan = store.object_files().create().unwrap();
    orphan.write(b"orphan").unwrap();
    orphan.sync().unwrap();
    orphan.keep();
    assert_eq!(files(&folder), 2);
    store.close().await;
    drop(store);
    let store = open(&folder);
    assert_eq!(files(&folder), 1);
    let segments = kept.content.unwrap().segments;
    let lease = store.object_files().lease(&segments).expect("the other one stays");
    let mut body = Vec::new();
    lease.open(&segments[0]).unwrap().read_to_end(&mut body).unwrap();
    assert_eq!(body, b"kept");
}

#[tokio::test]
async fn a_change_that_fails_keeps_neither_row_nor_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let file = store.object_files().create().unwrap();
    let record = record("k", &file);
    let refused = store.change_s3(move |transaction| {
        transaction.put_object("bucket", &record)?;
        transaction.keep_file(file);
        Err::<(), _>(StoreError::Closed)
    });
    assert!(refused.await.is_err());
    assert_eq!(files(&folder), 0);
    let found = store.read_s3(|reader| reader.object("bucket", "k", None)).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn what_is_read_goes_when_nobody_reads_it_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let segments = put(&store, "k", b"first").await.content.unwrap().segments;
    let lease = store.object_files().lease(&segments).unwrap();
    put(&store, "k", b"second").await;
    assert_eq!(files(&folder), 2, "the first is overwritten and read");
    let mut body = Vec::new();
    lease.open(&segments[0]).unwrap().read_to_end(&mut body).unwrap();
    assert_eq!(body, b"first");
    drop(lease);
    assert_eq!(files(&folder), 1);
    assert!(store.object_files().lease(&segments).is_none(), "whoever comes late looks again");
}

#[tokio::test]
async fn a_listing_of_nothing_is_whole_and_common_prefixes_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for key in ["a", "b/1", "b/2", "c"] {
        put(&store, key, b"").await;
    }
    let list = |limit| {
        let scan = Scan { bucket: "bucket".into(), delimiter: "/".into(), limit, ..Scan::default() };
        store.read_s3(move |reader| reader.current_objects(&scan))
    };
    let nothing = list(0).await.unwrap();
    assert!(nothing.lines.is_empty() && !nothing.is_truncated);
    let two = list(2).await.unwrap();
    assert_eq!((two.lines.len(), two.is_truncated), (2, true));
    let all = list(3).await.unwrap();
    assert_eq!(all.lines[1], Listed::CommonPrefix("b/".into()));
    assert!(!all.is_truncated);
}

#[tokio::test]
async fn an_event_that_is_damaged_is_set_aside_and_reported_and_no_number_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for event in [b"first".as_slice(), b"second", b"third"] {
        store.change_s3(|change| change.put_event(event)).await.unwrap();
    }
    let flip = "UPDATE s3_events SET document = CAST('secund' AS BLOB) WHERE id = 2";
    rusqlite::Connection::open(folder.path().join("lambent.db")).unwrap().execute(flip, []).unwrap();
    let whole = store.waiting_object_events(10).await.unwrap();
    assert_eq!(whole, [(1, b"first".to_vec()), (3, b"third".to_vec())]);
    assert_eq!(store.damaged(), ["s3 event 2"]);
    store.forget_object_events(vec![1, 3]).await.unwrap();
    store.close().await;
    drop(store);
    let store = open(&folder);
    assert_eq!(store.damaged(), ["s3 event 2"], "it lies in quarantine");
    store.change_s3(|change| change.put_event(b"fourth")).await.unwrap();
    assert_eq!(store.waiting_object_events(10).await.unwrap(), [(4, b"fourth".to_vec())]);
}
