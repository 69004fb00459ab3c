//! `GET /_lambent/logs?account=..&region=..&function=..&follow=..`: what a function printed, as text; with `follow` the answer goes
//! on until the reader leaves.

use std::time::Duration;

use aws_api::arn::FunctionName;
use bytes::Bytes;
use http_body_util::{
    Either,
    channel::{Channel, Sender},
};
use hyper::{Response, StatusCode, header};
use lambda_model::{error::with_causes, function::FunctionKey};
use percent_encoding::percent_decode_str;
use serde_json::json;
use store::{FunctionLogs, LogPosition};

use super::Admin;
use crate::{
    http::{self, HttpRequest, HttpResponse},
    identity,
};

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
        if !self.lambda.catalog.contains(&key) && !self.logs.exist(&key) {
            return http::json(
                StatusCode::NOT_FOUND,
                &json!({"message": format!("Function not found: {}", key.arn())}),
            );
        }
        let follow = parameter(&request.query, "follow").as_deref() == Some("true");
        let (sender, body) = Channel::new(1);
        let copy = copy(self.logs.clone(), key, follow, sender);
        let mut stopped = self.stopped.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = copy => {}
                // A follower must not hold up the end of the server.
                _ = stopped.wait_for(|stopped| *stopped), if follow => {}
            }
        });
        let mut response = Response::new(Either::Right(Either::Left(body)));
        let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// Sends what there is, and goes on if asked. Ends when the reader is gone.
async fn copy(logs: FunctionLogs, key: FunctionKey, follow: bool, mut sender: Sender<Bytes>) {
    let mut position = LogPosition::new();
    loop {
        let (source, key, from) = (logs.clone(), key.clone(), std::mem::take(&mut position));
        let read = tokio::task::spawn_blocking(move || {
            // What was printed before the question is part of the answer.
            source.settle();
            source.read(&key, from)
        });
        let chunk = match read.await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                return tracing::error!(error = with_causes(&error), "function log not read");
            }
            Err(_) => return,
        };
        position = chunk.position;
        if chunk.bytes.is_empty() {
            if !follow {
                return;
            }
            // Also finds out whether the reader is still there.
            if sender.send_data(Bytes::new()).await.is_err() {
                return;
            }
            tokio::time::sleep(FOLLOW_PAUSE).await;
        } else if sender.send_data(chunk.bytes.into()).await.is_err() {
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
