//! Mail, by the relay that the operator names.

use lambda_model::error::with_causes;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use services::sns::{Mail, Refusal};

/// Where the relay is, and who mails come from.
#[derive(Debug, Clone)]
pub(crate) struct RelaySettings {
    /// Such as `smtps://user:password@host` or `smtp://host:25`.
    pub url: String,
    /// An address.
    pub from: String,
}

/// The relay.
pub(crate) struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

impl Relay {
    /// Connects when there is something to send.
    ///
    /// # Errors
    /// In words, when URL or address are none.
    pub(crate) fn new(settings: &RelaySettings) -> Result<Self, String> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url)
            .map_err(|error| format!("the relay for mail: {}", with_causes(&error)))?
            .build();
        let from = settings.from.parse().map_err(|error| format!("the sender of mail: {error}"))?;
        Ok(Self { transport, from })
    }

    pub(super) async fn send(&self, mail: Mail) -> Result<(), Refusal> {
        let message = self.message(mail)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Refusal::Lasting(with_causes(&error))),
            Err(error) => Err(Refusal::Passing(with_causes(&error))),
        }
    }

    fn message(&self, Mail { to, from_name, subject, text }: Mail) -> Result<Message, Refusal> {
        let lasting = |error: &dyn std::error::Error| Refusal::Lasting(with_causes(error));
        let to: Address = to.parse().map_err(|error| lasting(&error))?;
        Message::builder()
            .from(Mailbox::new(from_name, self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|error| lasting(&error))
    }
}
