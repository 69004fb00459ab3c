//! AddPermission and RemovePermission: statements of a topic's policy, by their labels.

use aws_api::generated::sns::types;
use serde_json::{Value, json};

use super::{Handled, Sns, error::invalid, topics::policy_of};
use crate::service::{ServiceContext, partition_of};

impl Sns {
    pub(super) async fn add_permission(
        &self,
        context: &ServiceContext,
        input: types::AddPermissionInput,
    ) -> Handled<()> {
        let (key, _) = self.topic_of(context, input.topic_arn.as_deref())?;
        let label = input.label.unwrap_or_default();
        let partition = partition_of(&key.region);
        let principals: Vec<String> = input
            .aws_account_id
            .unwrap_or_default()
            .iter()
            .map(|account| format!("arn:{partition}:iam::{account}:root"))
            .collect();
        let actions: Vec<String> =
            input.action_name.unwrap_or_default().iter().map(|action| format!("SNS:{action}")).collect();
        let statement = json!({
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": one_or_all(principals)},
            "Action": one_or_all(actions),
            "Resource": key.arn(),
        });
        let topic = key.clone();
        self.change_topic(&key, move |record| {
            let mut policy = policy_of(&topic, record);
            let mut statements = statements_of(&mut policy);
            if statements.iter().any(|known| known["Sid"] == label.as_str()) {
                return Err(invalid("Statement already exists"));
            }
            statements.push(statement);
            policy["Statement"] = statements.into();
            record.attributes.insert("Policy".into(), policy.to_string());
            Ok(())
        })
        .await
    }

    pub(super) async fn remove_permission(
        &self,
        context: &ServiceContext,
        input: types::RemovePermissionInput,
    ) -> Handled<()> {
        let (key, _) = self.topic_of(context, input.topic_arn.as_deref())?;
        let label = input.label.unwrap_or_default();
        let topic = key.clone();
        self.change_topic(&key, move |record| {
            let mut policy = policy_of(&topic, record);
            let mut statements = statements_of(&mut policy);
            statements.retain(|known| known["Sid"] != label.as_str());
            policy["Statement"] = statements.into();
            record.attributes.insert("Policy".into(), policy.to_string());
            Ok(())
        })
        .await
    }
}

fn statements_of(policy: &mut Value) -> Vec<Value> {
    match policy["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn one_or_all(mut values: Vec<String>) -> Value {
    match values.len() {
        1 => values.remove(0).into(),
        _ => values.into(),
    }
}
