"""Event source mappings of Kafka, against a broker of its protocol (B.13)."""

import asyncio
import base64
import json
import time

import pytest
from aiokafka import AIOKafkaConsumer

import brokers
from functions import log_of
from kafka_records import ECHOES, got, value
from mappings import state
from queues import Queue
from refusals import refused


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    """A broker of this file's own."""
    broker = brokers.Kafka(tmp_path_factory.mktemp("kafka"), brokers.kafka_program())
    yield broker
    broker.stop()


@pytest.fixture
def mapped(lambda_client, kafka):
    """Makes mappings of a topic."""
    made = []

    def make(function, topic, client=lambda_client, **options):
        options = {"StartingPosition": "TRIM_HORIZON", "MaximumBatchingWindowInSeconds": 1, **options}
        answer = client.create_event_source_mapping(
            FunctionName=function.name,
            Topics=[topic],
            SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [kafka.servers]}},
            **options,
        )
        made.append((client, answer["UUID"]))
        return answer

    yield make
    for client, mapping in made:
        try:
            client.delete_event_source_mapping(UUID=mapping)
        except Exception:  # The server may be gone by now.
            pass


def committed(kafka, group, topic, expected, timeout_s=20):
    """Waits until a group has committed these offsets."""
    deadline = time.monotonic() + timeout_s
    while (found := kafka.committed(group, topic, len(expected))) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_records_reach_their_function_in_the_shape_of_aws(server, deploy, kafka, mapped):
    kafka.create("shape", 2)
    function = deploy(ECHOES)
    made = mapped(function, "shape")
    assert made["Topics"] == ["shape"] and made["StartingPosition"] == "TRIM_HORIZON" and "EventSourceArn" not in made
    assert made["SelfManagedEventSource"] == {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [kafka.servers]}}
    assert made["SelfManagedKafkaEventSourceConfig"]["ConsumerGroupId"] == made["UUID"] and made["BatchSize"] == 100
    headers = [("first", b"\x01\xff"), ("first", b"again")]
    kafka.produce("shape", b"hello", partition=1, key=b"a key", headers=headers, timestamp_ms=1_545_084_650_987)
    kafka.produce("shape", b"no key", partition=1)
    _, records = got(server, function, 2)
    (event, *_), _ = got(server, function, 2)
    assert (event["eventSource"], event["bootstrapServers"]) == ("SelfManagedKafka", kafka.servers)
    assert list(event["records"]) == ["shape-1"]
    assert records[0] == {
        "topic": "shape",
        "partition": 1,
        "offset": 0,
        "timestamp": 1_545_084_650_987,
        "timestampType": "CREATE_TIME",
        "key": base64.b64encode(b"a key").decode(),
        "value": base64.b64encode(b"hello").decode(),
        "headers": [{"first": [1, -1]}, {"first": list(b"again")}],
    }
    assert "key" not in records[1] and records[1]["offset"] == 1 and records[1]["headers"] == []
    committed(kafka, made["UUID"], "shape", {0: 0, 1: 2})
    assert state(server.client(), made["UUID"], "Enabled")["LastProcessingResult"] == "OK"


def test_batches_have_their_size_and_partitions_their_order(server, deploy, kafka, mapped):
    kafka.create("sizes", 3)
    for partition in range(3):
        kafka.produce("sizes", *(b"%d" % number for number in range(20)), partition=partition)
    function = deploy(ECHOES)
    mapped(function, "sizes", BatchSize=25)
    events, records = got(server, function, 60)
    sizes = [sum(map(len, event["records"].values())) for event in events]
    assert max(sizes) <= 25 and len(records) == 60
    for partition in range(3):
        assert [value(one) for one in records if one["partition"] == partition] == [str(number) for number in range(20)]


