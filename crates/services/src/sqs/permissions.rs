//! AddPermission and RemovePermission: statements of a queue's policy, by their labels.

use aws_api::generated::sqs::types;
use serde_json::{Value, json};

use super::{
    Handled, Sqs,
    error::{invalid, invalid_value, over_limit},
    queue::QueueRecord,
};
use crate::{
    labelled_statements::{self, Grant},
    service::ServiceContext,
};

/// Actions of a statement at most (SQS quotas).
const ACTIONS_MAX: usize = 7;
/// What may be allowed to others (API reference, AddPermission).
const ACTIONS: &[&str] = &[
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

impl Sqs {
    pub(super) async fn add_permission(
        &self,
        context: &ServiceContext,
        input: types::AddPermissionRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let label = input.label.unwrap_or_default();
        check_label(&label)?;
        let grant =
            grant(label, input.aws_account_ids.unwrap_or_default(), input.actions.unwrap_or_default())?;
        let key = queue.key.clone();
        self.change(&queue, move |record| {
            let (mut policy, label) = (policy_of(record), grant.label.clone());
            if !labelled_statements::add(&mut policy, grant, &key.arn(), &key.region) {
                return Err(invalid("Label", &label, "Already exists."));
            }
            record.attributes.insert("Policy".into(), policy.to_string());
            Ok(())
        })
        .await
    }

    pub(super) async fn remove_permission(
        &self,
        context: &ServiceContext,
        input: types::RemovePermissionRequest,
    ) -> Handled<()> {
        let queue = self.queue_at(context, input.queue_url.as_deref())?;
        let label = input.label.unwrap_or_default();
        self.change(&queue, move |record| {
            let mut policy = policy_of(record);
            if !labelled_statements::remove(&mut policy, &label) {
                return Err(invalid("Label", &label, "can't find label on existing policy."));
            }
            match policy["Statement"] == json!([]) {
                true => record.attributes.remove("Policy"),
                false => record.attributes.insert("Policy".into(), policy.to_string()),
            };
            Ok(())
        })
        .await
    }
}

fn check_label(label: &str) -> Handled<()> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match (1..=80).contains(&label.len()) && label.bytes().all(is_known) {
        true => Ok(()),
        false => Err(invalid(
            "Label",
            label,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        )),
    }
}

fn grant(label: String, accounts: Vec<String>, actions: Vec<String>) -> Handled<Grant> {
    let is_account =
        |account: &String| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if accounts.is_empty() || !accounts.iter().all(is_account) {
        return Err(invalid("PrincipalId", format!("[{}]", accounts.join(", ")), "Unable to verify."));
    }
    if actions.is_empty() {
        return Err(invalid_value("The request must contain the parameter Actions."));
    }
    if actions.len() > ACTIONS_MAX {
        let found = actions.len();
        return Err(over_limit(format!("{found} Actions were found, maximum allowed is {ACTIONS_MAX}.")));
    }
    if let Some(action) = actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
        let reason = "Please refer to the appropriate WSDL for a list of valid actions. ";
        return Err(invalid_value(format!(
            "Value SQS:{action} for parameter ActionName is invalid. Reason: {reason}"
        )));
    }
    let actions = actions.iter().map(|action| format!("SQS:{action}")).collect();
    Ok(Grant { label, accounts, actions })
}

fn policy_of(record: &QueueRecord) -> Value {
    let policy = record.attributes.get("Policy").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let id = format!("{}/SQSDefaultPolicy", record.id);
    policy.filter(Value::is_object).unwrap_or_else(|| json!({"Version": "2008-10-17", "Id": id}))
}
