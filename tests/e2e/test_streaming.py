"""Response streaming (B.7): pieces arrive while the function runs, and every end is told."""

import base64
import json
import re
import time

import pytest

import toolbox
from functions import log_of
from packages import executable

NODE = next((f"nodejs{major}.x" for major in ("20", "22", "18") if toolbox.node_if_possible(major)), None)
NUL = b"\0" * 8

#: A runtime that answers one event with what `%s` does; `connection` is its own.
RAW = """#!/usr/bin/python3 -u
import base64, http.client, json, os, socket, time
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    connection = http.client.HTTPConnection(api)
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    event = connection.getresponse()
    event.read()
    request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    path = f"/2018-06-01/runtime/invocation/{request_id}/response"
    host, port = api.split(":")
    to = socket.create_connection((host, int(port)))
    def send(text):
        to.sendall(text if isinstance(text, bytes) else text.encode())
    def begin(more=""):
        send(f"POST {path} HTTP/1.1\\r\\nHost: x\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\n{more}"
             "Transfer-Encoding: chunked\\r\\n\\r\\n")
    def chunk(data):
        send(b"%%x\\r\\n%%s\\r\\n" %% (len(data), data))
    def answer():
        seen = http.client.HTTPResponse(to)
        seen.begin()
        print("answered", seen.status, seen.read().decode())
    try:
%s
    except OSError as error:
        print("broke", error)
    to.close()
"""

#: Writes two pieces a second apart.
TWO_PIECES = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("first,");
  await new Promise((done) => setTimeout(done, event.pause ?? 0));
  stream.write({ second: true });
  stream.end();
});
"""


@pytest.fixture
def deploy_node(deploy):
    if NODE is None:
        pytest.skip("skipped: no Node.js could be fetched from the npm registry")
    return lambda code, **options: deploy({"app.js": code}, Runtime=NODE, **options)


@pytest.fixture
def deploy_raw(deploy):
    def deployed(body, **options):
        indented = "\n".join("        " + line for line in body.strip().splitlines())
        files = {"bootstrap": executable(RAW % indented)}
        return deploy(files, Runtime="provided.al2023", Handler="none", **options)

    return deployed


class Stream:
    """Everything that came of one streamed invocation."""

    def __init__(self, client, name, payload=None, **options):
        started = time.monotonic()
        self.answer = client.invoke_with_response_stream(
            FunctionName=name, Payload=json.dumps(payload or {}), **{"LogType": "Tail", **options}
        )
        self.chunks, self.times, self.complete = [], [], None
        for event in self.answer["EventStream"]:
            assert self.complete is None, "an event after InvokeComplete"
            if "PayloadChunk" in event:
                self.chunks.append(event["PayloadChunk"]["Payload"])
            else:
                self.complete = event["InvokeComplete"]
            self.times.append(time.monotonic() - started)

    @property
    def body(self):
        return b"".join(self.chunks)

    @property
    def log(self):
        return base64.b64decode(self.complete["LogResult"]).decode()

    @property
    def error(self):
        """Code and details of the last event."""
        return self.complete.get("ErrorCode"), json.loads(self.complete.get("ErrorDetails", "null"))


def test_p_05_pieces_come_as_events_and_the_end_says_so(deploy_node, lambda_client):
    function = deploy_node(TWO_PIECES)
    stream = Stream(lambda_client, function.name, {"pause": 1000})
    headers = stream.answer["ResponseMetadata"]["HTTPHeaders"]
    assert stream.answer["ExecutedVersion"] == "$LATEST"
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert stream.body == b'first,{"second":true}'
    assert "ErrorCode" not in stream.complete
    assert re.search(r"^START .*\nEND .*\nREPORT ", stream.log, re.M), stream.log
    # The first piece did not wait for the second.
    assert stream.times[-1] - stream.times[0] > 0.5


def test_p_07_either_kind_of_function_is_called_either_way(deploy, deploy_node, lambda_client):
    streaming = deploy_node(TWO_PIECES)
    outcome = lambda_client.invoke(FunctionName=streaming.name, Payload=b"{}")
    assert outcome["Payload"].read() == b'first,{"second":true}'
    buffered = deploy("def handler(event, context):\n    return {'k': event}\n")
    stream = Stream(lambda_client, buffered.name, {"a": 1})
    assert stream.chunks == [b'{"k": {"a": 1}}']
    assert "ErrorCode" not in stream.complete


def test_p_04_status_and_headers_come_before_eight_zeros(deploy_node, lambda_client):
    function = deploy_node(
        """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          const prelude = { statusCode: 418, headers: { "x-a": "b" }, cookies: ["c=d"] };
          stream = awslambda.HttpResponseStream.from(stream, prelude);
          stream.write("body");
          stream.end();
        });
        """
    )
    prelude, body = Stream(lambda_client, function.name).body.split(NUL)
    assert json.loads(prelude) == {"statusCode": 418, "headers": {"x-a": "b"}, "cookies": ["c=d"]}
    assert body == b"body"


FAILING = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.begin) stream.write("begun");
  await new Promise((done) => setTimeout(done, 50));
  throw new TypeError("no more");
});
"""


