"""EventBridge Scheduler: what is due comes to the target of its schedule, once, and is kept until it does."""

import datetime
import json
import time
import uuid
from zoneinfo import ZoneInfo

import botocore.session
import pytest

from lambent import ROLE, Server
from mutations import mutations
from queues import ACCOUNT, Queue
from refusals import refused
from rest_json import Caller

REGION = "us-east-1"
ARNS = f"arn:aws:scheduler:{REGION}:{ACCOUNT}"
OFF = {"Mode": "OFF"}
MODEL = botocore.session.get_session().get_service_model("scheduler")
ANSWERS = "def handler(event, context):\n    print('GOT', __import__('json').dumps(event))\n"


@pytest.fixture
def scheduler(server):
    return server.client(service="scheduler")


def unique(kind):
    return f"{kind}-{uuid.uuid4().hex[:12]}"


def soon(seconds=1, zone="UTC"):
    """The time in so many seconds, rounded up, as the clocks of a zone show it; and the same in UTC."""
    when = datetime.datetime.fromtimestamp(int(time.time()) + 1 + seconds, tz=ZoneInfo(zone))
    said = when.strftime("%Y-%m-%dT%H:%M:%S")
    return f"at({said})", when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def queue(sqs):
    return Queue(sqs)


@pytest.fixture
def schedule(scheduler):
    """Makes schedules, which go with the test."""
    made = []

    def make(expression, target, **more):
        name = more.pop("Name", None) or unique("schedule")
        target = target if isinstance(target, dict) else {"Arn": target}
        more = {"FlexibleTimeWindow": OFF, **more}
        scheduler.create_schedule(Name=name, ScheduleExpression=expression, Target={"RoleArn": ROLE, **target}, **more)
        made.append((name, more.get("GroupName", "default")))
        return name

    yield make
    for name, group in made:
        try:
            scheduler.delete_schedule(Name=name, GroupName=group)
        except scheduler.exceptions.ResourceNotFoundException:
            pass


