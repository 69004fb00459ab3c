//! Conditions on items: `[?(@.price < 10 && @.name == 'x')]`.

use super::JsonPath;
use crate::vtl::{Value, methods};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Test(Test),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Exists(Operand),
    Compared(Operand, Comparison, Operand),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Path { path: JsonPath, is_of_item: bool },
    Literal(serde_json::Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

impl Filter {
    pub(super) fn holds(&self, item: &Value, document: &Value) -> bool {
        match self {
            Self::Any(filters) => filters.iter().any(|filter| filter.holds(item, document)),
            Self::All(filters) => filters.iter().all(|filter| filter.holds(item, document)),
            Self::Not(filter) => !filter.holds(item, document),
            Self::Test(Test::Exists(operand)) => operand.of(item, document).is_some(),
            Self::Test(Test::Compared(left, comparison, right)) => {
                let (left, right) = (left.of(item, document), right.of(item, document));
                compared(left.unwrap_or_default(), *comparison, right.unwrap_or_default())
            }
        }
    }
}

impl Operand {
    fn of(&self, item: &Value, document: &Value) -> Option<Value> {
        match self {
            Self::Path { path, is_of_item } => path.of(if *is_of_item { item } else { document }),
            Self::Literal(value) => Some(value.clone().into()),
        }
    }
}

fn compared(left: Value, comparison: Comparison, right: Value) -> bool {
    let is_same = |left: &Value, right: &Value| match (left, right) {
        (Value::Null, Value::Null) => true,
        // A text is no number here.
        (Value::Text(_), other) | (other, Value::Text(_)) if !matches!(other, Value::Text(_)) => false,
        _ => methods::equal(left, right).unwrap_or(false),
    };
    let is_in = |list: &Value| match list {
        Value::List { items, .. } => items.borrow().iter().any(|item| is_same(&left, item)),
        _ => false,
    };
    let order = match (&left, &right) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => left.number().zip(right.number()).and_then(|(left, right)| left.partial_cmp(&right)),
    };
    match comparison {
        Comparison::Equal => is_same(&left, &right),
        Comparison::NotEqual => !is_same(&left, &right),
        Comparison::Less => order.is_some_and(|it| it.is_lt()),
        Comparison::LessOrEqual => order.is_some_and(|it| it.is_le()),
        Comparison::Greater => order.is_some_and(|it| it.is_gt()),
        Comparison::GreaterOrEqual => order.is_some_and(|it| it.is_ge()),
        Comparison::In => is_in(&right),
        Comparison::NotIn => !is_in(&right),
    }
}
