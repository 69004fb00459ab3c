//! What versioning makes of a write and of a delete.

use store::s3::{BucketRecord, ObjectContent, ObjectRecord, S3Transaction, Versioning};
use uuid::Uuid;

use super::{
    context::S3Context,
    error::{Refusal, refuse},
    notifications::{self, EventName},
    object_lock,
};

/// The version of what is written where nothing keeps versions.
pub(super) const NULL: &str = "null";

/// The id of a version that is written now.
fn new_version_id(versioning: Versioning) -> String {
    match versioning {
        Versioning::Enabled => Uuid::new_v4().simple().to_string(),
        Versioning::Never | Versioning::Suspended => NULL.to_owned(),
    }
}

/// What answers tell of a version id: nothing, where there are no versions.
pub(super) fn told(versioning: Versioning, version_id: &str) -> Option<String> {
    (versioning != Versioning::Never).then(|| version_id.to_owned())
}

/// Writes a new version of `key`. In a bucket that keeps none it takes the place of what was there.
pub(super) fn write(
    transaction: &mut S3Transaction<'_>,
    bucket: &BucketRecord,
    key: &str,
    content: ObjectContent,
    (context, event): (&S3Context, EventName),
) -> Result<ObjectRecord, Refusal> {
    let record = ObjectRecord {
        key: key.to_owned(),
        version_id: new_version_id(bucket.versioning),
        is_current: true,
        last_modified_ms: context.now_ms,
        content: Some(content),
    };
    transaction.put_object(&bucket.name, &record)?;
    notifications::happened(transaction, bucket, context, event, &record)?;
    Ok(record)
}

/// What a delete did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deletion {
    /// The version that is gone, or the delete marker that is new.
    pub version_id: Option<String>,
    /// Whether it is a delete marker that is new or gone.
    pub is_delete_marker: bool,
}

/// Who deletes, and when.
#[derive(Clone, Copy)]
pub(super) struct Deleter<'a> {
    /// Whether retention for governance is no hindrance.
    pub bypasses_governance: bool,
    pub context: &'a S3Context,
}

/// Deletes `key`, or one version of it. Deleting what is not there succeeds.
pub(super) fn delete(
    transaction: &mut S3Transaction<'_>,
    bucket: &BucketRecord,
    key: &str,
    version_id: Option<&str>,
    deleter: Deleter<'_>,
) -> Result<Deletion, Refusal> {
    if let Some(version_id) = version_id {
        return delete_version(transaction, bucket, key, version_id, deleter);
    }
    if bucket.versioning == Versioning::Never {
        delete_version(transaction, bucket, key, NULL, deleter)?;
        return Ok(Deletion::default());
    }
    let marker = ObjectRecord {
        key: key.to_owned(),
        version_id: new_version_id(bucket.versioning),
        is_current: true,
        last_modified_ms: deleter.context.now_ms,
        content: None,
    };
    transaction.put_object(&bucket.name, &marker)?;
    let event = EventName::DeleteMarkerCreated;
    notifications::happened(transaction, bucket, deleter.context, event, &marker)?;
    Ok(Deletion { version_id: Some(marker.version_id), is_delete_marker: true })
}

fn delete_version(
    transaction: &mut S3Transaction<'_>,
    bucket: &BucketRecord,
    key: &str,
    version_id: &str,
    deleter: Deleter<'_>,
) -> Result<Deletion, Refusal> {
    check_version_id(version_id)?;
    let found = transaction.object(&bucket.name, key, Some(version_id))?;
    if let Some(content) = found.as_ref().and_then(|record| record.content.as_ref()) {
        object_lock::check_deletable(&content.lock, deleter.bypasses_governance, deleter.context.now_ms)?;
    }
    let is_delete_marker = found.as_ref().is_some_and(|record| record.content.is_none());
    if let Some(record) = found {
        transaction.delete_object(&bucket.name, &record)?;
        notifications::happened(transaction, bucket, deleter.context, EventName::Delete, &record)?;
    }
    Ok(Deletion { version_id: Some(version_id.to_owned()), is_delete_marker })
}

/// Whether it can be the id of a version at all.
pub(super) fn check_version_id(version_id: &str) -> Result<(), Refusal> {
    if version_id == NULL || Uuid::try_parse(version_id).is_ok() {
        return Ok(());
    }
    Err(refuse("InvalidArgument", "Invalid version id specified"))
}
