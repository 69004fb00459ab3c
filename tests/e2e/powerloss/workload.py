"""The clients of the recorded server, and what they were told: the truth that a rebuilt disk is held to."""

import hashlib
import json
import random
import threading
import time
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from lambent import ROLE
from packages import Raw, make_zip

#: What changes by itself once a function is prepared; everything else of a configuration must stay.
VOLATILE = {
    "State",
    "StateReason",
    "StateReasonCode",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RevisionId",
}
SETTLE_TIMEOUT_S = 30
#: How far apart uploads of the same package begin, so that one meets every stage of another: three slow syncs.
SPREAD_S = 0.12


def stable(configuration):
    """The part of a configuration that only a client changes."""
    return {key: value for key, value in configuration.items() if key not in VOLATILE | {"ResponseMetadata"}}


ANYTHING = object()


@dataclass
class Step:
    """One call that changed a function: where the log stood before it and after its answer, and what is then.

    ANYTHING is the state of a function whose files were damaged from outside: nothing is asked of it.
    """

    start: int
    end: int
    state: object


@dataclass
class History:
    """What happened to each function, in order: one thread owns a function."""

    log: object
    steps: dict = field(default_factory=dict)

    def position(self):
        """How long the log is now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def call(self, name, change):
        """Makes a call; `change` returns the function's state after it."""
        start = self.position()
        state = change()
        self.steps.setdefault(name, []).append(Step(start, self.position(), state))
        return state

    def acknowledgements(self):
        """Where the log stood after each answer."""
        return sorted(step.end for steps in self.steps.values() for step in steps)

    def allowed(self, position):
        """For each function the states that are right when only the log up to `position` came about.

        One state where nothing was under way, two where a call had begun: what was before it, and what it makes.
        """
        right = {}
        for name, steps in self.steps.items():
            states = [None]
            for step in steps:
                if step.end <= position:
                    states = [step.state]
                elif step.start <= position:
                    states.append(step.state)
            right[name] = states
        return right


def packages():
    """A few packages, small and larger than several sectors; threads share them."""
    randomness = random.Random(7)
    files = [{"app.py": f"def handler(event, context):\n    return {number}\n"} for number in range(4)]
    files[2]["noise"] = Raw(randomness.randbytes(20_000))
    files[3]["noise"] = Raw(randomness.randbytes(150_000))
    return [make_zip(content) for content in files]


