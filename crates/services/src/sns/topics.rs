//! Topics: they are made, found, changed and deleted.

use std::collections::BTreeMap;

use aws_api::{generated::sns::types, pagination};
use serde_json::{Value, json};
use store::Transaction;

use super::{
    Handled, Sns,
    confirmation::forget_ended,
    delivery_policy::{self, DeliveryPolicy},
    error::{invalid, no_topic},
    registry::Topic,
    tags,
    topic::{FIFO_SUFFIX, SubscriptionRecord, TopicKey, TopicRecord},
};
use crate::change::ChangeError;
use crate::service::{ServiceContext, not_implemented};

/// Entries of a page (API reference).
pub(super) const PAGE: usize = 100;
/// Characters of a name at most.
const NAME_MAX: usize = 256;
/// Attributes that are true or false, in whatever case.
const TRUTHS: [&str; 2] = ["FifoTopic", "ContentBasedDeduplication"];

impl Sns {
    pub(super) async fn create_topic(
        &self,
        context: &ServiceContext,
        input: types::CreateTopicInput,
    ) -> Handled<types::CreateTopicResponse> {
        let name = input.name.unwrap_or_default();
        let mut attributes = input.attributes.unwrap_or_default();
        for name in TRUTHS {
            if let Some(value) = attributes.get_mut(name) {
                value.make_ascii_lowercase();
            }
        }
        // A topic that is none is not said to be none.
        attributes.retain(|name, value| name != "FifoTopic" || value != "false");
        check_name(&name, &attributes)?;
        let key =
            TopicKey { account_id: context.account_id().to_owned(), region: context.region.clone(), name };
        attributes.iter().try_for_each(|(name, value)| check_attribute(&key, name, value))?;
        let tags = tags::given(input.tags.unwrap_or_default())?;
        let document = key.document();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if let Some(existing) = transaction.document::<TopicRecord>(&document)? {
                let is_other =
                    |(name, value): (&String, &String)| existing.attributes.get(name) != Some(value);
                if attributes.iter().any(is_other) {
                    return Err(
                        invalid("Attributes Reason: Topic already exists with different attributes").into()
                    );
                }
                if !tags.is_empty() && tags != existing.tags {
                    return Err(invalid("Tags Reason: Topic already exists with different tags").into());
                }
                return Ok(());
            }
            let record = TopicRecord { attributes, tags, deleted_subscriptions: 0 };
            Ok(transaction.put_document(&document, &record)?)
        };
        self.store.transact(change).await?;
        Ok(types::CreateTopicResponse { topic_arn: Some(key.arn()) })
    }

    /// Deleting what is not there is nothing.
    pub(super) async fn delete_topic(
        &self,
        context: &ServiceContext,
        input: types::DeleteTopicInput,
    ) -> Handled<()> {
        let key = own(context, input.topic_arn.as_deref())?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            for (subscription, _) in transaction.documents::<SubscriptionRecord>(&key.subscriptions())? {
                transaction.delete_document::<SubscriptionRecord>(&subscription)?;
            }
            forget_ended(transaction, &key, |_| true)?;
            transaction.delete_document::<TopicRecord>(&key.document())?;
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn list_topics(
        &self,
        context: &ServiceContext,
        input: types::ListTopicsInput,
    ) -> Handled<types::ListTopicsResponse> {
        let topics = self.registry.of_account(context.account_id(), &context.region);
        let arns = topics.into_iter().map(|(key, _)| key.arn()).collect();
        let (arns, next_token) = page(arns, input.next_token.as_deref())?;
        let topics = arns.into_iter().map(|arn| types::Topic { topic_arn: Some(arn) }).collect();
        Ok(types::ListTopicsResponse { topics: Some(topics), next_token })
    }

    pub(super) async fn get_topic_attributes(
        &self,
        context: &ServiceContext,
        input: types::GetTopicAttributesInput,
    ) -> Handled<types::GetTopicAttributesResponse> {
        let (key, topic) = self.topic_of(context, input.topic_arn.as_deref())?;
        let (confirmed, pending) = self.counts(&topic);
        let record = topic.record.ok_or_else(no_topic)?;
        let policy = DeliveryPolicy::of(&BTreeMap::new(), &record.attributes);
        let mut shown: BTreeMap<String, String> = [
            ("TopicArn", key.arn()),
            ("Owner", key.account_id.clone()),
            ("DisplayName", String::new()),
            ("Policy", default_policy(&key).to_string()),
            ("EffectiveDeliveryPolicy", policy.shown_of_topic(&record.attributes)),
            ("SubscriptionsConfirmed", confirmed.to_string()),
            ("SubscriptionsPending", pending.to_string()),
            ("SubscriptionsDeleted", record.deleted_subscriptions.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if key.is_fifo() {
            shown.insert("FifoTopic".into(), "true".into());
            shown.insert("ContentBasedDeduplication".into(), "false".into());
        }
        let set = record.attributes.iter().filter(|(_, value)| !value.is_empty());
        shown.extend(set.map(|(name, value)| (name.clone(), value.clone())));
        Ok(types::GetTopicAttributesResponse { attributes: Some(shown) })
    }

    pub(super) async fn set_topic_attributes(
        &self,
        context: &ServiceContext,
        input: types::SetTopicAttributesInput,
    ) -> Handled<()> {
        let (key, _) = self.topic_of(context, input.topic_arn.as_deref())?;
        let (name, value) =
            (input.attribute_name.unwrap_or_default(), input.attribute_value.unwrap_or_default());
        if name == "FifoTopic" {
            return Err(invalid("AttributeName"));
        }
        check_attribute(&key, &name, &value)?;
        self.change_topic(&key, move |record| {
            record.attributes.insert(name, value);
            Ok(())
        })
        .await
    }

    /// How many have said that they want it, and how many are still asked.
    fn counts(&self, topic: &Topic) -> (usize, usize) {
        let now_ms = self.clock.now_ms();
        let there = topic.subscriptions.values().map(|one| &one.record.confirmation);
        let there: Vec<_> = there.filter(|confirmation| !confirmation.is_over(now_ms)).collect();
        let pending = there.iter().filter(|confirmation| confirmation.is_pending()).count();
        (there.len() - pending, pending)
    }

    /// A topic and its key.
    pub(super) fn topic_of(&self, context: &ServiceContext, arn: Option<&str>) -> Handled<(TopicKey, Topic)> {
        let key = own(context, arn)?;
        let topic = self.registry.topic(&key).ok_or_else(no_topic)?;
        Ok((key, topic))
    }

    pub(super) async fn change_topic(
        &self,
        key: &TopicKey,
        change: impl FnOnce(&mut TopicRecord) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        let document = key.document();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record = transaction.document::<TopicRecord>(&document)?.ok_or_else(no_topic)?;
            change(&mut record)?;
            Ok(transaction.put_document(&document, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }
}

/// The topic that an ARN names; in another Region it cannot be reached.
fn own(context: &ServiceContext, arn: Option<&str>) -> Handled<TopicKey> {
    let arn = arn.unwrap_or_default();
    let parts = arn.split(':').count();
    let key = TopicKey::of_arn(arn).ok_or_else(|| {
        invalid(format!("TopicArn Reason: An ARN must have at least 6 elements, not {parts}"))
    })?;
    if key.region != context.region {
        return Err(invalid("TopicArn"));
    }
    Ok(key)
}

fn check_name(name: &str, attributes: &BTreeMap<String, String>) -> Handled<()> {
    let is_named = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let wants_fifo = attributes.get("FifoTopic").is_some_and(|value| value == "true");
    let stem = name.strip_suffix(FIFO_SUFFIX);
    if wants_fifo && stem.is_none() {
        return Err(invalid(
            "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
        ));
    }
    let is_right = name.len() <= NAME_MAX && is_named(stem.filter(|_| wants_fifo).unwrap_or(name));
    if is_right { Ok(()) } else { Err(invalid("Topic Name")) }
}

fn check_attribute(key: &TopicKey, name: &str, value: &str) -> Handled<()> {
    let is_truth = matches!(value, "true" | "false");
    let is_right = match name {
        "DeliveryPolicy" if value.is_empty() => true,
        "DeliveryPolicy" => return delivery_policy::check_of_topic(value),
        "Policy" => {
            value.is_empty() || serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object())
        }
        "DisplayName" => value.len() <= 100,
        "SignatureVersion" => matches!(value, "1" | "2"),
        "TracingConfig" => matches!(value, "PassThrough" | "Active"),
        "FifoTopic" => is_truth && (value == "true") == key.is_fifo(),
        "ContentBasedDeduplication" if key.is_fifo() => is_truth,
        "FifoThroughputScope" if key.is_fifo() => matches!(value, "Topic" | "MessageGroup"),
        "MaximumMessageSize" => value.parse::<u32>().is_ok_and(|bytes| (1_024..=1_048_576).contains(&bytes)),
        "KmsMasterKeyId" if value.is_empty() => true,
        "KmsMasterKeyId" => return Err(not_implemented("SNS", "encryption with keys of KMS")),
        "ArchivePolicy" if value.is_empty() => true,
        "ArchivePolicy" => return Err(not_implemented("SNS", "archives of messages")),
        _ if name.ends_with("FeedbackRoleArn") || name.ends_with("FeedbackSampleRate") => {
            return Err(not_implemented("SNS", "delivery status logs"));
        }
        _ => return Err(invalid("AttributeName")),
    };
    if is_right { Ok(()) } else { Err(invalid(format!("Attributes Reason: {name}"))) }
}

/// What AWS gives a new topic: its owner may do everything.
fn default_policy(key: &TopicKey) -> Value {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": key.arn(),
            "Condition": {"StringEquals": {"AWS:SourceOwner": key.account_id}},
        }],
    })
}

