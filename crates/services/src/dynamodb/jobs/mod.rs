//! Imports from buckets and exports to them: work that goes on after its request.
//!
//! ```text
//!  request ──► IN_PROGRESS (kept) ──► the worker, one job after another ──► COMPLETED
//!                 ▲                                                    └──► FAILED, and why
//!                 └── a server that starts again begins it anew: whatever was written is written again
//! ```

mod export;
mod exporting;
mod formats;
mod import;
mod importing;

use std::sync::Arc;

use aws_api::{error_response::ApiError, generated::dynamodb::types, request_id};
use lambda_model::ports::Clock;
use s3s::S3Error;
use serde::{Deserialize, Serialize};
use store::{TableKey, TableTransaction, TableView};

use super::{DynamoDb, Handled, record::table_arn};
use crate::{
    change::{ChangeError, failed, goes_on},
    s3::{Requester, S3, S3Context, Trailers},
    service::ServiceContext,
};

const IN_PROGRESS: &str = "IN_PROGRESS";
const COMPLETED: &str = "COMPLETED";
const FAILED: &str = "FAILED";

/// A job as it is kept: what is told of it says what to do.
#[derive(Clone, Serialize, Deserialize)]
enum Job {
    Import(types::ImportTableDescription),
    Export(types::ExportDescription),
}

impl Job {
    fn is_over(&self) -> bool {
        let status = match self {
            Self::Import(import) => &import.import_status,
            Self::Export(export) => &export.export_status,
        };
        status.as_deref() != Some(IN_PROGRESS)
    }

    fn keep(&self, transaction: &mut TableTransaction<'_>, arn: &str) -> Result<(), ChangeError> {
        let bytes = serde_json::to_vec(self).map_err(|error| of_record(&error))?;
        Ok(transaction.put_job(arn, &bytes)?)
    }
}

/// Every job, by its ARN.
fn all(view: &TableView<'_>) -> Result<Vec<(String, Job)>, ChangeError> {
    let read = |(arn, bytes): (String, Vec<u8>)| Ok((arn, decode(&bytes)?));
    view.jobs()?.into_iter().map(read).collect()
}

fn decode(bytes: &[u8]) -> Result<Job, ChangeError> {
    serde_json::from_slice(bytes).map_err(|error| of_record(&error).into())
}

fn of_record(error: &serde_json::Error) -> ApiError {
    failed(format!("the record of a job: {error}"))
}

/// A new name below a table's, such as `table/name/export/01693685827463-2d8752fd`.
fn new_arn(table: &TableKey, kind: &str, now_ms: i64) -> String {
    format!("{}/{kind}/{now_ms:014}-{}", table_arn(table), &request_id::new()[..8])
}

/// The table of a job's ARN, and the job's own name.
fn named<'a>(arn: &'a str, kind: &str) -> Option<(TableKey, &'a str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "dynamodb", region, account_id, resource] = parts[..] else { return None };
    let (name, id) = resource.strip_prefix("table/")?.split_once(kind)?;
    Some((TableKey { account_id: account_id.into(), region: region.into(), name: name.into() }, id))
}

/// Unix time in seconds.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// DynamoDB as it asks S3 for its caller.
fn asker(table: &TableKey, now_ms: i64) -> S3Context {
    S3Context {
        account_id: table.account_id.clone(),
        region: table.region.clone(),
        now_ms,
        trailers: Trailers::default(),
        requester: Requester::service("dynamodb.amazonaws.com"),
    }
}

/// Why a job failed, in words of its own.
struct Failure {
    code: String,
    message: String,
}

impl From<S3Error> for Failure {
    /// Such as `S3NoSuchBucket`.
    fn from(error: S3Error) -> Self {
        let message = error.message().unwrap_or("S3 did not say why").to_owned();
        Self { code: format!("S3{}", error.code().as_str()), message }
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        let error = ApiError::from(error);
        Self { code: "UNKNOWN".to_owned(), message: error.message }
    }
}

impl DynamoDb {
    /// Does one job after another, until the store is closed.
    pub async fn work(self, s3: S3, clock: Arc<dyn Clock>) {
        let mut changed = self.tables.of_jobs();
        loop {
            changed.mark_unchanged();
            if !goes_on(self.work_off(&s3, &clock).await, "imports and exports of tables could not be done") {
                return;
            }
            if changed.changed().await.is_err() {
                changed = self.tables.of_jobs();
            }
        }
    }

    async fn work_off(&self, s3: &S3, clock: &Arc<dyn Clock>) -> Result<(), ChangeError> {
        loop {
            let waiting = self.tables.read(all).await?.into_iter().find(|(_, job)| !job.is_over());
            match waiting {
                None => return Ok(()),
                Some((arn, Job::Import(import))) => self.carry_out_import(s3, clock, (&arn, import)).await?,
                Some((arn, Job::Export(export))) => self.carry_out_export(s3, clock, (&arn, export)).await?,
            }
        }
    }

    /// A job of the caller's.
    async fn job(&self, context: &ServiceContext, arn: &str, kind: &str) -> Handled<Option<Job>> {
        if named(arn, kind).is_none_or(|(key, _)| key.account_id != context.account_id()) {
            return Ok(None);
        }
        let asked = arn.to_owned();
        let read = move |view: &TableView<'_>| -> Result<_, ChangeError> {
            view.job(&asked)?.map(|bytes| decode(&bytes)).transpose()
        };
        Ok(self.tables.read(read).await?)
    }

    /// The caller's jobs of a kind, or only those of a table.
    async fn jobs(
        &self,
        context: &ServiceContext,
        kind: &str,
        table: Option<&String>,
    ) -> Handled<Vec<(String, Job)>> {
        let is_wanted = |(arn, _): &(String, Job)| {
            named(arn, kind).is_some_and(|(key, _)| {
                key.account_id == context.account_id()
                    && key.region == context.region
                    && table.is_none_or(|wanted| *wanted == table_arn(&key))
            })
        };
        Ok(self.tables.read(all).await?.into_iter().filter(is_wanted).collect())
    }

    /// Keeps what has become of a job.
    async fn keep_job(&self, arn: &str, job: Job) -> Result<(), ChangeError> {
        let arn = arn.to_owned();
        let change = move |transaction: &mut TableTransaction<'_>| job.keep(transaction, &arn);
        self.tables.transact(change, |()| {}).await
    }
}
