//! A message, and what it triggers.

use bytes::Bytes;
use lambda_model::invocation::asynchronous::Delivery;
use store::DocumentKey;

use super::{
    Iot,
    actions::delivery,
    registry::Rule,
    sql::{Selected, Surroundings},
};

/// A message of a topic.
#[derive(Debug, Clone)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
}

impl Iot {
    /// What rules have delivered because of a message.
    pub fn triggered(&self, message: &Message, now_ms: i64) -> Vec<Delivery> {
        let rules = self.registry.on(&message.topic);
        rules.iter().flat_map(|(key, rule)| of_rule(key, rule, message, now_ms)).collect()
    }
}

fn of_rule(key: &DocumentKey, rule: &Rule, message: &Message, now_ms: i64) -> Vec<Delivery> {
    let around = Surroundings { topic: &message.topic, account_id: &key.account_id, now_ms };
    let body: Bytes = match rule.statement.select(&message.payload, &around) {
        None => return Vec::new(),
        Some(Selected::Payload) => message.payload.clone(),
        Some(Selected::Value(value)) => value.to_string().into(),
    };
    let actions = rule.record.actions.iter();
    actions.filter_map(|action| delivery(action, key, &body, now_ms)).collect()
}
