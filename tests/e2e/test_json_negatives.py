"""Wrong requests of EventBridge, DynamoDB, Kinesis and Secrets Manager, generated from the API model: each is refused, says what is wrong, and changes nothing.

Every operation that the server implements is asked with a sample of each of its members; that passes validation, whatever comes after
it. Then every mutation of the sample (see `mutations.py`) is sent as JSON.
"""

import contextlib
import http.client
import json
from urllib.parse import urlsplit

import botocore.session
import pytest

from mutations import mutations, sample

REGION = "eu-central-1"
ACCOUNT = "666666666666"
TIMEOUT_S = 20
SESSION = botocore.session.get_session()
MODELS = {name: SESSION.get_service_model(name) for name in ("events", "dynamodb", "dynamodbstreams", "kinesis", "secretsmanager")}
#: What a body that is none of the operation's is called.
UNREADABLE = "SerializationException"


class JsonCaller:
    """Sends JSON to one service, with a credential scope instead of a signature."""

    def __init__(self, server, model):
        self.address = urlsplit(server.endpoint).netloc
        self.model = model
        scope = f"{ACCOUNT}/20260101/{REGION}/{model.signing_name}/aws4_request"
        self.headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
        }

    def send(self, target, body):
        """One body, whatever it is: status, code and text. On a connection of its own: others' tests may come in between."""
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)) as connection:
            connection.request("POST", "/", body=body, headers={**self.headers, "X-Amz-Target": target})
            answer = connection.getresponse()
            text = answer.read().decode()
        found = json.loads(text or "{}")
        return answer.status, found.get("__type", "").split("#")[-1], found.get("message") or found.get("Message") or ""

    def call(self, operation, members):
        """One request of an operation."""
        return self.send(f"{self.model.metadata['targetPrefix']}.{operation.name}", json.dumps(members).encode())


@pytest.fixture(scope="module", params=MODELS)
def caller(request, server):
    """For one service."""
    return JsonCaller(server, MODELS[request.param])


def whole_sample(shape):
    """A value with its required members, and empty where nothing is required."""
    return sample(shape) if shape is not None else {}


def implemented(caller):
    """The operations that do not answer NotImplemented."""
    for name in caller.model.operation_names:
        operation = caller.model.operation_model(name)
        if caller.call(operation, {})[0] != 501:
            yield operation


def state(server):
    """Everything that the services have in the account."""
    events = server.client(service="events", region=REGION, access_key=ACCOUNT)
    buses = events.list_event_buses()["EventBuses"]
    tables = server.client(service="dynamodb", region=REGION, access_key=ACCOUNT).list_tables()["TableNames"]
    streams = server.client(service="kinesis", region=REGION, access_key=ACCOUNT).list_streams()["StreamNames"]
    secrets = server.client(service="secretsmanager", region=REGION, access_key=ACCOUNT).list_secrets()["SecretList"]
    return secrets, streams, tables, buses, [events.list_rules(EventBusName=bus["Name"])["Rules"] for bus in buses]


def test_every_operation_refuses_what_the_model_forbids(server, caller, subtests):
    count = 0
    for operation in implemented(caller):
        request = whole_sample(operation.input_shape)
        right = caller.call(operation, request)
        assert "validation error" not in right[2], f"{operation.name}: {right}"
        before = state(server)
        for mutation in mutations(operation, request):
            count += 1
            with subtests.test(msg=f"{operation.name} {mutation}"):
                status, code, message = caller.call(operation, mutation.request)
                is_unreadable = any(what in mutation.what for what in ("wrong type", "null", "no base64"))
                assert status == 400 and code in (UNREADABLE, "ValidationException"), (status, code, message)
                if not is_unreadable:
                    assert code == "ValidationException" and mutation.names() in message, (code, message)
                if mutation.expected:
                    assert mutation.expected in message, message
        assert state(server) == before, operation.name
    least = {"events": 1000, "dynamodb": 500, "dynamodbstreams": 20, "kinesis": 1000, "secretsmanager": 300}
    assert count > least[caller.model.service_name], count


@pytest.mark.parametrize("target", ["", "{}", "{}.", "{}.NoSuchThing"])
def test_a_target_that_names_no_operation_is_refused(caller, target):
    target = target.format(caller.model.metadata["targetPrefix"])
    status, code, _ = caller.send(target, b"{}")
    assert (status, code) == (400, "UnknownOperationException")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff"])
def test_a_body_that_is_no_object_is_refused(caller, body):
    # An empty body is an empty object: of an operation that needs something it is none either.
    operation = next(one for one in implemented(caller) if one.input_shape and one.input_shape.required_members).name
    status, code, _ = caller.send(f"{caller.model.metadata['targetPrefix']}.{operation}", body)
    assert status == 400 and code in (UNREADABLE, "ValidationException")
