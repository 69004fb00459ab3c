//! How an error is written.

use aws_api::error_response::*;

#[test]
fn the_body_names_fault_and_message_and_the_header_the_exception() {
    let error = ApiError::user("TooManyRequestsException", 429, "Rate Exceeded.")
        .with_member("Reason", "CallerRateLimitExceeded".into())
        .with_header("retry-after", "1");
    let response = render(&error);
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-amzn-errortype"], "TooManyRequestsException");
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        response.body(),
        r#"{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate Exceeded."}"#
    );
}
