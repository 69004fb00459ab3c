"""Archives of EventBridge's buses, and what is replayed of them."""

import json
import time
import uuid

import pytest

from queues import ACCOUNT
from refusals import refused
from test_eventbridge import bus, events, open_queue, queue, rule, unique  # noqa: F401

DAY_S = 86_400


def until(look, wanted, timeout=20):
    """What `look` gives once it is wanted."""
    deadline = time.monotonic() + timeout
    while not wanted(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.fixture
def archive(events, bus):  # noqa: F811
    """An archive of orders on a bus; it goes with the test."""
    name = unique("a")
    arn = events.create_archive(
        ArchiveName=name, EventSourceArn=bus_arn(bus), Description="orders", EventPattern=json.dumps({"source": ["orders"]})
    )["ArchiveArn"]
    assert arn == f"arn:aws:events:us-east-1:{ACCOUNT}:archive/{name}"
    yield name
    events.delete_archive(ArchiveName=name)


def bus_arn(bus):  # noqa: F811
    return f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{bus}"


def put(events, bus, *details, source="orders", at=None):  # noqa: F811
    entries = [{"EventBusName": bus, "Source": source, "DetailType": "t", "Detail": detail, **({"Time": at} if at else {})} for detail in details]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0


def kept(events, archive, count):  # noqa: F811
    return until(lambda: events.describe_archive(ArchiveName=archive), lambda found: found["EventCount"] == count)


def replay(events, bus, archive, start, end, **destination):  # noqa: F811
    """Replays a span of time, to its end."""
    name = unique("r")
    started = events.start_replay(
        ReplayName=name,
        EventSourceArn=f"arn:aws:events:us-east-1:{ACCOUNT}:archive/{archive}",
        EventStartTime=start,
        EventEndTime=end,
        Destination={"Arn": bus_arn(bus), **destination},
    )
    assert (started["State"], started["ReplayArn"]) == ("STARTING", f"arn:aws:events:us-east-1:{ACCOUNT}:replay/{name}")
    ended = until(lambda: events.describe_replay(ReplayName=name), lambda found: found["State"] not in ("STARTING", "RUNNING"))
    assert ended["State"] == "COMPLETED" and ended["ReplayEndTime"] >= ended["ReplayStartTime"]
    return name, ended


def test_what_is_archived_comes_again_and_says_so(events, bus, archive, queue):  # noqa: F811
    arn = rule(events, bus, {"source": ["orders", "others"]}, queue.arn)
    before = int(time.time())
    put(events, bus, '{"n": 300.0}', '{"n": 2}')
    put(events, bus, '{"n": 3}', source="others")
    first = {event["detail"]["n"]: event for event in queue.bodies(3)}
    found = kept(events, archive, 2)
    assert found["SizeBytes"] > 0 and (found["RetentionDays"], found["State"]) == (0, "ENABLED")
    name, ended = replay(events, bus, archive, before, time.time() + 1)
    again = queue.bodies(2)
    assert {event["replay-name"] for event in again} == {name} and not any("replay-name" in event for event in first.values())
    for event in again:
        was = first[event["detail"]["n"]]
        assert event["id"] != was["id"]
        assert {key: event[key] for key in was if key != "id"} == {key: was[key] for key in was if key != "id"}
    assert before <= ended["EventLastReplayedTime"].timestamp() <= time.time()
    # What is replayed is not archived again.
    time.sleep(0.5)
    assert kept(events, archive, 2)["EventCount"] == 2
    # To rules that are named only.
    other = open_queue(queue.sqs)
    rule(events, bus, {"source": ["orders"]}, other.arn)
    replay(events, bus, archive, before, time.time() + 1, FilterArns=[arn])
    assert len(queue.bodies(2)) == 2
    assert other.is_empty()


def test_a_replay_is_of_a_span_of_time_in_its_order(events, bus, archive, queue):  # noqa: F811
    day = int(time.time()) - DAY_S
    for hour in (5, 1, 3, 2, 4):
        put(events, bus, json.dumps({"hour": hour}), at=day + hour * 3_600)
    kept(events, archive, 5)
    rule(events, bus, {"replay-name": [{"exists": True}]}, queue.arn)
    replay(events, bus, archive, day + 2 * 3_600, day + 4 * 3_600)
    assert sorted(event["detail"]["hour"] for event in queue.bodies(2)) == [2, 3]
    assert queue.is_empty()


def test_more_than_a_batch_is_replayed(events, bus, archive, queue):  # noqa: F811
    before = int(time.time())
    for start in range(0, 250, 10):
        put(events, bus, *(json.dumps({"n": n}) for n in range(start, start + 10)))
    kept(events, archive, 250)
    rule(events, bus, {"replay-name": [{"exists": True}]}, queue.arn)
    replay(events, bus, archive, before, time.time() + 1)
    assert sorted(event["detail"]["n"] for event in queue.bodies(250)) == list(range(250))


def test_archives_are_described_listed_changed_and_deleted(events, bus):  # noqa: F811
    name, source = unique("a"), bus_arn(bus)
    events.create_archive(ArchiveName=name, EventSourceArn=source)
    with refused(400, "ResourceAlreadyExistsException", f"Archive {name} already exists."):
        events.create_archive(ArchiveName=name, EventSourceArn=source)
    managed = events.describe_rule(Name=f"Events-Archive-{name}", EventBusName=bus)
    assert managed["ManagedBy"] == "prod.vhs.events.aws.internal"
    assert json.loads(managed["EventPattern"]) == {"replay-name": [{"exists": False}]}
    with refused(400, "ManagedRuleException"):
        events.remove_targets(Rule=f"Events-Archive-{name}", EventBusName=bus, Ids=[f"Events-Archive-{name}"])
    with refused(400, "ManagedRuleException"):
        events.put_rule(Name=f"Events-Archive-{name}", EventBusName=bus, EventPattern='{"source": ["x"]}')
    (listed,) = events.list_archives(EventSourceArn=source)["Archives"]
    assert (listed["ArchiveName"], listed["EventCount"], listed["SizeBytes"]) == (name, 0, 0)
    events.update_archive(ArchiveName=name, EventPattern='{"source": ["only"]}', RetentionDays=3)
    put(events, bus, "{}", source="other")
    put(events, bus, "{}", source="only")
    assert kept(events, name, 1)["RetentionDays"] == 3
    assert events.list_archives(NamePrefix=name)["Archives"][0]["EventCount"] == 1
    assert events.list_archives(State="DISABLED")["Archives"] == []
    events.delete_archive(ArchiveName=name)
    with refused(400, "ResourceNotFoundException", f"Archive {name} does not exist."):
        events.describe_archive(ArchiveName=name)
    assert events.list_rules(EventBusName=bus)["Rules"] == []
    # Another of the same name has nothing of the first.
    events.create_archive(ArchiveName=name, EventSourceArn=source)
    assert events.describe_archive(ArchiveName=name)["EventCount"] == 0
    events.delete_archive(ArchiveName=name)


def test_archives_and_replays_that_cannot_be(events, bus, archive):  # noqa: F811
    with refused(400, "ResourceNotFoundException", "Event bus gone does not exist."):
        events.create_archive(ArchiveName="a", EventSourceArn=bus_arn("gone"))
    with refused(400, "InvalidEventPatternException", "Event pattern is not valid. Reason: Invalid JSON"):
        events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(bus), EventPattern="no")
    with refused(501, "NotImplemented"):
        events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(bus), KmsKeyIdentifier="key")
    asked = {
        "ReplayName": unique("r"),
        "EventSourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:archive/{archive}",
        "EventStartTime": 100,
        "EventEndTime": 200,
        "Destination": {"Arn": bus_arn(bus)},
    }
    wrong = [
        ({"EventEndTime": 100}, "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."),
        ({"Destination": {"Arn": bus_arn("default")}}, "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."),
        ({"Destination": {"Arn": "bus"}}, "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN."),
        (
            {"EventSourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:archive/gone"},
            "Parameter EventSourceArn is not valid. Reason: Archive gone does not exist.",
        ),
    ]
    for change, message in wrong:
        with refused(400, "ValidationException", message):
            events.start_replay(**{**asked, **change})
    events.start_replay(**asked)
    with refused(400, "ResourceAlreadyExistsException"):
        events.start_replay(**asked)
    until(lambda: events.describe_replay(ReplayName=asked["ReplayName"])["State"], lambda state: state == "COMPLETED")
    with refused(400, "IllegalStatusException", f"Replay {asked['ReplayName']} is not in a valid state for this operation."):
        events.cancel_replay(ReplayName=asked["ReplayName"])
    with refused(400, "ResourceNotFoundException"):
        events.cancel_replay(ReplayName="gone")
    listed = events.list_replays(EventSourceArn=asked["EventSourceArn"])["Replays"]
    assert [(one["ReplayName"], one["State"]) for one in listed] == [(asked["ReplayName"], "COMPLETED")]


