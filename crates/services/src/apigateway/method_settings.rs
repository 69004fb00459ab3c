//! Settings of a stage's methods: `/resource~1path/METHOD/throttling/rateLimit`, `/*/*/logging/loglevel` (API reference, "PATCH operations
//! of a stage").

use serde_json::{Value, json};

use super::{
    Handled,
    error::{bad_request, comes_later},
    patch::Operation,
    record::Shape,
};

/// What a setting is called in a path, and in the model.
const SETTINGS: [(&str, &str); 10] = [
    ("logging/dataTrace", "dataTraceEnabled"),
    ("logging/loglevel", "loggingLevel"),
    ("metrics/enabled", "metricsEnabled"),
    ("throttling/burstLimit", "throttlingBurstLimit"),
    ("throttling/rateLimit", "throttlingRateLimit"),
    ("caching/dataEncrypted", "cacheDataEncrypted"),
    ("caching/enabled", "cachingEnabled"),
    ("caching/requireAuthorizationForCacheControl", "requireAuthorizationForCacheControl"),
    ("caching/ttlInSeconds", "cacheTtlInSeconds"),
    ("caching/unauthorizedCacheControlHeaderStrategy", "unauthorizedCacheControlHeaderStrategy"),
];

/// Changes a setting; `others` are the members that an operation could have named instead.
pub(super) fn apply(stage: &mut Shape, operation: &Operation, others: &[&str]) -> Handled<()> {
    let path: Vec<&str> = operation.path.iter().map(String::as_str).collect();
    let [resource, method, setting @ ..] = &path[..] else { return Err(operation.wrong(others)) };
    let key = format!("{}/{method}", resource.trim_start_matches('/'));
    let all = stage.entry("methodSettings").or_insert(json!({}));
    let Value::Object(all) = all else { return Err(operation.wrong(others)) };
    if setting.is_empty() && operation.op == "remove" {
        all.remove(&key);
        return Ok(());
    }
    let setting = setting.join("/");
    let known = SETTINGS.iter().find(|(written, _)| *written == setting);
    let (_, member) = known.ok_or_else(|| operation.wrong(others))?;
    let of_method = all.entry(key).or_insert_with(usual);
    if operation.op == "remove" {
        of_method[*member] = usual()[*member].clone();
        return Ok(());
    }
    of_method[*member] = value(member, operation.value()?)?;
    Ok(())
}

fn value(member: &str, text: &str) -> Handled<Value> {
    let invalid = || bad_request(format!("Invalid value '{text}' for {member}"));
    match member {
        "cachingEnabled" if text == "true" => Err(comes_later("Caches of stages")),
        "loggingLevel" => match text {
            "OFF" | "ERROR" | "INFO" => Ok(text.into()),
            _ => Err(invalid()),
        },
        "throttlingRateLimit" => text.parse::<f64>().map(Value::from).map_err(|_| invalid()),
        "throttlingBurstLimit" | "cacheTtlInSeconds" => {
            text.parse::<i64>().map(Value::from).map_err(|_| invalid())
        }
        "unauthorizedCacheControlHeaderStrategy" => Ok(text.into()),
        _ => text.parse::<bool>().map(Value::from).map_err(|_| invalid()),
    }
}

/// The settings of a method that has any.
fn usual() -> Value {
    json!({
        "metricsEnabled": false, "dataTraceEnabled": false, "throttlingBurstLimit": 5000,
        "throttlingRateLimit": 10000.0, "cachingEnabled": false, "cacheTtlInSeconds": 300,
        "cacheDataEncrypted": false, "requireAuthorizationForCacheControl": true,
        "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
    })
}
