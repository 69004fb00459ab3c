//! Subscriptions: who gets what a topic is told.
//!
//! Queues, functions, telephones and devices are subscribed at once; those at the other end of the other protocols are asked first.

use std::{collections::BTreeMap, sync::Arc};

use aws_api::{error_response::ApiError, generated::sns::types};
use serde_json::Value;
use store::Transaction;

use super::{
    Handled, Sns,
    confirmation::Confirmation,
    delivery_policy::{self, DeliveryPolicy},
    error::{invalid, no_subscription, no_topic},
    filter,
    notice::NoticeKind,
    protocol::is_asked_first,
    registry::{Subscription, Topic},
    topic::{SubscriptionRecord, TopicKey, TopicRecord},
    topics::page,
};
use crate::{
    change::ChangeError,
    service::{ServiceContext, not_implemented},
    sqs::queue::QueueKey,
};

/// What stands for the ARN of a subscription that is not confirmed (API reference, Subscribe and ListSubscriptions).
const PENDING_ON_SUBSCRIBE: &str = "pending confirmation";
const PENDING_IN_LISTS: &str = "PendingConfirmation";

impl Sns {
    pub(super) async fn subscribe(
        &self,
        context: &ServiceContext,
        input: types::SubscribeInput,
    ) -> Handled<types::SubscribeResponse> {
        let (key, topic) = self.topic_of(context, input.topic_arn.as_deref())?;
        let (protocol, endpoint) = (input.protocol.unwrap_or_default(), input.endpoint.unwrap_or_default());
        self.check_endpoint(&key, &protocol, &endpoint).await?;
        let attributes = input.attributes.unwrap_or_default();
        check_attributes(&attributes)?;
        let existing = self.find(&topic, &protocol, &endpoint);
        let subscription = match existing {
            Some(existing) if existing.record.attributes != attributes => {
                return Err(invalid(
                    "Attributes Reason: Subscription already exists with different attributes",
                ));
            }
            Some(existing) => existing,
            None => {
                let confirmation = match is_asked_first(&protocol) {
                    true => Confirmation::asked(self.clock.now_ms()),
                    false => Confirmation::NotNeeded,
                };
                let owner = context.account_id().to_owned();
                let record = SubscriptionRecord { protocol, endpoint, owner, attributes, confirmation };
                Arc::new(self.put_new(&key, record).await?)
            }
        };
        if let Confirmation::Pending { token, .. } = &subscription.record.confirmation {
            self.ask((&key, &topic), &subscription, NoticeKind::SubscriptionConfirmation, token).await?;
            if input.return_subscription_arn != Some(true) {
                return Ok(types::SubscribeResponse { subscription_arn: Some(PENDING_ON_SUBSCRIBE.into()) });
            }
        }
        Ok(types::SubscribeResponse { subscription_arn: Some(key.subscription_arn(&subscription.uuid)) })
    }

    /// The subscription of a topic with that endpoint; those whose time to confirm is over are none.
    fn find(&self, topic: &Topic, protocol: &str, endpoint: &str) -> Option<Arc<Subscription>> {
        let now_ms = self.clock.now_ms();
        let is_it = |one: &&Arc<Subscription>| {
            one.record.protocol == protocol
                && one.record.endpoint == endpoint
                && !one.record.confirmation.is_over(now_ms)
        };
        topic.subscriptions.values().find(is_it).cloned()
    }

