//! From an output structure to status, headers and body.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use super::names::{Way, translated};
use crate::schema::{Location, OperationSchema, ServiceModel};

/// Encodes `output` as the answer to `operation`. Members go where the model binds them; what is left is the body.
///
/// # Errors
/// When the output does not serialise, which is a defect of ours.
pub fn encode(
    model: &ServiceModel,
    operation: &OperationSchema,
    output: &impl Serialize,
) -> Result<Response<Bytes>, serde_json::Error> {
    let mut values = match serde_json::to_value(output)? {
        Value::Object(values) => values,
        _ => Map::new(),
    };
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(operation.status).unwrap_or(StatusCode::OK);
    let members = operation.output.map_or(&[][..], |shape| model.members(shape));
    let mut body = Map::new();
    for member in members {
        let Some(value) = values.remove(member.name) else { continue };
        match member.location {
            Location::StatusCode => {
                let status = value.as_u64().and_then(|code| u16::try_from(code).ok());
                if let Some(Ok(status)) = status.map(StatusCode::from_u16) {
                    *response.status_mut() = status;
                }
            }
            Location::Header => set_header(&mut response, member.wire_name, &value),
            _ => {
                body.insert(member.wire_name.to_owned(), translated(model, member.shape, value, Way::Out));
            }
        }
    }
    if response.status() != StatusCode::NO_CONTENT && has_body(members) {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = serde_json::to_vec(&body)?.into();
    }
    Ok(response)
}

fn has_body(members: &[crate::schema::Member]) -> bool {
    members.iter().any(|member| matches!(member.location, Location::Body | Location::Payload))
}

fn set_header(response: &mut Response<Bytes>, name: &'static str, value: &Value) {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&text)) {
        response.headers_mut().insert(name, value);
    }
}
