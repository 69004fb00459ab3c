//! How often, and when, a message is offered again to a subscriber outside who did not take it (SNS developer guide, message delivery
//! retries).
//!
//! ```text
//! first attempt ─► at once ─► min apart ─► from min to max, as the function says ─► max apart ─► given up
//!                 numNoDelay  numMinDelay   numRetries less all the others          numMaxDelay
//! ```

use std::collections::BTreeMap;

use aws_api::error_response::ApiError;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::invalid;

/// Retries that a policy may ask for at most.
const RETRIES_MAX: u32 = 100;
/// Seconds that all waits of a policy may take together.
const SECONDS_MAX: u64 = 3_600;
/// Content types of bodies, whatever follows their `;`.
const CONTENT_TYPES: &[&str] = &[
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
];
/// What bodies are when nobody says.
pub(super) const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";

/// How the waits grow from the shortest to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Backoff {
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

/// When to try again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RetryPolicy {
    min_delay_target: u32,
    max_delay_target: u32,
    num_retries: u32,
    num_no_delay_retries: u32,
    num_min_delay_retries: u32,
    num_max_delay_retries: u32,
    backoff_function: Backoff,
}

impl Default for RetryPolicy {
    /// That of http(s).
    fn default() -> Self {
        Self {
            min_delay_target: 20,
            max_delay_target: 20,
            num_retries: 3,
            num_no_delay_retries: 0,
            num_min_delay_retries: 0,
            num_max_delay_retries: 0,
            backoff_function: Backoff::Linear,
        }
    }
}

/// How fast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ThrottlePolicy {
    max_receives_per_second: Option<u32>,
}

/// In what form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RequestPolicy {
    header_content_type: Option<String>,
}

/// What a subscription says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct OfSubscription {
    healthy_retry_policy: Option<RetryPolicy>,
    sickly_retry_policy: Option<RetryPolicy>,
    throttle_policy: Option<ThrottlePolicy>,
    request_policy: Option<RequestPolicy>,
}

/// What a topic says of its subscribers over http(s).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct OfHttp {
    default_healthy_retry_policy: Option<RetryPolicy>,
    default_sickly_retry_policy: Option<RetryPolicy>,
    default_throttle_policy: Option<ThrottlePolicy>,
    default_request_policy: Option<RequestPolicy>,
    disable_subscription_overrides: bool,
}

/// What a topic says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OfTopic {
    http: OfHttp,
}

/// What holds for one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeliveryPolicy {
    pub retry: RetryPolicy,
    pub receives_per_second_max: Option<u32>,
    pub content_type: String,
}

impl RetryPolicy {
    /// That of mail, text messages and mobile push, which nobody can change.
    pub(super) fn of_customers() -> Self {
        Self {
            min_delay_target: 10,
            max_delay_target: 600,
            num_retries: 50,
            num_no_delay_retries: 0,
            num_min_delay_retries: 2,
            num_max_delay_retries: 38,
            backoff_function: Backoff::Exponential,
        }
    }

    /// The wait after so many failures (one at least), milliseconds; `None`: it is given up.
    pub(super) fn wait_ms(&self, failures: u32) -> Option<i64> {
        let index = failures.checked_sub(1).filter(|index| *index < self.num_retries)?;
        Some(i64::from(self.wait_seconds(index)) * 1_000)
    }

    /// Before the retry of that number, which is one of them.
    fn wait_seconds(&self, index: u32) -> u32 {
        let Some(index) = index.checked_sub(self.num_no_delay_retries) else { return 0 };
        let Some(index) = index.checked_sub(self.num_min_delay_retries) else {
            return self.min_delay_target;
        };
        let steps = self.backoff_retries();
        if index >= steps {
            return self.max_delay_target;
        }
        self.between(index, steps)
    }

    /// Step `index` of so many from the shortest wait to the longest. AWS shows the functions as curves, without formulas.
    fn between(&self, index: u32, steps: u32) -> u32 {
        if steps < 2 {
            return self.min_delay_target;
        }
        let (min, max) = (f64::from(self.min_delay_target), f64::from(self.max_delay_target));
        let (at, last) = (f64::from(index), f64::from(steps - 1));
        let part = match self.backoff_function {
            Backoff::Linear => at / last,
            Backoff::Arithmetic => at * (at + 1.0) / (last * (last + 1.0)),
            Backoff::Geometric => (at.exp2() - 1.0) / (last.exp2() - 1.0),
            Backoff::Exponential => return (min * (max / min).powf(at / last)).round() as u32,
        };
        (min + (max - min) * part).round() as u32
    }

    fn backoff_retries(&self) -> u32 {
        let others = self.num_no_delay_retries + self.num_min_delay_retries + self.num_max_delay_retries;
        self.num_retries.saturating_sub(others)
    }

