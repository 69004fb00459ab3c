"""API destinations of EventBridge: servers of the web as targets of rules, and the connections that log in there."""

import base64
import json
import time
from urllib.parse import parse_qs, urlparse

import pytest

from queues import ACCOUNT
from refusals import refused
from test_eventbridge import bus, events, open_queue, put, queue, rule, unique  # noqa: F401
from webhooks import Webhook

BASIC = {"BasicAuthParameters": {"Username": "user", "Password": "pass"}}
API_KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "value"}}


@pytest.fixture
def hook():
    with Webhook() as hook:
        yield hook


@pytest.fixture
def secrets(server):
    return server.client(service="secretsmanager")


@pytest.fixture
def connect(events):  # noqa: F811
    """Makes connections, which go with the test."""
    made = []

    def make(kind="API_KEY", parameters=API_KEY):
        made.append(unique("c"))
        return events.create_connection(Name=made[-1], AuthorizationType=kind, AuthParameters=parameters)["ConnectionArn"]

    yield make
    for name in made:
        events.delete_connection(Name=name)


@pytest.fixture
def destination(events):  # noqa: F811
    """Makes API destinations, which go with the test."""
    made = []

    def make(connection, endpoint, method="POST", **more):
        made.append(unique("d"))
        answer = events.create_api_destination(
            Name=made[-1], ConnectionArn=connection, InvocationEndpoint=endpoint, HttpMethod=method, **more
        )
        assert answer["ApiDestinationState"] == "ACTIVE"
        return answer["ApiDestinationArn"]

    yield make
    for name in made:
        events.delete_api_destination(Name=name)


def place(hook, path):
    """A URL of the hook."""
    return f"http://{urlparse(hook.url).netloc}{path}"


def test_an_event_is_sent_as_the_destination_says(events, bus, hook, connect, destination):  # noqa: F811
    extra = {
        "HeaderParameters": [{"Key": "X-Secret", "Value": "s", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "q", "Value": "1 2"}],
        "BodyParameters": [{"Key": "token", "Value": "t"}],
    }
    arn = destination(connect("BASIC", {**BASIC, "InvocationHttpParameters": extra}), place(hook, "/*/of/*"), "PUT")
    http = {"PathParameterValues": ["a/b", "c"], "HeaderParameters": {"X-Rule": "r"}, "QueryStringParameters": {"p": "v"}}
    rule(events, bus, {"source": ["shop"]}, {"Arn": arn, "HttpParameters": http, "InputPath": "$.detail"})
    put(events, bus, {"n": 1})
    got = hook.next()
    assert (got.method, got.path) == ("PUT", "/a%2Fb/of/c?p=v&q=1%202")
    assert json.loads(got.body) == {"n": 1, "token": "t"}
    assert got.headers["authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()
    assert (got.headers["x-secret"], got.headers["x-rule"]) == ("s", "r")
    assert got.headers["user-agent"] == "Amazon/EventBridge/ApiDestinations"
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    assert hook.is_quiet()


def test_who_logs_in_by_oauth_asks_for_a_token_first(events, bus, hook, connect, destination):  # noqa: F811
    hook.answers["/token"] = {"access_token": "granted", "expires_in": 60}
    oauth = {
        "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"},
        "AuthorizationEndpoint": place(hook, "/token"),
        "HttpMethod": "POST",
        "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
    }
    arn = destination(connect("OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": oauth}), place(hook, "/events"))
    rule(events, bus, {"source": ["shop"]}, arn)
    event_id = put(events, bus, {"n": 1})
    asked, got = hook.next(), hook.next()
    assert parse_qs(asked.body) == {"grant_type": ["client_credentials"], "client_id": ["id"], "client_secret": ["secret"], "scope": ["all"]}
    assert (got.path, got.headers["authorization"], json.loads(got.body)["id"]) == ("/events", "Bearer granted", event_id)


