//! GetObjectAttributes.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        ETag, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts,
        ObjectAttributes, ObjectPart,
    },
};
use store::s3::ObjectContent;

use super::find;
use crate::s3::{S3, checksums, context::S3Context, object_headers::timestamp, versions};

/// Parts of one answer, unless fewer are asked for (AWS).
const PARTS_MAX: i32 = 1_000;

pub(in crate::s3) async fn get_object_attributes(
    s3: &S3,
    request: S3Request<GetObjectAttributesInput>,
) -> S3Result<S3Response<GetObjectAttributesOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    // One header may name them all.
    let names = |attribute: &ObjectAttributes| -> Vec<String> {
        attribute.as_str().split(',').map(|name| name.trim().to_owned()).collect()
    };
    let wanted: Vec<String> = input.object_attributes.iter().flat_map(names).collect();
    let wants = |name: &str| wanted.iter().any(|wanted| wanted == name);
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let (version, owner) = (input.version_id.clone(), input.expected_bucket_owner.clone());
    let found = s3
        .store
        .read_s3(move |reader| find(reader, &context, &bucket, &key, version.as_deref(), owner.as_deref()));
    let found = found.await?;
    let content = &found.content;
    let class = || content.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".into());
    Ok(S3Response::new(GetObjectAttributesOutput {
        checksum: content
            .checksum
            .as_ref()
            .filter(|_| wants("Checksum"))
            .map(|sum| checksums::to_dto(Some(sum))),
        e_tag: wants("ETag").then(|| ETag::Strong(content.etag.clone())),
        last_modified: Some(timestamp(found.record.last_modified_ms)),
        object_parts: (wants("ObjectParts") && content.is_multipart)
            .then(|| parts(content, input.max_parts, input.part_number_marker)),
        object_size: wants("ObjectSize").then(|| i64::try_from(content.size_bytes).unwrap_or(i64::MAX)),
        storage_class: wants("StorageClass").then(|| class().into()),
        version_id: versions::told(found.versioning, &found.record.version_id),
        ..GetObjectAttributesOutput::default()
    }))
}

/// The parts that an object was uploaded in; one by one only where they have checksums of their own.
fn parts(content: &ObjectContent, max: Option<i32>, marker: Option<i32>) -> GetObjectAttributesParts {
    let max = max.filter(|max| (0..=PARTS_MAX).contains(max)).unwrap_or(PARTS_MAX);
    let marker = marker.unwrap_or(0);
    let algorithm =
        content.checksum.as_ref().filter(|sum| sum.is_composite).map(|sum| sum.algorithm.as_str());
    let all = content.segments.iter().filter(|part| i64::from(part.part_number) > i64::from(marker));
    let left = all.clone().count();
    let page: Vec<ObjectPart> = all
        .take(usize::try_from(max).unwrap_or(0))
        .map(|segment| {
            let sum = checksums::value_to_dto(algorithm.unwrap_or_default(), segment.checksum.as_deref());
            ObjectPart {
                part_number: i32::try_from(segment.part_number).ok(),
                size: i64::try_from(segment.size_bytes).ok(),
                checksum_crc32: sum.checksum_crc32,
                checksum_crc32c: sum.checksum_crc32c,
                checksum_crc64nvme: sum.checksum_crc64nvme,
                checksum_sha1: sum.checksum_sha1,
                checksum_sha256: sum.checksum_sha256,
            }
        })
        .collect();
    let is_truncated = page.len() < left;
    GetObjectAttributesParts {
        is_truncated: Some(is_truncated),
        max_parts: Some(max),
        next_part_number_marker: page.last().and_then(|part| part.part_number),
        part_number_marker: Some(marker),
        total_parts_count: i32::try_from(content.segments.len()).ok(),
        parts: algorithm.is_some().then_some(page),
    }
}
