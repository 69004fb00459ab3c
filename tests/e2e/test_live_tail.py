"""StartLiveTail: log events as they come, in the client's own event stream."""

import time

import pytest

from refusals import refused
from test_logs import group, logs, now_ms, put, stream  # noqa: F401

ACCOUNT = "000000000000"
SESSIONS_MAX = 15


def arn(name):
    return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}"


class Tails:
    """Sessions of a test: `tail(group, **options)` begins one, `tail.leave()` closes the last one's connection."""

    def __init__(self, client):
        self.client = client
        self.opened = []

    def __call__(self, *groups, **options):
        answer = self.client.start_live_tail(logGroupIdentifiers=[arn(name) for name in groups], **options)
        self.opened.append(answer["responseStream"])
        return iter(answer["responseStream"])

    def leave(self):
        self.opened.pop().close()


@pytest.fixture
def tail(server):
    """A name before the address of an own endpoint leads nowhere."""
    tails = Tails(server.client(service="logs", inject_host_prefix=False, read_timeout=20))
    yield tails
    while tails.opened:
        tails.leave()


def updates_until(session, is_enough, timeout_s=20):
    """Updates up to the one with which the events so far are enough; and these events."""
    updates, events = [], []
    deadline = time.monotonic() + timeout_s
    while not is_enough(events):
        assert time.monotonic() < deadline, events
        update = next(session)["sessionUpdate"]
        updates.append(update)
        events += update["sessionResults"]
    return updates, events


def test_a_session_tells_what_comes_after_its_beginning(tail, logs, group, stream):
    put(logs, group, stream, (now_ms(), "before"))
    session = tail(group, logEventFilterPattern="?one ?two")
    start = next(session)["sessionStart"]
    assert start["logGroupIdentifiers"] == [arn(group)]
    assert start["logEventFilterPattern"] == "?one ?two"
    assert start["sessionId"] and start["requestId"]
    at = now_ms()
    put(logs, group, stream, (at, "one"), (at + 1, "other"), (at + 2, "two"))
    updates, events = updates_until(session, lambda events: len(events) >= 2)
    assert [event["message"] for event in events] == ["one", "two"]
    first = events[0]
    assert (first["logStreamName"], first["logGroupIdentifier"], first["timestamp"]) == (stream, arn(group), at)
    assert abs(first["ingestionTime"] - at) < 60_000
    assert all(update["sessionMetadata"]["sampled"] is False for update in updates)


def test_an_update_comes_each_second_also_without_events(tail, group):
    session = tail(group)
    next(session)
    next(session)
    began = time.monotonic()
    for _ in range(3):
        assert next(session)["sessionUpdate"]["sessionResults"] == []
    assert 2.5 <= time.monotonic() - began < 10


def test_streams_are_chosen_by_name_or_by_beginning(tail, logs, group):
    for name in ("a-1", "a-2", "b-1", "c"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    by_name, by_beginning = tail(group, logStreamNames=["c"]), tail(group, logStreamNamePrefixes=["a-", "b-"])
    for session in (by_name, by_beginning):
        next(session)
    for name in ("c", "b-1", "a-2"):
        put(logs, group, name, (now_ms(), name))
    _, events = updates_until(by_name, lambda events: events)
    assert [event["message"] for event in events] == ["c"]
    _, events = updates_until(by_beginning, lambda events: len(events) >= 2)
    assert [event["message"] for event in events] == ["b-1", "a-2"]


def test_what_a_function_prints_is_tailed(tail, deploy, logs):
    function = deploy("def handler(event, context):\n    print('hello', event)\n")
    function.invoke("first")
    session = tail(f"/aws/lambda/{function.name}", logEventFilterPattern="hello")
    next(session)
    function.invoke("second")
    _, events = updates_until(session, lambda events: events)
    assert [event["message"] for event in events] == ["hello second\n"]


def test_a_flood_is_sampled_to_500_events_a_second(tail, logs, group, stream):
    session = tail(group)
    next(session)
    put(logs, group, stream, *[(now_ms(), f"event {number}") for number in range(3000)])
    updates, events = updates_until(session, lambda events: events)
    assert updates[-1]["sessionMetadata"]["sampled"] is True
    assert 250 <= len(events) <= 500
    numbers = [int(event["message"].split()[1]) for event in events]
    assert numbers == sorted(numbers) and numbers[-1] > 2900, "from all of it, in its order"


def test_a_session_ends_with_its_group(tail, logs, group):
    session = tail(group)
    next(session)
    logs.delete_log_group(logGroupName=group)
    with pytest.raises(Exception, match="SessionStreamingException"):
        for _ in range(5):
            next(session)


def test_an_account_has_fifteen_sessions_and_places_come_back(tail, logs, group):
    sessions = [tail(group) for _ in range(SESSIONS_MAX)]
    for session in sessions:
        next(session)
    with refused(400, "LimitExceededException"):
        tail(group)
    # A client that is gone is noticed with the next update.
    tail.leave()
    deadline = time.monotonic() + 15
    while True:
        try:
            assert "sessionStart" in next(tail(group))
            return
        except logs.exceptions.LimitExceededException:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_wrong_sessions_are_refused(server, group):
    client = server.client(service="logs", inject_host_prefix=False, parameter_validation=False)

    def start(*identifiers, **options):
        return client.start_live_tail(logGroupIdentifiers=list(identifiers), **options)

    with refused(400, "ResourceNotFoundException", contains=["log group"]):
        start(arn("/no/such/group"))
    with refused(400, "InvalidParameterException", contains=["ARN"]):
        start(group)
    with refused(400, "InvalidParameterException", contains=["'logGroupIdentifiers'"]):
        start(arn(group) + ":*")
    with refused(400, "InvalidParameterException", contains=["exclusive"]):
        start(arn(group), logStreamNames=["s"], logStreamNamePrefixes=["s"])
    with refused(400, "InvalidParameterException", contains=["single log group"]):
        start(arn(group), arn("other"), logStreamNames=["s"])
    with refused(400, "InvalidParameterException", contains=["1 validation error detected", "'logGroupIdentifiers'"]):
        start()
    with refused(400, "InvalidParameterException"):
        start(arn(group), logEventFilterPattern="{ $.broken")
