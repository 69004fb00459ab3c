"""WebSocket APIs of API Gateway: handshakes, routes, answers, the management API, and how connections end. The clients are those of
PyPI's websockets; `test_websocket_clients.py` has others."""

import json
import socket
import time

import boto3
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import rest_apis
from dynamo import unique
from web import exchange, visit
from websocket_apis import Chat, everybody_hears


@pytest.fixture
def chat(server):
    made = Chat(server)
    yield made
    made.close()


RECORDS = """
import json

def handler(event, context):
    context_ = event["requestContext"]
    if context_["routeKey"] == "$connect" and (event.get("queryStringParameters") or {}).get("status"):
        return {"statusCode": int(event["queryStringParameters"]["status"])}
    return {"statusCode": 200, "body": json.dumps(event)}
"""


def test_messages_take_the_routes_that_they_name(chat, deploy):
    function = deploy(RECORDS)
    for key in ("$default", "say", "quiet"):
        chat.route(key, function, answers=key != "quiet")
    chat.deploy(StageVariables={"color": "red"})
    client = chat.connect()
    client.send(json.dumps({"action": "say", "text": "ü"}))
    event = json.loads(client.recv(timeout=30))
    known = event["requestContext"]
    assert (known["routeKey"], known["eventType"], known["messageDirection"]) == ("say", "MESSAGE", "IN")
    assert (json.loads(event["body"])["text"], event["isBase64Encoded"], event["stageVariables"]) == ("ü", False, {"color": "red"})
    assert (known["apiId"], known["stage"], known["identity"]["sourceIp"]) == (chat.id, "dev", "127.0.0.1")
    assert known["connectionId"].endswith("=") and known["messageId"] == known["requestId"] or known["messageId"]
    for other in ("no JSON", json.dumps({"action": "unknown"}), json.dumps({"action": "$connect"})):
        client.send(other)
        assert json.loads(client.recv(timeout=30))["requestContext"]["routeKey"] == "$default", other
    client.send(json.dumps({"action": "quiet"}))
    with pytest.raises(TimeoutError):
        client.recv(timeout=1)
    client.send(b"\x00\xff")
    binary = json.loads(client.recv(timeout=30))
    assert (binary["body"], binary["isBase64Encoded"]) == ("AP8=", True)


def test_what_no_route_is_for_is_told(chat, deploy):
    chat.route("broken", deploy("def handler(event, context):\n    raise Exception('no')\n"))
    chat.deploy()
    client = chat.connect()
    for message, told in (({"action": "none"}, "Forbidden"), ({"action": "broken"}, "Internal server error")):
        client.send(json.dumps(message))
        answer = json.loads(client.recv(timeout=30))
        assert answer["message"] == told and set(answer) == {"message", "connectionId", "requestId"}


def test_no_more_comes_in_than_the_stage_allows(chat):
    chat.route("$connect")
    chat.route("say")
    chat.route("shout")
    slow = {"ThrottlingRateLimit": 0.01, "ThrottlingBurstLimit": 2}
    chat.deploy(DefaultRouteSettings=slow, RouteSettings={"shout": {"ThrottlingRateLimit": 1000, "ThrottlingBurstLimit": 1000}})
    client, _ = chat.connect(), chat.connect()
    assert chat.refused() == 429
    for action, told in (("say", ["Too Many Requests"] * 3), ("shout", [])):
        for _ in range(5):
            client.send(json.dumps({"action": action}))
        assert [json.loads(client.recv(timeout=30))["message"] for _ in told] == told
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.5)


