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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::query, SQS};
    use crate::generated::sqs::operations::{MODEL, Operation};

    fn decoded(operation: Operation, body: &str) -> Value {
        let form = query::Form::parse(body.as_bytes());
        Value::Object(query::decode(&MODEL, &SQS, operation.schema(), &form).unwrap().input)
    }

    #[test]
    fn forms_are_flat() {
        let body = "QueueUrl=u&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=b\
                    &SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n\
                    &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=v\
                    &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String";
        let attribute = json!({"n": {"StringValue": "v", "DataType": "String"}});
        let entry = json!({"Id": "a", "MessageBody": "b", "MessageAttributes": attribute});
        assert_eq!(decoded(Operation::SendMessageBatch, body), json!({"QueueUrl": "u", "Entries": [entry]}));
        let body = "QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=1&Tag.1.Key=k&Tag.1.Value=v";
        let expected = json!({"QueueName": "q", "Attributes": {"DelaySeconds": "1"}, "tags": {"k": "v"}});
        assert_eq!(decoded(Operation::CreateQueue, body), expected);
        let body = "QueueUrl=u&AttributeName.1=All&MessageAttributeName.1=a";
        let expected = json!({"QueueUrl": "u", "AttributeNames": ["All"], "MessageAttributeNames": ["a"]});
        assert_eq!(decoded(Operation::ReceiveMessage, body), expected);
    }

    #[test]
    fn xml_is_flat() {
        let message = json!({"MessageId": "i", "Attributes": {"SenderId": "s"}});
        let output = json!({"Messages": [message]});
        let xml = query::encode(&MODEL, &SQS, Operation::ReceiveMessage.schema(), &output, "r").unwrap();
        assert!(xml.contains("<ReceiveMessageResult><Message><MessageId>i</MessageId><Attribute><Name>SenderId</Name><Value>s</Value></Attribute></Message></ReceiveMessageResult>"), "{xml}");
    }
}
