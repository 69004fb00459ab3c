//! Queues of an SQS elsewhere, for event source mappings.

use std::{collections::HashMap, sync::Arc, sync::Mutex, sync::PoisonError, time::Duration};

use aws_api::{
    generated::sqs::types,
    protocol::{aws_json, query_compatible},
    sigv4::payload_hash,
};
use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, Method, StatusCode, header::HeaderValue};
use lambda_model::ports::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Passed, Payload, ServiceEndpoint, ServiceEndpoints};
use crate::event_source_mappings::{QueueSource, Wanted, in_words_of_sqs};

/// An answer has ten messages of a megabyte at most, each character escaped.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A poll is not cut short, and so no longer than this.
const WAIT_SECONDS_MAX: u64 = 5;

/// Queues of the SQS that `endpoints` names, or of `own` where it names none.
pub(crate) struct MappedQueues {
    pub endpoints: Arc<ServiceEndpoints>,
    pub own: Arc<dyn QueueSource>,
    /// URLs by ARNs, as the endpoint has told them.
    pub urls: Mutex<HashMap<String, String>>,
}

impl QueueSource for MappedQueues {
    fn receive<'a>(
        &'a self,
        queue_arn: &'a str,
        wanted: Wanted,
        stop: &'a watch::Receiver<bool>,
    ) -> BoxFuture<'a, Result<Vec<types::Message>, String>> {
        match self.endpoints.of("sqs") {
            None => self.own.receive(queue_arn, wanted, stop),
            Some(endpoint) => Box::pin(self.receive_from(endpoint, queue_arn, wanted)),
        }
    }

    fn delete<'a>(&'a self, queue_arn: &'a str, handles: Vec<String>) -> BoxFuture<'a, Result<(), String>> {
        match self.endpoints.of("sqs") {
            None => self.own.delete(queue_arn, handles),
            Some(endpoint) => Box::pin(self.delete_at(endpoint, queue_arn, handles)),
        }
    }

    fn visibility_seconds<'a>(&'a self, queue_arn: &'a str) -> BoxFuture<'a, Result<i64, String>> {
        match self.endpoints.of("sqs") {
            None => self.own.visibility_seconds(queue_arn),
            Some(endpoint) => Box::pin(self.visibility_at(endpoint, queue_arn)),
        }
    }
}

impl MappedQueues {
    async fn receive_from(
        &self,
        endpoint: &ServiceEndpoint,
        queue_arn: &str,
        wanted: Wanted,
    ) -> Result<Vec<types::Message>, String> {
        let asked = json!({
            "QueueUrl": self.url(endpoint, queue_arn).await?,
            "MaxNumberOfMessages": wanted.messages_max,
            "VisibilityTimeout": wanted.visibility_seconds,
            "WaitTimeSeconds": wanted.wait.min(Duration::from_secs(WAIT_SECONDS_MAX)).as_secs(),
            "MessageAttributeNames": ["All"],
            "AttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All"],
        });
        let answer: types::ReceiveMessageResult =
            self.ask(endpoint, queue_arn, "ReceiveMessage", asked).await?;
        Ok(answer.messages.unwrap_or_default())
    }

    async fn delete_at(
        &self,
        endpoint: &ServiceEndpoint,
        queue_arn: &str,
        handles: Vec<String>,
    ) -> Result<(), String> {
        let entries = handles.iter().enumerate();
        let entries: Vec<_> = entries
            .map(|(index, handle)| json!({"Id": index.to_string(), "ReceiptHandle": handle}))
            .collect();
        let asked = json!({"QueueUrl": self.url(endpoint, queue_arn).await?, "Entries": entries});
        let answer: types::DeleteMessageBatchResult =
            self.ask(endpoint, queue_arn, "DeleteMessageBatch", asked).await?;
        match answer.failed.unwrap_or_default().first() {
            None => Ok(()),
            Some(failed) => Err(failed.message.clone().or_else(|| failed.code.clone()).unwrap_or_default()),
        }
    }

    async fn visibility_at(&self, endpoint: &ServiceEndpoint, queue_arn: &str) -> Result<i64, String> {
        let asked = json!({
            "QueueUrl": self.url(endpoint, queue_arn).await?,
            "AttributeNames": ["VisibilityTimeout"],
        });
        let answer: types::GetQueueAttributesResult =
            self.ask(endpoint, queue_arn, "GetQueueAttributes", asked).await?;
        let seconds = answer.attributes.unwrap_or_default();
        let seconds = seconds.get("VisibilityTimeout").and_then(|seconds| seconds.parse().ok());
        seconds.ok_or_else(|| "the endpoint does not tell how long the queue hides messages".into())
    }

    /// The URL of a queue at the endpoint.
    async fn url(&self, endpoint: &ServiceEndpoint, queue_arn: &str) -> Result<String, String> {
        if let Some(url) = self.urls.lock().unwrap_or_else(PoisonError::into_inner).get(queue_arn) {
            return Ok(url.clone());
        }
        let mut parts = queue_arn.split(':').skip(4);
        let (account, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let asked = json!({"QueueName": name, "QueueOwnerAWSAccountId": account});
        let answer: types::GetQueueUrlResult = self.ask(endpoint, queue_arn, "GetQueueUrl", asked).await?;
        let url = answer.queue_url.unwrap_or_default();
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        urls.insert(queue_arn.to_owned(), url.clone());
        Ok(url)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        endpoint: &ServiceEndpoint,
        queue_arn: &str,
        operation: &str,
        asked: Value,
    ) -> Result<T, String> {
        let body = asked.to_string();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(aws_json::VERSION_1_0));
        let target = HeaderValue::from_str(&format!("AmazonSQS.{operation}"));
        headers.insert(aws_json::TARGET, target.map_err(|error| error.to_string())?);
        let passed = Passed {
            method: Method::POST,
            path: "/".into(),
            query: String::new(),
            headers,
            payload: Payload { hash: payload_hash(body.as_bytes()), body: s3s::Body::from(body) },
            region: queue_arn.split(':').nth(3).unwrap_or_default().to_owned(),
            wants_xml: false,
        };
        let response = self.endpoints.pass_on(endpoint, passed).await;
        let status = response.status();
        let read = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = read.map_err(|error| error.to_string())?.to_bytes();
        match status {
            StatusCode::OK => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            _ => Err(refusal(status, &bytes)),
        }
    }
}

/// As Lambda tells of what SQS has refused.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |names: &[&str]| names.iter().find_map(|name| answer[*name].as_str()).map(str::to_owned);
    let code = member(&["__type"]).unwrap_or_else(|| status.as_u16().to_string());
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = match code {
        "QueueDoesNotExist" => query_compatible::code("QueueDoesNotExist"),
        other => other,
    };
    in_words_of_sqs(code, &member(&["message", "Message"]).unwrap_or_else(|| status.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_as_lambda_tells_them() {
        let body = br#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."}"#;
        assert_eq!(
            refusal(StatusCode::BAD_REQUEST, body),
            "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist."
        );
        assert!(refusal(StatusCode::BAD_GATEWAY, b"<html>").contains("502"));
    }
}
