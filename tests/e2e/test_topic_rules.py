"""Rules of IoT on topics of MQTT, against a real broker."""

import json
import signal
import subprocess
import time

import botocore.session
import paho.mqtt.client as mqtt
import pytest

import brokers
from lambent import ServerFailed
from mappings import ECHOES, echoed
from mutations import mutations
from queues import Queue
from refusals import refused
from rest_json import Caller

ACCOUNT = "000000000000"


class Mosquitto(brokers.Broker):
    """A broker of MQTT that anybody may use, or whoever has the password."""

    def __init__(self, folder, *, password=None):
        super().__init__(folder)
        self.program = brokers.mosquitto_program()
        lines = [f"listener {self.port} 127.0.0.1", "user root", "persistence true", f"persistence_location {folder}/", "max_queued_messages 0"]
        if password:
            file = folder / "passwords"
            subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), *password], check=True)
            lines += ["allow_anonymous false", f"password_file {file}"]
        else:
            lines += ["allow_anonymous true"]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self.again()

    def again(self):
        """Starts it, also after a stop."""
        self.start([self.program, "-c", self.folder / "mosquitto.conf"])

    def publish(self, *messages, qos=1, retain=False):
        """Publishes `(topic, payload)`; the broker has them when this returns."""
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            for topic, payload in messages:
                client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(20)
        finally:
            client.disconnect()
            client.loop_stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A broker of this file's own."""
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def ruled(module_servers, broker):
    """A server that reads from the broker."""
    return module_servers.start("--mqtt-broker", f"mqtt://127.0.0.1:{broker.port}", "--no-sdk")


@pytest.fixture(scope="module")
def iot(ruled):
    return ruled.client(service="iot")


@pytest.fixture
def deploy_there(ruled, deploy_to):
    """Deploys to that server."""
    deployer = deploy_to(ruled)
    yield deployer
    deployer.close()


@pytest.fixture
def rule(iot, ruled):
    """Makes rules, whose functions let them; they go with the test."""
    made = []

    def make(name, sql, *targets, client=iot, **payload):
        actions = []
        for target in targets:
            if isinstance(target, Queue):
                actions.append({"sqs": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "queueUrl": target.url}})
                continue
            arn = f"arn:aws:iot:us-east-1:{ACCOUNT}:rule/{name}"
            target.client.add_permission(
                FunctionName=target.name, StatementId=name, Action="lambda:InvokeFunction", Principal="iot.amazonaws.com", SourceArn=arn
            )
            actions.append({"lambda": {"functionArn": target.arn}})
        client.create_topic_rule(ruleName=name, topicRulePayload={"sql": sql, "actions": actions, **payload})
        made.append((client, name))
        subscribed()

    yield make
    for client, name in made:
        client.delete_topic_rule(ruleName=name)


def subscribed():
    """A rule's topics are subscribed a moment after it is made."""
    time.sleep(0.3)


def got(server, function, count, timeout_s=30):
    """Events of a function that echoes, once it has so many."""
    return echoed(server, function, lambda event: [event], count, timeout_s)[0]


def test_what_a_rule_selects_is_the_event(broker, ruled, deploy_there, rule):
    whole, part = deploy_there(ECHOES), deploy_there(ECHOES)
    rule("whole", "SELECT * FROM 'plant/+/heat'", whole)
    rule("part", "SELECT state.t AS t, topic(2) AS hall, id FROM 'plant/#' WHERE state.t > 30", part)
    payload = {"id": "s-1", "state": {"t": 31.5}}
    broker.publish(
        ("plant/3/heat", json.dumps(payload)),
        ("plant/4/heat", '{"id": "s-2", "state": {"t": 20}}'),
        ("plant/4/light", '{"id": "s-3", "state": {"t": 40}}'),
        ("other/3/heat", json.dumps(payload)),
    )
    # Each is an invocation of its own, and both go on at once.
    assert sorted(got(ruled, whole, 2), key=lambda one: one["id"]) == [payload, {"id": "s-2", "state": {"t": 20}}]
    assert sorted(got(ruled, part, 2), key=lambda one: one["id"]) == [
        {"t": 31.5, "hall": "3", "id": "s-1"},
        {"t": 40, "hall": "4", "id": "s-3"},
    ]
    time.sleep(0.5)
    assert (len(got(ruled, whole, 2)), len(got(ruled, part, 2))) == (2, 2)


