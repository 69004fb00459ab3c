//! Records and packages for the tests of this crate.

use std::{
    io::{Cursor, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use lambda_model::function::{CodeReference, FunctionConfiguration, FunctionKey, FunctionRecord};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{Change, CommitObserver, DataDir, OpenOptions, Store, StoreError};

/// Opens a store in a directory, with nobody who looks on.
pub(crate) fn open(path: &Path) -> Store {
    try_open(path).unwrap()
}

/// The same, where it may fail.
pub(crate) fn try_open(path: &Path) -> Result<Store, StoreError> {
    let options = OpenOptions { data_dir: path.to_owned(), ephemeral: false };
    Store::open(DataDir::open(&options)?, Arc::new(Commits::default()))
}

/// Writes down what it learns.
#[derive(Default)]
pub(crate) struct Commits(pub(crate) Mutex<Vec<String>>);

impl CommitObserver for Commits {
    fn committed(&self, change: &Change) {
        self.0.lock().unwrap().push(match change {
            Change::FunctionStored(record) => format!("{} is at {}", record.key.name, record.revision_id),
            Change::VersionDeleted(key, version) => format!("{}:{version} is gone", key.name),
            Change::FunctionDeleted(key) => format!("{} is gone", key.name),
            Change::DocumentStored { kind, key, .. } => format!("{kind} {} is stored", key.name),
            Change::DocumentDeleted { kind, key } => format!("{kind} {} is gone", key.name),
            Change::EverythingDeleted => "everything is gone".into(),
        });
    }
}

/// The key of a function of the default account and Region.
pub(crate) fn key(name: &str) -> FunctionKey {
    FunctionKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: name.into() }
}

/// A function that is Active, with code that is nowhere.
pub(crate) fn record(name: &str) -> FunctionRecord {
    let configuration = FunctionConfiguration {
        runtime: "python3.11".into(),
        handler: "app.handler".into(),
        role: "arn:aws:iam::000000000000:role/r".into(),
        timeout_seconds: 3,
        memory_size_mb: 128,
        ephemeral_storage_mb: 512,
        architecture: "x86_64".into(),
        tracing_mode: "PassThrough".into(),
        ..FunctionConfiguration::default()
    };
    let code = CodeReference { sha256_hex: "0".repeat(64), code_sha256: String::new(), code_size_bytes: 10 };
    let mut record = FunctionRecord::new(key(name), configuration, code, "0".into(), 0);
    record.become_active("1".into(), None);
    record
}

/// An entry of a zip.
pub(crate) enum Entry<'a> {
    File(&'a str),
    Executable(&'a str),
    Link(&'a str),
    Directory,
}

/// A zip of these entries, under names that nobody checks.
pub(crate) fn zip_of(entries: &[(&str, Entry<'_>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for (name, entry) in entries {
        match entry {
            Entry::File(content) => {
                writer.start_file(*name, options.unix_permissions(0o644)).unwrap();
                writer.write_all(content.as_bytes()).unwrap();
            }
            Entry::Executable(content) => {
                writer.start_file(*name, options.unix_permissions(0o755)).unwrap();
                writer.write_all(content.as_bytes()).unwrap();
            }
            Entry::Link(target) => writer.add_symlink(*name, *target, options).unwrap(),
            Entry::Directory => writer.add_directory(*name, options).unwrap(),
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A small package whose bytes depend on `content`.
pub(crate) fn package(content: &str) -> Vec<u8> {
    zip_of(&[("app.py", Entry::File(content))])
}
