"""A disk that is full, a disk that does not sync, a clock that jumps, a bit that flips: nothing acknowledged is lost or said twice."""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from dynamo import ON_DEMAND, definitions, schema
from faults import ALWAYS, Faults
from functions import Deployer

#: Functions are processes that write down what they saw; a full disk must not keep them from starting.
ARGUMENTS = ("--isolation", "process", "--no-sdk", "--async-retry-wait-seconds", "1", "--disk-reserve-mb", "0")
SEES = """
import json, os, time
def handler(event, context):
    while os.path.exists(os.environ["WITNESS"] + ".hold"):
        time.sleep(0.01)
    with open(os.environ["WITNESS"], "ab", buffering=0) as file:
        file.write((json.dumps({**event, "request": context.aws_request_id}) + "\\n").encode())
    # What another event's environment is just writing is no line yet.
    lines = [line for line in open(os.environ["WITNESS"]) if line.endswith("\\n")]
    if event.get("fails", 0) > sum(json.loads(line)["id"] == event["id"] for line in lines) - 1:
        raise ValueError("as the event asked")
"""


class Work:
    """A server with a function, a queue, a bucket and a table; what it acknowledged is to be there in the end."""

    def __init__(self, server, witness, runtime):
        self.witness = Path(witness)
        self.sent = {"events": [], "messages": [], "objects": [], "items": []}
        self.refused = []
        self.meet(server)
        deploy = Deployer(self.client, runtime)
        variables = {"Variables": {"WITNESS": str(self.witness)}}
        self.function = deploy(SEES, FunctionName="sees", Environment=variables).name
        self.sqs.create_queue(QueueName="q")
        self.s3.create_bucket(Bucket="kept")
        key = {"KeySchema": schema("p"), "AttributeDefinitions": definitions(p="S")}
        self.dynamodb.create_table(TableName="kept", **key, **ON_DEMAND)

    @contextlib.contextmanager
    def held(self):
        """Events wait: those that began have no end before the server's."""
        hold = self.witness.with_name(self.witness.name + ".hold")
        hold.touch()
        yield
        self.server.kill()
        hold.unlink()

    def meet(self, server):
        """The server, or another on the same data."""
        self.server = server
        self.client = server.client(retries={"total_max_attempts": 1})
        self.sqs = server.client(service="sqs", retries={"total_max_attempts": 1})
        self.s3 = server.client(service="s3", retries={"total_max_attempts": 1})
        self.dynamodb = server.client(service="dynamodb", retries={"total_max_attempts": 1})
        self.url = f"{server.endpoint}/000000000000/q"

    def send(self, name, size=10_000):
        """One of each; what is refused is refused in AWS's way."""
        padding = "x" * size
        self._try("events", name, lambda: self.client.invoke(
            FunctionName="sees", InvocationType="Event", Payload=json.dumps({"id": name, "padding": padding})
        ))
        self._try("messages", name, lambda: self.sqs.send_message(QueueUrl=self.url, MessageBody=f"{name} {padding}"))
        self._try("objects", name, lambda: self.s3.put_object(Bucket="kept", Key=name, Body=f"{name} {padding}"))
        item = {"p": {"S": name}, "padding": {"S": padding}}
        self._try("items", name, lambda: self.dynamodb.put_item(TableName="kept", Item=item))

    def _try(self, kind, name, call):
        try:
            call()
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert status in (500, 503, 507), error
            self.refused.append((kind, name))
        else:
            self.sent[kind].append(name)

    def check(self, under_way=(), timeout_s=60):
        """All that was acknowledged is there, once; what was refused is there once at most. Events that were under way when the server was
        killed may have been seen twice."""
        deadline = time.monotonic() + timeout_s
        while not set(self.sent["events"]) <= set(seen := self.seen()):
            assert time.monotonic() < deadline, f"not seen: {set(self.sent['events']) - set(seen)}"
            time.sleep(0.1)
        assert {name for name in seen if seen.count(name) > 1} <= set(under_way)
        messages = self.received()
        assert set(self.sent["messages"]) <= set(messages) and len(messages) == len(set(messages))
        assert set(self.items()) >= set(self.sent["items"])
        for name in self.sent["objects"]:
            assert self.s3.get_object(Bucket="kept", Key=name)["Body"].read().decode().startswith(f"{name} ")

    def items(self):
        """The items that can be read, each of those that were sent; what is damaged is an error."""
        found = []
        for name in self.sent["items"]:
            try:
                item = self.dynamodb.get_item(TableName="kept", Key={"p": {"S": name}}).get("Item")
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 500), error
            else:
                found += [item["p"]["S"]] if item and set(item["padding"]["S"]) == {"x"} else []
        return found

    def seen(self):
        """The events of the whole lines: an end without a line feed is just being written, or was cut off by a kill."""
        lines = self.witness.read_text().splitlines(keepends=True) if self.witness.exists() else []
        return [json.loads(line)["id"] for line in lines if line.endswith("\n")]

    def received(self):
        names = []
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=900).get("Messages"):
            names += [message["Body"].split(" ")[0] for message in found]
        return names


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "lambent-test", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path):
    """Takes all room that is left."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_refuses_and_forgets_nothing(fresh_server, small_disk, tmp_path, python_runtime):
    server = fresh_server(*ARGUMENTS, data_dir=small_disk / "data")
    work = Work(server, tmp_path / "witness", python_runtime)
    for number in range(5):
        work.send(f"before-{number}")
    assert work.refused == []
    ballast = small_disk / "ballast"
    fill(ballast)
    for number in range(15):
        work.send(f"full-{number}")
    assert {kind for kind, _ in work.refused} == {"events", "messages", "objects", "items"}
    assert work.client.invoke(FunctionName="sees", Payload=json.dumps({"id": "directly"}))["StatusCode"] == 200
    assert server.health()["status"] == "ok"
    ballast.unlink()
    refused = len(work.refused)
    for number in range(5):
        work.send(f"after-{number}")
    assert len(work.refused) == refused
    server.kill()
    work.meet(fresh_server(*ARGUMENTS, data_dir=small_disk / "data"))
    work.check(under_way=[name for name in work.sent["events"] if name.startswith("after-")])
    assert work.server.health()["damaged"] == []


@pytest.mark.parametrize("kind", ["syncs", "writes"])
@pytest.mark.parametrize("calls", [1, ALWAYS])
@pytest.mark.parametrize("files", ["queues.db", "lambent.db"])
def test_a_disk_that_fails_refuses_and_forgets_nothing(fresh_server, tmp_path, python_runtime, files, calls, kind):
    """An error is not taken for success, neither then nor when the next call goes well."""
    faults = Faults(tmp_path, files)
    server = fresh_server(*ARGUMENTS, data_dir=tmp_path / "data", env=faults.environment)
    work = Work(server, tmp_path / "witness", python_runtime)
    for number in range(3):
        work.send(f"before-{number}")
    assert work.refused == [] and faults.failed == 0
    setattr(faults, kind, calls)
    for number in range(6):
        if faults.failed and not work.refused:
            # A single failure was that of a settlement, which is made again: another.
            setattr(faults, kind, calls)
        work.send(f"failing-{number}")
    setattr(faults, kind, 0)
    expected = {"events", "messages"} if files == "queues.db" else {"objects"}
    assert faults.failed > 0 and {kind for kind, _ in work.refused} <= expected and work.refused
    if calls == ALWAYS:
        assert len(work.refused) == 6 * len(expected)
    refused = len(work.refused)
    for number in range(3):
        work.send(f"after-{number}")
    assert len(work.refused) == refused
    # Settlements that failed are made again, after a tenth of a second, then twice as long: until then their events are under way.
    time.sleep(1)
    server.kill()
    work.meet(fresh_server(*ARGUMENTS, data_dir=tmp_path / "data"))
    work.check(under_way=[name for name in work.sent["events"] if name.startswith("after-")])


HOUR = 3600


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 7 * HOUR])
def test_a_clock_that_jumps_neither_ages_an_event_nor_holds_it_up(fresh_server, tmp_path, python_runtime, seconds):
    faults = Faults(tmp_path)
    server = fresh_server(*ARGUMENTS, data_dir=tmp_path / "data", env=faults.environment)
    work = Work(server, tmp_path / "witness", python_runtime)
    work.client.put_function_event_invoke_config(FunctionName="sees", MaximumEventAgeInSeconds=60)
    event = json.dumps({"id": "tried again", "fails": 1})
    work.client.invoke(FunctionName="sees", InvocationType="Event", Payload=event)
    work.sqs.send_message(QueueUrl=work.url, MessageBody="late", DelaySeconds=2)
    work.sqs.send_message(QueueUrl=work.url, MessageBody="hidden")
    assert work.sqs.receive_message(QueueUrl=work.url, VisibilityTimeout=2, WaitTimeSeconds=2)["Messages"]
    while not work.seen():
        time.sleep(0.01)
    faults.clock_seconds = seconds
    started = time.monotonic()
    assert work.received() == []
    while len(work.seen()) < 2:
        assert time.monotonic() - started < 10, "the second attempt does not come"
        time.sleep(0.05)
    names = []
    while len(names) < 2:
        assert time.monotonic() - started < 10, f"only {names} came"
        names += work.received()
    assert sorted(names) == ["hidden", "late"] and time.monotonic() - started >= 1
    work.send("after", 10)
    work.sent["events"].append("after")
    while "after" not in work.seen():
        assert time.monotonic() - started < 20
        time.sleep(0.05)


def test_a_clock_that_is_put_right_between_two_starts_holds_nothing_up(fresh_server, tmp_path, python_runtime):
    """What was put off by a clock that was an hour ahead is not put off for that hour."""
    faults = Faults(tmp_path)
    faults.clock_seconds = HOUR
    data = tmp_path / "data"
    server = fresh_server(*ARGUMENTS, data_dir=data, env=faults.environment)
    work = Work(server, tmp_path / "witness", python_runtime)
    with work.held():
        work.client.invoke(FunctionName="sees", InvocationType="Event", Payload=json.dumps({"id": "waits"}))
        work.sqs.send_message(QueueUrl=work.url, MessageBody="waits", DelaySeconds=1)
    for path in [*data.glob("*.db*"), data]:
        # The file system would have had that clock too.
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + HOUR))
    work.meet(fresh_server(*ARGUMENTS, data_dir=data))
    deadline, received = time.monotonic() + 20, []
    while not work.seen() or not received:
        assert time.monotonic() < deadline, (work.seen(), received)
        received += work.received()
        time.sleep(0.2)
    assert (work.seen(), received) == (["waits"], ["waits"])


#: For each file; `LAMBENT_FLIPS` asks for more.
FLIPS = int(os.environ.get("LAMBENT_FLIPS", "12"))
DATABASES = ("queues.db", "lambent.db", "tables.db")


@pytest.fixture(scope="module")
def at_rest(module_servers, tmp_path_factory, python_runtime):
    """A data directory in which events and messages wait, and what they are."""
    folder = tmp_path_factory.mktemp("at-rest")
    server = module_servers.start(*ARGUMENTS, data_dir=folder / "data")
    work = Work(server, folder / "witness", python_runtime)
    with work.held():
        for number in range(30):
            work.send(f"n-{number}", 500)
    for name in DATABASES:
        with contextlib.closing(sqlite3.connect(folder / "data" / name)) as connection:
            # All of it into the file that the bit is flipped in.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / "data", work


@pytest.mark.parametrize("file", DATABASES)
@pytest.mark.parametrize("flip", range(FLIPS))
def test_a_flipped_bit_is_found_and_harms_nothing_else(fresh_server, at_rest, tmp_path, file, flip):
    """Whatever bit it is: nothing comes out changed, what is lost is reported, and the rest is there."""
    prepared, work = at_rest
    data = tmp_path / "data"
    shutil.copytree(prepared, data)
    contents = bytearray((data / file).read_bytes())
    bit = random.Random(f"{file} {flip}").randrange(len(contents) * 8)
    contents[bit // 8] ^= 1 << bit % 8
    (data / file).write_bytes(contents)
    witness = work.witness
    witness.unlink(missing_ok=True)
    server = fresh_server(*ARGUMENTS, data_dir=data)
    work.meet(server)
    reported = server.health()["damaged"]
    deadline = time.monotonic() + 20
    expected = set(work.sent["events"])
    while set(work.seen()) != expected and time.monotonic() < deadline and not reported:
        time.sleep(0.05)
        reported = server.health()["damaged"]
    time.sleep(0.5 if reported else 0)
    try:
        messages = work.received()
    except ClientError:
        messages = []
    lost = (expected - set(work.seen())) | (set(work.sent["messages"]) - set(messages)) | (set(work.sent["items"]) - set(work.items()))
    assert set(work.seen()) <= expected and set(messages) <= set(work.sent["messages"])
    assert not lost or server.health()["damaged"], f"bit {bit}: {lost} are gone without a word"
    server.stop()
