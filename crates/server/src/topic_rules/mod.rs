//! Reads the topics of MQTT that rules of IoT are on.
//!
//! ```text
//! connection ([`connection`]) ──► messages ──► what rules have delivered: one transaction of the outbox ──► acknowledged
//!      ▲                                                              │ not on disk: again, unacknowledged
//!      └── subscriptions, anew with each connection and each change of a rule
//! ```
//! The session is one that the broker keeps: what comes while this server is down comes when it is up again. A message that was not
//! acknowledged comes again, so that a rule may be triggered twice by one message, and never not at all (quality of service 1).

mod broker;
mod connection;

use std::{sync::Arc, time::Duration};

use lambda_model::ports::Clock;
use services::iot::{Iot, Message, Registry};
use store::{QueueTransaction, Queues, StoreError};
use tokio::{sync::mpsc, time::sleep};

pub(crate) use broker::MqttBroker;
use connection::{Connection, Received};

/// Messages that wait to be looked at: the connection is not read while there are so many.
const WAITING_MAX: usize = 256;
/// Messages of one transaction.
const BATCH_MAX: usize = 64;
/// The wait after a transaction that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What reading works with.
pub(crate) struct TopicRules {
    /// Knows what a message triggers.
    pub iot: Iot,
    /// Knows which topics there are rules on.
    pub registry: Arc<Registry>,
    /// Has the outbox.
    pub queues: Queues,
    /// That of the outbox.
    pub clock: Arc<dyn Clock>,
}

impl TopicRules {
    /// Reads until the store is closed.
    pub(crate) async fn run(self, broker: MqttBroker) {
        let session = match self.iot.session().await {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(error = error.message, "topics of MQTT are not read");
                return;
            }
        };
        let (sender, mut receiver) = mpsc::channel(WAITING_MAX);
        let connection = Connection::new(&broker, session, Arc::clone(&self.registry));
        let acknowledges = connection.client();
        tokio::spawn(connection.run(sender));
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
            while let Err(error) = self.trigger(&batch).await {
                if matches!(error, StoreError::Closed) {
                    return;
                }
                tracing::error!(%error, "what messages of MQTT trigger could not be kept");
                sleep(PAUSE).await;
            }
            for received in batch.drain(..) {
                acknowledges.done(&received).await;
            }
        }
    }

    /// Keeps what messages have delivered, all or nothing.
    async fn trigger(&self, batch: &[Received]) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let messages = batch.iter().filter_map(Received::message);
        let deliveries: Vec<_> =
            messages.flat_map(|message: Message| self.iot.triggered(&message, now_ms)).collect();
        if deliveries.is_empty() {
            return Ok(());
        }
        let deliver = move |transaction: &mut QueueTransaction<'_>| {
            deliveries.into_iter().try_for_each(|delivery| transaction.deliver(delivery))
        };
        self.queues.transact(deliver).await
    }
}
