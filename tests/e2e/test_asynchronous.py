"""Asynchronous invocation (B.9): accepted means kept, and every event has one end."""

import json
import re
import threading
import time
import uuid
from datetime import datetime

import pytest

from functions import Deployer, Function, log_of
from packages import make_zip
from refusals import refused

#: The wait after a first error on these servers, seconds.
WAIT = 1

#: Prints what it got, with a mark that finds it again.
ECHOES = "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event) + ' ' + context.aws_request_id)\n"
FAILS = "def handler(event, context):\n    raise ValueError('no ' + str(event))\n"


@pytest.fixture(scope="module")
def impatient(module_servers):
    """A server that tries again soon."""
    server = module_servers.start("--no-sdk", "--async-retry-wait-seconds", str(WAIT))
    yield server
    server.stop()


@pytest.fixture
def deploy_here(impatient, python_runtime):
    deployer = Deployer(impatient.client(), python_runtime)
    yield deployer
    deployer.close()


def send(function, event, **options):
    """Sends an event; its request id."""
    answer = function.client.invoke(
        FunctionName=function.name, InvocationType="Event", Payload=json.dumps(event), **options
    )
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    return answer["ResponseMetadata"]["RequestId"]


def got(server, function, count, timeout_s=30):
    """What an ECHOES function got, once there are so many: pairs of the event and its request id."""
    deadline = time.monotonic() + timeout_s
    while True:
        text = log_of(server, function)
        found = re.findall(r"^GOT (.*) ([0-9a-f-]{36})$", text, re.MULTILINE)
        if len(found) >= count:
            return [(json.loads(event), request_id) for event, request_id in found]
        assert time.monotonic() < deadline, f"{len(found)} of {count}\n{text}"
        time.sleep(0.05)


def metric(server, name, function):
    """The sum of a counter over a function's versions."""
    text = server.get("/_lambent/metrics")[2].decode()
    values = re.findall(rf'^aws_lambda_{name}{{.*FunctionName="{function.name}".*}} (\S+)$', text, re.MULTILINE)
    return sum(float(value) for value in values)


def tell(function, qualifier=None, **config):
    """Configures what becomes of the function's events."""
    name = {"FunctionName": function.name, **({"Qualifier": qualifier} if qualifier else {})}
    function.client.put_function_event_invoke_config(**name, **config)


def destinations(on_success=None, on_failure=None):
    config = {}
    if on_success:
        config["OnSuccess"] = {"Destination": on_success.arn}
    if on_failure:
        config["OnFailure"] = {"Destination": on_failure.arn}
    return config


def test_a_01_an_accepted_event_runs(impatient, deploy_here):
    function = deploy_here(ECHOES)
    request_id = send(function, {"n": 1})
    assert got(impatient, function, 1) == [({"n": 1}, request_id)]
    assert metric(impatient, "AsyncEventsReceived_total", function) == 1
    assert metric(impatient, "AsyncEventAge_milliseconds_count", function) == 1
    assert metric(impatient, "AsyncEventsDropped_total", function) == 0


def test_a_01_what_does_not_exist_is_not_accepted(deploy_here):
    function = deploy_here(ECHOES)
    client = function.client
    for name, qualifier in [("not-there", "$LATEST"), (function.name, "7"), (function.name, "no-alias")]:
        with refused(404, "ResourceNotFoundException"):
            client.invoke(FunctionName=name, Qualifier=qualifier, InvocationType="Event", Payload=b"{}")
    with refused(400, "InvalidRequestContentException"):
        client.invoke(FunctionName=function.name, InvocationType="Event", Payload=b"{")


def test_p_01_an_event_has_one_megabyte(impatient, deploy_here):
    function = deploy_here("def handler(event, context):\n    print('GOT', len(event), context.aws_request_id)\n")
    largest = "x" * (1024 * 1024 - 2)
    request_id = send(function, largest)
    assert got(impatient, function, 1) == [(len(largest), request_id)]
    with refused(413, "RequestTooLargeException", contains=["1048576"]):
        send(function, largest + "x")


