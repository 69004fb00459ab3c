//! `Lambda-Runtime-Function-Error-Type`: which values the platform believes.

/// The error type as the platform records it: kept when it is `Runtime.` or `Function.` followed by a capital and letters,
/// else the unknown one of its kind.
pub fn sanitize(header: Option<&str>) -> String {
    let value = header.unwrap_or_default();
    for prefix in ["Runtime.", "Function."] {
        if value.strip_prefix(prefix).is_some_and(is_error_name) {
            return value.to_owned();
        }
    }
    if value.starts_with("Function.") { "Function.Unknown".into() } else { "Runtime.Unknown".into() }
}

/// `[A-Z][a-zA-Z]+`.
fn is_error_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() >= 2 && bytes[0].is_ascii_uppercase() && bytes.iter().all(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::sanitize;

    #[test]
    fn only_well_formed_types_pass() {
        for (given, expected) in [
            (Some("Runtime.ImportModuleError"), "Runtime.ImportModuleError"),
            (Some("Function.ResponseSizeTooLarge"), "Function.ResponseSizeTooLarge"),
            (Some("Function.x"), "Function.Unknown"),
            (Some("Function.With1Digit"), "Function.Unknown"),
            (Some("Runtime.A"), "Runtime.Unknown"),
            (Some("ValueError"), "Runtime.Unknown"),
            (Some("Runtime.Bad\tStatus: forged"), "Runtime.Unknown"),
            (None, "Runtime.Unknown"),
        ] {
            assert_eq!(sanitize(given), expected, "{given:?}");
        }
    }
}
