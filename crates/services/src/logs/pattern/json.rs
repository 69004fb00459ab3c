//! Conditions on the members of JSON events.
//!
//! ```text
//! { or }      or = and || and ...    and = one && one ...
//! one = ( or ) | $.path = value | $.path IS TRUE | IS FALSE | IS NULL | NOT EXISTS
//! path = .name | ["name"] | [number] | [*] ...
//! ```

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    InvalidPattern,
    compare::{Expected, Operator},
    reader::Reader,
};

/// Parentheses within parentheses.
const DEPTH_MAX: usize = 32;

/// See the module's doc.
#[derive(Debug, Clone)]
pub(super) struct JsonPattern(Condition);

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compares { path: Path, operator: Operator, expected: Expected },
    Is { path: Path, what: Value },
    IsMissing { path: Path },
}

#[derive(Debug, Clone)]
struct Path {
    /// As it is written, for what is extracted.
    written: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Element(usize),
    Every,
}

impl JsonPattern {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut reader = Reader(text);
        let condition = if reader.take("{") { any(&mut reader, 0)? } else { return Err(InvalidPattern) };
        if reader.take("}") && reader.is_at_end() { Ok(Self(condition)) } else { Err(InvalidPattern) }
    }

    pub(super) fn matches(&self, event: &Value) -> bool {
        self.0.holds(event)
    }

    /// The members that the pattern names.
    pub(super) fn extract(&self, event: &Value) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        self.0.extract(event, &mut found);
        found
    }
}

fn any(reader: &mut Reader<'_>, depth: usize) -> Result<Condition, InvalidPattern> {
    let mut conditions = vec![all(reader, depth)?];
    while reader.take("||") {
        conditions.push(all(reader, depth)?);
    }
    Ok(Condition::Any(conditions))
}

fn all(reader: &mut Reader<'_>, depth: usize) -> Result<Condition, InvalidPattern> {
    let mut conditions = vec![one(reader, depth)?];
    while reader.take("&&") {
        conditions.push(one(reader, depth)?);
    }
    Ok(Condition::All(conditions))
}

fn one(reader: &mut Reader<'_>, depth: usize) -> Result<Condition, InvalidPattern> {
    if depth > DEPTH_MAX {
        return Err(InvalidPattern);
    }
    if reader.take("(") {
        let inner = any(reader, depth + 1)?;
        return if reader.take(")") { Ok(inner) } else { Err(InvalidPattern) };
    }
    let path = path(reader)?;
    if let Some(operator) = Operator::read(reader) {
        let expected = Expected::read(reader, operator, |letter| "&|(){}".contains(letter))?;
        return Ok(Condition::Compares { path, operator, expected });
    }
    let words = (word(reader), word(reader));
    match (words.0.to_ascii_uppercase().as_str(), words.1.to_ascii_uppercase().as_str()) {
        ("IS", "TRUE") => Ok(Condition::Is { path, what: Value::Bool(true) }),
        ("IS", "FALSE") => Ok(Condition::Is { path, what: Value::Bool(false) }),
        ("IS", "NULL") => Ok(Condition::Is { path, what: Value::Null }),
        ("NOT", "EXISTS") => Ok(Condition::IsMissing { path }),
        _ => Err(InvalidPattern),
    }
}

fn word<'a>(reader: &mut Reader<'a>) -> &'a str {
    reader.skip_spaces();
    reader.until(|letter| !letter.is_ascii_alphabetic())
}

fn path(reader: &mut Reader<'_>) -> Result<Path, InvalidPattern> {
    reader.skip_spaces();
    let before = reader.0;
    if !reader.take("$") {
        return Err(InvalidPattern);
    }
    let mut steps = Vec::new();
    loop {
        if let Some(rest) = reader.0.strip_prefix('.') {
            reader.0 = rest;
            let name = reader.until(|letter| !(letter.is_alphanumeric() || "_-@$".contains(letter)));
            if name.is_empty() {
                return Err(InvalidPattern);
            }
            steps.push(Step::Member(name.to_owned()));
        } else if let Some(rest) = reader.0.strip_prefix('[') {
            reader.0 = rest;
            steps.push(bracket(reader)?);
        } else {
            break;
        }
    }
    let written = before[..before.len() - reader.0.len()].to_owned();
    if steps.is_empty() { Err(InvalidPattern) } else { Ok(Path { written, steps }) }
}

fn bracket(reader: &mut Reader<'_>) -> Result<Step, InvalidPattern> {
    let step = if reader.take("\"") {
        Step::Member(reader.quoted()?)
    } else if reader.take("*") {
        Step::Every
    } else {
        Step::Element(reader.until(|letter| letter == ']').trim().parse().map_err(|_| InvalidPattern)?)
    };
    if reader.take("]") { Ok(step) } else { Err(InvalidPattern) }
}

impl Condition {
    fn holds(&self, event: &Value) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(event)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(event)),
            Self::Compares { path, operator, expected } => path
                .values(event)
                .into_iter()
                .filter_map(scalar)
                .any(|(text, number)| expected.compares(*operator, &text, number)),
            Self::Is { path, what } => path.values(event).into_iter().any(|value| value == what),
            Self::IsMissing { path } => path.values(event).is_empty(),
        }
    }

    fn extract(&self, event: &Value, found: &mut BTreeMap<String, String>) {
        let path = match self {
            Self::All(conditions) | Self::Any(conditions) => {
                return conditions.iter().for_each(|condition| condition.extract(event, found));
            }
            Self::Compares { path, .. } | Self::Is { path, .. } | Self::IsMissing { path } => path,
        };
        if let Some((text, _)) = path.values(event).into_iter().find_map(scalar) {
            found.insert(path.written.clone(), text);
        }
    }
}

impl Path {
    /// What is there; with `[*]` it may be many.
    fn values<'a>(&self, event: &'a Value) -> Vec<&'a Value> {
        let mut values = vec![event];
        for step in &self.steps {
            values = values
                .into_iter()
                .flat_map(|value| match step {
                    Step::Member(name) => value.get(name.as_str()).into_iter().collect(),
                    Step::Element(index) => value.get(*index).into_iter().collect(),
                    Step::Every => value.as_array().map_or_else(Vec::new, |all| all.iter().collect()),
                })
                .collect();
        }
        values
    }
}

/// A value that can be compared: its text, and its number if it is one.
fn scalar(value: &Value) -> Option<(String, Option<f64>)> {
    match value {
        Value::String(text) => Some((text.clone(), None)),
        Value::Number(number) => Some((number.to_string(), number.as_f64())),
        Value::Bool(value) => Some((value.to_string(), None)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
