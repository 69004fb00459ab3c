"""Event source mappings of DynamoDB streams (B.12): records reach their function in order, and none is passed that is not done."""

import json
import time

import pytest

from dynamo import Tables
from faults import Faults
from mappings import ECHOES, batches, events, state
from queues import ACCOUNT, Queue
from refusals import refused

BOTH = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
HORIZON = {"StartingPosition": "TRIM_HORIZON"}
#: Fails while a record of its batch is poisoned, and says each time what it got.
PICKY = """
import json
def handler(event, context):
    print('GOT ' + json.dumps(event))
    if any('bad' in record['dynamodb']['NewImage'] for record in event['Records']):
        raise ValueError('bad')
"""


@pytest.fixture
def stream(table):
    """A table with a stream, and the ARN of that."""

    def make():
        items = table(**BOTH)
        return items, arn_of(items)

    return make


def arn_of(items):
    return items.meta.client.describe_table(TableName=items.name)["Table"]["LatestStreamArn"]


def put(items, *keys, **more):
    for key in keys:
        items.put_item(Item={"p": str(key), **more})


def keys(records):
    return [record["dynamodb"]["Keys"]["p"]["S"] for record in records]


def tried(found):
    return ["".join(keys(batch)) for batch in found]


def wait_for(what, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_k_02_a_mapping_has_awss_defaults_and_brings_records(server, deploy, stream, connect, lambda_client):
    (items, arn), function = stream(), deploy(ECHOES)
    put(items, "a")
    made = connect(function, arn, **HORIZON)
    shown = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "BisectBatchOnFunctionError": False,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "DestinationConfig": {"OnFailure": {}},
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "EventSourceArn": arn,
    }
    assert {name: made[name] for name in shown} == shown
    put(items, "a", n=1)
    items.delete_item(Key={"p": "a"})
    first, second, third = (record for batch in batches(server, function, 3) for record in batch)
    assert [record["eventName"] for record in (first, second, third)] == ["INSERT", "MODIFY", "REMOVE"]
    assert (second["eventSource"], second["eventSourceARN"], second["awsRegion"]) == ("aws:dynamodb", arn, "us-east-1")
    assert second["dynamodb"]["OldImage"] == {"p": {"S": "a"}}
    assert second["dynamodb"]["NewImage"] == {"p": {"S": "a"}, "n": {"N": "1"}}
    assert isinstance(second["dynamodb"]["ApproximateCreationDateTime"], float)
    assert state(lambda_client, made["UUID"], "Enabled")["LastProcessingResult"] == "OK"
    again = 'The event source arn (" {} ") and function (" {} ") provided mapping already exists. '.format(arn, function.name)
    with refused(409, "ResourceConflictException", again + f"Please update or delete the existing mapping with UUID {made['UUID']}"):
        connect(function, arn, **HORIZON)


def test_what_a_mapping_cannot_be(deploy, stream, connect):
    (_, arn), function = stream(), deploy(ECHOES)
    gone = f"{arn[:-3]}000"
    for options, text in [
        ({"EventSourceArn": gone, **HORIZON}, f"Stream not found: {gone}"),
        ({"MaximumRecordAgeInSeconds": 30, **HORIZON}, "MaximumRecordAgeInSeconds"),
        ({"DestinationConfig": {"OnFailure": {"Destination": function.arn}}, **HORIZON}, "is invalid."),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"dynamodb": ["text"]}'}]}, **HORIZON}, "Invalid filter pattern definition."),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1}, "Unsupported starting position"),
    ]:
        with pytest.raises(function.client.exceptions.InvalidParameterValueException) as error:
            connect(function, options.pop("EventSourceArn", arn), **options)
        assert text in str(error.value)


def test_latest_is_what_comes_after_the_mapping(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(ECHOES)
    put(items, *"abc")
    connect(function, arn, StartingPosition="LATEST")
    put(items, *"def")
    assert tried(batches(server, function, 3)) and keys([r for b in batches(server, function, 3) for r in b]) == list("def")


def test_f_05_filters_see_the_whole_record(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(ECHOES)
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"size": {"N": [{"prefix": "1"}]}}}}
    connect(function, arn, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]}, **HORIZON)
    for key, size in enumerate([1, 2, 10, 20, 100]):
        put(items, key, size=size)
    items.delete_item(Key={"p": "0"})
    assert keys([record for batch in batches(server, function, 3) for record in batch]) == ["0", "2", "4"]


