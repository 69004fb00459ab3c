//! S3: buckets and objects. The protocol (routing, XML, headers) is the library `s3s`; what the operations do is here, and what they
//! keep is in [`store::s3`].
//!
//! ```text
//!   PutObject      receive -> file, synced -> transaction: conditions, version, row -> answer
//!   GetObject      read the row -> conditions, range -> lease on the files -> stream
//!   multipart      parts are files from the start; completing names them in one row and copies nothing
//!   events         put down in the transaction of the object -> handed to the targets' outbox
//! ```
//! Every decision about what is there is taken in the transaction that acts on it. A body is never in memory whole.

mod acl;
mod bucket_settings;
mod buckets;
mod checksums;
mod code_objects;
mod conditions;
mod context;
mod delivered;
mod error;
mod listing;
mod multipart;
mod notifications;
mod object_headers;
mod object_lock;
mod objects;
mod operations;
mod receiving;
mod sending;
mod tagging;
mod versions;

pub use context::{Requester, S3Context, Trailers, bucket_of_host, is_virtual_host};
pub use error::{AnswerStatus, DETAIL_HEADER};
pub use notifications::ObjectEvents;

use store::Store;

use crate::targets::Targets;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct S3 {
    store: Store,
    /// What may be told of what happens to objects.
    targets: Targets,
    /// Whether settings without an effect are kept.
    accept_inert_settings: bool,
}

impl S3 {
    /// The service over what `store` keeps. Settings that have no effect here are refused, unless they are accepted.
    #[must_use]
    pub fn new(store: Store, targets: Targets, accept_inert_settings: bool) -> Self {
        Self { store, targets, accept_inert_settings }
    }

    /// The service behind its protocol: requests carry an [`S3Context`] in their extensions.
    #[must_use]
    pub fn into_http_service(self) -> s3s::service::S3Service {
        let mut builder = s3s::service::S3ServiceBuilder::new(self);
        builder.set_host(context::VirtualHosts);
        builder.build()
    }
}
