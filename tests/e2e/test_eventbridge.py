"""EventBridge: what is put on a bus comes to the targets of the rules that match, and is kept until it does."""

import calendar
import json
import re
import time
import uuid

import pytest

from lambent import Server
from queues import ACCOUNT, Queue
from refusals import refused

ANSWERS = "def handler(event, context):\n    return event\n"


@pytest.fixture
def events(server):
    return server.client(service="events")


@pytest.fixture
def logs(server):
    return server.client(service="logs")


def unique(kind):
    return f"{kind}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bus(events):
    """The name of a bus; it goes with its rules."""
    name = unique("bus")
    events.create_event_bus(Name=name)
    yield name
    for rule in events.list_rules(EventBusName=name)["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=name)["Targets"]
        if targets:
            events.remove_targets(Rule=rule["Name"], EventBusName=name, Ids=[target["Id"] for target in targets])
        events.delete_rule(Name=rule["Name"], EventBusName=name)
    events.delete_event_bus(Name=name)


def let_in(arn):
    """The policy of a queue that EventBridge may send to."""
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def open_queue(sqs, attributes=None):
    """A queue that EventBridge may send to."""
    return Queue(sqs, attributes, policy=let_in)


@pytest.fixture
def queue(sqs):
    return open_queue(sqs)


def rule(events, bus, pattern, *targets):
    """A rule with targets: ARNs, or whole ones. Gives its ARN."""
    name = unique("rule")
    arn = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
    whole = [one if isinstance(one, dict) else {"Arn": one} for one in targets]
    entries = [{"Id": str(number), **one} for number, one in enumerate(whole)]
    answer = events.put_targets(Rule=name, EventBusName=bus, Targets=entries)
    assert answer["FailedEntryCount"] == 0
    return arn


def put(events, bus, detail, source="shop", detail_type="order", **more):
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "EventBusName": bus, **more}
    answer = events.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return answer["Entries"][0]["EventId"]


def test_an_event_comes_to_the_targets_of_rules_that_match(events, bus, queue, sqs):
    other = open_queue(sqs)
    rule(events, bus, {"source": ["shop"], "detail": {"total": [{"numeric": [">", 10]}]}}, queue.arn)
    rule(events, bus, {"source": ["other"]}, other.arn)
    put(events, bus, {"total": 5})
    event_id = put(events, bus, {"total": 11.50, "items": ["a"]}, Resources=["arn:aws:s3:::b"])
    (event,) = queue.bodies(1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event.pop("time"))
    assert event == {
        "version": "0",
        "id": event_id,
        "detail-type": "order",
        "source": "shop",
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::b"],
        "detail": {"total": 11.5, "items": ["a"]},
    }
    assert other.is_empty() and queue.is_empty()


def test_every_entry_is_judged_alone(events, bus, queue):
    rule(events, bus, {"source": [{"prefix": ""}]}, queue.arn)
    right = {"Source": "s", "DetailType": "t", "Detail": '{"n": 1}', "EventBusName": bus}
    entries = [
        right,
        {**right, "Source": ""},
        {**right, "DetailType": ""},
        {**right, "Detail": ""},
        {**right, "Detail": "no json"},
        {**right, "Detail": "[1]"},
        {**right, "Source": "aws.s3"},
        {**right, "EventBusName": "missing"},
    ]
    answer = events.put_events(Entries=entries)
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    wrong = ["InvalidArgument"] * 3 + ["MalformedDetail"] * 2 + ["NotAuthorizedForSourceException"]
    assert (answer["FailedEntryCount"], codes) == (6, [None, *wrong, None])
    assert answer["Entries"][1]["ErrorMessage"] == "Parameter Source is not valid. Reason: Source is a required argument."
    assert [event["detail"] for event in queue.bodies(1)] == [{"n": 1}]
    assert queue.is_empty()
    with refused(400, "ValidationException", "Total size of the entries in the request is over the limit."):
        events.put_events(Entries=[{**right, "Detail": json.dumps({"x": "y" * 1024 * 1024})}])
    with refused(400, "ValidationException"):
        events.put_events(Entries=[right] * 11)


