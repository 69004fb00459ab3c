//! Where services of AWS may send things: to a queue, a topic, a function or a bus that is there, and whose own policy lets them.

use std::{collections::BTreeMap, sync::Arc};

use aws_api::arn::FunctionName;
use lambda_model::{
    authorization::{AuthorizationRequest, Caller, Policies, PolicyDocument, evaluate},
    credentials::Principal,
    function::{FunctionKey, LATEST, resource_policy::ResourcePolicy},
    invocation::asynchronous::Sender,
    ports::FunctionCatalog,
};
use store::{DocumentKey, Store, StoreError};

use crate::{
    eventbridge::{BusKey, EventBridge},
    sns::{Sns, TopicKey},
    sqs::{Sqs, queue::QueueKey},
};

/// Why a target cannot be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is no ARN of anything that can be sent to.
    NoTarget,
    /// It names nothing that is there.
    Missing,
    /// Its policy does not let the sender.
    Denied,
}

/// Everything that can be sent to. Cheap to clone.
#[derive(Clone)]
pub struct Targets {
    /// Where policies of functions are.
    pub store: Store,
    /// Queues.
    pub sqs: Sqs,
    /// Topics.
    pub sns: Sns,
    /// Functions.
    pub catalog: Arc<dyn FunctionCatalog>,
    /// Buses.
    pub events: EventBridge,
}

impl Targets {
    /// Whether `sender` may send to the target.
    ///
    /// # Errors
    /// When a policy cannot be read.
    pub(crate) async fn check(&self, arn: &str, sender: &Sender) -> Result<Result<(), Unusable>, StoreError> {
        if let Some(bus) = BusKey::of_arn(arn) {
            return Ok(self.of_bus(&bus, sender));
        }
        let found = match arn.split(':').nth(2) {
            Some("sqs") => QueueKey::of_arn(arn).map(|key| self.of_queue(&key)),
            Some("sns") => TopicKey::of_arn(arn).map(|key| self.of_topic(&key)),
            Some("lambda") => match function(arn) {
                Some((key, qualifier)) => Some(self.of_function(&key, qualifier.as_deref()).await?),
                None => None,
            },
            _ => None,
        };
        Ok(match found {
            None => Err(Unusable::NoTarget),
            Some(None) => Err(Unusable::Missing),
            Some(Some(target)) if target.lets(arn, sender) => Ok(()),
            Some(Some(_)) => Err(Unusable::Denied),
        })
    }

    /// A bus takes what comes from its own account; from another, what its policy lets in.
    fn of_bus(&self, key: &BusKey, sender: &Sender) -> Result<(), Unusable> {
        match self.events.lets(key, &Principal::root(&sender.source_account)) {
            Some(true) => Ok(()),
            Some(false) => Err(Unusable::Denied),
            None => Err(Unusable::Missing),
        }
    }

    fn of_queue(&self, key: &QueueKey) -> Option<Target> {
        let policy = self.sqs.policy(key)?;
        Some(Target { account_id: key.account_id.clone(), action: "sqs:SendMessage", policy })
    }

    fn of_topic(&self, key: &TopicKey) -> Option<Target> {
        let policy = Some(self.sns.policy(key)?);
        Some(Target { account_id: key.account_id.clone(), action: "sns:Publish", policy })
    }

    async fn of_function(
        &self,
        key: &FunctionKey,
        qualifier: Option<&str>,
    ) -> Result<Option<Target>, StoreError> {
        if self.catalog.resolve(key, qualifier, 0.0).is_err() {
            return Ok(None);
        }
        let document = DocumentKey::of_function(key, qualifier.unwrap_or(LATEST));
        let policy = self.store.document::<ResourcePolicy>(&document).await?.map(|policy| policy.document());
        Ok(Some(Target { account_id: key.account_id.clone(), action: "lambda:InvokeFunction", policy }))
    }
}

/// A function and a qualifier, from an ARN that has an account and a Region.
pub(crate) fn function(arn: &str) -> Option<(FunctionKey, Option<String>)> {
    let name = FunctionName::parse(arn)?;
    let key = FunctionKey { account_id: name.account_id?, region: name.region?, name: name.name };
    Some((key, name.qualifier.filter(|qualifier| qualifier != LATEST)))
}

/// What is there.
struct Target {
    account_id: String,
    action: &'static str,
    policy: Option<String>,
}

impl Target {
    fn lets(&self, arn: &str, sender: &Sender) -> bool {
        let Some(policy) = self.policy.as_ref().and_then(|text| PolicyDocument::parse(text).ok()) else {
            return false;
        };
        let context = BTreeMap::from([
            ("aws:sourcearn".to_owned(), vec![sender.source_arn.clone()]),
            ("aws:sourceaccount".to_owned(), vec![sender.source_account.clone()]),
        ]);
        let request = AuthorizationRequest {
            caller: Caller::Service(sender.service.clone()),
            action: self.action.to_owned(),
            resource: arn.to_owned(),
            resource_account: self.account_id.clone(),
            context,
        };
        evaluate(&request, &Policies { resource: Some(&policy), ..Policies::default() }).is_allowed()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

    fn lets(statement: Value) -> bool {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let account_id = "000000000000".to_owned();
        let target =
            Target { account_id: account_id.clone(), action: "sqs:SendMessage", policy: Some(policy) };
        let source_arn = "arn:aws:s3:::b".into();
        target.lets(
            QUEUE,
            &Sender { service: "s3.amazonaws.com".into(), source_arn, source_account: account_id },
        )
    }

    #[test]
    fn a_policy_lets_a_service_for_one_of_its_resources() {
        let statement = |principal: Value, condition: Value| json!({"Effect": "Allow", "Principal": principal, "Action": "SQS:SendMessage", "Resource": QUEUE, "Condition": condition});
        let s3 = || json!({"Service": "s3.amazonaws.com"});
        assert!(lets(statement(s3(), json!({}))));
        assert!(!lets(statement(json!({"Service": "sns.amazonaws.com"}), json!({}))));
        assert!(lets(statement(s3(), json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:b"}}))));
        assert!(!lets(statement(s3(), json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:c"}}))));
        assert!(lets(statement(json!("*"), json!({"StringEquals": {"aws:SourceAccount": "000000000000"}}))));
        assert!(!lets(statement(json!("*"), json!({"StringEquals": {"aws:SourceAccount": "000000000001"}}))));
        assert!(!lets(statement(
            json!({"AWS": "*"}),
            json!({"StringEquals": {"AWS:SourceOwner": "000000000000"}})
        )));
    }
}