def wait_until(holds, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def names(scheduler, **filters):
    return [found["Name"] for found in scheduler.list_schedules(**filters)["Schedules"]]


def test_what_is_due_once_comes_once_and_the_schedule_goes(scheduler, schedule, queue):
    expression, said = soon(zone="Asia/Kathmandu")
    text = '{"arn": "<aws.scheduler.schedule-arn>", "time": "<aws.scheduler.scheduled-time>", "try": <aws.scheduler.attempt-number>, "id": "<aws.scheduler.execution-id>"}'
    target = {"Arn": queue.arn, "Input": text}
    name = schedule(expression, target, ScheduleExpressionTimezone="Asia/Kathmandu", ActionAfterCompletion="DELETE")
    assert scheduler.get_schedule(Name=name)["State"] == "ENABLED"
    (message,) = queue.raw(1)
    body = json.loads(message["Body"])
    assert len(body.pop("id")) == 36
    assert body == {"arn": f"{ARNS}:schedule/default/{name}", "time": said, "try": 1}
    wait_until(lambda: name not in names(scheduler))
    assert queue.is_empty()


def test_a_rate_is_due_at_once_and_not_while_it_is_disabled(scheduler, schedule, queue):
    name = schedule("rate(1 hours)", {"Arn": queue.arn, "Input": "now"}, State="DISABLED")
    assert queue.is_empty()
    whole = scheduler.get_schedule(Name=name)
    keep = {key: whole[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**keep, State="ENABLED")
    assert queue.raw(1)[0]["Body"] == "now"
    changed = scheduler.get_schedule(Name=name)
    assert changed["CreationDate"] == whole["CreationDate"] < changed["LastModificationDate"]
    assert queue.is_empty()


def test_a_function_gets_an_event_of_its_own(schedule, deploy, server):
    function = deploy(ANSWERS)
    expression, said = soon()
    name = schedule(expression, function.arn)
    event = json.loads(got(server, function).split("GOT ", 1)[1])
    assert len(event.pop("id")) == 36
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": said,
        "region": REGION,
        "resources": [f"{ARNS}:schedule/default/{name}"],
        "detail": "{}",
    }


def got(server, function):
    """The line that a function has printed of its event."""
    logs = server.client(service="logs")

    def lines():
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{function.name}", filterPattern="GOT")["events"]
        return [event["message"] for event in found]

    wait_until(lambda: logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function.name}")["logGroups"])
    wait_until(lines)
    return lines()[0]


def test_topics_buses_and_operations_are_targets(server, schedule, sqs, sns):
    queues = {kind: Queue(sqs, {"FifoQueue": "true"} if kind == "fifo" else None) for kind in ("topic", "bus", "fifo", "send", "publish")}
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queues["topic"].arn, Attributes={"RawMessageDelivery": "true"})
    other = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=other, Protocol="sqs", Endpoint=queues["publish"].arn)
    events, source = server.client(service="events"), unique("source")
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queues["bus"].arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queues["bus"].url, Attributes={"Policy": policy})
    rule = unique("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "0", "Arn": queues["bus"].arn}])
    expression, said = soon()
    schedule(expression, {"Arn": topic, "Input": "to a topic"})
    bus = {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default", "Input": '{"n": 1}'}
    name = schedule(expression, {**bus, "EventBridgeParameters": {"DetailType": "tick", "Source": source}})
    schedule(expression, {"Arn": queues["fifo"].arn, "Input": "in order", "SqsParameters": {"MessageGroupId": "g"}})
    send = {"QueueUrl": queues["send"].url, "MessageBody": "sent"}
    schedule(expression, {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": json.dumps(send)})
    publish = {"TopicArn": other, "Message": "published", "Subject": "about"}
    schedule(expression, {"Arn": "arn:aws:scheduler:::aws-sdk:sns:publish", "Input": json.dumps(publish)})
    assert queues["topic"].raw(1)[0]["Body"] == "to a topic"
    event = json.loads(queues["bus"].raw(1)[0]["Body"])
    assert (event["source"], event["detail-type"], event["detail"], event["time"]) == (source, "tick", {"n": 1}, said)
    assert event["resources"] == [f"{ARNS}:schedule/default/{name}"]
    in_order = queues["fifo"].raw(1)[0]
    assert (in_order["Body"], in_order["Attributes"]["MessageGroupId"]) == ("in order", "g")
    assert queues["send"].raw(1)[0]["Body"] == "sent"
    published = json.loads(queues["publish"].raw(1)[0]["Body"])
    assert (published["Message"], published["Subject"]) == ("published", "about")
    events.remove_targets(Rule=rule, Ids=["0"])
    events.delete_rule(Name=rule)


def test_an_operation_invokes_a_function(server, schedule, deploy):
    function = deploy(ANSWERS)
    payload = {"FunctionName": function.name, "InvocationType": "Event", "Payload": '{"n": 2}'}
    schedule(soon()[0], {"Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke", "Input": json.dumps(payload)})
    assert json.loads(got(server, function).split("GOT ", 1)[1]) == {"n": 2}


def test_what_is_given_up_is_in_the_dead_letter_queue(schedule, queue):
    expression, said = soon()
    target = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:missing", "Input": "lost", "RetryPolicy": {"MaximumRetryAttempts": 0}}
    name = schedule(expression, {**target, "DeadLetterConfig": {"Arn": queue.arn}})
    (message,) = queue.raw(1)
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert message["Body"] == "lost"
    assert len(attributes.pop("EXECUTION_ID")) == 36 and attributes.pop("ERROR_MESSAGE")
    assert attributes.pop("EXECUTION_TIME") >= said
    assert attributes.pop("ERROR_CODE")
    assert attributes == {
        "SCHEDULE_ARN": f"{ARNS}:schedule/default/{name}",
        "TARGET_ARN": target["Arn"],
        "SCHEDULED_TIME": said,
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "0",
        "IS_PAYLOAD_TRUNCATED": "false",
    }


def test_groups_have_schedules_and_tags(scheduler, schedule):
    group = unique("group")
    arn = scheduler.create_schedule_group(Name=group, Tags=[{"Key": "team", "Value": "a"}])["ScheduleGroupArn"]
    assert arn == f"{ARNS}:schedule-group/{group}"
    found = scheduler.get_schedule_group(Name=group)
    assert (found["Arn"], found["State"]) == (arn, "ACTIVE")
    with refused(409, "ConflictException", f"Schedule group {group} already exists."):
        scheduler.create_schedule_group(Name=group)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    prefix = unique("s")
    for number in range(3):
        schedule("rate(1 day)", queue, Name=f"{prefix}-{number}", GroupName=group, State="DISABLED" if number else "ENABLED")
    assert names(scheduler, GroupName=group, State="DISABLED") == [f"{prefix}-1", f"{prefix}-2"]
    first = scheduler.list_schedules(GroupName=group, MaxResults=2)
    rest = scheduler.list_schedules(GroupName=group, MaxResults=2, NextToken=first["NextToken"])
    assert (len(first["Schedules"]), [one["Name"] for one in rest["Schedules"]]) == (2, [f"{prefix}-2"])
    assert "NextToken" not in rest and rest["Schedules"][0]["Target"] == {"Arn": queue}
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "more", "Value": "b"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "more", "Value": "b"}]
    # The groups of pages are in an order of their own: one begins as the other is called.
    other = f"{group}-b"
    scheduler.create_schedule_group(Name=other)
    schedule("rate(1 day)", queue, Name=f"{prefix}-9", GroupName=other, State="DISABLED")
    pages = scheduler.get_paginator("list_schedules").paginate(NamePrefix=prefix, PaginationConfig={"PageSize": 1})
    assert [(one["GroupName"], one["Name"][-1]) for page in pages for one in page["Schedules"]] == [
        (group, "0"), (group, "1"), (group, "2"), (other, "9"),
    ]  # fmt: skip
    scheduler.delete_schedule_group(Name=other)
    listed = scheduler.list_schedule_groups(NamePrefix=group)["ScheduleGroups"]
    assert [one["Name"] for one in listed] == [group]
    assert "default" in [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]]
    scheduler.delete_schedule_group(Name=group)
    assert names(scheduler, NamePrefix=prefix) == []
    with refused(404, "ResourceNotFoundException", f"Schedule group {group} does not exist."):
        scheduler.list_schedules(GroupName=group)
    with refused(400, "ValidationException"):
        scheduler.delete_schedule_group(Name="default")


def test_a_request_that_is_sent_again_is_no_conflict(scheduler, schedule):
    queue = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}
    name, token = unique("schedule"), uuid.uuid4().hex
    for _ in range(2):
        schedule("rate(1 day)", queue, Name=name, ClientToken=token)
    with refused(409, "ConflictException", f"Schedule {name} already exists."):
        schedule("rate(1 day)", queue, Name=name, ClientToken="other")


