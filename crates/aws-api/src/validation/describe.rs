//! Single constraints: whether they hold, and AWS's words for them.

use serde_json::Value;

use super::patterns;
use crate::schema::{Kind, Shape};

/// One constraint of a shape.
pub(super) enum Constraint {
    LengthMax(u64),
    LengthMin(u64),
    Pattern(&'static str),
    Values(&'static [&'static str]),
    IntegerMax(i64),
    IntegerMin(i64),
    DoubleMax(f64),
    DoubleMin(f64),
}

/// The constraints of a shape, in the order in which AWS reports those of an element: longest, shortest, pattern or values.
pub(super) fn constraints_of(kind: &Kind) -> Vec<Constraint> {
    use Constraint as C;
    let of = |bounds: [Option<Constraint>; 4]| bounds.into_iter().flatten().collect();
    match kind {
        Kind::String { min, max, pattern, values } => of([
            max.map(C::LengthMax),
            min.map(C::LengthMin),
            pattern.map(C::Pattern),
            (!values.is_empty()).then_some(C::Values(values)),
        ]),
        Kind::List { min, max, .. } | Kind::Map { min, max, .. } => {
            of([max.map(C::LengthMax), min.map(C::LengthMin), None, None])
        }
        Kind::Integer { min, max } => of([max.map(C::IntegerMax), min.map(C::IntegerMin), None, None]),
        Kind::Double { min, max } => of([max.map(C::DoubleMax), min.map(C::DoubleMin), None, None]),
        // The size of a blob is the handler's business: it knows the decoded length and AWS's own text for it.
        Kind::Blob { .. } | Kind::Structure { .. } | Kind::Boolean | Kind::Timestamp | Kind::IsoTimestamp => {
            Vec::new()
        }
    }
}

impl Constraint {
    /// Whether `value`, which has the right type, satisfies it.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::LengthMax(_) | Self::LengthMin(_) => {
                value.as_str().is_none_or(|text| self.holds_for_size(text.chars().count() as u64))
            }
            Self::Pattern(pattern) => value.as_str().is_none_or(|text| patterns::matches(pattern, text)),
            Self::Values(values) => value.as_str().is_none_or(|text| values.contains(&text)),
            Self::IntegerMax(max) => value.as_i64().is_none_or(|number| number <= *max),
            Self::IntegerMin(min) => value.as_i64().is_none_or(|number| number >= *min),
            Self::DoubleMax(max) => value.as_f64().is_none_or(|number| number <= *max),
            Self::DoubleMin(min) => value.as_f64().is_none_or(|number| number >= *min),
        }
    }

    /// Whether a text, list or map of this size satisfies it.
    pub(super) fn holds_for_size(&self, size: u64) -> bool {
        match self {
            Self::LengthMax(max) => size <= *max,
            Self::LengthMin(min) => size >= *min,
            _ => true,
        }
    }

    /// Lambda checks a function's runtime itself, after everything else, and with words of its own.
    pub(super) fn is_checked_here(&self, shape: &Shape, path: &str) -> bool {
        !matches!(self, Self::Values(_)) || shape.name != "Runtime" || path != "runtime"
    }

    /// AWS's words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::LengthMax(max) => format!("Member must have length less than or equal to {max}"),
            Self::LengthMin(min) => format!("Member must have length greater than or equal to {min}"),
            Self::Pattern(pattern) => format!("Member must satisfy regular expression pattern: {pattern}"),
            Self::Values(values) => format!("Member must satisfy enum value set: [{}]", values.join(", ")),
            Self::IntegerMax(max) => format!("Member must have value less than or equal to {max}"),
            Self::IntegerMin(min) => format!("Member must have value greater than or equal to {min}"),
            Self::DoubleMax(max) => format!("Member must have value less than or equal to {max:?}"),
            Self::DoubleMin(min) => format!("Member must have value greater than or equal to {min:?}"),
        }
    }
}

/// The constraints of elements in one phrase, as recorded: `Member must satisfy constraint: [..., Member must not be null]`.
pub(super) fn of_elements(lead: &str, constraints: &[Constraint]) -> String {
    let mut texts: Vec<String> = constraints.iter().map(Constraint::text).collect();
    texts.push("Member must not be null".into());
    format!("{lead}: [{}]", texts.join(", "))
}

/// The constraints of a map's keys: unlike elements, they are never said to be null.
pub(super) fn of_keys(constraints: &[Constraint]) -> String {
    let texts: Vec<String> = constraints.iter().map(Constraint::text).collect();
    format!("Map keys must satisfy constraint: [{}]", texts.join(", "))
}

/// A value as AWS's service prints it, which is how Java does.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let entries: Vec<String> =
                object.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
