//! Documents: kept, listed in order, checked for damage.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{Document, DocumentKey, DocumentRange, Store, StoreError, samples::open};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note(String);

impl Document for Note {
    const KIND: &'static str = "note";
}

fn key(parent: &str, name: &str) -> DocumentKey {
    DocumentKey {
        account_id: "000000000000".into(),
        region: String::new(),
        parent: parent.into(),
        name: name.into(),
    }
}

async fn put(store: &Store, parent: &str, name: &str) {
    let (key, note) = (key(parent, name), Note(format!("{parent}/{name}")));
    store.transact(move |transaction| transaction.put_document(&key, &note)).await.unwrap();
}

async fn names(store: &Store, range: DocumentRange) -> Vec<String> {
    let range = DocumentRange { account_id: "000000000000".into(), ..range };
    store.documents::<Note>(range).await.unwrap().into_iter().map(|(_, note)| note.0).collect()
}

#[tokio::test]
async fn documents_are_kept_and_listed_by_parent_and_name() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for (parent, name) in [("b", "1"), ("a", "2"), ("a", "1"), ("a", "10")] {
        put(&store, parent, name).await;
    }
    store.close().await;
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.document(&key("a", "2")).await.unwrap(), Some(Note("a/2".into())));
    assert_eq!(store.document::<Note>(&key("a", "3")).await.unwrap(), None);
    assert_eq!(names(&store, DocumentRange::default()).await, ["a/1", "a/10", "a/2", "b/1"]);
    let of_a = DocumentRange { parent: Some("a".into()), limit: Some(2), ..DocumentRange::default() };
    assert_eq!(names(&store, of_a.clone()).await, ["a/1", "a/10"]);
    let after = DocumentRange { after: Some(("a".into(), "10".into())), ..DocumentRange::default() };
    assert_eq!(names(&store, after).await, ["a/2", "b/1"]);
}

#[tokio::test]
async fn damage_is_set_aside_and_reported_until_the_document_is_made_anew() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    put(&store, "a", "1").await;
    put(&store, "a", "2").await;
    let database = Connection::open(folder.path().join("lambent.db")).unwrap();
    database.execute("UPDATE documents SET document = '\"x\"' WHERE name = '1'", []).unwrap();
    let found = store.document::<Note>(&key("a", "1")).await;
    assert!(matches!(found, Err(StoreError::DamagedDocument { .. })), "{found:?}");
    store.close().await;
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.damaged(), ["note 000000000000//a/1"]);
    assert_eq!(names(&store, DocumentRange::default()).await, ["a/2"]);
    put(&store, "a", "1").await;
    assert!(store.damaged().is_empty());
    assert_eq!(names(&store, DocumentRange::default()).await, ["a/1", "a/2"]);
}
