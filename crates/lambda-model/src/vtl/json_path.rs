//! JSONPath as API Gateway has it: in Jayway's dialect, which is older than RFC 9535. A path that can lead to one place only gives what is
//! there, or nothing; any other gives an array of all that it leads to.

mod filter;
mod parse;

use super::{Map, Value, meter};

use filter::Filter;

/// What a path leads to on its way, at most: each `..` multiplies it.
const FOUND_MAX: usize = 1_000_000;
/// What one of these counts for, bytes.
const VALUE_COST: usize = 32;

/// A path that is ready to be followed.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    steps: Vec<Step>,
    function: Option<Function>,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSONPath: {0}")]
pub struct JsonPathError(String);

#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// A member, or several: `.a`, `['a']`, `['a','b']`.
    Members(Vec<String>),
    /// An item, or several: `[0]`, `[-1]`, `[0,2]`.
    Items(Vec<i64>),
    /// `[from:to]`.
    Slice(Option<i64>, Option<i64>),
    /// `*`.
    All,
    /// `..`: everything within, and what it is in.
    Deep,
    /// `[?(...)]`.
    Those(Filter),
}

/// What may stand at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Length,
    Keys,
    Minimum,
    Maximum,
    Sum,
    Average,
}

impl JsonPath {
    /// Reads a path; one that does not begin with `$` is from there.
    ///
    /// # Errors
    /// When a bracket is not closed, or a step is none.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        parse::path(text)
    }

    /// What the path leads to; nothing where that is more than may be, which ends a template that asks.
    pub fn of(&self, document: &Value) -> Option<Value> {
        let mut found = vec![document.clone()];
        for step in &self.steps {
            found = found.iter().flat_map(|value| step.from(value, document)).take(FOUND_MAX + 1).collect();
            meter::count(found.len().saturating_mul(VALUE_COST));
            if found.len() > FOUND_MAX || meter::is_spent() {
                meter::count(usize::MAX);
                return None;
            }
        }
        let is_one = self.steps.iter().all(Step::leads_to_one);
        let value = if is_one { found.into_iter().next() } else { Some(Value::array(found)) };
        match self.function {
            Some(function) => value.map(|value| function.of(&value)),
            None => value,
        }
    }
}

impl Step {
    fn leads_to_one(&self) -> bool {
        match self {
            // Several members are one object.
            Self::Members(_) => true,
            Self::Items(items) => items.len() == 1,
            _ => false,
        }
    }

    fn from(&self, value: &Value, document: &Value) -> Vec<Value> {
        match (self, value) {
            (Self::Members(names), Value::Map(map)) => match &names[..] {
                [name] => map.borrow().get(name).cloned().into_iter().collect(),
                names => {
                    let map = map.borrow();
                    let known = names.iter().filter_map(|name| Some((name.clone(), map.get(name)?.clone())));
                    vec![Value::map(known.collect::<Map>())]
                }
            },
            (Self::Items(places), Value::List { items, .. }) => {
                let items = items.borrow();
                let at = |place: &i64| items.get(from_end(*place, items.len())?).cloned();
                places.iter().filter_map(at).collect()
            }
            (Self::Slice(from, to), Value::List { items, .. }) => {
                let items = items.borrow();
                let bound = |place: i64| {
                    let place = if place < 0 { place + items.len() as i64 } else { place };
                    place.clamp(0, items.len() as i64) as usize
                };
                let (from, to) = (from.map_or(0, bound), to.map_or(items.len(), bound));
                items.get(from..to.max(from)).unwrap_or_default().to_vec()
            }
            (Self::All, value) => within(value),
            (Self::Deep, value) => {
                let mut all = Vec::new();
                deep(value, &mut all);
                all
            }
            (Self::Those(filter), Value::List { items, .. }) => {
                items.borrow().iter().filter(|item| filter.holds(item, document)).cloned().collect()
            }
            (Self::Those(filter), Value::Map(_)) if filter.holds(value, document) => vec![value.clone()],
            _ => Vec::new(),
        }
    }
}

fn from_end(place: i64, length: usize) -> Option<usize> {
    let place = if place < 0 { place + length as i64 } else { place };
    usize::try_from(place).ok()
}

fn within(value: &Value) -> Vec<Value> {
    match value {
        Value::List { items, .. } => items.borrow().clone(),
        Value::Map(map) => map.borrow().values().cloned().collect(),
        _ => Vec::new(),
    }
}

/// No document is so deep that this runs out: its reader has a limit.
fn deep(value: &Value, all: &mut Vec<Value>) {
    if all.len() > FOUND_MAX {
        return;
    }
    all.push(value.clone());
    within(value).iter().for_each(|inner| deep(inner, all));
}

impl Function {
    fn of(self, value: &Value) -> Value {
        match self {
            Self::Length => match value {
                Value::Text(text) => Value::Integer(text.chars().count() as i128),
                Value::List { .. } | Value::Map(_) => Value::Integer(within(value).len() as i128),
                _ => Value::Null,
            },
            Self::Keys => match value {
                Value::Map(map) => Value::array(map.borrow().keys().map(Value::text).collect()),
                _ => Value::Null,
            },
            _ => {
                let numbers: Vec<f64> = within(value).iter().filter_map(Value::number).collect();
                let sum: f64 = numbers.iter().sum();
                let found = match self {
                    Self::Minimum => numbers.iter().copied().reduce(f64::min),
                    Self::Maximum => numbers.iter().copied().reduce(f64::max),
                    Self::Average if !numbers.is_empty() => Some(sum / numbers.len() as f64),
                    Self::Sum => Some(sum),
                    _ => None,
                };
                found.map_or(Value::Null, Value::Decimal)
            }
        }
    }
}
