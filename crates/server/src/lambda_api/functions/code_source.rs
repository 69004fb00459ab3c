//! Where the code of a request comes from. A zip in the request is what is built; everything else says so.

use aws_api::generated::lambda::types::Blob;
use lambda_model::{LambdaError, function::CodeReference};
use store::{CodeLease, PackageError};

use super::super::LambdaApi;

/// The members of CreateFunction's `Code` and of UpdateFunctionCode that name code.
pub(super) struct CodeSource {
    pub zip_file: Option<Blob>,
    pub is_from_s3: bool,
    pub is_image: bool,
}

impl CodeSource {
    /// The zip of the request.
    ///
    /// # Errors
    /// When there is none, or the code is somewhere that is not built.
    pub(super) fn into_zip(self) -> Result<bytes::Bytes, LambdaError> {
        if self.is_image {
            return Err(LambdaError::NotImplemented(
                "Container images are not implemented by this server.".into(),
            ));
        }
        if self.is_from_s3 {
            return Err(LambdaError::NotImplemented(
                "Code from S3 is not implemented by this server.".into(),
            ));
        }
        match self.zip_file {
            Some(zip) => Ok(zip.into_bytes()),
            None => {
                Err(LambdaError::InvalidParameterValue("Please provide a source for function code.".into()))
            }
        }
    }
}

impl LambdaApi {
    /// Checks, unpacks and stores a package. It stays while the lease is held; a record that names it keeps it after.
    pub(super) async fn take_in(&self, zip: bytes::Bytes) -> Result<(CodeReference, CodeLease), LambdaError> {
        let lease = self.store.code_packages().intake(zip).await.map_err(package_error)?;
        Ok((lease.reference().clone(), lease))
    }
}

fn package_error(error: PackageError) -> LambdaError {
    match error {
        PackageError::Refused(message) => LambdaError::InvalidParameterValue(message),
        PackageError::TooLarge(message) => LambdaError::RequestEntityTooLarge(message),
        PackageError::Store(error) => error.into(),
    }
}
