"""SNS: topics, subscriptions of queues and functions, filters; what is published reaches whoever wants it."""

import json
import re
import time
import uuid

import pytest

from functions import log_of
from refusals import error_of

ECHOES = "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event['Records'][0]))\n"


@pytest.fixture
def topic(sns):
    """Makes topics; they go with the test."""
    made = []

    def make(**attributes):
        suffix = ".fifo" if "FifoTopic" in attributes else ""
        name = f"t-{uuid.uuid4().hex[:12]}{suffix}"
        made.append(sns.create_topic(Name=name, Attributes=attributes)["TopicArn"])
        return made[-1]

    yield make
    for arn in made:
        sns.delete_topic(TopicArn=arn)


class Queue:
    """A queue that subscribes."""

    def __init__(self, sqs, suffix="", **attributes):
        name = f"q-{uuid.uuid4().hex[:12]}{suffix}"
        self.sqs = sqs
        self.url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def received(self, wait_s=2):
        """Its messages, once; they are gone afterwards."""
        options = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s, **options)
        messages = answer.get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return messages


@pytest.fixture
def queue(sqs):
    """Makes queues; they go with the test."""
    made = []

    def make(suffix="", **attributes):
        made.append(Queue(sqs, suffix, **attributes))
        return made[-1]

    yield make
    for one in made:
        try:
            sqs.delete_queue(QueueUrl=one.url)
        except sqs.exceptions.QueueDoesNotExist:
            pass


def subscribe(sns, topic, protocol, endpoint, **attributes):
    return sns.subscribe(
        TopicArn=topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]


