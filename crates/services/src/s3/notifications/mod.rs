//! Notifications: what happens to objects of a bucket is told to queues, topics and functions (event message structure, S3 user guide).
//!
//! ```text
//!  object's transaction: row and event ──► mover ──► targets' outbox ──► event forgotten
//!                        (both or neither)             └─ may the bucket tell it? as often as it takes; else dropped
//! ```
//! An acknowledged change leads to its event, whatever dies in between. Between the outbox and the forgetting a crash has the event
//! told twice, as S3 may do. Of a key, the numbers of later events are higher (`sequencer`).

mod bus_event;
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

use lambda_model::invocation::asynchronous::Sender;
use store::s3::{BucketRecord, ObjectRecord, S3Transaction};

use super::{context::S3Context, error::Refusal};
use crate::service::partition_of;
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
    let bus = bus_event::is_on(bucket)
        .then(|| (bus_event::bus_arn(bucket), bus_event::event(bucket, context, name, object)));
    if told.is_empty() && bus.is_none() {
        return Ok(());
    }
    let message = event::record(bucket, context, name, object);
    let event = ObjectEvent {
        sender: sender(bucket),
        message,
        told,
        trace_header: context.requester.trace_header.clone(),
        bus,
    };
    event::put(transaction, &event)
}

/// S3, on behalf of a bucket.
fn sender(bucket: &BucketRecord) -> Sender {
    Sender {
        service: "s3.amazonaws.com".to_owned(),
        source_arn: arn(bucket),
        source_account: bucket.account_id.clone(),
    }
}

/// The bucket's, in the partition of its Region.
fn arn(bucket: &BucketRecord) -> String {
    format!("arn:{}:s3:::{}", partition_of(&bucket.region), bucket.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_in_the_partition_of_its_region() {
        let bucket = |region: &str| BucketRecord {
            name: "b".into(),
            account_id: "000000000000".into(),
            region: region.into(),
            created_ms: 0,
            versioning: store::s3::Versioning::Never,
            settings: std::collections::BTreeMap::new(),
        };
        assert_eq!(sender(&bucket("us-east-1")).source_arn, "arn:aws:s3:::b");
        assert_eq!(sender(&bucket("cn-north-1")).source_arn, "arn:aws-cn:s3:::b");
    }
}
