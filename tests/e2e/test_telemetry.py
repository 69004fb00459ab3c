"""The Telemetry API and the Logs API, by extensions that consume them (B.4)."""

import json
import re
import time

import pytest

from extensions import extension_layer
from functions import log_of

#: Subscribes with what `%s` says, keeps what comes, and gives it to whoever asks on port 4244.
CONSUMER = """
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
events, heads = [], []

class Consumer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        heads.append([self.command, self.path, self.headers["Content-Type"], self.headers["Host"]])
        events.extend(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_PUT = do_POST
    def do_GET(self):
        body = json.dumps({"events": events, "heads": heads}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass

for port in (4243, 4244):
    server = ThreadingHTTPServer(("sandbox.localdomain", port), Consumer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
register("INVOKE", "SHUTDOWN")
say("subscribed", call("PUT", *%s))
while True:
    event = next_event()
    if event["eventType"] == "SHUTDOWN":
        say("at the end", json.dumps([event["type"] for event in events]))
        break
"""

TELEMETRY = """("/2022-07-01/telemetry", {
    "schemaVersion": "2022-12-13", "types": ["platform", "function", "extension"],
    "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/telemetry"}})"""

LOGS = """("/2020-08-15/logs", {
    "schemaVersion": "2021-03-18", "types": ["platform", "function"], "buffering": {"timeoutMs": 25},
    "destination": {"protocol": "HTTP", "method": "PUT", "URI": "http://sandbox.localdomain:4243"}})"""

#: Tells what the consumer has got of the invocations before this one.
HANDLER = """
import json, time, urllib.request
def handler(event, context):
    print("printed", event.get("n"))
    if event.get("fail"):
        raise ValueError("no")
    time.sleep(event.get("pause", 0))
    return json.loads(urllib.request.urlopen("http://sandbox.localdomain:4244/", timeout=5).read())
"""


def deploy_consumer(deploy, layer, request, **options):
    return deploy(HANDLER, Layers=[extension_layer(layer, consumer=CONSUMER % request)], **options)


def records(seen, event_type):
    return [event["record"] for event in seen["events"] if event["type"] == event_type]