def test_targets_get_parts_and_templates(events, bus, sqs):
    whole, part, constant, made = (open_queue(sqs) for _ in range(4))
    transformer = {
        "InputPathsMap": {"who": "$.detail.who", "n": "$.detail.n"},
        "InputTemplate": '{"text": "<who> has <n>", "n": <n>, "rule": <aws.events.rule-name>}',
    }
    arn = rule(
        events,
        bus,
        {"source": ["shop"]},
        whole.arn,
        {"Arn": part.arn, "InputPath": "$.detail"},
        {"Arn": constant.arn, "Input": '{"always": true}'},
        {"Arn": made.arn, "InputTransformer": transformer},
    )
    put(events, bus, {"who": "ann", "n": 3})
    assert whole.bodies(1)[0]["detail"] == {"who": "ann", "n": 3}
    assert part.bodies(1) == [{"who": "ann", "n": 3}]
    assert constant.bodies(1) == [{"always": True}]
    assert made.bodies(1) == [{"text": "ann has 3", "n": 3, "rule": arn.split("/")[-1]}]


def test_a_function_runs_if_its_policy_lets_the_rule(events, bus, sqs, lambda_client, deploy):
    ends, dead = open_queue(sqs), Queue(sqs)
    function = deploy(ANSWERS)
    lambda_client.put_function_event_invoke_config(
        FunctionName=function.name, DestinationConfig={"OnSuccess": {"Destination": ends.arn}}
    )
    target = {"Arn": function.arn, "DeadLetterConfig": {"Arn": dead.arn}}
    arn = rule(events, bus, {"source": ["shop"]}, target)
    put(events, bus, {"n": 1})
    (refused_one,) = dead.raw(1)
    attributes = {name: value["StringValue"] for name, value in refused_one["MessageAttributes"].items()}
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"]) == (arn, function.arn)
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("NO_PERMISSIONS", "0")
    assert json.loads(refused_one["Body"])["detail"] == {"n": 1}

    lambda_client.add_permission(
        FunctionName=function.name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
    )
    put(events, bus, {"n": 2})
    (end,) = ends.bodies(1)
    assert end["responsePayload"]["detail"] == {"n": 2}
    assert dead.is_empty()


