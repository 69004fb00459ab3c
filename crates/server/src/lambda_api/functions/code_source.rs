//! Where the code of a request comes from: a zip in it, an object of S3, or an image.

use aws_api::generated::lambda::types::{self as api, Blob};
use bytes::Bytes;
use lambda_model::{
    LambdaError,
    function::CodeReference,
    limits,
    ports::{CodeObject, CodeObjectError},
};
use store::{CodeLease, PackageError};

use crate::lambda_api::{LambdaApi, RequestContext};

/// Code as a request names it.
pub(in crate::lambda_api) enum CodeSource {
    /// In the request.
    Zip(Bytes),
    /// In S3.
    Object(CodeObject),
    /// In a registry.
    Image(String),
    /// Nowhere.
    Missing,
}

/// The members of a request that name a package; of several the first counts, as on AWS.
pub(in crate::lambda_api) fn package(
    zip_file: Option<Blob>,
    bucket: Option<String>,
    key: Option<String>,
    version_id: Option<String>,
) -> CodeSource {
    match (zip_file, bucket, key) {
        (Some(zip), _, _) => CodeSource::Zip(zip.into_bytes()),
        (None, Some(bucket), Some(key)) => CodeSource::Object(CodeObject { bucket, key, version_id }),
        _ => CodeSource::Missing,
    }
}

impl From<api::FunctionCode> for CodeSource {
    fn from(code: api::FunctionCode) -> Self {
        match code.image_uri {
            Some(uri) => Self::Image(uri),
            None => package(code.zip_file, code.s3_bucket, code.s3_key, code.s3_object_version),
        }
    }
}

impl LambdaApi {
    /// Fetches, checks, unpacks and stores a package. It stays while the lease is held; a record that names it keeps it after.
    ///
    /// # Errors
    /// What is wrong with the code or with where it is.
    pub(in crate::lambda_api) async fn take_in(
        &self,
        source: CodeSource,
        context: &RequestContext,
    ) -> Result<(CodeReference, CodeLease), LambdaError> {
        let zip = match source {
            CodeSource::Zip(zip) => checked_size(zip)?,
            CodeSource::Object(object) => self.fetch(&object, context).await?,
            CodeSource::Image(_) => return Err(refuse_image()),
            CodeSource::Missing => {
                return Err(LambdaError::InvalidParameterValue(
                    "Please provide a source for function code.".into(),
                ));
            }
        };
        let lease = self.store.code_packages().intake(zip).await.map_err(package_error)?;
        Ok((lease.reference().clone(), lease))
    }

    async fn fetch(&self, object: &CodeObject, context: &RequestContext) -> Result<Bytes, LambdaError> {
        let account_id = &context.caller.account_id;
        let fetched = self.objects.get(account_id, object, limits::ZIPPED_PACKAGE_IN_S3_BYTES_MAX).await;
        // Recorded (Y-05).
        fetched.map_err(|CodeObjectError { code, message }| {
            LambdaError::InvalidParameterValue(format!(
                "Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
            ))
        })
    }
}

/// Only what is uploaded directly is held to this (E-14, Y-01): what comes from S3 may be as large as it is unzipped.
fn checked_size(zip: Bytes) -> Result<Bytes, LambdaError> {
    let most = limits::ZIPPED_PACKAGE_BYTES_MAX;
    if zip.len() as u64 <= most {
        return Ok(zip);
    }
    Err(LambdaError::RequestEntityTooLarge(format!("Zipped size must be smaller than {most} bytes")))
}

/// Images are not run here.
pub(super) fn refuse_image() -> LambdaError {
    LambdaError::NotImplemented("Container images are not implemented by this server.".into())
}

fn package_error(error: PackageError) -> LambdaError {
    match error {
        PackageError::Refused(message) => LambdaError::InvalidParameterValue(message),
        PackageError::Store(error) => error.into(),
    }
}