def test_a_batch_is_as_large_as_it_may_be_and_waits_for_its_window(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(ECHOES)
    put(items, *range(7))
    connect(function, arn, BatchSize=3, MaximumBatchingWindowInSeconds=2, **HORIZON)
    time.sleep(0.5)
    put(items, 7)
    found = batches(server, function, 8)
    assert tried(found) == ["012", "345", "67"]


def test_a_batch_that_is_full_does_not_wait_for_its_window(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(ECHOES)
    connect(function, arn, BatchSize=3, MaximumBatchingWindowInSeconds=120, **HORIZON)
    put(items, *"abc")
    assert tried(batches(server, function, 3)) == ["abc"]


def test_k_03_k_06_a_batch_that_fails_blocks_is_given_up_and_told(server, deploy, stream, connect, sqs):
    (items, arn), function, queue = stream(), deploy(PICKY), Queue(sqs)
    made = connect(
        function,
        arn,
        BatchSize=2,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
        MetricsConfig={"Metrics": ["EventCount"]},
        Enabled=False,
        **HORIZON,
    )
    put(items, "a", bad=1)
    put(items, *"bcd")
    function.client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    assert tried(batches(server, function, 6)) == ["ab", "ab", "cd"]
    [told] = queue.bodies(1)
    records = [record["dynamodb"]["SequenceNumber"] for record in batches(server, function, 6)[0]]
    info, context = told["DDBStreamBatchInfo"], told["requestContext"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"], info["batchSize"]) == (*records, 2)
    assert (info["streamArn"], info["shardId"][:8]) == (arn, "shardId-")
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetryAttemptsExhausted", 2)
    assert (context["functionArn"], told["version"]) == (function.arn, "1.0")
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    metrics = server.get("/_lambent/metrics")[2].decode()
    for name, count in [("Polled", 4), ("Invoked", 6), ("FailedInvoke", 4), ("Dropped", 2), ("OnFailureDestinationDelivered", 2)]:
        assert f'aws_lambda_{name}EventCount_total{{EventSourceMappingUUID="{made["UUID"]}"}} {count}\n' in metrics
    assert f'aws_lambda_IteratorAge_milliseconds_count{{account_id="{ACCOUNT}",region="us-east-1",FunctionName="{function.name}"' in metrics


def test_a_batch_that_fails_may_be_made_smaller(server, deploy, stream, connect, lambda_client):
    """What it does not take any more comes behind it, and is not passed."""
    (items, arn), function = stream(), deploy(PICKY)
    put(items, *"ab")
    put(items, "c", bad=1)
    put(items, *"de")
    made = connect(function, arn, BatchSize=5, **HORIZON)
    batches(server, function, 5)
    lambda_client.update_event_source_mapping(UUID=made["UUID"], BatchSize=2, MaximumRetryAttempts=2)
    wait_for(lambda: tried(batches(server, function, 1))[-1] == "e")
    seen = tried(batches(server, function, 1))
    assert seen[0] == "abcde" and "ab" in seen and "cd" in seen and seen[-1] == "e"


def test_k_06_what_is_too_old_is_given_up_untried(fresh_server, deploy_to, tmp_path):
    """The server's clock jumps, so that nobody has to wait for a minute."""
    faults = Faults(tmp_path)
    server = fresh_server("--isolation", "process", "--no-sdk", env=faults.environment)
    function = deploy_to(server)(ECHOES)
    items, queue = Tables(server)(**BOTH), Queue(server.client(service="sqs"))
    put(items, *"ab")
    faults.clock_seconds = 90
    put(items, "c")
    server.client().create_event_source_mapping(
        FunctionName=function.name,
        EventSourceArn=arn_of(items),
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
        **HORIZON,
    )
    assert tried(batches(server, function, 1)) == ["c"]
    [told] = queue.bodies(1)
    assert (told["requestContext"]["condition"], told["requestContext"]["approximateInvokeCount"]) == ("RecordAgeExceeded", 0)
    assert told["DDBStreamBatchInfo"]["batchSize"] == 2 and "responseContext" not in told


def test_k_06_a_bucket_gets_the_records_too(server, deploy, stream, connect, s3, bucket):
    (items, arn), function = stream(), deploy(PICKY)
    destination = {"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}
    made = connect(function, arn, MaximumRetryAttempts=0, DestinationConfig=destination, **HORIZON)
    put(items, "a", bad=1)
    wait_for(lambda: "Contents" in s3.list_objects_v2(Bucket=bucket))
    [found] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    told = json.loads(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())
    assert found["Key"].startswith(f"aws/lambda/{made['UUID']}/{told['DDBStreamBatchInfo']['shardId']}/")
    assert keys(json.loads(told["payload"])["Records"]) == ["a"]


def test_k_04_halves_find_the_one_that_fails(server, deploy, stream, connect, sqs):
    (items, arn), function, queue = stream(), deploy(PICKY), Queue(sqs)
    made = connect(
        function,
        arn,
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
        Enabled=False,
        **HORIZON,
    )
    put(items, *"abcde")
    put(items, "f", bad=1)
    put(items, *"gh")
    function.client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    assert tried(batches(server, function, 22)) == ["abcdefgh", "abcd", "efgh", "ef", "e", "f", "gh"]
    [told] = queue.bodies(1)
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1


REPORTS = """
import json, os
def handler(event, context):
    print('GOT ' + json.dumps(event))
    records = event['Records']
    bad = [r for r in records if 'bad' in r['dynamodb'].get('NewImage', {})]
    numbers = [r['dynamodb']['SequenceNumber'] for r in bad]
    return {'batchItemFailures': [{'itemIdentifier': number} for number in reversed(numbers)]}
"""


def test_k_05_the_lowest_failure_is_where_it_goes_on(server, deploy, stream, connect, sqs):
    (items, arn), function, queue = stream(), deploy(REPORTS), Queue(sqs)
    made = connect(
        function,
        arn,
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
        Enabled=False,
        **HORIZON,
    )
    put(items, *"ab")
    put(items, *"cd", bad=1)
    put(items, "e")
    function.client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    assert tried(batches(server, function, 8)) == ["abcde", "cde"]
    [told] = queue.bodies(1)
    assert (told["DDBStreamBatchInfo"]["batchSize"], told["requestContext"]["approximateInvokeCount"]) == (3, 2)


def test_k_01_records_of_an_item_stay_in_order_whatever_the_factor(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(f"{ECHOES}    import time\n    time.sleep(0.05)\n")
    made = connect(function, arn, ParallelizationFactor=4, BatchSize=5, **HORIZON)
    for number in range(20):
        put(items, *range(6), n=number)
        if number == 10:
            function.client.update_event_source_mapping(UUID=made["UUID"], ParallelizationFactor=3)
    found = [record for batch in batches(server, function, 120) for record in batch]
    assert len(found) == 120
    for key in map(str, range(6)):
        of_key = [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in found if keys([record]) == [key]]
        assert of_key == list(range(20))


COUNTS = """
import json
def handler(event, context):
    print('GOT ' + json.dumps(event))
    state = event['state']
    state['count'] = state.get('count', 0) + len(event['Records'])
    return {'state': state}
"""


def test_k_07_a_window_has_a_state_and_an_end(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(COUNTS)
    connect(function, arn, TumblingWindowInSeconds=2, BatchSize=2, **HORIZON)
    put(items, *"abc")
    time.sleep(2.5)
    put(items, *"de")
    wait_for(lambda: sum(event["isFinalInvokeForWindow"] for event in events(server, function, 5)) >= 2)
    found = events(server, function, 5)
    counted = {}
    for event in found:
        assert event["window"]["start"] < event["window"]["end"]
        assert (event["eventSourceARN"], event["isWindowTerminatedEarly"]) == (arn, False)
        before = counted.setdefault(event["window"]["start"], 0)
        assert event["state"].get("count", 0) == before
        counted[event["window"]["start"]] += len(event["Records"])
    assert sum(counted.values()) == 5
    finals = [event for event in found if event["isFinalInvokeForWindow"]]
    assert len(finals) == len(counted) >= 2


GROWS = """
import json
def handler(event, context):
    shown = {name: value for name, value in event.items() if name != 'state'}
    print('GOT ' + json.dumps({**shown, 'size': len(json.dumps(event['state']))}))
    return {'state': {'text': 'x' * 1100000}}
"""


def test_k_07_a_window_ends_early_when_its_state_is_too_large(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(GROWS)
    connect(function, arn, TumblingWindowInSeconds=900, **HORIZON)
    put(items, "a")
    wait_for(lambda: len(events(server, function, 1)) == 2)
    first, last = events(server, function, 1)
    assert (first["isFinalInvokeForWindow"], first["isWindowTerminatedEarly"], keys(first["Records"])) == (False, False, ["a"])
    assert (last["isFinalInvokeForWindow"], last["isWindowTerminatedEarly"], last["Records"]) == (True, True, [])
    assert last["size"] > 1024 * 1024 and last["window"] == first["window"]
    put(items, "b")
    # Another begins, without what the last one had.
    third = events(server, function, 2)[2]
    assert (keys(third["Records"]), third["size"]) == (["b"], len("{}"))


HALF_DONE = """
import json
def handler(event, context):
    print('GOT ' + json.dumps(event))
    numbers = [r['dynamodb']['SequenceNumber'] for r in event['Records']]
    tries = event['state'].get('tries', 0) + 1
    return {'state': {'tries': tries}, 'batchItemFailures': [{'itemIdentifier': 'none of them'}] if numbers else []}
"""


def test_k_07_what_failed_comes_again_to_the_state_that_it_found(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(HALF_DONE)
    reports = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
    connect(function, arn, TumblingWindowInSeconds=900, MaximumRetryAttempts=1, **reports, **HORIZON)
    put(items, "a")
    assert [event["state"] for event in events(server, function, 2)] == [{}, {}]


def test_k_07_a_response_without_a_state_is_a_failure(server, deploy, stream, connect):
    (items, arn), function = stream(), deploy(ECHOES)
    connect(function, arn, TumblingWindowInSeconds=900, MaximumRetryAttempts=1, **HORIZON)
    put(items, "a")
    assert tried(batches(server, function, 2)) == ["a", "a"]


def test_k_08_a_mapping_goes_on_where_it_was(server, deploy, stream, connect, lambda_client):
    (items, arn), function = stream(), deploy(ECHOES)
    made = connect(function, arn, **HORIZON)
    put(items, *"ab")
    batches(server, function, 2)
    lambda_client.update_event_source_mapping(UUID=made["UUID"], Enabled=False)
    state(lambda_client, made["UUID"], "Disabled")
    put(items, *"cd")
    lambda_client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    put(items, "e")
    assert keys([record for batch in batches(server, function, 5) for record in batch]) == list("abcde")


def test_throttled_batches_wait_and_lose_nothing(server, deploy, stream, connect, lambda_client):
    (items, arn), function = stream(), deploy(ECHOES)
    lambda_client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    connect(function, arn, MaximumRetryAttempts=0, **HORIZON)
    put(items, *"ab")
    time.sleep(1)
    lambda_client.delete_function_concurrency(FunctionName=function.name)
    assert keys([record for batch in batches(server, function, 2) for record in batch]) == list("ab")


def test_a_stream_that_ends_is_read_to_its_end(server, deploy, table, connect):
    items, function = table(**BOTH), deploy(ECHOES)
    arn = arn_of(items)
    put(items, *"ab")
    items.meta.client.update_table(TableName=items.name, StreamSpecification={"StreamEnabled": False})
    put(items, "c")
    connect(function, arn, **HORIZON)
    assert keys([record for batch in batches(server, function, 2) for record in batch]) == list("ab")


def test_i4_a_crash_passes_no_record_that_is_not_done(fresh_server, deploy_to, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path)
    # What is printed is not on disk at once: nothing is done before its line is.
    function = deploy_to(server)(f"{ECHOES}    import time\n    time.sleep(0.5)\n")
    items = Tables(server)(**BOTH)
    connect = server.client().create_event_source_mapping
    connect(FunctionName=function.name, EventSourceArn=arn_of(items), BatchSize=10, **HORIZON)
    wanted = [f"{number:02}" for number in range(60)]
    put(items, *wanted)
    server.kill()
    again = fresh_server("--no-sdk", data_dir=tmp_path)
    found = []

    def is_done():
        # What was seen before the crash comes again: more than sixty records are not yet all.
        found[:] = keys([record for batch in batches(again, function, 60) for record in batch])
        return set(found) == set(wanted)

    wait_for(is_done)
    # Each batch comes again at most as a whole: nobody sees a record before one that was put before it.
    assert sorted(set(found), key=found.index) == wanted
