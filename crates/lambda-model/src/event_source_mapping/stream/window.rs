//! Tumbling windows (K-07): records of a span of time, and a state that goes from one invocation to the next.

use aws_api::timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Bytes of a state at most; a larger one ends its window.
pub const STATE_BYTES_MAX: usize = 1 << 20;

/// A window that is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Unix time, milliseconds.
    pub start_ms: i64,
    /// The same of its end, which is not in it.
    pub end_ms: i64,
    /// What the function gave last; an empty object in the beginning.
    pub state: Value,
    /// Whether it ends before its time: its state has become too large.
    #[serde(default)]
    pub is_cut: bool,
    /// Failures of its last invocation, where that brings no records.
    #[serde(default)]
    pub failures: u32,
}

impl Window {
    /// The one of a time.
    pub fn of(arrived_ms: i64, seconds: i64) -> Self {
        let length = seconds.max(1).saturating_mul(1_000);
        let start_ms = arrived_ms.div_euclid(length).saturating_mul(length);
        let end_ms = start_ms.saturating_add(length);
        Self { start_ms, end_ms, state: Value::Object(Map::new()), is_cut: false, failures: 0 }
    }

    /// Whether a time is in it.
    pub fn holds(&self, arrived_ms: i64) -> bool {
        (self.start_ms..self.end_ms).contains(&arrived_ms)
    }

    /// What an event says of it beside its records.
    pub fn of_event(&self, (shard_id, stream_arn): (&str, &str), is_final: bool) -> Map<String, Value> {
        let shown = |at_ms: i64| timestamp::iso_seconds(at_ms.div_euclid(1_000));
        let members = json!({
            "window": {"start": shown(self.start_ms), "end": shown(self.end_ms)},
            "state": self.state,
            "shardId": shard_id,
            "eventSourceARN": stream_arn,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": self.is_cut,
        });
        members.as_object().cloned().unwrap_or_default()
    }

    /// Takes the state of a response; false when there is none, which is a failure.
    pub fn take_state(&mut self, response: &[u8]) -> bool {
        let response: Option<Value> = serde_json::from_slice(response).ok();
        let Some(state) = response.and_then(|mut response| response.get_mut("state").map(Value::take)) else {
            return false;
        };
        self.is_cut = state.to_string().len() > STATE_BYTES_MAX;
        self.state = state;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_07_windows_follow_each_other_from_the_beginning_of_time() {
        let window = Window::of(125_500, 60);
        assert_eq!((window.start_ms, window.end_ms), (120_000, 180_000));
        assert!(window.holds(120_000) && window.holds(179_999) && !window.holds(180_000));
        let event = window.of_event(("s", "arn"), true);
        assert_eq!(
            Value::Object(event),
            json!({
                "window": {"start": "1970-01-01T00:02:00Z", "end": "1970-01-01T00:03:00Z"},
                "state": {},
                "shardId": "s",
                "eventSourceARN": "arn",
                "isFinalInvokeForWindow": true,
                "isWindowTerminatedEarly": false,
            })
        );
    }

    #[test]
    fn k_07_a_response_has_a_state_and_no_large_one() {
        let mut window = Window::of(0, 1);
        for response in ["", "null", "{}", "[]", "7", r#"{"other": 1}"#] {
            assert!(!window.take_state(response.as_bytes()), "{response}");
        }
        assert!(window.take_state(br#"{"state": {"a": 1}, "batchItemFailures": []}"#));
        assert_eq!((&window.state, window.is_cut), (&json!({"a": 1}), false));
        let large = json!({"state": "x".repeat(STATE_BYTES_MAX)}).to_string();
        assert!(window.take_state(large.as_bytes()) && window.is_cut);
    }
}
