//! Policies of streams and of consumers: kept and shown. Callers of other accounts are not let in by them.

use aws_api::generated::kinesis::types;
use serde_json::Value;

use super::{
    Handled, Kinesis,
    error::{invalid_argument, not_found},
    record::StreamRecord,
    tags::resource,
};
use crate::service::ServiceContext;

impl Kinesis {
    pub(super) async fn put_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::PutResourcePolicyInput,
    ) -> Handled<()> {
        let (named, consumer) = resource(context, input.resource_arn)?;
        let policy = input.policy.unwrap_or_default();
        if !serde_json::from_str::<Value>(&policy).is_ok_and(|policy| policy.get("Statement").is_some()) {
            return Err(invalid_argument("The policy is not valid."));
        }
        self.change(named, move |stream, _| {
            *policy_of(stream, consumer.as_deref())? = Some(policy);
            Ok(())
        })
        .await
    }

    pub(super) async fn get_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::GetResourcePolicyInput,
    ) -> Handled<types::GetResourcePolicyOutput> {
        let (named, consumer) = resource(context, input.resource_arn)?;
        let mut stream = self.read(named).await?;
        let policy = policy_of(&mut stream, consumer.as_deref())?.take();
        Ok(types::GetResourcePolicyOutput { policy: Some(policy.unwrap_or_else(|| "{}".to_owned())) })
    }

    pub(super) async fn delete_resource_policy(
        &self,
        context: &ServiceContext,
        input: types::DeleteResourcePolicyInput,
    ) -> Handled<()> {
        let arn = input.resource_arn.clone().unwrap_or_default();
        let (named, consumer) = resource(context, input.resource_arn)?;
        self.change(named, move |stream, _| match policy_of(stream, consumer.as_deref())?.take() {
            Some(_) => Ok(()),
            None => Err(not_found(format!("No resource policy found for resource ARN {arn}.")).into()),
        })
        .await
    }
}

fn policy_of<'a>(stream: &'a mut StreamRecord, consumer: Option<&str>) -> Handled<&'a mut Option<String>> {
    let Some(id) = consumer else { return Ok(&mut stream.policy) };
    let found = stream.consumers.iter_mut().find(|consumer| consumer.id() == id);
    found.map(|consumer| &mut consumer.policy).ok_or_else(|| not_found(format!("Consumer {id} not found.")))
}
