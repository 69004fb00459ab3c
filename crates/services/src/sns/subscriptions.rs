//! Subscriptions: who gets what a topic is told.
//!
//! Queues and functions of this server need no confirmation. The other protocols are refused until they are built.

use std::{collections::BTreeMap, sync::Arc};

use aws_api::{error_response::ApiError, generated::sns::types};
use serde_json::Value;
use store::Transaction;

use super::{
    Handled, Sns,
    error::{invalid, no_subscription, no_topic},
    filter,
    registry::{Subscription, Topic},
    topic::{SubscriptionRecord, TopicKey, TopicRecord},
    topics::page,
};
use crate::change::ChangeError;
use crate::{
    service::{ServiceContext, not_implemented},
    sqs::queue::QueueKey,
};

/// Every protocol of SNS.
const PROTOCOLS: &[&str] =
    &["http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"];

impl Sns {
    pub(super) async fn subscribe(
        &self,
        context: &ServiceContext,
        input: types::SubscribeInput,
    ) -> Handled<types::SubscribeResponse> {
        let (key, topic) = self.topic_of(context, input.topic_arn.as_deref())?;
        let (protocol, endpoint) = (input.protocol.unwrap_or_default(), input.endpoint.unwrap_or_default());
        check_endpoint(&key, &protocol, &endpoint)?;
        let attributes = input.attributes.unwrap_or_default();
        check_attributes(&attributes)?;
        if let Some(existing) = find(&topic, &protocol, &endpoint) {
            return match existing.record.attributes == attributes {
                true => Ok(subscribed(&key, &existing.uuid)),
                false => {
                    Err(invalid("Attributes Reason: Subscription already exists with different attributes"))
                }
            };
        }
        let uuid = uuid::Uuid::new_v4().to_string();
        let record =
            SubscriptionRecord { protocol, endpoint, owner: context.account_id().to_owned(), attributes };
        let (topic_document, document) = (key.document(), key.subscription_document(&uuid));
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            transaction.document::<TopicRecord>(&topic_document)?.ok_or_else(no_topic)?;
            Ok(transaction.put_document(&document, &record)?)
        };
        self.store.transact(change).await?;
        Ok(subscribed(&key, &uuid))
    }

    /// Whoever unsubscribes twice is unsubscribed.
    pub(super) async fn unsubscribe(
        &self,
        _: &ServiceContext,
        input: types::UnsubscribeInput,
    ) -> Handled<()> {
        let arn = input.subscription_arn.unwrap_or_default();
        let (topic, uuid) = parsed(&arn)?;
        let (document, topic) = (topic.subscription_document(uuid), topic.document());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if transaction.delete_document::<SubscriptionRecord>(&document)?
                && let Some(mut record) = transaction.document::<TopicRecord>(&topic)?
            {
                record.deleted_subscriptions += 1;
                transaction.put_document(&topic, &record)?;
            }
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    /// No subscription of this server waits for its confirmation.
    pub(super) async fn confirm_subscription(
        &self,
        context: &ServiceContext,
        input: types::ConfirmSubscriptionInput,
    ) -> Handled<types::ConfirmSubscriptionResponse> {
        self.topic_of(context, input.topic_arn.as_deref())?;
        Err(invalid("Token"))
    }

    pub(super) async fn list_subscriptions(
        &self,
        context: &ServiceContext,
        input: types::ListSubscriptionsInput,
    ) -> Handled<types::ListSubscriptionsResponse> {
        let topics = self.registry.of_account(context.account_id(), &context.region);
        let all = topics.iter().flat_map(|(key, topic)| of_topic(key, topic)).collect();
        let (subscriptions, next_token) = listed(all, input.next_token.as_deref())?;
        Ok(types::ListSubscriptionsResponse { subscriptions: Some(subscriptions), next_token })
    }

    pub(super) async fn list_subscriptions_by_topic(
        &self,
        context: &ServiceContext,
        input: types::ListSubscriptionsByTopicInput,
    ) -> Handled<types::ListSubscriptionsByTopicResponse> {
        let (key, topic) = self.topic_of(context, input.topic_arn.as_deref())?;
        let (subscriptions, next_token) =
            listed(of_topic(&key, &topic).collect(), input.next_token.as_deref())?;
        Ok(types::ListSubscriptionsByTopicResponse { subscriptions: Some(subscriptions), next_token })
    }

    pub(super) async fn get_subscription_attributes(
        &self,
        context: &ServiceContext,
        input: types::GetSubscriptionAttributesInput,
    ) -> Handled<types::GetSubscriptionAttributesResponse> {
        let (key, subscription) = self.subscription_of(context, input.subscription_arn.as_deref())?;
        let record = &subscription.record;
        let mut shown: BTreeMap<String, String> = [
            ("SubscriptionArn", key.subscription_arn(&subscription.uuid)),
            ("TopicArn", key.arn()),
            ("Protocol", record.protocol.clone()),
            ("Endpoint", record.endpoint.clone()),
            ("Owner", record.owner.clone()),
            ("ConfirmationWasAuthenticated", "true".to_owned()),
            ("PendingConfirmation", "false".to_owned()),
            ("RawMessageDelivery", "false".to_owned()),
            ("SubscriptionPrincipal", context.principal.arn.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if record.attributes.contains_key("FilterPolicy") {
            shown.insert("FilterPolicyScope".into(), "MessageAttributes".into());
        }
        shown.extend(record.attributes.clone());
        Ok(types::GetSubscriptionAttributesResponse { attributes: Some(shown) })
    }

    pub(super) async fn set_subscription_attributes(
        &self,
        context: &ServiceContext,
        input: types::SetSubscriptionAttributesInput,
    ) -> Handled<()> {
        let (key, subscription) = self.subscription_of(context, input.subscription_arn.as_deref())?;
        let (name, value) =
            (input.attribute_name.unwrap_or_default(), input.attribute_value.unwrap_or_default());
        let document = key.subscription_document(&subscription.uuid);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record =
                transaction.document::<SubscriptionRecord>(&document)?.ok_or_else(no_subscription)?;
            match value.is_empty() {
                true => drop(record.attributes.remove(&name)),
                false => drop(record.attributes.insert(name, value)),
            }
            check_attributes(&record.attributes)?;
            Ok(transaction.put_document(&document, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }

    fn subscription_of(
        &self,
        _: &ServiceContext,
        arn: Option<&str>,
    ) -> Handled<(TopicKey, Arc<Subscription>)> {
        let (key, uuid) = parsed(arn.unwrap_or_default())?;
        let topic = self.registry.topic(&key).ok_or_else(no_subscription)?;
        let subscription = topic.subscriptions.get(uuid).cloned().ok_or_else(no_subscription)?;
        Ok((key, subscription))
    }
}

fn parsed(arn: &str) -> Handled<(TopicKey, &str)> {
    TopicKey::of_subscription_arn(arn).ok_or_else(|| {
        let parts = arn.split(':').count();
        invalid(format!("SubscriptionArn Reason: An ARN must have at least 6 elements, not {parts}"))
    })
}

fn subscribed(key: &TopicKey, uuid: &str) -> types::SubscribeResponse {
    types::SubscribeResponse { subscription_arn: Some(key.subscription_arn(uuid)) }
}

fn find<'a>(topic: &'a Topic, protocol: &str, endpoint: &str) -> Option<&'a Arc<Subscription>> {
    topic
        .subscriptions
        .values()
        .find(|one| one.record.protocol == protocol && one.record.endpoint == endpoint)
}

fn check_endpoint(key: &TopicKey, protocol: &str, endpoint: &str) -> Handled<()> {
    if !PROTOCOLS.contains(&protocol) {
        return Err(invalid(format!("Amazon SNS does not support this protocol string: {protocol}")));
    }
    match protocol {
        "sqs" => {
            let queue = QueueKey::of_arn(endpoint).ok_or_else(|| invalid("SQS endpoint ARN"))?;
            match queue.name.ends_with(".fifo") && !key.is_fifo() {
                true => Err(invalid(
                    "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
                )),
                false => Ok(()),
            }
        }
        "lambda" if key.is_fifo() => {
            Err(invalid("Invalid parameter: Endpoint Reason: Please use FIFO SQS queue"))
        }
        "lambda" => match aws_api::arn::FunctionName::parse(endpoint) {
            Some(name) if name.account_id.is_some() && name.region.is_some() => Ok(()),
            _ => Err(invalid("Lambda endpoint ARN")),
        },
        _ => Err(not_implemented("SNS", &format!("subscription with the protocol {protocol}"))),
    }
}

fn check_attributes(attributes: &BTreeMap<String, String>) -> Handled<()> {
    let scope = attributes.get("FilterPolicyScope").map_or("MessageAttributes", String::as_str);
    attributes.iter().try_for_each(|(name, value)| match name.as_str() {
        "RawMessageDelivery" if matches!(value.as_str(), "true" | "false") => Ok(()),
        "FilterPolicy" => filter::check(value, scope),
        "FilterPolicyScope" if matches!(value.as_str(), "MessageAttributes" | "MessageBody") => Ok(()),
        "RedrivePolicy" => check_redrive(value),
        "DeliveryPolicy" if serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object()) => {
            Ok(())
        }
        "ReplayPolicy" => Err(not_implemented("SNS", "replay of archived messages")),
        "SubscriptionRoleArn" => Ok(()),
        "RawMessageDelivery" | "FilterPolicyScope" | "DeliveryPolicy" => {
            Err(invalid(format!("Attributes Reason: {name}: Invalid value [{value}]")))
        }
        _ => Err(invalid("AttributeName")),
    })
}

fn check_redrive(text: &str) -> Result<(), ApiError> {
    match dead_letter_queue(text) {
        Some(_) => Ok(()),
        None => Err(invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")),
    }
}

/// The queue that a redrive policy names.
pub(super) fn dead_letter_queue(redrive_policy: &str) -> Option<QueueKey> {
    let policy: Value = serde_json::from_str(redrive_policy).ok()?;
    QueueKey::of_arn(policy.get("deadLetterTargetArn")?.as_str()?)
}

fn of_topic<'a>(
    key: &'a TopicKey,
    topic: &'a Topic,
) -> impl Iterator<Item = (String, types::Subscription)> + use<'a> {
    topic.subscriptions.values().map(move |subscription| {
        let arn = key.subscription_arn(&subscription.uuid);
        let shown = types::Subscription {
            subscription_arn: Some(arn.clone()),
            owner: Some(subscription.record.owner.clone()),
            protocol: Some(subscription.record.protocol.clone()),
            endpoint: Some(subscription.record.endpoint.clone()),
            topic_arn: Some(key.arn()),
        };
        (arn, shown)
    })
}

fn listed(
    all: BTreeMap<String, types::Subscription>,
    token: Option<&str>,
) -> Handled<(Vec<types::Subscription>, Option<String>)> {
    let (arns, next) = page(all.keys().cloned().collect(), token)?;
    let mut all = all;
    Ok((arns.iter().filter_map(|arn| all.remove(arn)).collect(), next))
}
