//! What the operator decided, checked once and passed down.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use invocation::AccountLimits;
use lambda_model::invocation::asynchronous::RetryPolicy;

use crate::{
    event_source_mappings::BrokerUrl, gateway::WebSocketLimits, outside::RelaySettings,
    service_endpoints::ServiceEndpoint, tls::TlsFiles, topic_rules::MqttBroker,
};

/// How requests are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Auth {
    /// Any credentials are accepted; the access key id selects the account.
    Off,
    /// Signatures and policies are verified.
    Enforce,
}

/// Configuration of the server.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    /// Where everything durable lives.
    pub data_dir: PathBuf,
    /// Forget everything at the end.
    pub ephemeral: bool,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Account of callers whose access key id names none.
    pub account_id: String,
    /// Region of callers whose signature names none.
    pub region: String,
    /// See [`Auth`].
    pub auth: Auth,
    /// Access key id and secret of the account's root.
    pub root_key: Option<(String, String)>,
    /// What an account may use in a Region.
    pub account_limits: AccountLimits,
    /// Rules of an event bus at most.
    pub rules_per_bus: usize,
    /// Connections of clients at a time.
    pub connections: usize,
    /// How long an API waits for what is behind it, at most, where that is longer than usual.
    pub integration_timeout: Duration,
    /// How long WebSocket connections last, and how many there may be.
    pub websockets: WebSocketLimits,
    /// Of asynchronous invocations for which nothing else is configured.
    pub retry_policy: RetryPolicy,
    /// Whether settings without an effect here are kept, with a warning.
    pub accept_inert_settings: bool,
    /// Whether functions for another architecture are kept.
    pub allow_foreign_architecture: bool,
    /// Interpreters that the operator names, as `runtime=path`.
    pub runtime_paths: Vec<(String, PathBuf)>,
    /// Host features that may be missing.
    pub allow_unenforced: Vec<String>,
    /// Layers of isolation taken away on purpose.
    pub without_layers: Vec<String>,
    /// Whether runtimes get AWS's SDK fetched for them.
    pub fetch_sdk: bool,
    /// Services that are elsewhere.
    pub service_endpoints: Vec<ServiceEndpoint>,
    /// Brokers of RabbitMQ.
    pub mq_brokers: Vec<BrokerUrl>,
    /// The broker that rules of IoT are on.
    pub mqtt_broker: Option<MqttBroker>,
    /// Where clients reach this server, where that is not the address that it listens at.
    pub public_url: Option<String>,
    /// Who takes mail.
    pub mail_relay: Option<RelaySettings>,
    /// A certificate of the operator's; without it the server has one of its own.
    pub tls_files: Option<TlsFiles>,
    /// Whether the operator named a level of the network, which then must be had.
    pub network_is_wanted: bool,
    /// Settings of execution environments.
    pub execution: execution::Configuration,
}
