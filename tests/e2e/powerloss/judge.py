"""Starts the real server on a disk as a power loss may leave it, and asks what is there."""

import base64
import contextlib
import hashlib
import json
import random
import shutil
import sqlite3
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

import lambent
from lambent import ROLE
from powerloss import disk, survival
from powerloss.recording import CHEAP
from powerloss.workload import ANYTHING, EventWriter, ItemWriter, ObjectWriter, RecordWriter, noted, packages, stable
from rest_json import Caller

MODEL = botocore.session.get_session().get_service_model("lambda")
REGION = "us-east-1"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip().encode()
#: As many bytes: what the files say about the boot in which they were made is no longer so.
BOOT_BEFORE = b"00000000-0000-0000-0000-000000000000"
#: Functions that nothing is asked of.
ASIDE = (EventWriter.FUNCTION, RecordWriter.FUNCTION)
#: Random torn disks for each moment before the first answer.
TORN_TRIES = 3
FOLLOW_TIMEOUT_S = 30


class Judge:
    """Judges disks of one recording."""

    def __init__(self, recording, folder, runtime):
        self.recording = recording
        self.folder = folder
        self.runtime = runtime

    def judge(self, count, survives, dropped=frozenset()):
        """What is wrong after a power loss behind so many records; nothing, if all is well."""
        image = disk.Disk.after(self.recording.records[:count], dropped).image(survives)
        position = self.recording.position(count)
        passed = list(self.audit_checkpoint(image, position))
        return passed + self.with_server(image, lambda server, caller: self.audit(server, caller, position))

    def invoke_all(self, image):
        """What is wrong with the answers of the functions on a disk."""
        return self.with_server(image, lambda _, caller: self.audit_answers(caller))

    def with_server(self, image, audit):
        """Starts the server on a disk and gives back what an audit of it finds."""
        folder = Path(tempfile.mkdtemp(prefix="disk-", dir=self.folder))
        disk.write(image, folder / "volume", lambda content: content.replace(BOOT_ID, BOOT_BEFORE))
        try:
            server = lambent.Server(folder / "volume" / "data", *CHEAP, log=folder / "server.log")
        except lambent.ServerFailed as failure:
            return [f"the server does not start: {failure}"]
        caller = Caller(server, REGION)
        try:
            return list(audit(server, caller))
        finally:
            caller.connection.close()
            server.kill()
            server.process.stdout.close()
            shutil.rmtree(folder)

    def audit(self, server, caller, position):
        """Every difference between what is there and what must be, when the log up to `position` came about."""
        right = defaultdict(dict)
        for name, states in self.recording.history.allowed(position).items():
            right[name.partition(":")[0] if ":" in name else "function"][name] = states
        yield from self.audit_functions(caller, right["function"])
        yield from self.audit_objects(server.client(service="s3"), right["object"])
        yield from self.audit_items(server.client(service="dynamodb"), right["item"])
        yield from self.audit_events(server.data_dir, right["event"])
        yield from self.audit_records(server.client(service="kinesis"), right["record"])
        yield from self.audit_schedules(server.client(service="scheduler"), server.data_dir, right["schedule"])
        yield from self.audit_new_functions(caller)
        yield from (line for line in server.errors().splitlines() if "panicked" in line or " ERROR " in line)

    def audit_answers(self, caller):
        """Each function answers with what its package says, which is never an object as errors are."""
        functions = caller.call(MODEL.operation_model("ListFunctions"), {}).body["Functions"]
        for item in (item for item in functions if item["FunctionName"] not in ASIDE):
            answer = caller.call(MODEL.operation_model("Invoke"), {"FunctionName": item["FunctionName"]})
            if answer.status != 200 or isinstance(answer.body, dict):
                yield f"{item['FunctionName']} answers {answer}"

    def audit_functions(self, caller, right):
        """Each function is in a state that is right, and there are no others."""
        answer = caller.call(MODEL.operation_model("ListFunctions"), {})
        if answer.status != 200:
            yield f"functions cannot be listed: {answer}"
            return
        listed = {item["FunctionName"] for item in answer.body["Functions"]}
        yield from (f"{name} is there, and nobody made it" for name in listed - set(right))
        for name, states in right.items():
            if ANYTHING in states:
                continue
            found = self.state_of(caller, name) if name in listed else None
            if found not in states:
                yield f"{name} {difference(found, states)}"

    def audit_objects(self, s3, right):
        """Each object is in a state that is right, whole, and there are no others."""
        try:
            listed = {item["Key"] for item in s3.list_objects_v2(Bucket=ObjectWriter.BUCKET).get("Contents", [])}
        except s3.exceptions.NoSuchBucket:
            listed = set()
        yield from (f"{key} is there, and nobody put it" for key in listed - set(right))
        for key, states in right.items():
            found = object_state(s3, key) if key in listed else None
            if found not in states:
                yield f"{key} is {found or 'gone'} instead of {states[-1] or 'gone'}"

    def audit_items(self, dynamodb, right):
        """Each item is in a state that is right, and there are no others."""
        try:
            found = dynamodb.scan(TableName=ItemWriter.TABLE)["Items"]
        except dynamodb.exceptions.ResourceNotFoundException:
            found = []
        items = {item["id"]["S"]: {"n": int(item["n"]["N"]), "text": item["text"]["S"]} for item in found}
        yield from (f"{name} is there, and nobody put it" for name in set(items) - set(right))
        for name, states in right.items():
            if items.get(name) not in states:
                yield f"{name} is not as it was written, or gone"

    def audit_events(self, data_dir, right):
        """Each event waits that must, whole. What a client sent in vain may wait too."""
        connection = sqlite3.connect(f"file:{data_dir}/queues.db?mode=ro", uri=True)
        with contextlib.closing(connection):
            rows = connection.execute("SELECT header, body FROM entries").fetchall()
        waiting = {json.loads(header)["request_id"]: len(body) for header, body in rows}
        for name, states in right.items():
            found = [state for state in states if state and waiting.get(state["request_id"]) == state["bytes"]]
            if not found and None not in states:
                yield f"{name} is lost"

    def audit_records(self, kinesis, right):
        """Each record of the stream is there that must be, whole."""
        try:
            shard = kinesis.list_shards(StreamName=RecordWriter.STREAM)["Shards"][0]["ShardId"]
            place = {"StreamName": RecordWriter.STREAM, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
            iterator = kinesis.get_shard_iterator(**place)["ShardIterator"]
            found = kinesis.get_records(ShardIterator=iterator)["Records"]
        except kinesis.exceptions.ResourceNotFoundException:
            found = []
        records = {record["SequenceNumber"]: len(record["Data"]) for record in found}
        for name, states in right.items():
            if None not in states and records.get(states[0]["sequence"]) != states[0]["bytes"]:
                yield f"{name} is lost"

    def audit_schedules(self, scheduler, data_dir, right):
        """Each schedule is as it must be and has an appointment, and there are no others."""
        names = [schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]]
        found = {name.replace("-", ":"): scheduler.get_schedule(Name=name)["ScheduleExpression"] for name in names}
        yield from (f"{name} is there, and nobody made it" for name in set(found) - set(right))
        for name, states in right.items():
            if found.get(name) not in states:
                yield f"{name} is {found.get(name, 'gone')} instead of {states[-1] or 'gone'}"
        connection = sqlite3.connect(f"file:{data_dir}/queues.db?mode=ro", uri=True)
        with contextlib.closing(connection):
            appointments = "\n".join(name for (name,) in connection.execute("SELECT name FROM appointments"))
        yield from (f"{name} is never due" for name in names if name not in appointments)

    def audit_checkpoint(self, image, position):
        """What the mapping passed of the stream without its function having noted it, on a disk that no server has started on."""
        done = {sequence for sequence, at in self.recording.followed.items() if at <= position}
        passed = checkpoint_of(image, self.folder)
        for name, states in self.recording.history.allowed(position).items():
            for state in filter(None, states if name.startswith("record:") else []):
                if place_of(state["sequence"]) < passed and state["sequence"] not in done:
                    yield f"{name} was passed, and its function did not run"

    def follow(self, count, survives):
        """What of the stream no function has noted, or notes once the server has started again."""
        position = self.recording.position(count)
        image = disk.Disk.after(self.recording.records[:count]).image(survives)
        self.recording.witness.write_text("")
        return self.with_server(image, lambda *_: self.audit_followed(position))

    def audit_followed(self, position):
        """Waits until each record that was acknowledged is noted, before the power loss or after it."""
        states = self.recording.history.allowed(position).items()
        wanted = {state["sequence"] for name, (state, *_) in states if name.startswith("record:") and state}
        wanted -= {sequence for sequence, at in self.recording.followed.items() if at <= position}
        deadline = time.monotonic() + FOLLOW_TIMEOUT_S
        while not wanted <= set(noted(self.recording.witness)):
            if time.monotonic() > deadline:
                yield f"{len(wanted - set(noted(self.recording.witness)))} records are never followed"
                return
            time.sleep(0.05)

    def state_of(self, caller, name):
        """What the server says about a function, and whether its code downloads."""
        answer = caller.call(MODEL.operation_model("GetFunction"), {"FunctionName": name})
        if answer.status != 200:
            return answer
        configuration = stable(answer.body["Configuration"])
        package = download(answer.body["Code"]["Location"])
        if package is None or sha256_of(package) != configuration["CodeSha256"]:
            return f"without its code ({package and len(package)} bytes come)"
        return {"configuration": configuration, "tags": answer.body.get("Tags", {})}

    def audit_new_functions(self, caller):
        """The server takes functions as before, also with the code that it may have half of."""
        for number, package in enumerate(packages()):
            request = {
                "FunctionName": f"after-{number}",
                "Runtime": self.runtime,
                "Role": ROLE,
                "Handler": "app.handler",
                "Code": {"ZipFile": base64.b64encode(package).decode()},
            }
            answer = caller.call(MODEL.operation_model("CreateFunction"), request)
            if answer.status != 201:
                yield f"a new function is refused: {answer}"
                continue
            found = self.state_of(caller, f"after-{number}")
            if not isinstance(found, dict) or found["configuration"]["CodeSha256"] != sha256_of(package):
                yield f"a new function is {found}"

    def random_points(self, randomness, number):
        """So many power losses: half of them anywhere, half right behind an answer to a client."""
        answers = [self.recording.count_at(end) for end in self.recording.history.acknowledgements()]
        for index in range(number):
            anywhere = randomness.randint(0, len(self.recording.records))
            count = anywhere if index % 2 == 0 else randomness.choice(answers)
            yield count, survival.random_one(random.Random(randomness.random()), count)

    def points_without(self, dropped):
        """Power losses where it makes a difference that some syncs are left out, the most telling first.

        Those behind an answer to a client, where something acknowledged may be gone; then those before the first
        answer, where the server may not start on what is there, also with torn writes.
        """
        records = self.recording.records
        answers = {self.recording.count_at(end) for end in self.recording.history.acknowledgements()}
        early = set(range(1, min(answers)))
        without, whole = disk.Disk(), disk.Disk()
        late_points, early_points = [], []
        for at, record in enumerate(records):
            whole.take(at, record)
            if at not in dropped:
                without.take(at, record)
            count = at + 1
            if count not in answers and count not in early:
                continue
            differing = [one for one in survival.CORNERS if without.image(one) != whole.image(one)]
            if count in early:
                torn = [survival.Torn(count * TORN_TRIES + number) for number in range(TORN_TRIES if differing else 0)]
                early_points += [(count, one) for one in (*differing, *torn)]
            else:
                late_points += [(count, one) for one in differing]
        return late_points + early_points


