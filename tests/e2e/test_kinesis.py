"""Kinesis Data Streams: records in shards, in the order in which they came, for as long as the stream keeps them."""

import datetime
import hashlib
import time

import pytest

from dynamo import unique
from queues import ACCOUNT
from refusals import refused

REGION = "us-east-1"
HASHES = 2**128


@pytest.fixture
def kinesis(server):
    return server.client(service="kinesis")


@pytest.fixture
def stream(kinesis):
    """Makes streams, which go with the test."""
    made = []

    def make(shards=1, **more):
        name = unique("stream")
        request = more if "StreamModeDetails" in more else {"ShardCount": shards, **more}
        kinesis.create_stream(StreamName=name, **request)
        made.append(name)
        return name

    yield make
    for name in made:
        kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def arn_of(name):
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def shards_of(kinesis, name):
    return kinesis.list_shards(StreamName=name)["Shards"]


def is_open(shard):
    return "EndingSequenceNumber" not in shard["SequenceNumberRange"]


def put(kinesis, name, *keys):
    return [kinesis.put_record(StreamName=name, Data=f"data of {key}".encode(), PartitionKey=str(key)) for key in keys]


def read(kinesis, name, shard="shardId-000000000000", kind="TRIM_HORIZON", limit=1000, **where):
    """Records of a shard until there are no more."""
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **where)["ShardIterator"]
    found = []
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator, Limit=limit)
        found += answer["Records"]
        if not answer["Records"]:
            break
        iterator = answer.get("NextShardIterator")
    return found


def keys(records):
    return [record["PartitionKey"] for record in records]


def test_a_stream_is_as_it_was_made(kinesis, stream):
    name = stream(3, Tags={"a": "b"})
    described = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    expected = {
        "StreamName": name,
        "StreamARN": arn_of(name),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "HasMoreShards": False,
        "RetentionPeriodHours": 24,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }
    assert {key: described[key] for key in expected} == expected
    ranges = [(int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in described["Shards"]]
    assert [low for low, _ in ranges] == [0] + [high + 1 for _, high in ranges[:-1]] and ranges[-1][1] == HASHES - 1
    assert [shard["ShardId"] for shard in described["Shards"]] == [f"shardId-{number:012}" for number in range(3)]
    some = kinesis.describe_stream(StreamARN=arn_of(name), Limit=2)["StreamDescription"]
    assert (len(some["Shards"]), some["HasMoreShards"]) == (2, True)
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["ConsumerCount"], summary["MaxRecordSizeInKiB"]) == (3, 0, 1024)
    on_demand = stream(StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(shards_of(kinesis, on_demand)) == 4
    both = sorted([name, on_demand])
    listed = kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1}).build_full_result()["StreamNames"]
    assert [one for one in listed if one in both] == both
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_records_are_in_the_shard_of_their_key_in_order(kinesis, stream):
    name = stream(4)
    shards = shards_of(kinesis, name)
    for number in range(40):
        answer = kinesis.put_record(StreamName=name, Data=str(number), PartitionKey=f"k{number % 8}")
        hashed = int(hashlib.md5(f"k{number % 8}".encode()).hexdigest(), 16)
        [owner] = [s for s in shards if int(s["HashKeyRange"]["StartingHashKey"]) <= hashed <= int(s["HashKeyRange"]["EndingHashKey"])]
        assert answer["ShardId"] == owner["ShardId"]
    found = {shard["ShardId"]: read(kinesis, name, shard["ShardId"], limit=3) for shard in shards}
    assert sum(map(len, found.values())) == 40
    for records in found.values():
        assert [int(record["Data"]) for record in records] == sorted(int(record["Data"]) for record in records)
        numbers = [int(record["SequenceNumber"]) for record in records]
        assert numbers == sorted(set(numbers))
    explicit = [{"Data": b"x", "PartitionKey": "same", "ExplicitHashKey": shard["HashKeyRange"]["EndingHashKey"]} for shard in shards]
    put = kinesis.put_records(StreamARN=arn_of(name), Records=explicit)
    assert put["FailedRecordCount"] == 0
    assert [entry["ShardId"] for entry in put["Records"]] == [shard["ShardId"] for shard in shards]


