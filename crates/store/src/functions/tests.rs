//! Records: kept whole, changed as a whole, and damage found.

use lambda_model::function::LATEST;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    Store, StoreError,
    samples::{key, open, package, record},
};

fn database(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join("lambent.db")).unwrap()
}

/// Changes one byte of a stored record.
fn damage(folder: &TempDir, name: &str) {
    let changed = database(folder)
        .execute(
            "UPDATE functions SET document = replace(document, 'python3.11', 'python3.12') WHERE name = ?1",
            [name],
        )
        .unwrap();
    assert_eq!(changed, 1);
}

fn packages_in(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path().join("code")).unwrap().count()
}

async fn create_with_code(store: &Store, name: &str, content: &str) {
    let lease = store.code_packages().intake(package(content).into()).await.unwrap_or_else(|e| panic!("{e}"));
    let mut record = record(name);
    record.code = lease.reference().clone();
    assert!(store.create_function(&record).await.unwrap());
}

fn names(records: &[lambda_model::function::FunctionRecord]) -> Vec<&str> {
    records.iter().map(|record| record.key.name.as_str()).collect()
}

#[tokio::test]
async fn a_function_is_kept_until_it_is_deleted() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    assert!(store.create_function(&record("f")).await.unwrap());
    assert!(!store.create_function(&record("f")).await.unwrap(), "the name is taken");
    store.close().await;
    drop(store);

    let store = open(folder.path());
    assert_eq!(store.function(&key("f"), LATEST).await.unwrap(), Some(record("f")));
    assert!(store.delete_function(&key("f")).await.unwrap());
    assert!(!store.delete_function(&key("f")).await.unwrap());
    assert_eq!(store.function(&key("f"), LATEST).await.unwrap(), None);
    assert!(store.create_function(&record("f")).await.unwrap(), "the name is free again");
}

#[tokio::test]
async fn a_change_that_fails_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.create_function(&record("f")).await.unwrap();
    let refused = store
        .update_function(&key("f"), LATEST, |record| {
            record.revision_id = "half".into();
            Err(StoreError::Closed)
        })
        .await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    assert_eq!(store.function(&key("f"), LATEST).await.unwrap(), Some(record("f")));
    let change = |record: &mut lambda_model::function::FunctionRecord| -> Result<(), StoreError> {
        record.revision_id = "2".into();
        Ok(())
    };
    let changed = store.update_function(&key("f"), LATEST, change).await.unwrap().unwrap();
    assert_eq!(changed.revision_id, "2");
    assert_eq!(store.function(&key("f"), LATEST).await.unwrap(), Some(changed));
    assert_eq!(store.update_function(&key("missing"), LATEST, change).await.unwrap(), None);
}

#[tokio::test]
async fn changes_of_one_function_do_not_undo_each_other() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.create_function(&record("f")).await.unwrap();
    let changes = (0..50).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let add = move |record: &mut lambda_model::function::FunctionRecord| -> Result<(), StoreError> {
                record.tags.insert(number.to_string(), String::new());
                Ok(())
            };
            store.update_function(&key("f"), LATEST, add).await.unwrap().unwrap();
        })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap();
    }
    assert_eq!(store.function(&key("f"), LATEST).await.unwrap().unwrap().tags.len(), 50);
}

#[tokio::test]
async fn accounts_and_regions_are_apart_and_lists_are_in_order() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for name in ["b", "c", "a"] {
        store.create_function(&record(name)).await.unwrap();
    }
    let mut stranger = record("b");
    stranger.key.region = "eu-west-1".into();
    assert!(store.create_function(&stranger).await.unwrap());
    let page = store.list_functions("000000000000", "us-east-1", None, 2).await.unwrap();
    assert_eq!(names(&page), ["a", "b"]);
    let page = store.list_functions("000000000000", "us-east-1", Some("b"), 2).await.unwrap();
    assert_eq!(names(&page), ["c"]);
    assert!(store.list_functions("111122223333", "us-east-1", None, 9).await.unwrap().is_empty());
    let functions = store.count_functions("000000000000", "us-east-1").await.unwrap();
    let bytes = store.code_bytes("000000000000", "us-east-1").await.unwrap();
    assert_eq!((functions, bytes), (3, 30));
    assert_eq!(store.all_functions().await.unwrap().len(), 4);
    store.delete_everything().await.unwrap();
    assert!(store.all_functions().await.unwrap().is_empty());
}

