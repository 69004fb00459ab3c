//! The sources that Lambda reads from, and how a request names them.

use super::filter::{FieldPattern, FilterPattern};
use crate::LambdaError;

/// What a mapping reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// An SQS queue; true for FIFO.
    Sqs {
        /// Whether its name ends in `.fifo`.
        fifo: bool,
    },
    /// A Kinesis stream, or a consumer of one.
    Kinesis,
    /// A stream of a DynamoDB table.
    DynamoDbStream,
    /// A cluster of Amazon MSK.
    Msk,
    /// Brokers of the user's own.
    SelfManagedKafka,
    /// A broker of Amazon MQ.
    Mq,
    /// A cluster of DocumentDB.
    DocumentDb,
}

impl SourceKind {
    /// The kind that an ARN, or its absence beside brokers of one's own, stands for.
    ///
    /// # Errors
    /// The recorded text for what is none.
    pub fn of(event_source_arn: Option<&str>, has_own_brokers: bool) -> Result<Self, LambdaError> {
        let Some(arn) = event_source_arn else {
            return if has_own_brokers {
                Ok(Self::SelfManagedKafka)
            } else {
                Err(LambdaError::InvalidParameterValue("Unrecognized event source.".into()))
            };
        };
        if has_own_brokers {
            return Err(LambdaError::InvalidParameterValue(
                "EventSourceArn and SelfManagedEventSource cannot be specified together.".into(),
            ));
        }
        let mut parts = arn.splitn(6, ':').skip(2);
        let service = parts.next().unwrap_or_default();
        let resource = parts.nth(2).unwrap_or_default();
        match service {
            "sqs" => Ok(Self::Sqs { fifo: resource.ends_with(".fifo") }),
            "kinesis" if resource.starts_with("stream/") => Ok(Self::Kinesis),
            "dynamodb" if resource.contains("/stream/") => Ok(Self::DynamoDbStream),
            "kafka" => Ok(Self::Msk),
            "mq" => Ok(Self::Mq),
            "rds" | "docdb" => Ok(Self::DocumentDb),
            _ => Err(LambdaError::InvalidParameterValue(format!(
                "Unrecognized event source, must be kinesis, dynamodb stream or sqs. Unsupported source arn : {arn}"
            ))),
        }
    }

    /// The service, as messages name it.
    pub fn service(self) -> &'static str {
        match self {
            Self::Sqs { .. } => "SQS",
            Self::Kinesis => "Kinesis",
            Self::DynamoDbStream => "DynamoDB Streams",
            Self::Msk => "Amazon MSK",
            Self::SelfManagedKafka => "self-managed Kafka",
            Self::Mq => "Amazon MQ",
            Self::DocumentDb => "DocumentDB",
        }
    }

    /// Whether records come in order from a position that is kept.
    pub fn is_stream(self) -> bool {
        matches!(self, Self::Kinesis | Self::DynamoDbStream)
    }

    /// Whether a filter may be so: what a stream brings is JSON, or no pattern of it lets it through (F-05).
    pub fn takes(self, pattern: &FilterPattern) -> bool {
        let data = match self {
            Self::Kinesis => "data",
            Self::DynamoDbStream => "dynamodb",
            _ => return true,
        };
        let is_text = |(name, wanted): &(String, FieldPattern)| {
            name == data && matches!(wanted, FieldPattern::AnyOf(_))
        };
        !pattern.fields.iter().any(is_text)
    }

    /// Whether records come from Kafka.
    pub fn is_kafka(self) -> bool {
        matches!(self, Self::Msk | Self::SelfManagedKafka)
    }

    /// Records of a batch when nobody says (Q-01, K-02, KF-01).
    pub fn batch_size_default(self) -> i64 {
        match self {
            Self::Sqs { .. } => 10,
            _ => 100,
        }
    }

    /// Records of a batch at most.
    pub fn batch_size_max(self) -> i64 {
        match self {
            Self::Sqs { fifo: true } => 10,
            _ => 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_its_arn() {
        let kind = |arn: &str| SourceKind::of(Some(arn), false);
        assert_eq!(kind("arn:aws:sqs:us-east-1:0:q"), Ok(SourceKind::Sqs { fifo: false }));
        assert_eq!(kind("arn:aws:sqs:us-east-1:0:q.fifo"), Ok(SourceKind::Sqs { fifo: true }));
        assert_eq!(kind("arn:aws:kinesis:us-east-1:0:stream/s"), Ok(SourceKind::Kinesis));
        assert_eq!(kind("arn:aws:dynamodb:us-east-1:0:table/t/stream/2026"), Ok(SourceKind::DynamoDbStream));
        assert_eq!(SourceKind::of(None, true), Ok(SourceKind::SelfManagedKafka));
        assert_eq!(SourceKind::of(None, false).unwrap_err().to_string(), "Unrecognized event source.");
        for arn in
            ["arn:aws:s3:::bucket", "arn:aws:dynamodb:us-east-1:0:table/t", "arn:aws:sns:us-east-1:0:t"]
        {
            assert!(
                kind(arn).unwrap_err().to_string().starts_with("Unrecognized event source, must be"),
                "{arn}"
            );
        }
    }
}
