//! The ways out of this server for the messages of SNS, the events of EventBridge and the requests of APIs: to servers of the web, and to
//! the relay for mail.

mod mail;
mod permitted;
mod web;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming};
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

    /// Passes a request on to a server of the web, and gives its whole answer, of at most so many bytes. Who asks knows how long it waits.
    pub(crate) async fn forward(
        &self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<Response<Bytes>, String> {
        self.web.forward(request, bytes_max).await.map_err(|refusal| match refusal {
            Refusal::Passing(why) | Refusal::Lasting(why) => why,
        })
    }

    /// Passes a request on, and gives the answer as it comes.
    pub(crate) async fn forward_open(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        self.web.forward_open(request).await.map_err(|refusal| match refusal {
            Refusal::Passing(why) | Refusal::Lasting(why) => why,
        })
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
