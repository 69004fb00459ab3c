//! CopyObject.

use aws_api::hex;
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag},
};
use store::s3::{ObjectContent, Segment};

use super::{Found, archive, find};
use crate::s3::{
    S3,
    acl::asked_acl,
    checksums::{self, Algorithm, unknown_algorithm},
    conditions::{Conditions, Verdict, precondition_failed},
    context::S3Context,
    error::{Refusal, refuse},
    notifications::EventName,
    object_headers::{headers_of, server_side_encryption, timestamp},
    object_lock::asked_lock,
    receiving::Sink,
    sending::{self, Missed},
    tagging, versions,
};

/// The largest object that is copied at once (AWS: 5 GB).
const COPY_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// Where a copy comes from.
#[derive(Clone)]
pub(in crate::s3) struct Source {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
}

/// Reads the header x-amz-copy-source.
pub(in crate::s3) fn source(header: &CopySource) -> Result<Source, Refusal> {
    match header {
        CopySource::Bucket { bucket, key, version_id } => Ok(Source {
            bucket: bucket.to_string(),
            key: key.to_string(),
            version_id: version_id.as_deref().map(str::to_owned),
        }),
        _ => Err(refuse("NotImplemented", "Access points are not implemented by this server.")),
    }
}

impl Source {
    /// Finds what is to be copied, and whether the conditions on it hold.
    pub(in crate::s3) async fn find(
        &self,
        s3: &S3,
        context: &S3Context,
        owner: Option<String>,
        conditions: &Conditions,
    ) -> Result<Found, Refusal> {
        let now_ms = context.now_ms;
        let (source, context) = (self.clone(), context.clone());
        let found = s3.store.read_s3(move |reader| {
            let version = source.version_id.as_deref();
            find(reader, &context, &source.bucket, &source.key, version, owner.as_deref())
        });
        let found = found.await?;
        match conditions.judge(&found.content.etag, found.record.last_modified_ms) {
            Verdict::Proceed => {
                archive::check_copyable(&found.content, now_ms)?;
                Ok(found)
            }
            Verdict::Failed(condition) | Verdict::NotModified(condition) => {
                Err(precondition_failed(&format!("x-amz-copy-source-{condition}")))
            }
        }
    }
}

fn is_replace(directive: Option<&str>) -> bool {
    directive.is_some_and(|directive| directive.eq_ignore_ascii_case("REPLACE"))
}

/// The copy as it shall be, but for its bytes: the source's settings, or those of the request.
fn described(input: &CopyObjectInput, found: &Found) -> Result<ObjectContent, Refusal> {
    let asked = headers_of!(input)?;
    let replaces = is_replace(input.metadata_directive.as_ref().map(|directive| directive.as_str()));
    let mut headers = if replaces { asked.clone() } else { found.content.headers.clone() };
    headers.storage_class = asked.storage_class;
    headers.server_side_encryption = asked.server_side_encryption;
    headers.kms_key_id = asked.kms_key_id;
    headers.bucket_key_enabled = asked.bucket_key_enabled;
    headers.website_redirect_location = asked.website_redirect_location;
    let replaces_tags = is_replace(input.tagging_directive.as_ref().map(|directive| directive.as_str()));
    let tags = match replaces_tags {
        true => tagging::of_header(input.tagging.as_deref())?,
        false => found.content.tags.clone(),
    };
    Ok(ObjectContent { headers, tags, ..ObjectContent::default() })
}

/// A copy of an object onto itself must change something.
fn check_changes_something(
    input: &CopyObjectInput,
    source: &Source,
    encryption_is_set: bool,
) -> Result<(), Refusal> {
    let is_same = source.bucket == input.bucket && source.key == input.key && source.version_id.is_none();
    let changes = is_replace(input.metadata_directive.as_ref().map(|directive| directive.as_str()))
        || input.storage_class.is_some()
        || input.website_redirect_location.is_some()
        || input.server_side_encryption.is_some()
        || encryption_is_set
        || input.checksum_algorithm.is_some();
    if !is_same || changes {
        return Ok(());
    }
    Err(refuse(
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    ))
}

fn check_size(content: &ObjectContent) -> Result<(), Refusal> {
    if content.size_bytes <= COPY_BYTES_MAX {
        return Ok(());
    }
    Err(refuse(
        "InvalidRequest",
        "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
    ))
}

/// Copies the bytes, once it is clear that they may be.
async fn fetch(
    s3: &S3,
    context: &S3Context,
    input: &CopyObjectInput,
    source: &Source,
    conditions: &Conditions,
) -> Result<(Found, Sink), Refusal> {
    let wish = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str());
    let wish = wish.map(|name| Algorithm::of_name(name).ok_or_else(unknown_algorithm)).transpose()?;
    let mut missed = Missed::default();
    loop {
        let owner = input.expected_source_bucket_owner.clone();
        let found = source.find(s3, context, owner, conditions).await?;
        check_changes_something(input, source, found.encryption_is_set)?;
        check_size(&found.content)?;
        let of_source = found.content.checksum.as_ref().and_then(|sum| Algorithm::of_name(&sum.algorithm));
        let algorithm = wish.or(of_source).unwrap_or(Algorithm::Crc64Nvme);
        let files = s3.store.object_files();
        let whole = 0..found.content.size_bytes;
        if let Some(sink) = sending::copy(files, &found.content, whole, algorithm).await? {
            return Ok((found, sink));
        }
        missed.look_again(&found.content)?;
    }
}

pub(in crate::s3) async fn copy_object(
    s3: &S3,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let context = S3Context::of(&request)?;
    let mut input = request.input;
    let source = source(&input.copy_source)?;
    let conditions = Conditions {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let (found, sink) = fetch(s3, &context, &input, &source, &conditions).await?;
    let mut content = described(&input, &found)?;
    let (file, digests) = sink.finish(None).await?;
    content.size_bytes = file.size_bytes();
    content.etag = hex::encode(&digests.md5);
    content.segments = vec![Segment {
        file: file.name().to_owned(),
        size_bytes: file.size_bytes(),
        part_number: 1,
        checksum: None,
    }];
    content.checksum = Some(digests.checksum);
    let (copied, lock, acl) = (content.clone(), asked_lock!(input), asked_acl!(input));
    let stored = s3.store.change_s3(move |transaction| {
        let bucket = context.bucket(transaction, &input.bucket, input.expected_bucket_owner.as_deref())?;
        acl.check(&bucket)?;
        content.lock = lock.applied(&bucket, context.now_ms)?;
        let record = versions::write(transaction, &bucket, &input.key, content, (&context, EventName::Copy))?;
        transaction.keep_file(file);
        Ok::<_, Refusal>((versions::told(bucket.versioning, &record.version_id), record.last_modified_ms))
    });
    let (version_id, last_modified_ms) = stored.await?;
    let checksum = checksums::to_dto(copied.checksum.as_ref());
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(ETag::Strong(copied.etag)),
            last_modified: Some(timestamp(last_modified_ms)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
        }),
        copy_source_version_id: versions::told(found.versioning, &found.record.version_id),
        server_side_encryption: server_side_encryption(&copied.headers),
        bucket_key_enabled: copied.headers.bucket_key_enabled,
        ssekms_key_id: copied.headers.kms_key_id,
        version_id,
        ..CopyObjectOutput::default()
    }))
}
