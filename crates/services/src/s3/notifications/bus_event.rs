//! The same for EventBridge (S3 user guide, EventBridge event message structure): where a bucket has it on, all that happens comes to the
//! account's default bus.

use aws_api::{request_id, timestamp};
use serde_json::{Value, json};
use store::s3::{BucketRecord, ObjectRecord};

use super::EventName;
use crate::{
    s3::{context::S3Context, versions},
    service::partition_of,
};

/// The name of the setting.
pub(super) const SETTING: &str = "notification_event_bridge";

/// Whether the bucket has it on.
pub(super) fn is_on(bucket: &BucketRecord) -> bool {
    bucket.settings.contains_key(SETTING)
}

/// The default bus of the bucket's account and Region.
pub(super) fn bus_arn(bucket: &BucketRecord) -> String {
    let BucketRecord { account_id, region, .. } = bucket;
    format!("arn:{}:events:{region}:{account_id}:event-bus/default", partition_of(region))
}

/// The event, but for the sequencer.
pub(super) fn event(
    bucket: &BucketRecord,
    context: &S3Context,
    name: EventName,
    object: &ObjectRecord,
) -> Value {
    let (detail_type, reason, deletion) = words(name);
    let mut detail = json!({
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": told_of(bucket, name, object),
        "request-id": context.requester.request_id,
        "requester": context.account_id,
        "source-ip-address": context.requester.source_ip,
    });
    for (field, value) in [("reason", reason), ("deletion-type", deletion)] {
        if let Some(value) = value {
            detail[field] = value.into();
        }
    }
    json!({
        "version": "0",
        "id": request_id::new(),
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": bucket.account_id,
        "time": timestamp::iso_seconds(context.now_ms.div_euclid(1_000)),
        "region": bucket.region,
        "resources": [super::arn(bucket)],
        "detail": detail,
    })
}

/// The type, the reason, and which deletion.
fn words(name: EventName) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    const CREATED: &str = "Object Created";
    const DELETED: &str = "Object Deleted";
    let deleted = Some("DeleteObject");
    match name {
        EventName::Put => (CREATED, Some("PutObject"), None),
        EventName::Copy => (CREATED, Some("CopyObject"), None),
        EventName::CompleteMultipartUpload => (CREATED, Some("CompleteMultipartUpload"), None),
        EventName::Delete => (DELETED, deleted, Some("Permanently Deleted")),
        EventName::DeleteMarkerCreated => (DELETED, deleted, Some("Delete Marker Created")),
        EventName::TaggingPut => ("Object Tags Added", None, None),
        EventName::TaggingDelete => ("Object Tags Deleted", None, None),
        EventName::AclPut => ("Object ACL Updated", None, None),
    }
}

/// The key is as it is.
fn told_of(bucket: &BucketRecord, name: EventName, object: &ObjectRecord) -> Value {
    let mut told = json!({"key": object.key});
    if let Some(content) = object.content.as_ref().filter(|_| name != EventName::Delete) {
        told["etag"] = content.etag.clone().into();
        if name.is_creation() {
            told["size"] = content.size_bytes.into();
        }
    }
    let version = versions::told(bucket.versioning, &object.version_id);
    if let Some(version) = version.filter(|version| version != versions::NULL) {
        told["version-id"] = version.into();
    }
    told
}
