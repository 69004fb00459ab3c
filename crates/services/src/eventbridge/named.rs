//! What the caller's archives, replays, connections and destinations are stored under.

use store::{DocumentKey, DocumentRange};

use crate::service::ServiceContext;

/// Of a name of the caller's.
pub(super) fn document(context: &ServiceContext, name: &str) -> DocumentKey {
    DocumentKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        parent: String::new(),
        name: name.to_owned(),
    }
}

/// All of the caller's.
pub(super) fn range(context: &ServiceContext) -> DocumentRange {
    let (account_id, region) = (context.account_id().to_owned(), context.region.clone());
    DocumentRange { account_id, region, ..DocumentRange::default() }
}

/// Unix time in seconds.
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
