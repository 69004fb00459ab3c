//! Gateway responses: what a REST API says for itself (API Gateway guide, "Gateway response types").

/// A type of response, in AWS's words, and its usual status. The two fallbacks have none.
pub const TYPES: [(&str, Option<u16>); 21] = [
    ("ACCESS_DENIED", Some(403)),
    ("API_CONFIGURATION_ERROR", Some(500)),
    ("AUTHORIZER_CONFIGURATION_ERROR", Some(500)),
    ("AUTHORIZER_FAILURE", Some(500)),
    ("BAD_REQUEST_BODY", Some(400)),
    ("BAD_REQUEST_PARAMETERS", Some(400)),
    ("DEFAULT_4XX", None),
    ("DEFAULT_5XX", None),
    ("EXPIRED_TOKEN", Some(403)),
    ("INTEGRATION_FAILURE", Some(504)),
    ("INTEGRATION_TIMEOUT", Some(504)),
    ("INVALID_API_KEY", Some(403)),
    ("INVALID_SIGNATURE", Some(403)),
    ("MISSING_AUTHENTICATION_TOKEN", Some(403)),
    ("QUOTA_EXCEEDED", Some(429)),
    ("REQUEST_TOO_LARGE", Some(413)),
    ("RESOURCE_NOT_FOUND", Some(404)),
    ("THROTTLED", Some(429)),
    ("UNAUTHORIZED", Some(401)),
    ("UNSUPPORTED_MEDIA_TYPE", Some(415)),
    ("WAF_FILTERED", Some(403)),
];

/// What a response says where nobody gives it a template.
pub const TEMPLATE: &str = "{\"message\":$context.error.messageString}";

/// The usual status of a type; `None` for the fallbacks, and for what is no type.
pub fn status_of(kind: &str) -> Option<u16> {
    TYPES.iter().find(|(known, _)| *known == kind).and_then(|(_, status)| *status)
}

/// Whether there is such a type.
pub fn is_type(kind: &str) -> bool {
    TYPES.iter().any(|(known, _)| *known == kind)
}

/// The type that a type falls back to.
pub fn fallback_of(status: u16) -> &'static str {
    if status < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" }
}

/// A template of a response with variables put in: no template of Velocity, but plain replacement, as the guide says. A variable is a name
/// behind a dollar sign, with dots in it, or such a name in braces.
pub fn filled(template: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let (mut done, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('$') {
        done.push_str(before);
        let (inner, is_braced) = after.strip_prefix('{').map_or((after, false), |inner| (inner, true));
        let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let end = inner.find(|character| !is_part(character)).unwrap_or(inner.len());
        let name = inner[..end].trim_end_matches(['.', '-']);
        let behind = &inner[name.len()..];
        let closed = if is_braced { behind.strip_prefix('}') } else { Some(behind) };
        match closed {
            Some(behind)
                if name.starts_with("context.")
                    || name.starts_with("stageVariables.")
                    || name.starts_with("method.") =>
            {
                done.push_str(&variable(name).unwrap_or_default());
                rest = behind;
            }
            _ => {
                done.push('$');
                rest = after;
            }
        }
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_statuses() {
        assert_eq!(
            (status_of("THROTTLED"), status_of("DEFAULT_4XX"), status_of("X")),
            (Some(429), None, None)
        );
        assert!(is_type("DEFAULT_5XX") && !is_type("x"));
        assert_eq!((fallback_of(403), fallback_of(504)), ("DEFAULT_4XX", "DEFAULT_5XX"));
    }

    #[test]
    fn templates_are_filled() {
        let variable = |name: &str| (name == "context.error.message").then(|| "no".to_owned());
        let check = |template: &str, expected: &str| assert_eq!(filled(template, variable), expected);
        check("<$context.error.message>", "<no>");
        check("${context.error.message}s.", "nos.");
        check("$context.error.message.", "no.");
        check("$context.none|$5|$", "|$5|$");
        check("${context.error.message", "${context.error.message");
    }
}
