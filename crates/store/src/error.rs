//! What can go wrong with durable state.

use std::{io, path::PathBuf};

/// An error of the store. Texts name files, never contents.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another server owns the directory.
    #[error("the data directory {} belongs to a running server (process {pid}): stop it, or choose another with --data-dir", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who holds it, as far as it says.
        pid: String,
    },
    /// The database was written by a newer server.
    #[error("the data directory was written by a newer version (schema {found}, this server knows {known})")]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// The transaction that the change was in failed as a whole: nothing of it is there.
    #[error("not written: {0}")]
    NotWritten(String),
    /// The database refused.
    #[error("database")]
    Database(#[from] rusqlite::Error),
    /// A file or directory refused.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A function's record is not what was stored.
    #[error("the record of {arn} {what}")]
    DamagedFunction {
        /// Which function.
        arn: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A document is not what was stored.
    #[error("the document {document} {what}")]
    DamagedDocument {
        /// Which.
        document: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A package is not what was stored.
    #[error("the package {} {what}", path.display())]
    DamagedPackage {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Attaches the path to an error of a file.
pub(crate) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> StoreError + '_ {
    move |source| StoreError::File { path: path.to_owned(), source }
}

impl From<StoreError> for lambda_model::LambdaError {
    /// A caller learns only that something of ours broke; the words are for the server's log.
    fn from(error: StoreError) -> Self {
        Self::Service(lambda_model::error::with_causes(&error))
    }
}
