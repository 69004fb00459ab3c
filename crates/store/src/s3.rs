//! What S3 keeps: objects are files, everything about them is rows.
//!
//! ```text
//!   objects/<2 hex>/<32 hex>   the bytes of an object or of a part; no name of a user's is in a path
//! ```
//! A file is written and synced, name and all, before the row that names it is committed: an acknowledged object is there after
//! a power loss, a torn one is never visible. Every file belongs to exactly one row, and never changes. It is removed after the row
//! is gone and nobody reads it any more; what a crash left without a row is removed at start.
//!
//! What happened to an object is put down in the transaction that did it ([`events`]).

mod events;
mod files;
mod records;
mod rows;
mod scan;
mod transaction;

pub use events::WaitingEvent;
pub(crate) use events::describe as describe_event;
pub use files::{FileLease, NewObjectFile, ObjectFiles};
pub use records::{
    BucketRecord, Checksum, ObjectContent, ObjectHeaders, ObjectLock, ObjectRecord, PartRecord, Retention,
    Segment, UploadRecord, Versioning,
};
pub use scan::{Listed, Listing, Scan, UploadPage, VersionPage};
pub use transaction::{S3Reader, S3Transaction};

#[cfg(test)]
mod tests;
