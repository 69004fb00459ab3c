//! PutPermission and RemovePermission: who else may put events on a bus.

use aws_api::generated::events::types;
use lambda_model::authorization::PolicyDocument;
use serde_json::{Value, json};

use super::{
    EventBridge, Handled,
    bus::{BusKey, BusRecord},
    error::{invalid, not_found},
};
use crate::service::{ServiceContext, partition_of};

impl EventBridge {
    pub(super) async fn put_permission(
        &self,
        context: &ServiceContext,
        input: types::PutPermissionRequest,
    ) -> Handled<()> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        if let Some(text) = &input.policy {
            let policy = read(text)?;
            return self
                .set_policy(context, &key, move |record| {
                    record.policy = Some(policy);
                    Ok(())
                })
                .await;
        }
        let (Some(action), Some(principal), Some(id)) = (input.action, input.principal, input.statement_id)
        else {
            return Err(invalid(
                "Parameter(s) Action, Principal and StatementId, or Policy, must be specified.",
            ));
        };
        if action != "events:PutEvents" {
            return Err(invalid("Provided value in parameter 'action' is not supported."));
        }
        let statement = statement(&key, &principal, &id, input.condition);
        self.set_policy(context, &key, move |record| {
            let policy =
                record.policy.get_or_insert_with(|| json!({"Version": "2012-10-17", "Statement": []}));
            let statements = statements_of(policy);
            statements.retain(|known| known["Sid"] != statement["Sid"]);
            statements.push(statement);
            Ok(())
        })
        .await
    }

    pub(super) async fn remove_permission(
        &self,
        context: &ServiceContext,
        input: types::RemovePermissionRequest,
    ) -> Handled<()> {
        let key = BusKey::asked(context, input.event_bus_name.as_deref());
        let removes_all = input.remove_all_permissions == Some(true);
        let id = input.statement_id.unwrap_or_default();
        if !removes_all && id.is_empty() {
            return Err(invalid("Parameter StatementId is required."));
        }
        self.set_policy(context, &key, move |record| {
            if removes_all {
                record.policy = None;
                return Ok(());
            }
            let policy =
                record.policy.as_mut().ok_or_else(|| not_found("EventBus does not have a policy."))?;
            let statements = statements_of(policy);
            let before = statements.len();
            statements.retain(|known| known["Sid"] != id);
            if statements.len() == before {
                return Err(not_found("Statement with the provided id does not exist."));
            }
            if statements.is_empty() {
                record.policy = None;
            }
            Ok(())
        })
        .await
    }

    async fn set_policy(
        &self,
        context: &ServiceContext,
        key: &BusKey,
        change: impl FnOnce(&mut BusRecord) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        self.bus(key)?;
        self.change_bus(context, key, change).await
    }
}

fn read(text: &str) -> Handled<Value> {
    let invalid = || invalid("The policy is not valid: it is no policy document.");
    PolicyDocument::parse(text).map_err(|_| invalid())?;
    serde_json::from_str(text).map_err(|_| invalid())
}

fn statements_of(policy: &mut Value) -> &mut Vec<Value> {
    if policy["Statement"].is_object() {
        policy["Statement"] = json!([policy["Statement"].take()]);
    }
    if !policy["Statement"].is_array() {
        policy["Statement"] = json!([]);
    }
    match &mut policy["Statement"] {
        Value::Array(statements) => statements,
        _ => unreachable!("it was made an array"),
    }
}

fn statement(key: &BusKey, principal: &str, id: &str, condition: Option<types::Condition>) -> Value {
    let named = match principal {
        "*" => json!("*"),
        account => json!({"AWS": format!("arn:{}:iam::{account}:root", partition_of(&key.region))}),
    };
    let mut statement = json!({
        "Sid": id,
        "Effect": "Allow",
        "Principal": named,
        "Action": "events:PutEvents",
        "Resource": key.arn(),
    });
    if let Some(types::Condition { r#type: Some(operator), key: Some(fact), value: Some(value) }) = condition
    {
        statement["Condition"] = json!({operator: {fact: value}});
    }
    statement
}
