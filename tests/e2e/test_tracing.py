"""Tracing (B.24): the trace header in and out, who decides on sampling, and the X-Ray daemon inside environments."""

import json
import re
import time

import pytest

import toolbox
from packages import executable

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
SEES = """
import os
def handler(event, context):
    return os.environ.get("_X_AMZN_TRACE_ID")
"""
#: What the first passage through a function adds.
LINEAGE = ";Lineage=[0-9a-f]{8}:0"


def invoke(function, header=None):
    """The header that the handler saw, that of the answer, and the log."""
    client = function.client

    def add(request, **_):
        if header is not None:
            request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-sign.lambda.Invoke", add, unique_id="trace")
    try:
        outcome = function.invoke({})
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", unique_id="trace")
    return outcome.payload, outcome.headers["x-amzn-trace-id"], outcome.log


@pytest.mark.parametrize("sampled", ["0", "1"])
def test_z_01_pass_through_passes_what_the_caller_decided(deploy, sampled):
    function = deploy(SEES)
    header = f"Root={ROOT};Parent={PARENT};Sampled={sampled};Lineage=a:1"
    seen, answered, log = invoke(function, header)
    assert seen == answered
    assert re.fullmatch(rf"{re.escape(header)}\|[0-9a-f]{{8}}:0", seen), "the function is in the lineage (A-13)"
    assert "XRAY" not in log


def test_z_01_pass_through_samples_nothing_of_its_own(deploy):
    function = deploy(SEES)
    seen, answered, _ = invoke(function)
    assert seen == answered
    match = re.fullmatch(r"Root=1-([0-9a-f]{8})-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0" + LINEAGE, seen)
    assert abs(int(match[1], 16) - time.time()) < 60
    # Each invocation has a trace of its own.
    assert invoke(function)[0] != seen


def test_z_01_active_samples_and_is_the_parent(deploy):
    function = deploy(SEES, TracingConfig={"Mode": "Active"})
    seen, _, log = invoke(function)
    root, parent = re.fullmatch(r"Root=([0-9a-f-]+);Parent=([0-9a-f]{16});Sampled=1" + LINEAGE, seen).groups()
    assert f"\nXRAY TraceId: {root}\tSegmentId: {parent}\tSampled: true\t\n" in log
    seen, _, _ = invoke(function, f"Root={ROOT};Parent={PARENT};Sampled=1")
    assert re.fullmatch(rf"Root={ROOT};Parent=[0-9a-f]{{16}};Sampled=1{LINEAGE}", seen) and PARENT not in seen
    seen, _, log = invoke(function, f"Root={ROOT};Parent={PARENT};Sampled=0")
    assert re.fullmatch(f"Root={ROOT};Parent={PARENT};Sampled=0{LINEAGE}", seen)
    assert "XRAY" not in log


def test_z_02_segments_are_taken_and_kept(fresh_server, deploy_to, tmp_path):
    server = fresh_server(data_dir=tmp_path / "data")
    function = deploy_to(server)(
        """
        import json, os, socket
        def handler(event, context):
            host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
            daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            header = json.dumps({"format": "json", "version": 1})
            for segment in event:
                daemon.sendto((header + "\\n" + segment).encode(), (host, int(port)))
            return [host, port, os.environ["_AWS_XRAY_DAEMON_ADDRESS"], os.environ["_AWS_XRAY_DAEMON_PORT"]]
        """
    )
    segment = {"name": "mine", "id": "70de5b6f19ff9a0a", "trace_id": ROOT, "start_time": 1.5, "end_time": 2.5}
    large = {"name": "large", "id": "70de5b6f19ff9a0b", "x": "y" * 60_000}
    seen = function.invoke([json.dumps(segment, indent=1), "no segment", json.dumps(large)]).payload
    assert seen == ["169.254.100.1", "2000", "169.254.100.1", "2000"]

    kept = kept_in(tmp_path / "data", b"70de5b6f19ff9a0b")
    assert b"70de5b6f19ff9a0a" in kept
    assert b"no segment" not in kept


