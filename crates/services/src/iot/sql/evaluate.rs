//! Expressions with a payload. `None` is undefined.

use serde_json::Value;

use super::{
    expression::{Expression, Operator, Step},
    functions, operators,
};

/// What is known of a message besides its payload.
#[derive(Debug, Clone, Copy)]
pub(in crate::iot) struct Surroundings<'a> {
    pub topic: &'a str,
    /// The account of the rule.
    pub account_id: &'a str,
    /// Unix time, milliseconds.
    pub now_ms: i64,
}

/// A message.
pub(super) struct Message<'a> {
    pub payload: &'a [u8],
    /// The payload, where it is JSON.
    pub json: Option<&'a Value>,
    pub around: &'a Surroundings<'a>,
}

impl Message<'_> {
    pub(super) fn evaluate(&self, expression: &Expression) -> Option<Value> {
        match expression {
            Expression::Literal(value) => Some(value.clone()),
            Expression::Undefined => None,
            Expression::All => self.json.cloned(),
            Expression::Path(steps) => self.at(steps),
            Expression::Array(all) => {
                Some(Value::Array(all.iter().filter_map(|one| self.evaluate(one)).collect()))
            }
            Expression::Not(of) => Some(Value::Bool(!operators::truth(&self.evaluate(of)?)?)),
            Expression::Minus(of) => {
                operators::apply(Operator::Minus, Some(Value::from(0)), self.evaluate(of))
            }
            Expression::Operation(operator, left, right) => {
                // What decides alone needs no other.
                let left = self.evaluate(left);
                let decided = match operator {
                    Operator::And => Some(false),
                    Operator::Or => Some(true),
                    _ => None,
                };
                if decided.is_some() && left.as_ref().and_then(operators::truth) == decided {
                    return decided.map(Value::Bool);
                }
                operators::apply(*operator, left, self.evaluate(right))
            }
            Expression::Call(function, arguments) => functions::call(self, function.name, arguments),
        }
    }

    fn at(&self, steps: &[Step]) -> Option<Value> {
        let mut value = self.json?;
        for step in steps {
            value = match step {
                Step::Member(name) => value.get(name)?,
                Step::Element(place) => value.get(usize::try_from(self.evaluate(place)?.as_u64()?).ok()?)?,
            };
        }
        Some(value.clone())
    }
}
