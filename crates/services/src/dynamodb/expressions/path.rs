//! Document paths: `a.b[1]`.

use std::fmt;

use super::super::value::{Item, Value};

/// A step into a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) enum Step {
    /// Of a map.
    Field(String),
    /// Of a list.
    Index(usize),
}

/// Where something is in an item; it begins with the name of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) struct Path {
    /// The attribute.
    pub attribute: String,
    /// The way from there.
    pub steps: Vec<Step>,
}

impl Path {
    /// An attribute as a whole.
    pub(in super::super) fn of(attribute: &str) -> Self {
        Self { attribute: attribute.to_owned(), steps: Vec::new() }
    }

    /// What is there.
    pub(in super::super) fn get<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        self.steps.iter().try_fold(item.get(&self.attribute)?, |value, step| match (step, value) {
            (Step::Field(name), Value::M(fields)) => fields.get(name),
            (Step::Index(index), Value::L(values)) => values.get(*index),
            _ => None,
        })
    }

    /// Whether one leads through the other, or both to the same.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let common = self.steps.iter().zip(&other.steps);
        self.attribute == other.attribute && common.into_iter().all(|(one, other)| one == other)
    }

    /// Whether one takes for a list what the other takes for a map.
    pub(super) fn conflicts_with(&self, other: &Self) -> bool {
        if self.attribute != other.attribute {
            return false;
        }
        let differing = self.steps.iter().zip(&other.steps).find(|(one, other)| one != other);
        matches!(differing, Some((Step::Field(_), Step::Index(_)) | (Step::Index(_), Step::Field(_))))
    }
}

/// As errors show it: `[a, b, [1]]`.
impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}", self.attribute)?;
        for step in &self.steps {
            match step {
                Step::Field(name) => write!(formatter, ", {name}")?,
                Step::Index(index) => write!(formatter, ", [{index}]")?,
            }
        }
        formatter.write_str("]")
    }
}