def test_iterators_begin_where_they_say(kinesis, stream):
    name = stream()
    first, second = put(kinesis, name, "a", "b")
    time.sleep(0.01)
    between = datetime.datetime.now(datetime.timezone.utc)
    put(kinesis, name, "c")
    at = {"StartingSequenceNumber": second["SequenceNumber"]}
    assert keys(read(kinesis, name)) == ["a", "b", "c"]
    assert keys(read(kinesis, name, kind="AT_SEQUENCE_NUMBER", **at)) == ["b", "c"]
    assert keys(read(kinesis, name, kind="AFTER_SEQUENCE_NUMBER", **at)) == ["c"]
    assert keys(read(kinesis, name, kind="AT_TIMESTAMP", Timestamp=between)) == ["c"]
    latest = kinesis.get_shard_iterator(StreamName=name, ShardId="0", ShardIteratorType="LATEST")["ShardIterator"]
    assert kinesis.get_records(ShardIterator=latest)["Records"] == []
    put(kinesis, name, "d")
    assert keys(kinesis.get_records(ShardIterator=latest)["Records"]) == ["d"]
    behind = kinesis.get_shard_iterator(StreamName=name, ShardId="0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=behind, Limit=1)
    assert answer["MillisBehindLatest"] > 0
    record = answer["Records"][0]
    assert (record["Data"], record["EncryptionType"], record["SequenceNumber"]) == (b"data of a", "NONE", first["SequenceNumber"])
    assert abs(record["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60


def test_a_shard_is_split_and_two_are_merged(kinesis, stream):
    name = stream(2)
    put(kinesis, name, *range(20))
    before = {shard["ShardId"]: keys(read(kinesis, name, shard["ShardId"])) for shard in shards_of(kinesis, name)}
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000001", NewStartingHashKey=str(2**127 + 2**126))
    zero, one, two, three = shards_of(kinesis, name)
    assert [is_open(shard) for shard in (zero, one, two, three)] == [True, False, True, True]
    assert two["ParentShardId"] == three["ParentShardId"] == "shardId-000000000001"
    put(kinesis, name, *range(20))
    # The old shard has what it had, and an end.
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=one["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=iterator)
    assert keys(answer["Records"]) == before[one["ShardId"]] and "NextShardIterator" not in answer
    assert [child["ShardId"] for child in answer["ChildShards"]] == [two["ShardId"], three["ShardId"]]
    assert sorted(keys(read(kinesis, name, two["ShardId"])) + keys(read(kinesis, name, three["ShardId"]))) == sorted(before[one["ShardId"]])
    kinesis.merge_shards(StreamName=name, ShardToMerge=two["ShardId"], AdjacentShardToMerge=three["ShardId"])
    merged = shards_of(kinesis, name)[-1]
    assert (merged["ParentShardId"], merged["AdjacentParentShardId"]) == (two["ShardId"], three["ShardId"])
    assert merged["HashKeyRange"] == one["HashKeyRange"]
    only_open = kinesis.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    assert [shard["ShardId"] for shard in only_open] == [zero["ShardId"], merged["ShardId"]]


@pytest.mark.parametrize(("initial", "target", "total"), [(2, 4, 6), (4, 5, 15), (4, 2, 6), (5, 3, 7)])
def test_shards_are_scaled_as_aws_does_it(kinesis, stream, initial, target, total):
    name = stream(initial)
    answer = kinesis.update_shard_count(StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (initial, target)
    shards = shards_of(kinesis, name)
    still_open = sorted((shard for shard in shards if is_open(shard)), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    assert (len(shards), len(still_open)) == (total, target)
    ranges = [(int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in still_open]
    assert [low for low, _ in ranges] == [0] + [high + 1 for _, high in ranges[:-1]] and ranges[-1][1] == HASHES - 1


def test_settings_of_a_stream_change(kinesis, stream):
    name = stream()
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    kinesis.decrease_stream_retention_period(StreamARN=arn_of(name), RetentionPeriodHours=36)
    kinesis.update_stream_mode(StreamARN=arn_of(name), StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.update_max_record_size(StreamARN=arn_of(name), MaxRecordSizeInKiB=2048)
    enabled = kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingBytes"])
    assert (enabled["CurrentShardLevelMetrics"], enabled["DesiredShardLevelMetrics"]) == ([], ["IncomingBytes"])
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (summary["RetentionPeriodHours"], summary["MaxRecordSizeInKiB"]) == (36, 2048)
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    kinesis.put_record(StreamName=name, Data=b"x" * 1_500_000, PartitionKey="k")
    disabled = kinesis.disable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
    assert disabled["DesiredShardLevelMetrics"] == []
    kinesis.add_tags_to_stream(StreamName=name, Tags={"a": "1", "b": "2"})
    kinesis.tag_resource(ResourceARN=arn_of(name), Tags={"c": "3"})
    kinesis.remove_tags_from_stream(StreamName=name, TagKeys=["b"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn_of(name))["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "c", "Value": "3"}]
    some = kinesis.list_tags_for_stream(StreamName=name, Limit=1)
    assert ([tag["Key"] for tag in some["Tags"]], some["HasMoreTags"]) == (["a"], True)
    policy = '{"Version": "2012-10-17", "Statement": []}'
    kinesis.put_resource_policy(ResourceARN=arn_of(name), Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=arn_of(name))["Policy"] == policy
    kinesis.delete_resource_policy(ResourceARN=arn_of(name))
    assert kinesis.get_resource_policy(ResourceARN=arn_of(name))["Policy"] == "{}"
    limits = kinesis.describe_limits()
    assert limits["OnDemandStreamCount"] >= 1 and limits["ShardLimit"] >= limits["OpenShardCount"]


def test_consumers_have_names(kinesis, stream):
    name = stream()
    made = [kinesis.register_stream_consumer(StreamARN=arn_of(name), ConsumerName=one)["Consumer"] for one in ("b", "a")]
    assert made[0]["ConsumerARN"].startswith(f"{arn_of(name)}/consumer/b:") and made[0]["ConsumerStatus"] == "ACTIVE"
    first = kinesis.list_stream_consumers(StreamARN=arn_of(name), MaxResults=1)
    assert [one["ConsumerName"] for one in first["Consumers"]] == ["a"]
    rest = kinesis.list_stream_consumers(StreamARN=arn_of(name), NextToken=first["NextToken"])
    assert [one["ConsumerName"] for one in rest["Consumers"]] == ["b"] and "NextToken" not in rest
    described = kinesis.describe_stream_consumer(ConsumerARN=made[1]["ConsumerARN"])["ConsumerDescription"]
    assert (described["ConsumerName"], described["StreamARN"]) == ("a", arn_of(name))
    with refused(400, "ResourceInUseException"):
        kinesis.register_stream_consumer(StreamARN=arn_of(name), ConsumerName="a")
    with refused(400, "ResourceInUseException"):
        kinesis.delete_stream(StreamName=name)
    kinesis.deregister_stream_consumer(StreamARN=arn_of(name), ConsumerName="a")
    gone = made[1]["ConsumerARN"]
    with refused(400, "ResourceNotFoundException", f"Consumer {gone}, account {ACCOUNT} not found."):
        kinesis.describe_stream_consumer(ConsumerARN=gone)


def test_what_is_wrong_is_refused(kinesis, stream):
    name, of = stream(2), f"under account {ACCOUNT}"
    shard, taken = "shardId-000000000001", name
    for operation, request, code, text in [
        ("create_stream", {"StreamName": taken, "ShardCount": 1}, "ResourceInUseException", f"Stream {taken} {of} already exists."),
        ("create_stream", {"StreamName": "more", "ShardCount": 9999}, "LimitExceededException", "would exceed the shard limit"),
        ("create_stream", {"StreamName": "none"}, "ValidationException", "ShardCount"),
        ("describe_stream", {"StreamName": "nowhere"}, "ResourceNotFoundException", f"Stream nowhere {of} not found."),
        ("describe_stream", {}, "InvalidArgumentException", "StreamName or StreamARN"),
        ("get_records", {"ShardIterator": "none"}, "InvalidArgumentException", "Invalid ShardIterator."),
        (
            "get_shard_iterator",
            {"StreamName": name, "ShardId": "7", "ShardIteratorType": "LATEST"},
            "ResourceNotFoundException",
            f"Shard shardId-000000000007 in stream {name} {of} does not exist",
        ),
        (
            "get_shard_iterator",
            {"StreamName": name, "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "12"},
            "InvalidArgumentException",
            "is invalid because it did not come from this stream.",
        ),
        (
            "split_shard",
            {"StreamName": name, "ShardToSplit": shard, "NewStartingHashKey": "170141183460469231731687303715884000000"},
            "InvalidArgumentException",
            f"used in SplitShard() on shard {shard} in stream {name} {of} is not both greater than one plus",
        ),
        ("split_shard", {"StreamName": name, "ShardToSplit": "unknown", "NewStartingHashKey": "9"}, "ResourceNotFoundException", "Could not find"),
        ("merge_shards", {"StreamName": name, "ShardToMerge": shard, "AdjacentShardToMerge": shard}, "InvalidArgumentException", "adjacent pair"),
        (
            "update_shard_count",
            {"StreamName": name, "TargetShardCount": 5, "ScalingType": "UNIFORM_SCALING"},
            "InvalidArgumentException",
            "cannot scale up over double your current open shard count",
        ),
        (
            "increase_stream_retention_period",
            {"StreamName": name, "RetentionPeriodHours": 20},
            "InvalidArgumentException",
            "Minimum allowed retention period is 24 hours. Requested retention period (20 hours) is too short.",
        ),
        (
            "put_record",
            {"StreamName": name, "Data": b"x" * (2**20 + 1), "PartitionKey": "k"},
            "ValidationException",
            "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576",
        ),
        (
            "put_records",
            {"StreamName": name, "Records": [{"Data": b"x" * (2**20 - 1), "PartitionKey": "k"}] * 11},
            "InvalidArgumentException",
            "Records size exceeds 10 MB limit",
        ),
        ("put_record", {"StreamName": name, "Data": b"", "PartitionKey": "k", "DryRun": True}, "DryRunOperationException", "would have succeeded"),
        ("delete_resource_policy", {"ResourceARN": arn_of(name)}, "ResourceNotFoundException", "No resource policy found"),
    ]:
        with pytest.raises(kinesis.exceptions.ClientError) as error:
            getattr(kinesis, operation)(**request)
        answer = error.value.response["Error"]
        assert (answer["Code"], text in answer["Message"]) == (code, True), (operation, answer)
    kinesis.split_shard(StreamName=name, ShardToSplit=shard, NewStartingHashKey=str(2**127 + 9))
    with refused(400, "InvalidArgumentException", contains=[f"Shard {shard} in stream {name} {of} has already been merged"]):
        kinesis.split_shard(StreamName=name, ShardToSplit=shard, NewStartingHashKey=str(2**127 + 9))


def test_what_is_not_built_says_so(kinesis, stream):
    name = stream()
    with refused(501, "NotImplemented", contains=["StartStreamEncryption"]):
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/aws/kinesis")


def test_what_was_acknowledged_survives_a_kill(fresh_server, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path)
    kinesis = server.client(service="kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    acknowledged = [answer["SequenceNumber"] for answer in put(kinesis, "s", *range(50))]
    server.kill()
    kinesis = fresh_server("--no-sdk", data_dir=tmp_path).client(service="kinesis")
    found = read(kinesis, "s")
    assert [record["SequenceNumber"] for record in found] == acknowledged
    assert keys(found) == [str(number) for number in range(50)]
    [later] = put(kinesis, "s", "later")
    assert int(later["SequenceNumber"]) > int(acknowledged[-1])
