//! Requests of S3's for an S3 elsewhere. An endpoint without credentials of its own gets them as they are; for others the caller's
//! signature comes off as here, and the body goes along as it is where it can:
//!
//! | body | goes on |
//! |---|---|
//! | with its hash, unsigned, or in pieces that are not signed | as it is: the endpoint judges it |
//! | in signed pieces | without them, for they are signed with the caller's key; trailers are left behind |

use services::s3::{Trailers, bucket_of_host};

use super::{Early, framing, signature, text};
use crate::{
    authentication::BodyProof,
    clock,
    http::HttpRequest,
    service_endpoints::{Passed, Payload},
};

/// A request in the form in which it is passed on, to be signed anew or not; a bucket in its host goes into its path.
pub(crate) fn to_pass_on(
    request: HttpRequest,
    region: String,
    proof: BodyProof,
    is_signed_anew: bool,
) -> Result<Passed, Early> {
    signature::check_expiry(&request, clock::unix_ms())?;
    let bucket = request.header("host").and_then(bucket_of_host).map(str::to_owned);
    let HttpRequest { method, path, mut query, mut headers, body, .. } = request;
    let path = bucket.map_or(path.clone(), |bucket| format!("/{bucket}{path}"));
    if is_signed_anew {
        query = signature::without(&query, &mut headers);
    }
    let declared = text(&headers, "x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD").to_owned();
    let finished = framing::Finished::of(&body);
    let payload = if is_signed_anew && declared.starts_with("STREAMING-AWS4-") {
        let body = framing::unframed(&mut headers, (body, proof), &Trailers::default(), &finished)?;
        headers.remove("x-amz-trailer");
        Payload { body, hash: "UNSIGNED-PAYLOAD".into() }
    } else {
        Payload { body: framing::as_it_is(&headers, body, &finished), hash: declared }
    };
    Ok(Passed { method, path, query, headers, payload, region, wants_xml: true })
}
