"""SQS: FIFO queues keep the order of each group, and take every message once."""

import threading
import time
import uuid

import pytest

from refusals import error_of


@pytest.fixture
def queue(sqs):
    """Makes FIFO queues; they go with the test."""
    made = []

    def make(**attributes):
        attributes = {"FifoQueue": "true", **attributes}
        url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}.fifo", Attributes=attributes)["QueueUrl"]
        made.append(url)
        return url

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


def send(sqs, url, body, group="g", deduplication=None):
    deduplication = deduplication or uuid.uuid4().hex
    return sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication
    )


def receive(sqs, url, **options):
    return sqs.receive_message(QueueUrl=url, **options).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def delete(sqs, url, messages):
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_group_comes_in_its_order_and_one_after_the_other(sqs, queue):
    url = queue()
    sent = [send(sqs, url, f"{group}{number}", group=group) for number in range(3) for group in "ab"]
    numbers = [answer["SequenceNumber"] for answer in sent]
    assert numbers == sorted(numbers) and all(len(number) == 20 for number in numbers)
    [first] = receive(sqs, url)
    assert first["Body"] == "a0"
    # The group of what somebody has is passed over.
    others = receive(sqs, url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert bodies(others) == ["b0", "b1", "b2"]
    assert [message["Attributes"]["MessageGroupId"] for message in others] == ["b"] * 3
    assert [message["Attributes"]["SequenceNumber"] for message in others] == numbers[1::2]
    assert receive(sqs, url, MaxNumberOfMessages=10) == []
    delete(sqs, url, [first])
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["a1", "a2"]


def test_what_is_not_deleted_comes_before_the_rest_of_its_group(sqs, queue):
    url = queue()
    for number in range(3):
        send(sqs, url, str(number))
    messages = receive(sqs, url, MaxNumberOfMessages=2)
    assert bodies(messages) == ["0", "1"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(receive(sqs, url)) == ["0"]


def test_a_message_is_known_again_by_its_id(sqs, queue):
    url = queue()
    first = send(sqs, url, "a", deduplication="d")
    again = send(sqs, url, "b", deduplication="d")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    messages = receive(sqs, url, MaxNumberOfMessages=10)
    assert bodies(messages) == ["a"]
    delete(sqs, url, messages)
    # Also after it was deleted.
    send(sqs, url, "c", deduplication="d")
    assert receive(sqs, url) == []


def test_a_message_is_known_again_by_its_body(sqs, queue):
    url = queue(ContentBasedDeduplication="true")
    for body in ("a", "b", "a"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["a", "b"]


def test_a_message_is_known_again_within_its_group(sqs, queue):
    url = queue(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in ("g", "h", "g"):
        send(sqs, url, group, group=group, deduplication="d")
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["g", "h"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"MessageDeduplicationId": "d"}, "MissingParameter"),
        ({"MessageGroupId": "g"}, "InvalidParameterValue"),
        ({"MessageGroupId": "g", "MessageDeduplicationId": "a b"}, "InvalidParameterValue"),
        ({"MessageGroupId": "g" * 129, "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        ({"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1}, "InvalidParameterValue"),
    ],
)
def test_wrong_messages_are_refused(sqs, queue, options, code):
    assert error_of(sqs.send_message, QueueUrl=queue(), MessageBody="m", **options)["Code"] == code


def test_a_receipt_ends_with_the_visibility(sqs, queue):
    url = queue(VisibilityTimeout="1")
    send(sqs, url, "a")
    [message] = receive(sqs, url)
    time.sleep(1.1)
    error = error_of(sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert error["Code"] == "InvalidParameterValue" and "expired" in error["Message"]
    assert bodies(receive(sqs, url)) == ["a"]


def test_an_attempt_that_is_made_again_gets_the_same(sqs, queue):
    url = queue()
    for number in range(3):
        send(sqs, url, str(number))
    attempt = {"ReceiveRequestAttemptId": "attempt", "MaxNumberOfMessages": 2}
    first, again = receive(sqs, url, **attempt), receive(sqs, url, **attempt)
    assert bodies(first) == bodies(again) == ["0", "1"]
    delete(sqs, url, again)
    assert bodies(receive(sqs, url, **attempt)) == ["2"]


def test_order_and_once_survive_a_crash(fresh_server, tmp_path):
    server = fresh_server(data_dir=tmp_path)
    sqs = server.client(service="sqs")
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for number in range(4):
        send(sqs, url, str(number), deduplication=f"d{number}")
    [first] = receive(sqs, url, VisibilityTimeout=600)
    server.kill()
    again = fresh_server(data_dir=tmp_path).client(service="sqs")
    url = again.get_queue_url(QueueName="q.fifo")["QueueUrl"]
    assert receive(again, url) == [], "somebody has the first of the group"
    send(again, url, "again", deduplication="d2")
    again.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(receive(again, url, MaxNumberOfMessages=10)) == ["1", "2", "3"]


def test_many_receivers_keep_the_order_of_every_group(server, sqs, queue):
    url, groups, each = queue(VisibilityTimeout="600"), [f"g{n}" for n in range(5)], 20
    for number in range(each):
        entries = [
            {"Id": group, "MessageBody": str(number), "MessageGroupId": group, "MessageDeduplicationId": f"{group}-{number}"}
            for group in groups
        ]
        assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == len(groups)
    got, lock = {group: [] for group in groups}, threading.Lock()

    def take():
        client = server.client(service="sqs")
        while messages := receive(
            client, url, MaxNumberOfMessages=3, WaitTimeSeconds=2, AttributeNames=["MessageGroupId"]
        ):
            with lock:
                for message in messages:
                    got[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
            delete(client, url, messages)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {group: list(range(each)) for group in groups}
