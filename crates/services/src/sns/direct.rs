//! Publishing to one alone: a telephone, or a device.

use aws_api::{error_response::ApiError, generated::sns::types};

use super::{
    Handled, Sns, error::invalid, message::Message, push::EndpointKey, registry::Topic, sent::SentRecord,
    sms::is_phone_number, topic::TopicKey,
};
use crate::service::ServiceContext;

/// Characters of a text message at most, all its parts together (API reference, Publish).
const SMS_MAX: usize = 1_600;

impl Sns {
    pub(super) async fn publish_to_phone(
        &self,
        context: &ServiceContext,
        number: String,
        entry: types::PublishBatchRequestEntry,
    ) -> Handled<types::PublishResponse> {
        if !is_phone_number(&number) {
            return Err(invalid(format!("PhoneNumber Reason: {number} is not valid to publish to")));
        }
        let message = self.alone(context, entry)?;
        let text = message.body.of("sms").to_owned();
        if text.chars().count() > SMS_MAX {
            return Err(invalid("Message too long"));
        }
        let owner = (context.account_id().to_owned(), context.region.clone());
        self.send_alone(owner, ("sms", number, text), message).await
    }

    pub(super) async fn publish_to_device(
        &self,
        context: &ServiceContext,
        arn: String,
        entry: types::PublishBatchRequestEntry,
    ) -> Handled<types::PublishResponse> {
        let nowhere = || invalid("TargetArn Reason: No endpoint found for the target arn specified");
        let key = EndpointKey::of_arn(&arn).ok_or_else(nowhere)?;
        let record = self.endpoint_record(&key).await?.ok_or_else(nowhere)?;
        if !record.is_enabled() {
            return Err(ApiError::user("EndpointDisabled", 400, "Endpoint is disabled"));
        }
        let message = self.alone(context, entry)?;
        let text = message.body.of(key.platform()).to_owned();
        self.send_alone(key.owner(), ("application", arn, text), message).await
    }

    fn alone(&self, context: &ServiceContext, entry: types::PublishBatchRequestEntry) -> Handled<Message> {
        let nowhere = TopicKey {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            name: String::new(),
        };
        Message::checked(entry, (&nowhere, &Topic::default()), (self.clock.now_ms(), None))
    }

    async fn send_alone(
        &self,
        owner: (String, String),
        (protocol, to, text): (&str, String, String),
        message: Message,
    ) -> Handled<types::PublishResponse> {
        let record = SentRecord {
            subject: message.subject,
            message_id: message.message_id.clone(),
            ..SentRecord::alone(protocol, to, text, message.published_ms)
        };
        self.put_sent(owner, record).await?;
        Ok(types::PublishResponse { message_id: Some(message.message_id), sequence_number: None })
    }
}
