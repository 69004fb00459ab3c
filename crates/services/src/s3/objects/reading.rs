//! GetObject and HeadObject.

use std::ops::Range;

use http::HeaderMap;
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{self, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput},
};
use store::s3::{ObjectContent, ObjectRecord, S3Reader, Versioning};

use super::{archive, no_such_key};
use crate::s3::{
    S3, checksums,
    conditions::{Conditions, Verdict, precondition_failed},
    context::S3Context,
    error::{Refusal, refuse, with_status},
    object_headers as headers, object_lock,
    sending::{Missed, Reading},
    versions,
};

/// An object as a read finds it.
#[derive(Clone)]
pub(in crate::s3) struct Found {
    pub record: ObjectRecord,
    pub content: ObjectContent,
    pub versioning: Versioning,
    /// Whether somebody chose how the bucket encrypts.
    pub encryption_is_set: bool,
}

/// The object that a read is for.
#[derive(Clone)]
struct Wanted {
    bucket: String,
    key: String,
    version_id: Option<String>,
    owner: Option<String>,
}

/// Finds an object, or says why there is none.
pub(in crate::s3) fn find(
    reader: &S3Reader<'_>,
    context: &S3Context,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    owner: Option<&str>,
) -> Result<Found, Refusal> {
    let bucket = context.bucket(reader, bucket, owner)?;
    version_id.map(versions::check_version_id).transpose()?;
    let Some(record) = reader.object(&bucket.name, key, version_id)? else {
        return Err(match version_id {
            Some(version_id) => refuse("NoSuchVersion", "The specified version does not exist.")
                .with("Key", key)
                .with("VersionId", version_id),
            None => no_such_key(key),
        });
    };
    match record.content.clone() {
        Some(content) => Ok(Found {
            record,
            content,
            versioning: bucket.versioning,
            encryption_is_set: bucket.settings.contains_key("encryption"),
        }),
        None => Err(is_deleted(&record, version_id.is_some())),
    }
}

/// A delete marker is found: the headers tell so.
fn is_deleted(record: &ObjectRecord, is_asked_for: bool) -> Refusal {
    let refusal = if is_asked_for {
        refuse("MethodNotAllowed", "The specified method is not allowed against this resource.")
            .with("ResourceType", "DeleteMarker")
    } else {
        no_such_key(&record.key)
    };
    let mut headers = HeaderMap::new();
    if is_asked_for {
        headers.insert(http::header::ALLOW, http::HeaderValue::from_static("DELETE"));
    }
    headers.insert("x-amz-delete-marker", http::HeaderValue::from_static("true"));
    if let Ok(value) = http::HeaderValue::from_str(&record.version_id) {
        headers.insert("x-amz-version-id", value);
    }
    refusal.with_headers(headers)
}

async fn look(
    s3: &S3,
    context: &S3Context,
    wanted: &Wanted,
    conditions: &Conditions,
) -> Result<Found, Refusal> {
    let (context, wanted) = (context.clone(), wanted.clone());
    let find = move |reader: &S3Reader<'_>| {
        let Wanted { bucket, key, version_id, owner } = &wanted;
        find(reader, &context, bucket, key, version_id.as_deref(), owner.as_deref())
    };
    let found = s3.store.read_s3(find).await?;
    match conditions.judge(&found.content.etag, found.record.last_modified_ms) {
        Verdict::Proceed => Ok(found),
        Verdict::Failed(condition) => Err(precondition_failed(condition)),
        Verdict::NotModified(_) => Err(not_modified(&found)),
    }
}

fn not_modified(found: &Found) -> Refusal {
    let mut headers = HeaderMap::new();
    if let Ok(etag) = http::HeaderValue::from_str(&format!("\"{}\"", found.content.etag)) {
        headers.insert(http::header::ETAG, etag);
    }
    refuse("NotModified", "Not Modified").with_headers(headers)
}

/// What of an object is answered.
#[derive(Debug, PartialEq, Eq)]
struct Slice {
    range: Range<u64>,
    /// Whether it is less than asked for in whole: 206.
    is_partial: bool,
    parts_count: Option<i32>,
}

fn slice(
    content: &ObjectContent,
    range: Option<dto::Range>,
    part_number: Option<i32>,
) -> Result<Slice, Refusal> {
    let whole = 0..content.size_bytes;
    match (range, part_number) {
        (None, None) => Ok(Slice { range: whole, is_partial: false, parts_count: None }),
        (Some(range), None) => {
            // An empty object has no bytes to choose from.
            let checked = range.check(content.size_bytes).ok().filter(|range| !range.is_empty());
            let checked = checked.ok_or_else(|| not_satisfiable(&range, content))?;
            Ok(Slice { range: checked, is_partial: true, parts_count: None })
        }
        (None, Some(number)) => part(content, number),
        (Some(_), Some(_)) => {
            Err(refuse("InvalidRequest", "Cannot specify both Range header and partNumber query parameter"))
        }
    }
}

