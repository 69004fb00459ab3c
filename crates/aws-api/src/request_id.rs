//! Request ids: version 4 UUIDs, as AWS's are.

/// A new one, in lower case with hyphens.
pub fn new() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Whether `text` can be one (I-04).
pub fn is_valid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::parse_str(text).is_ok()
}
