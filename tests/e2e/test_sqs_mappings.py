"""Event source mappings of SQS (B.11): messages reach their function, and stay until they are done."""

import json
import time
import uuid

import pytest

from functions import log_of
from mappings import ECHOES, batches, state
from refusals import refused


class Queue:
    """A queue under test."""

    def __init__(self, sqs, **attributes):
        suffix = ".fifo" if "FifoQueue" in attributes else ""
        self.sqs = sqs
        self.name = f"q-{uuid.uuid4().hex[:12]}{suffix}"
        self.url = sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{self.name}"

    def send(self, *bodies, **options):
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **options)

    def left(self):
        """How many messages are in it, in whatever state."""
        names = [f"ApproximateNumberOfMessages{name}" for name in ("", "NotVisible", "Delayed")]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(map(int, answer.values()))

    def wait_until_empty(self, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while self.left():
            assert time.monotonic() < deadline, f"{self.left()} messages are left"
            time.sleep(0.05)


@pytest.fixture
def queue(sqs):
    """Makes queues; they go with the test."""
    made = []

    def make(**attributes):
        made.append(Queue(sqs, **attributes))
        return made[-1]

    yield make
    for queue in made:
        sqs.delete_queue(QueueUrl=queue.url)


def bodies(found):
    return [record["body"] for batch in found for record in batch]


def test_q_07_q_09_q_11_a_message_reaches_its_function_and_is_deleted(server, deploy, queue, connect):
    function, source = deploy(ECHOES), queue()
    made = connect(function, source.arn)
    assert (made["State"], made["StateTransitionReason"]) == ("Creating", "USER_INITIATED")
    assert (made["BatchSize"], made["MaximumBatchingWindowInSeconds"]) == (10, 0)
    assert made["FunctionArn"] == function.arn
    assert made["EventSourceMappingArn"].endswith(f":event-source-mapping:{made['UUID']}")
    attributes = {"a": {"DataType": "String", "StringValue": "v"}, "b": {"DataType": "Binary", "BinaryValue": b"\x01"}}
    source.send("hello", MessageAttributes=attributes)
    [[record]] = batches(server, function, 1)
    assert {name: record[name] for name in ("body", "eventSource", "eventSourceARN", "awsRegion")} == {
        "body": "hello",
        "eventSource": "aws:sqs",
        "eventSourceARN": source.arn,
        "awsRegion": "us-east-1",
    }
    assert record["messageAttributes"] == {
        "a": {"stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "b": {"binaryValue": "AQ==", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
    }
    assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert set(record["attributes"]) == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    source.wait_until_empty()
    state(function.client, made["UUID"], "Enabled")


def test_q_07_q_10_what_fails_comes_again_and_goes_where_the_queue_says(server, sqs, deploy, queue, connect):
    dead = queue()
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})
    source = queue(VisibilityTimeout="1", RedrivePolicy=policy)
    function = deploy("def handler(event, context):\n    print('TRIED')\n    raise ValueError('no')\n", Timeout=1)
    connect(function, source.arn)
    source.send("m")
    deadline = time.monotonic() + 60
    while not (found := sqs.receive_message(QueueUrl=dead.url, AttributeNames=["All"], WaitTimeSeconds=1).get("Messages")):
        assert time.monotonic() < deadline
    assert [message["Body"] for message in found] == ["m"]
    assert found[0]["Attributes"]["DeadLetterQueueSourceArn"] == source.arn
    assert log_of(server, function).count("TRIED") == 2
    assert source.left() == 0


