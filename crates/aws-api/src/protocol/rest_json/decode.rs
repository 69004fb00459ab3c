//! From path labels, query, headers and body to one JSON object, checked against the model's constraints.

use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use super::{
    Decoded,
    names::{Way, translated},
};
use crate::{
    error_response::ApiError,
    schema::{Kind, Location, Member, OperationSchema, ServiceModel},
    validation,
};

/// Decodes and validates a request of `operation`.
///
/// # Errors
/// `InvalidRequestContentException` for a body that is not JSON, `SerializationException` for a value of the wrong type,
/// `ValidationException` with every violated constraint (E-13).
pub fn decode(
    model: &ServiceModel,
    operation: &OperationSchema,
    labels: Vec<(&'static str, String)>,
    query: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Decoded, ApiError> {
    let members = operation.input.map_or(&[][..], |input| model.members(input));
    let takes_payload = members.iter().find(|member| member.location == Location::Payload);
    let is_blob = |member: &Member| matches!(model.shapes[member.shape].kind, Kind::Blob { .. });
    let (mut input, payload) = match takes_payload {
        Some(member) if is_blob(member) => (Map::new(), Some(body)),
        Some(member) => (whole_body(model, member, &body)?, None),
        None => (body_members(model, members, &body)?, None),
    };
    for member in members {
        let sent = (query, operation);
        if let Some(value) = outside_body(model, member, &labels, sent, headers)? {
            input.insert(member.name.to_owned(), value);
        }
    }
    if let Some(shape) = operation.input {
        validation::check_types(model, shape, &input)?;
        validation::check(model, shape, &input, payload.is_some())?;
    }
    Ok(Decoded { input, payload })
}

fn body_members(
    model: &ServiceModel,
    members: &[Member],
    body: &[u8],
) -> Result<Map<String, Value>, ApiError> {
    let has_body_members = members.iter().any(|member| member.location == Location::Body);
    if body.is_empty() || !has_body_members {
        return Ok(Map::new());
    }
    let Value::Object(mut object) = parse(body)? else {
        return Err(ApiError::user("SerializationException", 400, "The request body must be a JSON object."));
    };
    let mut input = Map::new();
    for member in members.iter().filter(|member| member.location == Location::Body) {
        // An explicit null is the same as absence.
        if let Some(value) = object.remove(member.wire_name).filter(|value| !value.is_null()) {
            input.insert(member.name.to_owned(), translated(model, member.shape, value, Way::In));
        }
    }
    Ok(input)
}

fn whole_body(model: &ServiceModel, member: &Member, body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let mut input = Map::new();
    if !body.is_empty() {
        input.insert(member.name.to_owned(), translated(model, member.shape, parse(body)?, Way::In));
    }
    Ok(input)
}

fn parse(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        ApiError::user(
            "InvalidRequestContentException",
            400,
            format!("Could not parse request body into json: {error}"),
        )
    })
}

fn outside_body(
    model: &ServiceModel,
    member: &Member,
    labels: &[(&'static str, String)],
    (query, operation): (&str, &OperationSchema),
    headers: &HeaderMap,
) -> Result<Option<Value>, ApiError> {
    let kind = &model.shapes[member.shape].kind;
    match member.location {
        Location::Uri => {
            let label = labels.iter().find(|(name, _)| *name == member.wire_name);
            label.map(|(_, text)| scalar(kind, member, text)).transpose()
        }
        Location::Header => {
            let header = headers.get(member.wire_name).and_then(|value| value.to_str().ok());
            header.map(|text| scalar(kind, member, text)).transpose()
        }
        Location::Query if matches!(kind, Kind::Map { .. }) => Ok(all_of_query(model, operation, query)),
        Location::Query => from_query(model, member, query),
        Location::Headers | Location::StatusCode | Location::Body | Location::Payload => Ok(None),
    }
}

/// A map takes whatever the query has that is nobody else's.
fn all_of_query(model: &ServiceModel, operation: &OperationSchema, query: &str) -> Option<Value> {
    let fixed = operation.uri.split_once('?').map_or("", |(_, fixed)| fixed);
    let members = operation.input.map_or(&[][..], |input| model.members(input));
    let is_others = |name: &str| {
        members.iter().any(|member| member.location == Location::Query && member.wire_name == name)
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty() && *pair != fixed);
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let all: Map<String, Value> = pairs
        .map(|(name, value)| (query_text(name), query_text(value)))
        .filter(|(name, _)| !is_others(name))
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    (!all.is_empty()).then_some(Value::Object(all))
}

fn from_query(model: &ServiceModel, member: &Member, query: &str) -> Result<Option<Value>, ApiError> {
    let mut values = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| query_text(name) == member.wire_name)
        .map(|(_, value)| query_text(value));
    match &model.shapes[member.shape].kind {
        Kind::List { member: element, .. } => {
            let kind = &model.shapes[*element].kind;
            let values: Vec<Value> =
                values.map(|text| scalar(kind, member, &text)).collect::<Result<_, _>>()?;
            Ok((!values.is_empty()).then_some(Value::Array(values)))
        }
        kind => values.next().map(|text| scalar(kind, member, &text)).transpose(),
    }
}

fn query_text(encoded: &str) -> String {
    percent_decode_str(&encoded.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// A value that travels as text.
fn scalar(kind: &Kind, member: &Member, text: &str) -> Result<Value, ApiError> {
    let value = match kind {
        Kind::Integer { .. } => text.parse::<i64>().ok().map(|number| Value::Number(number.into())),
        Kind::Double { .. } => text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
        Kind::Boolean => text.parse::<bool>().ok().map(Value::Bool),
        _ => Some(Value::String(text.to_owned())),
    };
    value.ok_or_else(|| validation::wrong_type(member.name, kind))
}