    fn check(&self) -> Result<(), ApiError> {
        let wrong = |what: &str| Err(invalid(format!("DeliveryPolicy: {what}")));
        let counts = [self.num_no_delay_retries, self.num_min_delay_retries, self.num_max_delay_retries];
        if self.num_retries > RETRIES_MAX {
            return wrong("numRetries must be less than or equal to 100");
        }
        if counts.iter().map(|count| u64::from(*count)).sum::<u64>() > u64::from(self.num_retries) {
            return wrong("numRetries must be at least the sum of the retries of its phases");
        }
        if self.min_delay_target < 1 || self.min_delay_target > self.max_delay_target {
            return wrong("minDelayTarget must be at least 1 and at most maxDelayTarget");
        }
        let waits = (0..self.num_retries).map(|index| u64::from(self.wait_seconds(index)));
        if u64::from(self.max_delay_target) > SECONDS_MAX || waits.sum::<u64>() > SECONDS_MAX {
            return wrong("the total time of all retries must be less than or equal to 3600 seconds");
        }
        Ok(())
    }

    fn as_json(&self) -> Value {
        json!({
            "minDelayTarget": self.min_delay_target,
            "maxDelayTarget": self.max_delay_target,
            "numRetries": self.num_retries,
            "numMaxDelayRetries": self.num_max_delay_retries,
            "numNoDelayRetries": self.num_no_delay_retries,
            "numMinDelayRetries": self.num_min_delay_retries,
            "backoffFunction": match self.backoff_function {
                Backoff::Linear => "linear",
                Backoff::Arithmetic => "arithmetic",
                Backoff::Geometric => "geometric",
                Backoff::Exponential => "exponential",
            },
        })
    }
}

impl DeliveryPolicy {
    /// From the attributes of a subscription and its topic, which were checked.
    pub(super) fn of(subscription: &BTreeMap<String, String>, topic: &BTreeMap<String, String>) -> Self {
        let http = set::<OfTopic>(topic).unwrap_or_default().http;
        let own = set::<OfSubscription>(subscription).filter(|_| !http.disable_subscription_overrides);
        let own = own.unwrap_or_default();
        let throttle = own.throttle_policy.or(http.default_throttle_policy).unwrap_or_default();
        let request = own.request_policy.or(http.default_request_policy).unwrap_or_default();
        Self {
            retry: own.healthy_retry_policy.or(http.default_healthy_retry_policy).unwrap_or_default(),
            receives_per_second_max: throttle.max_receives_per_second,
            content_type: request.header_content_type.unwrap_or_else(|| CONTENT_TYPE.into()),
        }
    }

    /// As `EffectiveDeliveryPolicy` of a subscription.
    pub(super) fn shown_of_subscription(&self) -> String {
        json!({
            "healthyRetryPolicy": self.retry.as_json(),
            "sicklyRetryPolicy": null,
            "throttlePolicy": self.throttle(),
            "requestPolicy": {"headerContentType": self.content_type},
            "guaranteed": false,
        })
        .to_string()
    }

    /// As `EffectiveDeliveryPolicy` of a topic.
    pub(super) fn shown_of_topic(&self, attributes: &BTreeMap<String, String>) -> String {
        let http = set::<OfTopic>(attributes).unwrap_or_default().http;
        let mut shown = json!({
            "defaultHealthyRetryPolicy": self.retry.as_json(),
            "disableSubscriptionOverrides": http.disable_subscription_overrides,
            "defaultRequestPolicy": {"headerContentType": self.content_type},
        });
        if let Some(rate) = self.receives_per_second_max {
            shown["defaultThrottlePolicy"] = json!({"maxReceivesPerSecond": rate});
        }
        json!({"http": shown}).to_string()
    }

    fn throttle(&self) -> Value {
        self.receives_per_second_max.map_or(Value::Null, |rate| json!({"maxReceivesPerSecond": rate}))
    }
}

fn set<T: for<'de> Deserialize<'de>>(attributes: &BTreeMap<String, String>) -> Option<T> {
    serde_json::from_str(attributes.get("DeliveryPolicy")?).ok()
}

/// Checks what is to be set for a subscription.
pub(super) fn check_of_subscription(text: &str) -> Result<(), ApiError> {
    let policy: OfSubscription = parsed(text)?;
    let retries = [policy.healthy_retry_policy, policy.sickly_retry_policy];
    check(&retries, policy.throttle_policy, policy.request_policy)
}

/// Checks what is to be set for a topic.
pub(super) fn check_of_topic(text: &str) -> Result<(), ApiError> {
    let http = parsed::<OfTopic>(text)?.http;
    let retries = [http.default_healthy_retry_policy, http.default_sickly_retry_policy];
    check(&retries, http.default_throttle_policy, http.default_request_policy)
}

/// Of an object, which an array is not.
fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, ApiError> {
    let object = serde_json::from_str::<Map<String, Value>>(text);
    let policy = object.and_then(|object| serde_json::from_value(Value::Object(object)));
    policy.map_err(|error| invalid(format!("DeliveryPolicy: {error}")))
}

