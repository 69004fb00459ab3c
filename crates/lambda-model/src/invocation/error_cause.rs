//! The X-Ray cause that a runtime sends along with an error (R-12): what its exceptions were, for the trace.
//!
//! What is not of X-Ray's form is left out and the error stands without it; what is larger than a segment may be is cropped
//! (AWS's Runtime API server does both).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest cause, bytes: a segment has no more (X-Ray).
pub const BYTES_MAX: usize = 64 * 1024;
/// Parts that are tried to be kept of a cause that is too large, per cent.
const KEPT_PER_CENT: [usize; 5] = [80, 60, 40, 20, 5];

/// The cause of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorCause {
    exceptions: Vec<Exception>,
    working_directory: String,
    paths: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Exception {
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stack: Vec<Frame>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Frame {
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
}

impl ErrorCause {
    /// Reads a cause; `None` when it is not of the form, or says nothing.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let cause: Self = serde_json::from_slice(json).ok()?;
        let says_nothing = cause == Self::default();
        (!says_nothing).then(|| cause.cropped())
    }

    /// As much of it as a segment takes.
    fn cropped(self) -> Self {
        if self.bytes() <= BYTES_MAX {
            return self;
        }
        let smaller = KEPT_PER_CENT.iter().map(|per_cent| self.kept(*per_cent));
        smaller.into_iter().find(|cause| cause.bytes() <= BYTES_MAX).unwrap_or_else(|| Self {
            working_directory: beginning(&self.working_directory, BYTES_MAX / 16),
            message: beginning(&self.message, BYTES_MAX / 16),
            ..Self::default()
        })
    }

    fn kept(&self, per_cent: usize) -> Self {
        let part = |whole: usize| whole * per_cent / 100;
        let text = |text: &String| beginning(text, part(text.len()));
        let exception = |exception: &Exception| Exception {
            message: text(&exception.message),
            kind: text(&exception.kind),
            stack: exception.stack.iter().take(part(exception.stack.len())).cloned().collect(),
        };
        Self {
            exceptions: self
                .exceptions
                .iter()
                .take(part(self.exceptions.len()).max(1))
                .map(exception)
                .collect(),
            working_directory: self.working_directory.clone(),
            paths: self.paths.iter().take(part(self.paths.len())).cloned().collect(),
            message: text(&self.message),
        }
    }

    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

/// At most `bytes` of a text, whole characters.
fn beginning(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// A body with an error and its cause in one.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct ErrorWithCause {
    error_message: String,
    error_type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stack_trace: Vec<String>,
    #[serde(skip_serializing)]
    error_cause: Value,
}

/// The error of such a body, and the cause; `None` when the body is none.
pub fn apart(body: &[u8]) -> Option<(Vec<u8>, Option<ErrorCause>)> {
    let parsed: ErrorWithCause = serde_json::from_slice(body).ok()?;
    let cause = ErrorCause::parse(parsed.error_cause.to_string().as_bytes());
    Some((serde_json::to_vec(&parsed).ok()?, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cause: &str) -> Option<String> {
        ErrorCause::parse(cause.as_bytes()).map(|cause| serde_json::to_string(&cause).unwrap())
    }

    #[test]
    fn r_12_a_cause_has_a_form() {
        let whole = r#"{"exceptions":[{"message":"no","type":"E","stack":[{"path":"a.py","line":1,"label":"f"}]}],"working_directory":"/var/task","paths":["a.py"]}"#;
        assert_eq!(json(whole).unwrap(), whole);
        assert_eq!(
            json(r#"{"paths": ["a"], "other": 1}"#).unwrap(),
            r#"{"exceptions":[],"working_directory":"","paths":["a"]}"#
        );
        for wrong in ["", "{}", "[]", "7", r#"{"other":1}"#, r#"{"paths":"a"}"#, r#"{"exceptions":[1]}"#] {
            assert_eq!(json(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn r_12_a_large_cause_is_cropped() {
        let long = "ü".repeat(BYTES_MAX);
        for cause in [
            format!(r#"{{"exceptions":[{{"message":"{long}"}}]}}"#),
            format!(r#"{{"working_directory":"{long}"}}"#),
            format!(r#"{{"paths":[{}"x"]}}"#, "\"path\",".repeat(20_000)),
        ] {
            let cropped = json(&cause).unwrap();
            assert!(cropped.len() <= BYTES_MAX && cropped.len() > 1_000, "{}", cropped.len());
        }
    }
}
