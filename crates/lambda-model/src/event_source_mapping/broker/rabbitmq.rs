//! Messages of RabbitMQ, in the shape that Amazon MQ gives them.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// A message of a queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RabbitMessage {
    /// Whether it was given to somebody before.
    pub is_redelivered: bool,
    /// What it says.
    pub data: Bytes,
    /// Its properties.
    pub properties: BasicProperties,
}

/// What a message of AMQP 0-9-1 says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BasicProperties {
    /// Properties that are text, by their names in the event.
    pub texts: Vec<(&'static str, Option<String>)>,
    /// Its headers.
    pub headers: Map<String, Value>,
    /// 1, or 2 for one that is kept on disk.
    pub delivery_mode: Option<u8>,
    /// Its priority.
    pub priority: Option<u8>,
    /// When it was made: Unix time, seconds.
    pub timestamp_seconds: Option<i64>,
}

impl RabbitMessage {
    /// As a function gets it.
    pub fn json(&self) -> Value {
        let properties = &self.properties;
        let mut basic = json!({
            "headers": properties.headers,
            "deliveryMode": properties.delivery_mode,
            "priority": properties.priority,
            "timestamp": properties.timestamp_seconds.map(shown_time),
            "bodySize": self.data.len(),
        });
        for (name, text) in &properties.texts {
            basic[*name] = text.clone().into();
        }
        json!({
            "basicProperties": basic,
            "redelivered": self.is_redelivered,
            "data": BASE64_STANDARD.encode(&self.data),
        })
    }
}

/// The event of a batch.
pub fn event(broker_arn: &str, (queue, virtual_host): (&str, &str), messages: &[RabbitMessage]) -> String {
    let messages: Vec<Value> = messages.iter().map(RabbitMessage::json).collect();
    json!({
        "eventSource": "aws:rmq",
        "eventSourceArn": broker_arn,
        "rmqMessagesByQueue": { format!("{queue}::{virtual_host}"): messages },
    })
    .to_string()
}

/// The name of the broker in its ARN: `arn:aws:mq:REGION:ACCOUNT:broker:NAME:ID`.
pub fn broker_name(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "mq", _, _, "broker", name, _] => Some(name),
        _ => None,
    }
}

/// A text of a header is an object with its bytes, which have a sign.
pub fn header_of_text(text: &[u8]) -> Value {
    json!({ "bytes": text.iter().map(|byte| *byte as i8).collect::<Vec<_>>() })
}

/// `Jan 1, 1970, 12:33:41 AM`, in UTC, as Java writes it.
fn shown_time(seconds: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let iso = aws_api::timestamp::iso_seconds(seconds);
    let number = |range: core::ops::Range<usize>| iso.get(range).and_then(|part| part.parse::<usize>().ok());
    let (Some(year), Some(month), Some(day), Some(hour), Some(rest)) =
        (iso.get(..4), number(5..7), number(8..10), number(11..13), iso.get(13..19))
    else {
        return iso;
    };
    let name = MONTHS.get(month.saturating_sub(1)).copied().unwrap_or_default();
    let (half, hour) =
        (if hour < 12 { "AM" } else { "PM" }, if hour.is_multiple_of(12) { 12 } else { hour % 12 });
    format!("{name} {day}, {year}, {hour}{rest} {half}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_shape_of_amazon_mq() {
        let mut headers = Map::new();
        headers.insert("header1".into(), header_of_text(b"value1"));
        headers.insert("numberInHeader".into(), 10.into());
        let message = RabbitMessage {
            is_redelivered: false,
            data: Bytes::from_static(br#"{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}"#),
            properties: BasicProperties {
                texts: vec![("contentType", Some("text/plain".into())), ("contentEncoding", None)],
                headers,
                delivery_mode: Some(1),
                priority: Some(34),
                timestamp_seconds: Some(33 * 60 + 41),
            },
        };
        let arn = "arn:aws:mq:us-west-2:111122223333:broker:pizzaBroker:b-9bcfa592";
        let event: Value = serde_json::from_str(&event(arn, ("pizzaQueue", "/"), &[message])).unwrap();
        let expected = json!({
            "eventSource": "aws:rmq",
            "eventSourceArn": arn,
            "rmqMessagesByQueue": {
                "pizzaQueue::/": [{
                    "basicProperties": {
                        "contentType": "text/plain",
                        "contentEncoding": null,
                        "headers": {
                            "header1": {"bytes": [118, 97, 108, 117, 101, 49]},
                            "numberInHeader": 10,
                        },
                        "deliveryMode": 1,
                        "priority": 34,
                        "timestamp": "Jan 1, 1970, 12:33:41 AM",
                        "bodySize": 43,
                    },
                    "redelivered": false,
                    "data": "eyJ0aW1lb3V0IjowLCJkYXRhIjoiQ1pybWYwR3c4T3Y0YnFMUXhENEUifQ==",
                }],
            },
        });
        assert_eq!(event, expected);
        assert_eq!(broker_name(arn), Some("pizzaBroker"));
        assert_eq!(broker_name("arn:aws:mq:us-west-2:111122223333:broker"), None);
    }

    #[test]
    fn times_are_as_java_writes_them() {
        assert_eq!(shown_time(1_763_217_296), "Nov 15, 2025, 2:34:56 PM");
        assert_eq!(shown_time(43_200), "Jan 1, 1970, 12:00:00 PM");
    }
}
