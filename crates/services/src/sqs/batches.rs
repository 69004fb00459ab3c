//! What the entries of every batch keep to.

use std::collections::BTreeSet;

use aws_api::{error_response::ApiError, generated::sqs::types, protocol::query_compatible};

/// Entries of a batch at most (SQS quotas).
const ENTRIES_MAX: usize = 10;
/// Characters of an entry's id at most (SQS quotas).
const ID_MAX: usize = 80;

/// An entry of a batch.
pub(super) trait Batch {
    /// What tells it from the others.
    fn id(&self) -> &str;
}

impl Batch for types::SendMessageBatchRequestEntry {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

impl Batch for types::DeleteMessageBatchRequestEntry {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

impl Batch for types::ChangeMessageVisibilityBatchRequestEntry {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// Checks the entries, which the model calls `entry`.
pub(super) fn check(entries: &[impl Batch], entry: &str) -> Result<(), ApiError> {
    if entries.is_empty() {
        let message = format!("There should be at least one {entry} in the request.");
        return Err(ApiError::user("EmptyBatchRequest", 400, message));
    }
    if entries.len() > ENTRIES_MAX {
        let sent = entries.len();
        let message =
            format!("Maximum number of entries per request are {ENTRIES_MAX}. You have sent {sent}.");
        return Err(ApiError::user("TooManyEntriesInBatchRequest", 400, message));
    }
    let mut ids = BTreeSet::new();
    for id in entries.iter().map(Batch::id) {
        if !is_id(id) {
            return Err(ApiError::user(
                "InvalidBatchEntryId",
                400,
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !ids.insert(id) {
            return Err(ApiError::user("BatchEntryIdsNotDistinct", 400, format!("Id {id} repeated.")));
        }
    }
    Ok(())
}

fn is_id(id: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(is_known)
}

/// An entry that failed.
pub(super) fn failure(id: String, error: &ApiError) -> types::BatchResultErrorEntry {
    types::BatchResultErrorEntry {
        id: Some(id),
        sender_fault: Some(error.fault == "User"),
        code: Some(query_compatible::code(error.code).to_owned()),
        message: Some(error.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_up_to_ten_entries_with_ids_of_their_own() {
        let batch = |ids: &[&str]| {
            let entries = ids.iter().map(|id| types::DeleteMessageBatchRequestEntry {
                id: Some((*id).to_owned()),
                ..Default::default()
            });
            let entries: Vec<_> = entries.collect();
            check(&entries, "DeleteMessageBatchRequestEntry").map_err(|error| error.code)
        };
        assert_eq!(batch(&["a", "b_1-C"]), Ok(()));
        assert_eq!(batch(&[]), Err("EmptyBatchRequest"));
        assert_eq!(batch(&["a", "a"]), Err("BatchEntryIdsNotDistinct"));
        assert_eq!(batch(&["a b"]), Err("InvalidBatchEntryId"));
        assert_eq!(
            batch(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]),
            Err("TooManyEntriesInBatchRequest")
        );
    }
}
