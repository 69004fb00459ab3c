//! Policies of tables and streams: kept and shown. Callers of other accounts are not let in by them.

use aws_api::{error_response::ApiError, generated::dynamodb::types};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{TableKey, TableTransaction, TableView};

use super::{
    DynamoDb, Handled,
    error::{invalid, no_table_named},
    record::{TableRecord, encode, found_in, table_key},
};
use crate::{change::ChangeError, service::ServiceContext};

/// Stands for a policy that is not there, where one is expected to be the last.
const NO_POLICY: &str = "NO_POLICY";
/// Characters of a policy at most ("Quotas").
const LENGTH_MAX: usize = 20 * 1_024;

/// A policy as it was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TablePolicy {
    pub text: String,
    /// When it was put, later than any before: Unix time, milliseconds.
    pub revision: i64,
}

impl DynamoDb {
    pub(super) async fn put_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::PutResourcePolicyInput,
    ) -> Handled<types::PutResourcePolicyOutput> {
        let text = input.policy.unwrap_or_default();
        if text.len() > LENGTH_MAX {
            return Err(invalid(format!("Policy document cannot exceed {LENGTH_MAX} characters.")));
        }
        if !serde_json::from_str::<Value>(&text).is_ok_and(|policy| policy.get("Statement").is_some()) {
            return Err(invalid("Error validating policy: the policy document is malformed."));
        }
        let (expected, now_ms) = (input.expected_revision_id, context.now_ms);
        let revision = self
            .change_policy(context, input.resource_arn, move |known, table| {
                check_expected(known.as_ref(), expected.as_deref(), table)?;
                let revision = match known.as_ref() {
                    Some(same) if same.text == text => same.revision,
                    other => other.map_or(0, |other| other.revision + 1).max(now_ms),
                };
                *known = Some(TablePolicy { text, revision });
                Ok(revision)
            })
            .await?;
        Ok(types::PutResourcePolicyOutput { revision_id: Some(revision.to_string()) })
    }

    pub(super) async fn get_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::GetResourcePolicyInput,
    ) -> Handled<types::GetResourcePolicyOutput> {
        let arn = input.resource_arn.unwrap_or_default();
        let key = table_key(context, Some(&arn));
        let read = move |view: &TableView<'_>| -> Result<TableRecord, ChangeError> { table(view, &key) };
        let policy = self.tables.read(read).await?.policy.ok_or_else(|| none(&arn))?;
        Ok(types::GetResourcePolicyOutput {
            policy: Some(policy.text),
            revision_id: Some(policy.revision.to_string()),
        })
    }

    pub(super) async fn delete_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::DeleteResourcePolicyInput,
    ) -> Handled<types::DeleteResourcePolicyOutput> {
        let expected = input.expected_revision_id;
        let gone = self
            .change_policy(context, input.resource_arn, move |known, table| {
                check_expected(known.as_ref(), expected.as_deref(), table)?;
                Ok(known.take())
            })
            .await?;
        let revision = gone.map_or_else(String::new, |gone| gone.revision.to_string());
        Ok(types::DeleteResourcePolicyOutput { revision_id: Some(revision) })
    }

    async fn change_policy<T: Send + 'static>(
        &self,
        context: &ServiceContext,
        arn: Option<String>,
        change: impl FnOnce(&mut Option<TablePolicy>, &str) -> Handled<T> + Send + 'static,
    ) -> Handled<T> {
        let key = table_key(context, arn.as_deref());
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<T, ChangeError> {
            let mut record = table(transaction, &key)?;
            let answer = change(&mut record.policy, &key.name)?;
            transaction.put_table(&key, &encode(&record)?)?;
            Ok(answer)
        };
        Ok(self.tables.transact(change, |_| {}).await?)
    }
}

fn table(view: &TableView<'_>, key: &TableKey) -> Result<TableRecord, ChangeError> {
    found_in(view, key)?.ok_or_else(|| no_table_named(&key.name).into())
}

fn check_expected(known: Option<&TablePolicy>, expected: Option<&str>, table: &str) -> Handled<()> {
    let why = match (expected, known) {
        (None, _) | (Some(NO_POLICY), None) => return Ok(()),
        (Some(expected), Some(known)) if known.revision.to_string() == expected => return Ok(()),
        (Some(NO_POLICY), Some(known)) => format!(
            "Requested policy update expecting none to be present for table {table}, but a policy exists with revision id {}.",
            known.revision
        ),
        (Some(expected), Some(known)) => format!(
            "Requested update for policy with revision id {expected}, but the policy associated to target table {table} has revision id {}.",
            known.revision
        ),
        (Some(expected), None) => format!(
            "Requested update for policy with revision id {expected}, but no policy is associated to target table {table}."
        ),
    };
    Err(none(&why))
}

fn none(what: &str) -> ApiError {
    let why = format!("Resource-based policy not found for the provided ResourceArn: {what}");
    ApiError::user("PolicyNotFoundException", 400, why)
}
