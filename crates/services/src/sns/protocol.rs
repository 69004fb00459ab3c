//! The protocols of subscriptions: what an endpoint must look like, and who is asked first.

use aws_api::error_response::ApiError;

use super::{
    Handled, Sns,
    error::invalid,
    push::EndpointKey,
    sms::is_phone_number,
    topic::{FIFO_SUFFIX, TopicKey},
};
use crate::{service::not_implemented, sqs::queue::QueueKey};

/// Every protocol of SNS.
const PROTOCOLS: &[&str] =
    &["http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"];
/// Characters of an endpoint at most.
const ENDPOINT_MAX: usize = 2_048;

/// Whether those at the other end are asked whether they want it.
pub(super) fn is_asked_first(protocol: &str) -> bool {
    matches!(protocol, "http" | "https" | "email" | "email-json")
}

impl Sns {
    /// Checks where the messages of a topic are to go.
    pub(super) async fn check_endpoint(&self, key: &TopicKey, protocol: &str, endpoint: &str) -> Handled<()> {
        if !PROTOCOLS.contains(&protocol) {
            return Err(invalid(format!("Amazon SNS does not support this protocol string: {protocol}")));
        }
        if protocol != "sqs" && key.is_fifo() {
            return Err(invalid("Invalid parameter: Endpoint Reason: Please use FIFO SQS queue"));
        }
        match protocol {
            "sqs" => check_queue(key, endpoint),
            "lambda" => match aws_api::arn::FunctionName::parse(endpoint) {
                Some(name) if name.account_id.is_some() && name.region.is_some() => Ok(()),
                _ => Err(invalid("Lambda endpoint ARN")),
            },
            "http" | "https" => check_url(protocol, endpoint),
            "email" | "email-json" if is_address(endpoint) => Ok(()),
            "email" | "email-json" => Err(invalid("Email address")),
            "sms" if is_phone_number(endpoint) => Ok(()),
            "sms" => Err(invalid(format!("Invalid SMS endpoint: {endpoint}"))),
            "application" => {
                let device = EndpointKey::of_arn(endpoint);
                let device = device.ok_or_else(|| invalid("Application endpoint arn invalid"))?;
                let reason =
                    || invalid(format!("Endpoint Reason: Endpoint does not exist for endpoint {endpoint}"));
                self.endpoint_record(&device).await?.map(drop).ok_or_else(reason)
            }
            _ => Err(not_implemented("SNS", &format!("subscription with the protocol {protocol}"))),
        }
    }
}

fn check_queue(key: &TopicKey, endpoint: &str) -> Result<(), ApiError> {
    let queue = QueueKey::of_arn(endpoint).ok_or_else(|| invalid("SQS endpoint ARN"))?;
    match queue.name.ends_with(FIFO_SUFFIX) && !key.is_fifo() {
        true => Err(invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        )),
        false => Ok(()),
    }
}

/// An address of the web, of the protocol that it says.
fn check_url(protocol: &str, endpoint: &str) -> Result<(), ApiError> {
    let uri: http::Uri =
        endpoint.parse().map_err(|_| invalid(format!("Endpoint Reason: {endpoint} is no URL")))?;
    if uri.scheme_str() != Some(protocol) {
        return Err(invalid("Endpoint must match the specified protocol"));
    }
    match uri.host().is_some_and(|host| !host.is_empty()) && endpoint.len() <= ENDPOINT_MAX {
        true => Ok(()),
        false => Err(invalid(format!("Endpoint Reason: {endpoint} has no host"))),
    }
}

/// Something before and after one `@`, without blanks: the relay knows better.
fn is_address(text: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    text.len() <= ENDPOINT_MAX
        && text.split_once('@').is_some_and(|(name, host)| is_plain(name) && is_plain(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_what_their_protocols_say() {
        for (protocol, endpoint, right) in [
            ("http", "http://host:80/a?b=c", true),
            ("https", "https://host", true),
            ("http", "https://host", false),
            ("http", "http:///path", false),
            ("http", "host", false),
            ("http", "http://ho st/", false),
        ] {
            assert_eq!(check_url(protocol, endpoint).is_ok(), right, "{endpoint}");
        }
        assert!(is_address("a.b+c@example.com"));
        for wrong in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@b\r\nTo: d@e"] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
