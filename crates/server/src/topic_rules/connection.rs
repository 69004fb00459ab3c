//! The connection to the broker: the file that knows the library.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rumqttc::{AckMode, AsyncClient, Broker, Event, EventLoop, MqttOptions, Packet, Publish, QoS, Transport};
use services::iot::{Message, Registry};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use super::MqttBroker;

/// How often it is seen that the broker is there, seconds.
const KEEP_ALIVE_SECONDS: u16 = 30;
/// What a packet has at most, bytes: the protocol's own limit. Larger messages than a target takes are that target's matter.
const PACKET_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Requests that wait for the connection.
const REQUESTS_MAX: usize = 64;
/// The wait before connecting anew; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest such wait.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A connection, made again when it breaks.
pub(super) struct Connection {
    client: AsyncClient,
    events: EventLoop,
    registry: Arc<Registry>,
    broker: String,
}

/// A message that was received.
pub(super) struct Received(Publish);

impl Received {
    /// `None` for one that is none of now: what a broker had kept for whoever subscribes triggers nothing (AWS IoT, rules and
    /// retained messages).
    pub(super) fn message(&self) -> Option<Message> {
        let topic = std::str::from_utf8(&self.0.topic).ok()?.to_owned();
        (!self.0.retain).then(|| Message { topic, payload: self.0.payload.clone() })
    }
}

/// Acknowledges messages.
pub(super) struct Acknowledges(AsyncClient);

impl Acknowledges {
    /// A message needs to come no more. If that does not get to the broker, it does.
    pub(super) async fn done(&self, received: &Received) {
        let _ = self.0.ack(&received.0).await;
    }
}

impl Connection {
    pub(super) fn new(broker: &MqttBroker, session: String, registry: Arc<Registry>) -> Self {
        let mut options = MqttOptions::new(session, Broker::tcp(broker.host.clone(), broker.port));
        options
            .set_keep_alive(KEEP_ALIVE_SECONDS)
            .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX)
            .set_clean_session(false)
            .set_ack_mode(AckMode::Manual);
        if let Some((name, password)) = &broker.login {
            options.set_credentials(name.clone(), password.clone());
        }
        if broker.is_encrypted {
            options.set_transport(Transport::tls_with_default_config());
        }
        let (client, events) = AsyncClient::builder(options).capacity(REQUESTS_MAX).build();
        Self { client, events, registry, broker: format!("{broker:?}") }
    }

    pub(super) fn client(&self) -> Acknowledges {
        Acknowledges(self.client.clone())
    }

    /// Passes messages on until nobody takes them any more.
    pub(super) async fn run(mut self, messages: mpsc::Sender<Received>) {
        let (connected, connections) = watch::channel(0_u64);
        let subscriber = Subscriber { client: self.client.clone(), registry: Arc::clone(&self.registry) };
        let subscribing = tokio::spawn(subscriber.run(connections));
        let (mut pause, mut is_told) = (PAUSE, false);
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    (pause, is_told) = (PAUSE, false);
                    connected.send_modify(|connection| *connection += 1);
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if messages.send(Received(publish)).await.is_err() {
                        subscribing.abort();
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    if !std::mem::replace(&mut is_told, true) {
                        let (broker, error) = (&self.broker, error.to_string());
                        tracing::warn!(broker, error, "the broker of topic rules cannot be read");
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}

/// Has the topics subscribed that rules are on.
struct Subscriber {
    client: AsyncClient,
    registry: Arc<Registry>,
}

impl Subscriber {
    async fn run(self, mut connections: watch::Receiver<u64>) {
        let (mut subscribed, mut is_anew) = (BTreeSet::new(), false);
        loop {
            tokio::select! {
                changed = connections.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // The broker may have forgotten its session, or still have all of it.
                    is_anew = true;
                }
                () = self.registry.changed() => {}
            }
            if *connections.borrow() > 0 {
                self.subscribe(&mut subscribed, std::mem::take(&mut is_anew)).await;
            }
        }
    }

    async fn subscribe(&self, subscribed: &mut BTreeSet<String>, is_anew: bool) {
        let wanted: BTreeSet<String> = self.registry.subscriptions().into_iter().collect();
        for filter in wanted.iter().filter(|filter| is_anew || !subscribed.contains(*filter)) {
            let _ = self.client.subscribe(filter.clone(), QoS::AtLeastOnce).await;
        }
        for filter in subscribed.difference(&wanted) {
            let _ = self.client.unsubscribe(filter.clone()).await;
        }
        *subscribed = wanted;
    }
}