def test_topics_buses_and_log_groups_are_told(events, bus, queue, sqs, sns, logs):
    topic = sns.create_topic(Name=unique("t"))["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    subscriber = open_queue(sqs)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=subscriber.arn, Attributes={"RawMessageDelivery": "true"})
    group = f"/aws/events/{unique('g')}"
    logs.create_log_group(logGroupName=group)
    second = unique("bus")
    second_arn = events.create_event_bus(Name=second)["EventBusArn"]
    forwarded = rule(events, second, {"detail": {"n": [1]}}, queue.arn)
    group_arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    rule(events, bus, {"source": ["shop"]}, topic, group_arn, second_arn)
    event_id = put(events, bus, {"n": 1})
    assert subscriber.bodies(1)[0]["id"] == event_id
    assert queue.bodies(1)[0]["id"] == event_id
    deadline = time.monotonic() + 20
    while not (found := logs.filter_log_events(logGroupName=group)["events"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert json.loads(found[0]["message"])["id"] == event_id
    name = forwarded.split("/")[-1]
    events.remove_targets(Rule=name, EventBusName=second, Ids=["0"])
    events.delete_rule(Name=name, EventBusName=second)
    events.delete_event_bus(Name=second)


def test_an_event_goes_from_one_bus_to_another_and_no_further(server, events, bus, queue, sqs):
    """Whatever the rules say: two buses that send everything to each other do not do so for ever."""
    second, stranger = unique("bus"), server.client(service="events", access_key="111111111111")
    second_arn = events.create_event_bus(Name=second)["EventBusArn"]
    foreign = unique("bus")
    foreign_arn = stranger.create_event_bus(Name=foreign)["EventBusArn"]
    everything, dead = {"source": ["shop"]}, open_queue(sqs)
    rule(events, bus, everything, second_arn, queue.arn, {"Arn": foreign_arn, "DeadLetterConfig": {"Arn": dead.arn}})
    back = rule(events, second, everything, f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{bus}", queue.arn)
    event_id = put(events, bus, {"n": 1})
    assert [event["id"] for event in queue.bodies(2)] == [event_id] * 2
    assert queue.is_empty()
    # A bus of another account lets nobody in without a policy.
    (message,) = dead.raw(1)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    stranger.put_permission(EventBusName=foreign, Action="events:PutEvents", Principal=ACCOUNT, StatementId="let")
    put(events, bus, {"n": 2})
    assert dead.is_empty()
    events.remove_targets(Rule=back.split("/")[-1], EventBusName=second, Ids=["0", "1"])
    events.delete_rule(Name=back.split("/")[-1], EventBusName=second)
    events.delete_event_bus(Name=second)
    stranger.delete_event_bus(Name=foreign)


def test_a_fifo_queue_gets_its_group(events, bus, sqs):
    line = open_queue(sqs, {"FifoQueue": "true"})
    name = unique("rule")
    events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["shop"]}')
    with refused(400, "ValidationException", "Parameter(s) SqsParameters must be specified for target: 0."):
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "0", "Arn": line.arn}])
    target = {"Id": "0", "Arn": line.arn, "SqsParameters": {"MessageGroupId": "g"}}
    events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
    put(events, bus, {"n": 1})
    (message,) = line.raw(1)
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_what_cannot_be_delivered_is_tried_as_often_as_the_rule_says(events, bus, logs, sqs):
    """A log group that is not there yet: tried again, and given up where no more tries are left."""
    dead, group = open_queue(sqs), f"/aws/events/{unique('g')}"
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"n": <n>}'}
    target = {
        "Arn": arn,
        "DeadLetterConfig": {"Arn": dead.arn},
        "RetryPolicy": {"MaximumRetryAttempts": 1},
        "InputTransformer": transformer,
    }
    rule(events, bus, {"detail": {"n": [1]}}, target)
    rule(events, bus, {"detail": {"n": [2]}}, {**target, "RetryPolicy": {"MaximumRetryAttempts": 10}})
    put(events, bus, {"n": 1})
    (message,) = dead.raw(1)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert attributes["RETRY_ATTEMPTS"] == "1"
    # The event as it was, whatever the target was to get.
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    put(events, bus, {"n": 2})
    logs.create_log_group(logGroupName=group)
    deadline = time.monotonic() + 20
    while not (found := logs.filter_log_events(logGroupName=group)["events"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert json.loads(found[0]["message"]) == {"n": 2}


def test_rules_are_made_found_changed_and_deleted(events, bus, queue):
    arn = rule(events, bus, {"source": ["shop"]}, queue.arn)
    name = arn.split("/")[-1]
    assert arn == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{bus}/{name}"
    found = events.describe_rule(Name=name, EventBusName=bus)
    assert (found["Arn"], found["State"], found["EventBusName"]) == (arn, "ENABLED", bus)
    assert json.loads(found["EventPattern"]) == {"source": ["shop"]}
    assert [one["Name"] for one in events.list_rules(EventBusName=bus)["Rules"]] == [name]
    assert events.list_rule_names_by_target(TargetArn=queue.arn, EventBusName=bus)["RuleNames"] == [name]
    events.disable_rule(Name=name, EventBusName=bus)
    assert events.describe_rule(Name=name, EventBusName=bus)["State"] == "DISABLED"
    put(events, bus, {"n": 1})
    assert queue.is_empty()
    events.enable_rule(Name=name, EventBusName=bus)
    # A rule that is put again keeps its targets.
    events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["other"]}', Description="d")
    (target,) = events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
    assert target == {"Id": "0", "Arn": queue.arn}
    put(events, bus, {"n": 2}, source="other")
    assert queue.bodies(1)[0]["detail"] == {"n": 2}
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["c"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    with refused(400, "ValidationException", "Rule can't be deleted since it has targets."):
        events.delete_rule(Name=name, EventBusName=bus)
    with refused(400, "ValidationException", "Event bus can't be deleted since it has rules."):
        events.delete_event_bus(Name=bus)
    gone = events.remove_targets(Rule=name, EventBusName=bus, Ids=["0", "1"])
    assert [entry["TargetId"] for entry in gone["FailedEntries"]] == ["1"]
    events.delete_rule(Name=name, EventBusName=bus)
    with refused(400, "ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus}."):
        events.describe_rule(Name=name, EventBusName=bus)


def test_the_default_bus_is_there(events, queue):
    assert "default" in [one["Name"] for one in events.list_event_buses()["EventBuses"]]
    arn = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    assert events.describe_event_bus()["Arn"] == arn
    source = unique("source")
    rule_arn = rule(events, "default", {"source": [source]}, queue.arn)
    name = rule_arn.split("/")[-1]
    assert rule_arn == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{name}"
    events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": "{}"}])
    assert queue.bodies(1)[0]["source"] == source
    with refused(400, "ValidationException", "Cannot delete event bus default."):
        events.delete_event_bus(Name="default")
    events.remove_targets(Rule=name, Ids=["0"])
    events.delete_rule(Name=name)


def test_another_account_needs_a_permission(server, events, bus, queue):
    stranger = server.client(service="events", access_key="111111111111")
    arn = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{bus}"
    rule(events, bus, {"account": [ACCOUNT]}, queue.arn)
    entry = {"Source": "s", "DetailType": "t", "Detail": '{"n": 1}', "EventBusName": arn}
    with refused(400, "AccessDeniedException"):
        stranger.put_events(Entries=[entry])
    events.put_permission(EventBusName=bus, Action="events:PutEvents", Principal="111111111111", StatementId="let")
    policy = json.loads(events.describe_event_bus(Name=bus)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    assert stranger.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert queue.bodies(1)[0]["detail"] == {"n": 1}
    events.remove_permission(EventBusName=bus, StatementId="let")
    with refused(400, "AccessDeniedException"):
        stranger.put_events(Entries=[entry])
    with refused(400, "ResourceNotFoundException", "EventBus does not have a policy."):
        events.remove_permission(EventBusName=bus, StatementId="let")


@pytest.mark.parametrize(
    ("pattern", "is_match"),
    [
        ({"source": ["s"]}, True),
        ({"source": [{"prefix": {"equals-ignore-case": "S"}}]}, True),
        ({"detail": {"a": [{"wildcard": "x*z"}]}}, True),
        ({"detail": {"ip": [{"cidr": "10.0.0.0/8"}]}}, True),
        ({"detail": {"a": [{"anything-but": {"suffix": "z"}}]}}, False),
        ({"$or": [{"source": ["t"]}, {"detail": {"n": [{"numeric": ["=", 3]}]}}]}, True),
        ({"detail": {"gone": [{"exists": False}]}}, True),
        ({"detail": {"gone": [{"exists": True}]}}, False),
    ],
    ids=str,
)
def test_patterns_are_tested(events, pattern, is_match):
    event = {
        "id": "i", "account": ACCOUNT, "source": "s", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
        "resources": [], "detail-type": "t", "detail": {"a": "xyz", "ip": "10.1.2.3", "n": 3},
    }  # fmt: skip
    answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
    assert answer["Result"] is is_match


def test_what_is_wrong_is_refused(events, bus):
    put_rule = {"Name": "r", "EventBusName": bus}
    for pattern in ("[]", '{"source": "s"}', '{"source": []}', '{"source": [{"longer": 1}]}', "{}", "{"):
        with refused(400, "InvalidEventPatternException", contains=["Event pattern is not valid. Reason: "]):
            events.put_rule(**put_rule, EventPattern=pattern)
        with refused(400, "InvalidEventPatternException"):
            events.test_event_pattern(EventPattern=pattern, Event="{}")
    with refused(400, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."):
        events.put_rule(**put_rule)
    with refused(400, "ResourceNotFoundException", "Event bus missing does not exist."):
        events.put_rule(Name="r", EventBusName="missing", EventPattern='{"source": ["s"]}')
    with refused(400, "ResourceAlreadyExistsException", f"Event bus {bus} already exists."):
        events.create_event_bus(Name=bus)
    with refused(400, "ValidationException"):
        events.test_event_pattern(EventPattern='{"source": ["s"]}', Event='{"source": "s"}')
    with refused(400, "ResourceNotFoundException"):
        events.put_targets(Rule="missing", EventBusName=bus, Targets=[{"Id": "0", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}])
    name = unique("rule")
    events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["s"]}')
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    for target, status, code in [
        ({"Arn": "no arn"}, 400, "ValidationException"),
        ({"Arn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"}, 501, "NotImplemented"),
        ({"Arn": "arn:aws:logs:us-east-1:111111111111:log-group:g"}, 400, "ValidationException"),
        ({"Arn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:g"}, 400, "ValidationException"),
        ({"Arn": queue, "Input": "{"}, 400, "ValidationException"),
        ({"Arn": queue, "Input": "{}", "InputPath": "$"}, 400, "ValidationException"),
        ({"Arn": queue, "InputPath": "detail"}, 400, "ValidationException"),
        ({"Arn": queue, "InputTransformer": {"InputTemplate": "<missing>"}}, 400, "ValidationException"),
        ({"Arn": queue, "RetryPolicy": {"MaximumRetryAttempts": 186}}, 400, "ValidationException"),
    ]:
        with refused(status, code):
            events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "0", **target}])
    with refused(400, "LimitExceededException"):
        six = [{"Id": str(number), "Arn": queue} for number in range(6)]
        events.put_targets(Rule=name, EventBusName=bus, Targets=six)
    assert events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"] == []
    with refused(501, "NotImplemented", contains=["CreateEndpoint"]):
        buses = [{"EventBusArn": f"arn:aws:events:{region}:{ACCOUNT}:event-bus/{bus}"} for region in ("us-east-1", "us-west-2")]
        routing = {"FailoverConfig": {"Primary": {"HealthCheck": "arn:aws:route53:::healthcheck/a"}, "Secondary": {"Route": "us-west-2"}}}
        events.create_endpoint(Name="e", RoutingConfig=routing, EventBuses=buses)


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)", "rate(5 minute)", "rate(0 days)", "rate(5)", "cron(* * * * * *)", "cron(0 12 * * *)",
        "cron(0 24 * * ? *)", "cron(0 12 ? * MON#6 *)", "every day", "at(2030-01-01T00:00:00)",
    ],
)  # fmt: skip
def test_wrong_schedules_are_refused(events, expression):
    with refused(400, "ValidationException", "Parameter ScheduleExpression is not valid."):
        events.put_rule(Name="r", ScheduleExpression=expression)


