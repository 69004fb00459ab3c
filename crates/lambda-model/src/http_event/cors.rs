//! Cross-origin requests (U-08): what browsers are told, by the address's own settings and not by the function.

use super::WebRequest;
use crate::function::url::Cors;

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";
const EXPOSE_HEADERS: &str = "Access-Control-Expose-Headers";
const MAX_AGE: &str = "Access-Control-Max-Age";
/// What a function does not decide about where its address has settings.
pub const OURS: [&str; 6] =
    [ALLOW_ORIGIN, ALLOW_CREDENTIALS, ALLOW_METHODS, ALLOW_HEADERS, EXPOSE_HEADERS, MAX_AGE];
const VARY: (&str, &str) = ("Vary", "Origin");

/// Whether a browser asks what it may ask: no function hears of it.
pub fn is_preflight(request: &WebRequest) -> bool {
    let has = |name| request.header(name).is_some();
    request.method == "OPTIONS" && has("origin") && has("access-control-request-method")
}

/// The headers of the answer to a preflight; an origin that may not ask is told nothing.
pub fn preflight(cors: &Cors, request: &WebRequest) -> Vec<(String, String)> {
    let mut headers = common(cors, request);
    if headers.is_empty() {
        return headers;
    }
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    for (name, values) in [(ALLOW_METHODS, &cors.allow_methods), (ALLOW_HEADERS, &cors.allow_headers)] {
        if let Some(values) = values.as_ref().filter(|values| !values.is_empty()) {
            add(name, values.join(","));
        }
    }
    if let Some(seconds) = cors.max_age_seconds {
        add(MAX_AGE, seconds.to_string());
    }
    headers
}

/// The headers of any other answer, which take the place of the function's own ones of these names.
pub fn answered(cors: &Cors, request: &WebRequest) -> Vec<(String, String)> {
    let mut headers = common(cors, request);
    let is_allowed = !headers.is_empty();
    let exposed = cors.expose_headers.as_ref().filter(|exposed| is_allowed && !exposed.is_empty());
    if let Some(exposed) = exposed {
        headers.push((EXPOSE_HEADERS.to_owned(), exposed.join(",")));
    }
    headers
}

/// What an origin that may ask is told each time; nothing, if it may not.
fn common(cors: &Cors, request: &WebRequest) -> Vec<(String, String)> {
    let Some(origin) = request.header("origin").filter(|origin| is_allowed(cors, origin)) else {
        return Vec::new();
    };
    let lets_credentials = cors.allow_credentials == Some(true);
    let is_anyone = cors.allow_origins.iter().flatten().any(|allowed| allowed == "*");
    // Browsers take no asterisk where credentials come along.
    let shown = if is_anyone && !lets_credentials { "*" } else { origin };
    let mut headers =
        vec![(ALLOW_ORIGIN.to_owned(), shown.to_owned()), (VARY.0.to_owned(), VARY.1.to_owned())];
    if lets_credentials {
        headers.push((ALLOW_CREDENTIALS.to_owned(), "true".to_owned()));
    }
    headers
}

fn is_allowed(cors: &Cors, origin: &str) -> bool {
    // `https://*` is every origin of the scheme.
    let is_of = |allowed: &String| match allowed.strip_suffix('*') {
        Some(start) if start.is_empty() || start.ends_with("://") => origin.starts_with(start),
        _ => allowed.eq_ignore_ascii_case(origin),
    };
    cors.allow_origins.iter().flatten().any(is_of)
}
