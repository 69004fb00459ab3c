//! Nobody: the template says which status there would have been.

use lambda_model::http_event::WebAnswer;
use serde_json::Value;

use super::Answered;
use crate::gateway::rest_api::{mapping::Mapped, refusal::Refusal};

/// The answer of the status that the request's template gives: `{"statusCode": 200}`. It need not be strict JSON, and seldom is.
pub(super) fn answered(mapped: &Mapped) -> Result<Answered, Refusal> {
    let text = String::from_utf8_lossy(&mapped.body);
    let document: Option<Value> = serde_json::from_str(&text).or_else(|_| serde_saphyr::from_str(&text)).ok();
    let status = document.as_ref().and_then(|document| match &document["statusCode"] {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    });
    let status = status.and_then(|status| u16::try_from(status).ok());
    let status =
        status.ok_or_else(|| Refusal::configuration("the template of a mock gives no statusCode"))?;
    let answer = WebAnswer { status, headers: Vec::new(), body: Default::default() };
    Ok(Answered { answer, named: status.to_string() })
}