def test_schedules_are_of_the_default_bus(events, bus):
    message = "ScheduleExpression is supported only on the default event bus."
    with refused(400, "ValidationException", message):
        events.put_rule(Name="r", EventBusName=bus, ScheduleExpression="rate(1 day)")
    name = unique("rule")
    events.put_rule(Name=name, ScheduleExpression="cron(0 10 ? * MON-FRI *)", State="DISABLED")
    found = events.describe_rule(Name=name)
    assert (found["ScheduleExpression"], found["State"]) == ("cron(0 10 ? * MON-FRI *)", "DISABLED")
    assert "EventPattern" not in found
    events.delete_rule(Name=name)


@pytest.mark.timeout(300)
def test_what_is_due_comes_once_also_when_nobody_was_there(fresh_server):
    """A function, every minute; the server is killed, and is away when the next minute comes."""
    server = fresh_server("--isolation", "process", "--no-sdk", "--rules-per-bus", "1")
    events, sqs = server.client(service="events"), server.client(service="sqs")
    queue = open_queue(sqs)
    arn = events.put_rule(Name="every-minute", ScheduleExpression="cron(* * * * ? *)")["RuleArn"]
    with refused(400, "LimitExceededException"):
        events.put_rule(Name="more", ScheduleExpression="rate(1 day)")
    transformer = {"InputPathsMap": {"time": "$.time"}, "InputTemplate": '{"time": <time>}'}
    targets = [{"Id": "whole", "Arn": queue.arn}, {"Id": "part", "Arn": queue.arn, "InputTransformer": transformer}]
    events.put_targets(Rule="every-minute", Targets=targets)
    whole, part = sorted((json.loads(message["Body"]) for message in queue.raw(2, timeout_s=70)), key=len, reverse=True)
    assert part == {"time": whole["time"]} and whole["time"].endswith(":00Z")
    assert abs(calendar.timegm(time.strptime(whole["time"], "%Y-%m-%dT%H:%M:%SZ")) - time.time()) < 10
    assert (whole["source"], whole["detail-type"], whole["detail"]) == ("aws.events", "Scheduled Event", {})
    assert whole["resources"] == [arn]
    server.kill()
    missed = 60 * (int(time.time()) // 60 + 1)
    time.sleep(missed - time.time() + 1)
    again = Server(server.data_dir, "--isolation", "process", "--no-sdk")
    try:
        queue.sqs = again.client(service="sqs")
        queue.url = f"{again.endpoint}/{ACCOUNT}/{queue.name}"
        late = {json.loads(message["Body"])["time"] for message in queue.raw(2, timeout_s=20)}
        assert late == {time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(missed))}
        again.client(service="events").disable_rule(Name="every-minute")
        assert queue.is_empty()
    finally:
        again.stop()


def test_rules_and_what_they_were_told_survive_a_kill(fresh_server):
    server = fresh_server("--isolation", "process", "--no-sdk")
    events, logs = server.client(service="events"), server.client(service="logs")
    events.create_event_bus(Name="kept")
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/later"
    rule(events, "kept", {"source": ["shop"]}, arn)
    ids = {put(events, "kept", {"n": number}) for number in range(5)}
    server.kill()
    again = Server(server.data_dir, "--isolation", "process", "--no-sdk")
    try:
        events, logs = again.client(service="events"), again.client(service="logs")
        logs.create_log_group(logGroupName="/aws/events/later")
        ids.add(put(events, "kept", {"n": 5}))
        found, deadline = set(), time.monotonic() + 30
        while found != ids:
            answer = logs.filter_log_events(logGroupName="/aws/events/later")
            found = {json.loads(event["message"])["id"] for event in answer["events"]}
            assert time.monotonic() < deadline, ids - found
            time.sleep(0.2)
    finally:
        again.stop()
