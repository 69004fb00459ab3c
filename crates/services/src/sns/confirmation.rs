//! Those outside are asked whether they want a subscription, and told when it is over.
//!
//! ```text
//! Subscribe ─► pending, with a token ─► ConfirmSubscription with it ─► confirmed ─► Unsubscribe ─► ended, with a token
//!                    └─ two days ─► gone                                   ▲                            │
//!                                                                          └── ConfirmSubscription ─────┘
//! ```

use std::sync::Arc;

use aws_api::{error_response::ApiError, generated::sns::types};
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, QueueTransaction, Transaction};

use super::{
    Handled, Sns,
    error::{invalid, no_subscription, no_topic},
    notice::{Notice, NoticeKind},
    registry::{Subscription, Topic},
    topic::{SubscriptionRecord, TopicKey, TopicRecord},
};
use crate::{
    change::{ChangeError, of_store},
    random,
    service::ServiceContext,
};

/// How long a token is good (API reference, ConfirmSubscription), milliseconds.
const TOKEN_MS: i64 = 2 * 24 * 60 * 60 * 1_000;

/// Whether those who get the messages have said that they want them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Confirmation {
    /// Nobody asks them: a queue, a function, a telephone.
    #[default]
    NotNeeded,
    /// They were asked, at this time (Unix, milliseconds).
    Pending { token: String, asked_ms: i64 },
    /// They have.
    Given {
        token: String,
        /// Whether that was signed by somebody.
        was_signed: bool,
        /// Whether whoever unsubscribes must sign.
        unsubscribe_signed: bool,
    },
}

impl Confirmation {
    /// The question, with a new token.
    pub(super) fn asked(now_ms: i64) -> Self {
        Self::Pending { token: new_token(), asked_ms: now_ms }
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self, Self::Pending { .. })
    }

    /// Whether nobody has answered for too long.
    pub(super) fn is_over(&self, now_ms: i64) -> bool {
        matches!(self, Self::Pending { asked_ms, .. } if now_ms - asked_ms > TOKEN_MS)
    }

    fn is_known_by(&self, given: &str) -> bool {
        match self {
            Self::NotNeeded => false,
            Self::Pending { token, .. } | Self::Given { token, .. } => token == given,
        }
    }
}

fn new_token() -> String {
    aws_api::hex::encode(&random::signing_key())
}

/// A subscription that is over, and can be had again with its token: its parent is the topic's name, its name the token.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EndedRecord {
    uuid: String,
    record: SubscriptionRecord,
    /// Unix time, milliseconds.
    ended_ms: i64,
}

impl Document for EndedRecord {
    const KIND: &'static str = "sns/ended_subscription";
}

impl Sns {
    /// With the token, whoever has it: over a link nobody signs.
    pub(super) async fn confirm_subscription(
        &self,
        context: &ServiceContext,
        input: types::ConfirmSubscriptionInput,
    ) -> Handled<types::ConfirmSubscriptionResponse> {
        let key =
            TopicKey::of_arn(&input.topic_arn.unwrap_or_default()).ok_or_else(|| invalid("TopicArn"))?;
        let topic = self.registry.topic(&key).ok_or_else(no_topic)?;
        let token = input.token.unwrap_or_default();
        let is_signed = context.access_key_id.is_some();
        let unsubscribe_signed = input.authenticate_on_unsubscribe.as_deref() == Some("true") && is_signed;
        let given = Confirmation::Given { token: token.clone(), was_signed: is_signed, unsubscribe_signed };
        let known = topic.subscriptions.values().find(|one| one.record.confirmation.is_known_by(&token));
        let uuid = match known {
            Some(known) => self.confirm(&key, known, given).await?,
            None => self.restore(&key, token, given).await?,
        };
        Ok(types::ConfirmSubscriptionResponse { subscription_arn: Some(key.subscription_arn(&uuid)) })
    }

