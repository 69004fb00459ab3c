//! Where somebody reads a shard.

use aws_api::{error_response::ApiError, pagination, timestamp};

use super::{error::invalid_argument, limits};

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Iterator {
    /// The stream.
    pub arn: String,
    /// When that was made: one of the same name that came later is another. Unix time, milliseconds.
    pub created_ms: i64,
    /// The number of the shard.
    pub shard: u32,
    /// The place that is next.
    pub next: u64,
    /// When it was given: Unix time, milliseconds.
    pub given_ms: i64,
}

impl Iterator {
    pub(super) fn encode(&self) -> String {
        let Self { arn, created_ms, shard, next, given_ms } = self;
        pagination::encode(&format!("{created_ms}|{shard}|{next}|{given_ms}|{arn}"))
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none, or too old.
    pub(super) fn decode(text: &str, now_ms: i64) -> Result<Self, ApiError> {
        let iterator = pagination::decode(text).ok().and_then(|decoded| Self::parse(&decoded));
        let iterator = iterator.ok_or_else(|| invalid_argument("Invalid ShardIterator."))?;
        if now_ms - iterator.given_ms > limits::ITERATOR_MS {
            return Err(expired(iterator.given_ms, now_ms));
        }
        Ok(iterator)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '|');
        Some(Self {
            created_ms: parts.next()?.parse().ok()?,
            shard: parts.next()?.parse().ok()?,
            next: parts.next()?.parse().ok()?,
            given_ms: parts.next()?.parse().ok()?,
            arn: parts.next()?.to_owned(),
        })
    }
}

fn expired(given_ms: i64, now_ms: i64) -> ApiError {
    let shown = |at_ms: i64| timestamp::iso_milliseconds(at_ms);
    let why = format!(
        "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the future than the tolerated delay of {} milliseconds.",
        shown(given_ms),
        shown(now_ms),
        limits::ITERATOR_MS
    );
    ApiError::user("ExpiredIteratorException", 400, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_comes_back_as_it_was_and_not_for_ever() {
        let arn = "arn:aws:kinesis:r:1:stream/s".to_owned();
        let iterator = Iterator { arn, created_ms: 5, shard: 3, next: 7, given_ms: 1_000 };
        let text = iterator.encode();
        assert_eq!(Iterator::decode(&text, 1_000 + limits::ITERATOR_MS), Ok(iterator));
        let code = |text: &str, now_ms| Iterator::decode(text, now_ms).unwrap_err().code;
        assert_eq!(code(&text, 1_001 + limits::ITERATOR_MS), "ExpiredIteratorException");
        for text in ["", "x", &pagination::encode("1|2|3|4"), &pagination::encode("a|2|3|4|c")] {
            assert_eq!(code(text, 0), "InvalidArgumentException", "{text}");
        }
    }
}
