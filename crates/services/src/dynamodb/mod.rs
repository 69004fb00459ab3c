//! DynamoDB: tables of items.
//!
//! ```text
//!  request ──► read: values ([`value`], [`number`]), expressions ([`expressions`]) ──► one state of the tables, or one transaction ([`store::Tables`])
//!                                                                       rows lie by their keys ([`keys`]); indexes are spaces beside
//! ```
//! Every read and write finds the table's record in the same state of the database, so that none sees half of a change. What is answered is
//! on disk. Indexes are written with their items: reads of global ones are never behind.

mod account;
mod backups;
mod batches;
mod capacity;
mod conditions;
mod describe;
mod error;
mod expressions;
mod history;
mod items;
mod jobs;
mod key_condition;
mod keys;
mod number;
mod operations;
mod point_in_time;
mod policy;
mod reading;
mod record;
mod said;
mod streams;
mod tables;
mod tags;
mod transactions;
mod ttl;
mod updating;
mod value;
mod warm;
mod writes;

use aws_api::{
    error_response::ApiError,
    protocol::aws_json::{self, Dialect},
};
use store::{Store, Tables};

pub use streams::DynamoDbStreams;

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct DynamoDb {
    tables: Tables,
}

impl DynamoDb {
    /// Its JSON.
    pub const JSON: Dialect = Dialect {
        content_type: aws_json::VERSION_1_0,
        invalid: "ValidationException",
        namespace: "com.amazonaws.dynamodb.v20120810#",
        query_code: None,
    };

    /// The service on the store's tables.
    pub fn new(store: &Store) -> Self {
        Self { tables: store.tables() }
    }

    /// The service of its streams.
    pub fn streams(&self) -> DynamoDbStreams {
        DynamoDbStreams::new(self.tables.clone())
    }
}
