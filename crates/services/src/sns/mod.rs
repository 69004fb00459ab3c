//! SNS: topics, and who is told what is published to them.
//!
//! ```text
//! Publish ──► subscriptions whose filter lets it through ──► one transaction: messages of SQS, asynchronous events of Lambda, and
//!                     │                                       in the outbox whatever leaves this server
//!                     └ not there any more ──► the subscription's dead-letter queue      │
//!                                                   ▲                                   ▼
//!                                                   └── given up ── http(s), mail, text messages, devices (telling.rs)
//! ```
//! Topics and subscriptions are documents of the store, and in memory ([`Registry`]).

mod confirmation;
mod delivery_policy;
mod direct;
mod error;
mod filter;
mod links;
mod message;
mod notice;
mod operations;
mod outside;
mod permissions;
mod protocol;
mod publishing;
mod push;
mod registry;
mod sent;
mod signing;
mod sms;
mod subscriptions;
mod tags;
mod telling;
mod topic;
mod topics;

use std::sync::{Arc, atomic::AtomicU64};

use aws_api::error_response::ApiError;
use lambda_model::ports::{Clock, FunctionCatalog};
use store::Store;

pub use links::Links;
pub use outside::{Answered, Call, Mail, Outside, Post, Refusal};
pub use registry::Registry;
pub use sent::SentRecord;

pub(crate) use telling::Told;
pub(crate) use topic::TopicKey;

use registry::Topic;
use signing::{Signer, SigningKeys};

use crate::sqs::Sqs;

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// What the service is made with.
pub struct SnsParts {
    /// Where topics are kept.
    pub store: Store,
    /// Those there are.
    pub registry: Arc<Registry>,
    /// Queues that may be subscribed.
    pub sqs: Sqs,
    /// Functions that may be.
    pub catalog: Arc<dyn FunctionCatalog>,
    /// When a message was published.
    pub clock: Arc<dyn Clock>,
    /// The ways out.
    pub outside: Arc<dyn Outside>,
    /// The ways back.
    pub links: Links,
}

/// The service.
#[derive(Clone)]
pub struct Sns {
    store: Store,
    registry: Arc<Registry>,
    sqs: Sqs,
    catalog: Arc<dyn FunctionCatalog>,
    clock: Arc<dyn Clock>,
    outside: Arc<dyn Outside>,
    links: Links,
    keys: Arc<SigningKeys>,
    /// How many messages to people since the start.
    sent: Arc<AtomicU64>,
}

impl Sns {
    /// The service, with the topics that the registry knows.
    pub fn new(parts: SnsParts) -> Self {
        let SnsParts { store, registry, sqs, catalog, clock, outside, links } = parts;
        let (keys, sent) = (Arc::default(), Arc::default());
        Self { store, registry, sqs, catalog, clock, outside, links, keys, sent }
    }

    /// The ways out, for others of this server that have something to say there.
    pub(crate) fn outside(&self) -> Arc<dyn Outside> {
        Arc::clone(&self.outside)
    }

    /// The policy of a topic; `None` where there is no topic.
    pub(crate) fn policy(&self, key: &TopicKey) -> Option<String> {
        let record = self.registry.topic(key)?.record?;
        Some(topics::policy_of(key, &record).to_string())
    }

    /// The certificate that signatures are checked with, in PEM; `None` where it has another name.
    pub async fn certificate(&self, name: &str) -> Option<String> {
        self.keys.certificate(name, &self.store).await
    }

    /// Who signs the messages of a topic.
    async fn signer(&self, topic: &Topic) -> Handled<Signer> {
        Ok(Signer::new(self.keys.get(&self.store).await?, self.links.clone(), topic.attributes()))
    }
}