def test_a_function_whose_policy_does_not_let_the_rule_gets_nothing(broker, ruled, iot, deploy_there):
    function = deploy_there(ECHOES)
    payload = {"sql": "SELECT * FROM 'denied'", "actions": [{"lambda": {"functionArn": function.arn}}]}
    iot.create_topic_rule(ruleName="denied", topicRulePayload=payload)
    subscribed()
    broker.publish(("denied", "{}"))
    time.sleep(2)
    assert got(ruled, function, 0) == []
    iot.delete_topic_rule(ruleName="denied")


def test_a_rule_has_several_actions(broker, ruled, deploy_there, rule):
    function, queue = deploy_there(ECHOES), Queue(ruled.client(service="sqs"))
    rule("several", "SELECT a, topic() AS topic FROM 'several/+'", function, queue)
    broker.publish(("several/x", '{"a": 1, "b": 2}'))
    expected = {"a": 1, "topic": "several/x"}
    assert got(ruled, function, 1) == [expected] and queue.bodies(1) == [expected]


def test_what_is_no_json_can_be_encoded(broker, ruled, deploy_there, rule):
    function = deploy_there(ECHOES)
    rule("raw", "SELECT encode(*, 'base64') AS data FROM 'raw'", function)
    rule("plain", "SELECT * FROM 'raw'", function)
    broker.publish(("raw", b"\x00\xff"))
    assert got(ruled, function, 1) == [{"data": "AP8="}]


def test_rules_are_changed_disabled_and_deleted(broker, ruled, iot, deploy_there, rule):
    function = deploy_there(ECHOES)
    rule("changing", "SELECT * FROM 'first'", function, ruleDisabled=True)
    broker.publish(("first", "1"))
    iot.enable_topic_rule(ruleName="changing")
    subscribed()
    broker.publish(("first", "2"))
    assert got(ruled, function, 1) == [2]
    actions = iot.get_topic_rule(ruleName="changing")["rule"]["actions"]
    iot.replace_topic_rule(ruleName="changing", topicRulePayload={"sql": "SELECT * FROM 'second'", "actions": actions})
    subscribed()
    broker.publish(("first", "3"), ("second", "4"))
    assert got(ruled, function, 2) == [2, 4]
    iot.disable_topic_rule(ruleName="changing")
    subscribed()
    broker.publish(("second", "5"))
    time.sleep(1)
    assert got(ruled, function, 2) == [2, 4]


def test_what_a_broker_had_kept_triggers_nothing(broker, ruled, deploy_there, rule):
    broker.publish(("kept", '"old"'), retain=True)
    function = deploy_there(ECHOES)
    rule("kept", "SELECT * FROM 'kept'", function)
    broker.publish(("kept", '"new"'))
    assert got(ruled, function, 1) == ["new"]
    time.sleep(0.5)
    assert got(ruled, function, 1) == ["new"]


