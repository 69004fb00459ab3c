//! Durable state of Lambent, and nothing else: the only crate that knows SQL and file layout.
//!
//! ```text
//! <data dir>/            0700
//!   lock                 held by the server that owns the directory
//!   id                   names what this directory's server makes on the host
//!   lambent.db           SQLite: functions (schema/*.sql)
//!   code/<sha256>/       package.zip and tree/, written whole or not at all
//!   logs/                what functions printed
//! ```
//! One thread writes ([`writer`]), with group commit: whoever asks for a change is answered after the commit is on disk.

mod code_packages;
mod data_dir;
mod error;
mod functions;
mod logs;
mod quarantine;
#[cfg(test)]
mod samples;
mod schema;
mod store;
mod writer;

pub use code_packages::{CodeLease, CodePackages, PackageError};
pub use error::StoreError;
pub use functions::AccountUsage;
pub use logs::{FunctionLogs, LogChunk, LogPosition};
pub use store::{CommitObserver, OpenOptions, Store};
