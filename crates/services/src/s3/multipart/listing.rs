//! ListParts and ListMultipartUploads.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        ChecksumAlgorithm, ChecksumType, ETag, Initiator, ListMultipartUploadsInput,
        ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, Part,
    },
};
use store::s3::{Listed, PartRecord, Scan, UploadRecord};

use super::find;
use crate::s3::{
    S3, checksums,
    context::S3Context,
    error::Refusal,
    listing::{Encoding, canonical_id, common_prefixes, owner, page},
    object_headers::timestamp,
};

fn initiator(account_id: &str) -> Initiator {
    Initiator { display_name: None, id: Some(canonical_id(account_id)) }
}

fn storage_class(upload: &UploadRecord) -> Option<s3s::dto::StorageClass> {
    Some(upload.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".into()).into())
}

/// Of an upload that asked for an algorithm.
fn checksum_type(upload: &UploadRecord) -> Option<ChecksumType> {
    upload.checksum_algorithm.as_ref()?;
    let kind = if upload.is_checksum_composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    Some(ChecksumType::from_static(kind))
}

fn part(record: &PartRecord) -> Part {
    let sum = checksums::to_dto(record.checksum.as_ref());
    Part {
        checksum_crc32: sum.checksum_crc32,
        checksum_crc32c: sum.checksum_crc32c,
        checksum_crc64nvme: sum.checksum_crc64nvme,
        checksum_sha1: sum.checksum_sha1,
        checksum_sha256: sum.checksum_sha256,
        e_tag: Some(ETag::Strong(record.etag.clone())),
        last_modified: Some(timestamp(record.last_modified_ms)),
        part_number: i32::try_from(record.number).ok(),
        size: i64::try_from(record.size_bytes).ok(),
    }
}

pub(in crate::s3) async fn list_parts(
    s3: &S3,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let context = S3Context::of(&request)?;
    let account_id = context.account_id.clone();
    let input = request.input;
    let max_parts = page(input.max_parts)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let (bucket, key, upload_id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let owner_asked = input.expected_bucket_owner;
    let found = s3.store.read_s3(move |reader| {
        let upload = find(reader, &context, &bucket, &key, &upload_id, owner_asked.as_deref())?;
        Ok::<_, Refusal>((reader.parts(&upload.upload_id)?, upload))
    });
    let (parts, upload) = found.await?;
    let after: Vec<_> = parts.iter().filter(|part| i64::from(part.number) > i64::from(marker)).collect();
    let page: Vec<Part> =
        after.iter().take(usize::try_from(max_parts).unwrap_or(0)).map(|it| part(it)).collect();
    let is_truncated = page.len() < after.len();
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: Some(max_parts),
        part_number_marker: Some(marker),
        next_part_number_marker: page.last().and_then(|part| part.part_number).or(Some(0)),
        is_truncated: Some(is_truncated),
        parts: Some(page).filter(|page| !page.is_empty()),
        owner: Some(owner(&account_id)),
        initiator: Some(initiator(&account_id)),
        storage_class: storage_class(&upload),
        checksum_type: checksum_type(&upload),
        checksum_algorithm: upload.checksum_algorithm.map(ChecksumAlgorithm::from),
        ..ListPartsOutput::default()
    }))
}

pub(in crate::s3) async fn list_multipart_uploads(
    s3: &S3,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let context = S3Context::of(&request)?;
    let account_id = context.account_id.clone();
    let input = request.input;
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let max_uploads = page(input.max_uploads)?;
    let key_marker = input.key_marker.clone().filter(|marker| !marker.is_empty());
    let scan = Scan {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        // Without a key marker S3 ignores the other one.
        after_version: input.upload_id_marker.clone().filter(|id| key_marker.is_some() && !id.is_empty()),
        after: key_marker,
        limit: usize::try_from(max_uploads).unwrap_or(0),
    };
    let expected = input.expected_bucket_owner.clone();
    let listing = s3.store.read_s3(move |reader| {
        context.bucket(reader, &scan.bucket, expected.as_deref())?;
        Ok::<_, Refusal>(reader.uploads(&scan)?)
    });
    let listing = listing.await?;
    let (next_key, next_id) = match listing.lines.last() {
        None => (None, None),
        Some(Listed::One(upload)) => (Some(upload.key.clone()), Some(upload.upload_id.clone())),
        Some(Listed::CommonPrefix(prefix)) => (Some(prefix.clone()), None),
    };
    let uploads = listing.lines.iter().filter_map(|line| match line {
        Listed::CommonPrefix(_) => None,
        Listed::One(upload) => Some(MultipartUpload {
            key: Some(encoding.apply(&upload.key)),
            upload_id: Some(upload.upload_id.clone()),
            initiated: Some(timestamp(upload.initiated_ms)),
            initiator: Some(initiator(&account_id)),
            owner: Some(owner(&account_id)),
            storage_class: storage_class(upload),
            checksum_algorithm: upload.checksum_algorithm.clone().map(ChecksumAlgorithm::from),
            checksum_type: checksum_type(upload),
        }),
    });
    let uploads: Vec<MultipartUpload> = uploads.collect();
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(encoding.apply(&input.prefix.unwrap_or_default())),
        key_marker: Some(encoding.apply(&input.key_marker.unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        max_uploads: Some(max_uploads),
        is_truncated: Some(listing.is_truncated),
        next_key_marker: encoding.optional(next_key.as_ref()),
        next_upload_id_marker: next_id,
        common_prefixes: common_prefixes(&listing.lines, &encoding),
        delimiter: encoding.optional(input.delimiter.as_ref()),
        encoding_type: input.encoding_type,
        uploads: Some(uploads).filter(|uploads| !uploads.is_empty()),
        request_charged: None,
    }))
}