def test_t_03_every_event_of_the_platform_arrives(deploy, layer, server):
    function = deploy_consumer(deploy, layer, TELEMETRY)
    first = function.invoke({"n": 1})
    seen = function.invoke({"n": 2, "pause": 0.3}).payload
    types = [event["type"] for event in seen["events"]]
    order = [
        "platform.initStart", "platform.initRuntimeDone", "platform.extension", "platform.initReport", "platform.start", "function",
        "platform.runtimeDone", "platform.report",
    ]  # fmt: skip
    positions = [types.index(kind) for kind in order]
    assert positions == sorted(positions), types
    # An extension subscribes beside the runtime's Init, which may be faster.
    assert types.index("platform.initStart") < types.index("platform.telemetrySubscription") < types.index("platform.extension")
    assert "extension" in types
    for event in seen["events"]:
        assert set(event) == {"time", "type", "record"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    start = records(seen, "platform.initStart")[0]
    assert (start["initializationType"], start["phase"]) == ("on-demand", "init")
    assert (start["functionName"], start["functionVersion"]) == (function.name, "$LATEST")
    assert start["runtimeVersion"].startswith("python:") and start["runtimeVersionArn"].startswith("arn:")
    assert records(seen, "platform.initRuntimeDone")[0]["status"] == "success"
    assert records(seen, "platform.initReport")[0]["metrics"]["durationMs"] > 0
    assert records(seen, "platform.extension") == [
        {"name": "consumer", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}
    ]
    assert records(seen, "platform.telemetrySubscription") == [
        {"name": "consumer", "state": "Subscribed", "types": ["platform", "function", "extension"]}
    ]
    begun = records(seen, "platform.start")[0]
    assert (begun["requestId"], begun["version"]) == (first.request_id, "$LATEST")
    assert begun["tracing"]["type"] == "X-Amzn-Trace-Id"
    assert "printed 1\n" in records(seen, "function")
    report = records(seen, "platform.report")[0]
    assert report["requestId"] == first.request_id and report["status"] == "success"
    assert set(report["metrics"]) == {
        "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs",
    }  # fmt: skip
    assert seen["heads"][0] == ["POST", "/telemetry", "application/json", "sandbox.localdomain:4243"]
    log = log_of(server, function, "TELEMETRY\tName: consumer\tState: Subscribed\tTypes: [Platform, Function, Extension]\n")
    assert "consumer subscribed (200," in log
    # `platform.end` and `platform.fault` are of the Logs API only.
    assert not {"platform.end", "platform.fault"} & set(types)


def test_t_04_spans_say_where_the_time_went(deploy, layer):
    function = deploy_consumer(deploy, layer, TELEMETRY)
    function.invoke({"pause": 0.2})
    seen = function.invoke({"pause": 0.3}).payload
    done = records(seen, "platform.runtimeDone")[0]
    spans = {span["name"]: span for span in done["spans"]}
    assert list(spans) == ["responseLatency", "responseDuration", "runtimeOverhead"]
    assert 200 <= spans["responseLatency"]["durationMs"] < 1_000
    assert done["metrics"]["durationMs"] >= spans["responseLatency"]["durationMs"]
    assert done["metrics"]["producedBytes"] > 0
    assert done["status"] == "success"
    report = records(seen, "platform.report")[0]
    assert [span["name"] for span in report["spans"]] == ["extensionOverhead"]
    # Milliseconds with the precision of microseconds.
    assert round(done["metrics"]["durationMs"], 3) == done["metrics"]["durationMs"]


def test_t_05_the_older_api_has_its_own_events(deploy, layer, server):
    function = deploy_consumer(deploy, layer, LOGS)
    function.invoke({"n": 1})
    seen = function.invoke({"pause": 0.3}).payload
    types = [event["type"] for event in seen["events"]]
    assert {"platform.logsSubscription", "platform.extension", "platform.start", "function", "platform.end"} <= set(types)
    assert {"platform.runtimeDone", "platform.report"} <= set(types)
    assert not [kind for kind in types if kind.startswith("platform.init")]
    assert seen["heads"][0][0] == "PUT"
    log_of(server, function, "LOGS\tName: consumer\tState: Subscribed\tTypes: [Platform, Function]\n")


def test_a_handlers_error_and_the_platforms_are_told_apart(deploy, layer):
    # The timeout includes a whole start, also where a processor is emulated.
    function = deploy_consumer(deploy, layer, TELEMETRY, Timeout=6)
    assert function.invoke({"fail": 1}).error
    assert function.invoke({"pause": 15}).payload["errorType"] == "Sandbox.Timedout"
    seen = function.invoke({"pause": 0.3}).payload
    # The consumer was started anew with the environment: what it saw before went with it.
    assert records(seen, "platform.initStart")[0]["phase"] == "invoke"
    seen = function.invoke({"pause": 0.3}).payload
    assert [done["status"] for done in records(seen, "platform.runtimeDone")] == ["success"]


def test_what_is_collected_reaches_a_consumer_before_the_end(deploy, layer, server):
    slow = TELEMETRY.replace('"timeoutMs": 25', '"timeoutMs": 30000')
    function = deploy_consumer(deploy, layer, slow)
    assert function.invoke({}).payload == {"events": [], "heads": []}
    function.delete()
    log = log_of(server, function, "consumer at the end")
    types = json.loads(log.split("consumer at the end ")[1].splitlines()[0])
    assert types.index("platform.start") < types.index("platform.report")


def test_t_05_a_consumer_that_does_not_take_holds_nobody_up(deploy, layer, server):
    stuck = """
        import socket
        listener = socket.create_server(("sandbox.localdomain", 4243))
        register("INVOKE")
        call("PUT", "/2022-07-01/telemetry", {
            "schemaVersion": "2022-07-01", "types": ["function"], "buffering": {"maxItems": 1000, "timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}})
        while True:
            next_event()
    """
    function = deploy(
        "def handler(event, context):\n    for n in range(event['n']):\n        print('line', n, 'x' * 100)\n",
        Layers=[extension_layer(layer, stuck=stuck)],
        MemorySize=256,
    )
    started = time.monotonic()
    assert function.invoke({"n": 50_000}).error is None
    assert time.monotonic() - started < 20
    assert function.invoke({"n": 1}).error is None


@pytest.mark.parametrize("path", ["/2022-07-01/telemetry", "/2020-08-15/logs"])
def test_t_01_a_subscription_that_cannot_be_says_why(deploy, layer, server, path):
    code = f"""
        register()
        say("refused", call("PUT", "{path}", {{"types": [], "destination": {{"protocol": "HTTP", "URI": "http://sandbox.localdomain"}}}}))
        next_event()
    """
    function = deploy("def handler(event, context):\n    return 1\n", Layers=[extension_layer(layer, wrong=code)])
    assert function.invoke({}).payload == 1
    log = log_of(server, function, "wrong refused (400,")
    assert "URI port is not provided" in log and "types should not be empty" in log
