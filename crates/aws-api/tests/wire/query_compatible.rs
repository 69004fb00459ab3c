//! Forms of SQS, which are flat.

use serde_json::{Value, json};

use aws_api::generated::sqs::operations::{MODEL, Operation};
use aws_api::protocol::{query, query_compatible::SQS};

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
