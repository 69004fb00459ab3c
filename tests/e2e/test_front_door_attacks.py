"""What strangers do to a front door (S7 of the attacks): each is refused or bounded, and others are answered meanwhile.

Elsewhere: too much for a function (`test_u_09…`), odd paths and hosts (`test_odd_paths…`, `test_one_address…`), no handshakes and no frames
of WebSockets (`test_what_is_no…`).
"""

import base64
import gzip
import json
import socket
import time
from urllib.parse import urlsplit

import pytest

import frames
from http_apis import Api
from web import exchange, visit
from websocket_apis import Chat

HEALTH = b"GET /_lambent/health HTTP/1.1\r\nHost: here\r\n\r\n"
#: What one attack may cost the server.
MEMORY_MAX = 64 * 1024 * 1024


@pytest.fixture
def attacked(server):
    """The server, which has to be as well after an attack as before it."""
    server.health()
    before = server.resident_bytes()
    yield server
    began = time.monotonic()
    server.health()
    assert time.monotonic() - began < 5
    assert server.resident_bytes() - before < MEMORY_MAX


def connect(server):
    return socket.create_connection(("127.0.0.1", urlsplit(server.endpoint).port), timeout=120)


# --- Slow -----------------------------------------------------------------------------------------------------


def test_a_body_that_drips_is_not_waited_for(attacked):
    """Case 74: a byte from time to time is no body on its way."""
    began = time.monotonic()
    with connect(attacked) as connection:
        connection.sendall(b"POST /2015-03-31/functions/none/invocations HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n")
        connection.settimeout(2)
        received = b""
        while not received and time.monotonic() - began < 90:
            try:
                connection.sendall(b"x")
                received = connection.recv(65536)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() - began < 80
    assert not received or received.startswith(b"HTTP/1.1 4"), received


# --- Giant headers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [b"X-Large: " + b"x" * 1_000_000, b"\r\n".join(b"X-%d: x" % number for number in range(10_000))])
def test_giant_headers_are_refused(attacked, headers):
    """Case 75."""
    with connect(attacked) as connection:
        try:
            connection.sendall(b"GET /_lambent/health HTTP/1.1\r\nHost: here\r\n" + headers + b"\r\n\r\n")
            received = connection.recv(65536)
        except ConnectionError:
            received = b""
    assert not received or received.startswith(b"HTTP/1.1 431 "), received[:200]


def test_giant_headers_of_http_2_are_refused(attacked):
    """Case 75."""
    with frames.Connection(attacked.endpoint) as connection:
        block = frames.request(more=frames.field("x-large", "x" * 1_000_000))
        connection.send(frames.frame(frames.HEADERS, frames.END_STREAM, 1, block[:16_000]))
        for start in range(16_000, len(block), 16_000):
            flags = frames.END_HEADERS if start + 16_000 >= len(block) else 0
            if not connection.send(frames.frame(frames.CONTINUATION, flags, 1, block[start : start + 16_000])):
                break
        received = connection.until(frames.HEADERS, frames.RST_STREAM, frames.GOAWAY)
        assert received is None or received[0] != frames.HEADERS or b"431" in received[3], received


# --- Smuggling ------------------------------------------------------------------------------------------------

#: Heads of a request whose body one server takes for shorter than another; the body is a request of its own.
SMUGGLING = {
    "length and chunks": b"Content-Length: %d\r\nTransfer-Encoding: chunked",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d",
    "a list of lengths": b"Content-Length: 0, %d",
    "a length with a sign": b"Content-Length: +%d",
    "a length in hexadecimal": b"Content-Length: 0x%x",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: %d",
    "chunks that are none": b"Transfer-Encoding: xchunked\r\nContent-Length: %d",
    "chunks before something else": b"Transfer-Encoding: chunked, identity\r\nContent-Length: %d",
    "a folded header": b"X-Folded: a\r\n Content-Length: 0\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: %d",
    "a space before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: %d",
    "a header without a name": b": chunked\r\nContent-Length: %d",
    "a return inside": b"X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: %d",
}


