"""The Extensions API and the lifecycle with extensions (B.1, B.3)."""

import json
import re
import time

import pytest

import toolbox
from extensions import LISTENER, extension_layer, python_extension
from functions import log_of
from packages import Raw, executable

HELLO = "def handler(event, context):\n    print('handled')\n    return event\n"


def events_in(log, name):
    """The events that a listener printed."""
    return [json.loads(line.removeprefix(f"{name} ")) for line in log.splitlines() if line.startswith(f"{name} {{")]


def test_x_01_an_extension_of_a_layer_hears_of_invocations_and_of_the_end(deploy, layer, server):
    function = deploy(HELLO, Layers=[extension_layer(layer, listener=LISTENER)], Timeout=20)
    outcome = function.invoke({"k": 1})
    assert outcome.payload == {"k": 1}
    function.invoke({})
    function.client.update_function_configuration(FunctionName=function.name, Description="new")
    log = log_of(server, function, '"shutdownReason": "spindown"')
    assert "EXTENSION\tName: listener\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in log
    first, second, end = events_in(log, "listener")
    assert first["eventType"] == second["eventType"] == "INVOKE"
    assert first["requestId"] == outcome.request_id
    assert first["invokedFunctionArn"] == function.arn
    assert first["tracing"]["type"] == "X-Amzn-Trace-Id"
    assert 0 < first["deadlineMs"] / 1000 - time.time() < 21
    assert (end["eventType"], end["shutdownReason"]) == ("SHUTDOWN", "spindown")
    assert abs(end["deadlineMs"] / 1000 - time.time()) < 20
    # It started before the runtime, and before the first invocation.
    assert log.index("EXTENSION\t") < log.index("\nSTART ")


def test_x_01_a_static_program_extends_any_runtime(deploy, layer, server):
    program = executable(toolbox.static_program("small_extension"))
    echo = executable(toolbox.static_program("echo_runtime"))
    arn = extension_layer(layer, small_extension=program)
    function = deploy({"bootstrap": echo}, Runtime="provided.al2023", Handler="none", Layers=[arn])
    assert function.invoke({"a": "b"}).payload == {"a": "b"}
    function.delete()
    log_of(server, function, "small extension: {", '"eventType":"INVOKE"', '"shutdownReason":"spindown"')


def test_x_02_an_extension_learns_of_its_function(deploy, layer, server):
    code = """
        status, body = register()
        say(status, json.dumps(body))
        next_event()
    """
    function = deploy(HELLO, Layers=[extension_layer(layer, curious=code)])
    assert function.invoke({}).error is None
    log = log_of(server, function, "curious 200")
    expected = {"functionName": function.name, "functionVersion": "$LATEST", "handler": "app.handler"}
    assert json.loads(log.split("curious 200 ")[1].splitlines()[0]) == expected
    assert "EXTENSION\tName: curious\tState: Ready\tEvents: []\n" in log


def test_x_07_an_extension_sees_the_functions_variables_but_not_the_runtimes(deploy, layer, server):
    code = """
        say("sees", json.dumps(dict(os.environ)))
        say("in", os.getcwd())
        register()
        next_event()
    """
    function = deploy(
        HELLO, Layers=[extension_layer(layer, seer=code)], Environment={"Variables": {"MINE": "yes"}}
    )
    function.invoke({})
    log = log_of(server, function, "seer sees", "seer in")
    seen = json.loads(log.split("seer sees ")[1].splitlines()[0])
    assert seen["MINE"] == "yes"
    for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_LAMBDA_FUNCTION_NAME"):
        assert name in seen, name
    hidden = {
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR", "AWS_XRAY_CONTEXT_MISSING",
    }  # fmt: skip
    assert not hidden & set(seen)
    assert not [name for name in seen if name.startswith("_") and name != "_"]
    assert "seer in /\n" in log


def test_x_03_an_internal_extension_is_part_of_the_runtime(deploy, server):
    function = deploy(
        {
            "inner.py": python_extension("").data.decode().replace("#!/usr/bin/python3 -u", ""),
            "app.py": """
import threading, inner
print("registered", inner.register("INVOKE", name="inner"))
print("refused", inner.call("POST", "/2020-01-01/extension/register", {"events": ["SHUTDOWN"]}, Lambda_Extension_Name="other")[2])
def listen():
    while True:
        print("inner", inner.next_event()["requestId"])
threading.Thread(target=listen, daemon=True).start()
def handler(event, context):
    return context.aws_request_id
""",
        }
    )
    outcome = function.invoke({})
    log = log_of(server, function, f"inner {outcome.payload}")
    assert "EXTENSION\tName: inner\tState: Ready\tEvents: [INVOKE]\n" in log
    assert "Extension.InvalidEventType" in log


