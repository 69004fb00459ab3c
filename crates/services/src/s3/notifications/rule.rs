//! Whom a bucket tells of what.

use serde::{Deserialize, Serialize};
use store::s3::BucketRecord;

use super::EventName;
use crate::s3::error::{Refusal, refuse};

/// The name of the setting.
pub(super) const SETTING: &str = "notification";

/// One of the configurations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    /// Unique in the bucket.
    pub id: String,
    /// ARN of a queue, a topic or a function.
    pub target: String,
    /// Such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// On keys; `None` where nothing was said of them.
    pub filter: Option<Vec<KeyFilter>>,
}

/// A condition on a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyFilter {
    /// Whether it is about the key's beginning, else about its end.
    pub is_prefix: bool,
    /// What is there.
    pub value: String,
}

impl Rule {
    /// What a key must begin with, and end with.
    pub(super) fn prefix_and_suffix(&self) -> (&str, &str) {
        let value = |is_prefix: bool| {
            let mut filters = self.filter.iter().flatten();
            filters.find(|filter| filter.is_prefix == is_prefix).map_or("", |filter| filter.value.as_str())
        };
        (value(true), value(false))
    }

    /// Whether it is told of this.
    pub(super) fn wants(&self, event: EventName, key: &str) -> bool {
        let (prefix, suffix) = self.prefix_and_suffix();
        let is_of_event = self.events.iter().any(|wanted| covers(wanted, &format!("s3:{}", event.text())));
        is_of_event && key.starts_with(prefix) && key.ends_with(suffix)
    }

    /// Whether something could happen that both are told of.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let shares_event = self
            .events
            .iter()
            .any(|one| other.events.iter().any(|another| covers(one, another) || covers(another, one)));
        let ((prefix, suffix), (other_prefix, other_suffix)) =
            (self.prefix_and_suffix(), other.prefix_and_suffix());
        shares_event
            && (prefix.starts_with(other_prefix) || other_prefix.starts_with(prefix))
            && (suffix.ends_with(other_suffix) || other_suffix.ends_with(suffix))
    }
}

/// Whether the name of an event, or of several with `*` at its end, covers another.
fn covers(wanted: &str, name: &str) -> bool {
    wanted == name || wanted.strip_suffix('*').is_some_and(|start| name.starts_with(start))
}

/// Those of a bucket.
pub(super) fn of(bucket: &BucketRecord) -> Result<Vec<Rule>, Refusal> {
    let Some(rules) = bucket.settings.get(SETTING) else { return Ok(Vec::new()) };
    serde_json::from_value(rules.clone())
        .map_err(|_| refuse("InternalError", "A setting of the bucket is damaged."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(events: &[&str], filters: &[(bool, &str)]) -> Rule {
        let filter =
            |(is_prefix, value): &(bool, &str)| KeyFilter { is_prefix: *is_prefix, value: (*value).into() };
        Rule {
            id: "i".into(),
            target: "arn:aws:sqs:us-east-1:000000000000:q".into(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            filter: Some(filters.iter().map(filter).collect()),
        }
    }

    #[test]
    fn a_rule_wants_events_of_keys() {
        let of_photos = rule(&["s3:ObjectCreated:*"], &[(true, "photos/"), (false, ".jpg")]);
        assert!(of_photos.wants(EventName::Put, "photos/a.jpg"));
        assert!(of_photos.wants(EventName::Copy, "photos/a.jpg"));
        assert!(!of_photos.wants(EventName::Delete, "photos/a.jpg"));
        assert!(!of_photos.wants(EventName::Put, "photos/a.png"));
        assert!(!of_photos.wants(EventName::Put, "a.jpg"));
        assert!(rule(&["s3:ObjectTagging:Put"], &[]).wants(EventName::TaggingPut, "a"));
        assert!(!rule(&["s3:ObjectTagging:Put"], &[]).wants(EventName::TaggingDelete, "a"));
    }

    #[test]
    fn rules_overlap_where_one_event_could_be_for_both() {
        let all = rule(&["s3:ObjectCreated:*"], &[]);
        let put = |filters: &[(bool, &str)]| rule(&["s3:ObjectCreated:Put"], filters);
        assert!(all.overlaps(&put(&[])) && put(&[(true, "a")]).overlaps(&all));
        assert!(!all.overlaps(&rule(&["s3:ObjectRemoved:*"], &[])));
        assert!(!put(&[(true, "a/")]).overlaps(&put(&[(true, "b/")])));
        assert!(put(&[(true, "a/")]).overlaps(&put(&[(true, "a/b")])));
        assert!(!put(&[(true, "a/"), (false, ".jpg")]).overlaps(&put(&[(true, "a/"), (false, ".png")])));
        assert!(put(&[(true, "a/"), (false, ".jpg")]).overlaps(&put(&[(false, "jpg")])));
    }
}
