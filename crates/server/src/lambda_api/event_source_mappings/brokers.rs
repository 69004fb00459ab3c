//! What of a mapping of a broker is in a request, and what is shown of it.

use std::collections::BTreeMap;

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    event_source_mapping::{
        SourceKind,
        broker::{BrokerSettings, SourceAccess, TIMEOUT_SECONDS_MAX, check_access, check_bootstrap_servers},
    },
};

use crate::lambda_api::LambdaApi;

/// The name that the API has for servers of Kafka.
const BOOTSTRAP_SERVERS: &str = "KAFKA_BOOTSTRAP_SERVERS";

/// What a request to make a mapping says of its broker; `None` for other sources.
pub(super) fn given(
    source: SourceKind,
    input: &api::CreateEventSourceMappingRequest,
) -> Result<Option<BrokerSettings>, LambdaError> {
    let access = access(input.source_access_configurations.clone());
    check_access(source, &access)?;
    if !(source.is_kafka() || source == SourceKind::Mq) {
        return Ok(None);
    }
    let channels = if source.is_kafka() { &input.topics } else { &input.queues };
    let channel = channels.as_ref().and_then(|channels| channels.first()).cloned().unwrap_or_default();
    let endpoints = input.self_managed_event_source.as_ref().and_then(|own| own.endpoints.as_ref());
    let bootstrap_servers =
        endpoints.and_then(|endpoints| endpoints.get(BOOTSTRAP_SERVERS)).cloned().unwrap_or_default();
    if source == SourceKind::SelfManagedKafka {
        check_bootstrap_servers(&bootstrap_servers)?;
    }
    let kafka = input.self_managed_kafka_event_source_config.as_ref();
    check_kafka(kafka)?;
    let consumer_group_id = kafka.and_then(|kafka| kafka.consumer_group_id.clone());
    Ok(Some(BrokerSettings { bootstrap_servers, channel, access, consumer_group_id }))
}

/// What of Kafka is not built.
pub(super) fn check_kafka(
    config: Option<&api::SelfManagedKafkaEventSourceConfig>,
) -> Result<(), LambdaError> {
    let Some(config) = config else { return Ok(()) };
    let what = match config {
        _ if config.schema_registry_config.is_some() => "Schema registries of Kafka",
        _ if config.consumption_mode.as_deref().is_some_and(|mode| !mode.eq_ignore_ascii_case("stream")) => {
            "Share groups of Kafka"
        }
        _ => return Ok(()),
    };
    Err(LambdaError::NotImplemented(format!("{what} are not implemented by this server.")))
}

/// The ways in of a request.
pub(super) fn access(given: Option<Vec<api::SourceAccessConfiguration>>) -> Vec<SourceAccess> {
    let access = |access: api::SourceAccessConfiguration| SourceAccess {
        kind: access.r#type.unwrap_or_default(),
        uri: access.uri.unwrap_or_default(),
    };
    given.unwrap_or_default().into_iter().map(access).collect()
}

impl LambdaApi {
    /// The broker is one that this server can read, and the function is not too slow for it (KF-04).
    pub(super) fn check_broker(
        &self,
        source: SourceKind,
        (arn, access): (&str, &[SourceAccess]),
        timeout_seconds: i64,
    ) -> Result<(), LambdaError> {
        if timeout_seconds > TIMEOUT_SECONDS_MAX {
            return Err(LambdaError::InvalidParameterValue(format!(
                "Function timeout: {timeout_seconds} seconds is more than the {TIMEOUT_SECONDS_MAX} seconds that functions of {} event sources may run.",
                source.service()
            )));
        }
        if source == SourceKind::Mq && self.rabbits.of(arn).is_none() {
            return Err(LambdaError::NotImplemented(format!(
                "The broker {arn} is none that this server knows. Start it with --mq-broker NAME=amqp://HOST:PORT, where NAME is the broker's name in the ARN and the broker is one of RabbitMQ."
            )));
        }
        if check_access(source, access)? && !self.accept_inert_settings {
            return Err(LambdaError::NotImplemented(
                "Subnets and security groups of brokers are not implemented by this server. Start it with --accept-inert-settings to have the setting kept without an effect.".into(),
            ));
        }
        Ok(())
    }
}

/// What is shown of a broker.
pub(super) fn shown(
    settings: BrokerSettings,
    uuid: &str,
    configuration: api::EventSourceMappingConfiguration,
) -> api::EventSourceMappingConfiguration {
    let BrokerSettings { bootstrap_servers, channel, access, consumer_group_id } = settings;
    let access = access.into_iter().map(|SourceAccess { kind, uri }| api::SourceAccessConfiguration {
        r#type: Some(kind),
        uri: Some(uri),
    });
    let configuration = api::EventSourceMappingConfiguration {
        source_access_configurations: Some(access.collect()).filter(|access: &Vec<_>| !access.is_empty()),
        ..configuration
    };
    if bootstrap_servers.is_empty() {
        return api::EventSourceMappingConfiguration { queues: Some(vec![channel]), ..configuration };
    }
    let endpoints = BTreeMap::from([(BOOTSTRAP_SERVERS.to_owned(), bootstrap_servers)]);
    api::EventSourceMappingConfiguration {
        topics: Some(vec![channel]),
        event_source_arn: None,
        self_managed_event_source: Some(api::SelfManagedEventSource { endpoints: Some(endpoints) }),
        self_managed_kafka_event_source_config: Some(api::SelfManagedKafkaEventSourceConfig {
            consumer_group_id: consumer_group_id.or_else(|| Some(uuid.to_owned())),
            ..Default::default()
        }),
        // What only streams of AWS have.
        parallelization_factor: None,
        tumbling_window_in_seconds: None,
        ..configuration
    }
}
