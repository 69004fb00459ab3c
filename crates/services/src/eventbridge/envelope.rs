//! An event as its rules see it (EventBridge user guide, structure of events).

use aws_api::{generated::events::types, timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use super::bus::BusKey;

/// The fields in AWS's order; the detail is as it was given.
#[derive(Serialize)]
pub(crate) struct Envelope<'a, D> {
    pub version: &'static str,
    pub id: &'a str,
    #[serde(rename = "detail-type")]
    pub detail_type: &'a str,
    pub source: &'a str,
    pub account: &'a str,
    pub time: String,
    pub region: &'a str,
    pub resources: &'a [String],
    pub detail: D,
}

/// What is wrong with an entry: code and words.
pub(super) type Wrong = (&'static str, &'static str);

/// Checks an entry; gives the event.
pub(super) fn event(
    entry: &types::PutEventsRequestEntry,
    bus: &BusKey,
    id: &str,
    now_ms: i64,
) -> Result<String, Wrong> {
    let (source, detail_type, detail) = said(entry)?;
    if source.starts_with("aws.") {
        return Err(("NotAuthorizedForSourceException", "Not authorized for the source."));
    }
    let malformed = ("MalformedDetail", "Detail is malformed.");
    let detail: &RawValue = serde_json::from_str(&detail).map_err(|_| malformed)?;
    if !detail.get().starts_with('{') {
        return Err(malformed);
    }
    let seconds = entry.time.map_or(now_ms.div_euclid(1_000), |time| time as i64);
    let envelope = Envelope {
        version: "0",
        id,
        detail_type: &detail_type,
        source: &source,
        account: &bus.account_id,
        time: timestamp::iso_seconds(seconds),
        region: &bus.region,
        resources: entry.resources.as_deref().unwrap_or_default(),
        detail,
    };
    serde_json::to_string(&envelope).map_err(|_| malformed)
}

/// What every entry must say.
fn said(entry: &types::PutEventsRequestEntry) -> Result<(String, String, String), Wrong> {
    const SOURCE: &str = "Parameter Source is not valid. Reason: Source is a required argument.";
    const DETAIL_TYPE: &str = "Parameter DetailType is not valid. Reason: DetailType is a required argument.";
    const DETAIL: &str = "Parameter Detail is not valid. Reason: Detail is a required argument.";
    let said = |value: &'_ Option<String>| value.as_ref().is_some_and(|text| !text.is_empty());
    let missing = [(&entry.source, SOURCE), (&entry.detail_type, DETAIL_TYPE), (&entry.detail, DETAIL)];
    if let Some((_, message)) = missing.into_iter().find(|(value, _)| !said(value)) {
        return Err(("InvalidArgument", message));
    }
    let text = |value: &Option<String>| value.as_deref().unwrap_or_default().to_owned();
    Ok((text(&entry.source), text(&entry.detail_type), text(&entry.detail)))
}

/// What counts of an entry, bytes (EventBridge user guide, calculating event entry size).
pub(super) fn bytes(entry: &types::PutEventsRequestEntry) -> usize {
    const TIME_BYTES: usize = 14;
    let text = |value: &Option<String>| value.as_ref().map_or(0, String::len);
    entry.time.map_or(0, |_| TIME_BYTES)
        + text(&entry.source)
        + text(&entry.detail_type)
        + text(&entry.detail)
        + entry.resources.iter().flatten().map(String::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: &str, detail: &str) -> types::PutEventsRequestEntry {
        types::PutEventsRequestEntry {
            source: Some(source.into()),
            detail_type: Some("t".into()),
            detail: Some(detail.into()),
            resources: Some(vec!["r".into()]),
            ..Default::default()
        }
    }

    #[test]
    fn an_entry_becomes_an_event_or_says_what_is_wrong() {
        let bus = BusKey { account_id: "000000000000".into(), region: "us-east-1".into(), name: "b".into() };
        let made = event(&entry("s", r#"{"n": 300.0}"#), &bus, "i", 0).unwrap();
        assert_eq!(
            made,
            r#"{"version":"0","id":"i","detail-type":"t","source":"s","account":"000000000000","time":"1970-01-01T00:00:00Z","region":"us-east-1","resources":["r"],"detail":{"n": 300.0}}"#
        );
        let code = |source: &str, detail: &str| event(&entry(source, detail), &bus, "i", 0).unwrap_err().0;
        assert_eq!(code("", "{}"), "InvalidArgument");
        assert_eq!(code("s", ""), "InvalidArgument");
        assert_eq!(code("aws.s3", "{}"), "NotAuthorizedForSourceException");
        for detail in ["{", "[]", "7", r#""text""#] {
            assert_eq!(code("s", detail), "MalformedDetail", "{detail}");
        }
        assert_eq!(bytes(&entry("source", "{}")), 6 + 1 + 2 + 1);
    }
}
