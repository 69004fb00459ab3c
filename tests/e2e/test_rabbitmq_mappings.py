"""Event source mappings of RabbitMQ, against a real broker (B.13)."""

import base64
import json
import time

import pytest

import brokers
from functions import log_of
from mappings import ECHOES, Mappings, echoed, state
from refusals import refused


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    """A broker of this file's own."""
    broker = brokers.rabbit_if_possible(tmp_path_factory.mktemp("rabbit"))
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def rabbit_server(module_servers, rabbit):
    """A server that knows the broker by the name `orders`."""
    return module_servers.start("--mq-broker", f"orders=amqp://127.0.0.1:{rabbit.port}", "--no-sdk")


@pytest.fixture(scope="module")
def secret(rabbit_server):
    """The ARN of the broker's credentials."""
    secrets = rabbit_server.client(service="secretsmanager")
    login = json.dumps({"username": "guest", "password": "guest"})
    return secrets.create_secret(Name="rabbit", SecretString=login)["ARN"]


ARN = "arn:aws:mq:us-east-1:000000000000:broker:orders:b-9bcfa592-423a-4942-879d-eb284b418fc8"


@pytest.fixture
def deploy_there(rabbit_server, deploy_to):
    """Deploys to that server."""
    deployer = deploy_to(rabbit_server)
    yield deployer
    deployer.close()


@pytest.fixture
def mapped(rabbit_server, secret):
    """Makes mappings of a queue."""
    mappings = Mappings(rabbit_server.client())

    def make(function, queue, **options):
        access = options.pop("access", [{"Type": "BASIC_AUTH", "URI": secret}])
        return mappings(function, ARN, Queues=[queue], SourceAccessConfigurations=access, **options)

    yield make
    mappings.delete()


def got(server, function, messages, timeout_s=30):
    """Events of a function that echoes, and all of their messages, once it has so many."""
    of_event = lambda event: [message for queue in event["rmqMessagesByQueue"].values() for message in queue]  # noqa: E731
    return echoed(server, function, of_event, messages, timeout_s)


def data(message):
    return base64.b64decode(message["data"]).decode()


def test_messages_reach_their_function_in_the_shape_of_amazon_mq(rabbit, rabbit_server, deploy_there, mapped):
    rabbit.declare("shape")
    function = deploy_there(ECHOES)
    made = mapped(function, "shape")
    assert made["EventSourceArn"] == ARN and made["Queues"] == ["shape"] and made["BatchSize"] == 100
    headers = {"header1": "value1", "number": 10, "flag": True, "nested": {"a": 1}}
    properties = {"content_type": "text/plain", "delivery_mode": 2, "priority": 3, "message_id": "m-1", "timestamp": 2021, "headers": headers}
    rabbit.publish("shape", b'{"timeout":0}', **properties)
    (event,), (message,) = got(rabbit_server, function, 1)
    assert set(event) == {"eventSource", "eventSourceArn", "rmqMessagesByQueue"}
    assert (event["eventSource"], event["eventSourceArn"]) == ("aws:rmq", ARN) and list(event["rmqMessagesByQueue"]) == ["shape::/"]
    assert data(message) == '{"timeout":0}' and message["redelivered"] is False
    basic = message["basicProperties"]
    assert basic["headers"] == {"header1": {"bytes": list(b"value1")}, "number": 10, "flag": True, "nested": {"a": 1}}
    assert basic["timestamp"] == "Jan 1, 1970, 12:33:41 AM" and basic["bodySize"] == 13
    expected = {"contentType": "text/plain", "contentEncoding": None, "deliveryMode": 2, "priority": 3, "messageId": "m-1"}
    expected |= dict.fromkeys(["correlationId", "replyTo", "expiration", "type", "userId", "appId", "clusterId"])
    assert {name: basic[name] for name in expected} == expected
    shown = state(rabbit_server.client(), made["UUID"], "Enabled")
    assert shown["LastProcessingResult"] == "OK"


