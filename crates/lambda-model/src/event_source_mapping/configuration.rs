//! What a mapping may be configured to be, by the kind of its source.

use super::{SourceKind, filter::FilterPattern};
use crate::{LambdaError, limits};

/// The least age of a record at which it is given up, where it is at all (API reference).
const RECORD_AGE_SECONDS_MIN: i64 = 60;

/// What a topic of Kafka begins with where it is told of what is given up.
pub const KAFKA_DESTINATION: &str = "kafka://";

/// Members that mappings of Kafka have as those of streams do.
const KAFKA_MEMBERS: &[&str] =
    &["BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts"];

/// The members of CreateEventSourceMapping and UpdateEventSourceMapping that have rules beyond the API model's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MappingRequest {
    /// Records of a batch.
    pub batch_size: Option<i64>,
    /// Seconds that a batch may wait to fill.
    pub batching_window_seconds: Option<i64>,
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
    pub starting_position: Option<String>,
    /// Whether there is a time to start at.
    pub has_starting_timestamp: bool,
    /// Filter patterns, any of which lets a record through.
    pub filters: Vec<String>,
    /// Topics of Kafka.
    pub topics: usize,
    /// Queues of a broker.
    pub queues: usize,
    /// Whether `ScalingConfig` says how many invocations run at a time.
    pub has_maximum_concurrency: bool,
    /// Whether pollers are provisioned.
    pub has_provisioned_pollers: bool,
    /// Members that only streams have, as far as they are there.
    pub stream_members: Vec<&'static str>,
    /// Where batches go that fail for good.
    pub on_failure: Option<String>,
    /// Whether somebody is to be told of batches that are done.
    pub has_on_success: bool,
    /// Seconds after which a record is given up.
    pub record_age_max_seconds: Option<i64>,
}

impl MappingRequest {
    /// Checks a new mapping.
    ///
    /// # Errors
    /// What AWS answers, recorded where it was.
    pub fn check(&self, source: SourceKind) -> Result<(), LambdaError> {
        self.check_position(source)?;
        self.check_batch(source)?;
        self.check_members(source)?;
        self.check_stream(source)?;
        self.check_filters(source)
    }

    fn check_position(&self, source: SourceKind) -> Result<(), LambdaError> {
        let needed = source.is_stream() || source.is_kafka() || source == SourceKind::DocumentDb;
        match self.starting_position.as_deref() {
            None if needed => refuse(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
            ),
            Some(_) if !needed => {
                refuse(&format!("StartingPosition is not valid for {} event sources.", source.service()))
            }
            Some("AT_TIMESTAMP") if !self.has_starting_timestamp => {
                refuse("StartingPositionTimestamp must be specified when StartingPosition is AT_TIMESTAMP.")
            }
            Some("AT_TIMESTAMP") if source == SourceKind::DynamoDbStream => refuse(
                "Unsupported starting position for DynamoDB streams. Valid values: TRIM_HORIZON, LATEST.",
            ),
            _ => Ok(()),
        }
    }

    fn check_batch(&self, source: SourceKind) -> Result<(), LambdaError> {
        let size = self.batch_size.unwrap_or_else(|| source.batch_size_default());
        let window = self.batching_window_seconds.unwrap_or(0);
        if size > source.batch_size_max() {
            return refuse(&format!(
                "BatchSize must be at most {} for this event source.",
                source.batch_size_max()
            ));
        }
        if source == (SourceKind::Sqs { fifo: true }) && window > 0 {
            return refuse("Batching window is not supported for FIFO queues.");
        }
        if matches!(source, SourceKind::Sqs { .. }) && size > 10 && window == 0 {
            return refuse(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            );
        }
        Ok(())
    }

    fn check_members(&self, source: SourceKind) -> Result<(), LambdaError> {
        let is_sqs = matches!(source, SourceKind::Sqs { .. });
        // Of Kafka a batch may be given up and halved, too (KF-03).
        let is_of_kafka = |member: &&&str| source.is_kafka() && KAFKA_MEMBERS.contains(*member);
        if let Some(member) =
            self.stream_members.iter().find(|member| !source.is_stream() && !is_of_kafka(member))
        {
            return refuse(&format!("{member} is not valid for {} event sources.", source.service()));
        }
        if self.has_maximum_concurrency && !is_sqs {
            return refuse("MaximumConcurrency is only supported for SQS event sources.");
        }
        if self.has_maximum_concurrency && self.has_provisioned_pollers {
            return refuse("ScalingConfig and ProvisionedPollerConfig cannot be specified together.");
        }
        if source.is_kafka() && self.topics != 1 {
            return refuse("Exactly one topic must be specified for Kafka event sources.");
        }
        if source == SourceKind::Mq && self.queues != 1 {
            return refuse("Exactly one queue must be specified for Amazon MQ event sources.");
        }
        if (is_sqs || source == SourceKind::Mq) && self.on_failure.is_some() {
            return refuse("Unsupported DestinationConfig parameter for given event source mapping type.");
        }
        Ok(())
    }

