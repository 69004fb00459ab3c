//! The brokers that the operator names: what an ARN of Amazon MQ stands for here.

use std::{collections::BTreeMap, str::FromStr};

use lambda_model::event_source_mapping::broker::rabbitmq::broker_name;
use lapin::uri::AMQPUri;

/// `NAME=amqp://HOST:PORT`: a broker that mappings name in their ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokerUrl {
    name: String,
    uri: AMQPUri,
}

impl FromStr for BrokerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = || format!("{text:?} is not of the form NAME=amqp://HOST:PORT or NAME=amqps://HOST:PORT");
        let (name, url) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(told)?;
        let uri = url.parse::<AMQPUri>().map_err(|_| told())?;
        if url.contains('@') {
            return Err(format!(
                "{name}: credentials come from the secret of a mapping, not from the command line"
            ));
        }
        Ok(Self { name: name.to_owned(), uri })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct RabbitBrokers(BTreeMap<String, AMQPUri>);

impl RabbitBrokers {
    pub(crate) fn new(brokers: &[BrokerUrl]) -> Self {
        Self(brokers.iter().map(|broker| (broker.name.clone(), broker.uri.clone())).collect())
    }

    /// Where the broker of an ARN is.
    pub(crate) fn of(&self, arn: &str) -> Option<&AMQPUri> {
        self.0.get(broker_name(arn)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_has_a_name_and_an_address_and_no_password() {
        let broker: BrokerUrl = "orders=amqps://mq.example:5671".parse().unwrap();
        let brokers = RabbitBrokers::new(&[broker]);
        let found = brokers.of("arn:aws:mq:us-east-1:000000000000:broker:orders:b-1").unwrap();
        assert_eq!((found.authority.host.as_str(), found.authority.port), ("mq.example", 5671));
        assert!(brokers.of("arn:aws:mq:us-east-1:000000000000:broker:other:b-1").is_none());
        for wrong in ["orders", "=amqp://h", "orders=http://h", "orders=amqp://user:secret@h:5672"] {
            assert!(wrong.parse::<BrokerUrl>().is_err(), "{wrong}");
        }
    }
}