def test_batches_have_their_size_and_wait_for_their_window(rabbit, rabbit_server, deploy_there, mapped):
    rabbit.declare("batches")
    rabbit.publish("batches", *(b"%d" % number for number in range(25)))
    function = deploy_there(ECHOES)
    mapped(function, "batches", BatchSize=10, MaximumBatchingWindowInSeconds=2)
    events, messages = got(rabbit_server, function, 25)
    assert [len(event["rmqMessagesByQueue"]["batches::/"]) for event in events] == [10, 10, 5]
    assert [data(message) for message in messages] == [str(number) for number in range(25)]
    assert rabbit.left("batches") == 0


def test_a_batch_that_fails_comes_again_and_says_so(rabbit, rabbit_server, deploy_there, mapped):
    rabbit.declare("failing")
    function = deploy_there("""
        import json
        def handler(event, context):
            print('GOT ' + json.dumps(event))
            if not all(m["redelivered"] for q in event["rmqMessagesByQueue"].values() for m in q):
                raise ValueError("the first time")
    """)
    mapped(function, "failing")
    rabbit.publish("failing", b"a", b"b")
    _, messages = got(rabbit_server, function, 4)
    assert [(data(message), message["redelivered"]) for message in messages] == [("a", False), ("b", False), ("a", True), ("b", True)]
    time.sleep(1)
    assert len(got(rabbit_server, function, 4)[1]) == 4 and rabbit.left("failing") == 0


def test_messages_that_fail_for_good_go_where_the_queue_says(rabbit, deploy_there, mapped):
    rabbit.declare("dead")
    rabbit.declare("short", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-message-ttl": 1500})
    function = deploy_there("def handler(event, context):\n    raise ValueError('always')\n")
    mapped(function, "short")
    rabbit.publish("short", b"poison")
    deadline = time.monotonic() + 20
    while rabbit.left("dead") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_filter_looks_at_what_a_message_says(rabbit, rabbit_server, deploy_there, mapped):
    rabbit.declare("filtered")
    function = deploy_there(ECHOES)
    mapped(function, "filtered", FilterCriteria={"Filters": [{"Pattern": '{"data": {"size": [{"numeric": [">", 5]}]}}'}]})
    rabbit.publish("filtered", b'{"size": 3}', b"no json", b"\xff", b'{"size": 7}')
    _, messages = got(rabbit_server, function, 1)
    assert [data(message) for message in messages] == ['{"size": 7}']
    assert rabbit.left("filtered") == 0


def test_a_mapping_that_is_disabled_reads_nothing_and_goes_on_when_enabled(rabbit, rabbit_server, deploy_there, mapped):
    rabbit.declare("paused")
    function = deploy_there(ECHOES)
    client = rabbit_server.client()
    made = mapped(function, "paused", Enabled=False)
    rabbit.publish("paused", b"kept")
    time.sleep(1)
    assert rabbit.left("paused") == 1
    client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    assert data(got(rabbit_server, function, 1)[1][0]) == "kept"
    client.update_event_source_mapping(UUID=made["UUID"], Enabled=False)
    state(client, made["UUID"], "Disabled")
    rabbit.publish("paused", b"kept again")
    client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    assert data(got(rabbit_server, function, 2)[1][1]) == "kept again"


def test_nothing_is_lost_while_the_broker_is_away(rabbit, rabbit_server, deploy_there, mapped):
    rabbit.declare("away")
    function = deploy_there(ECHOES)
    made = mapped(function, "away")
    rabbit.publish("away", b"before", delivery_mode=2)
    got(rabbit_server, function, 1)
    rabbit.stop()
    deadline = time.monotonic() + 20
    client = rabbit_server.client()
    while not client.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"].startswith("PROBLEM: Connection error"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    rabbit.again()
    rabbit.publish("away", b"after", delivery_mode=2)
    deadline = time.monotonic() + 60
    while "after" not in (seen := [data(message) for message in got(rabbit_server, function, 2, timeout_s=60)[1]]):
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)
    # What was not yet acknowledged when the broker went comes again.
    assert list(dict.fromkeys(seen)) == ["before", "after"]


