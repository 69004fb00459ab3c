//! Streams and their records, as they are kept.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::shards::Shard;
use crate::{
    change::{ChangeError, failed},
    service::ServiceContext,
};

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamRecord {
    pub name: String,
    /// Unix time, milliseconds.
    pub created_ms: i64,
    pub is_on_demand: bool,
    pub retention_hours: i64,
    pub record_kib_max: i64,
    /// In the order of their numbers, the closed ones too for as long as they have records.
    pub shards: Vec<Shard>,
    /// The number of the next shard.
    pub next_shard: u32,
    pub tags: BTreeMap<String, String>,
    /// Metrics of shards that are asked for; there are none.
    pub metrics: BTreeSet<String>,
    pub consumers: Vec<Consumer>,
    pub policy: Option<String>,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Consumer {
    pub name: String,
    /// Unix time, milliseconds.
    pub created_ms: i64,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<String>,
}

impl StreamRecord {
    /// From what is kept.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ChangeError> {
        serde_json::from_slice(bytes).map_err(|error| failed(format!("a stream: {error}")).into())
    }

    /// What is kept.
    pub(super) fn encode(&self) -> Result<Vec<u8>, ChangeError> {
        serde_json::to_vec(self).map_err(|error| failed(format!("a stream: {error}")).into())
    }

    pub(super) fn open_shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.is_open())
    }

    pub(super) fn shard(&self, number: u32) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.number == number)
    }

    /// Records that came before that are forgotten: Unix time, milliseconds.
    pub(super) fn horizon_ms(&self, now_ms: i64) -> i64 {
        now_ms - self.retention_hours * 60 * 60 * 1_000
    }
}

/// The ARN of a stream of the caller's.
pub(super) fn stream_arn(context: &ServiceContext, name: &str) -> String {
    format!("arn:{}:kinesis:{}:{}:stream/{name}", context.partition(), context.region, context.account_id())
}

/// Whether an ARN is a stream's of Kinesis.
pub(super) fn is_stream_arn(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("kinesis")
}

/// A record of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// When it came: Unix time, milliseconds.
    pub at_ms: i64,
    pub key: String,
    pub data: Bytes,
}

impl Kept {
    /// `at_ms`, how long the key is, the key, the data.
    pub(super) fn encode(&self) -> Vec<u8> {
        let key_bytes = u32::try_from(self.key.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(12 + self.key.len() + self.data.len());
        bytes.extend(self.at_ms.to_be_bytes());
        bytes.extend(key_bytes.to_be_bytes());
        bytes.extend(self.key.as_bytes());
        bytes.extend(&self.data);
        bytes
    }

    pub(super) fn decode(bytes: Vec<u8>) -> Result<Self, ChangeError> {
        let damaged = || ChangeError::from(failed("a record of a stream is none"));
        let bytes = Bytes::from(bytes);
        let (at_ms, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let (key_bytes, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let key_bytes = usize::try_from(u32::from_be_bytes(*key_bytes)).map_err(|_| damaged())?;
        let (key, data) = rest.split_at_checked(key_bytes).ok_or_else(damaged)?;
        let key = std::str::from_utf8(key).map_err(|_| damaged())?.to_owned();
        Ok(Self { at_ms: i64::from_be_bytes(*at_ms), key, data: bytes.slice_ref(data) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        let record = Kept { at_ms: 7, key: "ключ".into(), data: Bytes::from_static(b"\x00data") };
        assert_eq!(Kept::decode(record.encode()).ok(), Some(record.clone()));
        let empty = Kept { at_ms: -1, key: String::new(), data: Bytes::new() };
        assert_eq!(Kept::decode(empty.encode()).ok(), Some(empty));
        for bytes in [0, 5, 11, 13] {
            assert!(Kept::decode(record.encode()[..bytes].to_vec()).is_err());
        }
    }
}