@pytest.mark.parametrize("begin", [True, False])
def test_p_03_an_error_on_the_way_comes_after_what_was_written(deploy_node, lambda_client, begin):
    function = deploy_node(FAILING)
    stream = Stream(lambda_client, function.name, {"begin": begin})
    assert stream.body == (b"begun" if begin else b"")
    code, details = stream.error
    assert (code, details["errorType"], details["errorMessage"]) == ("Unhandled", "TypeError", "no more")
    assert "Invoke Error" in stream.log
    # Called the other way it is the function error, and the function is well afterwards.
    outcome = function.invoke({"begin": begin})
    assert (outcome.error, outcome.payload["errorMessage"]) == ("Unhandled", "no more")
    assert "Init Duration" not in outcome.log


def test_a_stream_is_piped_and_slow_readers_slow_the_function_down(deploy_node, lambda_client):
    function = deploy_node(
        """
        const { pipeline } = require("stream/promises");
        const { Readable } = require("stream");
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          const piece = Buffer.alloc(65536, "x");
          await pipeline(Readable.from(function* () { for (let n = 0; n < 80; n++) yield piece; }()), stream);
        });
        """
    )
    answer = lambda_client.invoke_with_response_stream(FunctionName=function.name, Payload=b"{}")
    total, complete = 0, None
    for event in answer["EventStream"]:
        if total == 0:
            time.sleep(0.5)
        total += len(event.get("PayloadChunk", {}).get("Payload", b""))
        complete = event.get("InvokeComplete")
    assert (total, complete) == (80 * 65536, {})


def test_a_function_that_never_ends_its_response_times_out(deploy_node, lambda_client):
    function = deploy_node(
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => { stream.write('half'); });",
        Timeout=1,
    )
    stream = Stream(lambda_client, function.name)
    code, details = stream.error
    assert (stream.body, code, details["errorType"]) == (b"half", "Unhandled", "Sandbox.Timedout")
    assert "Status: timeout" in stream.log
    assert Stream(lambda_client, function.name).body == b"half"


def test_p_06_a_response_that_breaks_off_is_truncated(deploy_raw, lambda_client):
    function = deploy_raw("begin()\nchunk(b'half')\ntime.sleep(0.2)\nto.shutdown(socket.SHUT_WR)\nanswer()")
    stream = Stream(lambda_client, function.name)
    code, details = stream.error
    assert (stream.body, code, details["errorType"]) == (b"half", "Unhandled", "Runtime.TruncatedResponse")


def test_p_06_a_runtime_that_ends_in_the_middle_is_told(deploy_raw, lambda_client):
    function = deploy_raw("begin()\nchunk(b'half')\ntime.sleep(0.2)\nos._exit(3)")
    stream = Stream(lambda_client, function.name)
    code, details = stream.error
    assert (stream.body, code) == (b"half", "Unhandled")
    assert details["errorType"] in ("Runtime.TruncatedResponse", "Runtime.ExitError")
    assert "Error Type: Runtime.ExitError" in stream.log


def test_p_03_trailers_of_any_runtime_are_read(deploy_raw, lambda_client):
    function = deploy_raw(
        """
error = base64.b64encode(json.dumps({"errorType": "Mine", "errorMessage": "m"}).encode()).decode()
begin("Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\\r\\n")
chunk(b"part")
send("0\\r\\nLambda-Runtime-Function-Error-Type: Function.Mine\\r\\n")
send(f"Lambda-Runtime-Function-Error-Body: {error}\\r\\n\\r\\n")
answer()
"""
    )
    stream = Stream(lambda_client, function.name)
    assert stream.body == b"part"
    assert stream.error == ("Unhandled", {"errorType": "Mine", "errorMessage": "m"})
    assert 'answered 202 {"status":"OK"}' in Stream(lambda_client, function.name).log


