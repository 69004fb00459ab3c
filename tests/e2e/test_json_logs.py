"""The JSON log format (B.23): the platform's records, the runtimes' lines, and which of them are loud enough."""

import json
import re
import time

import pytest

import toolbox

NODE = next((f"nodejs{major}.x" for major in ("20", "22", "18") if toolbox.node_if_possible(major)), None)
JSON = {"LogFormat": "JSON"}


@pytest.fixture(scope="module")
def logs(server):
    """boto3 for CloudWatch Logs against the shared server."""
    return server.client(service="logs")


def lines_of(logs, function):
    """Everything that the function logged, JSON as objects."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function.name}")
    lines = []
    for page in pages:
        for event in page["events"]:
            try:
                lines.append(json.loads(event["message"]))
            except ValueError:
                lines.append(event["message"])
    return lines


def types_of(lines):
    return [line["type"] for line in lines if isinstance(line, dict) and "type" in line]


HELLO = "def handler(event, context):\n    return 1\n"


def test_o_03_events_of_the_platform_are_records(deploy, logs):
    function = deploy(HELLO, LoggingConfig=JSON)
    outcome = function.invoke({})
    lines = lines_of(logs, function)
    assert types_of(lines) == ["platform.initStart", "platform.start", "platform.report"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    report = lines[-1]["record"]
    assert (report["requestId"], report["status"]) == (outcome.request_id, "success")
    assert report["metrics"]["initDurationMs"] > 0
    assert '"type":"platform.report"' in outcome.log and "REPORT" not in outcome.log


@pytest.mark.parametrize(
    "level, expected",
    [
        (
            "DEBUG",
            ["platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report"],
        ),
        ("WARN", []),
    ],
)
def test_o_01_the_systems_level_decides(deploy, logs, level, expected):
    function = deploy(HELLO, LoggingConfig={**JSON, "SystemLogLevel": level})
    function.invoke({})
    # What is quiet everywhere writes nothing, and makes no group.
    if expected:
        assert types_of(lines_of(logs, function)) == expected


def test_o_03_failures_are_warnings(deploy, logs):
    function = deploy(
        "import time\ndef handler(event, context):\n    time.sleep(5)\n", LoggingConfig={**JSON, "SystemLogLevel": "WARN"}, Timeout=1
    )
    assert function.invoke({}).payload["errorType"] == "Sandbox.Timedout"
    lines = lines_of(logs, function)
    assert types_of(lines) == ["platform.runtimeDone", "platform.fault", "platform.report"]
    assert [line["record"]["status"] for line in lines if line["type"] != "platform.fault"] == ["timeout", "timeout"]


PRINTS = """
import json
def handler(event, context):
    for line in event:
        print(line if isinstance(line, str) else json.dumps(line))
"""


def test_o_02_lines_are_judged_by_their_own_level(deploy, logs):
    function = deploy(PRINTS, LoggingConfig={**JSON, "ApplicationLogLevel": "WARN", "SystemLogLevel": "WARN"})
    time_of = "2026-01-02T03:04:05Z"
    function.invoke(
        [
            {"n": 1, "level": "ERROR", "timestamp": time_of},
            {"n": 2, "level": "INFO", "timestamp": time_of},
            {"n": 3, "timestamp": time_of},
            {"n": 4, "level": "loud", "timestamp": time_of},
            {"n": 5, "level": "ERROR"},
            {"n": 6, "level": "error", "timestamp": time_of},
            "plain text",
        ]
    )
    lines = lines_of(logs, function)
    assert [line["n"] if isinstance(line, dict) else line for line in lines] == [1, 6, "plain text\n"]


def test_o_02_a_line_without_a_time_gets_one(deploy, logs):
    function = deploy(PRINTS, LoggingConfig={**JSON, "SystemLogLevel": "WARN"})
    function.invoke([{"level": "ERROR", "n": 1}])
    (line,) = lines_of(logs, function)
    assert (line["n"], line["level"]) == (1, "ERROR")
    assert abs(time.time() - time.mktime(time.strptime(line["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60


def test_python_logs_json(deploy, logs):
    function = deploy(
        """
        import logging
        log = logging.getLogger("mine")
        def handler(event, context):
            log.debug("too quiet")
            log.info("said %s", "so", extra={"more": [1]})
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("failed")
            raise ValueError("not caught")
        """,
        LoggingConfig={**JSON, "SystemLogLevel": "WARN"},
    )
    outcome = function.invoke({})
    said, failed, uncaught = lines_of(logs, function)[:3]
    assert said.pop("timestamp")
    assert said == {"level": "INFO", "message": "said so", "logger": "mine", "requestId": outcome.request_id, "more": [1]}
    assert (failed["errorType"], failed["errorMessage"], failed["level"]) == ("ZeroDivisionError", "division by zero", "ERROR")
    assert failed["stackTrace"] and "app.py:handler:" in failed["location"]
    assert (uncaught["log_level"], uncaught["errorType"], uncaught["errorMessage"]) == ("ERROR", "ValueError", "not caught")
    assert uncaught["requestId"] == outcome.request_id


def test_python_logs_what_the_level_lets_through(deploy, logs):
    code = "import logging\ndef handler(event, context):\n    logging.debug('d')\n    logging.warning('w')\n"
    for level, expected in (("DEBUG", ["d", "w"]), ("ERROR", [])):
        function = deploy(code, LoggingConfig={**JSON, "ApplicationLogLevel": level})
        function.invoke({})
        assert [line["message"] for line in lines_of(logs, function) if "message" in line] == expected


def test_node_logs_json(deploy, logs):
    if NODE is None:
        pytest.skip("skipped: no Node.js could be fetched from the npm registry")
    code = """
    exports.handler = async () => {
      console.debug("too quiet");
      console.log("said %s", "so");
      console.warn({ a: 1 });
      console.error("failed", new TypeError("no"));
      throw new RangeError("not caught");
    };
    """
    function = deploy({"app.js": code}, Runtime=NODE, LoggingConfig={**JSON, "SystemLogLevel": "WARN"})
    outcome = function.invoke({})
    said, warned, failed, uncaught = lines_of(logs, function)[:4]
    assert said.pop("timestamp").endswith("Z")
    assert said == {"level": "INFO", "requestId": outcome.request_id, "message": "said so"}
    assert (warned["level"], warned["message"]) == ("WARN", {"a": 1})
    assert (failed["level"], failed["errorType"], failed["errorMessage"]) == ("ERROR", "TypeError", "no")
    assert (uncaught["level"], uncaught["message"]["errorType"]) == ("ERROR", "RangeError")


def test_a_function_cannot_forge_records_of_the_platform(deploy, logs):
    """What it prints is an event of its own, with its own stream position: the platform's have no other source than the platform.
    A printed record can look like one, as on AWS; it is never mistaken for the end of an invocation."""
    forged = {"time": "2026-01-01T00:00:00.000Z", "type": "platform.report", "record": {"requestId": "forged", "status": "success"}}
    function = deploy(PRINTS, LoggingConfig=JSON)
    outcome = function.invoke([forged])
    last = lines_of(logs, function)[-1]
    assert last["record"]["requestId"] == outcome.request_id
