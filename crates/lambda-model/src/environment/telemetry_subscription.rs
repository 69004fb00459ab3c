//! What an extension asks for when it subscribes to telemetry (T-01, T-02, T-05), and what of it cannot be.

use serde_json::Value;

/// Bytes of a batch.
const BYTES: Bounds = Bounds { default: 262_144, min: 262_144, max: 1_048_576 };
/// Events of a batch (AWS's pages disagree; this is what its own server enforces).
const ITEMS: Bounds = Bounds { default: 10_000, min: 1_000, max: 10_000 };
/// Age of a batch, milliseconds (likewise).
const TIMEOUT_MS: Bounds = Bounds { default: 1_000, min: 25, max: 30_000 };

/// Where the Runtime API is: nobody else listens there.
const RESERVED_PORT: u16 = 9_001;

struct Bounds {
    default: u64,
    min: u64,
    max: u64,
}

/// By which API an extension subscribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TelemetryApi {
    /// `/2022-07-01/telemetry`.
    Telemetry,
    /// `/2020-08-15/logs`, the older one.
    Logs,
}

/// Kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// What the platform tells.
    Platform,
    /// What the function prints.
    Function,
    /// What extensions print.
    Extension,
}

impl Category {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Platform, Self::Function, Self::Extension].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where telemetry goes, always inside the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Arrays of events, posted.
    Http {
        /// Where somebody listens.
        port: u16,
        /// With the query, if there is one.
        path: String,
        /// `POST` or `PUT`.
        method: &'static str,
    },
    /// Events in lines.
    Tcp {
        /// Where somebody listens.
        port: u16,
    },
}

/// How much is collected before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffering {
    /// Events.
    pub items_max: usize,
    /// Bytes.
    pub bytes_max: usize,
    /// Milliseconds.
    pub timeout_ms: u64,
}

/// A subscription that can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRequest {
    /// Which.
    pub api: TelemetryApi,
    /// What it asked for; of the Logs API `2021-03-18` has the end of the runtime's work too.
    pub schema_version: String,
    /// What is wanted.
    pub categories: Vec<Category>,
    /// Where to.
    pub destination: Destination,
    /// How much at a time.
    pub buffering: Buffering,
}

impl SubscriptionRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, in words; all of it, separated by semicolons, as AWS does.
    pub fn parse(api: TelemetryApi, body: &[u8]) -> Result<Self, String> {
        let request: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let mut wrong = Vec::new();
        let schema_version = or_wrong(schema_version(api, &request), &mut wrong);
        let categories = or_wrong(categories(&request), &mut wrong);
        let destination = or_wrong(destination(&request), &mut wrong);
        let buffering = or_wrong(buffering(&request), &mut wrong);
        match (schema_version, categories, destination, buffering) {
            (Some(schema_version), Some(categories), Some(destination), Some(buffering)) => {
                Ok(Self { api, schema_version, categories, destination, buffering })
            }
            _ => Err(wrong.join("; ")),
        }
    }
}

fn or_wrong<T>(value: Result<T, String>, wrong: &mut Vec<String>) -> Option<T> {
    value.map_err(|text| wrong.push(text)).ok()
}

fn schema_version(api: TelemetryApi, request: &Value) -> Result<String, String> {
    let (known, default): (&[&str], Option<&str>) = match api {
        TelemetryApi::Telemetry => (&["2022-07-01", "2022-12-13", "2025-01-29"], None),
        TelemetryApi::Logs => (&["2020-08-15", "2021-03-18"], Some("2020-08-15")),
    };
    let given = request.get("schemaVersion").and_then(Value::as_str).or(default);
    match given {
        Some(version) if known.contains(&version) => Ok(version.to_owned()),
        Some(version) => Err(format!("schemaVersion {version} is not supported")),
        None => Err("schemaVersion is required".into()),
    }
}

fn categories(request: &Value) -> Result<Vec<Category>, String> {
    let given = request.get("types").and_then(Value::as_array).ok_or("types should be an array")?;
    if given.is_empty() {
        return Err("types should not be empty".into());
    }
    let mut categories = Vec::new();
    for name in given {
        let category = name.as_str().and_then(Category::parse);
        let category = category.ok_or_else(|| format!("type {name} is not supported"))?;
        if !categories.contains(&category) {
            categories.push(category);
        }
    }
    Ok(categories)
}

fn destination(request: &Value) -> Result<Destination, String> {
    let given = request.get("destination").filter(|given| given.is_object());
    let given = given.ok_or("destination is required")?;
    match given.get("protocol").and_then(Value::as_str) {
        Some("HTTP") => http_destination(given),
        Some("TCP") => {
            let port = given.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
            Ok(Destination::Tcp { port: usable_port(port)? })
        }
        Some(other) => Err(format!("protocol {other} is not supported")),
        None => Err("destination protocol is required".into()),
    }
}