def test_a_schedule_is_as_it_was_said(scheduler, schedule):
    target = {
        "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q",
        "RoleArn": ROLE,
        "Input": "x",
        "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1},
    }
    start, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2090, 2091))
    said = {
        "ScheduleExpression": "cron(0 12 ? * MON#2 *)",
        "ScheduleExpressionTimezone": "America/New_York",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "StartDate": start,
        "EndDate": end,
        "Description": "lunch",
        "ActionAfterCompletion": "NONE",
    }
    expression = said.pop("ScheduleExpression")
    name = schedule(expression, target, **said)
    found = scheduler.get_schedule(Name=name, GroupName="default")
    dates = {key: found.pop(key) for key in ("CreationDate", "LastModificationDate")}
    assert abs(dates["CreationDate"].timestamp() - time.time()) < 60
    del found["ResponseMetadata"]
    assert found == {
        **said,
        "Arn": f"{ARNS}:schedule/default/{name}",
        "GroupName": "default",
        "Name": name,
        "State": "ENABLED",
        "ScheduleExpression": expression,
        "Target": target,
    }
    scheduler.delete_schedule(Name=name)
    with refused(404, "ResourceNotFoundException", f"Schedule {name} does not exist."):
        scheduler.get_schedule(Name=name)
    with refused(404, "ResourceNotFoundException", f"Schedule {name} does not exist."):
        scheduler.delete_schedule(Name=name)