def test_events_that_were_taken_are_archived_and_replayed_after_a_crash(fresh_server):
    server = fresh_server("--no-sdk")
    events = server.client(service="events")
    events.create_archive(ArchiveName="all", EventSourceArn=bus_arn("default"))
    before = int(time.time())
    entries = [{"Source": "s", "DetailType": "t", "Detail": json.dumps({"id": uuid.uuid4().hex})} for _ in range(10)]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    server.kill()
    server = fresh_server("--no-sdk", data_dir=server.data_dir)
    events, sqs = server.client(service="events"), server.client(service="sqs")
    kept(events, "all", 10)
    told = open_queue(sqs)
    rule(events, "default", {"replay-name": ["again"]}, told.arn)
    events.start_replay(
        ReplayName="again",
        EventSourceArn=f"arn:aws:events:us-east-1:{ACCOUNT}:archive/all",
        EventStartTime=before,
        EventEndTime=time.time() + 1,
        Destination={"Arn": bus_arn("default")},
    )
    server.kill()
    server = fresh_server("--no-sdk", data_dir=server.data_dir)
    told.sqs = server.client(service="sqs")
    wanted, found = {json.loads(entry["Detail"])["id"] for entry in entries}, set()
    # One batch, at least once.
    while found < wanted:
        found |= {event["detail"]["id"] for event in told.bodies(1)}
    assert found == wanted
    events = server.client(service="events")
    until(lambda: events.describe_replay(ReplayName="again")["State"], lambda state: state == "COMPLETED")