def test_a_mapping_begins_where_it_is_told(server, deploy, kafka, mapped):
    kafka.create("begins")
    kafka.produce("begins", b"old")
    latest, timed = deploy(ECHOES), deploy(ECHOES)
    made = mapped(latest, "begins", StartingPosition="LATEST")
    committed(kafka, made["UUID"], "begins", {0: 1})
    between = time.time()
    kafka.produce("begins", b"new")
    mapped(timed, "begins", StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=between)
    assert [value(one) for one in got(server, latest, 1)[1]] == ["new"]
    assert [value(one) for one in got(server, timed, 1)[1]] == ["new"]


def test_a_group_that_has_read_goes_on_where_it_was(server, deploy, kafka, mapped):
    kafka.create("group")
    kafka.produce("group", b"a", b"b", b"c")

    async def read_one():
        consumer = AIOKafkaConsumer(
            "group", bootstrap_servers=kafka.servers, group_id="known", auto_offset_reset="earliest", enable_auto_commit=False
        )
        await consumer.start()
        try:
            record = await asyncio.wait_for(consumer.getone(), 30)
            await consumer.commit({next(iter(consumer.assignment())): record.offset + 1})
        finally:
            await consumer.stop()

    asyncio.run(read_one())
    function = deploy(ECHOES)
    config = {"ConsumerGroupId": "known"}
    made = mapped(function, "group", SelfManagedKafkaEventSourceConfig=config)
    assert made["SelfManagedKafkaEventSourceConfig"]["ConsumerGroupId"] == "known"
    assert [value(one) for one in got(server, function, 2)[1]] == ["b", "c"]
    with refused(400, "InvalidParameterValueException", contains=["ConsumerGroupId"]):
        server.client().update_event_source_mapping(
            UUID=made["UUID"], SelfManagedKafkaEventSourceConfig={"ConsumerGroupId": "other"}
        )


def test_filters_pass_over_records(server, deploy, kafka, mapped):
    kafka.create("filters")
    function = deploy(ECHOES)
    made = mapped(function, "filters", FilterCriteria={"Filters": [{"Pattern": '{"value": {"size": [5]}}'}]})
    # What is no JSON is held against the rest of the pattern, which is nothing.
    kafka.produce("filters", b'{"size": 4}', b'{"size": 5}', b"text", b'{"size": 6}')
    assert [value(one) for one in got(server, function, 2)[1]] == ['{"size": 5}', "text"]
    committed(kafka, made["UUID"], "filters", {0: 4})


def test_a_batch_that_fails_comes_again_as_a_whole(server, deploy, kafka, mapped):
    kafka.create("again")
    kafka.produce("again", b"a", b"b")
    function = deploy("""
        import json, os
        def handler(event, context):
            print('GOT ' + json.dumps(event))
            if not os.path.exists("/tmp/failed"):
                open("/tmp/failed", "w")
                raise ValueError("the first time")
    """)
    made = mapped(function, "again")
    assert [value(one) for one in got(server, function, 4)[1]] == ["a", "b", "a", "b"]
    committed(kafka, made["UUID"], "again", {0: 2})


