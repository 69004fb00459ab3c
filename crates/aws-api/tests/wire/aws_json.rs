//! JSON 1.0 and 1.1, on shapes of a real model.

use aws_api::{
    error_response::ApiError,
    generated::logs::operations::MODEL,
    protocol::{
        Decoded,
        aws_json::{decode, operation},
    },
};
use serde_json::json;

fn decoded(target: &str, body: &str) -> Result<Decoded, ApiError> {
    let operation = operation(&MODEL, target).unwrap();
    decode(&MODEL, operation, body.as_bytes(), "InvalidParameterException")
}

#[test]
fn a_request_is_checked_against_the_model() {
    let good =
        decoded("Logs_20140328.CreateLogGroup", r#"{"logGroupName": "/a", "kmsKeyId": null, "new": 1}"#);
    assert_eq!(good.unwrap().input, *json!({ "logGroupName": "/a" }).as_object().unwrap());
    let error = decoded("Logs_20140328.CreateLogGroup", r#"{"logGroupName": "a b"}"#).err().unwrap();
    assert_eq!(error.code, "InvalidParameterException");
    assert!(error.message.contains("Value 'a b' at 'logGroupName'"), "{}", error.message);
    for wrong in ["[]", "{", r#"{"logGroupName": 1}"#] {
        let error = decoded("Logs_20140328.CreateLogGroup", wrong).err().unwrap();
        assert_eq!(error.code, "SerializationException", "{wrong}");
    }
    assert!(operation(&MODEL, "Logs_20140328.Nothing").is_none());
    assert!(operation(&MODEL, "Nothing").is_none());
}
