//! AWS's JSON protocol: one path, the operation in a header, a JSON object in and out.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Decoded;
use crate::{
    error_response::ApiError,
    schema::{OperationSchema, ServiceModel},
    validation,
};

/// What the JSON of one service differs in from that of another.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Of requests and answers.
    pub content_type: &'static str,
    /// The code for what violates a constraint of the model.
    pub invalid: &'static str,
    /// What stands before the code of an error: a namespace and `#`, or nothing.
    pub namespace: &'static str,
    /// Of a service that spoke the query protocol before: what that calls an error.
    pub query_code: Option<fn(&'static str) -> &'static str>,
}

/// The content type of version 1.0.
pub const VERSION_1_0: &str = "application/x-amz-json-1.0";
/// The content type of version 1.1.
pub const VERSION_1_1: &str = "application/x-amz-json-1.1";

/// The header that names the operation, such as `Logs_20140328.PutLogEvents`.
pub const TARGET: &str = "x-amz-target";

/// The operation that a target names, if it is one of the service's.
pub fn operation(model: &ServiceModel, target: &str) -> Option<&'static OperationSchema> {
    let (_, name) = target.rsplit_once('.')?;
    model.operations.iter().find(|operation| operation.name == name)
}

/// Decodes and validates a request of `operation`. What violates a constraint gets the service's code for that.
///
/// # Errors
/// `SerializationException` for what is no JSON object or has a value of the wrong type, `invalid` with every violated constraint, in
/// the words of E-13.
pub fn decode(
    model: &ServiceModel,
    operation: &OperationSchema,
    body: &[u8],
    invalid: &'static str,
) -> Result<Decoded, ApiError> {
    let mut input = object(body)?;
    // An explicit null is the same as absence.
    input.retain(|_, value| !value.is_null());
    if let Some(shape) = operation.input {
        let members = model.members(shape);
        input.retain(|name, _| members.iter().any(|member| member.wire_name == name));
        validation::check_types(model, shape, &input)?;
        validation::check(model, shape, &input, false)
            .map_err(|error| ApiError { code: invalid, ..error })?;
    }
    Ok(Decoded { input, payload: None })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(serialization("Start of structure or map found where not expected.")),
        Err(error) => Err(serialization(&error.to_string())),
    }
}

fn serialization(message: &str) -> ApiError {
    ApiError::user("SerializationException", 400, message)
}

/// The body of an answer; an operation without output has an empty object.
///
/// # Errors
/// When the output does not serialise, which is a defect of ours.
pub fn encode(output: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    let value = serde_json::to_value(output)?;
    let value = if value.is_null() { Value::Object(Map::new()) } else { value };
    Ok(serde_json::to_vec(&value)?.into())
}

/// The body of an error, whose code stands in a namespace (with its `#`) or in none.
pub fn encode_error(error: &ApiError, namespace: &str) -> Bytes {
    let code = format!("{namespace}{}", error.code);
    let mut body = json!({ "__type": code, "message": error.message });
    for (name, value) in &error.members {
        body[*name] = value.clone();
    }
    body.to_string().into()
}
