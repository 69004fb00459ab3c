//! What is wrong with a signature, in AWS's words.

use thiserror::Error;

/// Why a request is not from whom it says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// It is not signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// The parts of the signature are not all there, or not in their form.
    #[error("{0}")]
    Incomplete(String),
    /// It is not for this service, this time, or does not match.
    #[error("{0}")]
    Invalid(String),
    /// It was right until some time ago.
    #[error("{0}")]
    Expired(String),
    /// It is from the future, or from too long ago.
    #[error("{0}")]
    Skewed(String),
    /// The signature is wrong.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// The body is not what was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    WrongPayload,
}

impl SignatureError {
    /// The code of AWS's services, S3 excepted.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Invalid(_) | Self::Expired(_) | Self::Skewed(_) | Self::Mismatch | Self::WrongPayload => {
                "InvalidSignatureException"
            }
        }
    }

    /// S3's own code.
    #[must_use]
    pub fn s3_code(&self) -> &'static str {
        match self {
            Self::Missing | Self::Expired(_) => "AccessDenied",
            Self::Incomplete(_) | Self::Invalid(_) => "AuthorizationHeaderMalformed",
            Self::Skewed(_) => "RequestTimeTooSkewed",
            Self::Mismatch => "SignatureDoesNotMatch",
            Self::WrongPayload => "XAmzContentSHA256Mismatch",
        }
    }
}
