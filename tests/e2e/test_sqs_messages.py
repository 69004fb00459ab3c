"""SQS: messages of standard queues."""

import threading
import time
import uuid

import pytest

from refusals import error_of


@pytest.fixture
def queue(sqs):
    """Makes queues; they go with the test."""
    made = []

    def make(**attributes):
        url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}", Attributes=attributes)["QueueUrl"]
        made.append(url)
        return url

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


def receive(sqs, url, **options):
    return sqs.receive_message(QueueUrl=url, **options).get("Messages", [])


def counts(sqs, url):
    names = ["", "NotVisible", "Delayed"]
    wanted = [f"ApproximateNumberOfMessages{name}" for name in names]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    return [int(answer[name]) for name in wanted]


def test_a_message_is_sent_received_and_deleted(sqs, queue):
    url = queue()
    sent = sqs.send_message(QueueUrl=url, MessageBody="This is a test message")
    assert sent["MD5OfMessageBody"] == "fafb00f5732ab283681e124bf8747ed1"
    assert "MD5OfMessageAttributes" not in sent and "SequenceNumber" not in sent
    assert counts(sqs, url) == [1, 0, 0]
    [message] = receive(sqs, url)
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "This is a test message")
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert "Attributes" not in message and "MessageAttributes" not in message
    assert counts(sqs, url) == [0, 1, 0]
    assert receive(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, url) == [0, 0, 0]
    # Once more is nothing.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_attributes_come_as_they_are_asked_for(sqs, queue):
    url = queue()
    given = {
        "a.text": {"DataType": "String", "StringValue": "ä"},
        "a.number": {"DataType": "Number.int", "StringValue": "1"},
        "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="m", MessageAttributes=given, MessageSystemAttributes=trace)
    assert len(sent["MD5OfMessageAttributes"]) == len(sent["MD5OfMessageSystemAttributes"]) == 32
    [all_of_it] = receive(sqs, url, VisibilityTimeout=0, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    assert all_of_it["MessageAttributes"] == given
    assert all_of_it["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    system = all_of_it["Attributes"]
    assert system["ApproximateReceiveCount"] == "1"
    assert system["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert int(system["SentTimestamp"]) <= int(system["ApproximateFirstReceiveTimestamp"])
    assert set(system) == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "AWSTraceHeader",
    }
    [some] = receive(sqs, url, MessageAttributeNames=["a.*"], AttributeNames=["SentTimestamp"])
    assert set(some["MessageAttributes"]) == {"a.text", "a.number"}
    assert some["MD5OfMessageAttributes"] != sent["MD5OfMessageAttributes"]
    assert some["Attributes"] == {"SentTimestamp": system["SentTimestamp"]}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "\x01"}, "InvalidMessageContents"),
        ({"MessageBody": "a" * (1024 * 1024 + 1)}, "InvalidParameterValue"),
        ({"MessageBody": "a", "DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageBody": "a", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        (
            {"MessageBody": "a", "MessageAttributes": {"aws.a": {"DataType": "String", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "a", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "v"}}},
            "InvalidParameterValue",
        ),
        (
            {
                "MessageBody": "a",
                "MessageAttributes": {str(n): {"DataType": "String", "StringValue": "v"} for n in range(11)},
            },
            "InvalidParameterValue",
        ),
    ],
)
def test_wrong_messages_are_refused(sqs, queue, request_, code):
    url = queue()
    assert error_of(sqs.send_message, QueueUrl=url, **request_)["Code"] == code
    assert counts(sqs, url) == [0, 0, 0]


def test_a_megabyte_is_a_message(sqs, queue):
    url = queue()
    body = "a" * (1024 * 1024)
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert receive(sqs, url)[0]["Body"] == body


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"MaxNumberOfMessages": 0}, "InvalidParameterValue"),
        ({"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ({"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ({"VisibilityTimeout": 43201}, "InvalidParameterValue"),
    ],
)
def test_wrong_receivers_are_refused(sqs, queue, options, code):
    assert error_of(sqs.receive_message, QueueUrl=queue(), **options)["Code"] == code


def test_a_delayed_message_comes_later(sqs, queue):
    url = queue(DelaySeconds="2")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    sqs.send_message(QueueUrl=url, MessageBody="as the queue says")
    assert counts(sqs, url) == [1, 0, 1]
    assert [message["Body"] for message in receive(sqs, url, MaxNumberOfMessages=10)] == ["at once"]
    began = time.monotonic()
    assert [message["Body"] for message in receive(sqs, url, WaitTimeSeconds=10)] == ["as the queue says"]
    assert 0.5 < time.monotonic() - began < 5


