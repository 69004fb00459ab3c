"""Event source mappings of Kinesis (B.12): what they have in common with those of tables is tried in `test_stream_mappings.py`."""

import base64
import json
import time

import pytest

from dynamo import unique
from mappings import ECHOES, batches
from queues import ACCOUNT, Queue

HORIZON = {"StartingPosition": "TRIM_HORIZON"}
HALF = str(2**127)


class Stream:
    """A stream of its own."""

    def __init__(self, kinesis, shards):
        self.kinesis = kinesis
        self.name = unique("stream")
        self.arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{self.name}"
        kinesis.create_stream(StreamName=self.name, ShardCount=shards)

    def put(self, *bodies, key=None):
        for body in bodies:
            self.kinesis.put_record(StreamName=self.name, Data=str(body).encode(), PartitionKey=key or str(body))


@pytest.fixture
def stream(server):
    """Makes streams, which go with the test."""
    made, kinesis = [], server.client(service="kinesis")

    def make(shards=1):
        made.append(Stream(kinesis, shards))
        return made[-1]

    yield make
    for one in made:
        kinesis.delete_stream(StreamName=one.name, EnforceConsumerDeletion=True)


def data(found):
    return [base64.b64decode(record["kinesis"]["data"]).decode() for batch in found for record in batch]


def test_records_reach_their_function(server, deploy, stream, connect):
    source, function = stream(2), deploy(ECHOES)
    source.put(*range(10))
    made = connect(function, source.arn, **HORIZON)
    assert (made["BatchSize"], made["StartingPosition"], made["State"]) == (100, "TRIM_HORIZON", "Creating")
    found = batches(server, function, 10)
    assert sorted(data(found), key=int) == [str(number) for number in range(10)]
    for batch in found:
        assert len({record["eventID"].split(":")[0] for record in batch}) == 1, "a batch is of one shard"
    record = found[0][0]
    role = function.client.get_function_configuration(FunctionName=function.name)["Role"]
    expected = {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role,
        "awsRegion": "us-east-1",
        "eventSourceARN": source.arn,
    }
    assert {name: record[name] for name in expected} == expected
    assert record["eventID"].endswith(f":{record['kinesis']['sequenceNumber']}")
    assert abs(record["kinesis"]["approximateArrivalTimestamp"] - time.time()) < 60


def test_shards_that_are_split_and_merged_are_read_parents_first(server, deploy, stream, connect):
    source, function = stream(), deploy(ECHOES)
    connect(function, source.arn, BatchSize=7, **HORIZON)
    kinesis = source.kinesis
    for round in range(3):
        for key in range(8):
            source.put(*[f"{key} {round} {number}" for number in range(3)], key=str(key))
        shards = kinesis.list_shards(StreamName=source.name, ShardFilter={"Type": "AT_LATEST"})["Shards"]
        if round == 0:
            kinesis.split_shard(StreamName=source.name, ShardToSplit=shards[0]["ShardId"], NewStartingHashKey=HALF)
        elif round == 1:
            one, other = (shard["ShardId"] for shard in shards)
            kinesis.merge_shards(StreamName=source.name, ShardToMerge=one, AdjacentShardToMerge=other)
    found = data(batches(server, function, 72, timeout_s=60))
    assert len(found) == len(set(found)) == 72
    for key in range(8):
        of_key = [body for body in found if body.startswith(f"{key} ")]
        assert of_key == [f"{key} {round} {number}" for round in range(3) for number in range(3)]


def test_a_stream_that_is_made_anew_is_read_anew(server, deploy, stream, connect):
    source, function = stream(), deploy(ECHOES)
    connect(function, source.arn, **HORIZON)
    source.put("before")
    batches(server, function, 1)
    source.kinesis.delete_stream(StreamName=source.name)
    source.kinesis.create_stream(StreamName=source.name, ShardCount=1)
    source.put("after")
    assert data(batches(server, function, 2)) == ["before", "after"]


def test_a_mapping_begins_at_a_time(server, deploy, stream, connect):
    source, function = stream(), deploy(ECHOES)
    source.put("early")
    time.sleep(0.05)
    now = time.time()
    source.put("late")
    made = connect(function, source.arn, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=now)
    assert abs(made["StartingPositionTimestamp"].timestamp() - now) < 0.01
    assert data(batches(server, function, 1)) == ["late"]


def test_f_05_filters_see_data_that_is_json(server, deploy, stream, connect):
    source, function = stream(), deploy(ECHOES)
    pattern = {"data": {"kind": ["order"]}}
    connect(function, source.arn, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]}, **HORIZON)
    source.put('{"kind": "order", "n": 1}', "no json", '{"kind": "other"}', '{"kind": "order", "n": 2}', key="k")
    assert [json.loads(body)["n"] for body in data(batches(server, function, 2))] == [1, 2]


def test_k_06_what_is_given_up_is_told_with_milliseconds(server, deploy, stream, connect, sqs):
    source, queue = stream(), Queue(sqs)
    function = deploy("def handler(event, context):\n    raise ValueError('bad')\n")
    connect(function, source.arn, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": queue.arn}}, **HORIZON)
    source.put("a")
    [told] = queue.bodies(1)
    info = told["KinesisBatchInfo"]
    assert (info["batchSize"], info["shardId"], info["streamArn"]) == (1, "shardId-000000000000", source.arn)
    assert len(info["approximateArrivalOfFirstRecord"]) == len("2019-11-14T00:38:04.835Z")
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_consumer_is_a_source_too(server, deploy, stream, connect):
    source, function = stream(), deploy(ECHOES)
    consumer = source.kinesis.register_stream_consumer(StreamARN=source.arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    connect(function, consumer, **HORIZON)
    source.put("a")
    [[record]] = batches(server, function, 1)
    assert record["eventSourceARN"] == consumer
    with pytest.raises(function.client.exceptions.InvalidParameterValueException, match="Stream not found"):
        connect(function, f"{source.arn}/consumer/none:1", **HORIZON)