    /// Confirming twice is confirming once.
    async fn confirm(
        &self,
        key: &TopicKey,
        known: &Arc<Subscription>,
        given: Confirmation,
    ) -> Handled<String> {
        if !known.record.confirmation.is_pending() {
            return Ok(known.uuid.clone());
        }
        if known.record.confirmation.is_over(self.clock.now_ms()) {
            return Err(invalid("Token"));
        }
        let document = key.subscription_document(&known.uuid);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record =
                transaction.document::<SubscriptionRecord>(&document)?.ok_or_else(no_subscription)?;
            record.confirmation = given;
            Ok(transaction.put_document(&document, &record)?)
        };
        self.store.transact(change).await?;
        Ok(known.uuid.clone())
    }

    /// A subscription that was over.
    async fn restore(&self, key: &TopicKey, token: String, given: Confirmation) -> Handled<String> {
        let now_ms = self.clock.now_ms();
        let (topic, key) = (key.document(), key.clone());
        let change = move |transaction: &mut Transaction<'_>| -> Result<String, ChangeError> {
            let place = ended_place(&key, token);
            let ended = transaction.document::<EndedRecord>(&place)?;
            let ended =
                ended.filter(|ended| now_ms - ended.ended_ms <= TOKEN_MS).ok_or_else(|| invalid("Token"))?;
            let mut topic_record = transaction.document::<TopicRecord>(&topic)?.ok_or_else(no_topic)?;
            topic_record.deleted_subscriptions = topic_record.deleted_subscriptions.saturating_sub(1);
            transaction.put_document(&topic, &topic_record)?;
            transaction.delete_document::<EndedRecord>(&place)?;
            let record = SubscriptionRecord { confirmation: given, ..ended.record };
            transaction.put_document(&key.subscription_document(&ended.uuid), &record)?;
            Ok(ended.uuid)
        };
        Ok(self.store.transact(change).await?)
    }

    /// Whoever unsubscribes twice is unsubscribed.
    pub(super) async fn unsubscribe(
        &self,
        context: &ServiceContext,
        input: types::UnsubscribeInput,
    ) -> Handled<()> {
        let arn = input.subscription_arn.unwrap_or_default();
        let (key, uuid) = super::subscriptions::parsed(&arn)?;
        let Some(topic) = self.registry.topic(&key) else { return Ok(()) };
        let Some(subscription) = topic.subscriptions.get(uuid) else { return Ok(()) };
        self.check_may_end(context, subscription)?;
        let token = new_token();
        self.end(&key, subscription, token.clone()).await?;
        if super::protocol::is_asked_first(&subscription.record.protocol)
            && !subscription.record.confirmation.is_pending()
        {
            self.ask((&key, &topic), subscription, NoticeKind::UnsubscribeConfirmation, &token).await?;
        }
        Ok(())
    }

    fn check_may_end(&self, context: &ServiceContext, subscription: &Subscription) -> Handled<()> {
        match &subscription.record.confirmation {
            Confirmation::Pending { .. } => {
                Err(invalid("SubscriptionArn Reason: subscription is pending confirmation"))
            }
            Confirmation::Given { unsubscribe_signed: true, .. } if context.access_key_id.is_none() => {
                Err(ApiError::user(
                    "AuthorizationError",
                    403,
                    "Unsubscribing from this subscription must be authenticated",
                ))
            }
            _ => Ok(()),
        }
    }

    async fn end(&self, key: &TopicKey, subscription: &Subscription, token: String) -> Handled<()> {
        let now_ms = self.clock.now_ms();
        let ended = EndedRecord {
            uuid: subscription.uuid.clone(),
            record: subscription.record.clone(),
            ended_ms: now_ms,
        };
        let key = key.clone();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if !transaction.delete_document::<SubscriptionRecord>(&key.subscription_document(&ended.uuid))? {
                return Ok(());
            }
            if let Some(mut record) = transaction.document::<TopicRecord>(&key.document())? {
                record.deleted_subscriptions += 1;
                transaction.put_document(&key.document(), &record)?;
            }
            forget_ended(transaction, &key, |other| now_ms - other.ended_ms > TOKEN_MS)?;
            if super::protocol::is_asked_first(&ended.record.protocol) {
                transaction.put_document(&ended_place(&key, token), &ended)?;
            }
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    /// Puts the question, or that it is over, into the outbox.
    pub(super) async fn ask(
        &self,
        (key, topic): (&TopicKey, &Topic),
        subscription: &Subscription,
        kind: NoticeKind,
        token: &str,
    ) -> Handled<()> {
        let signer = self.signer(topic).await?;
        let subscriber = subscription.of(key);
        let delivery = Notice::of_subscription(kind, subscriber, token, (&signer, self.clock.now_ms()))
            .into_delivery(None);
        drop(signer);
        let put = move |transaction: &mut QueueTransaction<'_>| transaction.deliver(delivery);
        self.store.queues().transact(put).await.map_err(of_store)
    }
}

/// Forgets the ended subscriptions of a topic that are like this.
pub(super) fn forget_ended(
    transaction: &mut Transaction<'_>,
    key: &TopicKey,
    is_forgotten: impl Fn(&EndedRecord) -> bool,
) -> Result<(), ChangeError> {
    for (place, ended) in transaction.documents::<EndedRecord>(&key.subscriptions())? {
        if is_forgotten(&ended) {
            transaction.delete_document::<EndedRecord>(&place)?;
        }
    }
    Ok(())
}

fn ended_place(key: &TopicKey, token: String) -> DocumentKey {
    key.subscription_document(&token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_two_days_and_its_own_subscription() {
        let asked = Confirmation::asked(1_000);
        let Confirmation::Pending { token, .. } = asked.clone() else { panic!() };
        assert!(
            asked.is_known_by(&token)
                && !asked.is_known_by("other")
                && !Confirmation::NotNeeded.is_known_by("")
        );
        assert!(!asked.is_over(1_000 + TOKEN_MS) && asked.is_over(1_001 + TOKEN_MS));
        assert!(!Confirmation::NotNeeded.is_over(i64::MAX));
    }
}
