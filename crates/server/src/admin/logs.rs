//! `GET /_lambent/logs?account=..&region=..&function=..&follow=..`: what a function printed, as text; with `follow` the answer goes
//! on until the reader leaves.

use std::{sync::Arc, time::Duration};

use aws_api::arn::FunctionName;
use bytes::Bytes;
use hyper::StatusCode;
use lambda_model::{error::with_causes, function::FunctionKey};
use percent_encoding::percent_decode_str;
use serde_json::json;
use store::{LogGroupKey, Logs, StoreError, StreamSelection};

use super::Admin;
use crate::{
    http::{self, HttpRequest, HttpResponse},
    identity,
    pieces::PieceSender,
};

/// What readers of these pages get.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
/// Text that is sent at a time, bytes.
const CHUNK_BYTES_MAX: usize = 1024 * 1024;
/// The pause of a follower that has read everything.
pub(super) const FOLLOW_PAUSE: Duration = Duration::from_millis(100);

impl Admin {
    pub(super) async fn read_logs(&self, request: &HttpRequest) -> HttpResponse {
        let Some(key) = function_of(&request.query) else {
            return http::json(
                StatusCode::BAD_REQUEST,
                &json!({"message": "account, region and function are needed"}),
            );
        };
        let group = self.lambda.catalog.log_group(&key);
        let source = Source::of(&key, group.clone());
        if group.is_none() && !self.is_there(&source.group).await {
            return http::json(
                StatusCode::NOT_FOUND,
                &json!({"message": format!("Function not found: {}", key.arn())}),
            );
        }
        let follow = parameter(&request.query, "follow").as_deref() == Some("true");
        let (sender, response) = http::response_in_pieces(TEXT);
        let copy = copy(self.logs.clone(), source, follow, sender);
        let mut stopped = self.stopped.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = copy => {}
                // A follower must not hold up the end of the server.
                _ = stopped.wait_for(|stopped| *stopped), if follow => {}
            }
        });
        response
    }

    /// Whether a function that is gone has left lines; those that still wait to be written count.
    async fn is_there(&self, group: &LogGroupKey) -> bool {
        let (logs, group) = (self.logs.clone(), group.clone());
        let looked = tokio::task::spawn_blocking(move || {
            logs.settle();
            logs.group(&group).is_some()
        });
        looked.await.unwrap_or(false)
    }
}

/// Where a function's lines are.
struct Source {
    group: LogGroupKey,
    streams: StreamSelection,
}

impl Source {
    /// In its own group, or in one that its settings name and that others may use too.
    fn of(key: &FunctionKey, group: Option<String>) -> Self {
        let own = key.log_group();
        let name = group.unwrap_or_else(|| own.clone());
        let streams = if name == own {
            StreamSelection::All
        } else {
            StreamSelection::Containing(format!("/{}[", key.name))
        };
        let group = LogGroupKey { account_id: key.account_id.clone(), region: key.region.clone(), name };
        Self { group, streams }
    }

    /// Text of events that have come since `from`, and which comes next.
    fn read(&self, logs: &Logs, from: u64) -> Result<(Vec<u8>, u64), StoreError> {
        let Some(read) = logs.read_from(&self.group, from, &self.streams, CHUNK_BYTES_MAX) else {
            return Ok((Vec::new(), from));
        };
        let (events, next) = read?;
        Ok((events.into_iter().flat_map(|event| event.message.into_bytes()).collect(), next))
    }
}

/// Sends what there is, and goes on if asked. Ends when the reader is gone.
async fn copy(logs: Logs, source: Source, follow: bool, sender: PieceSender) {
    let source = Arc::new(source);
    let mut next = 0;
    loop {
        let (logs, source) = (logs.clone(), Arc::clone(&source));
        let read = tokio::task::spawn_blocking(move || {
            // What was printed before the question is part of the answer.
            logs.settle();
            source.read(&logs, next)
        });
        let bytes = match read.await {
            Ok(Ok((bytes, then))) => {
                next = then;
                bytes
            }
            Ok(Err(error)) => {
                return tracing::error!(error = with_causes(&error), "function log not read");
            }
            Err(_) => return,
        };
        if bytes.is_empty() {
            if !follow {
                return;
            }
            // Also finds out whether the reader is still there.
            if sender.send(Bytes::new()).await.is_err() {
                return;
            }
            tokio::time::sleep(FOLLOW_PAUSE).await;
        } else if sender.send(bytes.into()).await.is_err() {
            return;
        }
    }
}

/// A parameter of a query, decoded.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    percent_decode_str(pair).decode_utf8().ok().map(Into::into)
}

/// The function that a query names.
pub(super) fn function_of(query: &str) -> Option<FunctionKey> {
    key(parameter(query, "account"), parameter(query, "region"), parameter(query, "function"))
}

/// The names become a path in the data directory: only what can be a function's is taken.
fn key(account: Option<String>, region: Option<String>, function: Option<String>) -> Option<FunctionKey> {
    let (account_id, region) = (account?, region?);
    let name = FunctionName::parse(&function?)?.name;
    let plain = identity::is_account_id(&account_id) && identity::is_region(&region);
    plain.then_some(FunctionKey { account_id, region, name })
}

#[cfg(test)]
mod tests {
    use super::{key, parameter};

    fn is_taken(account: &str, region: &str, function: &str) -> bool {
        key(Some(account.into()), Some(region.into()), Some(function.into())).is_some()
    }

    #[test]
    fn only_names_of_functions_become_paths() {
        assert!(is_taken("000000000000", "us-east-1", "my_function-1"));
        for (account, region, function) in [
            ("..", "us-east-1", "f"),
            ("00000000000x", "us-east-1", "f"),
            ("000000000000", "..", "f"),
            ("000000000000", "us/east", "f"),
            ("000000000000", "us-east-1", ".."),
            ("000000000000", "us-east-1", "a/b"),
            ("000000000000", "us-east-1", ""),
        ] {
            assert!(!is_taken(account, region, function), "{account} {region} {function}");
        }
        assert!(key(None, Some("us-east-1".into()), Some("f".into())).is_none());
    }

    #[test]
    fn parameters_are_decoded() {
        let query = "account=1&function=a%2Fb&follow=true";
        assert_eq!(parameter(query, "function").as_deref(), Some("a/b"));
        assert_eq!(parameter(query, "follow").as_deref(), Some("true"));
        assert_eq!(parameter(query, "region"), None);
    }
}
