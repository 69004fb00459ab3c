"""The life of an execution environment as its log tells it: begun, broken, slow, old (B.1)."""

import re
import time

import pytest

from extensions import extension_layer
from functions import Deployer, log_of
from packages import executable
from refusals import refused

#: A runtime whose initialization fails once it can be told to end, and that says whether it was.
FAILING_RUNTIME = """#!/usr/bin/python3 -u
import http.client, json, os, signal, sys, time
API = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def terminated(*_):
    print("runtime was told to end", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, terminated)
API.request("POST", "/2018-06-01/runtime/init/error", json.dumps({"errorType": "No", "errorMessage": "no"}))
API.getresponse().read()
time.sleep(60)
"""


def test_l_01_the_first_event_waits_for_runtime_and_extensions(deploy, layer):
    slow = """
        register("INVOKE")
        time.sleep(3)
        while True:
            next_event()
    """
    function = deploy(
        "import time\nborn = time.time()\ndef handler(event, context):\n    return time.time() - born\n",
        Layers=[extension_layer(layer, slow=slow)],
        Timeout=20,
    )
    outcome = function.invoke({})
    init_ms = float(re.search(r"Init Duration: (\d+\.\d\d) ms", outcome.log)[1])
    assert init_ms >= 3_000
    assert outcome.payload >= 1.5, "the runtime was ready long before the extension"
    assert function.invoke({}).payload > outcome.payload, "the same environment"


def test_l_03_what_is_provisioned_may_take_longer_to_begin(deploy, server):
    function = deploy("import time\ntime.sleep(11)\ndef handler(event, context):\n    return 'ready'\n")
    client, name = function.client, function.name
    client.publish_version(FunctionName=name)
    client.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1)
    deadline = time.monotonic() + 40
    while (status := client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1"))["Status"] != "READY":
        assert status["Status"] == "IN_PROGRESS" and time.monotonic() < deadline, status
        time.sleep(0.2)
    assert function.invoke({}, Qualifier="1").payload == "ready"
    assert "INIT_REPORT" not in log_of(server, function), "ten seconds are the limit of those that are not provisioned"


def test_g_01_l_07_a_good_beginning_is_announced_and_not_reported(deploy, server):
    function = deploy("print('loading')\ndef handler(event, context):\n    print('handling')\n")
    outcome = function.invoke({})
    lines = log_of(server, function).splitlines()
    pattern = r"INIT_START Runtime Version: python:3\.\d+\.v\d+\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}"
    assert re.fullmatch(pattern, lines[0])
    assert lines[1:4] == ["loading", f"START RequestId: {outcome.request_id} Version: $LATEST", "handling"]
    assert not [line for line in lines if line.startswith("INIT_REPORT")]
    assert "Init Duration" in lines[-1]


def test_l_05_l_06_a_broken_beginning_is_told_twice_and_in_order(deploy, server):
    function = deploy("raise RuntimeError('broken')\n")
    request_id = function.invoke({}).request_id
    log = log_of(server, function)
    report = r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: {}\tStatus: error\tError Type: Runtime\.Unknown\n"
    pieces = [
        r"INIT_START Runtime Version: \S+\tRuntime Version ARN: \S+\n",
        r"\[ERROR\] RuntimeError: broken\n(?:.*\n)+?",
        report.format("init"),
        r"\[ERROR\] RuntimeError: broken\n(?:.*\n)+?",
        report.format("invoke"),
        rf"START RequestId: {request_id} Version: \$LATEST\n",
        r"Unknown application error occurred\nRuntime\.Unknown\n",
        rf"END RequestId: {request_id}\n",
        rf"REPORT RequestId: {request_id}\t.*\tStatus: error\tError Type: Runtime\.Unknown\n",
    ]
    assert re.fullmatch("".join(pieces), log), log


def test_l_16_environments_are_recycled_even_under_load(fresh_server, python_runtime):
    server = fresh_server("--environment-lifetime-seconds", "1")
    deployer = Deployer(server.client(), python_runtime)
    function = deployer("import uuid\nme = str(uuid.uuid4())\ndef handler(event, context):\n    return me\n")
    started, seen = time.monotonic(), []
    while len(set(seen)) < 3:
        assert time.monotonic() - started < 60
        outcome = function.invoke({})
        assert outcome.error is None
        seen.append(outcome.payload)
    assert time.monotonic() - started >= 2, "each of the first two had its second"
    changes = sum(before != after for before, after in zip(seen, seen[1:]))
    assert changes == 2, "nobody comes back"
    deployer.close()


def test_l_20_a_segmentation_fault_is_told_at_once(deploy):
    # On AWS the function hung until its timeout when this was recorded; nobody would miss that.
    function = deploy(
        "import ctypes\ndef handler(event, context):\n    return ctypes.string_at(0) if event else 'alive'\n", Timeout=30
    )
    started = time.monotonic()
    outcome = function.invoke(1)
    assert time.monotonic() - started < 15
    assert outcome.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {outcome.request_id} Error: Runtime exited with error: signal: segmentation fault",
    }
    assert function.invoke(0).payload == "alive"


@pytest.mark.parametrize("has_extension", [False, True])
def test_x_09_without_extensions_nobody_shuts_a_failed_runtime_down(deploy, layer, server, has_extension):
    waiting = 'register("INVOKE", "SHUTDOWN")\nwhile next_event()["eventType"] != "SHUTDOWN":\n    pass\n'
    layers = [extension_layer(layer, waiting=waiting)] if has_extension else []
    function = deploy(
        {"bootstrap": executable(FAILING_RUNTIME)}, Runtime="provided.al2023", Handler="none", Layers=layers, Timeout=10
    )
    outcome = function.invoke({})
    assert (outcome.error, outcome.payload["errorType"]) == ("Unhandled", "No")
    function.delete()
    assert ("runtime was told to end" in log_of(server, function)) == has_extension


@pytest.mark.parametrize("seconds", [0, 901])
def test_n_05_a_timeout_has_bounds(deploy, server, seconds):
    function = deploy("def handler(event, context):\n    return context.get_remaining_time_in_millis()\n", Timeout=1)
    assert 0 < function.invoke({}).payload <= 1_000
    update = server.client(parameter_validation=False).update_function_configuration
    with refused(400, "ValidationException", contains=["at 'timeout' failed to satisfy constraint"]):
        update(FunctionName=function.name, Timeout=seconds)
    update(FunctionName=function.name, Timeout=900)
    function.wait_updated()
    assert 890_000 < function.invoke({}).payload <= 900_000