def test_access_logs_tell_of_connections_and_messages(chat, server, deploy):
    logs, group = server.client(service="logs"), unique("log-group")
    logs.create_log_group(logGroupName=group)
    chat.route("$connect", deploy("def handler(event, context):\n    return {'statusCode': 200 if event.get('queryStringParameters') else 403}\n"))
    chat.route("broken", deploy("def handler(event, context):\n    raise Exception('no')\n"))
    chat.route("say")
    chat.route("$disconnect")
    form = "$context.eventType $context.routeKey $context.status $context.error.message"
    chat.deploy(AccessLogSettings={"DestinationArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}", "Format": form})
    assert chat.refused() == 403
    client = chat.connect("?in=1")
    for action in ("say", "broken", "none"):
        client.send(json.dumps({"action": action}))
    client.recv(timeout=30), client.recv(timeout=30)
    client.close()
    expected = {
        "CONNECT $connect 403 -", "CONNECT $connect 200 -", "MESSAGE say 200 -", "MESSAGE broken 502 Internal server error",
        "MESSAGE - 403 Forbidden", "DISCONNECT $disconnect 200 -",
    }
    deadline = time.monotonic() + 20
    while (lines := {event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]}) != expected:
        assert time.monotonic() < deadline, lines
        time.sleep(0.1)


def test_a_function_decides_who_connects(chat, deploy):
    chat.route("$connect", deploy(RECORDS))
    chat.deploy()
    chat.connect()
    assert (chat.refused("?status=401"), chat.refused("?status=403"), chat.refused("?status=500")) == (401, 403, 500)


def test_a_function_chooses_the_protocol(chat, deploy):
    chat.route("$connect", deploy("def handler(event, context):\n    return {'statusCode': 200, 'headers': {'Sec-WebSocket-Protocol': 'two'}}\n"))
    chat.deploy()
    assert chat.connect(subprotocols=["one", "two"]).subprotocol == "two"


DISCONNECTS = """
import json
import boto3

def handler(event, context):
    known = event["requestContext"]
    told = {"status": known["disconnectStatusCode"], "reason": known["disconnectReason"], "type": known["eventType"], "id": known["connectionId"]}
    boto3.client("sqs").send_message(QueueUrl=QUEUE, MessageBody=json.dumps(told))
"""


@pytest.fixture
def queue(server):
    """A queue, and what comes into it next."""
    sqs = server.client(service="sqs")
    url = sqs.create_queue(QueueName=unique("ends"))["QueueUrl"]

    def told():
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
        return json.loads(messages[0]["Body"])

    yield url, told
    sqs.delete_queue(QueueUrl=url)


def test_ends_of_connections_are_told(chat, deploy, queue):
    url, told = queue
    function = deploy(DISCONNECTS.replace("QUEUE", repr(url)), Timeout=20)
    chat.route("$disconnect", function)
    chat.route("id", integration={"IntegrationType": "MOCK", "RequestTemplates": {"$default": '{"statusCode": 200}'}, "responses": {"$default": {"ResponseTemplates": {"$default": "$context.connectionId"}}}}, answers=True)
    chat.deploy()

    def id_of(client):
        client.send('{"action": "id"}')
        return client.recv(timeout=30)

    client = chat.connect()
    known = id_of(client)
    client.close(code=4001, reason="bye")
    assert told() == {"status": 4001, "reason": "bye", "type": "DISCONNECT", "id": known}
    client = chat.connect()
    known = id_of(client)
    chat.manage().delete_connection(ConnectionId=known)
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=10)
    assert (client.protocol.close_code, told()["status"]) == (1000, 1000)
    client = chat.connect()
    id_of(client)
    # Gone without a word.
    client.socket.shutdown(socket.SHUT_RDWR)
    chat.open.remove(client)
    assert told()["status"] == 1006


