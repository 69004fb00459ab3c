//! URLs of queues: `http://HOST/ACCOUNT/NAME`, with the host that the client itself has asked, so that it can follow them.

use super::{Handled, error::no_queue, queue::QueueKey};
use crate::service::ServiceContext;

/// The URL of a queue.
pub(super) fn of(context: &ServiceContext, key: &QueueKey) -> String {
    format!("{}/{}/{}", context.endpoint, key.account_id, key.name)
}

/// The queue of a URL, whatever its host: the Region is the one that the request was signed for.
pub(super) fn key(context: &ServiceContext, url: &str) -> Handled<QueueKey> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut parts = path.trim_end_matches('/').rsplit('/');
    let name = parts.next().unwrap_or_default();
    let is_account = |part: &&str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    let account_id = match parts.next().filter(is_account) {
        Some(account_id) => account_id,
        // Some clients give the name alone.
        None if url == name && !name.is_empty() => context.account_id(),
        None => return Err(no_queue()),
    };
    Ok(QueueKey { account_id: account_id.to_owned(), region: context.region.clone(), name: name.to_owned() })
}
