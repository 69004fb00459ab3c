//! IoT: rules on topics of MQTT. The broker is the operator's; whoever reads from it asks here what a message triggers.
//!
//! ```text
//! CreateTopicRule ──► read ([`sql`]) ──► kept ──► registry ──► which topics are subscribed ([`topics::Subscriptions`])
//! message ──► rules whose FROM is its topic ──► WHERE ──► SELECT ──► each action: a delivery of the outbox
//! ```

mod actions;
mod error;
mod operations;
mod record;
mod registry;
mod rules;
mod sql;
mod tags;
mod topics;
mod triggering;

use std::sync::Arc;

use aws_api::error_response::ApiError;
use store::{DocumentKey, Store, Transaction};

use self::record::SessionRecord;
use crate::change::ChangeError;

pub use registry::Registry;
pub use triggering::Message;

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Iot {
    store: Store,
    registry: Arc<Registry>,
    /// Whether there is a broker whose topics rules can be on.
    has_broker: bool,
}

impl Iot {
    /// The service, with the rules that the registry knows.
    pub fn new(store: Store, registry: Arc<Registry>, has_broker: bool) -> Self {
        Self { store, registry, has_broker }
    }

    /// The name of this server's session with the broker: always the same.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    pub async fn session(&self) -> Handled<String> {
        let change = |transaction: &mut Transaction<'_>| -> Result<String, ChangeError> {
            let key = DocumentKey::default();
            if let Some(session) = transaction.document::<SessionRecord>(&key)? {
                return Ok(session.name);
            }
            let name = format!("lambent-{}", uuid::Uuid::new_v4().simple());
            transaction.put_document(&key, &SessionRecord { name: name.clone() })?;
            Ok(name)
        };
        Ok(self.store.transact(change).await?)
    }
}
