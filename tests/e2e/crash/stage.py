"""A data directory with functions, waiting events and waiting messages, used again for each crash.

    event ──► works ──► ends (a function)             message ──► line.fifo ──► reads
    event ──► tells ──► told (a queue) or a bucket                    └ received too often ──► dead.fifo
    news (a topic) ──► a telephone            object ──► watched (a bucket) ──► happened (a queue)
    put on the default bus ──► ruled (a queue)
    item ──► its stream ──► follows (a function) ──► failed too often ──► abandoned (a queue)
"""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from crash.ledger import lines
from functions import Deployer
from lambent import Server, ServerFailed
from webhooks import Webhook

#: Attempts after the first of each event.
RETRIES = 1
ARGUMENTS = ("--isolation", "process", "--no-sdk", "--async-retry-wait-seconds", "0")
#: Events that wait when a server starts.
WAITING = 6
#: How often an event fails before it succeeds, in turn: never, once, more often than it is tried.
FAILS = (0, 0, 1, 9)
QUIET_TIMEOUT_S = 120
#: Messages that wait when a server starts; the second of them always fails.
MESSAGES = 4
#: Groups of later messages.
GROUPS = 3
#: How often a message is received before it is given up: once when all of this is prepared, once at a crash, and once more.
RECEIVES = 3
#: What is written down before any crash.
PREPARED = ("acknowledged", "sent", "read")
#: What is written down.
WITNESSED = (
    "attempts", "ends", "acknowledged", "telling", "told", "objects", "sent", "read", "dead", "published", "notified", "put", "kept",
    "happened", "matching", "ruled", "written", "items", "indexed",
    "followed", "abandoned", "replayed", "called",
)  # fmt: skip

WORKS = """
import json, os, time
FOLDER = os.environ["WITNESS"]
def handler(event, context):
    while os.path.exists(FOLDER + "/hold"):
        time.sleep(0.01)
    record = {**event, "request": context.aws_request_id}
    line = (json.dumps(record) + "\\n").encode()
    with open(FOLDER + "/attempts", "ab", buffering=0) as file:
        file.write(line)
    with open(FOLDER + "/attempts") as file:
        attempts = sum(1 for line in file if json.loads(line)["id"] == event["id"])
    if attempts <= event["fails"]:
        raise ValueError("as the event asked")
"""
TELLS = """
def handler(event, context):
    if event["fails"]:
        raise ValueError("as the event asked")
"""
READS = """
import json, os
FOLDER = os.environ["WITNESS"]
def handler(event, context):
    for record in event["Records"]:
        message = json.loads(record["body"])
        with open(FOLDER + "/read", "ab", buffering=0) as file:
            file.write((json.dumps(message) + "\\n").encode())
        if message["fails"]:
            raise ValueError("as the message asked")
"""
FOLLOWS = """
import json, os
FOLDER = os.environ["WITNESS"]
def handler(event, context):
    for record in event["Records"]:
        keys, sequence = record["dynamodb"]["Keys"], record["dynamodb"]["SequenceNumber"]
        line = json.dumps({"id": keys["id"]["S"], "sequence": sequence}) + "\\n"
        with open(FOLDER + "/followed", "ab", buffering=0) as file:
            file.write(line.encode())
    if any("fails" in record["dynamodb"]["NewImage"] for record in event["Records"]):
        raise ValueError("as the item asked")
"""
ENDS = """
import json, os
FOLDER = os.environ["WITNESS"]
def handler(event, context):
    record = {
        "id": event["requestPayload"]["id"],
        "condition": event["requestContext"]["condition"],
        "own": context.aws_request_id,
    }
    with open(FOLDER + "/ends", "ab", buffering=0) as file:
        file.write((json.dumps(record) + "\\n").encode())
"""


ARN = "arn:aws:sqs:us-east-1:000000000000"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/items"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"
ARCHIVE = "arn:aws:events:us-east-1:000000000000:archive/kept"
#: How often what is archived is replayed meanwhile.
REPLAYS = 6
TOPIC = "arn:aws:sns:us-east-1:000000000000:news"
TELEPHONE = "+15550000001"


