"""CloudWatch Logs: groups, streams, events, patterns, retention, subscriptions, and what functions log (B.6, B.23)."""

import json
import re
import time
import uuid

import pytest

from refusals import refused

NO_GROUP = "The specified log group does not exist."
NO_STREAM = "The specified log stream does not exist."


def now_ms():
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def logs(server):
    """boto3 for CloudWatch Logs against the shared server."""
    return server.client(service="logs")


@pytest.fixture
def group(logs):
    """The name of a new group; it goes with the test."""
    name = f"/e2e/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    yield name
    try:
        logs.delete_log_group(logGroupName=name)
    except logs.exceptions.ResourceNotFoundException:
        pass


@pytest.fixture
def stream(logs, group):
    """A stream in it."""
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    return "s"


def put(logs, group, stream, *events):
    """Puts events given as (time, message)."""
    events = [{"timestamp": at, "message": message} for at, message in events]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def everything(logs, group, **options):
    """Messages of all pages of FilterLogEvents."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **options)
    return [event["message"] for page in pages for event in page["events"]]


def until(found, timeout_s=15):
    """The first true answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := found()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer
    return answer


# --- Groups and streams ---------------------------------------------------------------------------------------


def test_groups_are_made_described_and_deleted(logs):
    prefix = f"/groups/{uuid.uuid4().hex}"
    for n in range(3):
        logs.create_log_group(logGroupName=f"{prefix}/{n}", tags={"n": str(n)})
    with refused(400, "ResourceAlreadyExistsException", "The specified log group already exists"):
        logs.create_log_group(logGroupName=f"{prefix}/0")
    first = logs.describe_log_groups(logGroupNamePrefix=prefix, limit=2)
    rest = logs.describe_log_groups(logGroupNamePrefix=prefix, limit=2, nextToken=first["nextToken"])
    names = [group["logGroupName"] for group in first["logGroups"] + rest["logGroups"]]
    assert names == [f"{prefix}/{n}" for n in range(3)] and "nextToken" not in rest
    shown = first["logGroups"][0]
    assert shown["arn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{prefix}/0:*"
    assert shown["logGroupArn"] == shown["arn"][:-2]
    assert (shown["logGroupClass"], shown["metricFilterCount"]) == ("STANDARD", 0)
    assert abs(shown["creationTime"] - now_ms()) < 60_000
    found = logs.describe_log_groups(logGroupNamePattern=f"{prefix}/1"[1:])["logGroups"]
    assert [group["logGroupName"] for group in found] == [f"{prefix}/1"]
    for name in names:
        logs.delete_log_group(logGroupName=name)
    assert logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"] == []
    with refused(400, "ResourceNotFoundException", NO_GROUP):
        logs.delete_log_group(logGroupName=names[0])


def test_regions_and_accounts_have_groups_of_their_own(server, group):
    for options in ({"region": "eu-west-1"}, {"access_key": "111122223333"}):
        other = server.client(service="logs", **options)
        assert other.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
        with refused(400, "ResourceNotFoundException", NO_GROUP):
            other.describe_log_streams(logGroupName=group)


def test_what_is_protected_is_not_deleted(logs):
    name = f"/protected/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name, deletionProtectionEnabled=True)
    with refused(400, "InvalidParameterException", contains=["protected"]):
        logs.delete_log_group(logGroupName=name)


def test_streams_are_ordered_by_name_and_by_time(logs, group):
    for n in range(5):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s{n}")
    now = now_ms()
    for n, ago in enumerate([300, 100, 500, 200, 400]):
        put(logs, group, f"s{n}", (now - ago, "x"))
    with refused(400, "ResourceAlreadyExistsException", "The specified log stream already exists"):
        logs.create_log_stream(logGroupName=group, logStreamName="s0")

    def names(**options):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 2}, **options
        )
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]

    assert names() == ["s0", "s1", "s2", "s3", "s4"]
    assert names(descending=True) == ["s4", "s3", "s2", "s1", "s0"]
    assert names(orderBy="LastEventTime") == ["s2", "s4", "s0", "s3", "s1"]
    assert names(orderBy="LastEventTime", descending=True) == ["s1", "s3", "s0", "s4", "s2"]
    assert names(logStreamNamePrefix="s3") == ["s3"]
    shown = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="s1")["logStreams"][0]
    assert shown["firstEventTimestamp"] == shown["lastEventTimestamp"] == now - 100
    assert shown["lastIngestionTime"] >= now
    assert shown["arn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:log-stream:s1"
    logs.delete_log_stream(logGroupName=group, logStreamName="s1")
    assert "s1" not in names()
    with refused(400, "ResourceNotFoundException", NO_STREAM):
        logs.delete_log_stream(logGroupName=group, logStreamName="s1")
    with refused(400, "InvalidParameterException", contains=["LastEventTime"]):
        names(orderBy="LastEventTime", logStreamNamePrefix="s")


def test_tags_by_arn_and_by_name(logs, group):
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.tag_log_group(logGroupName=group, tags={"c": "3"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2", "c": "3"}
    logs.untag_log_group(logGroupName=group, tags=["b"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"c": "3"}
    with refused(400, "TooManyTagsException"):
        logs.tag_resource(resourceArn=arn, tags={str(n): "" for n in range(50)})
    with refused(400, "InvalidParameterException"):
        logs.list_tags_for_resource(resourceArn=arn.replace("us-east-1", "eu-west-1"))
    with refused(400, "ResourceNotFoundException", NO_GROUP):
        logs.list_tags_for_resource(resourceArn=f"{arn}x")


# --- Events ---------------------------------------------------------------------------------------------------


def test_events_come_back_in_pages_in_both_directions(logs, group, stream):
    now = now_ms()
    put(logs, group, stream, *((now + n, f"event {n}") for n in range(25)))

    def page(**options):
        answer = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=10, **options)
        return [event["message"] for event in answer["events"]], answer["nextForwardToken"], answer["nextBackwardToken"]

    expected = [f"event {n}" for n in range(25)]
    first, forward, _ = page(startFromHead=True)
    assert first == expected[:10]
    second, forward, backward = page(nextToken=forward)
    assert second == expected[10:20]
    third, forward, _ = page(nextToken=forward)
    assert third == expected[20:]
    nothing, again, _ = page(nextToken=forward)
    # The same token at the end: so clients know that it is the end.
    assert (nothing, again) == ([], forward)
    assert page(nextToken=backward)[0] == expected[:10]
    latest, _, backward = page()
    assert latest == expected[15:]
    assert page(nextToken=backward)[0] == expected[5:15]
    put(logs, group, stream, (now + 100, "late"))
    assert page(nextToken=forward)[0] == ["late"]
    answer = logs.get_log_events(
        logGroupIdentifier=f"arn:aws:logs:us-east-1:000000000000:log-group:{group}", logStreamName=stream,
        startTime=now + 3, endTime=now + 5, startFromHead=True,
    )  # fmt: skip
    assert [event["timestamp"] for event in answer["events"]] == [now + 3, now + 4]
    assert all(abs(event["ingestionTime"] - now) < 60_000 for event in answer["events"])
    for wrong in ("x", "f/1", "c/" + "0" * 56):
        with refused(400, "InvalidParameterException", contains=["nextToken"]):
            page(nextToken=wrong)
    with refused(400, "ResourceNotFoundException", NO_STREAM):
        logs.get_log_events(logGroupName=group, logStreamName="other")


def test_events_of_all_streams_are_filtered(logs, group):
    now = now_ms()
    for n in range(3):
        logs.create_log_stream(logGroupName=group, logStreamName=f"{'ab'[n % 2]}{n}")
    put(logs, group, "a0", (now, "ERROR one"), (now + 4, "INFO two"))
    put(logs, group, "b1", (now + 2, json.dumps({"level": "ERROR", "code": 500})), (now + 3, "ERROR three"))
    put(logs, group, "a2", (now + 1, "ERROR four retry"))
    assert everything(logs, group, filterPattern="ERROR -retry") == ["ERROR one", '{"level": "ERROR", "code": 500}', "ERROR three"]
    assert everything(logs, group, filterPattern="{ $.code >= 500 }") == ['{"level": "ERROR", "code": 500}']
    assert everything(logs, group, filterPattern="[level, number]") == ["ERROR one", "ERROR three", "INFO two"]
    assert everything(logs, group, logStreamNamePrefix="a", PaginationConfig={"PageSize": 1}) == ["ERROR one", "ERROR four retry", "INFO two"]
    assert everything(logs, group, logStreamNames=["b1"], startTime=now + 3) == ["ERROR three"]
    event = logs.filter_log_events(logGroupName=group, limit=1)["events"][0]
    assert (event["logStreamName"], event["timestamp"]) == ("a0", now)
    assert re.fullmatch(r"\d{56}", event["eventId"])
    with refused(400, "InvalidParameterException", "Invalid filter pattern"):
        everything(logs, group, filterPattern="{ $.a = ")
    with refused(400, "InvalidParameterException", contains=["mutually exclusive"]):
        everything(logs, group, logStreamNames=["b1"], logStreamNamePrefix="b")


def test_a_batch_has_an_order_a_span_and_a_size(logs, group, stream):
    now = now_ms()
    with refused(400, "InvalidParameterException", contains=["chronological order"]):
        put(logs, group, stream, (now, "a"), (now - 1, "b"))
    with refused(400, "InvalidParameterException", contains=["24 hours"]):
        put(logs, group, stream, (now - 25 * 3_600_000, "a"), (now, "b"))
    with refused(400, "InvalidParameterException", contains=["Upload too large"]):
        put(logs, group, stream, *((now, "x" * 262_144) for _ in range(4)))
    assert everything(logs, group) == []
    put(logs, group, stream, *((now, "x" * 262_118) for _ in range(4)))
    with refused(400, "ResourceNotFoundException", NO_STREAM):
        put(logs, group, "other", (now, "a"))
    with refused(400, "ResourceNotFoundException", NO_GROUP):
        put(logs, f"{group}x", stream, (now, "a"))


def test_events_too_old_or_too_new_are_left_out(logs, group, stream):
    now, hour = now_ms(), 3_600_000
    answer = put(logs, group, stream, (now, "fits"), (now + 3 * hour, "too new"))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    old = now - 15 * 24 * hour
    answer = put(logs, group, stream, (old, "too old"), (old + 23 * hour, "also"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2}
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    answer = put(logs, group, stream, (now - 4 * 24 * hour, "expired"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert everything(logs, group) == ["fits"]


def test_retention_hides_at_once_and_deletes(fresh_server, tmp_path):
    server = fresh_server(data_dir=tmp_path / "data")
    logs = server.client(service="logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    put(logs, "g", "s", (now_ms() - 2 * 86_400_000, "two days old"))
    assert everything(logs, "g") == ["two days old"]
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    assert everything(logs, "g") == []
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 1
    files = [path for path in (tmp_path / "data/logs").rglob("*") if path.suffix in (".log", ".seg")]
    assert files == []
    logs.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    with refused(400, "InvalidParameterException", contains=["retentionInDays"]):
        logs.put_retention_policy(logGroupName="g", retentionInDays=2)


def test_what_was_put_survives_a_kill(fresh_server, tmp_path):
    server = fresh_server(data_dir=tmp_path / "data")
    logs = server.client(service="logs")
    logs.create_log_group(logGroupName="g", tags={"a": "b"})
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = now_ms()
    for n in range(20):
        put(logs, "g", "s", (now + n, f"event {n}"))
    server.kill()
    logs = fresh_server(data_dir=tmp_path / "data").client(service="logs")
    assert everything(logs, "g") == [f"event {n}" for n in range(20)]
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"a": "b"}


def test_patterns_are_tried_out(logs):
    answer = logs.test_metric_filter(
        filterPattern="[ip, ..., status = 4*, bytes]",
        logEventMessages=['1.2.3.4 a b "GET /" 404 10', '1.2.3.4 a b "GET /" 200 10'],
    )
    assert [(match["eventNumber"], match["extractedValues"]["$status"]) for match in answer["matches"]] == [(1, "404")]


def test_the_call_sequence_of_tail_follow(logs, group, stream):
    """What `aws logs tail --follow` of the CLI's version 2 asks: from a time on, all streams, again and again by token."""
    start = now_ms()
    seen, token = [], None
    for n in range(5):
        put(logs, group, stream, (start + n, f"line {n}"))
        options = {"logGroupName": group, "startTime": start - 600_000, "interleaved": True}
        while True:
            answer = logs.filter_log_events(**options, **({"nextToken": token} if token else {}))
            seen += [event["eventId"] for event in answer["events"] if event["eventId"] not in seen]
            token = answer.get("nextToken")
            if token is None:
                break
    assert len(seen) == 5


# --- Functions ------------------------------------------------------------------------------------------------


def test_g_04_a_function_logs_to_its_own_group(deploy, logs):
    function = deploy("def handler(event, context):\n    print('hello')\n    print('second')\n    return context.log_stream_name\n")
    outcome = function.invoke({})
    group = f"/aws/lambda/{function.name}"
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]
    assert stream["logStreamName"] == outcome.payload
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", outcome.payload)
    answer = logs.get_log_events(logGroupName=group, logStreamName=outcome.payload, startFromHead=True)
    messages = [event["message"] for event in answer["events"]]
    assert [message.split()[0] for message in messages] == ["INIT_START", "START", "hello", "second", "END", "REPORT"]
    assert messages[2] == "hello\n"
    times = [event["timestamp"] for event in answer["events"]]
    assert times == sorted(times) and abs(times[0] - now_ms()) < 60_000


def test_the_group_of_a_function_is_there_when_it_has_answered(deploy, logs):
    """Also for who is faster than the thread that writes: again and again, since the wait is short."""
    for _ in range(10):
        function = deploy({"app.py": "def handler(event, context): pass"}, Handler="app.handler")
        function.invoke({})
        name = f"/aws/lambda/{function.name}"
        logs.put_retention_policy(logGroupName=name, retentionInDays=7)
        [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        assert group["retentionInDays"] == 7


def test_g_06_what_a_runtime_says_in_one_is_one_event(deploy, logs):
    code = """
        import logging, os, sys
        def handler(event, context):
            print("printed,")
            logging.warning("said,\\non two lines")
            print("on two\\nlines")
            sys.stdout.write("half ")
            logging.warning("between")
            print("a line")
            return "_LAMBDA_TELEMETRY_LOG_FD" in os.environ
    """
    function = deploy(code)
    assert function.invoke({}).payload is False
    messages = everything(logs, f"/aws/lambda/{function.name}", filterPattern="-REPORT -START -INIT_START -END")
    said = [message.split("\t")[-1] for message in messages]
    assert said == [
        "printed,\n", "said,\non two lines\n", "on two\n", "lines\n", "between\n", "half a line\n",
    ]  # fmt: skip


def test_g_06_an_error_with_its_trace_is_one_event(deploy, logs, python_runtime):
    function = deploy("def handler(event, context):\n    raise ValueError('no good')\n")
    function.invoke({})
    errors = everything(logs, f"/aws/lambda/{function.name}", filterPattern="ERROR")
    assert len(errors) == 1
    assert errors[0].startswith("[ERROR] ValueError: no good\nTraceback (most recent call last):\n")
    assert errors[0].count("\n") > 3


def test_o_04_functions_share_a_group_of_their_own_choice(deploy, logs):
    shared = f"/shared/{uuid.uuid4().hex}"
    code = "def handler(event, context):\n    print('from', context.function_name)\n    return [context.log_group_name, context.log_stream_name]\n"
    functions = [deploy(code, LoggingConfig={"LogGroup": shared}) for _ in range(2)]
    for function in functions:
        group, stream = function.invoke({}).payload
        assert group == shared
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/" + function.name + r"\[\$LATEST\]\[[0-9a-f]{32}\]", stream)
        assert f"from {function.name}\n" in [
            event["message"] for event in logs.get_log_events(logGroupName=shared, logStreamName=stream)["events"]
        ]
    assert sorted(everything(logs, shared, filterPattern="from")) == sorted(f"from {f.name}\n" for f in functions)


def test_a_subscription_brings_events_to_a_function(deploy, logs, group, stream):
    receiver = deploy(
        """
        import base64, gzip, json
        def handler(event, context):
            print(gzip.decompress(base64.b64decode(event["awslogs"]["data"])).decode())
        """
    )
    logs.put_subscription_filter(
        logGroupName=group, filterName="errors", filterPattern="ERROR", destinationArn=receiver.arn
    )
    shown = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"][0]
    assert (shown["filterName"], shown["destinationArn"], shown["distribution"]) == ("errors", receiver.arn, "ByLogStream")
    time.sleep(0.5)
    now = now_ms()
    put(logs, group, stream, (now, "ERROR one"), (now, "INFO two"), (now + 1, "ERROR three"))
    own = f"/aws/lambda/{receiver.name}"

    def received():
        try:
            return [json.loads(text) for text in everything(logs, own, filterPattern='"DATA_MESSAGE"')]
        except logs.exceptions.ResourceNotFoundException:
            return []

    message = until(received)[0]
    assert message["messageType"] == "DATA_MESSAGE"
    assert (message["owner"], message["logGroup"], message["logStream"]) == ("000000000000", group, stream)
    assert message["subscriptionFilters"] == ["errors"]
    assert [(event["timestamp"], event["message"]) for event in message["logEvents"]] == [(now, "ERROR one"), (now + 1, "ERROR three")]
    logs.put_subscription_filter(logGroupName=group, filterName="2", filterPattern="", destinationArn=receiver.arn)
    with refused(400, "LimitExceededException"):
        logs.put_subscription_filter(logGroupName=group, filterName="3", filterPattern="", destinationArn=receiver.arn)
    logs.delete_subscription_filter(logGroupName=group, filterName="2")
    with refused(400, "ResourceNotFoundException"):
        logs.delete_subscription_filter(logGroupName=group, filterName="2")
    with refused(501, "NotImplemented", contains=["kinesis"]):
        logs.put_subscription_filter(
            logGroupName=group, filterName="k", filterPattern="",
            destinationArn="arn:aws:kinesis:us-east-1:000000000000:stream/s",
        )  # fmt: skip


def test_what_is_not_built_says_so(logs):
    with refused(501, "NotImplemented", contains=["PutMetricFilter"]):
        logs.put_metric_filter(
            logGroupName="g", filterName="f", filterPattern="",
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
        )  # fmt: skip


def test_wrong_requests_are_refused_in_the_services_words(server):
    logs = server.client(service="logs", parameter_validation=False)
    with refused(400, "InvalidParameterException", contains=["1 validation error detected", "'logGroupName'"]):
        logs.create_log_group(logGroupName="no spaces")
    with refused(400, "InvalidParameterException", contains=["'logGroupName'"]):
        logs.create_log_group()
    with refused(400, "SerializationException"):
        logs.get_log_events(logGroupName="g", logStreamName="s", limit="ten")
    with refused(400, "InvalidParameterException", contains=["provided"]):
        logs.filter_log_events()


def test_a_flood_of_lines_keeps_its_order_and_is_bounded(deploy, logs):
    function = deploy("def handler(event, context):\n    for n in range(20000):\n        print('line', n)\n", MemorySize=256)
    assert function.invoke({}).error is None
    lines = everything(logs, f"/aws/lambda/{function.name}", filterPattern="line")
    assert lines == [f"line {n}\n" for n in range(20000)]
