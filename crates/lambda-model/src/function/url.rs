//! Function URLs: what a function's own address is configured to be (B.18).

use serde::{Deserialize, Serialize};

/// The configuration of a function URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionUrl {
    /// First label of its host name: 32 lower-case letters and digits that never change (U-01).
    pub url_id: String,
    /// `AWS_IAM` or `NONE`.
    pub auth_type: String,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub invoke_mode: String,
    /// Cross-origin settings, where there are any.
    pub cors: Option<Cors>,
    /// Unix time, milliseconds.
    pub created_ms: i64,
    /// Unix time, milliseconds.
    pub last_modified_ms: i64,
}

/// `Cors` of a function URL (U-08); what is absent is not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// Whether cookies may be sent.
    pub allow_credentials: Option<bool>,
    /// Headers of requests.
    pub allow_headers: Option<Vec<String>>,
    /// Methods.
    pub allow_methods: Option<Vec<String>>,
    /// Origins.
    pub allow_origins: Option<Vec<String>>,
    /// Headers of responses.
    pub expose_headers: Option<Vec<String>>,
    /// Seconds.
    pub max_age_seconds: Option<i64>,
}

/// Characters of a URL's id.
const URL_ID_CHARS: usize = 32;

/// The id of a URL from random bytes: base 36, as those of AWS look.
pub fn url_id(random: [u8; URL_ID_CHARS]) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    random.iter().map(|byte| char::from(DIGITS[usize::from(*byte) % DIGITS.len()])).collect()
}

/// The address of a URL: its host carries the id and the Region, whatever the domain (any suffix works), at this server's port.
pub fn address(url_id: &str, region: &str, (scheme, port): (&str, Option<&str>)) -> String {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{url_id}.lambda-url.{region}.localhost{port}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_id_and_region() {
        let id = url_id([255; 32]);
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        assert_eq!(
            address("abc", "us-east-1", ("http", Some("4566"))),
            "http://abc.lambda-url.us-east-1.localhost:4566/"
        );
        assert_eq!(
            address("abc", "us-east-1", ("https", None)),
            "https://abc.lambda-url.us-east-1.localhost/"
        );
    }
}