@pytest.mark.parametrize("shape", SMUGGLING, ids=lambda shape: shape.replace(" ", "-"))
def test_no_request_is_hidden_in_another(attacked, shape):
    """Case 76: where a body ends is not open to doubt, else the request is refused and the connection ends."""
    hidden = b"0\r\n\r\n" + HEALTH
    head = b"POST /_lambent/nothing HTTP/1.1\r\nHost: here\r\n" + SMUGGLING[shape] % len(hidden) + b"\r\n\r\n"
    with connect(attacked) as connection:
        connection.settimeout(3)
        connection.sendall(head + hidden)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionError):
            pass
    statuses = [line for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert len(statuses) == 1 and b" 200 " not in statuses[0], (shape, received)


def test_chunks_end_where_they_say(attacked):
    """Case 76: sizes that overflow, and sizes that are none, end the connection."""
    for size in [b"ffffffffffffffff1", b"-1", b"1 2", b"0x5", b"g"]:
        head = b"POST /_lambent/nothing HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
        received = exchange(attacked.endpoint, head + size + b"\r\nhello\r\n0\r\n\r\n" + HEALTH, until=b"\r\n\r\n")
        assert b" 200 " not in received, (size, received)


# --- HTTP/2 ---------------------------------------------------------------------------------------------------


def test_a_rapid_reset_ends_the_connection(attacked):
    """Case 77: requests that are taken back at once (CVE-2023-44487)."""
    with frames.Connection(attacked.endpoint) as connection:
        open_now = True
        for start in range(0, 100_000, 500):
            pairs = []
            for number in range(start, start + 500):
                stream = 2 * number + 1
                pairs.append(frames.frame(frames.HEADERS, frames.END_STREAM | frames.END_HEADERS, stream, frames.request()))
                pairs.append(frames.frame(frames.RST_STREAM, 0, stream, b"\0\0\0\x08"))
            open_now = connection.send(b"".join(pairs))
            if not open_now:
                break
        ended = not open_now or (connection.until(frames.GOAWAY) or (frames.GOAWAY,))[0] == frames.GOAWAY
        assert ended


def test_headers_that_never_end_end_the_connection(attacked):
    """Case 77: a flood of CONTINUATION (CVE-2024-27316)."""
    with frames.Connection(attacked.endpoint) as connection:
        connection.send(frames.frame(frames.HEADERS, frames.END_STREAM, 1, frames.request()))
        piece = frames.frame(frames.CONTINUATION, 0, 1, frames.field("x-more", "x" * 1_000)) * 100
        assert not all(connection.send(piece) for _ in range(1_000)), "100 MB of headers were taken"


def test_headers_that_unpack_without_end_are_refused(attacked):
    """Case 77: a header that is remembered once and named ten thousand times."""
    with frames.Connection(attacked.endpoint) as connection:
        remembered = frames.field("x-bomb", "x" * 3_900, indexed=True)
        block = frames.request(more=remembered + bytes([0x80 | 62]) * 10_000)
        connection.send(frames.frame(frames.HEADERS, frames.END_STREAM | frames.END_HEADERS, 1, block[:16_384]))
        received = connection.until(frames.HEADERS, frames.RST_STREAM, frames.GOAWAY)
        assert received is None or received[0] != frames.HEADERS or b"431" in received[3], received


@pytest.mark.parametrize("flood", ["settings", "pings"])
def test_a_flood_that_wants_answers_costs_no_memory(attacked, flood):
    """Case 77: a client that asks and never reads."""
    asked = {"settings": frames.frame(frames.SETTINGS), "pings": frames.frame(frames.PING, 0, 0, b"12345678")}[flood] * 1_000
    with frames.Connection(attacked.endpoint) as connection:
        connection.socket.settimeout(2)
        for _ in range(300):
            if not connection.send(asked):
                break
        with frames.Connection(attacked.endpoint) as other:
            other.send(frames.frame(frames.HEADERS, frames.END_STREAM | frames.END_HEADERS, 1, frames.request()))
            assert other.until(frames.HEADERS) is not None


# --- What is inside -------------------------------------------------------------------------------------------


def test_nothing_is_unpacked_for_a_client(attacked, apis, echo):
    """Case 82: ten megabytes of zeros in ten kilobytes are ten kilobytes, but for REST APIs, see test_rest_api_codings."""
    packed = gzip.compress(b"\0" * 10_000_000)
    api = Api(apis, stage="dev")
    api.route("POST /", echo)
    event = api.visit("/dev/", "POST", [("Content-Encoding", "gzip")], packed).json
    assert (base64.b64decode(event["body"]), event["headers"]["content-encoding"]) == (packed, "gzip")
    invoke = f"{attacked.endpoint}/2015-03-31/functions/{echo.name}/invocations"
    assert visit(invoke, method="POST", headers=[("Content-Encoding", "gzip")], body=packed).status == 400


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"a": "\xff\xfe"}', b'{"a": 1e999999'],
    ids=["open", "lists", "objects", "bytes", "number"],
)
def test_json_that_is_none_is_told_so(attacked, deploy, body):
    """Case 84."""
    function = deploy("def handler(event, context):\n    return 'was asked'\n")
    answer = visit(f"{attacked.endpoint}/2015-03-31/functions/{function.name}/invocations", method="POST", body=body)
    assert answer.status in (200, 400), answer
    if answer.status == 400:
        assert answer.header("x-amzn-errortype").startswith("InvalidRequestContentException"), answer


def test_odd_json_reaches_no_api_as_a_fault(attacked):
    """Case 84: the APIs of services as well."""
    for body in [b"[" * 100_000, b'{"FunctionName": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"Code": 1e999999}', b'{"a":1,"a":2}', b"\xff"]:
        answer = visit(f"{attacked.endpoint}/2015-03-31/functions", method="POST", headers=[("Content-Type", "application/json")], body=body)
        assert answer.status == 400, (body[:40], answer)
        assert json.loads(answer.body)


# --- Many -----------------------------------------------------------------------------------------------------


def test_idle_connections_leave_room_for_others(fresh_server):
    """Case 83: beyond what may be open a client is told so at once, and those who are served stay served."""
    server = fresh_server("--no-sdk", "--connections", "200")
    idle = [connect(server) for _ in range(199)]
    kept = connect(server)
    kept.sendall(HEALTH)
    assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
    with connect(server) as refused:
        assert refused.recv(65536).startswith(b"HTTP/1.1 503 ")
    kept.sendall(HEALTH)
    assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
    for connection in idle[:100]:
        connection.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connect(server) as late:
            late.sendall(HEALTH)
            if late.recv(65536).startswith(b"HTTP/1.1 200 "):
                break
        time.sleep(0.1)
    else:
        pytest.fail("places that are free again are not given")
    for connection in [kept, *idle]:
        connection.close()


def test_a_websocket_goes_on_taking_the_place_of_its_connection(fresh_server):
    """Case 83: who changes the protocol stays counted."""
    server = fresh_server("--no-sdk", "--connections", "3")
    chat = Chat(server)
    chat.route("$default", integration={"IntegrationType": "MOCK"})
    chat.deploy()
    chat.apis.close()
    open_now = [chat.connect() for _ in range(3)]
    with connect(server) as refused:
        assert refused.recv(65536).startswith(b"HTTP/1.1 503 ")
    for client in open_now:
        client.close()