def test_messages_come_while_the_server_is_away_and_while_the_broker_is(tmp_path, fresh_server, deploy_to, rule):
    broker = Mosquitto(tmp_path / "broker")
    arguments = ("--mqtt-broker", f"mqtt://127.0.0.1:{broker.port}", "--no-sdk")
    try:
        server = fresh_server(*arguments, data_dir=tmp_path / "data")
        function = deploy_to(server)(ECHOES)
        arn = f"arn:aws:iot:us-east-1:{ACCOUNT}:rule/away"
        function.client.add_permission(
            FunctionName=function.name, StatementId="s", Action="lambda:InvokeFunction", Principal="iot.amazonaws.com", SourceArn=arn
        )
        server.client(service="iot").create_topic_rule(
            ruleName="away", topicRulePayload={"sql": "SELECT * FROM 'away'", "actions": [{"lambda": {"functionArn": function.arn}}]}
        )
        subscribed()
        broker.publish(("away", "1"))
        got(server, function, 1)
        server.kill()
        broker.publish(("away", "2"))
        server = fresh_server(*arguments, data_dir=tmp_path / "data")
        assert got(server, function, 2) == [1, 2]
        broker.stop()
        broker.again()
        # Whoever has a session is sent what comes before it is back.
        broker.publish(("away", "3"))
        assert got(server, function, 3) == [1, 2, 3]
    finally:
        broker.stop()


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path, fresh_server):
    """It dies while what messages trigger is being kept: they were not acknowledged, and come again."""
    broker = Mosquitto(tmp_path / "broker")
    arguments = ("--mqtt-broker", f"mqtt://127.0.0.1:{broker.port}", "--no-sdk")
    try:
        server = fresh_server(*arguments, data_dir=tmp_path / "data")
        queue = Queue(server.client(service="sqs"))
        action = {"sqs": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "queueUrl": queue.url}}
        server.client(service="iot").create_topic_rule(
            ruleName="flood", topicRulePayload={"sql": "SELECT * FROM 'flood'", "actions": [action]}
        )
        subscribed()
        sent = 0
        for times in (1, 2, 5, 9):
            server.kill()
            broker.publish(*(("flood", str(number)) for number in range(sent, sent + 20)))
            sent += 20
            try:
                server = fresh_server(*arguments, "--crash-at", f"queue: a delivery is put={times}", data_dir=tmp_path / "data")
                assert server.process.wait(30) == -signal.SIGKILL
            except (ServerFailed, OSError):
                # What was not acknowledged before comes as it starts, and it died before it listened.
                pass
        server = fresh_server(*arguments, data_dir=tmp_path / "data")
        sqs, seen, deadline = server.client(service="sqs"), set(), time.monotonic() + 60
        url = sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
        while seen != set(range(sent)):
            assert time.monotonic() < deadline, sorted(set(range(sent)) - seen)
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                seen.add(int(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    finally:
        broker.stop()


def test_a_broker_may_want_a_password(tmp_path, fresh_server, deploy_to):
    broker = Mosquitto(tmp_path / "broker", password=("me", "s@cret"))
    try:
        server = fresh_server("--no-sdk", env={"LAMBENT_MQTT_BROKER": f"mqtt://me:s%40cret@127.0.0.1:{broker.port}"})
        queue = Queue(server.client(service="sqs"))
        action = {"sqs": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "queueUrl": queue.url}}
        server.client(service="iot").create_topic_rule(
            ruleName="login", topicRulePayload={"sql": "SELECT * FROM 'login'", "actions": [action]}
        )
        subscribed()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.username_pw_set("me", "s@cret")
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        client.publish("login", "7", qos=1).wait_for_publish(20)
        client.disconnect()
        client.loop_stop()
        assert queue.bodies(1) == [7]
    finally:
        broker.stop()


def test_rules_are_listed_shown_and_tagged(iot, ruled):
    client = ruled.client(service="iot", region="eu-west-1")
    action = {"sqs": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "queueUrl": f"http://h/{ACCOUNT}/q", "useBase64": True}}
    for name, topic in (("a_rule", "x/+"), ("b_rule", "y")):
        payload = {"sql": f"SELECT * FROM '{topic}'", "actions": [action], "description": "d", "awsIotSqlVersion": "2016-03-23"}
        client.create_topic_rule(ruleName=name, topicRulePayload=payload, tags="k=v&l=m")
    rules = client.list_topic_rules()["rules"]
    assert [(rule["ruleName"], rule["topicPattern"], rule["ruleDisabled"]) for rule in rules] == [("a_rule", "x/+", False), ("b_rule", "y", False)]
    assert [rule["ruleName"] for rule in client.list_topic_rules(topic="x/1")["rules"]] == ["a_rule"]
    assert client.list_topic_rules(ruleDisabled=True)["rules"] == []
    shown = client.get_topic_rule(ruleName="a_rule")
    arn = f"arn:aws:iot:eu-west-1:{ACCOUNT}:rule/a_rule"
    assert shown["ruleArn"] == arn and shown["rule"]["actions"] == [action]
    assert (shown["rule"]["sql"], shown["rule"]["awsIotSqlVersion"]) == ("SELECT * FROM 'x/+'", "2016-03-23")
    client.untag_resource(resourceArn=arn, tagKeys=["l"])
    client.tag_resource(resourceArn=arn, tags=[{"Key": "n", "Value": "o"}])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "k", "Value": "v"}, {"Key": "n", "Value": "o"}]
    pages = [client.list_topic_rules(maxResults=1)]
    pages.append(client.list_topic_rules(nextToken=pages[0]["nextToken"]))
    assert [len(page["rules"]) for page in pages] == [1, 1]
    for name in ("a_rule", "b_rule"):
        client.delete_topic_rule(ruleName=name)


