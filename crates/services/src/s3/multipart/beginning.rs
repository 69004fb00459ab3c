//! CreateMultipartUpload and AbortMultipartUpload.

use std::collections::HashSet;

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
        CreateMultipartUploadInput, CreateMultipartUploadOutput,
    },
};
use store::s3::{ObjectLock, UploadRecord};
use uuid::Uuid;

use super::find;
use crate::s3::{
    S3,
    acl::asked_acl,
    checksums::{Algorithm, unknown_algorithm},
    context::S3Context,
    error::{Refusal, no_content, refuse},
    object_headers::{headers_of, server_side_encryption},
    object_lock::asked_lock,
    tagging,
};

/// Whether the checksum will be of the parts' checksums: what the algorithm can, and what is asked for.
fn is_composite(algorithm: Option<Algorithm>, asked: Option<&str>) -> Result<bool, Refusal> {
    let not_possible = |kind: &str, algorithm: Algorithm| {
        let name = algorithm.name().to_ascii_lowercase();
        let message = format!("The {kind} checksum type cannot be used with the {name} checksum algorithm.");
        Err(refuse("InvalidRequest", message))
    };
    match (algorithm, asked) {
        (None, Some(_)) => Err(refuse(
            "InvalidRequest",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        )),
        (Some(algorithm @ Algorithm::Crc64Nvme), Some("COMPOSITE")) => not_possible("COMPOSITE", algorithm),
        (Some(algorithm @ (Algorithm::Sha1 | Algorithm::Sha256)), Some("FULL_OBJECT")) => {
            not_possible("FULL_OBJECT", algorithm)
        }
        (None | Some(Algorithm::Crc64Nvme), _) | (_, Some("FULL_OBJECT")) => Ok(false),
        (_, None | Some("COMPOSITE")) => Ok(true),
        (_, Some(_)) => Err(refuse("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")),
    }
}

pub(in crate::s3) async fn create_multipart_upload(
    s3: &S3,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let wish = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str());
    let algorithm = wish.map(|name| Algorithm::of_name(name).ok_or_else(unknown_algorithm)).transpose()?;
    let is_composite = is_composite(algorithm, input.checksum_type.as_ref().map(|kind| kind.as_str()))?;
    let (lock, acl) = (asked_lock!(input), asked_acl!(input));
    let mut record = UploadRecord {
        key: input.key.clone(),
        upload_id: Uuid::new_v4().simple().to_string(),
        initiated_ms: context.now_ms,
        checksum_algorithm: algorithm.map(|algorithm| algorithm.name().to_owned()),
        is_checksum_composite: is_composite,
        headers: headers_of!(input)?,
        tags: tagging::of_header(input.tagging.as_deref())?,
        lock: ObjectLock::default(),
    };
    let kind = if is_composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    let output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key),
        upload_id: Some(record.upload_id.clone()),
        checksum_algorithm: record.checksum_algorithm.clone().map(ChecksumAlgorithm::from),
        checksum_type: algorithm.map(|_| ChecksumType::from_static(kind)),
        server_side_encryption: server_side_encryption(&record.headers),
        bucket_key_enabled: record.headers.bucket_key_enabled,
        ssekms_key_id: record.headers.kms_key_id.clone(),
        ..CreateMultipartUploadOutput::default()
    };
    s3.store
        .change_s3(move |transaction| {
            let owner = input.expected_bucket_owner.as_deref();
            let bucket = context.bucket(transaction, &input.bucket, owner)?;
            acl.check(&bucket)?;
            record.lock = lock.applied(&bucket, context.now_ms)?;
            Ok::<_, Refusal>(transaction.put_upload(&bucket.name, &record)?)
        })
        .await?;
    Ok(S3Response::new(output))
}

pub(in crate::s3) async fn abort_multipart_upload(
    s3: &S3,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    s3.store
        .change_s3(move |transaction| {
            let owner = input.expected_bucket_owner.as_deref();
            let upload = find(transaction, &context, &input.bucket, &input.key, &input.upload_id, owner)?;
            Ok::<_, Refusal>(transaction.delete_upload(&input.bucket, &upload, &HashSet::new())?)
        })
        .await?;
    Ok(no_content::<AbortMultipartUploadOutput>())
}
