//! Transactions: wholly or not at all, told in order, and what belongs to a function goes with it.

use std::sync::Arc;

use lambda_model::function::{Alias, LATEST};
use tempfile::TempDir;

use crate::{
    DataDir, DocumentKey, DocumentRange, OpenOptions, Store, StoreError,
    samples::{Commits, key, package, record},
};

#[derive(Debug, PartialEq)]
enum Refusal {
    No,
    Store,
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

fn alias(name: &str) -> (DocumentKey, Alias) {
    let of = key("f");
    let document_key =
        DocumentKey { account_id: of.account_id, region: of.region, parent: of.name, name: name.into() };
    let alias = Alias {
        name: name.into(),
        function_version: "1".into(),
        description: String::new(),
        additional_version: None,
        revision_id: String::new(),
    };
    (document_key, alias)
}

fn open(folder: &TempDir) -> (Store, Arc<Commits>) {
    let commits = Arc::new(Commits::default());
    let options = OpenOptions { data_dir: folder.path().to_owned(), ephemeral: false };
    (Store::open(DataDir::open(&options).unwrap(), commits.clone()).unwrap(), commits)
}

#[tokio::test]
async fn a_refused_transaction_leaves_nothing_and_is_not_told() {
    let folder = TempDir::new().unwrap();
    let (store, commits) = open(&folder);
    let refused: Result<(), Refusal> = store
        .transact(|transaction| {
            transaction.put_function(&record("f"))?;
            let (key, alias) = alias("live");
            transaction.put_document(&key, &alias)?;
            assert!(transaction.function(&record("f").key, LATEST)?.is_some(), "it sees its own changes");
            Err(Refusal::No)
        })
        .await;
    assert_eq!(refused, Err(Refusal::No));
    assert_eq!(store.function(&key("f"), LATEST).await.unwrap(), None);
    assert!(commits.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_belongs_to_a_function_goes_with_it() {
    let folder = TempDir::new().unwrap();
    let (store, commits) = open(&folder);
    let mut version = record("f");
    version.version = "1".into();
    store
        .transact::<_, StoreError>(move |transaction| {
            transaction.put_function(&record("f"))?;
            transaction.put_function(&version)?;
            let (key, alias) = alias("live");
            transaction.put_document(&key, &alias)
        })
        .await
        .unwrap();
    assert_eq!(store.versions(&key("f")).await.unwrap().len(), 2);
    store.delete_function(&key("f")).await.unwrap();
    assert!(store.versions(&key("f")).await.unwrap().is_empty());
    let left = store.all_documents::<Alias>().await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    let told = commits.0.lock().unwrap().clone();
    assert_eq!(told, ["f is at 1", "f is at 1", "function/alias live is stored", "f is gone"]);
}

#[tokio::test]
async fn a_version_is_deleted_alone_and_its_code_goes_when_no_other_has_it() {
    let folder = TempDir::new().unwrap();
    let (store, _) = open(&folder);
    let lease = store.code_packages().intake(package("old").into()).await.unwrap_or_else(|e| panic!("{e}"));
    let mut version = record("f");
    version.version = "10".into();
    version.code = lease.reference().clone();
    let mut second = version.clone();
    second.version = "9".into();
    store
        .transact::<_, StoreError>(move |transaction| {
            transaction.put_function(&record("f"))?;
            transaction.put_function(&version)?;
            transaction.put_function(&second)
        })
        .await
        .unwrap();
    drop(lease);
    let order: Vec<String> =
        store.versions(&key("f")).await.unwrap().into_iter().map(|record| record.version).collect();
    assert_eq!(order, ["$LATEST", "9", "10"]);
    let packages = || std::fs::read_dir(folder.path().join("code")).unwrap().count();
    let delete = |version: &'static str| {
        store.transact::<_, StoreError>(move |transaction| transaction.delete_version(&key("f"), version))
    };
    assert!(delete("9").await.unwrap());
    assert!(!delete("9").await.unwrap());
    assert_eq!(packages(), 1);
    assert!(delete("10").await.unwrap());
    assert_eq!(packages(), 0);
    let all = store.list_versions("000000000000", "us-east-1", None, 10).await.unwrap();
    assert_eq!(all.len(), 1);
    let after = Some(("f", LATEST));
    assert!(store.list_versions("000000000000", "us-east-1", after, 10).await.unwrap().is_empty());
    let range = DocumentRange::default();
    assert!(store.documents::<Alias>(range).await.unwrap().is_empty());
}