def test_what_failed_is_told_and_passed_over_when_it_was_tried_often_enough(server, deploy, kafka, mapped, sqs):
    kafka.create("told")
    kafka.produce("told", b"good", b"poison", b"fine")
    queue = Queue(sqs)
    function = deploy("""
        import base64, json
        def handler(event, context):
            print('GOT ' + json.dumps(event))
            if any(base64.b64decode(r["value"]) == b"poison" for p in event["records"].values() for r in p):
                raise ValueError("poison")
    """)
    options = {"MaximumRetryAttempts": 1, "BisectBatchOnFunctionError": True}
    options |= {"MetricsConfig": {"Metrics": ["EventCount", "KafkaMetrics"]}, "DestinationConfig": {"OnFailure": {"Destination": queue.arn}}}
    made = mapped(function, "told", **options)
    assert (made["MaximumRetryAttempts"], made["BisectBatchOnFunctionError"], made["MaximumRecordAgeInSeconds"]) == (1, True, -1)
    (told,) = queue.bodies(1)
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    info = told["KafkaBatchInfo"]
    assert (info["batchSize"], info["bootstrapServers"]) == (1, kafka.servers)
    assert info["recordInfo"]["told-0"]["firstRecordOffset"] == info["recordInfo"]["told-0"]["lastRecordOffset"] == "1"
    committed(kafka, made["UUID"], "told", {0: 3})
    brought = [[value(one) for partition in event["records"].values() for one in partition] for event in got(server, function, 8)[0]]
    metrics = server.get("/_lambent/metrics")[2].decode()
    for name, count in [("Polled", 3), ("Invoked", 9), ("FailedInvoke", 7), ("Committed", 3), ("Dropped", 1), ("OnFailureDestinationDelivered", 1)]:
        assert f'aws_lambda_{name}EventCount_total{{EventSourceMappingUUID="{made["UUID"]}"}} {count}\n' in metrics, (name, metrics)
    assert brought == [["good", "poison", "fine"], ["good"], ["poison", "fine"], ["poison"], ["poison"], ["fine"]]


def test_kf_03_another_topic_is_told_of_what_failed_with_its_payload(server, deploy, kafka, mapped):
    kafka.create("failing")
    kafka.create("failures")
    kafka.produce("failing", b"poison")
    function = deploy("def handler(event, context):\n    raise ValueError('poison')\n")
    options = {"MaximumRetryAttempts": 0, "DestinationConfig": {"OnFailure": {"Destination": "kafka://failures"}}}
    made = mapped(function, "failing", **options)
    assert made["DestinationConfig"] == {"OnFailure": {"Destination": "kafka://failures"}}
    (told,) = kafka.consume("failures", 1)
    told = json.loads(told)
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["KafkaBatchInfo"]["batchSize"] == 1
    # As a bucket it gets what the function got.
    event = told["payload"]
    event = json.loads(event) if isinstance(event, str) else event
    assert [value(one) for one in event["records"]["failing-0"]] == ["poison"]
    committed(kafka, made["UUID"], "failing", {0: 1})


def test_records_that_are_too_old_are_given_up(server, deploy, kafka, mapped):
    kafka.create("ages")
    now_ms = int(time.time() * 1000)
    kafka.produce("ages", b"old", timestamp_ms=now_ms - 120_000)
    kafka.produce("ages", b"young", timestamp_ms=now_ms)
    function = deploy(ECHOES)
    made = mapped(function, "ages", MaximumRecordAgeInSeconds=60)
    assert [value(one) for one in got(server, function, 1)[1]] == ["young"]
    committed(kafka, made["UUID"], "ages", {0: 2})


def test_a_function_says_which_records_have_failed(server, deploy, kafka, mapped):
    kafka.create("items")
    kafka.produce("items", b"a", b"b", b"c")
    function = deploy("""
        import json, os
        def handler(event, context):
            print('GOT ' + json.dumps(event))
            if os.path.exists("/tmp/failed"):
                return None
            open("/tmp/failed", "w")
            return {"batchItemFailures": [{"itemIdentifier": {"partition": "items-0", "offset": 1}}]}
    """)
    made = mapped(function, "items", FunctionResponseTypes=["ReportBatchItemFailures"])
    assert [value(one) for one in got(server, function, 5)[1]] == ["a", "b", "c", "b", "c"]
    committed(kafka, made["UUID"], "items", {0: 3})


def test_a_mapping_that_is_disabled_reads_nothing_and_goes_on_when_enabled(server, deploy, kafka, mapped, lambda_client):
    kafka.create("paused")
    kafka.produce("paused", b"a")
    function = deploy(ECHOES)
    made = mapped(function, "paused")
    got(server, function, 1)
    committed(kafka, made["UUID"], "paused", {0: 1})
    lambda_client.update_event_source_mapping(UUID=made["UUID"], Enabled=False)
    state(lambda_client, made["UUID"], "Disabled")
    kafka.produce("paused", b"b")
    time.sleep(2)
    assert len(got(server, function, 1)[1]) == 1
    lambda_client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    assert [value(one) for one in got(server, function, 2)[1]] == ["a", "b"]