    fn check_stream(&self, source: SourceKind) -> Result<(), LambdaError> {
        if self.has_on_success {
            return refuse("Unsupported DestinationConfig parameter for given event source mapping type.");
        }
        if self.record_age_max_seconds.is_some_and(|age| age != -1 && age < RECORD_AGE_SECONDS_MIN) {
            return refuse(&format!(
                "MaximumRecordAgeInSeconds must be -1, or between {RECORD_AGE_SECONDS_MIN} and 604800."
            ));
        }
        let service =
            self.on_failure.as_deref().filter(|arn| !arn.is_empty()).map(|arn| arn.split(':').nth(2));
        if source.is_kafka()
            && self.on_failure.as_deref().is_some_and(|arn| arn.starts_with(KAFKA_DESTINATION))
        {
            return Ok(());
        }
        match (source.is_stream() || source.is_kafka(), service, &self.on_failure) {
            (true, Some(service), Some(arn)) if !matches!(service, Some("sqs" | "sns" | "s3")) => {
                refuse(&format!(
                    "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={arn})) is invalid."
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_filters(&self, source: SourceKind) -> Result<(), LambdaError> {
        if self.filters.len() > limits::FILTERS_MAX {
            return refuse(&format!("A mapping can have up to {} filters.", limits::FILTERS_MAX));
        }
        self.filters.iter().try_for_each(|pattern| {
            let parsed = FilterPattern::parse(pattern);
            match parsed.is_ok_and(|pattern| source.takes(&pattern)) {
                true => Ok(()),
                false => refuse("Invalid filter pattern definition."),
            }
        })
    }
}

fn refuse(message: &str) -> Result<(), LambdaError> {
    Err(LambdaError::InvalidParameterValue(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: SourceKind = SourceKind::Sqs { fifo: false };

    fn refusal(source: SourceKind, request: MappingRequest) -> String {
        request.check(source).err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn stream() -> MappingRequest {
        MappingRequest { starting_position: Some("LATEST".into()), ..MappingRequest::default() }
    }

    #[test]
    fn streams_need_a_position_and_queues_have_none() {
        assert_eq!(refusal(SourceKind::Kinesis, stream()), "");
        assert_eq!(
            refusal(SourceKind::Kinesis, MappingRequest::default()),
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."
        );
        assert_eq!(refusal(QUEUE, MappingRequest::default()), "");
        assert!(refusal(QUEUE, stream()).contains("StartingPosition"));
        let at = MappingRequest { starting_position: Some("AT_TIMESTAMP".into()), ..stream() };
        assert!(refusal(SourceKind::Kinesis, at.clone()).contains("StartingPositionTimestamp"));
        let timed = MappingRequest { has_starting_timestamp: true, ..at };
        assert_eq!(refusal(SourceKind::Kinesis, timed.clone()), "");
        assert!(refusal(SourceKind::DynamoDbStream, timed).contains("Unsupported starting position"));
    }

    #[test]
    fn q_01_a_large_batch_of_a_queue_needs_a_window() {
        let sized = |batch_size, window| MappingRequest {
            batch_size: Some(batch_size),
            batching_window_seconds: Some(window),
            ..MappingRequest::default()
        };
        assert_eq!(refusal(QUEUE, sized(10, 0)), "");
        assert_eq!(refusal(QUEUE, sized(10_000, 1)), "");
        assert_eq!(
            refusal(QUEUE, sized(11, 0)),
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        );
        assert!(refusal(SourceKind::Sqs { fifo: true }, sized(11, 0)).contains("at most 10"));
        assert!(refusal(SourceKind::Sqs { fifo: true }, sized(1, 5)).contains("FIFO"));
    }

    #[test]
    fn members_belong_to_their_sources() {
        let base = MappingRequest::default;
        assert!(
            refusal(QUEUE, MappingRequest { stream_members: vec!["ParallelizationFactor"], ..base() })
                .starts_with("Paral")
        );
        assert!(
            refusal(QUEUE, MappingRequest { on_failure: Some("arn".into()), ..base() })
                .contains("DestinationConfig")
        );
        assert!(
            refusal(SourceKind::Kinesis, MappingRequest { has_maximum_concurrency: true, ..stream() })
                .contains("SQS")
        );
        let both = MappingRequest { has_maximum_concurrency: true, has_provisioned_pollers: true, ..base() };
        assert!(refusal(QUEUE, both).contains("together"));
        assert!(refusal(SourceKind::Msk, stream()).contains("topic"));
        assert!(refusal(SourceKind::Mq, base()).contains("queue"));
    }

    #[test]
    fn kf_03_kafka_gives_up_as_streams_do_and_has_no_windows() {
        let of_kafka = || MappingRequest { topics: 1, ..stream() };
        let with = |members: Vec<&'static str>| MappingRequest { stream_members: members, ..of_kafka() };
        let kafka = SourceKind::SelfManagedKafka;
        assert_eq!(refusal(kafka, with(KAFKA_MEMBERS.to_vec())), "");
        assert!(
            refusal(kafka, with(vec!["MaximumRetryAttempts", "TumblingWindowInSeconds"]))
                .starts_with("Tumbling")
        );
        assert!(
            refusal(
                SourceKind::Mq,
                MappingRequest { queues: 1, on_failure: Some("arn".into()), ..MappingRequest::default() }
            )
            .contains("DestinationConfig")
        );
        let told = |arn: &str| MappingRequest { on_failure: Some(arn.into()), ..of_kafka() };
        assert_eq!(refusal(kafka, told("arn:aws:sqs:r:0:q")), "");
        assert_eq!(refusal(kafka, told("kafka://topic")), "");
        let of_stream = MappingRequest { on_failure: Some("kafka://topic".into()), ..stream() };
        assert!(refusal(SourceKind::Kinesis, of_stream).contains("invalid"));
        assert!(refusal(kafka, told("arn:aws:lambda:r:0:function:f")).contains("invalid"));
    }

    #[test]
    fn k_02_streams_give_up_after_a_minute_or_never_and_tell_whom_they_may() {
        let age = |seconds| MappingRequest { record_age_max_seconds: Some(seconds), ..stream() };
        assert_eq!(refusal(SourceKind::Kinesis, age(-1)), "");
        assert_eq!(refusal(SourceKind::Kinesis, age(60)), "");
        assert!(refusal(SourceKind::Kinesis, age(0)).contains("MaximumRecordAgeInSeconds"));
        assert!(refusal(SourceKind::Kinesis, age(59)).contains("MaximumRecordAgeInSeconds"));
        let told = |arn: &str| MappingRequest { on_failure: Some(arn.into()), ..stream() };
        for arn in ["", "arn:aws:sqs:r:0:q", "arn:aws:sns:r:0:t", "arn:aws:s3:::b"] {
            assert_eq!(refusal(SourceKind::DynamoDbStream, told(arn)), "");
        }
        assert!(
            refusal(SourceKind::DynamoDbStream, told("arn:aws:lambda:r:0:function:f")).contains("invalid")
        );
        let success = MappingRequest { has_on_success: true, ..stream() };
        assert!(refusal(SourceKind::Kinesis, success).contains("DestinationConfig"));
    }

    #[test]
    fn filters_are_patterns_and_few() {
        let filtered = |filters: &[&str]| MappingRequest {
            filters: filters.iter().map(|filter| (*filter).to_owned()).collect(),
            ..MappingRequest::default()
        };
        assert_eq!(refusal(QUEUE, filtered(&[r#"{"body": {"a": [1]}}"#])), "");
        assert_eq!(refusal(QUEUE, filtered(&["no pattern"])), "Invalid filter pattern definition.");
        let of_stream = |filter| MappingRequest { filters: filtered(&[filter]).filters, ..stream() };
        for (source, json, text) in [
            (SourceKind::Kinesis, r#"{"data": {"a": [1]}}"#, r#"{"data": ["text"]}"#),
            (SourceKind::DynamoDbStream, r#"{"dynamodb": {"Keys": {}}}"#, r#"{"dynamodb": ["text"]}"#),
        ] {
            assert_eq!(refusal(source, of_stream(json)), "");
            assert_eq!(refusal(source, of_stream(text)), "Invalid filter pattern definition.");
        }
        assert!(refusal(QUEUE, filtered(&["{}"; 11])).contains("up to 10"));
    }
}
