"""Starts the real server on a disk as a power loss may leave it, and asks what is there."""

import base64
import contextlib
import hashlib
import json
import random
import shutil
import sqlite3
import tempfile
import urllib.request
from pathlib import Path

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

import lambent
from lambent import ROLE
from powerloss import disk, survival
from powerloss.recording import CHEAP
from powerloss.workload import ANYTHING, EventWriter, ItemWriter, ObjectWriter, packages, stable
from rest_json import Caller

MODEL = botocore.session.get_session().get_service_model("lambda")
REGION = "us-east-1"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip().encode()
#: As many bytes: what the files say about the boot in which they were made is no longer so.
BOOT_BEFORE = b"00000000-0000-0000-0000-000000000000"
#: Random torn disks for each moment before the first answer.
TORN_TRIES = 3


class Judge:
    """Judges disks of one recording."""

    def __init__(self, recording, folder, runtime):
        self.recording = recording
        self.folder = folder
        self.runtime = runtime

    def judge(self, count, survives, dropped=frozenset()):
        """What is wrong after a power loss behind so many records; nothing, if all is well."""
        image = disk.Disk.after(self.recording.records[:count], dropped).image(survives)
        right = self.recording.history.allowed(self.recording.position(count))
        return self.judge_image(image, right)

    def judge_image(self, image, right):
        """The same for a disk at hand, and the states that each function may be in."""
        return self.with_server(image, lambda server, caller: self.audit(server, caller, right))

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

    def audit(self, server, caller, right):
        """Every difference between what is there and what must be."""
        objects = {name: states for name, states in right.items() if name.startswith("object:")}
        events = {name: states for name, states in right.items() if name.startswith("event:")}
        items = {name: states for name, states in right.items() if name.startswith("item:")}
        functions = {name: right[name] for name in right if name not in objects | events | items}
        yield from self.audit_functions(caller, functions)
        yield from self.audit_objects(server.client(service="s3"), objects)
        yield from self.audit_items(server.client(service="dynamodb"), items)
        yield from self.audit_events(server.data_dir, events)
        yield from self.audit_new_functions(caller)
        yield from (line for line in server.errors().splitlines() if "panicked" in line or " ERROR " in line)

    def audit_answers(self, caller):
        """Each function answers with what its package says, which is never an object as errors are."""
        functions = caller.call(MODEL.operation_model("ListFunctions"), {}).body["Functions"]
        for item in (item for item in functions if item["FunctionName"] != EventWriter.FUNCTION):
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