def running(server):
    """What the server says of invocations."""
    lines = server.get("/_lambent/metrics")[2].decode().splitlines()
    return "\n".join(line for line in lines if line.startswith("aws_lambda_"))


class Stage:
    """See the module's doc."""

    def __init__(self, folder, runtime):
        self.folder = Path(folder)
        self.witness = self.folder / "witness"
        self.prepared = self.folder / "prepared"
        self.data_dir = self.folder / "data"
        self.witness.mkdir(parents=True)
        #: A server of the web, which outlives each crash.
        self.hook = Webhook()
        self.hook.__enter__()
        self._prepare(runtime)

    def close(self):
        """Ends the server of the web."""
        self.hook.__exit__()

    def _prepare(self, runtime):
        server = Server(self.prepared, *ARGUMENTS)
        try:
            deploy = Deployer(server.client(), runtime)
            environment = {"Variables": {"WITNESS": str(self.witness)}}
            end = deploy(ENDS, FunctionName="ends", Environment=environment)
            deploy(WORKS, FunctionName="works", Environment=environment)
            destination = {"Destination": end.arn}
            server.client().put_function_event_invoke_config(
                FunctionName="works",
                MaximumRetryAttempts=RETRIES,
                DestinationConfig={"OnSuccess": destination, "OnFailure": destination},
            )
            self._prepare_services(server, deploy, environment)
            (self.witness / "hold").touch()
            client, sqs = server.client(), server.client(service="sqs")
            for number in range(WAITING):
                self._send(client, f"waiting-{number}", FAILS[number % len(FAILS)])
            for number in range(MESSAGES):
                self._send_message(server, sqs, f"waiting-{number}", "first", number == 1)
            client.update_event_source_mapping(UUID=self.mapping, Enabled=True)
        finally:
            server.kill()
        (self.witness / "hold").unlink()
        (self.witness / "read").touch()
        for name in PREPARED:
            (self.witness / name).rename(self.folder / name)

    def _prepare_services(self, server, deploy, environment):
        sqs = server.client(service="sqs")
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "2"}
        sqs.create_queue(QueueName="told")
        sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)
        redrive = json.dumps({"deadLetterTargetArn": f"{ARN}:dead.fifo", "maxReceiveCount": RECEIVES})
        sqs.create_queue(QueueName="line.fifo", Attributes={**fifo, "RedrivePolicy": redrive})
        server.client(service="s3").create_bucket(Bucket="records")
        self._prepare_watched(server.client(service="s3"), sqs)
        self._prepare_rule(server.client(service="events"), sqs)
        self._prepare_archive(server.client(service="events"), sqs)
        stream = self._prepare_table(server.client(service="dynamodb"))
        deploy(FOLLOWS, FunctionName="follows", Environment=environment)
        sqs.create_queue(QueueName="abandoned")
        self._prepare_stream(server.client(), stream)
        sns = server.client(service="sns")
        sns.create_topic(Name="news")
        sns.subscribe(TopicArn=TOPIC, Protocol="sms", Endpoint=TELEPHONE)
        deploy(READS, FunctionName="reads", Environment=environment, Timeout=1)
        self.mapping = server.client().create_event_source_mapping(
            FunctionName="reads", EventSourceArn=f"{ARN}:line.fifo", BatchSize=1, Enabled=False
        )["UUID"]
        deploy(TELLS, FunctionName="tells")
        server.client().put_function_event_invoke_config(
            FunctionName="tells",
            MaximumRetryAttempts=0,
            DestinationConfig={
                "OnSuccess": {"Destination": f"{ARN}:told"},
                "OnFailure": {"Destination": "arn:aws:s3:::records"},
            },
        )

    def _prepare_watched(self, s3, sqs):
        s3.create_bucket(Bucket="watched")
        allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": f"{ARN}:happened"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.create_queue(QueueName="happened", Attributes={"Policy": policy})
        told = {"QueueArn": f"{ARN}:happened", "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(Bucket="watched", NotificationConfiguration={"QueueConfigurations": [told]})

    def _prepare_rule(self, events, sqs):
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": f"{ARN}:ruled"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.create_queue(QueueName="ruled", Attributes={"Policy": policy})
        events.put_rule(Name="rule", EventPattern='{"source": ["stage"], "replay-name": [{"exists": false}]}')
        events.put_targets(Rule="rule", Targets=[{"Id": "0", "Arn": f"{ARN}:ruled", "InputPath": "$.detail"}])

    def _prepare_archive(self, events, sqs):
        """An archive of the same events, and a server of the web that is told of them; what is replayed has a queue of its own."""
        events.create_archive(ArchiveName="kept", EventSourceArn=BUS, EventPattern='{"source": ["stage"]}')
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": f"{ARN}:replayed"}
        sqs.create_queue(QueueName="replayed", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
        events.put_rule(Name="replayed", EventPattern='{"replay-name": [{"exists": true}]}')
        paths = {"id": "$.detail.id", "replay": "$.replay-name"}
        told = {"InputPathsMap": paths, "InputTemplate": '{"id": <id>, "replay": <replay>}'}
        events.put_targets(Rule="replayed", Targets=[{"Id": "0", "Arn": f"{ARN}:replayed", "InputTransformer": told}])
        key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "value"}}
        connection = events.create_connection(Name="hook", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
        destination = events.create_api_destination(
            Name="hook", ConnectionArn=connection, InvocationEndpoint=self.hook.url, HttpMethod="POST"
        )["ApiDestinationArn"]
        events.put_rule(Name="called", EventPattern='{"source": ["stage"], "replay-name": [{"exists": false}]}')
        events.put_targets(Rule="called", Targets=[{"Id": "0", "Arn": destination, "InputPath": "$.detail"}])

    def _prepare_table(self, dynamodb):
        attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "kind")]
        index = {
            "IndexName": "by-kind",
            "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        answer = dynamodb.create_table(
            TableName="items",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=attributes,
            GlobalSecondaryIndexes=[index],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        return answer["TableDescription"]["LatestStreamArn"]

    def _prepare_stream(self, client, stream):
        new = {"dynamodb": {"Keys": {"id": {"S": [{"prefix": "new-"}]}}}}
        client.create_event_source_mapping(
            FunctionName="follows",
            EventSourceArn=stream,
            StartingPosition="TRIM_HORIZON",
            BatchSize=3,
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=0,
            FilterCriteria={"Filters": [{"Pattern": json.dumps(new)}]},
            DestinationConfig={"OnFailure": {"Destination": f"{ARN}:abandoned"}},
        )

    def _note(self, name, *records):
        with open(self.witness / name, "a") as file:
            file.write("".join(json.dumps(record) + "\n" for record in records))

    def _send(self, client, name, fails):
        event = {"id": name, "fails": fails}
        client.invoke(FunctionName="works", InvocationType="Event", Payload=json.dumps(event))
        self._note("acknowledged", event)

    def _tell(self, client, name, fails):
        event = {"id": name, "fails": fails}
        client.invoke(FunctionName="tells", InvocationType="Event", Payload=json.dumps(event))
        self._note("telling", event)

    def _send_message(self, server, sqs, name, group, fails):
        message = {"id": name, "group": group, "fails": fails}
        url = f"{server.endpoint}/000000000000/line.fifo"
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message), MessageGroupId=group)
        self._note("sent", message)

    def _publish(self, sns, name):
        message = {"id": name}
        sns.publish(TopicArn=TOPIC, Message=json.dumps(message))
        self._note("published", message)

    def _put(self, s3, name):
        s3.put_object(Bucket="watched", Key=name, Body=b"x")
        self._note("put", {"id": name})

    def _put_event(self, events, name):
        """An event, and a rule that is due in a day."""
        entry = {"Source": "stage", "DetailType": "t", "Detail": json.dumps({"id": name})}
        answer = events.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer
        self._note("matching", {"id": name})
        events.put_rule(Name=name, ScheduleExpression="rate(1 day)")

    def _replay(self, events, name):
        """Everything that is archived by then."""
        events.start_replay(
            ReplayName=name, EventSourceArn=ARCHIVE, EventStartTime=0, EventEndTime=time.time() + 60, Destination={"Arn": BUS}
        )

    def _write_item(self, dynamodb, name, fails):
        """An item and the number of items, in one transaction; and a table that changes."""
        item = {"id": {"S": name}, "kind": {"S": "new"}, **({"fails": {"BOOL": True}} if fails else {})}
        put = {"TableName": "items", "Item": item}
        count = {
            "TableName": "items",
            "Key": {"id": {"S": "count"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": count}])
        self._note("written", {"id": name})
        dynamodb.tag_resource(ResourceArn=TABLE, Tags=[{"Key": "last", "Value": name}])

    def crash_at(self, label, times):
        """Lets a server die at a point, starts another, and audits. What is wrong, or None if the point was not reached."""
        self._set_up()
        if not self._die(label, times):
            return None
        server = Server(self.data_dir, *ARGUMENTS)
        try:
            self._wait_until_quiet(server)
            self._replay(server.client(service="events"), "last")
            self._wait_until_quiet(server)
            self._collect(server)
        finally:
            server.stop()
        return self._audit()

    def _set_up(self):
        shutil.rmtree(self.data_dir, ignore_errors=True)
        shutil.copytree(self.prepared, self.data_dir)
        self._called()
        for name in WITNESSED:
            (self.witness / name).unlink(missing_ok=True)
        for name in PREPARED:
            shutil.copy(self.folder / name, self.witness / name)

    def _die(self, label, times):
        """False if the server lived through it all."""
        try:
            server = Server(self.data_dir, *ARGUMENTS, "--crash-at", f"{label}={times}")
        except ServerFailed as failed:
            # It died before it listened.
            assert "exit status -9" in str(failed), failed
            return True
        sender = threading.Thread(target=self._send_until_it_fails, args=(server,))
        sender.start()
        deadline = time.monotonic() + 10
        while server.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        died = server.process.poll() is not None
        server.kill()
        sender.join()
        return died

    def _send_until_it_fails(self, server):
        client, sqs, sns = server.client(), server.client(service="sqs"), server.client(service="sns")
        s3, events, dynamodb = (server.client(service=name) for name in ("s3", "events", "dynamodb"))
        for number in range(200):
            try:
                self._send(client, f"new-{number}", FAILS[number % len(FAILS)])
                if number % 4 == 0:
                    self._tell(client, f"new-{number}", number % 8 == 0)
                    self._send_message(server, sqs, f"new-{number}", f"group-{number % GROUPS}", number % 40 == 8)
                    self._publish(sns, f"new-{number}")
                    self._put(s3, f"new-{number}")
                    self._put_event(events, f"new-{number}")
                    if 0 < number <= REPLAYS * 4:
                        self._replay(events, f"new-{number}")
                    self._write_item(dynamodb, f"new-{number}", number % 12 == 4)
            except (BotoCoreError, ClientError):
                return
            time.sleep(0.02)

    def _wait_until_quiet(self, server):
        deadline = time.monotonic() + QUIET_TIMEOUT_S
        quiet = 0
        while quiet < 3:
            waiting = self._happened() or self._waiting() or self._in_line(server) or self._unfollowed(server) or self._replaying(server)
            quiet = 0 if waiting else quiet + 1
            assert time.monotonic() < deadline, f"still waiting: {waiting}\n{running(server)}"
            time.sleep(0.05)

    def _waiting(self):
        """What waits, and when its turn is; of messages another tells."""
        connection = sqlite3.connect(f"file:{self.data_dir}/queues.db?mode=ro", uri=True)
        with contextlib.closing(connection):
            joined = "SELECT lane, header, due_at_ms, state FROM entries LEFT JOIN schedule ON entry_id = id WHERE lane NOT LIKE 'sqs/%'"
            return connection.execute(joined).fetchall()

    def _happened(self):
        """The events of objects that are not handed over."""
        connection = sqlite3.connect(f"file:{self.data_dir}/lambent.db?mode=ro", uri=True)
        with contextlib.closing(connection):
            return connection.execute("SELECT id FROM s3_events").fetchall()

    def _unfollowed(self, server):
        """The items that nobody has followed, or of which too few are given up."""
        items = server.client(service="dynamodb").get_paginator("scan").paginate(TableName="items").build_full_result()["Items"]
        there = {item["id"]["S"] for item in items} - {"count"}
        left = there - {record["id"] for record in lines(self.witness / "followed")}
        return left or self._in_line(server, "abandoned") < sum("fails" in item for item in items)

    def _replaying(self, server):
        """The replays that go on."""
        replays = server.client(service="events").list_replays()["Replays"]
        return [replay["ReplayName"] for replay in replays if replay["State"] != "COMPLETED"]

    def _called(self):
        """What the server of the web was sent since this was last asked."""
        found = []
        while not self.hook.received.empty():
            found.append(json.loads(self.hook.received.get().body))
        return found

    def _in_line(self, server, queue="line.fifo"):
        """How many messages are to be read."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = f"{server.endpoint}/000000000000/{queue}"
        answer = server.client(service="sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(map(int, answer["Attributes"].values()))

    def _collect(self, server):
        """Writes down what queues and the bucket hold."""
        dynamodb = server.client(service="dynamodb")
        for name, read in (("items", {}), ("indexed", {"IndexName": "by-kind"})):
            found = dynamodb.get_paginator("scan").paginate(TableName="items", **read).build_full_result()["Items"]
            self._note(name, *({"id": item["id"]["S"], "n": int(item.get("n", {"N": 0})["N"]), "fails": "fails" in item} for item in found))
        infos = (json.loads(body)["DDBStreamBatchInfo"] for body in self._received(server, "abandoned"))
        self._note("abandoned", *({"first": info["startSequenceNumber"], "last": info["endSequenceNumber"]} for info in infos))
        self._note("dead", *(json.loads(body) for body in self._received(server, "dead.fifo")))
        self._note("called", *self._called())
        self._note("replayed", *(json.loads(body) for body in self._received(server, "replayed")))
        self._note("ruled", *(json.loads(body) for body in self._received(server, "ruled")))
        records = (json.loads(body) for body in self._received(server, "told"))
        self._note("told", *(record["requestPayload"] for record in records))
        outbox = json.loads(server.get("/_lambent/outbox?account=000000000000&region=us-east-1")[2])
        self._note("notified", *(json.loads(sent["text"]) for sent in outbox["messages"]))
        s3 = server.client(service="s3")
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="records").get("Contents", [])]
        objects = [json.loads(s3.get_object(Bucket="records", Key=key)["Body"].read()) for key in keys]
        self._note("objects", *(record["requestPayload"] for record in objects))
        kept = s3.list_objects_v2(Bucket="watched").get("Contents", [])
        self._note("kept", *({"id": entry["Key"]} for entry in kept))
        happened = (json.loads(body) for body in self._received(server, "happened"))
        records = (record["s3"]["object"] for message in happened for record in message.get("Records", []))
        self._note("happened", *({"id": told["key"], "sequencer": told["sequencer"]} for told in records))

    def _received(self, server, queue):
        """The bodies of all messages of a queue, which has none afterwards."""
        sqs, url, bodies = server.client(service="sqs"), f"{server.endpoint}/000000000000/{queue}", []
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60).get("Messages"):
            bodies += [message["Body"] for message in found]
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(found)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return bodies

    def _audit(self):
        program = Path(__file__).parent / "ledger.py"
        command = [sys.executable, program, self.witness, "--retries", str(RETRIES), "--crashes", "2", "--receives", str(RECEIVES)]
        audited = subprocess.run(command, capture_output=True, text=True, check=False)
        assert audited.returncode in (0, 1), audited.stderr
        return json.loads(audited.stdout)