class Writer:
    """A thread that creates, changes, tags and deletes the functions that it owns."""

    def __init__(self, client, history, number, runtime, together):
        self.client = client
        self.history = history
        self.randomness = random.Random(number)
        self.names = [f"f{number}-{index}" for index in range(3)]
        self.runtime = runtime
        self.together = together
        self.packages = packages()
        self.states = {}

    def run(self, phase, calls):
        """So many calls, each of a random kind that the function allows."""
        for number in range(calls):
            name = self.randomness.choice(self.names)
            if number % 4 == 0:
                # All threads at once, with one new package: who comes second must not be answered too early.
                package = make_zip({"app.py": f"def handler(event, context):\n    return {phase, number}\n"})
                self.settle(name)
                self.together.wait(SETTLE_TIMEOUT_S)
                time.sleep(self.randomness.uniform(0, SPREAD_S) if number else 0)
                self.upload(name, package)
            elif self.states.get(name) is None:
                self.upload(name, self.randomness.choice(self.packages))
            else:
                self.randomness.choice((self.upload, self.configure, self.tag, self.untag, self.delete))(name)

    def upload(self, name, package=None):
        """New code, for a new function or one that is there."""
        package = package or self.randomness.choice(self.packages)
        state = self.states.get(name)
        if state is None:
            return self.change(name, lambda: self.create(name, package))

        def update():
            answer = self.client.update_function_code(FunctionName=name, ZipFile=package)
            return {**state, "configuration": stable(answer)}

        return self.change(name, update)

    def create(self, name, package):
        """A new function with everything."""
        tags = {"number": str(self.randomness.random())}
        answer = self.client.create_function(
            FunctionName=name,
            Runtime=self.runtime,
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": package},
            Environment={"Variables": {"NUMBER": str(self.randomness.random())}},
            Tags=tags,
        )
        return {"configuration": stable(answer), "tags": tags}

    def configure(self, name):
        """Another configuration."""
        state = self.states[name]

        def update():
            answer = self.client.update_function_configuration(
                FunctionName=name,
                Description="x" * self.randomness.randint(0, 256),
                MemorySize=self.randomness.randint(128, 10_240),
            )
            return {**state, "configuration": stable(answer)}

        self.change(name, update)

    def tag(self, name):
        """Another tag."""
        state, added = self.states[name], {self.randomness.choice("abc"): str(self.randomness.random())}

        def add():
            self.client.tag_resource(Resource=state["configuration"]["FunctionArn"], Tags=added)
            return {**state, "tags": {**state["tags"], **added}}

        self.change(name, add)

    def untag(self, name):
        """One tag fewer."""
        state, key = self.states[name], self.randomness.choice("abc")

        def remove():
            self.client.untag_resource(Resource=state["configuration"]["FunctionArn"], TagKeys=[key])
            return {**state, "tags": {name: value for name, value in state["tags"].items() if name != key}}

        self.change(name, remove)

    def delete(self, name):
        """The end of a function."""
        self.change(name, lambda: self.client.delete_function(FunctionName=name) and None)

    def change(self, name, call):
        """Makes a call once the function takes changes."""
        self.settle(name)
        self.states[name] = self.history.call(name, call)

    def settle(self, name):
        """Waits until nothing is in progress for a function."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                now = self.client.get_function_configuration(FunctionName=name)
            except self.client.exceptions.ResourceNotFoundException:
                return
            if now["State"] == "Active" and now["LastUpdateStatus"] == "Successful":
                return
            time.sleep(0.005)
        raise TimeoutError(f"{name} stays {json.dumps(now, default=str)}")


class ObjectWriter:
    """A thread that puts, uploads in parts, tags and deletes objects of S3. What it must find again is `{"body", "tags"}`."""

    BUCKET = "power-loss"

    def __init__(self, client, history, number):
        self.client = client
        self.history = history
        self.randomness = random.Random(number)
        #: Nothing of an object is in progress once it is answered.
        self.names = []
        self.keys = [f"object:{index}" for index in range(3)]
        self.states = {}

    def run(self, phase, calls):
        """So many calls, each of a random kind that the object allows."""
        if phase == 0:
            self.client.create_bucket(Bucket=self.BUCKET)
        for _ in range(calls):
            key = self.randomness.choice(self.keys)
            there = (self.put, self.upload, self.tag, self.delete)
            kind = self.put if self.states.get(key) is None else self.randomness.choice(there)
            self.states[key] = self.history.call(key, lambda kind=kind, key=key: kind(key))

    def body(self):
        """Nothing, less than a sector, or many."""
        return self.randomness.randbytes(self.randomness.choice((0, 100, 5_000, 20_000)))

    def put(self, key):
        """The object at once."""
        body = self.body()
        self.client.put_object(Bucket=self.BUCKET, Key=key, Body=body)
        return {"body": hashlib.sha256(body).hexdigest(), "tags": {}}

    def upload(self, key):
        """The object in its only part."""
        body, place = self.body(), {"Bucket": self.BUCKET, "Key": key}
        upload = self.client.create_multipart_upload(**place)["UploadId"]
        tag = self.client.upload_part(**place, UploadId=upload, PartNumber=1, Body=body)["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        self.client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)
        return {"body": hashlib.sha256(body).hexdigest(), "tags": {}}

    def tag(self, key):
        """Other tags."""
        tags = {"number": str(self.randomness.random())}
        tagging = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
        self.client.put_object_tagging(Bucket=self.BUCKET, Key=key, Tagging=tagging)
        return {**self.states[key], "tags": tags}

    def delete(self, key):
        """The end of an object."""
        self.client.delete_object(Bucket=self.BUCKET, Key=key)


class ItemWriter:
    """A thread that puts, changes and deletes the items of a table."""

    TABLE = "items"

    def __init__(self, client, history, number):
        self.client = client
        self.history = history
        self.randomness = random.Random(number)
        #: Nothing of an item is in progress once it is answered.
        self.names = []
        self.states = {}

    def run(self, phase, calls):
        """So many calls, each of a random kind that the item allows."""
        if phase == 0:
            key, kind = {"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "id", "AttributeType": "S"}
            self.client.create_table(TableName=self.TABLE, KeySchema=[key], AttributeDefinitions=[kind], BillingMode="PAY_PER_REQUEST")
        for _ in range(calls):
            name = f"item:{self.randomness.randrange(3)}"
            there = self.states.get(name) is not None
            kind = self.randomness.choice((self.put, self.add, self.delete)) if there else self.put
            self.states[name] = self.history.call(name, lambda kind=kind, name=name: kind(name))

    def put(self, name):
        """The item anew, in a page or in several."""
        item = {"n": self.randomness.randrange(100), "text": "x" * self.randomness.choice((10, 3_000, 20_000))}
        self.client.put_item(TableName=self.TABLE, Item={"id": {"S": name}, "n": {"N": str(item["n"])}, "text": {"S": item["text"]}})
        return item

    def add(self, name):
        """One more."""
        values = {":one": {"N": "1"}}
        self.client.update_item(
            TableName=self.TABLE, Key={"id": {"S": name}}, UpdateExpression="ADD n :one", ExpressionAttributeValues=values
        )
        return {**self.states[name], "n": self.states[name]["n"] + 1}

    def delete(self, name):
        """The end of an item."""
        self.client.delete_item(TableName=self.TABLE, Key={"id": {"S": name}})


class ScheduleWriter:
    """A thread that makes, changes and deletes schedules, none of which is due while anybody looks."""

    def __init__(self, client, history, number):
        self.client = client
        self.history = history
        self.randomness = random.Random(number)
        #: Nothing of a schedule is in progress once it is answered.
        self.names = []
        self.states = {}

    def run(self, phase, calls):
        """So many calls, each of a random kind that the schedule allows."""
        for _ in range(calls):
            name = f"schedule:{self.randomness.randrange(3)}"
            there = self.states.get(name) is not None
            kind = self.randomness.choice((self.change, self.delete)) if there else self.create
            self.states[name] = self.history.call(name, lambda kind=kind, name=name: kind(name))

    def create(self, name):
        """A schedule of a day."""
        return self.put(self.client.create_schedule, name)

    def change(self, name):
        """Another day."""
        return self.put(self.client.update_schedule, name)

    def put(self, call, name):
        """Has it be of a random number of days; what must be found of it is that."""
        expression = f"rate({self.randomness.randint(2, 300)} days)"
        # Without a beginning it would be due at once.
        begins = time.time() + 24 * 60 * 60
        target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:nobody", "RoleArn": ROLE}
        call(
            Name=name.replace(":", "-"),
            ScheduleExpression=expression,
            StartDate=begins,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
        return expression

    def delete(self, name):
        """The end of a schedule."""
        self.client.delete_schedule(Name=name.replace(":", "-"))


class EventWriter:
    """A thread that sends events to a function that fails: what is accepted waits for its next attempt, an hour later."""

    FUNCTION = "fails"
    CODE = "def handler(event, context):\n    raise ValueError('as ever')\n"

    def __init__(self, client, history, runtime):
        self.client = client
        self.history = history
        self.runtime = runtime
        #: Nothing of an event is in progress once it is answered.
        self.names = []
        self.sent = 0

    def run(self, phase, calls):
        """So many events."""
        if phase == 0:
            deploy_aside(self, self.CODE, {})
        for _ in range(calls):
            self.history.call(f"event:{self.sent}", self.send)
            self.sent += 1

    def send(self):
        """One event; what must be found of it is its request id."""
        payload = b'"' + b"x" * (self.sent * 700) + b'"'
        answer = self.client.invoke(FunctionName=self.FUNCTION, InvocationType="Event", Payload=payload)
        return {"request_id": answer["ResponseMetadata"]["RequestId"], "bytes": len(payload)}


class RecordWriter:
    """A thread that puts records into a stream, whose mapping brings them to a function: it notes each, and how long the log was then."""

    STREAM = "followed"
    FUNCTION = "follows"
    CODE = """