def test_partitions_are_divided_anew_when_a_member_comes_and_goes(server, deploy, kafka, mapped):
    kafka.create("members", 4)
    function = deploy(ECHOES)

    async def take_part():
        """A member of the group that another library has; the mapping comes when it has all partitions."""
        consumer = AIOKafkaConsumer("members", bootstrap_servers=kafka.servers, group_id="shared", enable_auto_commit=False)
        await consumer.start()
        try:
            assert len(consumer.assignment()) == 4
            config = {"ConsumerGroupId": "shared"}
            await asyncio.to_thread(lambda: mapped(function, "members", SelfManagedKafkaEventSourceConfig=config))
            deadline = time.monotonic() + 60
            while not 0 < len(consumer.assignment()) < 4:
                assert time.monotonic() < deadline, consumer.assignment()
                await consumer.getmany(timeout_ms=200)
            mine = {one.partition for one in consumer.assignment()}
            await asyncio.to_thread(lambda: [kafka.produce("members", b"divided", partition=one) for one in range(4)])
            taken = set()
            while taken != mine:
                assert time.monotonic() < deadline, (taken, mine)
                taken |= {place.partition for place, records in (await consumer.getmany(timeout_ms=200)).items() if records}
            await consumer.commit()
            return mine
        finally:
            await consumer.stop()

    theirs = asyncio.run(take_part())
    _, records = got(server, function, 4 - len(theirs))
    assert {one["partition"] for one in records} == set(range(4)) - theirs
    # Whoever is left has all of them.
    for partition in range(4):
        kafka.produce("members", b"alone", partition=partition)
    _, records = got(server, function, 8 - len(theirs))
    assert {one["partition"] for one in records if value(one) == "alone"} == set(range(4))
    assert [value(one) for one in records].count("divided") == 4 - len(theirs)


def test_two_mappings_of_a_group_share_its_records(server, deploy, kafka, mapped):
    kafka.create("mappings", 4)
    functions = [deploy(ECHOES), deploy(ECHOES)]
    config = {"ConsumerGroupId": "two-mappings"}
    mapped(functions[0], "mappings", SelfManagedKafkaEventSourceConfig=config)
    for partition in range(4):
        kafka.produce("mappings", b"0", partition=partition)
    got(server, functions[0], 4)
    second = mapped(functions[1], "mappings", SelfManagedKafkaEventSourceConfig=config)
    sent, deadline = 4, time.monotonic() + 60
    # Records keep coming while the group is divided anew.
    while not got(server, functions[1], 0)[1]:
        assert time.monotonic() < deadline
        for partition in range(4):
            kafka.produce("mappings", b"%d" % sent, partition=partition)
        sent += 4
        time.sleep(0.5)
    server.client().delete_event_source_mapping(UUID=second["UUID"])
    time.sleep(2)
    for partition in range(4):
        kafka.produce("mappings", b"last", partition=partition)
    deadline = time.monotonic() + 60
    while True:
        records = [one for function in functions for one in got(server, function, 0)[1]]
        places = {(one["partition"], one["offset"]) for one in records}
        if len(places) == sent + 4:
            break
        assert time.monotonic() < deadline, (len(places), sent + 4)
        time.sleep(0.2)
    for partition in range(4):
        offsets = [one["offset"] for one in got(server, functions[0], 4)[1] if one["partition"] == partition]
        assert offsets == sorted(offsets), offsets


def test_a_slow_function_does_not_lose_its_partitions(server, deploy, kafka, mapped):
    """Longer than the group waits for a member without a word."""
    kafka.create("slow")
    kafka.produce("slow", b"a")
    function = deploy("""
        import json, time
        def handler(event, context):
            time.sleep(12)
            print('GOT ' + json.dumps(event))
    """, Timeout=30)
    made = mapped(function, "slow")
    got(server, function, 1)
    committed(kafka, made["UUID"], "slow", {0: 1})
    assert len(got(server, function, 1)[1]) == 1


