//! Retention and legal hold of a version that is there.

use s3s::{S3Request, S3Response, S3Result, dto};
use store::s3::{ObjectLock, S3Transaction};

use super::{Configured, is_protected, not_configured, on_off, retention};
use crate::s3::{
    S3,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse},
    object_headers::timestamp,
    objects::{Found, find},
};

/// Names a version of an object.
struct Place {
    bucket: String,
    key: String,
    version_id: Option<String>,
    owner: Option<String>,
}

/// Reads it from any of the inputs.
macro_rules! place {
    ($input:expr) => {
        Place {
            bucket: $input.bucket.clone(),
            key: $input.key.clone(),
            version_id: $input.version_id.clone(),
            owner: $input.expected_bucket_owner.clone(),
        }
    };
}

/// Changes the lock of a version.
async fn change(
    s3: &S3,
    context: S3Context,
    place: Place,
    change: impl FnOnce(&mut ObjectLock) -> Result<(), Refusal> + Send + 'static,
) -> Result<(), Refusal> {
    s3.store
        .change_s3(move |transaction: &mut S3Transaction<'_>| {
            let Place { bucket, key, version_id, owner } = &place;
            let record = context.bucket(transaction, bucket, owner.as_deref())?;
            Configured::of(&record).ok_or_else(not_configured)?;
            let mut found = find(transaction, &context, bucket, key, version_id.as_deref(), None)?;
            change(&mut found.content.lock)?;
            found.record.content = Some(found.content);
            Ok(transaction.update_object(bucket, &found.record)?)
        })
        .await
}

async fn read(s3: &S3, context: S3Context, place: Place) -> Result<Found, Refusal> {
    let found = s3.store.read_s3(move |reader| {
        let Place { bucket, key, version_id, owner } = &place;
        let record = context.bucket(reader, bucket, owner.as_deref())?;
        Configured::of(&record).ok_or_else(not_configured)?;
        find(reader, &context, bucket, key, version_id.as_deref(), None)
    });
    found.await
}

fn none_there() -> Refusal {
    refuse("NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
}

pub(in crate::s3) async fn put_object_retention(
    s3: &S3,
    request: S3Request<dto::PutObjectRetentionInput>,
) -> S3Result<S3Response<dto::PutObjectRetentionOutput>> {
    let context = S3Context::of(&request)?;
    let (input, now_ms) = (request.input, context.now_ms);
    let place = place!(input);
    let bypasses = input.bypass_governance_retention == Some(true);
    let asked = match input.retention.map(|given| (given.mode, given.retain_until_date)) {
        Some((Some(mode), Some(until))) => Some(retention(mode.as_str(), until, now_ms)?),
        // An empty one takes the retention away.
        Some((None, None)) => None,
        _ => return Err(malformed_xml().into()),
    };
    change(s3, context, place, move |lock| {
        let current = lock.retention.as_ref().filter(|current| current.until_ms > now_ms);
        let extends = |until_ms: i64, mode: &str| {
            asked.as_ref().is_some_and(|asked| asked.until_ms >= until_ms && asked.mode == mode)
        };
        let is_allowed = current.is_none_or(|current| {
            extends(current.until_ms, &current.mode) || bypasses && current.mode == super::GOVERNANCE
        });
        if !is_allowed {
            return Err(is_protected());
        }
        lock.retention = asked;
        Ok(())
    })
    .await?;
    Ok(S3Response::new(dto::PutObjectRetentionOutput::default()))
}

pub(in crate::s3) async fn get_object_retention(
    s3: &S3,
    request: S3Request<dto::GetObjectRetentionInput>,
) -> S3Result<S3Response<dto::GetObjectRetentionOutput>> {
    let context = S3Context::of(&request)?;
    let found = read(s3, context, place!(request.input)).await?;
    let retention = found.content.lock.retention.ok_or_else(none_there)?;
    Ok(S3Response::new(dto::GetObjectRetentionOutput {
        retention: Some(dto::ObjectLockRetention {
            mode: Some(retention.mode.into()),
            retain_until_date: Some(timestamp(retention.until_ms)),
        }),
    }))
}

pub(in crate::s3) async fn put_object_legal_hold(
    s3: &S3,
    request: S3Request<dto::PutObjectLegalHoldInput>,
) -> S3Result<S3Response<dto::PutObjectLegalHoldOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let place = place!(input);
    let status = input.legal_hold.and_then(|hold| hold.status);
    let held = match status.as_ref().map(|status| status.as_str()) {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(malformed_xml().into()),
    };
    change(s3, context, place, move |lock| {
        lock.legal_hold = Some(held);
        Ok(())
    })
    .await?;
    Ok(S3Response::new(dto::PutObjectLegalHoldOutput::default()))
}

pub(in crate::s3) async fn get_object_legal_hold(
    s3: &S3,
    request: S3Request<dto::GetObjectLegalHoldInput>,
) -> S3Result<S3Response<dto::GetObjectLegalHoldOutput>> {
    let context = S3Context::of(&request)?;
    let found = read(s3, context, place!(request.input)).await?;
    let held = found.content.lock.legal_hold.ok_or_else(none_there)?;
    let status = dto::ObjectLockLegalHoldStatus::from_static(on_off(held));
    Ok(S3Response::new(dto::GetObjectLegalHoldOutput {
        legal_hold: Some(dto::ObjectLockLegalHold { status: Some(status) }),
    }))
}