def test_what_was_not_acknowledged_comes_again_after_a_crash(rabbit, fresh_server, deploy_to, tmp_path):
    rabbit.declare("crash")
    arguments = ("--mq-broker", f"orders=amqp://127.0.0.1:{rabbit.port}", "--no-sdk")
    server = fresh_server(*arguments, data_dir=tmp_path / "data")
    login = json.dumps({"username": "guest", "password": "guest"})
    secret = server.client(service="secretsmanager").create_secret(Name="r", SecretString=login)["ARN"]
    function = deploy_to(server)("""
        import json, time
        def handler(event, context):
            print('BEGAN')
            if not all(m["redelivered"] for q in event["rmqMessagesByQueue"].values() for m in q):
                time.sleep(60)
            print('GOT ' + json.dumps(event))
    """)
    access = [{"Type": "BASIC_AUTH", "URI": secret}]
    function.client.create_event_source_mapping(
        FunctionName=function.name, EventSourceArn=ARN, Queues=["crash"], SourceAccessConfigurations=access
    )
    rabbit.publish("crash", b"precious", delivery_mode=2)
    deadline = time.monotonic() + 20
    while "BEGAN" not in log_of(server, function):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.kill()
    server = fresh_server(*arguments, data_dir=tmp_path / "data")
    _, messages = got(server, function, 1)
    assert (data(messages[0]), messages[0]["redelivered"]) == ("precious", True)


def test_what_is_wrong_with_a_source_is_told(rabbit, rabbit_server, deploy_there, mapped):
    function = deploy_there(ECHOES)
    secrets, client = rabbit_server.client(service="secretsmanager"), rabbit_server.client()
    wrong = secrets.create_secret(Name="wrong", SecretString='{"username": "guest", "password": "no"}')["ARN"]
    rabbit.declare("told")
    absent = wrong[:-6] + "aaaaaa"
    for queue, access, told in (
        ("told", [{"Type": "BASIC_AUTH", "URI": wrong}], "refused the credentials"),
        ("told", [{"Type": "BASIC_AUTH", "URI": absent}], "can't be read"),
        ("absent", None, "The queue absent was not found."),
        ("told", "vhost", "no such virtual host"),
    ):
        options = {} if access is None else {"access": access}
        if access == "vhost":
            login = secrets.describe_secret(SecretId="rabbit")["ARN"]
            options = {"access": [{"Type": "BASIC_AUTH", "URI": login}, {"Type": "VIRTUAL_HOST", "URI": "/absent"}]}
        made = mapped(function, queue, **options)
        deadline = time.monotonic() + 20
        while told not in (last := client.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"]):
            assert time.monotonic() < deadline, last
            time.sleep(0.1)
        client.delete_event_source_mapping(UUID=made["UUID"])


def test_sources_that_cannot_be_read_are_refused(rabbit_server, deploy_there, secret):
    function, client = deploy_there(ECHOES), rabbit_server.client()
    access = [{"Type": "BASIC_AUTH", "URI": secret}]
    make = client.create_event_source_mapping
    good = {"FunctionName": function.name, "EventSourceArn": ARN, "Queues": ["q"], "SourceAccessConfigurations": access}
    with refused(501, "NotImplemented", contains=["--mq-broker"]):
        make(**{**good, "EventSourceArn": ARN.replace(":orders:", ":other:")})
    for wrong, told in (
        ({"SourceAccessConfigurations": []}, "BASIC_AUTH"),
        ({"SourceAccessConfigurations": [{"Type": "SASL_SCRAM_256_AUTH", "URI": secret}]}, "SASL_SCRAM_256_AUTH"),
        ({"SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:aws:ssm:us-east-1:0:parameter/p"}]}, "secret"),
        ({"StartingPosition": "LATEST"}, "StartingPosition"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}}}, "DestinationConfig"),
        ({"MaximumRetryAttempts": 1}, "MaximumRetryAttempts"),
    ):
        with refused(400, "InvalidParameterValueException", contains=[told]):
            make(**{**good, **wrong})
    client.update_function_configuration(FunctionName=function.name, Timeout=841)
    client.get_waiter("function_updated_v2").wait(FunctionName=function.name)
    with refused(400, "InvalidParameterValueException", contains=["840 seconds"]):
        make(**good)


def test_a_function_has_one_mapping_of_a_queue(rabbit, deploy_there, mapped):
    rabbit.declare("single")
    function = deploy_there(ECHOES)
    first = mapped(function, "single")
    with refused(409, "ResourceConflictException", contains=[first["UUID"]]):
        mapped(function, "single")
    rabbit.declare("another")
    mapped(function, "another")
