//! What a mapping of a broker has beside what all have.

use serde::{Deserialize, Serialize};

use super::super::SourceKind;
use crate::LambdaError;

/// Where a broker is, what is read from it, and who reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerSettings {
    /// `HOST:PORT` of servers of Kafka; none where an ARN names the broker.
    pub bootstrap_servers: Vec<String>,
    /// The topic, or the queue.
    pub channel: String,
    /// Credentials and certificates, by the ARNs of secrets; and what needs none.
    pub access: Vec<SourceAccess>,
    /// The consumer group of Kafka; that of the mapping's UUID where nobody says.
    pub consumer_group_id: Option<String>,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceAccess {
    /// As the API calls it: `BASIC_AUTH`, say.
    pub kind: String,
    /// The ARN of a secret, or what the kind needs.
    pub uri: String,
}

/// The ways in that do something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// A name and a password: SASL/PLAIN of Kafka.
    BasicAuth,
    /// SASL/SCRAM with SHA-256.
    ScramSha256,
    /// SASL/SCRAM with SHA-512.
    ScramSha512,
    /// A certificate of the client.
    ClientCertificate,
    /// Who has signed the certificates of the servers.
    ServerRootCa,
    /// The virtual host of RabbitMQ.
    VirtualHost,
}

impl AccessKind {
    /// As the API calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BasicAuth => "BASIC_AUTH",
            Self::ScramSha256 => "SASL_SCRAM_256_AUTH",
            Self::ScramSha512 => "SASL_SCRAM_512_AUTH",
            Self::ClientCertificate => "CLIENT_CERTIFICATE_TLS_AUTH",
            Self::ServerRootCa => "SERVER_ROOT_CA_CERTIFICATE",
            Self::VirtualHost => "VIRTUAL_HOST",
        }
    }
}

impl BrokerSettings {
    /// What is given for a kind.
    pub fn access_of(&self, kind: AccessKind) -> Option<&str> {
        self.access.iter().find(|access| access.kind == kind.name()).map(|access| access.uri.as_str())
    }
}

/// Ways in that an operator's network makes needless.
const NETWORK: &[&str] = &["VPC_SUBNET", "VPC_SECURITY_GROUP"];

/// Checks the ways into a source of a kind; whether some of them have no effect here.
///
/// # Errors
/// Where a kind is of another source, is there twice, or names no secret where it must.
pub fn check_access(source: SourceKind, access: &[SourceAccess]) -> Result<bool, LambdaError> {
    use AccessKind::{BasicAuth, ClientCertificate, ScramSha256, ScramSha512, ServerRootCa, VirtualHost};
    let known: &[AccessKind] = match source {
        SourceKind::Mq => &[BasicAuth, VirtualHost],
        _ if source.is_kafka() => &[BasicAuth, ScramSha256, ScramSha512, ClientCertificate, ServerRootCa],
        _ => &[],
    };
    for (place, SourceAccess { kind, uri }) in access.iter().enumerate() {
        if NETWORK.contains(&kind.as_str()) && source.is_kafka() {
            continue;
        }
        let Some(found) = known.iter().find(|known| known.name() == kind) else {
            return refuse(format!("{kind} is not valid for {} event sources.", source.service()));
        };
        if access[..place].iter().any(|other| other.kind == *kind) {
            return refuse(format!("{kind} may be specified only once."));
        }
        if *found != VirtualHost && uri.split(':').nth(2) != Some("secretsmanager") {
            return refuse(format!("{kind} must be the ARN of a secret of Secrets Manager: {uri}"));
        }
    }
    let is_login =
        |access: &&SourceAccess| ![ServerRootCa.name(), VirtualHost.name()].contains(&access.kind.as_str());
    let logins = access.iter().filter(|access| !NETWORK.contains(&access.kind.as_str())).filter(is_login);
    match logins.count() {
        0 if source == SourceKind::Mq => {
            refuse("BASIC_AUTH must be specified for Amazon MQ event sources.".into())
        }
        0 | 1 => Ok(access.iter().any(|access| NETWORK.contains(&access.kind.as_str()))),
        _ => refuse("Only one authentication method can be specified in SourceAccessConfigurations.".into()),
    }
}

/// Checks the addresses of servers of Kafka (the API model's pattern is that of a name and a port).
///
/// # Errors
/// When there is none.
pub fn check_bootstrap_servers(servers: &[String]) -> Result<(), LambdaError> {
    match servers.is_empty() {
        true => {
            refuse("KAFKA_BOOTSTRAP_SERVERS must be specified for self-managed Kafka event sources.".into())
        }
        false => Ok(()),
    }
}

fn refuse<T>(message: String) -> Result<T, LambdaError> {
    Err(LambdaError::InvalidParameterValue(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:s-AbCdEf";

    fn checked(source: SourceKind, access: &[(&str, &str)]) -> Result<bool, String> {
        let access: Vec<_> = access
            .iter()
            .map(|(kind, uri)| SourceAccess { kind: (*kind).into(), uri: (*uri).into() })
            .collect();
        check_access(source, &access).map_err(|error| error.to_string())
    }

    #[test]
    fn a_source_has_its_ways_in() {
        let (kafka, mq) = (SourceKind::SelfManagedKafka, SourceKind::Mq);
        assert_eq!(checked(kafka, &[]), Ok(false));
        assert_eq!(
            checked(kafka, &[("SASL_SCRAM_512_AUTH", SECRET), ("SERVER_ROOT_CA_CERTIFICATE", SECRET)]),
            Ok(false)
        );
        assert_eq!(checked(kafka, &[("VPC_SUBNET", "subnet:a"), ("VPC_SUBNET", "subnet:b")]), Ok(true));
        assert_eq!(checked(mq, &[("BASIC_AUTH", SECRET), ("VIRTUAL_HOST", "/")]), Ok(false));
        for (source, access) in [
            (mq, &[][..]),
            (mq, &[("VIRTUAL_HOST", "/")]),
            (mq, &[("BASIC_AUTH", SECRET), ("BASIC_AUTH", SECRET)]),
            (mq, &[("SASL_SCRAM_256_AUTH", SECRET)]),
            (mq, &[("BASIC_AUTH", "name:password")]),
            (kafka, &[("BASIC_AUTH", SECRET), ("SASL_SCRAM_256_AUTH", SECRET)]),
            (kafka, &[("VIRTUAL_HOST", "/")]),
            (SourceKind::Kinesis, &[("BASIC_AUTH", SECRET)]),
        ] {
            assert!(checked(source, access).is_err(), "{source:?} {access:?}");
        }
    }
}