def test_r_12_the_segment_of_an_invocation_has_the_cause_of_its_error(fresh_server, deploy_to, tmp_path):
    server = fresh_server(data_dir=tmp_path / "data")
    runtime = """#!/usr/bin/python3
import http.client, json, os
API = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
CAUSE = {"working_directory": "/var/task", "exceptions": [{"type": "No", "message": "because"}], "paths": []}
while True:
    API.request("GET", "/2018-06-01/runtime/invocation/next")
    event = API.getresponse()
    event.read()
    path = "/2018-06-01/runtime/invocation/" + event.headers["Lambda-Runtime-Aws-Request-Id"] + "/error"
    API.request("POST", path, "{}", {"Lambda-Runtime-Function-XRay-Error-Cause": json.dumps(CAUSE)})
    API.getresponse().read()
"""
    function = deploy_to(server)(
        {"bootstrap": executable(runtime)}, Runtime="provided.al2023", Handler="none", TracingConfig={"Mode": "Active"}
    )
    _, header, log = invoke(function, f"Root={ROOT};Sampled=1")
    segment = segment_with(tmp_path / "data", "because")
    assert segment["cause"]["exceptions"] == [{"type": "No", "message": "because"}]
    assert (segment["trace_id"], segment["fault"], segment["name"]) == (ROOT, True, function.name)
    assert f"SegmentId: {segment['id']}" in log and f"Parent={segment['id']}" in header
    assert 0 <= segment["end_time"] - segment["start_time"] < 10 and abs(segment["end_time"] - time.time()) < 60
    assert segment["aws"]["function_arn"] == function.arn


def segment_with(data_dir, awaited):
    """The segment that is kept with these words in it."""
    kept = kept_in(data_dir, awaited.encode()).decode(errors="replace")
    # Behind the header of its block, which is no text.
    begins = [match.start() for match in re.finditer(r'\{"', kept[: kept.index(awaited)])]
    return json.JSONDecoder().raw_decode(kept, begins[0])[0]


PYTHON_FAILS = "class Odd(Exception):\n    pass\ndef inner():\n    raise Odd('why \\u20ac \\x7f not')\ndef handler(e, c):\n    inner()\n"
NODE_FAILS = """
class Odd extends Error { constructor(text) { super(text); this.name = "Odd"; } }
function inner() { throw new Odd("why \\u20ac \\x7f not"); }
exports.handler = async () => inner();
"""


@pytest.mark.parametrize("language", ["python", "nodejs"])
def test_r_12_our_runtimes_tell_the_cause_of_an_error(language, fresh_server, deploy_to, tmp_path):
    arguments, options, code = ["--no-sdk"], {}, PYTHON_FAILS
    if language == "nodejs":
        arguments += ["--runtime-path", f"nodejs20.x={toolbox.node(20)}"]
        options, code = {"Runtime": "nodejs20.x"}, {"app.js": NODE_FAILS}
    server = fresh_server(*arguments, data_dir=tmp_path / "data")
    function = deploy_to(server)(code, TracingConfig={"Mode": "Active"}, **options)
    assert function.invoke({}).payload["errorType"] == "Odd"
    cause = segment_with(tmp_path / "data", "Odd")["cause"]
    [exception] = cause["exceptions"]
    assert (exception["type"], exception["message"]) == ("Odd", "why \u20ac \x7f not")
    assert cause["working_directory"] == "/var/task"
    stack = exception["stack"]
    inner = next(frame for frame in stack if frame["label"] == "inner")
    assert inner["path"].startswith("/var/task/app.") and inner["line"] in (3, 4)
    assert inner["path"] in cause["paths"]


def kept_in(data_dir, awaited):
    """The segments kept, once what is awaited is among them."""
    deadline = time.monotonic() + 10
    while True:
        kept = b"".join(path.read_bytes() for path in (data_dir / "traces").rglob("*.log"))
        if awaited in kept or time.monotonic() > deadline:
            assert awaited in kept
            return kept
        time.sleep(0.1)
