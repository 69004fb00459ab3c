//! Why a request is not believed, in the words and the form of the service that it is for.

use aws_api::{
    error_response::ApiError,
    protocol::{
        aws_json,
        query::{self, Dialect},
    },
    request_id,
    sigv4::SignatureError,
};
use hyper::StatusCode;
use lambda_model::credentials::CredentialError;

use crate::{
    http::{self, BodyError, HttpResponse},
    json_api,
    lambda_api::errors,
    rest_json_api, s3_api,
    service_endpoints::FAULT_NAMESPACE,
};

/// What is wrong with a request's authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthenticationFailure {
    /// The signature.
    Signature(SignatureError),
    /// The key or the token that it names.
    Credential(CredentialError),
    /// The body could not be read.
    Body(BodyError),
    /// Signature version 2.
    Unsupported,
    /// S3 must be told what the body is.
    NoPayloadHash,
}

impl From<SignatureError> for AuthenticationFailure {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<CredentialError> for AuthenticationFailure {
    fn from(error: CredentialError) -> Self {
        Self::Credential(error)
    }
}

impl From<BodyError> for AuthenticationFailure {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

const INVALID_TOKEN: &str = "The security token included in the request is invalid.";
const EXPIRED_TOKEN: &str = "The security token included in the request is expired";

impl AuthenticationFailure {
    /// As the Lambda API answers it.
    pub(crate) fn of_lambda(&self) -> HttpResponse {
        errors::render(&self.named())
    }

    /// As a service of the query protocol answers it: the same codes without their suffix.
    pub(crate) fn of_query(&self, dialect: &Dialect) -> HttpResponse {
        let mut error = self.named();
        error.code = match error.code {
            "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
            "IncompleteSignatureException" => "IncompleteSignature",
            "InvalidSignatureException" => "SignatureDoesNotMatch",
            "UnrecognizedClientException" => "InvalidClientTokenId",
            "ExpiredTokenException" => "ExpiredToken",
            other => other,
        };
        if error.code == "MissingAuthenticationToken" {
            error.message = "Request is missing Authentication Token".into();
        }
        let xml = query::encode_error(dialect, &error, &request_id::new());
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::FORBIDDEN);
        http::response(status, query::CONTENT_TYPE, xml)
    }

    /// As a service of the JSON protocol answers it.
    pub(crate) fn of_json(&self, dialect: &aws_json::Dialect) -> HttpResponse {
        json_api::refuse(&ApiError { status: 400, ..self.named() }, dialect)
    }

    /// As a service of restJson1 answers it that is not Lambda.
    pub(crate) fn of_rest_json(&self) -> HttpResponse {
        rest_json_api::refuse(&self.named())
    }

    /// As a service answers it that is not here: one that takes forms in XML, another in JSON.
    pub(crate) fn of_other(&self, takes_forms: bool) -> HttpResponse {
        if takes_forms { self.of_query(&Dialect::in_namespace(FAULT_NAMESPACE)) } else { self.of_lambda() }
    }

    /// As S3 answers it.
    pub(crate) fn of_s3(&self) -> HttpResponse {
        let (status, code, message) = self.in_s3s_words();
        s3_api::error_response(status, code, &message)
    }

    fn named(&self) -> ApiError {
        match self {
            Self::Signature(error) => ApiError::user(error.code(), 403, error.to_string()),
            Self::Credential(CredentialError::ExpiredToken) => {
                ApiError::user("ExpiredTokenException", 403, EXPIRED_TOKEN)
            }
            Self::Credential(_) => ApiError::user("UnrecognizedClientException", 403, INVALID_TOKEN),
            Self::Body(BodyError::TooLarge) => {
                ApiError::user("RequestEntityTooLargeException", 413, "Request size is too large")
            }
            Self::Body(BodyError::Broken) => {
                ApiError::user("InvalidRequestContentException", 400, "The request body ended early.")
            }
            Self::Unsupported | Self::NoPayloadHash => {
                ApiError::user("IncompleteSignatureException", 403, "Unsupported AWS 'algorithm'")
            }
        }
    }

    fn in_s3s_words(&self) -> (StatusCode, &'static str, String) {
        let forbidden = StatusCode::FORBIDDEN;
        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::Signature(SignatureError::Missing) => (forbidden, "AccessDenied", "Access Denied".into()),
            Self::Signature(SignatureError::Skewed(_)) => (
                forbidden,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.".into(),
            ),
            Self::Signature(SignatureError::Mismatch) => (
                forbidden,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and signing method.".into(),
            ),
            Self::Signature(error @ (SignatureError::Incomplete(_) | SignatureError::Invalid(_) | SignatureError::WrongPayload)) => {
                (bad, error.s3_code(), error.to_string())
            }
            Self::Signature(error) => (forbidden, error.s3_code(), error.to_string()),
            Self::Credential(CredentialError::ExpiredToken) => {
                (bad, "ExpiredToken", "The provided token has expired.".into())
            }
            Self::Credential(CredentialError::InvalidToken) => {
                (bad, "InvalidToken", "The provided token is malformed or otherwise invalid.".into())
            }
            Self::Credential(_) => (
                forbidden,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.".into(),
            ),
            Self::Body(_) => (
                bad,
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header".into(),
            ),
            Self::Unsupported => (
                bad,
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.".into(),
            ),
            Self::NoPayloadHash => (
                bad,
                "InvalidRequest",
                "Missing required header for this request: x-amz-content-sha256".into(),
            ),
        }
    }
}