def test_q_08_only_what_failed_comes_again(server, deploy, queue, connect):
    code = """
import json
def handler(event, context):
    records = event['Records']
    print('GOT ' + json.dumps(dict(Records=records)))
    bad = [r['messageId'] for r in records if r['body'] == 'bad' and r['attributes']['ApproximateReceiveCount'] == '1']
    return {'batchItemFailures': [{'itemIdentifier': one} for one in bad]}
"""
    function, source = deploy(code, Timeout=2), queue(VisibilityTimeout="2")
    entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(["good", "bad", "good"])]
    source.sqs.send_message_batch(QueueUrl=source.url, Entries=entries)
    connect(function, source.arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    found = batches(server, function, 4)
    assert sorted(bodies(found)) == ["bad", "bad", "good", "good"]
    assert [record["body"] for record in found[-1]] == ["bad"]
    source.wait_until_empty()


def test_q_13_f_05_what_no_filter_lets_through_is_deleted(server, deploy, queue, connect):
    function, source = deploy(ECHOES), queue()
    pattern = json.dumps({"body": {"kind": ["order"]}})
    made = connect(
        function,
        source.arn,
        FilterCriteria={"Filters": [{"Pattern": pattern}]},
        MetricsConfig={"Metrics": ["EventCount"]},
    )
    order = json.dumps({"kind": "order"})
    source.send(json.dumps({"kind": "other"}), "text", order)
    assert bodies(batches(server, function, 1)) == [order]
    source.wait_until_empty()
    metrics = server.get("/_lambent/metrics")[2].decode()
    for name, count in {"Polled": 3, "FilteredOut": 2, "Invoked": 1, "Deleted": 3}.items():
        line = f'aws_lambda_{name}EventCount_total{{EventSourceMappingUUID="{made["UUID"]}"}} {count}'
        assert line in metrics, metrics


def test_q_05_a_batch_fills_for_as_long_as_its_window(server, deploy, queue, connect):
    function, source = deploy(ECHOES), queue()
    connect(function, source.arn, BatchSize=50, MaximumBatchingWindowInSeconds=3)
    time.sleep(0.5)
    source.send(*[str(number) for number in range(25)])
    found = batches(server, function, 25)
    assert sorted(bodies(found), key=int) == [str(number) for number in range(25)]
    assert max(map(len, found)) > 10, "more than a queue gives at a time"
    source.wait_until_empty()


#: Prints each batch with when it began and ended.
TIMES = """
import json, time
def handler(event, context):
    began = time.time()
    time.sleep({seconds})
    records = [dict(record, began=began, ended=time.time()) for record in event['Records']]
    print('GOT ' + json.dumps(dict(Records=records)))
"""


def at_once(found):
    """How many batches ran at the same time at most."""
    spans = {(record["began"], record["ended"]) for batch in found for record in batch}
    return max(sum(began <= other < ended for began, ended in spans) for other, _ in spans)


def test_q_06_a_group_comes_in_its_order_one_batch_at_a_time(server, deploy, queue, connect):
    source = queue(FifoQueue="true", ContentBasedDeduplication="true")
    for number in range(12):
        for group in "abc":
            source.send(f"{group}{number}", MessageGroupId=group)
    function = deploy(TIMES.format(seconds=0.05))
    connect(function, source.arn, BatchSize=3)
    found = batches(server, function, 36, timeout_s=60)
    source.wait_until_empty()
    for group in "abc":
        of_group = sorted((record["began"], int(record["body"][1:]), record["ended"]) for batch in found for record in batch if record["body"][0] == group)
        assert [number for _, number, _ in of_group] == list(range(12)), "in order, and once"
        ends = {began: ended for began, _, ended in of_group}
        times = sorted(ends)
        assert all(ends[one] <= other for one, other in zip(times, times[1:], strict=False)), "one batch after the other"
    assert at_once(found) > 1, "groups do not wait for each other"
    attributes = [record["attributes"] for batch in found for record in batch]
    assert {one["ApproximateReceiveCount"] for one in attributes} == {"1"}
    assert {one["MessageGroupId"] for one in attributes} == set("abc")


def test_q_03_concurrency_has_its_maximum(server, deploy, queue, connect):
    function, source = deploy(TIMES.format(seconds=0.3)), queue()
    connect(function, source.arn, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    source.send(*[str(number) for number in range(12)])
    assert at_once(batches(server, function, 12, timeout_s=60)) == 2
    source.wait_until_empty()


def test_q_02_more_and_more_batches_run_at_once_while_there_are_messages(server, deploy, queue, connect):
    function, source = deploy(TIMES.format(seconds=1.5), MemorySize=128), queue()
    entries = [{"Id": str(number), "MessageBody": "m"} for number in range(10)]
    for _ in range(4):
        source.sqs.send_message_batch(QueueUrl=source.url, Entries=entries)
    connect(function, source.arn, BatchSize=1)
    # Five in the beginning, and five more a second.
    assert 5 < at_once(batches(server, function, 40, timeout_s=60)) < 25
    source.wait_until_empty()


def test_q_10_a_batch_without_room_comes_again_and_is_no_dead_letter_of_the_function(
    server, sqs, deploy, queue, connect, lambda_client
):
    letters, source = queue(), queue(VisibilityTimeout="2")
    function = deploy(TIMES.format(seconds=0.5), Timeout=2, DeadLetterConfig={"TargetArn": letters.arn})
    lambda_client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    connect(function, source.arn, BatchSize=1)
    source.send(*[str(number) for number in range(6)])
    found = batches(server, function, 6, timeout_s=60)
    assert sorted(bodies(found)) == [str(number) for number in range(6)]
    assert at_once(found) == 1
    received = [int(record["attributes"]["ApproximateReceiveCount"]) for batch in found for record in batch]
    assert max(received) > 1, "some found no room at first"
    source.wait_until_empty()
    assert letters.left() == 0


def test_a_13_a_function_that_feeds_its_own_queue_is_a_loop(server, sqs, deploy, queue, connect):
    code = """
import boto3, os
sqs = boto3.client('sqs')
def handler(event, context):
    print('PASSED')
    for record in event['Records']:
        sqs.send_message(QueueUrl=os.environ['QUEUE'], MessageBody=record['body'])
"""
    dead = queue()
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1})
    source = queue(VisibilityTimeout="5", RedrivePolicy=policy)
    function = deploy(code, Timeout=5, Environment={"Variables": {"QUEUE": source.url}})
    connect(function, source.arn)
    source.send("m")
    deadline = time.monotonic() + 60
    while not sqs.receive_message(QueueUrl=dead.url, WaitTimeSeconds=1).get("Messages"):
        assert time.monotonic() < deadline
    # What stands still is given up by the queue.
    assert log_of(server, function).count("PASSED\n") == 16