def test_invoke_async_is_the_older_way(impatient, deploy_here):
    function = deploy_here(ECHOES)
    answer = function.client.invoke_async(FunctionName=function.name, InvokeArgs=b'{"old": true}')
    assert answer["Status"] == 202
    assert got(impatient, function, 1)[0][0] == {"old": True}
    with refused(413, "RequestTooLargeException"):
        function.client.invoke_async(FunctionName=function.name, InvokeArgs=b'"' + b"x" * 256 * 1024 + b'"')
    for no_json in (b"{", b""):
        with refused(400, "InvalidRequestContentException"):
            function.client.invoke_async(FunctionName=function.name, InvokeArgs=no_json)
    with refused(404, "ResourceNotFoundException"):
        function.client.invoke_async(FunctionName="not-there", InvokeArgs=b"{}")


def test_a_02_g_03_an_error_is_tried_twice_more_with_the_same_request_id(impatient, deploy_here):
    function = deploy_here(FAILS)
    started = time.monotonic()
    request_id = send(function, 1)
    text = log_of(impatient, function, timeout_s=1)
    while text.count("\nEND ") < 3 and time.monotonic() - started < 30:
        time.sleep(0.1)
        text = log_of(impatient, function)
    took = time.monotonic() - started
    assert re.findall(r"^START RequestId: (\S+)", text, re.MULTILINE) == [request_id] * 3
    assert took >= 3 * WAIT, "after one wait, then after twice as long"
    time.sleep(4 * WAIT)
    assert log_of(impatient, function).count("\nEND ") == 3
    assert metric(impatient, "Errors_total", function) == 3
    assert metric(impatient, "AsyncEventsDropped_total", function) == 1


def test_a_04_retries_are_configured_for_each_qualifier(impatient, deploy_here):
    function = deploy_here(FAILS)
    function.client.publish_version(FunctionName=function.name)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    tell(function, MaximumRetryAttempts=0)
    tell(function, qualifier="live", MaximumRetryAttempts=1)
    ids = {send(function, 0): 1, send(function, 0, Qualifier="live"): 2, send(function, 0, Qualifier="1"): 3}
    time.sleep(5 * WAIT)
    text = log_of(impatient, function)
    assert {request_id: text.count(f"START RequestId: {request_id}") for request_id in ids} == ids


