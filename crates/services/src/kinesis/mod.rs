//! Kinesis Data Streams: records in shards, in the order in which they came, for as long as the stream keeps them.
//!
//! ```text
//! put ──► hash of the partition key ──► the open shard that has it ──► the end of its log ([`crate::append_log`]) ──► GetRecords
//!
//! shard: open ──► split, or merged ──► closed ──► forgotten with the last of its records
//! ```
//! A stream is one description, with its shards; each shard's records are a space of the tables' database
//! (decision 15). What is answered is on disk.

mod consumers;
mod describe;
mod error;
mod iterator;
mod limits;
mod listing;
mod monitoring;
mod operations;
mod policy;
mod putting;
mod reading;
mod record;
mod resharding;
mod retention;
mod sequence;
mod shards;
mod source;
mod streams;
mod tags;

use aws_api::{
    error_response::ApiError,
    protocol::aws_json::{self, Dialect},
};
use store::{Store, TableTransaction, TableView, Tables};

use self::{
    error::{account_of, no_stream, not_named},
    record::{StreamRecord, stream_arn},
};
use crate::{change::ChangeError, service::ServiceContext};

/// What a handler gives.
type Handled<T> = Result<T, ApiError>;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Kinesis {
    tables: Tables,
}

/// How a request names its stream.
#[derive(Debug, Clone)]
struct Named {
    arn: String,
    /// As a message names it where there is none.
    shown: String,
    account_id: String,
}

impl Named {
    /// By its name or its ARN.
    fn of(context: &ServiceContext, name: Option<String>, arn: Option<String>) -> Handled<Self> {
        let account_id = context.account_id().to_owned();
        match (name, arn) {
            (_, Some(arn)) => Ok(Self { shown: arn.clone(), account_id, arn }),
            (Some(name), None) => Ok(Self { arn: stream_arn(context, &name), shown: name, account_id }),
            (None, None) => Err(not_named()),
        }
    }

    fn in_view(&self, view: &TableView<'_>) -> Result<StreamRecord, ChangeError> {
        // The streams of others are not there.
        let found = if account_of(&self.arn) == self.account_id { view.stream(&self.arn)? } else { None };
        let bytes = found.ok_or_else(|| no_stream(&self.shown, &self.account_id))?;
        StreamRecord::decode(&bytes)
    }
}

impl Kinesis {
    /// Its JSON.
    pub const JSON: Dialect = Dialect {
        content_type: aws_json::VERSION_1_1,
        invalid: "ValidationException",
        namespace: "",
        query_code: None,
    };

    /// What the operations of its requests begin with.
    pub const TARGET: &'static str = "Kinesis_20131202";

    /// The service on the store's tables.
    pub fn new(store: &Store) -> Self {
        Self { tables: store.tables() }
    }

    /// A stream as it is.
    async fn read(&self, named: Named) -> Handled<StreamRecord> {
        Ok(self.tables.read(move |view: &TableView<'_>| named.in_view(view)).await?)
    }

    /// Changes a stream.
    async fn change<T: Send + 'static>(
        &self,
        named: Named,
        change: impl FnOnce(&mut StreamRecord, &mut TableTransaction<'_>) -> Result<T, ChangeError>
        + Send
        + 'static,
    ) -> Handled<T> {
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<T, ChangeError> {
            let mut stream = named.in_view(transaction)?;
            let answer = change(&mut stream, transaction)?;
            transaction.put_stream(&named.arn, &stream.encode()?)?;
            Ok(answer)
        };
        Ok(self.tables.transact(change, |_| {}).await?)
    }
}
