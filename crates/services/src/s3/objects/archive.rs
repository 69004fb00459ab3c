//! Archived objects: those of the classes GLACIER and DEEP_ARCHIVE cannot be read until they are restored, for a number of days. Here
//! that takes no time.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{RestoreObjectInput, RestoreObjectOutput},
};
use store::s3::ObjectContent;

use super::find;
use crate::s3::{
    S3,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse, with_status},
    object_headers::{http_date, timestamp},
};

const DAY_MS: i64 = 86_400_000;
/// Classes whose objects are archived.
const ARCHIVES: &[&str] = &["GLACIER", "DEEP_ARCHIVE"];

fn class(content: &ObjectContent) -> &str {
    content.headers.storage_class.as_deref().unwrap_or("STANDARD")
}

/// Until when it is restored, if it still is.
fn restored_until(content: &ObjectContent, now_ms: i64) -> Option<i64> {
    content.restored_until_ms.filter(|until_ms| *until_ms > now_ms)
}

fn is_readable(content: &ObjectContent, now_ms: i64) -> bool {
    !ARCHIVES.contains(&class(content)) || restored_until(content, now_ms).is_some()
}

/// Whether an object can be copied.
pub(super) fn check_copyable(content: &ObjectContent, now_ms: i64) -> Result<(), Refusal> {
    if is_readable(content, now_ms) {
        return Ok(());
    }
    let message = "The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier.";
    Err(refuse("ObjectNotInActiveTierError", message))
}

/// Whether an object can be read.
pub(in crate::s3) fn check_readable(content: &ObjectContent, now_ms: i64) -> Result<(), Refusal> {
    if is_readable(content, now_ms) {
        return Ok(());
    }
    Err(refuse("InvalidObjectState", "The operation is not valid for the object's storage class")
        .with("StorageClass", class(content)))
}

/// The header `x-amz-restore` of an object that is restored.
pub(super) fn restore_header(content: &ObjectContent, now_ms: i64) -> Option<String> {
    let until = http_date(&timestamp(restored_until(content, now_ms)?))?;
    Some(format!("ongoing-request=\"false\", expiry-date=\"{until}\""))
}

pub(in crate::s3) async fn restore_object(
    s3: &S3,
    request: S3Request<RestoreObjectInput>,
) -> S3Result<S3Response<RestoreObjectOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let asked = input.restore_request.ok_or_else(malformed_xml)?;
    if asked.type_.is_some() || asked.output_location.is_some() {
        return Err(
            refuse("NotImplemented", "Selecting from archives is not implemented by this server.").into()
        );
    }
    let days = asked.days.filter(|days| *days >= 1).ok_or_else(malformed_xml)?;
    let was_restored = s3.store.change_s3(move |transaction| {
        let (version, owner) = (input.version_id.as_deref(), input.expected_bucket_owner.as_deref());
        let mut found = find(transaction, &context, &input.bucket, &input.key, version, owner)?;
        if !ARCHIVES.contains(&class(&found.content)) {
            let message = "Restore is not allowed for the object's current storage class";
            return Err(refuse("InvalidObjectState", message).with("StorageClass", class(&found.content)));
        }
        let was_restored = restored_until(&found.content, context.now_ms).is_some();
        found.content.restored_until_ms = Some(context.now_ms + i64::from(days) * DAY_MS);
        found.record.content = Some(found.content);
        transaction.update_object(&input.bucket, &found.record)?;
        Ok(was_restored)
    });
    let status = if was_restored.await? { http::StatusCode::OK } else { http::StatusCode::ACCEPTED };
    Ok(with_status(RestoreObjectOutput::default(), status))
}