def test_what_is_wrong_is_refused(server, scheduler, schedule):
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    for expression in ("rate(5)", "rate(1 week)", "cron(* * * * * *)", "at(2030-02-30T00:00:00)", "at(2030-01-01)", "daily"):
        with refused(400, "ValidationException", f"Invalid Schedule Expression {expression}."):
            schedule(expression, queue)
    bus = {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"}
    of_event = {"EventBridgeParameters": {"DetailType": "t", "Source": "s"}}
    dates = {"StartDate": datetime.datetime(2031, 1, 1), "EndDate": datetime.datetime(2030, 1, 1)}
    for target, more, status, code in [
        (queue, {"ScheduleExpressionTimezone": "Mars/Olympus"}, 400, "ValidationException"),
        (queue, {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, 400, "ValidationException"),
        (queue, {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}}, 400, "ValidationException"),
        (queue, dates, 400, "ValidationException"),
        (queue, {"GroupName": "missing"}, 404, "ResourceNotFoundException"),
        ("no arn", {}, 400, "ValidationException"),
        (f"{queue}.fifo", {}, 400, "ValidationException"),
        (bus, {}, 400, "ValidationException"),
        ({**bus, **of_event, "Input": "no json"}, {}, 400, "ValidationException"),
        ({**bus, "EventBridgeParameters": {"DetailType": "t", "Source": "aws.s3"}}, {}, 400, "ValidationException"),
        ({"Arn": queue, "RoleArn": "arn:aws:iam::1:role/r"}, {}, 400, "ValidationException"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": "{}"}, {}, 400, "ValidationException"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "Input": "{}"}, {}, 501, "NotImplemented"),
        (f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:s", {}, 501, "NotImplemented"),
    ]:
        with refused(status, code):
            schedule("rate(1 day)", target, **more)
    iam, role = server.client(service="iam"), unique("role")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **trust}))["Role"]["Arn"]
    why = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
    with refused(400, "ValidationException", why):
        schedule("rate(1 day)", {"Arn": queue, "RoleArn": arn})
    iam.delete_role(RoleName=role)


#: A right request per operation: `taken` is a schedule, `free` is none, `group` is a group.
TARGET = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", "RoleArn": ROLE, "RetryPolicy": {"MaximumRetryAttempts": 1}}
WHOLE = {
    "ScheduleExpression": "rate(1 day)",
    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
    "Target": TARGET,
    "Description": "d",
    "State": "DISABLED",
    "ActionAfterCompletion": "NONE",
    "ScheduleExpressionTimezone": "UTC",
    "ClientToken": "t",
}
RIGHT = {
    "CreateSchedule": {"Name": "{free}", **WHOLE},
    "UpdateSchedule": {"Name": "{taken}", **WHOLE},
    "GetSchedule": {"Name": "{taken}", "GroupName": "default"},
    "ListSchedules": {"GroupName": "default", "State": "ENABLED", "MaxResults": 10},
    "DeleteSchedule": {"Name": "{taken}", "ClientToken": "t"},
    "CreateScheduleGroup": {"Name": "{free}", "Tags": [{"Key": "k", "Value": "v"}]},
    "GetScheduleGroup": {"Name": "{group}"},
    "ListScheduleGroups": {"NamePrefix": "g", "MaxResults": 10},
    "TagResource": {"ResourceArn": f"{ARNS}:schedule-group/{{group}}", "Tags": [{"Key": "k", "Value": "v"}]},
    "UntagResource": {"ResourceArn": f"{ARNS}:schedule-group/{{group}}", "TagKeys": ["k"]},
    "ListTagsForResource": {"ResourceArn": f"{ARNS}:schedule-group/{{group}}"},
    "DeleteScheduleGroup": {"Name": "{group}"},
}