def test_a_topic_is_made_found_changed_and_deleted(sns, topic):
    arn = topic(DisplayName="shown")
    name = arn.rsplit(":", 1)[1]
    assert arn == f"arn:aws:sns:us-east-1:000000000000:{name}"
    assert sns.create_topic(Name=name)["TopicArn"] == arn
    assert error_of(sns.create_topic, Name=name, Attributes={"DisplayName": "other"})["Code"] == "InvalidParameter"
    listed = [one["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for one in page["Topics"]]
    assert arn in listed
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="changed")
    shown = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (shown["TopicArn"], shown["Owner"], shown["DisplayName"]) == (arn, "000000000000", "changed")
    assert json.loads(shown["Policy"])["Statement"][0]["Resource"] == arn
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    error = error_of(sns.get_topic_attributes, TopicArn=arn)
    assert (error["Code"], error["Message"]) == ("NotFound", "Topic does not exist")
    assert error_of(sns.publish, TopicArn=arn, Message="m")["Code"] == "NotFound"


@pytest.mark.parametrize(
    ("name", "attributes"),
    [("a b", {}), ("", {}), ("t.fifo", {}), ("t", {"FifoTopic": "true"}), ("t", {"Colour": "red"}), ("t", {"SignatureVersion": "3"})],
)
def test_wrong_topics_are_refused(sns, name, attributes):
    assert error_of(sns.create_topic, Name=name, Attributes=attributes)["Code"] == "InvalidParameter"


def test_a_queue_gets_what_is_published(sns, topic, queue):
    arn, sink = topic(), queue()
    subscription = subscribe(sns, arn, "sqs", sink.arn)
    attributes = {"a": {"DataType": "String", "StringValue": "v"}, "b": {"DataType": "Binary", "BinaryValue": b"\x01"}}
    published = sns.publish(TopicArn=arn, Message="hello", Subject="of this", MessageAttributes=attributes)
    [message] = sink.received()
    envelope = json.loads(message["Body"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", envelope.pop("Timestamp"))
    assert subscription in envelope.pop("UnsubscribeURL")
    assert envelope.pop("SigningCertURL").endswith(".pem") and envelope.pop("Signature")
    assert envelope == {
        "SignatureVersion": "1",
        "Type": "Notification",
        "MessageId": published["MessageId"],
        "TopicArn": arn,
        "Subject": "of this",
        "Message": "hello",
        "MessageAttributes": {"a": {"Type": "String", "Value": "v"}, "b": {"Type": "Binary", "Value": "AQ=="}},
    }
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.publish(TopicArn=arn, Message="unheard")
    assert sink.received(wait_s=1) == []
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["SubscriptionsDeleted"] == "1"


def test_a_queue_gets_it_raw(sns, topic, queue):
    arn, sink = topic(), queue()
    subscribe(sns, arn, "sqs", sink.arn, RawMessageDelivery="true")
    attributes = {"a": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\x01"}}
    sns.publish(TopicArn=arn, Message="hello", MessageAttributes=attributes)
    [message] = sink.received()
    assert (message["Body"], message["MessageAttributes"]) == ("hello", attributes)


def test_each_protocol_has_its_own_text(sns, topic, queue):
    arn, sink = topic(), queue()
    subscribe(sns, arn, "sqs", sink.arn, RawMessageDelivery="true")
    texts = json.dumps({"default": "for others", "sqs": "for queues"})
    sns.publish(TopicArn=arn, Message=texts, MessageStructure="json")
    assert [message["Body"] for message in sink.received()] == ["for queues"]
    for wrong in ("{", json.dumps({"sqs": "no default"})):
        error = error_of(sns.publish, TopicArn=arn, Message=wrong, MessageStructure="json")
        assert error["Code"] == "InvalidParameter"


def test_a_function_gets_what_is_published(server, sns, topic, deploy):
    arn, function = topic(), deploy(ECHOES)
    subscription = subscribe(sns, arn, "lambda", function.arn)
    published = sns.publish(TopicArn=arn, Message="hello")
    log = log_of(server, function, "GOT ")
    record = json.loads(re.search(r"^GOT (.*)$", log, re.MULTILINE)[1])
    assert (record["EventSource"], record["EventVersion"]) == ("aws:sns", "1.0")
    assert record["EventSubscriptionArn"] == subscription
    told = record["Sns"]
    assert {name: told[name] for name in ("Type", "MessageId", "TopicArn", "Subject", "Message", "MessageAttributes")} == {
        "Type": "Notification",
        "MessageId": published["MessageId"],
        "TopicArn": arn,
        "Subject": None,
        "Message": "hello",
        "MessageAttributes": {},
    }
    assert "UnsubscribeUrl" in told


@pytest.mark.parametrize(
    ("scope", "policy", "passes", "does_not"),
    [
        ("MessageAttributes", {"kind": ["order"]}, {"kind": "order"}, {"kind": "other"}),
        ("MessageAttributes", {"price": [{"numeric": [">", 5]}]}, {"price": 6}, {"price": 5}),
        ("MessageAttributes", {"kind": [{"exists": False}]}, {}, {"kind": "order"}),
        ("MessageBody", {"a": {"b": [{"prefix": "x"}]}}, {"a": {"b": "xy"}}, {"a": {"b": "y"}}),
    ],
)
def test_a_filter_lets_through_what_it_names(sns, topic, queue, scope, policy, passes, does_not):
    arn, sink = topic(), queue()
    subscribe(sns, arn, "sqs", sink.arn, RawMessageDelivery="true", FilterPolicy=json.dumps(policy), FilterPolicyScope=scope)
    for values in (does_not, passes):
        kinds = {int: "Number", str: "String", dict: "String"}
        attributes = {name: {"DataType": kinds[type(value)], "StringValue": str(value)} for name, value in values.items()}
        options = {"MessageAttributes": attributes} if scope == "MessageAttributes" else {}
        sns.publish(TopicArn=arn, Message=json.dumps(values), **options)
    assert [json.loads(message["Body"]) for message in sink.received()] == [passes]


def test_wrong_subscriptions_are_refused(sns, topic, queue):
    arn, sink = topic(), queue()
    fifo = queue(".fifo", FifoQueue="true")
    given = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": sink.arn}
    for change in (
        {"Protocol": "pigeon"},
        {"Endpoint": "no arn"},
        {"Protocol": "lambda", "Endpoint": sink.arn},
        {"Endpoint": fifo.arn},
        {"Attributes": {"FilterPolicy": "{"}},
        {"Attributes": {"FilterPolicy": '{"a": {"b": ["c"]}}'}},
        {"Attributes": {"RawMessageDelivery": "perhaps"}},
        {"Attributes": {"Colour": "red"}},
    ):
        assert error_of(sns.subscribe, **{**given, **change})["Code"] == "InvalidParameter", change
    missing = arn + "-no"
    assert error_of(sns.subscribe, **{**given, "TopicArn": missing})["Code"] == "NotFound"
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_subscriptions_are_listed_and_changed(sns, topic, queue):
    arn, sink = topic(), queue()
    subscription = subscribe(sns, arn, "sqs", sink.arn)
    assert subscribe(sns, arn, "sqs", sink.arn) == subscription
    error = error_of(
        sns.subscribe, TopicArn=arn, Protocol="sqs", Endpoint=sink.arn, Attributes={"RawMessageDelivery": "true"}
    )
    assert "different attributes" in error["Message"]
    [listed] = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert listed == {
        "SubscriptionArn": subscription,
        "Owner": "000000000000",
        "Protocol": "sqs",
        "Endpoint": sink.arn,
        "TopicArn": arn,
    }
    every = [one for page in sns.get_paginator("list_subscriptions").paginate() for one in page["Subscriptions"]]
    assert listed in every
    change = {"SubscriptionArn": subscription, "AttributeName": "RawMessageDelivery"}
    sns.set_subscription_attributes(AttributeValue="true", **change)
    shown = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (shown["RawMessageDelivery"], shown["PendingConfirmation"]) == ("true", "false")
    assert error_of(sns.set_subscription_attributes, AttributeValue="no", **change)["Code"] == "InvalidParameter"
    assert error_of(sns.get_subscription_attributes, SubscriptionArn=f"{arn}:{uuid.uuid4()}")["Code"] == "NotFound"


def test_a_fifo_topic_keeps_order_and_tells_once(sns, topic, queue):
    arn = topic(FifoTopic="true")
    sink = queue(".fifo", FifoQueue="true")
    subscribe(sns, arn, "sqs", sink.arn, RawMessageDelivery="true")
    first = sns.publish(TopicArn=arn, Message="0", MessageGroupId="g", MessageDeduplicationId="d0")
    again = sns.publish(TopicArn=arn, Message="again", MessageGroupId="g", MessageDeduplicationId="d0")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    for number in range(1, 5):
        sns.publish(TopicArn=arn, Message=str(number), MessageGroupId="g", MessageDeduplicationId=f"d{number}")
    messages = sink.received()
    assert [message["Body"] for message in messages] == ["0", "1", "2", "3", "4"]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"g"}
    assert error_of(sns.publish, TopicArn=arn, Message="m")["Code"] == "InvalidParameter"


def test_a_fifo_topic_knows_messages_by_their_text_and_tells_queues_so(sns, topic, queue):
    arn = topic(FifoTopic="true", ContentBasedDeduplication="true")
    sink = queue(".fifo", FifoQueue="true")
    subscribe(sns, arn, "sqs", sink.arn)
    for text in ("a", "b", "a"):
        sns.publish(TopicArn=arn, Message=text, MessageGroupId="g")
    assert [json.loads(message["Body"])["Message"] for message in sink.received()] == ["a", "b"]


def test_a_13_the_trace_of_who_publishes_goes_along(server, sns, topic, queue, deploy):
    lineage = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a87bd80c:3"
    sns.meta.events.register("before-sign.sns.Publish", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", lineage))
    arn, sink = topic(), queue()
    function = deploy("import os\ndef handler(event, context):\n    print('TRACE ' + os.environ['_X_AMZN_TRACE_ID'])\n")
    subscribe(sns, arn, "sqs", sink.arn)
    subscribe(sns, arn, "lambda", function.arn)
    sns.publish(TopicArn=arn, Message="m")
    [message] = sink.received()
    assert message["Attributes"]["AWSTraceHeader"] == lineage
    assert "Lineage=a87bd80c:3|" in log_of(server, function, "TRACE ")


def test_a_batch_tells_of_each_entry(sns, topic, queue):
    arn, sink = topic(), queue()
    subscribe(sns, arn, "sqs", sink.arn, RawMessageDelivery="true")
    entries = [{"Id": "a", "Message": "1"}, {"Id": "b", "Message": "2", "Subject": "\n"}, {"Id": "c", "Message": "3"}]
    answer = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a", "c"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("b", "InvalidParameter", True)
    assert sorted(message["Body"] for message in sink.received()) == ["1", "3"]
    for wrong, code in (
        ([], "EmptyBatchRequest"),
        ([{"Id": "a", "Message": "m"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "Message": "m"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "Message": "m"} for n in range(11)], "TooManyEntriesInBatchRequest"),
    ):
        assert error_of(sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=wrong)["Code"] == code


@pytest.mark.parametrize(
    "request_",
    [
        {"Message": ""},
        {"Message": "a" * 262_145},
        {"Message": "m", "Subject": "a" * 101},
        {"Message": "m", "MessageDeduplicationId": "d"},
        {"Message": "m", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "v"}}},
        {"Message": "m", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "one"}}},
    ],
)
def test_wrong_messages_are_refused(sns, topic, request_):
    assert error_of(sns.publish, TopicArn=topic(), **request_)["Code"] == "InvalidParameter"


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(sns, sqs, topic, queue):
    arn, gone, dead = topic(), queue(), queue()
    subscribe(sns, arn, "sqs", gone.arn, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn}))
    sqs.delete_queue(QueueUrl=gone.url)
    sns.publish(TopicArn=arn, Message="m")
    [message] = dead.received()
    assert json.loads(message["Body"])["Message"] == "m"


