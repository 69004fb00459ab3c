//! The ways out of this server for the messages of SNS and the events of EventBridge: to servers of the web, and to the relay for mail.

mod mail;
mod permitted;
mod web;

use lambda_model::ports::BoxFuture;
use sandbox::NetworkPolicy;
use services::sns::{Answered, Call, Mail, Outside, Post, Refusal};

pub(crate) use mail::{Relay, RelaySettings};

use web::Web;

/// See the module's doc.
pub(crate) struct WaysOut {
    web: Web,
    relay: Option<Relay>,
}

impl WaysOut {
    /// To what the policy permits, and to a relay where there is one.
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub(crate) fn new(policy: NetworkPolicy, relay: Option<Relay>) -> Result<Self, std::io::Error> {
        Ok(Self { web: Web::new(policy)?, relay })
    }
}

impl Outside for WaysOut {
    fn post(&self, post: Post) -> BoxFuture<'_, Result<u16, Refusal>> {
        Box::pin(self.web.post(post))
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answered, Refusal>> {
        Box::pin(self.web.call(call))
    }

    fn mail(&self, mail: Mail) -> Option<BoxFuture<'_, Result<(), Refusal>>> {
        let relay = self.relay.as_ref()?;
        Some(Box::pin(relay.send(mail)))
    }
}