def test_a_05_destinations_get_a_record(impatient, deploy_here):
    sink = deploy_here(ECHOES)
    function = deploy_here("def handler(event, context):\n    if event['fail']:\n        raise ValueError('no')\n    return [1]\n")
    tell(function, MaximumRetryAttempts=1, DestinationConfig=destinations(sink, sink))
    well = send(function, {"fail": False})
    [(record, _)] = got(impatient, sink, 1)
    assert abs(time.time() - datetime.fromisoformat(record["timestamp"]).timestamp()) < 60
    assert record == {
        "version": "1.0",
        "timestamp": record["timestamp"],
        "requestContext": {
            "requestId": well,
            "functionArn": f"{function.arn}:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"fail": False},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": [1],
    }
    failed = send(function, {"fail": True})
    record = got(impatient, sink, 2)[1][0]
    assert record["requestContext"] == {
        "requestId": failed,
        "functionArn": f"{function.arn}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "no"


def test_a_06_a_retry_that_would_come_too_late_ends_the_event_at_once(fresh_server, deploy_to):
    patient = fresh_server()
    deploy = deploy_to(patient)
    sink, function = deploy(ECHOES), deploy(FAILS)
    tell(function, MaximumEventAgeInSeconds=60, DestinationConfig=destinations(on_failure=sink))
    send(function, 1)
    context = got(patient, sink, 1, timeout_s=10)[0][0]["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


def test_a_09_without_concurrency_an_event_ends_untried(impatient, deploy_here):
    sink, function = deploy_here(ECHOES), deploy_here(ECHOES)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    tell(function, DestinationConfig=destinations(on_failure=sink))
    send(function, {"n": 1})
    record = got(impatient, sink, 1, timeout_s=10)[0][0]
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record and "responsePayload" not in record
    assert metric(impatient, "AsyncEventsDropped_total", function) == 1


def test_a_10_waiting_events_run_the_code_of_the_day(impatient, deploy_here):
    old = "import time\ndef handler(event, context):\n    time.sleep(event)\n    print('GOT \"old\"', context.aws_request_id)\n"
    function = deploy_here(old)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    send(function, 3)
    for _ in range(5):
        send(function, 0)
    new = {"app.py": "def handler(event, context):\n    print('GOT \"new\"', context.aws_request_id)\n"}
    function.client.update_function_code(FunctionName=function.name, ZipFile=make_zip(new))
    ran = [event for event, _ in got(impatient, function, 6)]
    assert ran == ["old"] + ["new"] * 5


def test_a_12_what_was_accepted_survives_a_crash(fresh_server, deploy_to, tmp_path):
    server = fresh_server(data_dir=tmp_path / "data")
    function = deploy_to(server)(ECHOES)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    accepted = {send(function, number) for number in range(50)}
    server.kill()
    server = fresh_server(data_dir=tmp_path / "data")
    again = Function(server.client(), function.name, function.arn)
    deadline = time.monotonic() + 30
    while True:
        ran = {request_id for _, request_id in got(server, again, 1)}
        if ran >= accepted:
            break
        assert time.monotonic() < deadline, f"lost: {accepted - ran}"
        time.sleep(0.1)
    assert ran == accepted


def invoke_within(function, trace_id, kind="RequestResponse"):
    """Invokes as an SDK does inside of a function: with the trace of what it is part of."""
    client = function.client

    def add(request, **_):
        request.headers["X-Amzn-Trace-Id"] = trace_id

    client.meta.events.register("before-sign.lambda.Invoke", add, unique_id="trace")
    try:
        answer = client.invoke(FunctionName=function.name, InvocationType=kind, Payload=b"{}")
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", unique_id="trace")
    return answer["Payload"].read()


def test_a_13_a_chain_that_comes_back_sixteen_times_is_a_loop(impatient, deploy_here):
    sink = deploy_here(ECHOES)
    function = deploy_here("import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
    tell(function, DestinationConfig=destinations(on_failure=sink))
    header = function.invoke({}).payload
    for hops in range(1, 16):
        header = json.loads(invoke_within(function, header))
        assert re.search(rf"Lineage=[0-9a-f]{{8}}:{hops}$", header), header
    words = "Lambda has detected your function being invoked in a recursive loop with other AWS resources"
    with refused(400, "RecursiveInvocationException", contains=[words]):
        invoke_within(function, header)
    # An event is accepted, and its chain ends there.
    invoke_within(function, header, "Event")
    context = got(impatient, sink, 1, timeout_s=10)[0][0]["requestContext"]
    assert context["approximateInvokeCount"] == 0
    assert metric(impatient, "RecursiveInvocationsDropped_total", function) == 2
    function.client.put_function_recursion_config(FunctionName=function.name, RecursiveLoop="Allow")
    assert json.loads(invoke_within(function, header)).endswith(":16")


def test_a_13_destinations_that_lead_back_are_a_loop(impatient, deploy_here):
    first, second = deploy_here(ECHOES), deploy_here(ECHOES)
    tell(first, DestinationConfig=destinations(on_success=second))
    tell(second, DestinationConfig=destinations(on_success=first))
    send(first, 1)
    deadline = time.monotonic() + 30
    while metric(impatient, "RecursiveInvocationsDropped_total", first) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(got(impatient, first, 1)) == len(got(impatient, second, 1)) == 16


def test_the_backlog_of_one_function_delays_no_other(impatient, deploy_here):
    slow = deploy_here("import time\ndef handler(event, context):\n    time.sleep(1)\n", MemorySize=128)
    quick = deploy_here(ECHOES)
    quick.invoke(0)
    for number in range(400):
        send(slow, number)
    for number in range(5):
        sent = time.monotonic()
        send(quick, number)
        got(impatient, quick, number + 2)
        assert time.monotonic() - sent < 5


def wait_for_ends(server, function, count, timeout_s=60):
    """Waits until so many invocations have ended."""
    deadline = time.monotonic() + timeout_s
    while metric(server, "Duration_milliseconds_count", function) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started(server):
    text = server.get("/_lambent/metrics")[2].decode()
    return int(re.search(r"^lambent_environments_started_total (\d+)$", text, re.MULTILINE).group(1))


def test_many_short_events_take_turns_instead_of_an_environment_each(impatient, deploy_here):
    function = deploy_here("import time\ndef handler(event, context):\n    time.sleep(event)\n", Timeout=30)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    send(function, 3)
    for _ in range(400):
        send(function, 0.001)
    before = started(impatient)
    function.client.delete_function_concurrency(FunctionName=function.name)
    wait_for_ends(impatient, function, 401)
    count = started(impatient) - before
    print(f"{count} environments were started")
    assert count < 90, "half of what waits would have one of its own"


def test_long_events_get_an_environment_each(impatient, deploy_here):
    function = deploy_here("import time\ndef handler(event, context):\n    time.sleep(event)\n", Timeout=30)
    began = time.monotonic()
    for _ in range(16):
        send(function, 2)
    wait_for_ends(impatient, function, 16)
    assert time.monotonic() - began < 16, "not one after the other, nor two"


def test_a_function_that_is_deleted_takes_its_events_with_it(impatient, deploy_here):
    function = deploy_here(ECHOES)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    for number in range(20):
        send(function, number)
    function.client.delete_function(FunctionName=function.name)
    deadline = time.monotonic() + 20
    while metric(impatient, "AsyncEventsDropped_total", function) + metric(impatient, "Invocations_total", function) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_reset_forgets_what_waits(fresh_server, deploy_to):
    server = fresh_server("--async-retry-wait-seconds", "2")
    function = deploy_to(server)(FAILS)
    send(function, 1)
    log_of(server, function, "END RequestId")
    server.get("/_lambent/reset", method="POST")
    time.sleep(3)
    again = deploy_to(server)(ECHOES, FunctionName=function.name)
    assert "START" not in log_of(server, again)


def test_a_target_that_is_not_there_is_tried_again_and_counted(impatient, deploy_here):
    sink, function = deploy_here(ECHOES), deploy_here(FAILS)
    tell(function, MaximumRetryAttempts=0, DestinationConfig=destinations(on_failure=sink))
    sink.client.delete_function(FunctionName=sink.name)
    request_id = send(function, 1)
    deadline = time.monotonic() + 10
    while metric(impatient, "DestinationDeliveryFailures_total", function) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    again = deploy_here(ECHOES, FunctionName=sink.name)
    record = got(impatient, again, 1, timeout_s=40)[0][0]
    assert record["requestContext"]["requestId"] == request_id


def test_many_senders_lose_nothing(impatient, deploy_here):
    function = deploy_here(ECHOES)
    sent, lock = set(), threading.Lock()

    def sender():
        for _ in range(50):
            request_id = send(function, 0)
            with lock:
                sent.add(request_id)

    senders = [threading.Thread(target=sender) for _ in range(8)]
    [thread.start() for thread in senders]
    [thread.join() for thread in senders]
    ran = [request_id for _, request_id in got(impatient, function, 400, timeout_s=60)]
    assert sorted(ran) == sorted(sent), "each once"


def test_i_04_a_callers_own_request_id_is_kept(impatient, deploy_here):
    function = deploy_here(ECHOES)
    own, client = str(uuid.uuid4()), function.client

    def add(request, **_):
        request.headers["X-Amzn-RequestId"] = own

    client.meta.events.register("before-sign.lambda.Invoke", add, unique_id="own")
    try:
        assert send(function, 7) == own
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", unique_id="own")
    assert got(impatient, function, 1) == [(7, own)]
