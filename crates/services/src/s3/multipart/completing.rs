//! CompleteMultipartUpload: the parts become an object, where they are.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag},
};
use store::s3::{BucketRecord, Checksum, ObjectContent, PartRecord, S3Reader, Segment, UploadRecord};

use super::find;
use crate::s3::{
    S3,
    checksums::{self, Algorithm},
    conditions::WriteConditions,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse},
    notifications::EventName,
    object_headers::server_side_encryption,
    versions,
};

/// The smallest part but for the last (AWS: 5 MiB).
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

fn invalid_part() -> Refusal {
    refuse(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    )
}

/// The parts that a completion names, in its order.
fn chosen(asked: &[CompletedPart], uploaded: Vec<PartRecord>) -> Result<Vec<PartRecord>, Refusal> {
    if asked.is_empty() {
        return Err(malformed_xml());
    }
    let numbers: Vec<i32> = asked.iter().filter_map(|part| part.part_number).collect();
    if numbers.len() != asked.len() {
        return Err(malformed_xml());
    }
    if numbers.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(refuse(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        ));
    }
    let mut uploaded = uploaded.into_iter();
    let parts: Result<Vec<_>, _> = asked.iter().map(|asked| matching(asked, &mut uploaded)).collect();
    let parts = parts?;
    let all_but_last = parts.split_last().map(|(_, rest)| rest).unwrap_or_default();
    if all_but_last.iter().any(|part| part.size_bytes < PART_BYTES_MIN) {
        return Err(refuse(
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
        ));
    }
    Ok(parts)
}

/// The uploaded part that is meant: number, entity tag and, where given, checksum agree.
fn matching(
    asked: &CompletedPart,
    uploaded: &mut impl Iterator<Item = PartRecord>,
) -> Result<PartRecord, Refusal> {
    let number = asked.part_number.and_then(|number| u32::try_from(number).ok());
    let part = uploaded.find(|part| Some(part.number) == number).ok_or_else(invalid_part)?;
    if asked.e_tag.as_ref().is_none_or(|etag| etag.value() != part.etag) {
        return Err(invalid_part());
    }
    let sum = checksums::to_dto(part.checksum.as_ref());
    let pairs = [
        (&asked.checksum_crc32, &sum.checksum_crc32),
        (&asked.checksum_crc32c, &sum.checksum_crc32c),
        (&asked.checksum_crc64nvme, &sum.checksum_crc64nvme),
        (&asked.checksum_sha1, &sum.checksum_sha1),
        (&asked.checksum_sha256, &sum.checksum_sha256),
    ];
    if pairs.iter().any(|(asked, known)| asked.is_some() && asked != known) {
        return Err(invalid_part());
    }
    Ok(part)
}

/// The object's own checksum: of the parts' checksums; one over all bytes would need them to be read again, and comes only with one part.
fn checksum(upload: &UploadRecord, parts: &[PartRecord]) -> Option<Checksum> {
    let algorithm = Algorithm::of_name(upload.checksum_algorithm.as_deref()?)?;
    if !upload.is_checksum_composite {
        let only = parts.first().filter(|_| parts.len() == 1)?;
        return only.checksum.clone();
    }
    let values: Option<Vec<String>> =
        parts.iter().map(|part| part.checksum.as_ref().map(|sum| sum.value.clone())).collect();
    checksums::composite(algorithm, &values?)
}

fn assembled(upload: &UploadRecord, parts: &[PartRecord]) -> ObjectContent {
    let segments = parts.iter().map(|part| Segment {
        file: part.file.clone(),
        size_bytes: part.size_bytes,
        part_number: part.number,
        checksum: part.checksum.as_ref().map(|sum| sum.value.clone()),
    });
    let etags: Vec<String> = parts.iter().map(|part| part.etag.clone()).collect();
    ObjectContent {
        size_bytes: parts.iter().map(|part| part.size_bytes).sum(),
        etag: checksums::multipart_etag(&etags),
        segments: segments.collect(),
        is_multipart: true,
        upload_id: Some(upload.upload_id.clone()),
        checksum: checksum(upload, parts),
        headers: upload.headers.clone(),
        lock: upload.lock.clone(),
        restored_until_ms: None,
        tags: upload.tags.clone(),
    }
}

/// The version and the object that an upload became, if it is the newest of its key: a client that lost the answer asks again.
fn completed_before(
    reader: &S3Reader<'_>,
    bucket: &BucketRecord,
    key: &str,
    upload_id: &str,
) -> Result<Option<(Option<String>, ObjectContent)>, Refusal> {
    let Some(record) = reader.object(&bucket.name, key, None)? else { return Ok(None) };
    let version_id = versions::told(bucket.versioning, &record.version_id);
    let content = record.content.filter(|content| content.upload_id.as_deref() == Some(upload_id));
    Ok(content.map(|content| (version_id, content)))
}

pub(in crate::s3) async fn complete_multipart_upload(
    s3: &S3,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let asked = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let conditions = WriteConditions { if_match: input.if_match, if_none_match: input.if_none_match };
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let size = input.mpu_object_size.and_then(|size| u64::try_from(size).ok());
    let stored = s3.store.change_s3(move |transaction| {
        let owner = input.expected_bucket_owner.as_deref();
        let bucket = context.bucket(transaction, &input.bucket, owner)?;
        if let Some(done) = completed_before(transaction, &bucket, &input.key, &input.upload_id)? {
            return Ok(done);
        }
        let upload = find(transaction, &context, &input.bucket, &input.key, &input.upload_id, owner)?;
        let parts = chosen(&asked, transaction.parts(&upload.upload_id)?)?;
        conditions.check(&input.key, transaction.object(&bucket.name, &input.key, None)?.as_ref())?;
        let content = assembled(&upload, &parts);
        if size.is_some_and(|size| size != content.size_bytes) {
            return Err(refuse(
                "InvalidRequest",
                "The provided 'x-amz-mp-object-size' header does not match the size of the uploaded parts.",
            ));
        }
        let files = parts.into_iter().map(|part| part.file).collect();
        let cause = (&context, EventName::CompleteMultipartUpload);
        let record = versions::write(transaction, &bucket, &input.key, content, cause)?;
        transaction.delete_upload(&bucket.name, &upload, &files)?;
        Ok((versions::told(bucket.versioning, &record.version_id), record.content.unwrap_or_default()))
    });
    let (version_id, content) = stored.await?;
    let sum = checksums::to_dto(content.checksum.as_ref());
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("http://{bucket}.s3.amazonaws.com/{key}")),
        bucket: Some(bucket),
        key: Some(key),
        e_tag: Some(ETag::Strong(content.etag)),
        version_id,
        checksum_crc32: sum.checksum_crc32,
        checksum_crc32c: sum.checksum_crc32c,
        checksum_crc64nvme: sum.checksum_crc64nvme,
        checksum_sha1: sum.checksum_sha1,
        checksum_sha256: sum.checksum_sha256,
        checksum_type: sum.checksum_type,
        server_side_encryption: server_side_encryption(&content.headers),
        ssekms_key_id: content.headers.kms_key_id,
        ..CompleteMultipartUploadOutput::default()
    }))
}
