//! Who calls, as far as `--auth off` asks: the account and the Region come from the credential scope of the signature.

use aws_api::sigv4::credential_scope;

use crate::http::HttpRequest;

/// Account and Region of a request, and the service that it was signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The service name in the scope, such as `lambda`; `None` for an unsigned request.
    pub service: Option<String>,
}

/// Accounts and Regions of callers that do not say.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
}

impl Defaults {
    /// Reads the caller off the request; what it does not tell is the default.
    pub(crate) fn identify(&self, request: &HttpRequest) -> Caller {
        let scope = credential_scope::of_request(request.header("authorization"), &request.query);
        let Some(scope) = scope else {
            return Caller {
                account_id: self.account_id.clone(),
                region: self.region.clone(),
                service: None,
            };
        };
        let names_account = is_account_id(&scope.access_key_id);
        Caller {
            account_id: if names_account { scope.access_key_id } else { self.account_id.clone() },
            region: if is_region(&scope.region) { scope.region } else { self.region.clone() },
            service: Some(scope.service),
        }
    }
}

/// Twelve digits.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A Region's name becomes part of ARNs and keys: only what can be one is believed.
pub(crate) fn is_region(name: &str) -> bool {
    (3..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_an_account_or_a_region_is_one() {
        assert!(is_account_id("123456789012"));
        for text in ["", "12345678901", "12345678901x", "1234567890123"] {
            assert!(!is_account_id(text), "{text}");
        }
        assert!(is_region("us-gov-west-1") && is_region("cn-north-1"));
        for text in ["", "..", "us/east", "US-EAST-1", "x", &"a".repeat(33)] {
            assert!(!is_region(text), "{text}");
        }
    }
}
