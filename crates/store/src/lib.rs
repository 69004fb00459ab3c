//! Durable state of Lambent, and nothing else: the only crate that knows SQL and file layout.
//!
//! ```text
//! <data dir>/            0700
//!   lock                 held by the server that owns the directory
//!   id                   names what this directory's server makes on the host
//!   lambent.db           SQLite: functions, and documents of everything else (schema/*.sql)
//!   queues.db            SQLite: what waits (schema/queues/*.sql)
//!   tables.db            SQLite: tables of items (schema/tables/*.sql)
//!   code/<sha256>/       package.zip and tree/, written whole or not at all
//!   objects/             the bytes of S3's objects ([`s3`])
//!   logs/                what functions printed
//! ```
//! One thread writes to each database ([`writer`]), with group commit: whoever asks for a change is answered after the commit is on disk.

mod code_packages;
mod data_dir;
mod database;
mod documents;
mod error;
mod functions;
#[cfg(fuzzing)]
pub mod fuzzing;
mod lambda_documents;
mod logs;
mod quarantine;
mod queues;
pub mod s3;
mod salvage;
#[cfg(test)]
mod samples;
mod schema;
mod store;
mod tables;
mod transaction;
mod write_ahead_log;
mod writer;

pub use code_packages::{CodeLease, CodePackages, PackageError};
pub use data_dir::{DataDir, OpenOptions};
pub use documents::{Document, DocumentKey, DocumentRange};
pub use error::StoreError;
pub use logs::{
    LogEvent, LogGroupKey, LogGroupOverview, LogGroupSettings, LogPage, LogPosition, LogQuery,
    LogStreamState, Logs, StoredEvent, StreamSelection, SubscriptionFilter,
};
pub use queues::{
    Appointment, Checkpoint, MessageView, OutboxItem, OutboxItems, Place, PlacedMessage, QueueObserver,
    QueueTransaction, Queues, StoredMessage,
};
pub use store::Store;
pub use tables::{Direction, Row, Span, TableKey, TableTransaction, TableView, Tables};
pub use transaction::{Change, CommitObserver, Transaction};
