//! Notifications: what happens to objects of a bucket is told to queues, topics and functions (event message structure, S3 user guide).
//!
//! ```text
//!  object's transaction: row and event ──► mover: who may be told? ──► targets' outbox ──► event forgotten
//!                        (both or neither)        no: dropped             └─ told as often as it takes
//! ```
//! An acknowledged change leads to its event, whatever dies in between. Between the outbox and the forgetting a crash has the event
//! told twice, as S3 may do. Of a key, the numbers of later events are higher (`sequencer`).

mod checks;
mod configuration;
mod event;
mod moving;
mod rule;

pub(super) use configuration::{
    get_bucket_notification_configuration, put_bucket_notification_configuration,
};
pub(super) use event::EventName;
pub use moving::ObjectEvents;

use store::s3::{BucketRecord, ObjectRecord, S3Transaction};

use super::{context::S3Context, error::Refusal};
use crate::targets::Sender;
use event::{ObjectEvent, Told};

/// Puts down what happened, for those whom the bucket tells of it.
pub(super) fn happened(
    transaction: &mut S3Transaction<'_>,
    bucket: &BucketRecord,
    context: &S3Context,
    name: EventName,
    object: &ObjectRecord,
) -> Result<(), Refusal> {
    let wanting = rule::of(bucket)?.into_iter().filter(|rule| rule.wants(name, &object.key));
    let told: Vec<Told> =
        wanting.map(|rule| Told { target: rule.target, configuration_id: Some(rule.id) }).collect();
    if told.is_empty() {
        return Ok(());
    }
    let message = event::record(bucket, context, name, object);
    event::put(transaction, &ObjectEvent { bucket: bucket.into(), at_ms: context.now_ms, message, told })
}

/// S3, on behalf of a bucket.
fn sender(bucket: &str, account_id: &str) -> Sender {
    Sender {
        service: "s3.amazonaws.com",
        source_arn: format!("arn:aws:s3:::{bucket}"),
        source_account: account_id.to_owned(),
    }
}