fn check(
    retries: &[Option<RetryPolicy>],
    throttle: Option<ThrottlePolicy>,
    request: Option<RequestPolicy>,
) -> Result<(), ApiError> {
    retries.iter().flatten().try_for_each(RetryPolicy::check)?;
    if throttle.unwrap_or_default().max_receives_per_second == Some(0) {
        return Err(invalid("DeliveryPolicy: throttlePolicy.maxReceivesPerSecond must be at least 1"));
    }
    let content_type = request.and_then(|request| request.header_content_type);
    let is_known = |text: &String| {
        let kind = text.split(';').next().unwrap_or_default().trim();
        CONTENT_TYPES.contains(&kind) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    match content_type {
        Some(text) if !is_known(&text) => Err(invalid(format!(
            "DeliveryPolicy: requestPolicy.headerContentType: {text} is not a supported content type"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(policy: &RetryPolicy) -> Vec<i64> {
        (1..).map_while(|failures| policy.wait_ms(failures)).map(|wait| wait / 1_000).collect()
    }

    fn of(subscription: &str, topic: &str) -> DeliveryPolicy {
        let set = |text: &str| match text {
            "" => BTreeMap::new(),
            text => [("DeliveryPolicy".to_owned(), text.to_owned())].into(),
        };
        DeliveryPolicy::of(&set(subscription), &set(topic))
    }

    #[test]
    fn http_is_tried_four_times_when_nobody_says() {
        let policy = of("", "");
        assert_eq!(waits(&policy.retry), [20, 20, 20]);
        assert_eq!((policy.receives_per_second_max, policy.content_type.as_str()), (None, CONTENT_TYPE));
    }

    #[test]
    fn mail_is_tried_for_six_hours() {
        let waits = waits(&RetryPolicy::of_customers());
        assert_eq!((waits.len(), waits[..3].to_vec()), (50, vec![10, 10, 10]));
        assert_eq!(waits[12..], [600; 38]);
        assert!(
            waits.is_sorted() && (6 * 3_600..8 * 3_600).contains(&waits.iter().sum::<i64>()),
            "{waits:?}"
        );
    }

    #[test]
    fn phases_follow_each_other_and_every_function_leads_from_the_shortest_wait_to_the_longest() {
        for function in ["linear", "arithmetic", "geometric", "exponential"] {
            let text = format!(
                r#"{{"healthyRetryPolicy": {{"minDelayTarget": 2, "maxDelayTarget": 60, "numRetries": 12,
                    "numNoDelayRetries": 3, "numMinDelayRetries": 2, "numMaxDelayRetries": 2,
                    "backoffFunction": "{function}"}}}}"#
            );
            check_of_subscription(&text).unwrap();
            let waits = waits(&of(&text, "").retry);
            assert_eq!(waits[..6], [0, 0, 0, 2, 2, 2], "{function}");
            assert_eq!(waits[9..], [60, 60, 60], "{function}");
            assert!(waits.is_sorted() && waits[6] > 2, "{function}: {waits:?}");
        }
    }

    #[test]
    fn a_topic_speaks_for_its_subscriptions_and_may_forbid_them_their_own() {
        let topic = r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 1},
            "defaultThrottlePolicy": {"maxReceivesPerSecond": 5}}}"#;
        let own = r#"{"healthyRetryPolicy": {"numRetries": 2}, "requestPolicy": {"headerContentType": "text/xml"}}"#;
        assert_eq!(waits(&of("", topic).retry).len(), 1);
        let both = of(own, topic);
        assert_eq!((waits(&both.retry).len(), both.receives_per_second_max), (2, Some(5)));
        assert_eq!(both.content_type, "text/xml");
        let alone = topic.replacen("{\"http\": {", "{\"http\": {\"disableSubscriptionOverrides\": true, ", 1);
        assert_eq!(
            (waits(&of(own, &alone).retry).len(), of(own, &alone).content_type.as_str()),
            (1, CONTENT_TYPE)
        );
    }

    #[test]
    fn policies_that_cannot_be_kept_are_refused() {
        for text in [
            "[]",
            r#"{"other": 1}"#,
            r#"{"healthyRetryPolicy": {"numRetries": 101}}"#,
            r#"{"healthyRetryPolicy": {"numRetries": -1}}"#,
            r#"{"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 3}}"#,
            r#"{"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 4294967295}}"#,
            r#"{"healthyRetryPolicy": {"minDelayTarget": 30}}"#,
            r#"{"healthyRetryPolicy": {"minDelayTarget": 0}}"#,
            r#"{"healthyRetryPolicy": {"maxDelayTarget": 3600, "numRetries": 3}}"#,
            r#"{"healthyRetryPolicy": {"backoffFunction": "cubic"}}"#,
            r#"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#,
            r#"{"requestPolicy": {"headerContentType": "image/png"}}"#,
            "{\"requestPolicy\": {\"headerContentType\": \"text/xml; a=\\r\\nX: y\"}}",
        ] {
            assert!(check_of_subscription(text).is_err(), "{text}");
        }
        assert!(check_of_topic(r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}}"#).is_err());
    }
}
