//! The statements of rules: `SELECT ... FROM 'topic/filter' WHERE ...`.
//!
//! ```text
//! text ──► words ([`words`]) ──► statement ([`parser`]) ──► with a payload: a value ([`evaluate`], [`functions`])
//! ```
//! What a payload does not have is undefined, which is not null: it makes what it is in undefined, and a condition that is undefined
//! does not hold (AWS IoT SQL reference).

mod evaluate;
mod expression;
mod functions;
mod operators;
mod parser;
mod words;

use serde_json::{Map, Value};

pub(super) use evaluate::Surroundings;
use expression::Expression;

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    selection: Selection,
    topic_filter: String,
    condition: Option<Expression>,
}

/// What is selected.
#[derive(Debug, Clone, PartialEq)]
struct Selection {
    /// Whether all of the payload is in it.
    has_all: bool,
    /// Values by their names.
    items: Vec<(String, Expression)>,
}

/// What a statement gives.
#[derive(Debug, PartialEq)]
pub(super) enum Selected {
    /// The payload as it is.
    Payload,
    /// A value.
    Value(Value),
}

impl Statement {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parser::parse(text)
    }

    pub(super) fn topic_filter(&self) -> &str {
        &self.topic_filter
    }

    /// What it gives for a payload; `None` where its condition does not hold.
    pub(super) fn select(&self, payload: &[u8], around: &Surroundings<'_>) -> Option<Selected> {
        let json: Option<Value> = serde_json::from_slice(payload).ok();
        let message = evaluate::Message { payload, json: json.as_ref(), around };
        let holds = |condition: &Expression| message.evaluate(condition) == Some(Value::Bool(true));
        if !self.condition.as_ref().is_none_or(holds) {
            return None;
        }
        let Selection { has_all, items } = &self.selection;
        if *has_all && items.is_empty() {
            return Some(Selected::Payload);
        }
        let mut selected = match json.as_ref() {
            Some(Value::Object(all)) if *has_all => all.clone(),
            _ => Map::new(),
        };
        for (name, expression) in items {
            if let Some(value) = message.evaluate(expression) {
                selected.insert(name.clone(), value);
            }
        }
        Some(Selected::Value(Value::Object(selected)))
    }
}

#[cfg(test)]
mod tests;
