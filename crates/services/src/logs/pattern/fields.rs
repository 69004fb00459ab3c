//! Fields between spaces, such as those of an access log. What is in brackets or quotation marks is one field.
//!
//! ```text
//! [name, name, ..., name = 4*, (name = a || name = b) && name != c]
//! ```

use std::collections::BTreeMap;

use super::{
    InvalidPattern,
    compare::{Expected, Operator},
    reader::Reader,
};

/// See the module's doc.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    before: Vec<Field>,
    /// Behind an ellipsis, which stands for any number of fields; `None` without one.
    after: Option<Vec<Field>>,
}

#[derive(Debug, Clone)]
struct Field {
    name: String,
    condition: Option<Condition>,
}

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compares(Operator, Expected),
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut reader = Reader(text);
        if !reader.take("[") {
            return Err(InvalidPattern);
        }
        let mut fields = Self { before: Vec::new(), after: None };
        loop {
            if reader.take("...") {
                if fields.after.is_some() {
                    return Err(InvalidPattern);
                }
                fields.after = Some(Vec::new());
            } else {
                let field = field(&mut reader, fields.len())?;
                fields.after.as_mut().unwrap_or(&mut fields.before).push(field);
            }
            if reader.take("]") {
                break;
            }
            if !reader.take(",") {
                return Err(InvalidPattern);
            }
        }
        if reader.is_at_end() { Ok(fields) } else { Err(InvalidPattern) }
    }

    fn len(&self) -> usize {
        self.before.len() + self.after.as_ref().map_or(0, Vec::len)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        self.pairs(message).is_some_and(|pairs| {
            pairs
                .iter()
                .all(|(field, value)| field.condition.as_ref().is_none_or(|condition| condition.holds(value)))
        })
    }

    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        let pairs = self.pairs(message).unwrap_or_default();
        pairs.into_iter().map(|(field, value)| (format!("${}", field.name), value.to_owned())).collect()
    }

    /// Each field with its value; `None` when the message has another number of them.
    fn pairs<'a>(&'a self, message: &'a str) -> Option<Vec<(&'a Field, &'a str)>> {
        let values = split(message);
        let is_right = match &self.after {
            None => values.len() == self.before.len(),
            Some(_) => values.len() >= self.len(),
        };
        if !is_right {
            return None;
        }
        let after = self.after.iter().flatten();
        let behind = values.len() - self.after.as_ref().map_or(0, Vec::len);
        let front = self.before.iter().zip(values.iter().copied());
        Some(front.chain(after.zip(values.iter().skip(behind).copied())).collect())
    }
}

/// The fields of a message.
fn split(message: &str) -> Vec<&str> {
    let mut rest = message.trim();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let closing = match rest.as_bytes().first() {
            Some(b'[') => Some(']'),
            Some(b'"') => Some('"'),
            _ => None,
        };
        let quoted = closing.and_then(|closing| Some((1, rest[1..].find(closing)? + 1)));
        let (start, end) =
            quoted.unwrap_or_else(|| (0, rest.find(char::is_whitespace).unwrap_or(rest.len())));
        fields.push(&rest[start..end]);
        rest = rest[end + start..].trim_start();
    }
    fields
}

fn field(reader: &mut Reader<'_>, index: usize) -> Result<Field, InvalidPattern> {
    let name = if reader.peek() == Some('(') { String::new() } else { name(reader) };
    let has_condition = reader.peek().is_some_and(|letter| "=!<>(".contains(letter));
    let (name, condition) = match (name.is_empty(), has_condition) {
        (true, false) => (format!("{}", index + 1), None),
        (false, false) => (name, None),
        (_, true) => {
            let mut names = name;
            let condition = any(reader, &mut names)?;
            (names, Some(condition))
        }
    };
    Ok(Field { name, condition })
}

fn name(reader: &mut Reader<'_>) -> String {
    reader.skip_spaces();
    reader.until(|letter| !(letter.is_alphanumeric() || "_-".contains(letter))).to_owned()
}

/// Conditions on one field: each may name it again.
fn any(reader: &mut Reader<'_>, field: &mut String) -> Result<Condition, InvalidPattern> {
    let mut conditions = vec![all(reader, field)?];
    while reader.take("||") {
        conditions.push(all(reader, field)?);
    }
    Ok(Condition::Any(conditions))
}

fn all(reader: &mut Reader<'_>, field: &mut String) -> Result<Condition, InvalidPattern> {
    let mut conditions = vec![one(reader, field)?];
    while reader.take("&&") {
        conditions.push(one(reader, field)?);
    }
    Ok(Condition::All(conditions))
}

fn one(reader: &mut Reader<'_>, field: &mut String) -> Result<Condition, InvalidPattern> {
    if reader.take("(") {
        let inner = any(reader, field)?;
        return if reader.take(")") { Ok(inner) } else { Err(InvalidPattern) };
    }
    let again = name(reader);
    if field.is_empty() {
        field.clone_from(&again);
    }
    if !again.is_empty() && again != *field {
        return Err(InvalidPattern);
    }
    let operator = Operator::read(reader).ok_or(InvalidPattern)?;
    let expected = Expected::read(reader, operator, |letter| ",]&|()".contains(letter))?;
    Ok(Condition::Compares(operator, expected))
}

impl Condition {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(value)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(value)),
            Self::Compares(operator, expected) => expected.compares(*operator, value, value.parse().ok()),
        }
    }
}
