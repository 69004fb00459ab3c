//! Connections and API destinations: servers of the web as targets of rules (EventBridge user guide, "API destinations").
//!
//! ```text
//!  connection: how to log in, in a secret of the service's own in Secrets Manager
//!      ▲
//!  API destination: URL, method, requests a second ◄── target of a rule ◄── events, out of the outbox ([`calling`])
//! ```

mod authorization;
mod calling;
mod destinations;
mod operations;

use aws_api::generated::events::types;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey};

use crate::service::partition_of;

pub(crate) use calling::Ended;
pub(super) use calling::wrapped;

/// A connection as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct ConnectionRecord {
    /// A UUID: the end of its ARN.
    id: String,
    /// Unix time, milliseconds.
    created_ms: i64,
    modified_ms: i64,
    authorized_ms: Option<i64>,
    description: Option<String>,
    /// `BASIC`, `API_KEY` or `OAUTH_CLIENT_CREDENTIALS`.
    kind: String,
    state: String,
    /// Where the whole of it is; `None` once it was taken away.
    secret_arn: Option<String>,
    /// What is shown of it.
    parameters: types::ConnectionAuthResponseParameters,
}

impl Document for ConnectionRecord {
    const KIND: &'static str = "events/connection";
}

/// An API destination as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct DestinationRecord {
    /// A UUID: the end of its ARN.
    id: String,
    /// Unix time, milliseconds.
    created_ms: i64,
    modified_ms: i64,
    description: Option<String>,
    connection_arn: String,
    /// With a star for each path parameter.
    endpoint: String,
    method: String,
    /// Requests a second at most.
    rate: i64,
}

impl Document for DestinationRecord {
    const KIND: &'static str = "events/api-destination";
}

/// What a connection's ARN, and a destination's, has before its name.
const CONNECTION: &str = "connection";
const DESTINATION: &str = "api-destination";

/// Such as `arn:aws:events:us-east-1:123456789012:connection/name/0a0a…`.
fn arn(kind: &str, DocumentKey { account_id, region, name, .. }: &DocumentKey, id: &str) -> String {
    format!("arn:{}:events:{region}:{account_id}:{kind}/{name}/{id}", partition_of(region))
}

/// What an ARN names, and its id.
fn of_arn(kind: &str, arn: &str) -> Option<(DocumentKey, String)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "events", region, account_id, resource] = parts[..] else { return None };
    let (name, id) = resource.strip_prefix(kind)?.strip_prefix('/')?.split_once('/')?;
    let (account_id, region, name) = (account_id.into(), region.into(), name.into());
    Some((DocumentKey { account_id, region, parent: String::new(), name }, id.to_owned()))
}

/// Whether an ARN is an API destination's.
pub(crate) fn is_destination(arn: &str) -> bool {
    of_arn(DESTINATION, arn).is_some()
}
