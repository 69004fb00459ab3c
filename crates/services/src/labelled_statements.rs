//! AddPermission and RemovePermission of queues and topics: statements of a resource policy, by their labels.

use serde_json::{Value, json};

use crate::service::partition_of;

/// Who may do what.
pub(crate) struct Grant {
    pub label: String,
    /// Twelve digits each.
    pub accounts: Vec<String>,
    /// With the service's name before them: `SQS:SendMessage`.
    pub actions: Vec<String>,
}

/// Adds a statement on a resource of the Region. False when the policy has one of that label.
pub(crate) fn add(policy: &mut Value, grant: Grant, resource_arn: &str, region: &str) -> bool {
    let mut statements = taken_from(policy);
    let is_new = statements.iter().all(|known| known["Sid"] != grant.label.as_str());
    if is_new {
        let partition = partition_of(region);
        let root = |account: &String| format!("arn:{partition}:iam::{account}:root");
        statements.push(json!({
            "Sid": grant.label,
            "Effect": "Allow",
            "Principal": {"AWS": one_or_all(grant.accounts.iter().map(root).collect())},
            "Action": one_or_all(grant.actions),
            "Resource": resource_arn,
        }));
    }
    policy["Statement"] = statements.into();
    is_new
}

/// Removes the statements of a label. False when there was none.
pub(crate) fn remove(policy: &mut Value, label: &str) -> bool {
    let mut statements = taken_from(policy);
    let before = statements.len();
    statements.retain(|known| known["Sid"] != label);
    let has_removed = statements.len() < before;
    policy["Statement"] = statements.into();
    has_removed
}

/// The statements of a policy, which may have been written as one.
fn taken_from(policy: &mut Value) -> Vec<Value> {
    match policy["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// As AWS writes a list of one.
fn one_or_all(mut values: Vec<String>) -> Value {
    match values.len() {
        1 => values.remove(0).into(),
        _ => values.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_added_once_and_removed() {
        let grant = || Grant {
            label: "l".into(),
            accounts: vec!["111111111111".into()],
            actions: vec!["SQS:SendMessage".into(), "SQS:ReceiveMessage".into()],
        };
        // A single statement needs no list.
        let mut policy = json!({"Statement": {"Sid": "other"}});
        assert!(add(&mut policy, grant(), "arn", "cn-north-1"));
        assert!(!add(&mut policy, grant(), "arn", "cn-north-1"));
        assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(2));
        assert_eq!(policy["Statement"][1]["Principal"]["AWS"], "arn:aws-cn:iam::111111111111:root");
        assert!(remove(&mut policy, "l"));
        assert!(!remove(&mut policy, "l"));
        assert_eq!(policy, json!({"Statement": [{"Sid": "other"}]}));
    }
}
