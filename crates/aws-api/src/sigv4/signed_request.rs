//! What a request says about its signature: in the header `Authorization`, or in the query of a presigned one.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::error::SignatureError;

/// Longest life of a presigned request, seconds: a week.
const EXPIRES_SECONDS_MAX: i64 = 604_800;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request as it was sent.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Path, percent-encoding untouched.
    pub path: &'a str,
    /// Query, without the question mark, untouched.
    pub query: &'a str,
    /// Headers.
    pub headers: &'a HeaderMap,
}

impl Request<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let raw = self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        percent_decode_str(raw).decode_utf8().ok().map(Into::into)
    }
}

/// The claims of a signature, none of them proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// Whose key it should be.
    pub access_key_id: String,
    /// Of temporary credentials.
    pub session_token: Option<String>,
    /// `YYYYMMDD` of the scope.
    pub date: String,
    /// Region of the scope.
    pub region: String,
    /// Service of the scope.
    pub service: String,
    /// When it was signed: `YYYYMMDDTHHMMSSZ`.
    pub timestamp: String,
    /// Names of the headers that are signed, lower case.
    pub signed_headers: Vec<String>,
    /// Hex.
    pub signature: String,
    /// How long a presigned request is good, seconds.
    pub expires_seconds: Option<i64>,
}

impl SignedRequest {
    /// Reads the claims.
    ///
    /// # Errors
    /// [`SignatureError::Missing`] when there is no signature, [`SignatureError::Incomplete`] when there is not all of one.
    pub fn read(request: &Request<'_>) -> Result<Self, SignatureError> {
        if let Some(header) = request.header("authorization") {
            return Self::from_header(request, header);
        }
        match request.parameter("X-Amz-Algorithm") {
            Some(algorithm) if algorithm == ALGORITHM => Self::from_query(request),
            Some(_) => Err(SignatureError::Incomplete("Unsupported AWS 'algorithm'".into())),
            None => Err(SignatureError::Missing),
        }
    }

    /// The scope as it is in the string to sign.
    pub(super) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }

    fn from_header(request: &Request<'_>, header: &str) -> Result<Self, SignatureError> {
        let incomplete = |what: String| SignatureError::Incomplete(format!("{what} Authorization={header}"));
        let Some(parameters) = header.strip_prefix(ALGORITHM) else {
            return Err(incomplete("Unsupported AWS 'algorithm'.".into()));
        };
        let find = |name: &str| {
            let prefix = format!("{name}=");
            let found = parameters.split(',').find_map(|one| one.trim().strip_prefix(prefix.as_str()));
            found.map(str::to_owned)
        };
        let missing: Vec<String> = ["Credential", "Signature", "SignedHeaders"]
            .iter()
            .filter(|name| find(name).is_none())
            .map(|name| format!("Authorization header requires '{name}' parameter."))
            .collect();
        let (Some(credential), Some(signature), Some(headers)) =
            (find("Credential"), find("Signature"), find("SignedHeaders"))
        else {
            return Err(incomplete(missing.join(" ")));
        };
        let Some(timestamp) = request.header("x-amz-date").or_else(|| request.header("date")) else {
            return Err(incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".into(),
            ));
        };
        let session_token = request.header("x-amz-security-token").map(str::to_owned);
        Self::new(&credential, signature, &headers, timestamp.to_owned(), session_token)
    }

    fn from_query(request: &Request<'_>) -> Result<Self, SignatureError> {
        let need = |name: &str| {
            let missing =
                || SignatureError::Incomplete(format!("AWS query-string parameters must include '{name}'."));
            request.parameter(name).ok_or_else(missing)
        };
        let credential = need("X-Amz-Credential")?;
        let timestamp = need("X-Amz-Date")?;
        let headers = need("X-Amz-SignedHeaders")?;
        let signature = need("X-Amz-Signature")?;
        let expires: i64 = need("X-Amz-Expires")?.parse().map_err(|_| expires_error())?;
        if !(1..=EXPIRES_SECONDS_MAX).contains(&expires) {
            return Err(expires_error());
        }
        let token = request.parameter("X-Amz-Security-Token");
        let signed = Self::new(&credential, signature, &headers, timestamp, token)?;
        Ok(Self { expires_seconds: Some(expires), ..signed })
    }

    fn new(
        credential: &str,
        signature: String,
        headers: &str,
        timestamp: String,
        session_token: Option<String>,
    ) -> Result<Self, SignatureError> {
        // From the right: an access key id of a third party may hold slashes.
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        let [terminator, service, region, date, access_key_id] = parts.as_slice() else {
            return Err(SignatureError::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            )));
        };
        if *terminator != "aws4_request" {
            return Err(SignatureError::Invalid(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
            )));
        }
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            session_token,
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            timestamp,
            signed_headers: headers.split(';').map(str::to_ascii_lowercase).collect(),
            signature,
            expires_seconds: None,
        })
    }
}

fn expires_error() -> SignatureError {
    SignatureError::Incomplete("X-Amz-Expires must be between 1 and 604800 seconds".into())
}
