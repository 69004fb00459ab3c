//! Conditional requests (RFC 9110, section 13.2.2), and conditional writes.

use s3s::dto::{ETag, ETagCondition, Timestamp};
use store::s3::ObjectRecord;

use super::{
    error::{Refusal, refuse},
    objects::no_such_key,
};

/// The four conditions of a read.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// How a read goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Proceed,
    /// By this condition.
    NotModified(&'static str),
    /// By this condition.
    Failed(&'static str),
}

impl Conditions {
    /// Judges an object by its entity tag and its time, of which HTTP has whole seconds only.
    pub(super) fn judge(&self, etag: &str, last_modified_ms: i64) -> Verdict {
        let modified_after = |limit: &Timestamp| last_modified_ms.div_euclid(1000) > seconds(limit.clone());
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !matches(condition, etag) => return Verdict::Failed("If-Match"),
            (None, Some(limit)) if modified_after(limit) => {
                return Verdict::Failed("If-Unmodified-Since");
            }
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if matches(condition, etag) => Verdict::NotModified("If-None-Match"),
            (None, Some(limit)) if !modified_after(limit) => Verdict::NotModified("If-Modified-Since"),
            _ => Verdict::Proceed,
        }
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => value(tag) == etag,
    }
}

pub(super) fn value(tag: &ETag) -> &str {
    tag.value()
}

pub(super) fn seconds(timestamp: Timestamp) -> i64 {
    time_of(timestamp).0
}

/// Seconds since 1970, and whether there is a fraction.
fn time_of(timestamp: Timestamp) -> (i64, bool) {
    let mut text = Vec::new();
    let formatted = timestamp.format(s3s::dto::TimestampFormat::EpochSeconds, &mut text);
    let text = String::from_utf8(text).unwrap_or_default();
    let seconds: f64 = if formatted.is_ok() { text.parse().unwrap_or_default() } else { 0.0 };
    (seconds.floor() as i64, seconds.fract() != 0.0)
}

/// Conditions of a write on what is there now.
#[derive(Debug, Default)]
pub(super) struct WriteConditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    /// Whether the write of `key` may be, `current` being the newest version: a delete marker counts as nothing.
    pub(super) fn check(&self, key: &str, current: Option<&ObjectRecord>) -> Result<(), Refusal> {
        let content = current.and_then(|record| record.content.as_ref());
        if let Some(condition) = &self.if_match {
            let content = content.ok_or_else(|| no_such_key(key))?;
            if !matches(condition, &content.etag) {
                return Err(precondition_failed("If-Match"));
            }
        }
        match (&self.if_none_match, content) {
            (Some(condition), Some(content)) if matches(condition, &content.etag) => {
                Err(precondition_failed("If-None-Match"))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn precondition_failed(condition: &str) -> Refusal {
    refuse("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        .with("Condition", condition)
}