def test_a_message_that_is_not_deleted_comes_again(sqs, queue):
    url = queue(VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    [first] = receive(sqs, url)
    [second] = receive(sqs, url, WaitTimeSeconds=10, VisibilityTimeout=60, AttributeNames=["ApproximateReceiveCount"])
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    # The older receipt deletes nothing any more, and says nothing of it.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert counts(sqs, url) == [0, 1, 0]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    assert counts(sqs, url) == [0, 0, 0]


def test_visibility_is_changed_while_a_message_is_in_flight(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="m")
    [message] = receive(sqs, url)
    change = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.change_message_visibility(VisibilityTimeout=600, **change)
    sqs.change_message_visibility(VisibilityTimeout=300, **change)
    assert counts(sqs, url) == [0, 1, 0]
    error = error_of(sqs.change_message_visibility, VisibilityTimeout=43201, **change)
    assert error["Code"] == "InvalidParameterValue"
    sqs.change_message_visibility(VisibilityTimeout=0, **change)
    assert counts(sqs, url) == [1, 0, 0]
    assert "not available" in error_of(sqs.change_message_visibility, VisibilityTimeout=1, **change)["Message"]
    sqs.delete_message(**change)
    assert counts(sqs, url) == [0, 0, 0]


@pytest.mark.parametrize("handle", ["", "nonsense", "AAAA"])
def test_receipts_of_no_message_are_refused(sqs, queue, handle):
    url = queue()
    assert error_of(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)["Code"] == "ReceiptHandleIsInvalid"
    other = queue()
    sqs.send_message(QueueUrl=other, MessageBody="m")
    [message] = receive(sqs, other)
    error = error_of(sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert error["Code"] == "ReceiptHandleIsInvalid"


def test_batches_tell_of_each_entry(sqs, queue):
    url = queue()
    entries = [{"Id": str(number), "MessageBody": f"m{number}"} for number in range(9)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[*entries, {"Id": "bad", "MessageBody": "\x01"}])
    assert [entry["Id"] for entry in answer["Successful"]] == [entry["Id"] for entry in entries]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("bad", True, "InvalidMessageContents")
    messages = receive(sqs, url, MaxNumberOfMessages=10)
    assert {message["Body"] for message in messages} == {entry["MessageBody"] for entry in entries}
    changes = [
        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 100}
        for n, message in enumerate(messages)
    ]
    assert len(sqs.change_message_visibility_batch(QueueUrl=url, Entries=changes)["Successful"]) == 9
    deletes = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[*deletes, {"Id": "x", "ReceiptHandle": "no"}])
    assert len(answer["Successful"]) == 9
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("x", "ReceiptHandleIsInvalid")]
    assert counts(sqs, url) == [0, 0, 0]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": "a", "MessageBody": "m"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "m"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "MessageBody": "m"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": str(n), "MessageBody": "m" * 600_000} for n in range(2)], "BatchRequestTooLong"),
    ],
)
def test_wrong_batches_are_refused(sqs, queue, entries, code):
    url = queue()
    assert error_of(sqs.send_message_batch, QueueUrl=url, Entries=entries)["Code"] == f"AWS.SimpleQueueService.{code}"
    assert counts(sqs, url) == [0, 0, 0]


def test_a_receiver_that_waits_gets_what_is_sent_meanwhile(sqs, queue):
    url = queue()
    got = []
    began = time.monotonic()
    waiting = threading.Thread(target=lambda: got.extend(receive(sqs, url, WaitTimeSeconds=20)))
    waiting.start()
    time.sleep(0.5)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    waiting.join(20)
    assert [message["Body"] for message in got] == ["m"]
    assert time.monotonic() - began < 5


def test_nobody_waits_longer_than_asked(sqs, queue):
    url = queue(ReceiveMessageWaitTimeSeconds="1")
    began = time.monotonic()
    assert receive(sqs, url) == []
    assert 0.9 < time.monotonic() - began < 4
    began = time.monotonic()
    assert receive(sqs, url, WaitTimeSeconds=0) == []
    assert time.monotonic() - began < 0.9


def test_a_purge_takes_what_was_sent_and_nothing_that_comes_later(sqs, queue):
    url = queue()
    for number in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=f"old {number}", DelaySeconds=number % 2)
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="new")
    assert counts(sqs, url) == [1, 0, 0]
    time.sleep(1.2)
    assert [message["Body"] for message in receive(sqs, url, MaxNumberOfMessages=10)] == ["new"]


def test_many_at_once_lose_and_double_nothing(server, queue):
    url, bodies, got = queue(VisibilityTimeout="600"), [f"m{n}" for n in range(400)], []
    lock = threading.Lock()

    def send(part):
        client = server.client(service="sqs")
        for body in part:
            client.send_message(QueueUrl=url, MessageBody=body)

    def take():
        client = server.client(service="sqs")
        while messages := receive(client, url, MaxNumberOfMessages=10, WaitTimeSeconds=2):
            with lock:
                got.extend(message["Body"] for message in messages)
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            client.delete_message_batch(QueueUrl=url, Entries=entries)

    threads = [threading.Thread(target=send, args=(bodies[n::4],)) for n in range(4)]
    threads += [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(bodies)


def test_who_waits_does_not_hold_up_the_end_of_the_server(fresh_server):
    server = fresh_server("--no-sdk")
    sqs = server.client(service="sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    got = []
    waiting = threading.Thread(target=lambda: got.append(receive(sqs, url, WaitTimeSeconds=20)))
    waiting.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert server.stop() == 0
    waiting.join()
    assert time.monotonic() - began < 5
    assert got == [[]]
