"""DynamoDB Streams: what was written, in the order in which it was, once."""

import concurrent.futures
import time

import pytest

from dynamo import ON_DEMAND, REGION, definitions, index, schema, unique
from lambent import Server
from refusals import refused

BOTH = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
BEGINNING = {"ShardIteratorType": "TRIM_HORIZON"}


@pytest.fixture
def streams(server):
    return server.client(service="dynamodbstreams")


def arn_of(items):
    return items.meta.client.describe_table(TableName=items.name)["Table"]["LatestStreamArn"]


def shard_of(streams, arn):
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return shard["ShardId"]


def iterator_of(streams, arn, **where):
    return streams.get_shard_iterator(StreamArn=arn, ShardId=shard_of(streams, arn), **(where or BEGINNING))["ShardIterator"]


def records_of(streams, arn, **where):
    """All that there are, in pages of two."""
    iterator, found = iterator_of(streams, arn, **where), []
    while True:
        answer = streams.get_records(ShardIterator=iterator, Limit=2)
        found += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if iterator is None or not answer["Records"]:
            return found


def test_a_stream_has_what_was_written(table, streams):
    items = table(**BOTH)
    arn = arn_of(items)
    items.put_item(Item={"p": "k", "n": 1})
    items.put_item(Item={"p": "k", "n": 1})
    items.update_item(Key={"p": "k"}, UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": 1})
    items.delete_item(Key={"p": "k"})
    items.delete_item(Key={"p": "k"})
    with items.batch_writer() as batch:
        batch.put_item(Item={"p": "batch"})
    items.meta.client.transact_write_items(TransactItems=[{"Put": {"TableName": items.name, "Item": {"p": "transaction"}}}])
    found = records_of(streams, arn)
    key, one, two = {"p": {"S": "k"}}, {"p": {"S": "k"}, "n": {"N": "1"}}, {"p": {"S": "k"}, "n": {"N": "2"}}
    images = [(record["eventName"], record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage")) for record in found]
    # What changes nothing is no record.
    assert images == [
        ("INSERT", None, one),
        ("MODIFY", one, two),
        ("REMOVE", two, None),
        ("INSERT", None, {"p": {"S": "batch"}}),
        ("INSERT", None, {"p": {"S": "transaction"}}),
    ]
    first = found[0]
    assert (first["eventVersion"], first["eventSource"], first["awsRegion"]) == ("1.1", "aws:dynamodb", REGION)
    assert first["dynamodb"]["Keys"] == key and first["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert first["dynamodb"]["SizeBytes"] == 2 + (2 + 1 + 2)
    assert abs(first["dynamodb"]["ApproximateCreationDateTime"].timestamp() - time.time()) < 60 and "userIdentity" not in first
    sequence = [int(record["dynamodb"]["SequenceNumber"]) for record in found]
    assert sequence == sorted(set(sequence)) and len({record["eventID"] for record in found}) == len(found)
    third = found[2]["dynamodb"]["SequenceNumber"]
    assert records_of(streams, arn, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=third) == found[2:]
    assert records_of(streams, arn, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=third) == found[3:]
    latest = iterator_of(streams, arn, ShardIteratorType="LATEST")
    items.put_item(Item={"p": "later"})
    (later,) = streams.get_records(ShardIterator=latest)["Records"]
    assert later["dynamodb"]["Keys"] == {"p": {"S": "later"}}


@pytest.mark.parametrize(
    ("view_type", "images"),
    [("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"}), ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"})],
)
def test_a_record_has_the_images_of_its_view(table, streams, view_type, images):
    items = table(StreamSpecification={"StreamEnabled": True, "StreamViewType": view_type})
    for number in range(2):
        items.put_item(Item={"p": "k", "n": number})
    record = records_of(streams, arn_of(items))[1]["dynamodb"]
    assert {name for name in record if name.endswith("Image")} == images


def test_a_stream_is_described_and_listed(table, dynamodb, streams):
    items = table(sort="s", **BOTH)
    arn = arn_of(items)
    label = dynamodb.describe_table(TableName=items.name)["Table"]["LatestStreamLabel"]
    assert arn.endswith(f":table/{items.name}/stream/{label}")
    found = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert (found["StreamLabel"], found["StreamStatus"], found["TableName"]) == (label, "ENABLED", items.name)
    assert found["KeySchema"] == schema("p", "s") and "EndingSequenceNumber" not in found["Shards"][0]["SequenceNumberRange"]
    mine = streams.list_streams(TableName=items.name)["Streams"]
    assert mine == [{"StreamArn": arn, "TableName": items.name, "StreamLabel": label}]
    with refused(400, "ValidationException", contains=["already has an enabled stream"]):
        dynamodb.update_table(TableName=items.name, **BOTH)
    items.put_item(Item={"p": "k", "s": 1})
    changed = dynamodb.update_table(TableName=items.name, StreamSpecification={"StreamEnabled": False})["TableDescription"]
    assert changed["LatestStreamArn"] == arn and "StreamSpecification" not in changed
    items.put_item(Item={"p": "k", "s": 2})
    # What it has can be read; its shard has an end.
    assert len(records_of(streams, arn)) == 1
    ended = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert ended["StreamStatus"] == "DISABLED" and "EndingSequenceNumber" in ended["Shards"][0]["SequenceNumberRange"]
    assert "NextShardIterator" not in streams.get_records(ShardIterator=iterator_of(streams, arn))
    dynamodb.update_table(TableName=items.name, **BOTH)
    assert len(streams.list_streams(TableName=items.name)["Streams"]) == 2
    assert records_of(streams, arn_of(items)) == []


def test_a_stream_outlives_its_table(dynamodb, streams):
    name = unique("table")
    made = dynamodb.create_table(TableName=name, KeySchema=schema("p"), AttributeDefinitions=definitions(p="S"), **ON_DEMAND, **BOTH)
    arn = made["TableDescription"]["LatestStreamArn"]
    dynamodb.put_item(TableName=name, Item={"p": {"S": "k"}})
    dynamodb.delete_table(TableName=name)
    assert [record["eventName"] for record in records_of(streams, arn)] == ["INSERT"]


def test_what_expires_is_told_as_the_services_own(table, dynamodb, streams):
    items = table(**BOTH)
    dynamodb.update_time_to_live(TableName=items.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "at"})
    items.put_item(Item={"p": "k", "at": int(time.time()) - 5})
    deadline = time.monotonic() + 25
    while len(found := records_of(streams, arn_of(items))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert (found[1]["eventName"], found[1]["userIdentity"]) == ("REMOVE", {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"})


def test_many_writers_are_in_one_order(table, streams):
    items = table(**BOTH)

    def write(writer):
        for _ in range(25):
            items.update_item(Key={"p": f"k{writer % 2}"}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": 1})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    found = records_of(streams, arn_of(items))
    for key in ("k0", "k1"):
        counts = [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in found if record["dynamodb"]["Keys"]["p"]["S"] == key]
        assert counts == list(range(1, 101))


def test_wrong_requests_are_refused(table, streams):
    arn = arn_of(table(**BOTH))
    gone = arn.replace("/table-", "/elbat-")
    with refused(400, "ResourceNotFoundException", f"Requested resource not found: Stream: {gone} not found"):
        streams.describe_stream(StreamArn=gone)
    with refused(400, "ResourceNotFoundException", contains=["Shard does not exist"]):
        streams.get_shard_iterator(StreamArn=arn, ShardId="shardId-00000000000000000000-00000000", ShardIteratorType="LATEST")
    with refused(400, "ValidationException", "Invalid ShardIterator"):
        streams.get_records(ShardIterator="no iterator")
    with refused(400, "ValidationException"):
        streams.get_shard_iterator(StreamArn=arn, ShardId=shard_of(streams, arn), ShardIteratorType="AT_SEQUENCE_NUMBER")
    for specification in ({"StreamEnabled": True}, {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}):
        with refused(400, "ValidationException", contains=["StreamViewType"]):
            table(StreamSpecification=specification)


def test_records_survive_a_kill_with_their_items(fresh_server):
    server = fresh_server("--isolation", "process", "--no-sdk")
    dynamodb = server.client(service="dynamodb")
    made = dynamodb.create_table(
        TableName="tab", KeySchema=schema("p"), AttributeDefinitions=definitions(p="S", g="S"), GlobalSecondaryIndexes=[index("by-g", "g")], **ON_DEMAND, **BOTH
    )
    for number in range(30):
        dynamodb.put_item(TableName="tab", Item={"p": {"S": str(number)}})
    server.kill()
    again = Server(server.data_dir, "--isolation", "process", "--no-sdk")
    try:
        found = records_of(again.client(service="dynamodbstreams"), made["TableDescription"]["LatestStreamArn"])
        assert [record["dynamodb"]["Keys"]["p"]["S"] for record in found] == [str(number) for number in range(30)]
    finally:
        again.stop()