def test_q_11_a_mapping_rests_and_goes_on(server, deploy, queue, connect, lambda_client):
    function, source = deploy(ECHOES), queue()
    made = connect(function, source.arn, Enabled=False)
    assert made["State"] == "Disabled"
    source.send("m")
    time.sleep(1)
    assert source.left() == 1
    changed = lambda_client.update_event_source_mapping(UUID=made["UUID"], Enabled=True, BatchSize=5)
    assert (changed["State"], changed["BatchSize"]) == ("Updating", 5)
    assert bodies(batches(server, function, 1)) == ["m"]
    state(lambda_client, made["UUID"], "Enabled")
    lambda_client.update_event_source_mapping(UUID=made["UUID"], Enabled=False)
    state(lambda_client, made["UUID"], "Disabled")
    source.wait_until_empty()
    source.send("rests")
    time.sleep(1)
    assert source.left() == 1
    assert lambda_client.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    with refused(404, "ResourceNotFoundException"):
        lambda_client.get_event_source_mapping(UUID=made["UUID"])


def test_q_12_what_cannot_be_mapped_is_refused(deploy, queue, connect, lambda_client):
    function, source = deploy(ECHOES, Timeout=5), queue()
    text = (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    with refused(400, "InvalidParameterValueException", text):
        lambda_client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=f"{source.arn}-no")
    hasty = queue(VisibilityTimeout="4")
    text = "Queue visibility timeout: 4 seconds is less than Function timeout: 5 seconds"
    with refused(400, "InvalidParameterValueException", text):
        connect(function, hasty.arn)
    made = connect(function, source.arn)
    with refused(409, "ResourceConflictException", contains=[made["UUID"], source.arn]):
        connect(function, source.arn)
    with refused(400, "InvalidParameterValueException"):
        lambda_client.update_event_source_mapping(UUID=made["UUID"], BatchSize=11)
    lambda_client.update_event_source_mapping(UUID=made["UUID"], ScalingConfig={"MaximumConcurrency": 2})
    pollers = {"MinimumPollers": 2, "MaximumPollers": 3}
    with refused(400, "InvalidParameterValueException", contains=["cannot be specified together"]):
        lambda_client.update_event_source_mapping(UUID=made["UUID"], ProvisionedPollerConfig=pollers)
    with refused(400, "InvalidParameterValueException", "Function does not exist"):
        lambda_client.update_event_source_mapping(UUID=made["UUID"], FunctionName="nowhere")