    /// Those of the topic that nobody has confirmed for too long go.
    async fn put_new(&self, key: &TopicKey, record: SubscriptionRecord) -> Handled<Subscription> {
        let uuid = uuid::Uuid::new_v4().to_string();
        let (now_ms, kept) = (self.clock.now_ms(), record.clone());
        let (topic_document, document) = (key.document(), key.subscription_document(&uuid));
        let range = key.subscriptions();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            transaction.document::<TopicRecord>(&topic_document)?.ok_or_else(no_topic)?;
            if is_asked_first(&kept.protocol) {
                for (place, other) in transaction.documents::<SubscriptionRecord>(&range)? {
                    if other.confirmation.is_over(now_ms) {
                        transaction.delete_document::<SubscriptionRecord>(&place)?;
                    }
                }
            }
            Ok(transaction.put_document(&document, &kept)?)
        };
        self.store.transact(change).await?;
        Ok(Subscription { uuid, filter: None, record })
    }

    pub(super) async fn list_subscriptions(
        &self,
        context: &ServiceContext,
        input: types::ListSubscriptionsInput,
    ) -> Handled<types::ListSubscriptionsResponse> {
        let topics = self.registry.of_account(context.account_id(), &context.region);
        let now_ms = self.clock.now_ms();
        let all = topics.iter().flat_map(|(key, topic)| of_topic(key, topic, now_ms)).collect();
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
            listed(of_topic(&key, &topic, self.clock.now_ms()).collect(), input.next_token.as_deref())?;
        Ok(types::ListSubscriptionsByTopicResponse { subscriptions: Some(subscriptions), next_token })
    }

    pub(super) async fn get_subscription_attributes(
        &self,
        context: &ServiceContext,
        input: types::GetSubscriptionAttributesInput,
    ) -> Handled<types::GetSubscriptionAttributesResponse> {
        let (key, subscription) = self.subscription_of(context, input.subscription_arn.as_deref())?;
        let record = &subscription.record;
        let was_signed = !matches!(
            record.confirmation,
            Confirmation::Pending { .. } | Confirmation::Given { was_signed: false, .. }
        );
        let mut shown: BTreeMap<String, String> = [
            ("SubscriptionArn", key.subscription_arn(&subscription.uuid)),
            ("TopicArn", key.arn()),
            ("Protocol", record.protocol.clone()),
            ("Endpoint", record.endpoint.clone()),
            ("Owner", record.owner.clone()),
            ("ConfirmationWasAuthenticated", was_signed.to_string()),
            ("PendingConfirmation", record.confirmation.is_pending().to_string()),
            ("RawMessageDelivery", "false".to_owned()),
            ("SubscriptionPrincipal", context.principal.arn.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if record.attributes.contains_key("FilterPolicy") {
            shown.insert("FilterPolicyScope".into(), "MessageAttributes".into());
        }
        shown.extend(record.attributes.clone());
        if matches!(record.protocol.as_str(), "http" | "https") {
            let topic = self.registry.topic(&key).unwrap_or_default();
            let policy = DeliveryPolicy::of(&record.attributes, topic.attributes());
            shown.insert("EffectiveDeliveryPolicy".into(), policy.shown_of_subscription());
        }
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

pub(super) fn parsed(arn: &str) -> Handled<(TopicKey, &str)> {
    TopicKey::of_subscription_arn(arn).ok_or_else(|| {
        let parts = arn.split(':').count();
        invalid(format!("SubscriptionArn Reason: An ARN must have at least 6 elements, not {parts}"))
    })
}

fn check_attributes(attributes: &BTreeMap<String, String>) -> Handled<()> {
    let scope = attributes.get("FilterPolicyScope").map_or("MessageAttributes", String::as_str);
    attributes.iter().try_for_each(|(name, value)| match name.as_str() {
        "RawMessageDelivery" if matches!(value.as_str(), "true" | "false") => Ok(()),
        "FilterPolicy" => filter::check(value, scope),
        "FilterPolicyScope" if matches!(value.as_str(), "MessageAttributes" | "MessageBody") => Ok(()),
        "RedrivePolicy" => check_redrive(value),
        "DeliveryPolicy" => delivery_policy::check_of_subscription(value),
        "ReplayPolicy" => Err(not_implemented("SNS", "replay of archived messages")),
        "SubscriptionRoleArn" => Ok(()),
        "RawMessageDelivery" | "FilterPolicyScope" => {
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
    now_ms: i64,
) -> impl Iterator<Item = (String, types::Subscription)> + use<'a> {
    let is_there = move |subscription: &&Arc<Subscription>| !subscription.record.confirmation.is_over(now_ms);
    topic.subscriptions.values().filter(is_there).map(move |subscription| {
        let arn = key.subscription_arn(&subscription.uuid);
        let shown_arn = match subscription.record.confirmation.is_pending() {
            true => PENDING_IN_LISTS.to_owned(),
            false => arn.clone(),
        };
        let shown = types::Subscription {
            subscription_arn: Some(shown_arn),
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