def difference(found, states):
    """What a function is and is not, in few words."""
    if not isinstance(found, dict):
        return f"is {found or 'gone'}" + (", and may be so only if it has its code" if None in states else "")
    known = [state for state in states if state is not None]
    if not known:
        return "is there, and was deleted or never made"
    parts = {**found["configuration"], "tags": found["tags"]}
    wanted = {**known[-1]["configuration"], "tags": known[-1]["tags"]}
    differing = {key: (parts.get(key), wanted.get(key)) for key in parts | wanted if parts.get(key) != wanted.get(key)}
    return "has " + ", ".join(f"{key} {is_!r} instead of {must!r}" for key, (is_, must) in differing.items())


def checkpoint_of(image, folder):
    """Up to which place a mapping has passed its stream, by the database on a disk; 0 where that cannot be read."""
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        for name in ("queues.db", "queues.db-wal"):
            (Path(beside) / name).write_bytes(image.get(f"data/{name}") or b"")
        try:
            with contextlib.closing(sqlite3.connect(Path(beside) / "queues.db")) as connection:
                rows = connection.execute("SELECT state FROM checkpoints WHERE lane >= 0").fetchall()
        except sqlite3.DatabaseError:
            return 0
    return max((json.loads(state)["next"] for (state,) in rows), default=0)


def place_of(sequence):
    """The place in its shard of a record, as checkpoints count; the first and the last digits are not of it."""
    return int(sequence[2:-12])


def object_state(s3, key):
    """What is there of an object, or what is wrong with it."""
    try:
        body = s3.get_object(Bucket=ObjectWriter.BUCKET, Key=key)["Body"].read()
        tags = s3.get_object_tagging(Bucket=ObjectWriter.BUCKET, Key=key)["TagSet"]
    except (ClientError, BotoCoreError) as error:
        return f"not to be had ({error})"
    return {"body": hashlib.sha256(body).hexdigest(), "tags": {tag["Key"]: tag["Value"] for tag in tags}}


def download(location):
    """The bytes behind a code location, or None."""
    try:
        with urllib.request.urlopen(location, timeout=10) as answer:
            return answer.read()
    except OSError:
        return None


def sha256_of(package):
    """As `CodeSha256` is written."""
    return base64.b64encode(hashlib.sha256(package).digest()).decode()
