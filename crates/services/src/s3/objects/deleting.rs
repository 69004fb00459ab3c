//! DeleteObject and DeleteObjects.

use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error,
        ObjectIdentifier,
    },
};

use crate::s3::{
    S3,
    conditions::WriteConditions,
    context::S3Context,
    error::{Refusal, malformed_xml, with_status},
    versions::{self, Deleter, Deletion},
};

/// Keys of one DeleteObjects (AWS).
const KEYS_MAX: usize = 1_000;

pub(in crate::s3) async fn delete_object(
    s3: &S3,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let deleted = s3.store.change_s3(move |transaction| {
        let bucket = context.bucket(transaction, &input.bucket, input.expected_bucket_owner.as_deref())?;
        if input.if_match.is_some() {
            let conditions = WriteConditions { if_match: input.if_match, if_none_match: None };
            conditions.check(&input.key, transaction.object(&bucket.name, &input.key, None)?.as_ref())?;
        }
        let deleter = deleter(input.bypass_governance_retention, &context);
        versions::delete(transaction, &bucket, &input.key, input.version_id.as_deref(), deleter)
    });
    let deletion: Deletion = deleted.await?;
    let output = DeleteObjectOutput {
        delete_marker: deletion.is_delete_marker.then_some(true),
        version_id: deletion.version_id,
        request_charged: None,
    };
    Ok(with_status(output, http::StatusCode::NO_CONTENT))
}

pub(in crate::s3) async fn delete_objects(
    s3: &S3,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    if input.delete.objects.is_empty() || input.delete.objects.len() > KEYS_MAX {
        return Err(malformed_xml().into());
    }
    let is_quiet = input.delete.quiet == Some(true);
    let outcome = s3.store.change_s3(move |transaction| {
        let bucket = context.bucket(transaction, &input.bucket, input.expected_bucket_owner.as_deref())?;
        let deleter = deleter(input.bypass_governance_retention, &context);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let version = object.version_id.as_deref();
            match versions::delete(transaction, &bucket, &object.key, version, deleter) {
                Ok(deletion) => deleted.push(answer(object, deletion)),
                Err(refusal) => errors.push(error(object, &refusal)),
            }
        }
        Ok::<_, Refusal>((deleted, errors))
    });
    let (deleted, errors) = outcome.await?;
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!is_quiet).then_some(deleted),
        errors: Some(errors).filter(|errors| !errors.is_empty()),
        request_charged: None,
    }))
}

fn deleter(bypasses_governance: Option<bool>, context: &S3Context) -> Deleter<'_> {
    Deleter { bypasses_governance: bypasses_governance == Some(true), context }
}

fn answer(object: ObjectIdentifier, deletion: Deletion) -> DeletedObject {
    let marker = deletion.is_delete_marker.then_some(true);
    DeletedObject {
        delete_marker: marker,
        delete_marker_version_id: marker.and(deletion.version_id),
        key: Some(object.key),
        version_id: object.version_id,
    }
}

fn error(object: ObjectIdentifier, refusal: &Refusal) -> Error {
    Error {
        code: Some(refusal.0.code().as_str().to_owned()),
        key: Some(object.key),
        message: refusal.0.message().map(str::to_owned),
        version_id: object.version_id,
    }
}
