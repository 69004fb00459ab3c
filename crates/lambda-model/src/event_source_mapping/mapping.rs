//! A mapping: what reads from which source, and for whom.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    SourceKind,
    broker::BrokerSettings,
    stream::{StartingPosition, StreamSettings},
};
use crate::{LambdaError, function::FunctionKey};

/// A mapping as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSourceMapping {
    /// Whom records are brought to.
    pub function: FunctionKey,
    /// A version or an alias; `$LATEST` when absent.
    pub qualifier: Option<String>,
    /// Where records come from; empty where brokers of one's own are named instead.
    pub event_source_arn: String,
    /// Whether it reads.
    pub is_enabled: bool,
    /// Records of a batch at most.
    pub batch_size: i64,
    /// Seconds that a batch may wait to fill.
    pub batching_window_seconds: i64,
    /// Filter patterns, any of which lets a record through.
    pub filters: Vec<String>,
    /// Invocations at a time.
    pub maximum_concurrency: Option<u32>,
    /// Pollers of its own.
    pub provisioned: Option<ProvisionedPollers>,
    /// Whether the function says which records of a batch have failed.
    pub reports_item_failures: bool,
    /// Whether its events are counted.
    pub counts_events: bool,
    /// What it has where it reads a stream.
    #[serde(default)]
    pub stream: Option<StreamSettings>,
    /// What it has where it reads from a broker.
    #[serde(default)]
    pub broker: Option<BrokerSettings>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was last changed, Unix time, milliseconds.
    pub modified_ms: i64,
}

/// How many pollers a mapping has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionedPollers {
    /// At least.
    pub minimum: u32,
    /// At most.
    pub maximum: u32,
}

impl ProvisionedPollers {
    /// Invocations that one poller makes at a time.
    pub const INVOCATIONS: u32 = 10;

    /// From what a request says.
    pub fn of(minimum: Option<i64>, maximum: Option<i64>) -> Self {
        let number = |given: Option<i64>, default: u32| {
            given.and_then(|given| u32::try_from(given).ok()).unwrap_or(default)
        };
        let minimum = number(minimum, 2);
        Self { minimum, maximum: number(maximum, 200.max(minimum)) }
    }
}

impl EventSourceMapping {
    /// The ARN of the function, with its qualifier.
    pub fn function_arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.function.arn()),
            None => self.function.arn(),
        }
    }

    /// Checks what only a whole mapping shows.
    ///
    /// # Errors
    /// For settings that exclude each other.
    pub fn check(&self) -> Result<(), LambdaError> {
        match self.maximum_concurrency.is_some() && self.provisioned.is_some() {
            true => Err(LambdaError::InvalidParameterValue(
                "ScalingConfig and ProvisionedPollerConfig cannot be specified together.".into(),
            )),
            false => Ok(()),
        }
    }

    /// Whether it begins behind what there is when it is made.
    pub fn is_latest(&self) -> bool {
        let position = self.stream.as_ref().map(|stream| stream.starting_position);
        // A broker keeps itself how far it is read.
        position == Some(StartingPosition::Latest) && self.broker.is_none()
    }

    /// What it reads from.
    pub fn source(&self) -> Option<SourceKind> {
        let arn = Some(self.event_source_arn.as_str()).filter(|arn| !arn.is_empty());
        SourceKind::of(arn, arn.is_none()).ok()
    }
}