@pytest.mark.parametrize(
    "code, error_type, message",
    [
        ("sys.exit(3)", "Extension.Crash", "exit status 3"),
        ("register('INVOKE')\nsys.exit(0)", "Extension.Crash", "exit code 0"),
        (
            "register('INVOKE')\n"
            "say(call('POST', '/2020-01-01/extension/init/error', {}, Lambda_Extension_Function_Error_Type='My.Reason'))\n"
            "sys.exit(1)",
            "Extension.InitError",
            "exit status 1",
        ),
        (
            "register('INVOKE')\n"
            "call('POST', '/2020-01-01/extension/exit/error', {}, Lambda_Extension_Function_Error_Type='My.Reason')\n"
            "sys.exit(2)",
            "Extension.ExitError",
            "exit status 2",
        ),
    ],
)
def test_x_08_an_extension_that_fails_in_init_fails_the_environment(deploy, layer, server, code, error_type, message):
    # Long enough for an interpreter to start twice on a busy machine: the second time is in the invocation.
    function = deploy(HELLO, Layers=[extension_layer(layer, failing=code)], Timeout=30)
    outcome = function.invoke({})
    assert outcome.error == "Unhandled"
    assert outcome.payload["errorType"] == error_type
    assert outcome.payload["errorMessage"] == f"RequestId: {outcome.request_id} Error: {message}"
    log = log_of(server, function, f"Phase: init\tStatus: error\tError Type: {error_type}\n", "Phase: invoke\t")
    assert f"Status: error\tError Type: {error_type}" in outcome.log
    if "My.Reason" in code:
        assert "Error Type: My.Reason\n" in log
    assert "handled" not in log


def test_x_06_a_program_that_cannot_be_started_is_a_launch_error(deploy, layer, server):
    arn = layer({"extensions/plain": Raw("no program")})
    function = deploy(HELLO, Layers=[arn])
    outcome = function.invoke({})
    assert outcome.payload["errorType"] == "Extension.LaunchError"
    assert "/opt/extensions/plain: permission denied" in outcome.payload["errorMessage"]
    log_of(server, function, "EXTENSION\tName: plain\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n")


def test_x_01_ten_extensions_are_enough(deploy, layer, server):
    quiet = python_extension("register()\nnext_event()")
    ten = layer({f"extensions/e{n:02}": quiet for n in range(10)})
    function = deploy(HELLO, Layers=[ten], MemorySize=512)
    assert function.invoke({}).error is None
    eleven = layer({f"extensions/e{n:02}": quiet for n in range(11)})
    function = deploy(HELLO, Layers=[eleven], MemorySize=512)
    assert function.invoke({}).payload["errorType"] == "Extension.LaunchError"
    log_of(server, function, "EXTENSION\tName: e10\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions\n")


def test_l_08_the_caller_does_not_wait_for_extensions_but_the_invocation_does(deploy, layer, server):
    code = """
        register("INVOKE")
        while True:
            next_event()
            time.sleep(1)
            say("worked")
    """
    function = deploy(HELLO, Layers=[extension_layer(layer, slow=code)])
    function.invoke({}, LogType="None")
    started = time.monotonic()
    outcome = function.client.invoke(FunctionName=function.name, Payload=b"{}")
    outcome["Payload"].read()
    # The first one's extension was still at work; this one's did not hold up the answer.
    assert time.monotonic() - started < 1.9
    log = log_of(server, function, "slow worked")
    reports = re.findall(r"REPORT .*\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms", log)
    # B-07: the time of extensions is the function's.
    assert float(reports[0][0]) >= 1000 and int(reports[0][1]) >= 1000


def test_l_09_after_a_timeout_extensions_are_told_and_started_again(deploy, layer, server):
    code = "import time\ndef handler(event, context):\n    time.sleep(event.get('s', 0))\n"
    # Long enough for an initialization within an invocation, on a slow machine too.
    function = deploy(code, Layers=[extension_layer(layer, listener=LISTENER)], Timeout=4)
    assert function.invoke({"s": 20}).payload["errorType"] == "Sandbox.Timedout"
    log = log_of(server, function, '"shutdownReason": "timeout"')
    assert function.invoke({}).error is None
    log = log_of(server, function, '"shutdownReason": "timeout"')
    kinds = [event["eventType"] for event in events_in(log, "listener")]
    assert kinds == ["INVOKE", "SHUTDOWN", "INVOKE"]
    # The second initialization was a part of the second invocation.
    assert log.count("EXTENSION\tName: listener\tState: Ready") == 2


def test_l_09_after_a_crash_extensions_are_told_of_a_failure(deploy, layer, server):
    code = "import os\ndef handler(event, context):\n    os._exit(4)\n"
    function = deploy(code, Layers=[extension_layer(layer, listener=LISTENER)])
    assert function.invoke({}).payload["errorType"] == "Runtime.ExitError"
    log_of(server, function, '"shutdownReason": "failure"')


