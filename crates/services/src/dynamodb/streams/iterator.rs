//! Where somebody reads a stream.

use aws_api::{error_response::ApiError, pagination};

/// How long an iterator can be used ("GetShardIterator").
const VALID_MS: i64 = 15 * 60 * 1_000;

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Iterator {
    /// The stream.
    pub arn: String,
    /// The record that is next, or will be.
    pub next: u64,
    /// When it was given: Unix time, milliseconds.
    pub given_ms: i64,
}

impl Iterator {
    pub(super) fn encode(&self) -> String {
        pagination::encode(&format!("{}|{}|{}", self.next, self.given_ms, self.arn))
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none, or too old.
    pub(super) fn decode(text: &str, now_ms: i64) -> Result<Self, ApiError> {
        let invalid = || ApiError::user("ValidationException", 400, "Invalid ShardIterator");
        let decoded = pagination::decode(text).map_err(|_| invalid())?;
        let mut parts = decoded.splitn(3, '|');
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok());
        let (next, given) = (number().ok_or_else(invalid)?, number().ok_or_else(invalid)?);
        let given_ms = i64::try_from(given).map_err(|_| invalid())?;
        let arn = parts.next().ok_or_else(invalid)?.to_owned();
        if now_ms - given_ms > VALID_MS {
            let why = "The shard iterator has expired. Shard iterators are only valid for 15 minutes";
            return Err(ApiError::user("ExpiredIteratorException", 400, why));
        }
        Ok(Self { arn, next, given_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_comes_back_as_it_was_and_not_for_ever() {
        let iterator =
            Iterator { arn: "arn:aws:dynamodb:r:1:table/t/stream/l".into(), next: 7, given_ms: 1_000 };
        let text = iterator.encode();
        assert_eq!(Iterator::decode(&text, 1_000 + VALID_MS), Ok(iterator));
        let code = |text: &str, now_ms| Iterator::decode(text, now_ms).unwrap_err().code;
        assert_eq!(code(&text, 1_001 + VALID_MS), "ExpiredIteratorException");
        for text in ["", "x", &pagination::encode("1|2"), &pagination::encode("a|2|c")] {
            assert_eq!(code(text, 0), "ValidationException", "{text}");
        }
    }
}
