//! HTTP in front of functions: where a client of the web, and not one of AWS's API, is answered.
//!
//! ```text
//! HttpRequest ──place: by host name or path──► the URL of a function
//!             ──permission──► 403
//!             ──incoming──► WebRequest ──lambda_model::http_event──► event ──► invocation ──► answer
//! ```
//! What a front door reads, waits for and keeps has its limits in [`limits`].

mod function_url;
mod incoming;
mod limits;
mod outgoing;
mod permission;
mod place;
mod refusal;
mod urls;

use std::sync::Arc;

use invocation::Invoker;
use services::iam::Iam;

use crate::{
    authentication::Authentication,
    http::{HttpRequest, HttpResponse},
    identity::Defaults,
    watches::Watches,
};

pub(crate) use place::Place;
pub(crate) use urls::Urls;

/// Answers what comes to addresses of functions.
pub(crate) struct Gateway {
    /// The URLs that there are.
    pub urls: Arc<Urls>,
    /// Runs functions.
    pub invoker: Arc<Invoker>,
    /// Folders that somebody edits.
    pub watches: Arc<Watches>,
    /// Policies of callers.
    pub iam: Iam,
}

/// How callers are known.
pub(crate) struct Callers<'a> {
    /// Who they say they are.
    pub defaults: &'a Defaults,
    /// Whether they are; `None` where everybody is believed.
    pub authentication: Option<&'a Authentication>,
}

impl Gateway {
    /// Answers a request that is for `place`.
    pub(crate) async fn answer(
        &self,
        request: HttpRequest,
        place: Place,
        callers: Callers<'_>,
    ) -> HttpResponse {
        match place {
            Place::FunctionUrl { url_id, path } => {
                self.at_function_url(request, &url_id, path, callers).await
            }
        }
    }
}