def test_an_extension_that_crashes_in_an_invocation_fails_it(deploy, layer, server):
    code = """
        register("INVOKE")
        next_event()
        sys.exit(5)
    """
    function = deploy(
        "import time\ndef handler(event, context):\n    time.sleep(3)\n", Layers=[extension_layer(layer, crashing=code)]
    )
    outcome = function.invoke({})
    assert outcome.payload["errorType"] == "Extension.Crash"
    assert outcome.payload["errorMessage"].endswith("Error: exit status 5")
    assert "Status: error\tError Type: Extension.Crash" in outcome.log


def test_an_extension_that_never_asks_for_more_runs_into_the_timeout(deploy, layer, server):
    code = """
        register("INVOKE")
        next_event()
        time.sleep(60)
    """
    function = deploy(HELLO, Layers=[extension_layer(layer, stuck=code)], Timeout=1)
    outcome = function.invoke({})
    # The response was good, and the caller has it; the invocation is reported as it went on.
    assert (outcome.error, outcome.payload) == (None, {})
    assert "Task timed out after 1.00 seconds" in outcome.log
    assert "Status: timeout" in outcome.log


SIGNALLED = """
import os, signal, time
def end(number, frame):
    print("runtime got signal", number)
    time.sleep(float(os.environ.get("LINGER", 0)))
    os._exit(0)
signal.signal(signal.SIGTERM, end)
def handler(event, context):
    return 1
"""


def test_l_12_l_13_the_runtime_is_told_of_the_end_if_there_are_extensions(deploy, layer, server):
    with_extension = deploy(SIGNALLED, Layers=[extension_layer(layer, listener=LISTENER)])
    without = deploy(SIGNALLED)
    for function in (with_extension, without):
        assert function.invoke({}).payload == 1
        function.delete()
    log = log_of(server, with_extension, "runtime got signal 15", '"shutdownReason": "spindown"')
    # L-09: the runtime first.
    assert log.index("runtime got signal") < log.index("spindown")
    assert "runtime got signal" not in log_of(server, without, "REPORT")


def test_l_11_the_time_to_shut_down_is_bounded(deploy, layer, server):
    stuck = """
        register("INVOKE", "SHUTDOWN")
        while True:
            event = next_event()
            if event["eventType"] == "SHUTDOWN":
                say("told, with", event["deadlineMs"] / 1000 - time.time())
                time.sleep(1)
                say("still there")
                time.sleep(60)
                say("too late")
    """
    unaware = "register('INVOKE')\nwhile True:\n    next_event()\n"
    function = deploy(
        SIGNALLED,
        Layers=[extension_layer(layer, stuck=stuck, unaware=unaware)],
        Environment={"Variables": {"LINGER": "60"}},
    )
    assert function.invoke({}).payload == 1
    function.delete()
    log = log_of(server, function, "still there")
    # Two seconds in all, of which the runtime had its share before it was killed.
    left = float(re.search(r"stuck told, with ([\d.]+)", log)[1])
    assert 1.0 < left <= 1.4, left
    time.sleep(1.5)
    assert "too late" not in log_of(server, function)


def test_a_secrets_cache_serves_the_handler(deploy, layer):
    cache = """
        import threading
        from http.server import BaseHTTPRequestHandler, HTTPServer

        class Secrets(BaseHTTPRequestHandler):
            asked = 0
            def do_GET(self):
                Secrets.asked += 1
                body = json.dumps({"secret": self.path, "asked": Secrets.asked, "token": self.headers["X-Token"]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *words):
                pass

        server = HTTPServer(("localhost", 2773), Secrets)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        register("SHUTDOWN")
        next_event()
    """
    function = deploy(
        """
        import json, os, urllib.request
        def handler(event, context):
            request = urllib.request.Request(f"http://localhost:2773/{event['name']}", headers={"X-Token": os.environ["AWS_SESSION_TOKEN"][:4]})
            return json.loads(urllib.request.urlopen(request, timeout=5).read())
        """,
        Layers=[extension_layer(layer, cache=cache)],
    )
    assert [function.invoke({"name": name}).payload["secret"] for name in ("a", "b")] == ["/a", "/b"]
    assert function.invoke({"name": "c"}).payload["asked"] == 3


def test_l_14_an_environment_with_extensions_is_frozen_when_all_wait(deploy, layer, server):
    code = """
        register("INVOKE")
        import threading
        ticks = 0
        def tick():
            global ticks
            while True:
                time.sleep(0.01)
                ticks += 1
        threading.Thread(target=tick, daemon=True).start()
        while True:
            next_event()
            say("ticks", ticks)
    """
    function = deploy(HELLO, Layers=[extension_layer(layer, ticking=code)])
    function.invoke({})
    time.sleep(2)
    function.invoke({})
    log = log_of(server, function)
    first, second = (int(ticks) for ticks in re.findall(r"ticking ticks (\d+)", log))
    assert second - first < 100, "it ran while it was idle"
