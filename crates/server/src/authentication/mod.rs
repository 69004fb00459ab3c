//! Proves who sent a request, under `--auth enforce`: before anything of it is believed, and before its body is.
//!
//! ```text
//!   claims of the signature -> the secret of that key -> verify -> the body is what was signed
//! ```
//! Of most services the body is read whole and hashed first. S3's streams: what proves it goes along, and ends it where it is wrong.

mod failure;
mod proof;

#[cfg(test)]
mod vectors;

use std::sync::Arc;

use aws_api::sigv4::{
    ChunkSignatures, PathRule, Request, SignatureError, SignedRequest, SigningKeys, payload_hash, verify,
};
use lambda_model::{credentials::Credentials, limits};

pub(crate) use failure::AuthenticationFailure;
pub(crate) use proof::BodyProof;

use crate::{
    clock,
    http::{self, HttpRequest, RequestBody},
};

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Checks signatures.
pub(crate) struct Authentication {
    credentials: Arc<dyn Credentials>,
    keys: SigningKeys,
}

impl Authentication {
    /// Of everybody whom `credentials` knows.
    pub(crate) fn new(credentials: Arc<dyn Credentials>) -> Self {
        Self { credentials, keys: SigningKeys::default() }
    }

    /// Proves a request whose body is read for it.
    pub(crate) async fn prove(&self, mut request: HttpRequest) -> Result<HttpRequest, AuthenticationFailure> {
        let signed = SignedRequest::read(&request.as_signed())?;
        let secret = self.secret(&signed)?;
        let body = http::read_body(request.body, limits::CREATE_FUNCTION_REQUEST_BYTES_MAX).await?;
        request.body = RequestBody::Read(Some(body.clone()));
        let payload = payload_hash(&body);
        let declared = request.header("x-amz-content-sha256");
        if declared.is_some_and(|declared| is_hash(declared) && declared != payload) {
            return Err(SignatureError::WrongPayload.into());
        }
        self.verify(&request, &signed, &secret, &payload)?;
        Ok(request)
    }

    /// Proves a request of S3's, as far as its headers go; the rest is for whoever reads the body.
    pub(crate) fn prove_s3(&self, request: &HttpRequest) -> Result<BodyProof, AuthenticationFailure> {
        if is_of_version_2(request) {
            return Err(AuthenticationFailure::Unsupported);
        }
        let signed = SignedRequest::read(&request.as_signed())?;
        let secret = self.secret(&signed)?;
        let declared = match request.header("x-amz-content-sha256") {
            Some(declared) => declared.to_owned(),
            None if signed.expires_seconds.is_some() => UNSIGNED_PAYLOAD.to_owned(),
            None => return Err(AuthenticationFailure::NoPayloadHash),
        };
        self.verify(request, &signed, &secret, &declared)?;
        match declared.as_str() {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
                Ok(BodyProof::chunks(ChunkSignatures::new(&signed, &secret, &self.keys)))
            }
            UNSIGNED_PAYLOAD | "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(BodyProof::None),
            hash if is_hash(hash) => Ok(BodyProof::hash(hash.to_owned())),
            _ => Err(SignatureError::WrongPayload.into()),
        }
    }

    fn secret(&self, signed: &SignedRequest) -> Result<String, AuthenticationFailure> {
        let token = signed.session_token.as_deref();
        let known = self.credentials.resolve(&signed.access_key_id, token, clock::unix_seconds());
        Ok(known?.secret_access_key)
    }

    fn verify(
        &self,
        request: &HttpRequest,
        signed: &SignedRequest,
        secret: &str,
        payload: &str,
    ) -> Result<(), SignatureError> {
        let rule = PathRule::of_service(&signed.service);
        verify(&request.as_signed(), signed, secret, payload, (rule, clock::unix_seconds()), &self.keys)
    }
}

impl HttpRequest {
    /// As signatures see it.
    fn as_signed(&self) -> Request<'_> {
        Request { method: self.method.as_str(), path: &self.path, query: &self.query, headers: &self.headers }
    }
}

/// Whether it is signed with version 2: botocore still presigns so for S3.
pub(crate) fn is_of_version_2(request: &HttpRequest) -> bool {
    let has = |name: &str| request.query.split('&').any(|pair| pair.starts_with(name));
    let is_presigned = has("AWSAccessKeyId=") && has("Signature=");
    is_presigned || request.header("authorization").is_some_and(|header| header.starts_with("AWS "))
}

/// SHA-256 in hex.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