def test_connections_are_managed(chat, server, deploy):
    chat.route("id", integration={"IntegrationType": "MOCK", "RequestTemplates": {"$default": '{"statusCode": 200}'}, "responses": {"$default": {"ResponseTemplates": {"$default": "$context.connectionId"}}}}, answers=True)
    chat.deploy()
    client = chat.connect()
    client.send('{"action": "id"}')
    known = client.recv(timeout=30)
    # At the API's own address, and at that of all services, which is what functions are given.
    path = f"{server.endpoint}/_lambent/execute-api/{chat.id}/{chat.stage}"
    for manage in (chat.manage(), boto3.client("apigatewaymanagementapi", endpoint_url=path, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")):
        manage.post_to_connection(ConnectionId=known, Data="hällo")
        assert client.recv(timeout=10) == "hällo"
        manage.post_to_connection(ConnectionId=known, Data=b"\xff\x00")
        assert client.recv(timeout=10) == b"\xff\x00"
        shown = manage.get_connection(ConnectionId=known)
        assert shown["Identity"]["SourceIp"] == "127.0.0.1" and shown["ConnectedAt"] <= shown["LastActiveAt"]
        with pytest.raises(manage.exceptions.PayloadTooLargeException):
            manage.post_to_connection(ConnectionId=known, Data=b"x" * (128 * 1024 + 1))
        with pytest.raises(manage.exceptions.GoneException):
            manage.post_to_connection(ConnectionId="none", Data=b"x")
    manage.post_to_connection(ConnectionId=known, Data=b"y" * 128 * 1024)
    assert len(client.recv(timeout=10)) == 128 * 1024
    unsigned = visit(server.endpoint, f"/{chat.stage}/@connections/{known}", host=chat.host)
    assert (unsigned.status, unsigned.json["message"]) == (403, "Forbidden")


def test_a_chat_where_everybody_hears_everybody(chat, server, deploy):
    table = everybody_hears(chat, deploy)
    dynamodb = server.client(service="dynamodb")
    clients = [chat.connect() for _ in range(3)]
    for number, client in enumerate(clients):
        client.send(json.dumps({"action": "say", "text": f"message {number}"}))
        assert [other.recv(timeout=30) for other in clients] == [f"message {number}"] * 3
    clients[0].close()
    deadline = time.monotonic() + 20
    while dynamodb.scan(TableName=table)["Count"] != 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    clients[1].send(json.dumps({"action": "say", "text": "left"}))
    assert [other.recv(timeout=30) for other in clients[1:]] == ["left", "left"]


def test_other_integrations_answer_in_another_form(chat, server, deploy, upstream):
    queue = unique("q")
    sqs = server.client(service="sqs")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    function = deploy("def handler(event, context):\n    return {'twice': event['n'] * 2}\n")
    permission = {"FunctionName": function.name, "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    function.client.add_permission(**permission)
    template = {"TemplateSelectionExpression": "\\$default", "RequestTemplates": {"$default": '{"n": $input.path("$.n")}'}}
    twice = {"$default": {"ResponseTemplates": {"$default": "twice is $input.path('$.twice') for $context.connectionId"}}}
    chat.route("twice", integration={"IntegrationType": "AWS", "IntegrationMethod": "POST", "IntegrationUri": rest_apis.function_uri(function), **template, "responses": twice}, answers=True)
    chat.route("web", integration={"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "POST", "IntegrationUri": f"{upstream}/x"}, answers=True)
    chat.deploy()
    client = chat.connect()
    client.send('{"action": "twice", "n": 21}')
    assert client.recv(timeout=30).startswith("twice is 42 for ")
    client.send('{"action": "web"}')
    seen = json.loads(client.recv(timeout=30))
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/x", '{"action": "web"}')
    sqs.delete_queue(QueueUrl=url)


AUTHORIZES = """
def handler(event, context):
    token = event["queryStringParameters"]["token"]
    if token == "nobody":
        raise Exception("Unauthorized")
    effect = "Allow" if token == "good" else "Deny"
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"type": event["type"]}}
"""


def test_an_authorizer_decides_who_connects(chat, deploy):
    asks = deploy(AUTHORIZES)
    asks.client.add_permission(FunctionName=asks.name, StatementId="a", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")
    authorizer = chat.apis.create_authorizer(
        ApiId=chat.id, AuthorizerType="REQUEST", Name="a", IdentitySource=["route.request.querystring.token"], AuthorizerUri=rest_apis.function_uri(asks)
    )["AuthorizerId"]
    chat.route("$connect", AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    chat.route("who", deploy(RECORDS), answers=True)
    chat.deploy()
    assert (chat.refused(), chat.refused("?token=nobody"), chat.refused("?token=bad")) == (401, 401, 403)
    client = chat.connect("?token=good")
    client.send('{"action": "who"}')
    known = json.loads(client.recv(timeout=30))["requestContext"]["authorizer"]
    assert known == {"principalId": "me", "type": "REQUEST"}


def test_idle_and_old_connections_end(fresh_server):
    server = fresh_server("--websocket-idle", "2", "--websocket-duration", "4")
    chat = Chat(server)
    chat.route("$default", integration={"IntegrationType": "MOCK"})
    chat.deploy()
    idle, lively = chat.connect(), chat.connect()
    began = time.monotonic()
    with pytest.raises(ConnectionClosed):
        while time.monotonic() < began + 10:
            lively.send("x")
            time.sleep(0.2)
    lasted = time.monotonic() - began
    assert 3.5 < lasted < 6, lasted
    with pytest.raises(ConnectionClosed):
        idle.recv(timeout=1)
    assert (idle.protocol.close_code, lively.protocol.close_code) == (1001, 1001)
    chat.close()


def test_more_connections_than_there_may_be_are_refused(fresh_server):
    server = fresh_server("--websocket-connections", "3")
    chat = Chat(server)
    chat.route("$default", integration={"IntegrationType": "MOCK"})
    chat.deploy()
    clients = [chat.connect() for _ in range(3)]
    assert chat.refused() == 503
    clients[0].close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            chat.connect()
            break
        except InvalidStatus:
            time.sleep(0.1)
    else:
        pytest.fail("a place that is free again is not given")
    # A server that stops says so.
    server.stop()
    with pytest.raises(ConnectionClosed):
        clients[1].recv(timeout=10)
    assert clients[1].protocol.close_code == 1001


def handshake(chat, **changes):
    """What comes back for a handshake put together by hand."""
    headers = {
        "Host": chat.host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13", **changes
    }
    lines = [f"GET /{chat.stage} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None), "", ""]
    return exchange(chat.server.endpoint, "\r\n".join(lines).encode(), until=b"\r\n\r\n")


def test_what_is_no_handshake_is_refused(chat):
    chat.route("$default", integration={"IntegrationType": "MOCK"})
    chat.deploy()
    good = handshake(chat)
    assert good.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in good
    for changes in ({"Upgrade": None}, {"Upgrade": "h2c"}, {"Connection": "close"}, {"Sec-WebSocket-Version": "8"}, {"Sec-WebSocket-Key": None}, {"Sec-WebSocket-Key": "short"}):
        refused = handshake(chat, Connection="Upgrade, close" if "Connection" not in changes else changes["Connection"], **{k: v for k, v in changes.items() if k != "Connection"})
        assert refused.startswith(b"HTTP/1.1 426 ") and b"sec-websocket-version: 13" in refused.lower(), (changes, refused)
    assert visit(chat.server.endpoint, "/none", host=chat.host).status == 403
    assert visit(chat.server.endpoint, "/dev/x", host=chat.host).status == 403


def masked(opcode, payload, final=True, length=None):
    """A frame of a client."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if final else 0) | opcode])
    head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big") if size < 1 << 16 else bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (masked(1, b"x" * (32 * 1024 + 1)), 1009),
        (masked(1, b"", length=1 << 40), 1009),
        (b"".join(masked(0 if number else 1, b"x" * 32 * 1024, final=number == 4) for number in range(5)), 1009),
        (masked(1, b"\xff\xfe"), 1007),
        (b"\x81\x01x", 1002),
        (masked(3, b"x"), 1002),
        (masked(9, b"x" * 126), 1002),
        (masked(0, b"x"), 1002),
        (b"\xf1\x80\0\0\0\0", 1002),
    ],
    ids=["large frame", "endless frame", "large message", "not UTF-8", "unmasked", "unknown opcode", "large ping", "continuation of nothing", "reserved bits"],
)
def test_what_is_no_frame_ends_the_connection(chat, frames, code):
    chat.route("$default", integration={"IntegrationType": "MOCK"})
    chat.deploy()
    port = int(chat.server.endpoint.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        lines = [f"GET /{chat.stage} HTTP/1.1", f"Host: {chat.host}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]
        raw.sendall("\r\n".join(lines).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += raw.recv(4096)
        raw.sendall(frames)
        received = received.split(b"\r\n\r\n", 1)[1]
        while piece := raw.recv(4096):
            received += piece
    assert received[0] == 0x88 and int.from_bytes(received[2:4], "big") == code, received