fn part(content: &ObjectContent, number: i32) -> Result<Slice, Refusal> {
    let not_there = || refuse("InvalidPartNumber", "The requested partnumber is not satisfiable");
    let index = usize::try_from(number - 1).map_err(|_| not_there())?;
    if !content.is_multipart && number == 1 {
        return Ok(Slice { range: 0..content.size_bytes, is_partial: true, parts_count: None });
    }
    let segment = content.segments.get(index).filter(|_| content.is_multipart).ok_or_else(not_there)?;
    let start = content.segments.iter().take(index).map(|segment| segment.size_bytes).sum();
    let count = i32::try_from(content.segments.len()).ok();
    Ok(Slice { range: start..start + segment.size_bytes, is_partial: true, parts_count: count })
}

fn not_satisfiable(range: &dto::Range, content: &ObjectContent) -> Refusal {
    refuse("InvalidRange", "The requested range is not satisfiable")
        .with("ActualObjectSize", &content.size_bytes.to_string())
        .with("RangeRequested", &range.to_header_string())
}

fn content_range(slice: &Slice, content: &ObjectContent) -> Option<String> {
    let last = slice.range.end.checked_sub(1)?;
    slice.is_partial.then(|| format!("bytes {}-{last}/{}", slice.range.start, content.size_bytes))
}

/// What both inputs ask for: they are different types with the same fields.
macro_rules! asked {
    ($input:ident) => {
        (
            Wanted {
                bucket: $input.bucket,
                key: $input.key,
                version_id: $input.version_id,
                owner: $input.expected_bucket_owner,
            },
            Conditions {
                if_match: $input.if_match,
                if_none_match: $input.if_none_match,
                if_modified_since: $input.if_modified_since,
                if_unmodified_since: $input.if_unmodified_since,
            },
        )
    };
}

/// Fills the fields that both outputs have.
macro_rules! described {
    ($output:ident, $found:expr, $slice:expr, $with_checksum:expr, $now_ms:expr) => {{
        let (found, slice) = (&$found, &$slice);
        let content = &found.content;
        let with_checksum = $with_checksum && !slice.is_partial;
        let restore = archive::restore_header(content, $now_ms);
        let (mode, retain_until, legal_hold) = object_lock::told(&content.lock);
        let checksum = checksums::to_dto(content.checksum.as_ref().filter(|_| with_checksum));
        $output {
            accept_ranges: Some("bytes".into()),
            content_length: i64::try_from(slice.range.end - slice.range.start).ok(),
            content_range: content_range(slice, content),
            content_type: headers::content_type(&content.headers),
            cache_control: content.headers.cache_control.clone(),
            content_disposition: content.headers.content_disposition.clone(),
            content_encoding: content.headers.content_encoding.clone(),
            content_language: content.headers.content_language.clone(),
            expires: headers::expires(&content.headers),
            website_redirect_location: content.headers.website_redirect_location.clone(),
            storage_class: headers::storage_class(&content.headers),
            server_side_encryption: headers::server_side_encryption(&content.headers),
            ssekms_key_id: content.headers.kms_key_id.clone(),
            bucket_key_enabled: content.headers.bucket_key_enabled,
            metadata: headers::metadata(&content.headers),
            e_tag: Some(ETag::Strong(content.etag.clone())),
            last_modified: Some(headers::timestamp(found.record.last_modified_ms)),
            version_id: versions::told(found.versioning, &found.record.version_id),
            parts_count: slice.parts_count,
            restore,
            object_lock_mode: mode,
            object_lock_retain_until_date: retain_until,
            object_lock_legal_hold_status: legal_hold,
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            ..$output::default()
        }
    }};
}

fn is_enabled(mode: Option<&dto::ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str().eq_ignore_ascii_case("ENABLED"))
}

fn answer<T>(output: T, is_partial: bool) -> S3Response<T> {
    with_status(output, if is_partial { http::StatusCode::PARTIAL_CONTENT } else { http::StatusCode::OK })
}

pub(in crate::s3) async fn get_object(
    s3: &S3,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let (wanted, conditions) = asked!(input);
    let mut missed = Missed::default();
    loop {
        let found = look(s3, &context, &wanted, &conditions).await?;
        archive::check_readable(&found.content, context.now_ms)?;
        let slice = slice(&found.content, input.range, input.part_number)?;
        let files = s3.store.object_files();
        let Some(reading) = Reading::begin(files, &found.content, slice.range.clone()).await? else {
            missed.look_again(&found.content)?;
            continue;
        };
        let with_checksum = is_enabled(input.checksum_mode.as_ref());
        let output = described!(GetObjectOutput, found, slice, with_checksum, context.now_ms);
        let tags = i32::try_from(found.content.tags.len()).ok().filter(|count| *count > 0);
        let output = GetObjectOutput { body: Some(reading.into_body()), tag_count: tags, ..output };
        return Ok(answer(output, slice.is_partial));
    }
}

pub(in crate::s3) async fn head_object(
    s3: &S3,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let (wanted, conditions) = asked!(input);
    let found = look(s3, &context, &wanted, &conditions).await?;
    let slice = slice(&found.content, input.range, input.part_number)?;
    let with_checksum = is_enabled(input.checksum_mode.as_ref());
    let output = described!(HeadObjectOutput, found, slice, with_checksum, context.now_ms);
    Ok(answer(output, slice.is_partial))
}

#[cfg(test)]
mod tests;
