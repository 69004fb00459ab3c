//! Those outside are told: what waits in the outbox goes to where it is for, or there again later, or to the subscription's dead letters.
//!
//! ```text
//! http, https ─► POST: 2xx is taken; 5xx, 408, 429 and silence are tried again; anything else never
//! email       ─► relay, where one is named  ─┐
//! sms, application ──────────────────────────┴─► kept to be read (sent.rs)
//! ```

use lambda_model::invocation::asynchronous::Delivery;
use store::OutboxItem;

use super::{
    Sns,
    delivery_policy::{DeliveryPolicy, RetryPolicy},
    notice::{Notice, NoticeKind},
    outside::{Mail, Post, Refusal},
    sent::SentRecord,
    subscriptions::dead_letter_queue,
    topic::TopicKey,
};
use crate::sqs::{Door, outgoing::Outgoing};

/// What became of it.
pub(crate) enum Told {
    /// It was taken, or nobody wants it any more.
    Yes,
    /// It is to be tried again, after so many milliseconds.
    Again { after_ms: i64, why: String },
    /// It is given up.
    Never(String),
}

impl Sns {
    /// Tells one.
    pub(crate) async fn tell(&self, item: &OutboxItem) -> Told {
        let Some(notice) = Notice::of_delivery(&item.delivery) else {
            return Told::Never("it cannot be read".into());
        };
        let Some(policy) = self.policy_of(&notice) else { return Told::Yes };
        let retry = match notice.protocol.as_str() {
            "http" | "https" => policy.retry.clone(),
            _ => RetryPolicy::of_customers(),
        };
        match self.offer(&notice, &policy).await {
            Ok(()) => Told::Yes,
            Err(Refusal::Lasting(why)) => Told::Never(why),
            Err(Refusal::Passing(why)) => match retry.wait_ms(item.attempts.saturating_add(1)) {
                Some(after_ms) => Told::Again { after_ms, why },
                None => Told::Never(why),
            },
        }
    }

    /// Deliveries to a subscription in a second at most.
    pub(crate) fn rate_max(&self, subscription_arn: &str) -> Option<u32> {
        let (topic, uuid) = TopicKey::of_subscription_arn(subscription_arn)?;
        let topic = self.registry.topic(&topic)?;
        let subscription = topic.subscriptions.get(uuid)?;
        DeliveryPolicy::of(&subscription.record.attributes, topic.attributes()).receives_per_second_max
    }

    /// Where a message goes that is given up.
    pub(crate) fn dead_letter(&self, delivery: &Delivery) -> Option<(Door, Outgoing)> {
        let notice =
            Notice::of_delivery(delivery).filter(|notice| notice.kind == NoticeKind::Notification)?;
        let (topic, uuid) = TopicKey::of_subscription_arn(&notice.subscription_arn)?;
        let topic = self.registry.topic(&topic)?;
        let policy = topic.subscriptions.get(uuid)?.record.attributes.get("RedrivePolicy")?.clone();
        let door = self.sqs.door(&dead_letter_queue(&policy)?)?;
        let outgoing = door.fitted(notice.as_dead_letter(delivery.trace_id.clone()));
        door.check(&outgoing).ok()?;
        Some((door, outgoing))
    }

    /// `None`: the subscription is gone, or waits for a confirmation that this is not.
    fn policy_of(&self, notice: &Notice) -> Option<DeliveryPolicy> {
        let found = TopicKey::of_subscription_arn(&notice.subscription_arn).and_then(|(topic, uuid)| {
            let topic = self.registry.topic(&topic)?;
            Some((topic.subscriptions.get(uuid)?.clone(), topic))
        });
        match (found, notice.kind) {
            (Some((subscription, topic)), _) => {
                Some(DeliveryPolicy::of(&subscription.record.attributes, topic.attributes()))
            }
            (None, NoticeKind::UnsubscribeConfirmation) => {
                Some(DeliveryPolicy::of(&Default::default(), &Default::default()))
            }
            (None, _) => None,
        }
    }

    async fn offer(&self, notice: &Notice, policy: &DeliveryPolicy) -> Result<(), Refusal> {
        match notice.protocol.as_str() {
            "http" | "https" => {
                let status = self.outside.post(post(notice, policy)).await?;
                judged(status)
            }
            "application" => {
                self.check_enabled(&notice.endpoint).await?;
                self.keep(notice, None).await
            }
            "sms" => self.keep(notice, None).await,
            _ => self.mail(notice).await,
        }
    }