def state(scheduler):
    """All that there is."""
    groups = [{**group, "Tags": tags_of(scheduler, group)} for group in scheduler.list_schedule_groups()["ScheduleGroups"]]
    return groups, scheduler.list_schedules()["Schedules"]


def tags_of(scheduler, group):
    return scheduler.list_tags_for_resource(ResourceArn=group["Arn"])["Tags"]


def test_every_operation_refuses_what_the_model_forbids(server, scheduler, schedule, subtests):
    values = {"free": unique("free"), "taken": schedule("rate(1 day)", TARGET["Arn"]), "group": unique("group")}
    scheduler.create_schedule_group(Name=values["group"])
    caller, count = Caller(server, REGION, service="scheduler"), 0
    assert set(RIGHT) == set(MODEL.operation_names)
    for name, right in RIGHT.items():
        text = json.dumps(right)
        for key, value in values.items():
            text = text.replace("{%s}" % key, value)
        operation, request = MODEL.operation_model(name), json.loads(text)
        before = state(scheduler)
        for mutation in mutations(operation, request):
            count += 1
            with subtests.test(msg=f"{name} {mutation}"):
                answer = caller.call(operation, mutation.request)
                codes = ("ValidationException", "SerializationException", "UnknownOperationException", "ResourceNotFoundException")
                assert answer.status in (400, 404) and answer.code in codes, answer
                if mutation.expected:
                    assert mutation.expected in answer.message, answer
        assert state(scheduler) == before, name
        assert caller.call(operation, request).status == 200, name
        if name == "CreateSchedule":
            scheduler.delete_schedule(Name=values["free"])
        if name == "DeleteSchedule":
            schedule("rate(1 day)", TARGET["Arn"], Name=values["taken"])
    scheduler.delete_schedule_group(Name=values["free"])
    assert count > 300, count


def test_paths_and_bodies_that_are_none_are_refused(server):
    caller = Caller(server, REGION, service="scheduler")
    answer = caller.send("GET", "/nothing")
    assert (answer.status, answer.code) == (404, "UnknownOperationException")
    for body in (b"{", b"[]", b"7", b"\xff"):
        answer = caller.send("POST", "/schedules/s", body=body)
        assert answer.status == 400 and answer.code in ("SerializationException", "ValidationException"), answer


def test_what_was_due_while_nobody_was_there_comes_late_once(fresh_server):
    """The server is killed before it is due, and one that is deleted stays away."""
    server = fresh_server("--isolation", "process", "--no-sdk")
    scheduler, queue = server.client(service="scheduler"), Queue(server.client(service="sqs"))
    expression, said = soon(seconds=3)
    target = {"Arn": queue.arn, "RoleArn": ROLE, "Input": "<aws.scheduler.scheduled-time>"}
    for name in ("late", "gone"):
        scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, FlexibleTimeWindow=OFF, Target=target, ActionAfterCompletion="DELETE"
        )
    scheduler.delete_schedule(Name="gone")
    server.kill()
    time.sleep(5)
    again = Server(server.data_dir, "--isolation", "process", "--no-sdk")
    try:
        queue.sqs = again.client(service="sqs")
        queue.url = f"{again.endpoint}/{ACCOUNT}/{queue.name}"
        assert [message["Body"] for message in queue.raw(1)] == [said]
        wait_until(lambda: names(again.client(service="scheduler")) == [])
        assert queue.is_empty()
    finally:
        again.stop()