/// The policy of a topic, as it is or as AWS makes it.
pub(super) fn policy_of(key: &TopicKey, record: &TopicRecord) -> Value {
    let set = record.attributes.get("Policy").and_then(|text| serde_json::from_str(text).ok());
    set.unwrap_or_else(|| default_policy(key))
}

/// A page of what is in order, and where the next begins.
pub(super) fn page(all: Vec<String>, token: Option<&str>) -> Handled<(Vec<String>, Option<String>)> {
    let after = token.filter(|token| !token.is_empty()).map(pagination::decode).transpose();
    let after = after.map_err(|_| invalid("NextToken"))?;
    let mut rest = all.into_iter().filter(|name| after.as_ref().is_none_or(|after| name > after));
    let page: Vec<String> = rest.by_ref().take(PAGE).collect();
    let next = rest.next().and(page.last()).map(|last| pagination::encode(last));
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_kind_of_topic_it_is() {
        let fifo: BTreeMap<String, String> = [("FifoTopic".to_owned(), "true".to_owned())].into();
        for (name, attributes, right) in [
            ("t_1-A", &BTreeMap::new(), true),
            ("", &BTreeMap::new(), false),
            ("a b", &BTreeMap::new(), false),
            ("t.fifo", &BTreeMap::new(), false),
            ("t.fifo", &fifo, true),
            ("t", &fifo, false),
        ] {
            assert_eq!(check_name(name, attributes).is_ok(), right, "{name}");
        }
    }

    #[test]
    fn pages_follow_each_other() {
        let all: Vec<String> = (0..150).map(|number| format!("{number:03}")).collect();
        let (first, token) = page(all.clone(), None).unwrap();
        let (second, end) = page(all.clone(), token.as_deref()).unwrap();
        assert_eq!([first, second].concat(), all);
        assert!(end.is_none() && page(all, Some("?")).is_err());
    }
}
