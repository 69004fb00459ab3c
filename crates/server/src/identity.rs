//! Who calls, as far as `--auth off` asks: the Region comes from the credential scope of the signature, the account from whoever
//! has the access key, or from the access key id itself where that is an account's.

use std::sync::Arc;

use aws_api::sigv4::credential_scope;
use lambda_model::credentials::{Credentials, Principal};
use percent_encoding::percent_decode_str;
use services::service::ServiceContext;

use crate::{clock, http::HttpRequest};

/// Account and Region of a request, and the service that it was signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The service name in the scope, such as `lambda`; `None` for an unsigned request.
    pub service: Option<String>,
    /// The access key of the signature; `None` for an unsigned request.
    pub access_key_id: Option<String>,
    /// Whose access key it is; the root of the account where nobody has it.
    pub principal: Principal,
}

impl Caller {
    /// Who asks a service, and where.
    pub(crate) fn into_context(self, request: &HttpRequest) -> ServiceContext {
        let scheme = request.scheme();
        let host = request.header("host").unwrap_or("localhost");
        ServiceContext {
            principal: self.principal,
            access_key_id: self.access_key_id,
            region: self.region,
            now_ms: clock::unix_ms(),
            endpoint: format!("{scheme}://{host}"),
            trace_header: request.header("x-amzn-trace-id").map(str::to_owned),
        }
    }
}

/// Accounts and Regions of callers that do not say.
#[derive(Clone)]
pub(crate) struct Defaults {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Everybody who can sign.
    pub credentials: Arc<dyn Credentials>,
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
                access_key_id: None,
                principal: Principal::root(&self.account_id),
            };
        };
        let principal = self.principal(&scope.access_key_id, session_token(request).as_deref());
        Caller {
            account_id: principal.account_id.clone(),
            region: if is_region(&scope.region) { scope.region } else { self.region.clone() },
            service: Some(scope.service),
            access_key_id: Some(scope.access_key_id),
            principal,
        }
    }

    fn principal(&self, access_key_id: &str, session_token: Option<&str>) -> Principal {
        let known = self.credentials.resolve(access_key_id, session_token, clock::unix_seconds());
        match known {
            Ok(credential) => credential.principal,
            Err(_) if is_account_id(access_key_id) => Principal::root(access_key_id),
            Err(_) => Principal::root(&self.account_id),
        }
    }
}

/// The session token of a request, from its header or its presigned query.
fn session_token(request: &HttpRequest) -> Option<String> {
    if let Some(token) = request.header("x-amz-security-token") {
        return Some(token.to_owned());
    }
    let encoded = request.query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Security-Token="))?;
    percent_decode_str(encoded).decode_utf8().ok().map(Into::into)
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
