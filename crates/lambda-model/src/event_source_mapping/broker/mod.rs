//! Brokers that self-hosters run (B.13): topics of Kafka, queues of RabbitMQ.
//!
//! ```text
//! topic ──► members of a consumer group, more while they do not keep up ([`scaling`]) ──► batch ──► invoked ──► offsets committed
//! queue ──► one consumer ──► batch ──► invoked ──► acknowledged, or back into the queue
//! ```
//! The broker keeps how far it is read: nothing is kept here.

pub mod kafka;
pub mod kafka_failures;
pub mod rabbitmq;
pub mod scaling;
mod settings;

pub use settings::{AccessKind, BrokerSettings, SourceAccess, check_access, check_bootstrap_servers};

/// How long a batch waits for more where its mapping says nothing: milliseconds (KF-01).
const WINDOW_MS_DEFAULT: u64 = 500;

/// How long a batch of a mapping with a window of so many seconds waits for more: milliseconds.
pub fn window_ms(seconds: i64) -> u64 {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => seconds.saturating_mul(1_000),
        _ => WINDOW_MS_DEFAULT,
    }
}

/// A function's timeout at most, seconds (KF-04: 14 minutes).
pub const TIMEOUT_SECONDS_MAX: i64 = 840;