def test_tags_and_permissions_of_topics(sns, topic):
    arn = topic()
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert error_of(sns.list_tags_for_resource, ResourceArn=f"{arn}-no")["Code"] == "ResourceNotFound"
    sns.add_permission(TopicArn=arn, Label="l", AWSAccountId=["111111111111"], ActionName=["Publish"])
    statements = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])["Statement"]
    assert statements[-1] == {
        "Sid": "l",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "SNS:Publish",
        "Resource": arn,
    }
    sns.remove_permission(TopicArn=arn, Label="l")
    assert len(json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])["Statement"]) == 1


def test_what_is_not_built_says_so(sns, topic):
    arn = topic()
    stream = "arn:aws:firehose:us-east-1:000000000000:deliverystream/s"
    error = None
    try:
        sns.subscribe(TopicArn=arn, Protocol="firehose", Endpoint=stream)
    except sns.exceptions.ClientError as refused:
        error = refused.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 501 and error["Error"]["Code"] == "NotImplemented"
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_what_was_published_survives_a_crash(fresh_server, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path)
    sns, sink = server.client(service="sns"), Queue(server.client(service="sqs"))
    arn = sns.create_topic(Name="t")["TopicArn"]
    subscribe(sns, arn, "sqs", sink.arn, RawMessageDelivery="true", FilterPolicy='{"kind": ["order"]}')
    order = {"kind": {"DataType": "String", "StringValue": "order"}}
    sns.publish(TopicArn=arn, Message="before", MessageAttributes=order)
    server.kill()
    again = fresh_server("--no-sdk", data_dir=tmp_path)
    sns, sink.sqs = again.client(service="sns"), again.client(service="sqs")
    sink.url = sink.sqs.get_queue_url(QueueName=sink.arn.rsplit(":", 1)[1])["QueueUrl"]
    sns.publish(TopicArn=arn, Message="unwanted")
    sns.publish(TopicArn=arn, Message="after", MessageAttributes=order)
    time.sleep(0.2)
    assert sorted(message["Body"] for message in sink.received()) == ["after", "before"]
