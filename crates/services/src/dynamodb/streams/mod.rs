//! Streams of tables: what was written, in the order in which it was, for a day ("Change data capture for DynamoDB Streams").
//!
//! ```text
//!  write ──► one transaction: the item, its entries, and a record at the end of the stream's space ──► GetRecords, from an iterator on
//! ```
//! A stream has one shard, which stays open until the stream is disabled. Sequence numbers go up with time, also when all that was there is
//! forgotten.

mod iterator;
mod lifecycle;
mod operations;
mod reading;
mod record;
mod source;

use aws_api::protocol::aws_json::{self, Dialect};
use store::Tables;

pub(super) use lifecycle::{asked, begin, end};
pub(super) use record::{Actor, StreamRecord, TableStream, append, forget_old, is_stream_arn, stream_arn};

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct DynamoDbStreams {
    tables: Tables,
}

impl DynamoDbStreams {
    /// Its JSON.
    pub const JSON: Dialect = Dialect {
        content_type: aws_json::VERSION_1_0,
        invalid: "ValidationException",
        namespace: "com.amazonaws.dynamodb.v20120810#",
        query_code: None,
    };

    /// What the operations of its requests begin with.
    pub const TARGET: &'static str = "DynamoDBStreams_";

    pub(super) fn new(tables: Tables) -> Self {
        Self { tables }
    }
}