def test_p_01_a_stream_may_have_200_megabytes_and_no_more(fresh_server, deploy_to):
    server = fresh_server("--streaming-rate", 64 * 2**20, "--streaming-burst", 64 * 2**20)
    body = """
megabyte = b"x" * 2**20
begin()
for _ in range(200):
    chunk(megabyte)
if "more" in event_body:
    chunk(b"x")
send("0\\r\\n\\r\\n")
answer()
"""
    code = (RAW % "\n".join("        " + line for line in body.strip().splitlines())).replace(
        "event.read()", "event_body = event.read().decode()"
    )
    function = deploy_to(server)({"bootstrap": executable(code)}, Runtime="provided.al2023", Handler="none", Timeout=60)
    stream = Stream(function.client, function.name)
    assert (len(stream.body), stream.error) == (200 * 2**20, (None, None))
    stream = Stream(function.client, function.name, {"more": 1})
    assert len(stream.body) == 200 * 2**20
    code, details = stream.error
    assert (code, details["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert "209715200" in details["errorMessage"]
    assert "answered 413" in Stream(function.client, function.name, {"more": 1}).log


def test_p_02_beyond_the_burst_a_stream_is_slowed_down(fresh_server, deploy_to):
    server = fresh_server("--streaming-rate", 65536, "--streaming-burst", 65536)
    body = "begin()\nfor _ in range(8):\n    chunk(b'x' * 32768)\nsend('0\\r\\n\\r\\n')\nanswer()"
    code = RAW % "\n".join("        " + line for line in body.splitlines())
    function = deploy_to(server)({"bootstrap": executable(code)}, Runtime="provided.al2023", Handler="none")
    stream = Stream(function.client, function.name)
    assert len(stream.body) == 8 * 32768
    # 256 KiB with 64 KiB at once and 64 KiB a second: three seconds.
    assert stream.times[-1] > 2.5
    # A whole response does not stream, and is not slowed down.
    started = time.monotonic()
    assert len(function.client.invoke(FunctionName=function.name, Payload=b"{}")["Payload"].read()) == 8 * 32768
    assert time.monotonic() - started < 2.5


def test_a_caller_who_leaves_does_not_end_the_invocation(deploy_node, server):
    function = deploy_node(
        """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          for (let n = 0; n < 20; n++) {
            stream.write("x".repeat(100000));
            await new Promise((done) => setTimeout(done, 25));
          }
          console.log("all written");
          stream.end();
        });
        """
    )
    client = server.client()
    answer = client.invoke_with_response_stream(FunctionName=function.name, Payload=b"{}")
    for event in answer["EventStream"]:
        break
    answer["EventStream"].close()
    log_of(server, function, "all written", timeout_s=20)


def test_a_dry_run_streams_nothing(deploy, raw_client):
    function = deploy("def handler(event, context):\n    print('ran')\n")
    answer = raw_client.invoke_with_response_stream(FunctionName=function.name, InvocationType="DryRun")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_what_cannot_be_run_is_refused_before_the_stream(deploy, lambda_client, raw_client):
    errors = lambda_client.exceptions
    with pytest.raises(errors.ResourceNotFoundException):
        lambda_client.invoke_with_response_stream(FunctionName="missing")
    function = deploy("def handler(event, context):\n    return 1\n")
    with pytest.raises(errors.InvalidRequestContentException):
        lambda_client.invoke_with_response_stream(FunctionName=function.name, Payload=b"{")
    with pytest.raises(errors.RequestTooLargeException):
        lambda_client.invoke_with_response_stream(FunctionName=function.name, Payload=b'"' + b"x" * 6 * 2**20 + b'"')
    with pytest.raises(errors.InvalidParameterValueException):
        lambda_client.invoke_with_response_stream(FunctionName=f"{function.name}:1", Qualifier="2")
    lambda_client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    with pytest.raises(errors.TooManyRequestsException):
        lambda_client.invoke_with_response_stream(FunctionName=function.name)
