//! The store as a whole: private, closed in order, temporary where asked.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use lambda_model::{
    function::LATEST,
    ports::{LogDestination, LogForm, LogSink},
};
use tempfile::TempDir;

use crate::{
    DataDir, OpenOptions, Store, StoreError,
    samples::{Commits, key, open, package, record, try_open},
};

/// Everything below a directory but unpacked code, with its mode.
fn modes_below(directory: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tree") {
            continue;
        }
        found.push((path.display().to_string(), fs::metadata(&path).unwrap().permissions().mode() & 0o7777));
        if path.is_dir() {
            found.extend(modes_below(&path));
        }
    }
    found
}

fn log_stream() -> Arc<LogDestination> {
    Arc::new(LogDestination {
        account_id: "000000000000".into(),
        region: "us-east-1".into(),
        group: "/aws/lambda/f".into(),
        stream: "2026/11/25/[$LATEST]0".into(),
    })
}

#[tokio::test]
async fn nothing_in_the_data_directory_is_for_others() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.create_function(&record("f")).await.unwrap();
    let _lease = store.code_packages().intake(package("x").into()).await.unwrap_or_else(|e| panic!("{e}"));
    store.logs().append(&log_stream(), b"line\n", LogForm::Lines);
    store.logs().settle();
    let modes = modes_below(folder.path());
    assert!(modes.len() > 10, "{modes:?}");
    for (path, mode) in modes {
        assert_eq!(mode & 0o077, 0, "{path} has mode {mode:o}");
    }
}

#[tokio::test]
async fn a_second_store_of_one_directory_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    assert!(matches!(try_open(folder.path()), Err(StoreError::Locked { .. })));
    store.close().await;
    assert!(matches!(store.create_function(&record("f")).await, Err(StoreError::Closed)));
    drop(store);
    try_open(folder.path()).unwrap();
}

#[tokio::test]
async fn an_ephemeral_store_keeps_nothing() {
    let unused = TempDir::new().unwrap().path().join("unused");
    let options = OpenOptions { data_dir: unused.clone(), ephemeral: true };
    let store = Store::open(DataDir::open(&options).unwrap(), Arc::new(Commits::default())).unwrap();
    let path = store.data_dir().to_owned();
    store.create_function(&record("f")).await.unwrap();
    let logs = store.logs();
    store.close().await;
    // An environment that dies late.
    logs.append(&log_stream(), b"too late\n", LogForm::Lines);
    logs.settle();
    drop(store);
    assert!(!path.exists() && !unused.exists());
}

#[tokio::test]
async fn who_looks_on_learns_what_was_committed_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let commits = Arc::new(Commits::default());
    let options = OpenOptions { data_dir: folder.path().to_owned(), ephemeral: false };
    let store = Store::open(DataDir::open(&options).unwrap(), commits.clone()).unwrap();
    store.create_function(&record("f")).await.unwrap();
    store.create_function(&record("f")).await.unwrap();
    let change = |to: Option<&'static str>| {
        move |record: &mut lambda_model::function::FunctionRecord| -> Result<(), StoreError> {
            record.revision_id = to.ok_or(StoreError::Closed)?.to_owned();
            Ok(())
        }
    };
    store.update_function(&key("f"), LATEST, change(Some("2"))).await.unwrap();
    store.update_function(&key("f"), LATEST, change(None)).await.unwrap_err();
    store.delete_function(&key("missing")).await.unwrap();
    store.delete_function(&key("f")).await.unwrap();
    store.create_function(&record("g")).await.unwrap();
    store.delete_everything().await.unwrap();
    let seen = commits.0.lock().unwrap();
    assert_eq!(
        *seen,
        ["f is at 1", "f is at 2", "f is gone", "g is at 1", "g is gone", "everything is gone"]
    );
}