fn http_destination(given: &Value) -> Result<Destination, String> {
    let uri = given.get("URI").and_then(Value::as_str).ok_or("destination URI is required")?;
    let rest = uri.strip_prefix("http://").ok_or("URI scheme should be http")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let (host, port) = authority.split_once(':').ok_or("URI port is not provided")?;
    if !matches!(host, "sandbox.localdomain" | "sandbox") {
        return Err("URI host should be sandbox.localdomain".into());
    }
    let method = match given.get("method").and_then(Value::as_str) {
        None | Some("POST") => "POST",
        Some("PUT") => "PUT",
        Some(other) => return Err(format!("method {other} is not supported")),
    };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("URI path is not valid".into());
    }
    Ok(Destination::Http { port: usable_port(port.parse().ok())?, path, method })
}

fn usable_port(port: Option<u16>) -> Result<u16, String> {
    match port {
        Some(RESERVED_PORT) => Err(format!("port {RESERVED_PORT} is reserved")),
        Some(port) if port > 0 => Ok(port),
        _ => Err("port is not valid".into()),
    }
}

fn buffering(request: &Value) -> Result<Buffering, String> {
    let given = request.get("buffering");
    let number = |name: &str, bounds: &Bounds| {
        let Some(value) = given.and_then(|given| given.get(name)).filter(|value| !value.is_null()) else {
            return Ok(bounds.default);
        };
        let value = value.as_u64().filter(|value| (bounds.min..=bounds.max).contains(value));
        value.ok_or_else(|| format!("buffering {name} should be between {} and {}", bounds.min, bounds.max))
    };
    Ok(Buffering {
        items_max: usize::try_from(number("maxItems", &ITEMS)?).unwrap_or(usize::MAX),
        bytes_max: usize::try_from(number("maxBytes", &BYTES)?).unwrap_or(usize::MAX),
        timeout_ms: number("timeoutMs", &TIMEOUT_MS)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<SubscriptionRequest, String> {
        SubscriptionRequest::parse(TelemetryApi::Telemetry, body.as_bytes())
    }

    #[test]
    fn t_01_a_subscription_has_defaults() {
        let request = parse(
            r#"{"schemaVersion": "2022-07-01", "types": ["platform", "function", "platform"],
                "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/a?b"}}"#,
        );
        let request = request.unwrap();
        assert_eq!(request.categories, [Category::Platform, Category::Function]);
        let destination = Destination::Http { port: 8080, path: "/a?b".into(), method: "POST" };
        assert_eq!(request.destination, destination);
        let buffering = Buffering { items_max: 10_000, bytes_max: 262_144, timeout_ms: 1_000 };
        assert_eq!(request.buffering, buffering);
    }

    #[test]
    fn t_02_buffering_has_bounds() {
        let with = |buffering: &str| {
            parse(&format!(
                r#"{{"schemaVersion": "2022-12-13", "types": ["extension"], "buffering": {buffering},
                    "destination": {{"protocol": "TCP", "port": 7000}}}}"#
            ))
        };
        let buffering =
            with(r#"{"maxItems": 1000, "maxBytes": 1048576, "timeoutMs": 25}"#).unwrap().buffering;
        assert_eq!(buffering, Buffering { items_max: 1_000, bytes_max: 1_048_576, timeout_ms: 25 });
        for wrong in
            [r#"{"maxItems": 999}"#, r#"{"maxBytes": 1}"#, r#"{"timeoutMs": 30001}"#, r#"{"timeoutMs": "x"}"#]
        {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        assert_eq!(
            parse(
                r#"{"types": [], "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}}"#
            ),
            Err("schemaVersion is required; types should not be empty; URI port is not provided".into())
        );
        for (destination, words) in [
            (r#"{"protocol": "HTTP", "URI": "http://example.com:80"}"#, "host should be sandbox.localdomain"),
            (r#"{"protocol": "HTTP", "URI": "https://sandbox:80"}"#, "scheme should be http"),
            (r#"{"protocol": "TCP", "port": 9001}"#, "port 9001 is reserved"),
            (r#"{"protocol": "TCP", "port": 70000}"#, "port is not valid"),
            (r#"{"protocol": "UDP", "port": 7}"#, "protocol UDP is not supported"),
        ] {
            let body = format!(
                r#"{{"schemaVersion": "2022-07-01", "types": ["platform"], "destination": {destination}}}"#
            );
            let refused = parse(&body).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        assert!(parse("{").is_err() && parse("[]").is_err());
    }
}
