//! What was sent to people: mails, text messages, notes to their devices. Nothing here reaches a telephone; it is kept to be read, and
//! mails besides go to the relay, where one is named.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, DocumentRange, StoreError, Transaction};

use super::{Handled, Sns, notice::Notice, outside::Mail};
use crate::change::ChangeError;

/// Of an account in a Region, so many are kept.
const KEPT_MAX: usize = 1_000;
/// After so many new ones, those beyond are forgotten.
const FORGOTTEN_EVERY: u64 = 100;

/// What was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentRecord {
    /// `email`, `email-json`, `sms` or `application`.
    pub protocol: String,
    /// An address, a number, the ARN of a device's endpoint.
    pub to: String,
    /// Of a mail, or of what was published.
    pub subject: Option<String>,
    /// All that was said.
    pub text: String,
    /// Where it was published; `None` where it was sent to one alone.
    pub topic_arn: Option<String>,
    /// UUID.
    pub message_id: String,
    /// Unix time, milliseconds.
    pub sent_ms: i64,
    /// Whether a relay has it.
    pub relayed: bool,
    /// Tells apart what goes to several: the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_arn: Option<String>,
}

impl Document for SentRecord {
    const KIND: &'static str = "sns/sent";
}

impl SentRecord {
    pub(super) fn of_notice(notice: &Notice, mail: Option<(Mail, bool)>) -> Self {
        let (mail, relayed) = mail.map_or((None, false), |(mail, relayed)| (Some(mail), relayed));
        let (subject, text) = match mail {
            Some(mail) => (Some(mail.subject), mail.text),
            None => (notice.subject.clone(), notice.text.clone()),
        };
        Self {
            protocol: notice.protocol.clone(),
            to: notice.endpoint.clone(),
            subject,
            text,
            topic_arn: Some(notice.topic_arn.clone()),
            message_id: notice.message_id.clone(),
            sent_ms: notice.made_ms,
            relayed,
            subscription_arn: Some(notice.subscription_arn.clone()),
        }
    }

    /// What goes to one alone.
    pub(super) fn alone(protocol: &str, to: String, text: String, sent_ms: i64) -> Self {
        Self {
            protocol: protocol.to_owned(),
            to,
            subject: None,
            text,
            topic_arn: None,
            message_id: uuid::Uuid::new_v4().to_string(),
            sent_ms,
            relayed: false,
            subscription_arn: None,
        }
    }

    /// In the order of time, and the same for what is sent again.
    fn name(&self) -> String {
        let subscription = self.subscription_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
        format!("{:014}-{}-{}", self.sent_ms, self.message_id, subscription.unwrap_or_default())
    }
}

impl Sns {
    /// Keeps what is sent.
    pub(super) async fn put_sent(
        &self,
        (account_id, region): (String, String),
        record: SentRecord,
    ) -> Handled<()> {
        let is_time_to_forget = self.sent.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGOTTEN_EVERY);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let range = DocumentRange {
                account_id: account_id.clone(),
                region: region.clone(),
                ..Default::default()
            };
            let key = DocumentKey { account_id, region, parent: String::new(), name: record.name() };
            transaction.put_document(&key, &record)?;
            if is_time_to_forget {
                forget(transaction, &range)?;
            }
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    /// What an account has sent in a Region, the newest last.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn sent(&self, account_id: &str, region: &str) -> Result<Vec<SentRecord>, StoreError> {
        let range =
            DocumentRange { account_id: account_id.into(), region: region.into(), ..Default::default() };
        let found = self.store.documents::<SentRecord>(range).await?;
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }
}

fn forget(transaction: &mut Transaction<'_>, range: &DocumentRange) -> Result<(), StoreError> {
    let kept = transaction.documents::<SentRecord>(range)?;
    let excess = kept.len().saturating_sub(KEPT_MAX);
    for (key, _) in kept.into_iter().take(excess) {
        transaction.delete_document::<SentRecord>(&key)?;
    }
    Ok(())
}
