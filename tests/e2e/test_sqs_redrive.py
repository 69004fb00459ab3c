"""SQS: what is received too often goes to the dead-letter queue, and comes back when it is told to."""

import json
import time
import uuid

import pytest

from refusals import error_of


class Pair:
    """A queue and its dead-letter queue."""

    def __init__(self, sqs, suffix="", receives=2, **attributes):
        name = f"q-{uuid.uuid4().hex[:12]}"
        self.sqs = sqs
        kind = {"FifoQueue": "true"} if suffix else {}
        self.dead = sqs.create_queue(QueueName=f"{name}-dead{suffix}", Attributes=kind)["QueueUrl"]
        self.dead_arn = self.arn(self.dead)
        policy = json.dumps({"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": str(receives)})
        attributes = {**kind, **attributes, "RedrivePolicy": policy, "VisibilityTimeout": "0"}
        self.source = sqs.create_queue(QueueName=f"{name}{suffix}", Attributes=attributes)["QueueUrl"]
        self.source_arn = self.arn(self.source)

    def arn(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def receive(self, url, **options):
        return self.sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"], **options).get("Messages", [])

    def close(self):
        for url in (self.source, self.dead):
            self.sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def pair(sqs):
    pair = Pair(sqs)
    yield pair
    pair.close()


def finished(sqs, arn, timeout_s=20):
    """The newest task of a queue once it has ended."""
    deadline = time.monotonic() + timeout_s
    while True:
        [task] = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return task
        assert time.monotonic() < deadline, task
        time.sleep(0.05)


def test_what_is_received_too_often_goes_to_the_dead_letter_queue(sqs, pair):
    sent = sqs.send_message(QueueUrl=pair.source, MessageBody="m")
    first, second = [pair.receive(pair.source)[0] for _ in range(2)]
    assert [m["Attributes"]["ApproximateReceiveCount"] for m in (first, second)] == ["1", "2"]
    assert pair.receive(pair.source) == []
    [dead] = pair.receive(pair.dead, VisibilityTimeout=0)
    assert (dead["MessageId"], dead["Body"]) == (sent["MessageId"], "m")
    assert dead["Attributes"]["DeadLetterQueueSourceArn"] == pair.source_arn
    # A standard queue keeps the time at which it was sent.
    assert dead["Attributes"]["SentTimestamp"] == first["Attributes"]["SentTimestamp"]
    [source] = sqs.list_dead_letter_source_queues(QueueUrl=pair.dead)["queueUrls"]
    assert source == pair.source


def test_messages_move_back(sqs, pair):
    sent = [sqs.send_message(QueueUrl=pair.source, MessageBody=f"m{n}")["MessageId"] for n in range(25)]
    for _ in range(3):
        for _ in range(4):
            pair.receive(pair.source, MaxNumberOfMessages=10, VisibilityTimeout=0)
    deadline = time.monotonic() + 20
    while pair.receive(pair.source, MaxNumberOfMessages=10) and time.monotonic() < deadline:
        pass
    handle = sqs.start_message_move_task(SourceArn=pair.dead_arn)["TaskHandle"]
    assert handle
    task = finished(sqs, pair.dead_arn)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 25)
    back = {}
    while len(back) < 25:
        for message in pair.receive(pair.source, MaxNumberOfMessages=10, VisibilityTimeout=60):
            back[message["MessageId"]] = message
    assert {message["Body"] for message in back.values()} == {f"m{n}" for n in range(25)}
    assert not set(back) & set(sent), "what moves back is a new message"
    assert all(message["Attributes"]["ApproximateReceiveCount"] == "1" for message in back.values())


def test_a_task_has_its_rate_is_one_and_can_be_cancelled(sqs, pair):
    for n in range(30):
        sqs.send_message(QueueUrl=pair.dead, MessageBody=f"m{n}")
    elsewhere = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    start = {"SourceArn": pair.dead_arn, "DestinationArn": pair.arn(elsewhere), "MaxNumberOfMessagesPerSecond": 2}
    handle = sqs.start_message_move_task(**start)["TaskHandle"]
    assert error_of(sqs.start_message_move_task, **start)["Code"] == "AWS.SimpleQueueService.UnsupportedOperation"
    sqs.cancel_message_move_task(TaskHandle=handle)
    task = finished(sqs, pair.dead_arn)
    assert task["Status"] == "CANCELLED"
    assert task["ApproximateNumberOfMessagesMoved"] < 30
    sqs.delete_queue(QueueUrl=elsewhere)


def test_wrong_tasks_are_refused(sqs, pair):
    start = sqs.start_message_move_task
    assert error_of(start, SourceArn="arn:aws:sqs:us-east-1:000000000000:no")["Code"] == "ResourceNotFoundException"
    assert error_of(start, SourceArn=pair.source_arn)["Code"] == "InvalidParameterValue"
    error = error_of(start, SourceArn=pair.dead_arn, MaxNumberOfMessagesPerSecond=501)
    assert error["Code"] == "InvalidParameterValue"
    assert error_of(sqs.cancel_message_move_task, TaskHandle="no")["Code"] == "ResourceNotFoundException"


def test_a_message_of_no_source_cannot_move_back(sqs, pair):
    sqs.send_message(QueueUrl=pair.dead, MessageBody="m")
    sqs.start_message_move_task(SourceArn=pair.dead_arn)
    task = finished(sqs, pair.dead_arn)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert [message["Body"] for message in pair.receive(pair.dead)] == ["m"]


def test_a_fifo_queue_gives_up_in_order(sqs):
    pair = Pair(sqs, suffix=".fifo", receives=1, ContentBasedDeduplication="true")
    for n in range(3):
        sqs.send_message(QueueUrl=pair.source, MessageBody=f"m{n}", MessageGroupId="g")
    got = []
    while messages := pair.receive(pair.source):
        got += [message["Body"] for message in messages]
    assert got == ["m0", "m1", "m2"]
    assert [message["Body"] for message in pair.receive(pair.dead, MaxNumberOfMessages=10)] == got
    pair.close()


def test_a_dead_letter_queue_chooses_its_sources(sqs, pair):
    deny = json.dumps({"redrivePermission": "denyAll"})
    sqs.set_queue_attributes(QueueUrl=pair.dead, Attributes={"RedriveAllowPolicy": deny})
    policy = json.dumps({"deadLetterTargetArn": pair.dead_arn, "maxReceiveCount": 5})
    error = error_of(sqs.set_queue_attributes, QueueUrl=pair.source, Attributes={"RedrivePolicy": policy})
    assert error["Code"] == "InvalidParameterValue"
    fifo = {"FifoQueue": "true", "RedrivePolicy": policy}
    assert error_of(sqs.create_queue, QueueName="other.fifo", Attributes=fifo)["Code"] == "InvalidParameterValue"
