//! Request validators: parameters that a method needs, and bodies by their models.

use lambda_model::rest_api::media;
use serde_json::Value;

use super::{
    Visit,
    refusal::{Kind, Refusal},
    text,
};

/// Whether a request is what the method's validator wants.
pub(super) fn check(visit: &Visit<'_>) -> Result<(), Refusal> {
    let validators = visit.stage.deployed.snapshot.of("RequestValidator");
    let Some(validator) = validators.get(text(&visit.method.shape, "requestValidatorId")) else {
        return Ok(());
    };
    let wants = |member: &str| validator.get(member) == Some(&Value::Bool(true));
    if wants("validateRequestParameters") {
        parameters(visit)?;
    }
    if wants("validateRequestBody") {
        body(visit)?;
    }
    Ok(())
}

fn parameters(visit: &Visit<'_>) -> Result<(), Refusal> {
    let declared = visit.method.shape.get("requestParameters").and_then(Value::as_object);
    let needed = declared.into_iter().flatten().filter(|(_, is_needed)| **is_needed == Value::Bool(true));
    let is_missing = |name: &&str| {
        let Some((kind, name)) = name.strip_prefix("method.request.").and_then(|rest| rest.split_once('.'))
        else {
            return false;
        };
        match kind {
            "path" => visit.parameters.get(name).is_none_or(String::is_empty),
            "querystring" => !visit.query.iter().any(|(known, value)| known == name && !value.is_empty()),
            _ => visit.web.header(name).is_none_or(str::is_empty),
        }
    };
    let missing: Vec<&str> = needed.map(|(name, _)| name.as_str()).filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().filter_map(|name| name.splitn(4, '.').nth(3)).collect();
    Err(Refusal::saying(
        Kind::BadParameters,
        format!("Missing required request parameters: [{}]", names.join(", ")),
    ))
}

/// A body without a model for its type is not checked; one with a model has to be there.
fn body(visit: &Visit<'_>) -> Result<(), Refusal> {
    let models = visit.method.shape.get("requestModels").and_then(Value::as_object);
    let kind = media::plain(visit.web.header("content-type"));
    let model = models.and_then(|models| models.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind)));
    let Some(model) = model.and_then(|(_, model)| model.as_str()) else { return Ok(()) };
    let document: Value = match serde_json::from_slice(&visit.web.body) {
        Ok(document) => document,
        Err(error) => return Err(Refusal::because(Kind::BadBody, format!("[{error}]"))),
    };
    match visit.stage.deployed.errors_of(model, &document) {
        None => Err(Refusal::configuration("the model of a request cannot be used")),
        Some(errors) if errors.is_empty() => Ok(()),
        Some(errors) => Err(Refusal::because(Kind::BadBody, format!("[{}]", errors.join(", ")))),
    }
}