import os

def handler(event, context):
    at = os.path.getsize(os.environ["LOG"])
    with open(os.environ["WITNESS"], "a") as witness:
        witness.writelines(f"{record['kinesis']['sequenceNumber']} {at}\\n" for record in event["Records"])
"""

    def __init__(self, history, runtime, witness):
        #: Clients of Lambda and of Kinesis.
        self.client = self.kinesis = None
        self.history = history
        self.runtime = runtime
        self.witness = witness
        #: Nothing of a record is in progress once it is answered.
        self.names = []
        self.sent = []

    def run(self, phase, calls):
        """So many records."""
        if phase == 0:
            self.kinesis.create_stream(StreamName=self.STREAM, ShardCount=1)
            self.deploy()
        for _ in range(calls):
            self.sent.append(self.history.call(f"record:{len(self.sent)}", self.put))

    def deploy(self):
        """The function and the mapping; what is to be found of them is others' business."""
        variables = {"LOG": str(self.history.log), "WITNESS": str(self.witness)}
        deploy_aside(self, self.CODE, variables)
        stream = self.kinesis.describe_stream_summary(StreamName=self.STREAM)["StreamDescriptionSummary"]["StreamARN"]
        self.client.create_event_source_mapping(
            FunctionName=self.FUNCTION, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=2
        )

    def put(self):
        """One record; what must be found of it is its sequence number."""
        answer = self.kinesis.put_record(StreamName=self.STREAM, Data=b"x" * (len(self.sent) * 300), PartitionKey="k")
        return {"sequence": answer["SequenceNumber"], "bytes": len(self.sent) * 300}

    def settle_all(self):
        """Waits until everything that was put is noted."""
        wanted = {state["sequence"] for state in self.sent}
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while not wanted <= set(noted(self.witness)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(wanted - set(noted(self.witness)))} of {len(wanted)} records are not followed")
            time.sleep(0.05)


