//! SQS moved from the query protocol to AWS's JSON and still answers both: names of the one in terms of the other.
//!
//! The model knows the JSON alone. The forms' names are those of its last model before that (`flattened` lists with a `locationName`),
//! the codes what JSON answers say in `x-amzn-query-error` (trait `awsQueryCompatible`).

use super::query::{Dialect, Flat};

/// The header in which a JSON answer says what the error was called before, and who is at fault: `Code;Sender`.
pub const ERROR_HEADER: &str = "x-amzn-query-error";

/// Forms and XML of SQS.
pub const SQS: Dialect =
    Dialect { xml_namespace: "http://queue.amazonaws.com/doc/2012-11-05/", flat: FLAT, error_code: code };

const FLAT: &[Flat] = &[
    list("AWSAccountIds", "AWSAccountId"),
    list("Actions", "ActionName"),
    list("AttributeNames", "AttributeName"),
    list("BinaryListValues", "BinaryListValue"),
    list("Entries", ""),
    list("Failed", ""),
    list("MessageAttributeNames", "MessageAttributeName"),
    list("MessageSystemAttributeNames", "MessageSystemAttributeName"),
    list("Messages", ""),
    list("QueueUrls", "QueueUrl"),
    list("Results", ""),
    list("StringListValues", "StringListValue"),
    list("Successful", ""),
    list("TagKeys", "TagKey"),
    list("queueUrls", "QueueUrl"),
    map("Attributes", "Attribute", ("Name", "Value")),
    map("MessageAttributes", "MessageAttribute", ("Name", "Value")),
    map("MessageSystemAttributes", "MessageSystemAttribute", ("Name", "Value")),
    map("Tags", "Tag", ("Key", "Value")),
    map("tags", "Tag", ("Key", "Value")),
];

const fn list(member: &'static str, element: &'static str) -> Flat {
    Flat { member, element, entry: ("", "") }
}

const fn map(member: &'static str, element: &'static str, entry: (&'static str, &'static str)) -> Flat {
    Flat { member, element, entry }
}

/// What the query protocol calls an error of SQS.
pub fn code(code: &'static str) -> &'static str {
    match code {
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong" => "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidBatchEntryId" => "AWS.SimpleQueueService.InvalidBatchEntryId",
        "InvalidParameterValueException" => "InvalidParameterValue",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "MissingRequiredParameterException" => "MissingParameter",
        "PurgeQueueInProgress" => "AWS.SimpleQueueService.PurgeQueueInProgress",
        "QueueDeletedRecently" => "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists" => "QueueAlreadyExists",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        other => other,
    }
}
