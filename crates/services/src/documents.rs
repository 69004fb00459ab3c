//! Documents of users, JSON or YAML.

use serde_json::Value;

/// Reads a document: as JSON, or else as YAML 1.2, where `y` and `no` are texts.
///
/// # Errors
/// What keeps it from being either.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    if let Ok(document) = serde_json::from_str(text) {
        return Ok(document);
    }
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// Writes a document, readable for people.
///
/// # Errors
/// When it cannot be written, which is a defect of ours.
pub(crate) fn written(document: &Value, is_yaml: bool) -> Result<String, String> {
    match is_yaml {
        true => serde_saphyr::to_string(document).map_err(|error| error.to_string()),
        false => serde_json::to_string_pretty(document).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn letters_are_no_booleans() {
        let document = read("required: [x, y, n, no, on]\ntrue_one: true\n").unwrap();
        assert_eq!(document, json!({"required": ["x", "y", "n", "no", "on"], "true_one": true}));
        assert!(read("a: [").is_err());
    }

    #[test]
    fn what_is_written_is_read() {
        let document = json!({"y": ["no", "1", 1, true, null, "a: b"], "n": {"on": "2.0"}});
        for is_yaml in [true, false] {
            assert_eq!(read(&written(&document, is_yaml).unwrap()).unwrap(), document);
        }
    }
}