def test_provisioned_pollers_read_side_by_side(server, deploy, kafka, mapped):
    kafka.create("side", 2)
    for partition in range(2):
        kafka.produce("side", b"x", partition=partition)
    function = deploy("""
        import json, time
        def handler(event, context):
            print(f'BEGAN {time.time()}')
            time.sleep(4)
            print('GOT ' + json.dumps(event))
            print(f'ENDED {time.time()}')
    """, Timeout=30)
    mapped(function, "side", ProvisionedPollerConfig={"MinimumPollers": 2, "MaximumPollers": 2})
    got(server, function, 2)
    deadline = time.monotonic() + 10
    while (log := log_of(server, function)).count("ENDED") < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    began, ended = ([float(line.split()[1]) for line in log.splitlines() if line.startswith(word)] for word in ("BEGAN", "ENDED"))
    assert len(began) == 2 and max(began) < min(ended), log


def test_what_was_not_committed_comes_again_after_a_crash(kafka, fresh_server, deploy_to, mapped, tmp_path):
    kafka.create("crash")
    server = fresh_server("--no-sdk", data_dir=tmp_path / "data")
    function = deploy_to(server)("""
        import json, time
        def handler(event, context):
            print('GOT ' + json.dumps(event))
            if any(r["offset"] == 1 for p in event["records"].values() for r in p):
                time.sleep(20)
            print('DONE')
    """, Timeout=60)
    made = mapped(function, "crash", client=server.client(), BatchSize=1)
    kafka.produce("crash", b"a")
    committed(kafka, made["UUID"], "crash", {0: 1})
    kafka.produce("crash", b"b", b"c")
    got(server, function, 2)
    server.kill()
    assert kafka.committed(made["UUID"], "crash") == {0: 1}
    server = fresh_server("--no-sdk", data_dir=tmp_path / "data")
    records = got(server, function, 4, timeout_s=90)[1]
    assert [value(one) for one in records] == ["a", "b", "b", "c"]
    committed(kafka, made["UUID"], "crash", {0: 3}, timeout_s=40)


def test_what_is_wrong_with_a_source_is_told(server, deploy, kafka, mapped, lambda_client):
    function = deploy(ECHOES)
    made = mapped(function, "absent")
    deadline = time.monotonic() + 30
    while "The topic absent was not found" not in (last := lambda_client.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"]):
        assert time.monotonic() < deadline, last
        time.sleep(0.1)
    nowhere = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["127.0.0.1:1"]}}
    made = lambda_client.create_event_source_mapping(
        FunctionName=function.name, Topics=["topic"], StartingPosition="LATEST", SelfManagedEventSource=nowhere
    )
    deadline = time.monotonic() + 40
    while "Connection error" not in (last := lambda_client.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"]):
        assert time.monotonic() < deadline, last
        time.sleep(0.1)
    lambda_client.delete_event_source_mapping(UUID=made["UUID"])


def test_what_is_not_built_of_kafka_says_so(deploy, mapped):
    function = deploy(ECHOES)
    registry = {"SchemaRegistryURI": "https://registry", "EventRecordFormat": "JSON"}
    with refused(501, "NotImplemented", contains=["Schema registries"]):
        mapped(function, "topic", SelfManagedKafkaEventSourceConfig={"SchemaRegistryConfig": registry})
    with refused(400, "InvalidParameterValueException", contains=["TumblingWindowInSeconds"]):
        mapped(function, "topic", TumblingWindowInSeconds=5)
    with refused(400, "InvalidParameterValueException", contains=["startingPosition"]):
        function.client.create_event_source_mapping(
            FunctionName=function.name, Topics=["topic"], SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:1"]}}
        )