#[tokio::test]
async fn code_goes_when_nothing_names_it_any_more() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    create_with_code(&store, "f", "one").await;
    create_with_code(&store, "g", "one").await;
    assert_eq!(packages_in(&folder), 1);
    store.delete_function(&key("f")).await.unwrap();
    assert_eq!(packages_in(&folder), 1, "the other function names it");
    let lease = store.code_packages().intake(package("two").into()).await.unwrap_or_else(|e| panic!("{e}"));
    let code = lease.reference().clone();
    let replace = move |record: &mut lambda_model::function::FunctionRecord| -> Result<(), StoreError> {
        record.code = code;
        Ok(())
    };
    store.update_function(&key("g"), LATEST, replace).await.unwrap();
    drop(lease);
    assert_eq!(packages_in(&folder), 1, "the code before is gone");
    store.delete_function(&key("g")).await.unwrap();
    assert_eq!(packages_in(&folder), 0);
}

#[tokio::test]
async fn a_damaged_record_is_set_aside_at_start_and_takes_nothing_down() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    create_with_code(&store, "bad", "bad").await;
    create_with_code(&store, "good", "good").await;
    store.close().await;
    drop(store);
    damage(&folder, "bad");

    let store = open(folder.path());
    let arn = || vec![key("bad").qualified_arn("$LATEST")];
    assert_eq!(store.damaged(), arn());
    assert_eq!(names(&store.all_functions().await.unwrap()), ["good"]);
    store.delete_function(&key("good")).await.unwrap();
    assert_eq!(packages_in(&folder), 2, "nobody knows what the damaged record names");
    store.close().await;
    drop(store);

    let store = open(folder.path());
    assert_eq!(store.damaged(), arn(), "still");
    create_with_code(&store, "bad", "new").await;
    assert!(store.damaged().is_empty(), "made anew");
    assert!(store.function(&key("bad"), LATEST).await.unwrap().is_some());
    store.collect_garbage().await;
    assert_eq!(packages_in(&folder), 1);
}

#[tokio::test]
async fn a_record_that_is_damaged_later_is_reported_and_can_be_deleted() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    create_with_code(&store, "bad", "bad").await;
    create_with_code(&store, "good", "good").await;
    damage(&folder, "bad");

    let read = store.function(&key("bad"), LATEST).await;
    assert!(matches!(read, Err(StoreError::DamagedFunction { .. })), "{read:?}");
    let listed = store.list_functions("000000000000", "us-east-1", None, 9).await.unwrap();
    assert_eq!(names(&listed), ["good"]);
    assert_eq!(store.damaged(), [key("bad").qualified_arn("$LATEST")]);
    assert!(!store.create_function(&record("bad")).await.unwrap(), "there is something of it");
    assert!(store.delete_function(&key("bad")).await.unwrap());
    assert!(store.damaged().is_empty());
    assert_eq!(packages_in(&folder), 1);
}

#[tokio::test]
async fn a_record_under_another_name_is_damage() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.create_function(&record("f")).await.unwrap();
    database(&folder).execute("UPDATE functions SET name = 'g'", []).unwrap();
    let read = store.function(&key("g"), LATEST).await;
    assert!(matches!(read, Err(StoreError::DamagedFunction { .. })), "{read:?}");
    // Not even bytes.
    database(&folder).execute("UPDATE functions SET document = 1, checksum = 'x'", []).unwrap();
    let read = store.function(&key("g"), LATEST).await;
    assert!(matches!(read, Err(StoreError::DamagedFunction { .. })), "{read:?}");
}