def test_wrong_rules_are_refused(iot, server):
    action = {"sqs": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "queueUrl": f"http://h/{ACCOUNT}/q"}}
    good = {"sql": "SELECT * FROM 'a'", "actions": [action]}

    def make(name="wrong", **payload):
        iot.create_topic_rule(ruleName=name, topicRulePayload={**good, **payload})

    for sql in ("SELECT", "SELECT * FROM a", "SELECT * FROM 'a/#/b'", "SELECT none(1) AS x FROM 'a'"):
        with refused(400, "SqlParseException"):
            make(sql=sql)
    with refused(400, "InvalidRequestException", contains=["between 1 and 10"]):
        make(actions=[])
    with refused(400, "InvalidRequestException", contains=["Invalid function ARN"]):
        make(actions=[{"lambda": {"functionArn": "f"}}])
    with refused(501, "NotImplemented", contains=["republish"]):
        make(actions=[{"republish": {"roleArn": "arn:aws:iam::0:role/r", "topic": "t"}}])
    with refused(501, "NotImplemented", contains=["Error actions"]):
        make(errorAction=action)
    make("once")
    with refused(409, "ResourceAlreadyExistsException"):
        make("once")
    iot.delete_topic_rule(ruleName="once")
    iot.delete_topic_rule(ruleName="once")
    with refused(401, "UnauthorizedException"):
        iot.get_topic_rule(ruleName="once")
    with refused(501, "NotImplemented", contains=["--mqtt-broker"]):
        server.client(service="iot").create_topic_rule(ruleName="nowhere", topicRulePayload=good)
    with refused(501, "NotImplemented"):
        iot.create_thing(thingName="t")


MODEL = botocore.session.get_session().get_service_model("iot")
RULE_ACTION = {"sqs": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "queueUrl": f"http://h/{ACCOUNT}/q"}}
PAYLOAD = {"sql": "SELECT * FROM 'a'", "actions": [RULE_ACTION], "ruleDisabled": True, "awsIotSqlVersion": "beta", "description": "d"}
RULE_ARN = f"arn:aws:iot:eu-central-1:{ACCOUNT}:rule/taken"
RIGHT = {
    "CreateTopicRule": {"ruleName": "free", "topicRulePayload": PAYLOAD, "tags": "a=b"},
    "ReplaceTopicRule": {"ruleName": "taken", "topicRulePayload": PAYLOAD},
    "GetTopicRule": {"ruleName": "taken"},
    "ListTopicRules": {"topic": "a", "maxResults": 10, "ruleDisabled": True},
    "EnableTopicRule": {"ruleName": "taken"},
    "DisableTopicRule": {"ruleName": "taken"},
    "TagResource": {"resourceArn": RULE_ARN, "tags": [{"Key": "k", "Value": "v"}]},
    "ListTagsForResource": {"resourceArn": RULE_ARN},
    "UntagResource": {"resourceArn": RULE_ARN, "tagKeys": ["k"]},
    "DeleteTopicRule": {"ruleName": "free"},
}


def test_every_operation_refuses_what_the_model_forbids(ruled, subtests):
    client, caller, count = ruled.client(service="iot", region="eu-central-1"), Caller(ruled, "eu-central-1", service="iot"), 0
    client.create_topic_rule(ruleName="taken", topicRulePayload=PAYLOAD)

    def state():
        rules = [rule["ruleName"] for rule in client.list_topic_rules()["rules"]]
        return [(client.get_topic_rule(ruleName=name)["rule"], client.list_tags_for_resource(resourceArn=RULE_ARN)["tags"]) for name in rules]

    for name, right in RIGHT.items():
        operation, before = MODEL.operation_model(name), state()
        for mutation in mutations(operation, right):
            count += 1
            with subtests.test(msg=f"{name} {mutation}"):
                answer = caller.call(operation, mutation.request)
                codes = ("InvalidRequestException", "SerializationException", "UnknownOperationException", "ResourceNotFoundException")
                assert answer.status in (400, 404) and answer.code in codes, answer
                if mutation.expected:
                    assert mutation.expected in answer.message, answer
        assert state() == before, name
        assert caller.call(operation, right).status == 200, name
    client.delete_topic_rule(ruleName="taken")
    assert count > 60, count