def test_what_a_server_does_not_take_comes_again_or_is_a_dead_letter(events, bus, hook, queue, connect, destination):  # noqa: F811
    arn = destination(connect(), hook.url)
    rule(events, bus, {"source": ["shop"]}, {"Arn": arn, "DeadLetterConfig": {"Arn": queue.arn}})
    hook.statuses = [503, 429, 200]
    put(events, bus, {"n": 1})
    assert [json.loads(hook.next().body)["detail"] for _ in range(3)] == [{"n": 1}] * 3
    assert hook.is_quiet()
    # What is wrong stays wrong.
    hook.statuses = [400]
    event_id = put(events, bus, {"n": 2})
    hook.next()
    (message,) = queue.raw(1)
    assert json.loads(message["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert (attributes["TARGET_ARN"], attributes["ERROR_CODE"], attributes["ERROR_MESSAGE"]) == (arn, "SDK_CLIENT_ERROR", "it answered 400")
    assert hook.is_quiet() and queue.is_empty()


def test_a_connection_that_is_not_authorized_leads_nowhere(events, bus, hook, queue, connect, destination):  # noqa: F811
    connection = connect()
    name = connection.split("/")[1]
    rule(events, bus, {"source": ["shop"]}, {"Arn": destination(connection, hook.url), "DeadLetterConfig": {"Arn": queue.arn}})
    assert events.deauthorize_connection(Name=name)["ConnectionState"] == "DEAUTHORIZED"
    put(events, bus, {"n": 1})
    (message,) = queue.raw(1)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE" and hook.is_quiet()
    events.update_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=API_KEY)
    put(events, bus, {"n": 2})
    assert hook.next().headers["x-key"] == "value"


def test_a_destination_says_how_often_it_may_be_called(events, bus, hook, connect, destination):  # noqa: F811
    rule(events, bus, {"source": ["shop"]}, destination(connect(), hook.url, InvocationRateLimitPerSecond=4))
    entries = [{"Source": "shop", "DetailType": "t", "Detail": json.dumps({"n": n}), "EventBusName": bus} for n in range(9)]
    events.put_events(Entries=entries)
    started = time.monotonic()
    assert {json.loads(hook.next().body)["detail"]["n"] for _ in range(9)} == set(range(9))
    assert time.monotonic() - started > 1.5


def test_what_logs_in_is_a_secret_of_the_services_own(events, secrets):  # noqa: F811
    name = unique("c")
    headers = {"HeaderParameters": [{"Key": "k1", "Value": "v1", "IsValueSecret": True}, {"Key": "k2", "Value": "v2", "IsValueSecret": False}]}
    made = events.create_connection(Name=name, AuthorizationType="BASIC", AuthParameters={**BASIC, "InvocationHttpParameters": headers}, Description="d")
    assert made["ConnectionArn"].startswith(f"arn:aws:events:us-east-1:{ACCOUNT}:connection/{name}/") and made["ConnectionState"] == "AUTHORIZED"
    with refused(400, "ResourceAlreadyExistsException"):
        events.create_connection(Name=name, AuthorizationType="BASIC", AuthParameters=BASIC)
    shown = events.describe_connection(Name=name)
    assert shown["AuthParameters"]["BasicAuthParameters"] == {"Username": "user"} and shown["Description"] == "d"
    first, second = shown["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"]
    assert "Value" not in first and second["Value"] == "v2"
    secret = secrets.describe_secret(SecretId=shown["SecretArn"])
    assert secret["Name"].startswith(f"events!connection/{name}/") and secret["OwningService"] == "events"
    kept = lambda: json.loads(secrets.get_secret_value(SecretId=shown["SecretArn"])["SecretString"])
    assert (kept()["username"], kept()["password"]) == ("user", "pass")
    assert kept()["invocation_http_parameters"]["header_parameters"][0] == {"key": "k1", "value": "v1", "is_value_secret": True}
    # What an update does not say stays.
    events.update_connection(Name=name, AuthParameters={"BasicAuthParameters": {"Password": "new"}})
    assert (kept()["username"], kept()["password"], "invocation_http_parameters" in kept()) == ("user", "new", True)
    events.update_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=API_KEY)
    assert kept()["api_key_value"] == "value" and "username" not in kept()
    assert [one["Name"] for one in events.list_connections(NamePrefix=name)["Connections"]] == [name]
    events.delete_connection(Name=name)
    with refused(400, "ResourceNotFoundException"):
        secrets.describe_secret(SecretId=shown["SecretArn"])
    with refused(400, "ResourceNotFoundException", f"Connection '{name}' does not exist."):
        events.describe_connection(Name=name)


def test_destinations_are_described_listed_and_changed(events, connect, destination):  # noqa: F811
    connection = connect()
    arn = destination(connection, "https://example.com/a", Description="d")
    name = arn.split("/")[1]
    assert arn.startswith(f"arn:aws:events:us-east-1:{ACCOUNT}:api-destination/{name}/")
    events.update_api_destination(Name=name, HttpMethod="PATCH", InvocationRateLimitPerSecond=7)
    shown = events.describe_api_destination(Name=name)
    assert (shown["HttpMethod"], shown["InvocationRateLimitPerSecond"], shown["InvocationEndpoint"]) == ("PATCH", 7, "https://example.com/a")
    assert (shown["Description"], shown["ConnectionArn"]) == ("d", connection)
    assert [one["Name"] for one in events.list_api_destinations(ConnectionArn=connection)["ApiDestinations"]] == [name]


def test_what_is_wrong_is_refused(events, bus, connect):  # noqa: F811
    gone = f"arn:aws:events:us-east-1:{ACCOUNT}:connection/gone/00000000-0000-0000-0000-000000000000"
    asked = {"Name": unique("d"), "ConnectionArn": gone, "InvocationEndpoint": "https://example.com", "HttpMethod": "POST"}
    with refused(400, "ResourceNotFoundException", "Connection 'gone' does not exist."):
        events.create_api_destination(**asked)
    with refused(400, "ResourceNotFoundException", "An api-destination 'gone' does not exist."):
        events.delete_api_destination(Name="gone")
    with refused(400, "ValidationException"):
        events.create_connection(Name=unique("c"), AuthorizationType="BASIC", AuthParameters=API_KEY)
    with refused(501, "NotImplemented"):
        events.create_connection(Name=unique("c"), AuthorizationType="BASIC", AuthParameters=BASIC, KmsKeyIdentifier="key")