def noted(witness):
    """What a function has noted of records: for each sequence number how long the log was at the first time."""
    found = {}
    for line in witness.read_text().splitlines() if witness.exists() else []:
        sequence, at = line.split()
        found.setdefault(sequence, int(at))
    return found


def deploy_aside(writer, code, variables):
    """A function of a writer's, once it takes events; nothing is asked of its state."""
    start = writer.history.position()
    writer.client.create_function(
        FunctionName=writer.FUNCTION,
        Runtime=writer.runtime,
        Role=ROLE,
        Handler="app.handler",
        Timeout=30,
        # Nothing is written below the package but what the server writes.
        Environment={"Variables": {"PYTHONDONTWRITEBYTECODE": "1", **variables}},
        Code={"ZipFile": make_zip({"app.py": code})},
    )
    waiter = writer.client.get_waiter("function_active_v2")
    waiter.wait(FunctionName=writer.FUNCTION, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    writer.history.steps.setdefault(writer.FUNCTION, []).append(Step(start, writer.history.position(), ANYTHING))


def run_together(writers, phase, calls):
    """Runs all writers, each so many calls, and waits until nothing is in progress."""
    failures = []

    def run(writer):
        try:
            writer.run(phase, calls)
            for name in writer.names:
                writer.settle(name)
        except (ClientError, OSError, TimeoutError, threading.BrokenBarrierError) as failure:
            failures.append(failure)
            writers[0].together.abort()

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
