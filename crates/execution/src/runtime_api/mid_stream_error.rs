//! An error of a response that had begun: trailers after the body (P-03).

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{HeaderMap, body::Bytes};
use lambda_model::invocation::error_type;
use serde_json::json;

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// The error in the function's own words, if there was one. A body that is not Base64 is replaced by its type.
pub(super) fn of(trailers: &HeaderMap) -> Option<Bytes> {
    let error_type = trailers.get(ERROR_TYPE);
    let body = trailers.get(ERROR_BODY);
    if error_type.is_none() && body.is_none() {
        return None;
    }
    let decoded = body.and_then(|body| BASE64_STANDARD.decode(body.as_bytes()).ok());
    Some(decoded.map_or_else(
        || {
            let error_type = error_type::sanitize(error_type.and_then(|value| value.to_str().ok()));
            json!({ "errorType": error_type, "errorMessage": "" }).to_string().into()
        },
        Bytes::from,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_body_is_decoded_and_what_is_none_is_not_believed() {
        assert_eq!(of(&HeaderMap::new()), None);
        let whole = trailers(&[(ERROR_TYPE, "Function.Broken"), (ERROR_BODY, "eyJhIjoxfQ==")]);
        assert_eq!(of(&whole).unwrap(), r#"{"a":1}"#);
        let torn = trailers(&[(ERROR_TYPE, "Function.Broken"), (ERROR_BODY, "?")]);
        assert_eq!(of(&torn).unwrap(), r#"{"errorMessage":"","errorType":"Function.Broken"}"#);
    }
}