    async fn mail(&self, notice: &Notice) -> Result<(), Refusal> {
        let mail = self.as_mail(notice);
        let relayed = match self.outside.mail(mail.clone()) {
            Some(sent) => sent.await.map(|()| true)?,
            None => false,
        };
        self.keep(notice, Some((mail, relayed))).await
    }

    fn as_mail(&self, notice: &Notice) -> Mail {
        let topic = TopicKey::of_arn(&notice.topic_arn).and_then(|key| self.registry.topic(&key));
        let name = topic.and_then(|topic| topic.attributes().get("DisplayName").cloned());
        let text = match (notice.kind, &notice.envelope) {
            (_, Some(envelope)) if notice.protocol == "email-json" => format!("{envelope:#}"),
            (NoticeKind::Notification, _) => {
                let subscription = TopicKey::of_subscription_arn(&notice.subscription_arn);
                let url = subscription.map(|(topic, uuid)| self.links.unsubscribe(&topic, uuid));
                let url = url.unwrap_or_default();
                format!("{}\n\n--\nTo get no more notifications of this topic, visit:\n{url}\n", notice.text)
            }
            (_, envelope) => {
                let url = envelope.as_ref().and_then(|envelope| envelope["SubscribeURL"].as_str());
                format!("{}\n\n{}\n", notice.text, url.unwrap_or_default())
            }
        };
        let subject = match notice.kind {
            NoticeKind::Notification => "AWS Notification Message",
            NoticeKind::SubscriptionConfirmation => "AWS Notification - Subscription Confirmation",
            NoticeKind::UnsubscribeConfirmation => "AWS Notification - Unsubscribe Confirmation",
        };
        let subject = notice.subject.clone().unwrap_or_else(|| subject.to_owned());
        Mail { to: notice.endpoint.clone(), from_name: name, subject, text }
    }

    async fn keep(&self, notice: &Notice, mail: Option<(Mail, bool)>) -> Result<(), Refusal> {
        let record = SentRecord::of_notice(notice, mail);
        let topic = TopicKey::of_arn(&notice.topic_arn);
        let topic = topic.ok_or_else(|| Refusal::Lasting("its topic is none".into()))?;
        self.put_sent((topic.account_id, topic.region), record)
            .await
            .map_err(|error| Refusal::Passing(error.message))
    }
}

/// What a server is sent (SNS developer guide, HTTP/HTTPS headers).
fn post(notice: &Notice, policy: &DeliveryPolicy) -> Post {
    let mut headers = vec![
        ("content-type", policy.content_type.clone()),
        ("user-agent", "Amazon Simple Notification Service Agent".to_owned()),
        ("x-amz-sns-message-type", notice.kind.name().to_owned()),
        ("x-amz-sns-message-id", notice.message_id.clone()),
        ("x-amz-sns-topic-arn", notice.topic_arn.clone()),
    ];
    if notice.kind != NoticeKind::SubscriptionConfirmation {
        headers.push(("x-amz-sns-subscription-arn", notice.subscription_arn.clone()));
    }
    if notice.envelope.is_none() {
        headers.push(("x-amz-sns-rawdelivery", "true".to_owned()));
    }
    Post { url: notice.endpoint.clone(), headers, body: notice.body() }
}

/// What the answer of a server means: its own faults pass, ours do not.
fn judged(status: u16) -> Result<(), Refusal> {
    let why = format!("it answered {status}");
    match status {
        200..=299 => Ok(()),
        408 | 429 | 100..=199 | 500.. => Err(Refusal::Passing(why)),
        _ => Err(Refusal::Lasting(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_servers_fault_passes() {
        for (status, expected) in [
            (200, "taken"),
            (204, "taken"),
            (503, "again"),
            (429, "again"),
            (302, "never"),
            (400, "never"),
            (410, "never"),
        ] {
            let judged = match judged(status) {
                Ok(()) => "taken",
                Err(Refusal::Passing(_)) => "again",
                Err(Refusal::Lasting(_)) => "never",
            };
            assert_eq!(judged, expected, "{status}");
        }
    }
}
