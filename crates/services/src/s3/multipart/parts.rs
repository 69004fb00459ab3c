//! UploadPart and UploadPartCopy.

use aws_api::hex;
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        CopyPartResult, ETag, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
    },
};
use store::s3::{NewObjectFile, PartRecord, UploadRecord};

use super::{find, part_number};
use crate::s3::{
    S3,
    checksums::{self, Algorithm, Announced, announced},
    conditions::Conditions,
    context::S3Context,
    error::{Refusal, refuse},
    object_headers::{server_side_encryption, timestamp},
    objects::source,
    receiving::{Upload, receive},
    sending::{self, Missed},
    versions,
};

/// Where a part goes.
#[derive(Clone)]
struct Target {
    bucket: String,
    key: String,
    upload_id: String,
    owner: Option<String>,
}

impl Target {
    async fn find(&self, s3: &S3, context: &S3Context) -> Result<UploadRecord, Refusal> {
        let (target, context) = (self.clone(), context.clone());
        s3.store
            .read_s3(move |reader| {
                let Target { bucket, key, upload_id, owner } = &target;
                find(reader, &context, bucket, key, upload_id, owner.as_deref())
            })
            .await
    }

    /// Stores the part, unless the upload has ended meanwhile.
    async fn store(
        self,
        s3: &S3,
        context: S3Context,
        record: PartRecord,
        file: NewObjectFile,
    ) -> Result<(), Refusal> {
        s3.store
            .change_s3(move |transaction| {
                let Target { bucket, key, upload_id, owner } = &self;
                find(transaction, &context, bucket, key, upload_id, owner.as_deref())?;
                transaction.put_part(upload_id, &record)?;
                transaction.keep_file(file);
                Ok(())
            })
            .await
    }
}

/// The algorithm that the parts of an upload have.
fn algorithm_of(upload: &UploadRecord) -> Option<Algorithm> {
    Algorithm::of_name(upload.checksum_algorithm.as_deref()?)
}

/// A part's checksum must be of the upload's algorithm, if that was named.
fn agree(announced: &mut Announced, upload: &UploadRecord) -> Result<(), Refusal> {
    let Some(wanted) = algorithm_of(upload) else { return Ok(()) };
    match announced.algorithm {
        Some(given) if given != wanted => Err(refuse(
            "InvalidRequest",
            format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                wanted.name().to_ascii_lowercase(),
                given.name().to_ascii_lowercase()
            ),
        )),
        _ => {
            announced.algorithm = Some(wanted);
            Ok(())
        }
    }
}

pub(in crate::s3) async fn upload_part(
    s3: &S3,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let context = S3Context::of(&request)?;
    let trailer = request.headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let input = request.input;
    let number = part_number(input.part_number)?;
    let target = Target {
        bucket: input.bucket,
        key: input.key,
        upload_id: input.upload_id,
        owner: input.expected_bucket_owner,
    };
    let mut checksum = announced!(input, trailer)?;
    let to = target.find(s3, &context).await?;
    agree(&mut checksum, &to)?;
    let upload = Upload {
        body: input.body,
        length: input.content_length,
        md5: input.content_md5,
        checksum,
        trailers: context.trailers.clone(),
    };
    let received = receive(s3.store.object_files(), upload).await?;
    let record = PartRecord {
        number,
        size_bytes: received.file.size_bytes(),
        etag: received.etag.clone(),
        file: received.file.name().to_owned(),
        last_modified_ms: context.now_ms,
        checksum: Some(received.checksum.clone()),
    };
    target.store(s3, context, record, received.file).await?;
    let checksum = checksums::to_dto(Some(&received.checksum));
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(received.etag)),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        server_side_encryption: server_side_encryption(&to.headers),
        ssekms_key_id: to.headers.kms_key_id,
        ..UploadPartOutput::default()
    }))
}

/// Reads `bytes=FIRST-LAST`, the only form that a copy takes.
fn copied_range(header: Option<&str>, size_bytes: u64) -> Result<std::ops::Range<u64>, Refusal> {
    let Some(header) = header else { return Ok(0..size_bytes) };
    let invalid = || {
        refuse(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
        )
    };
    let (first, last) =
        header.strip_prefix("bytes=").and_then(|it| it.split_once('-')).ok_or_else(invalid)?;
    let (first, last): (u64, u64) =
        (first.parse().map_err(|_| invalid())?, last.parse().map_err(|_| invalid())?);
    if last >= size_bytes || first > last {
        let message = format!("Range specified is not valid for source object of size: {size_bytes}");
        return Err(refuse("InvalidArgument", message));
    }
    Ok(first..last + 1)
}

pub(in crate::s3) async fn upload_part_copy(
    s3: &S3,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let number = part_number(input.part_number)?;
    let source = source(&input.copy_source)?;
    let target = Target {
        bucket: input.bucket,
        key: input.key,
        upload_id: input.upload_id,
        owner: input.expected_bucket_owner,
    };
    let conditions = Conditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let to = target.find(s3, &context).await?;
    let algorithm = algorithm_of(&to).unwrap_or(Algorithm::Crc64Nvme);
    let mut missed = Missed::default();
    let (found, sink) = loop {
        let owner = input.expected_source_bucket_owner.clone();
        let found = source.find(s3, &context, owner, &conditions).await?;
        let range = copied_range(input.copy_source_range.as_deref(), found.content.size_bytes)?;
        let files = s3.store.object_files();
        if let Some(sink) = sending::copy(files, &found.content, range, algorithm).await? {
            break (found, sink);
        }
        missed.look_again(&found.content)?;
    };
    let (file, digests) = sink.finish(None).await?;
    let etag = hex::encode(&digests.md5);
    let record = PartRecord {
        number,
        size_bytes: file.size_bytes(),
        etag: etag.clone(),
        file: file.name().to_owned(),
        last_modified_ms: context.now_ms,
        checksum: Some(digests.checksum),
    };
    let last_modified = Some(timestamp(context.now_ms));
    target.store(s3, context, record, file).await?;
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified,
            ..CopyPartResult::default()
        }),
        copy_source_version_id: versions::told(found.versioning, &found.record.version_id),
        server_side_encryption: server_side_encryption(&to.headers),
        ssekms_key_id: to.headers.kms_key_id,
        ..UploadPartCopyOutput::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::copied_range;

    #[test]
    fn a_copied_range_is_two_numbers_within_the_source() {
        assert_eq!(copied_range(None, 10).unwrap(), 0..10);
        assert_eq!(copied_range(Some("bytes=2-9"), 10).unwrap(), 2..10);
        for wrong in ["bytes=2-10", "bytes=5-4", "bytes=-3", "bytes=3-", "2-3", "bytes=a-b"] {
            assert!(copied_range(Some(wrong), 10).is_err(), "{wrong}");
        }
    }
}
