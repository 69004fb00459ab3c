//! The credential scope: `<access key id>/<date>/<region>/<service>/aws4_request`, in a header or in a presigned query.

use percent_encoding::percent_decode_str;

/// Who signed, for which Region and service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialScope {
    /// Access key id.
    pub access_key_id: String,
    /// Region.
    pub region: String,
    /// Signing name of the service, such as `lambda`.
    pub service: String,
}

/// The scope of a request, from its `Authorization` header or else its query (`X-Amz-Credential`).
pub fn of_request(authorization: Option<&str>, query: &str) -> Option<CredentialScope> {
    authorization.and_then(from_header).or_else(|| from_query(query))
}

fn from_header(header: &str) -> Option<CredentialScope> {
    let parameters = header.strip_prefix("AWS4-HMAC-SHA256")?;
    parameters.split(',').find_map(|parameter| parse(parameter.trim().strip_prefix("Credential=")?))
}

fn from_query(query: &str) -> Option<CredentialScope> {
    let encoded = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
    parse(&percent_decode_str(encoded).decode_utf8().ok()?)
}

fn parse(scope: &str) -> Option<CredentialScope> {
    // From the right: an access key id of a third party may hold slashes.
    let mut parts = scope.rsplitn(5, '/');
    let terminator = parts.next()?;
    let (service, region, _date, access_key_id) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (terminator == "aws4_request").then(|| CredentialScope {
        access_key_id: access_key_id.into(),
        region: region.into(),
        service: service.into(),
    })
}
