//! PutObject.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{ETag, PutObjectInput, PutObjectOutput},
};
use store::s3::ObjectContent;

use crate::s3::{
    S3,
    acl::asked_acl,
    checksums::{self, announced},
    conditions::WriteConditions,
    context::S3Context,
    error::Refusal,
    notifications::EventName,
    object_headers::{headers_of, server_side_encryption},
    object_lock::asked_lock,
    receiving::{Upload, receive},
    tagging, versions,
};

pub(in crate::s3) async fn put_object(
    s3: &S3,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let context = S3Context::of(&request)?;
    let trailer = request.headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let input = request.input;
    let owner = input.expected_bucket_owner.clone();
    let (bucket, name) = (input.bucket.clone(), input.bucket.clone());
    // Before the body is received: gigabytes for nothing are worse than a second look.
    let (asked, lock, acl) = (context.clone(), asked_lock!(input), asked_acl!(input));
    let (asked_lock, asked_acl) = (lock.clone(), acl.clone());
    s3.store
        .read_s3(move |reader| {
            let bucket = asked.bucket(reader, &name, owner.as_deref())?;
            asked_acl.check(&bucket)?;
            asked_lock.applied(&bucket, asked.now_ms)
        })
        .await?;
    let headers = headers_of!(input)?;
    let tags = tagging::of_header(input.tagging.as_deref())?;
    let upload = Upload {
        body: input.body,
        length: input.content_length,
        md5: input.content_md5,
        checksum: announced!(input, trailer)?,
        trailers: context.trailers.clone(),
    };
    let received = receive(s3.store.object_files(), upload).await?;
    let mut content = ObjectContent {
        size_bytes: received.file.size_bytes(),
        etag: received.etag.clone(),
        segments: vec![received.segment()],
        is_multipart: false,
        upload_id: None,
        checksum: Some(received.checksum.clone()),
        headers: headers.clone(),
        tags,
        ..ObjectContent::default()
    };
    let conditions = WriteConditions { if_match: input.if_match, if_none_match: input.if_none_match };
    let stored = s3.store.change_s3(move |transaction| {
        let bucket = context.bucket(transaction, &bucket, None)?;
        conditions.check(&input.key, transaction.object(&bucket.name, &input.key, None)?.as_ref())?;
        acl.check(&bucket)?;
        content.lock = lock.applied(&bucket, context.now_ms)?;
        let record = versions::write(transaction, &bucket, &input.key, content, (&context, EventName::Put))?;
        transaction.keep_file(received.file);
        Ok::<_, Refusal>(versions::told(bucket.versioning, &record.version_id))
    });
    let version_id = stored.await?;
    let checksum = checksums::to_dto(Some(&received.checksum));
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(received.etag)),
        version_id,
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        checksum_type: checksum.checksum_type,
        server_side_encryption: server_side_encryption(&headers),
        bucket_key_enabled: headers.bucket_key_enabled,
        ssekms_key_id: headers.kms_key_id,
        ..PutObjectOutput::default()
    }))
}