def test_q_12_a_change_cannot_make_two_of_one(deploy, queue, connect, lambda_client):
    one, two, source = deploy(ECHOES), deploy(ECHOES), queue()
    connect(one, source.arn)
    made = connect(two, source.arn)
    with refused(409, "ResourceConflictException"):
        lambda_client.update_event_source_mapping(UUID=made["UUID"], FunctionName=one.name)


def test_mappings_are_listed_and_tagged(deploy, queue, connect, lambda_client):
    function, first, second = deploy(ECHOES), queue(), queue()
    one, two = connect(function, first.arn, Tags={"a": "b"}), connect(function, second.arn)
    listed = lambda_client.list_event_source_mappings(FunctionName=function.name)["EventSourceMappings"]
    assert {mapping["UUID"] for mapping in listed} == {one["UUID"], two["UUID"]}
    [found] = lambda_client.list_event_source_mappings(EventSourceArn=second.arn)["EventSourceMappings"]
    assert found["UUID"] == two["UUID"]
    pages = lambda_client.get_paginator("list_event_source_mappings").paginate(
        FunctionName=function.name, PaginationConfig={"PageSize": 1}
    )
    assert sum(len(page["EventSourceMappings"]) for page in pages) == 2
    arn = one["EventSourceMappingArn"]
    lambda_client.tag_resource(Resource=arn, Tags={"c": "d"})
    lambda_client.untag_resource(Resource=arn, TagKeys=["a"])
    assert lambda_client.list_tags(Resource=arn)["Tags"] == {"c": "d"}


def test_an_alias_is_mapped(server, deploy, queue, connect, lambda_client):
    function, source = deploy(ECHOES), queue()
    version = lambda_client.publish_version(FunctionName=function.name)["Version"]
    lambda_client.create_alias(FunctionName=function.name, Name="live", FunctionVersion=version)
    made = lambda_client.create_event_source_mapping(FunctionName=f"{function.name}:live", EventSourceArn=source.arn)
    assert made["FunctionArn"] == f"{function.arn}:live"
    source.send("m")
    assert bodies(batches(server, function, 1)) == ["m"]
    lambda_client.delete_event_source_mapping(UUID=made["UUID"])


def test_a_mapping_survives_a_crash_and_loses_nothing(fresh_server, deploy_to, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path)
    # What is printed is not on disk at once: nothing is deleted before its line is.
    function = deploy_to(server)(f"{ECHOES}    import time\n    time.sleep(0.5)\n", Timeout=3)
    source = Queue(server.client(service="sqs"), VisibilityTimeout="3")
    made = server.client().create_event_source_mapping(FunctionName=function.name, EventSourceArn=source.arn)
    sent = [str(number) for number in range(60)]
    source.send(*sent)
    server.kill()
    again = fresh_server("--no-sdk", data_dir=tmp_path)
    assert again.client().get_event_source_mapping(UUID=made["UUID"])["EventSourceArn"] == source.arn
    source.sqs = again.client(service="sqs")
    source.url = source.sqs.get_queue_url(QueueName=source.name)["QueueUrl"]
    source.wait_until_empty(timeout_s=60)
    assert set(bodies(batches(again, function, 60))) == set(sent)


def test_the_queues_of_another_endpoint_are_read(fresh_server, deploy_to):
    elsewhere = fresh_server("--no-sdk")
    keys = {"LAMBENT_SQS_ACCESS_KEY_ID": "test", "LAMBENT_SQS_SECRET_ACCESS_KEY": "test"}
    server = fresh_server("--no-sdk", "--service-endpoint", f"sqs={elsewhere.endpoint}", env=keys)
    function = deploy_to(server)(ECHOES)
    source = Queue(elsewhere.client(service="sqs"))
    client = server.client()
    made = client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=source.arn)
    source.send("m", MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": b"\x01"}})
    [[record]] = batches(server, function, 1)
    assert (record["body"], record["messageAttributes"]["a"]["binaryValue"]) == ("m", "AQ==")
    source.wait_until_empty()
    text = (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    with refused(400, "InvalidParameterValueException", text):
        client.create_event_source_mapping(FunctionName=function.name, EventSourceArn=f"{source.arn}-no")
    client.delete_event_source_mapping(UUID=made["UUID"])
