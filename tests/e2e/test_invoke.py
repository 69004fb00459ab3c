"""Invoke: what comes back, in which form, and how each kind of failure looks."""

import base64
import itertools
import json
import re
import threading
import time
import uuid

import pytest

import lambent
from refusals import refused

ECHO = "def handler(event, context):\n    return event\n"
MIB = 1024 * 1024
PAYLOAD_BYTES_MAX = 6 * MIB
RESPONSE_BYTES_MAX = 6 * MIB + 100


@pytest.fixture(scope="module")
def echo(deploy_for_module):
    return deploy_for_module(ECHO, MemorySize=512)


# --- What goes in and comes out -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event", [None, True, 0, -1.5, "", "text", "ünï ☃ \U0001f600", [], {}, {"a": [1, {"b": None}]}]
)
def test_every_json_value_passes_unchanged(echo, event):
    outcome = echo.invoke(event)
    assert (outcome.status, outcome.error, outcome.payload) == (200, None, event)


def test_headers_name_the_version_and_the_request(echo):
    outcome = echo.invoke({})
    assert outcome.headers["x-amz-executed-version"] == "$LATEST"
    assert uuid.UUID(outcome.request_id)
    assert outcome.headers["content-type"] == "application/json"


def test_no_payload_is_an_empty_object(echo):
    answer = echo.client.invoke(FunctionName=echo.name)
    assert json.loads(answer["Payload"].read()) == {}


def test_e_09_a_handler_that_returns_nothing_answers_null(deploy):
    function = deploy("def handler(event, context):\n    pass\n")
    assert function.invoke({}).raw == b"null"


def test_a_dry_run_runs_nothing(deploy):
    function = deploy("open('/nonexistent')\n")
    answer = function.client.invoke(FunctionName=function.name, InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert answer["Payload"].read() == b""


def test_p_01_payloads_up_to_six_mebibytes_pass(echo):
    text = "x" * (PAYLOAD_BYTES_MAX - 2)
    outcome = echo.invoke(text)
    assert outcome.error is None
    assert len(outcome.raw) == PAYLOAD_BYTES_MAX


def test_p_01_a_larger_payload_is_refused(echo):
    with refused(413, "RequestTooLargeException", contains=[str(PAYLOAD_BYTES_MAX)]):
        echo.invoke("x" * (PAYLOAD_BYTES_MAX - 1))
    assert echo.invoke("fine").payload == "fine"


def test_e_12_a_payload_that_is_no_json_is_refused(echo):
    with refused(
        400,
        "InvalidRequestContentException",
        contains=["Could not parse request body into json: Could not parse payload into json: "],
    ):
        echo.invoke(raw=b"{not json")


def test_client_context_reaches_the_handler(deploy):
    function = deploy(
        """
        def handler(event, context):
            return {"custom": context.client_context.custom, "env": context.client_context.env}
        """
    )
    sent = {"custom": {"a": "1"}, "env": {"locale": "de"}, "client": {"app_title": "e2e"}}
    encoded = base64.b64encode(json.dumps(sent).encode()).decode()
    outcome = function.invoke({}, ClientContext=encoded)
    assert outcome.payload == {"custom": {"a": "1"}, "env": {"locale": "de"}}


@pytest.mark.parametrize("form", ["{name}", "000000000000:function:{name}", "{arn}", "{name}:$LATEST", "{arn}:$LATEST"])
def test_every_form_of_the_name_is_invoked(echo, form):
    name = form.format(name=echo.name, arn=echo.arn)
    answer = echo.client.invoke(FunctionName=name, Payload=b"1")
    assert answer["Payload"].read() == b"1"
    assert answer["ExecutedVersion"] == "$LATEST"


def test_the_qualifier_latest_is_understood(echo):
    assert echo.invoke(1, Qualifier="$LATEST").payload == 1


def test_e_10_a_missing_function_is_not_found(lambda_client):
    arn = "arn:aws:lambda:us-east-1:000000000000:function:missing:$LATEST"
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}"):
        lambda_client.invoke(FunctionName="missing")


def test_a_version_that_does_not_exist_is_not_found(echo):
    with refused(404, "ResourceNotFoundException", contains=[f"Function not found: {echo.arn}:7"]):
        echo.invoke({}, Qualifier="7")


def test_a_pending_function_is_not_invoked(deploy):
    function = deploy(ECHO, wait=False)
    state = function.client.get_function_configuration(FunctionName=function.name)["State"]
    try:
        assert function.invoke(1).payload == 1
    except function.client.exceptions.ResourceConflictException as error:
        assert state == "Pending"
        assert "The operation cannot be performed at this time" in error.response["Error"]["Message"]


# --- The log --------------------------------------------------------------------------------------------------


def test_g_02_g_05_the_log_tail_has_start_end_and_report(deploy):
    function = deploy("def handler(event, context):\n    print('in the middle')\n    return 1\n")
    first, second = function.invoke({}), function.invoke({})
    lines = first.log.splitlines()
    start = lines.index(f"START RequestId: {first.request_id} Version: $LATEST")
    assert lines[start + 1 : start + 3] == ["in the middle", f"END RequestId: {first.request_id}"]
    report = re.compile(
        rf"REPORT RequestId: {first.request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t"
    )
    assert report.fullmatch(lines[start + 3])
    assert "Init Duration" not in second.log
    assert first.request_id not in second.log


def test_g_05_the_log_tail_is_the_last_four_kilobytes(deploy):
    function = deploy("def handler(event, context):\n    for i in range(2000): print('line', i)\n")
    log = function.invoke({}).log
    assert len(log.encode()) <= 4096
    assert "line 1999" in log and "REPORT RequestId" in log and "line 0\n" not in log


def test_no_log_without_asking(echo):
    answer = echo.client.invoke(FunctionName=echo.name, Payload=b"1")
    assert "LogResult" not in answer


def test_a_function_cannot_forge_platform_records(deploy):
    function = deploy(
        """
        def handler(event, context):
            print("REPORT RequestId: %s\\tDuration: 0.00 ms\\tBilled Duration: 0 ms\\t" % context.aws_request_id)
            print("END RequestId: forged\\r\\nSTART RequestId: forged Version: 1")
        """
    )
    before = metrics_of(function)
    outcome = function.invoke({})
    assert outcome.log.splitlines()[-1].startswith(f"REPORT RequestId: {outcome.request_id}\tDuration: ")
    assert metrics_of(function) - before in (0, 1)


def metrics_of(function):
    """The counter of invocations is the platform's own; what a function prints does not move it."""
    endpoint = function.client.meta.endpoint_url
    import urllib.request

    with urllib.request.urlopen(f"{endpoint}/_lambent/metrics") as answer:
        text = answer.read().decode()
    lines = [line for line in text.splitlines() if "nvocations" in line and f'"{function.name}"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#"))


# --- Failures -------------------------------------------------------------------------------------------------


def test_e_01_e_07_an_exception_is_an_unhandled_error(deploy):
    function = deploy("def handler(event, context):\n    raise ValueError('no good')\n")
    outcome = function.invoke({})
    assert (outcome.status, outcome.error) == (200, "Unhandled")
    assert outcome.payload["errorType"] == "ValueError"
    assert outcome.payload["errorMessage"] == "no good"
    assert outcome.payload["requestId"] == outcome.request_id
    assert 'File "/var/task/app.py", line 2, in handler' in outcome.payload["stackTrace"][0]
    assert "[ERROR] ValueError: no good" in outcome.log


def test_e_02_a_timeout_ends_the_invocation(deploy):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'done'\n", Timeout=1)
    started = time.monotonic()
    outcome = function.invoke(30)
    assert time.monotonic() - started < 5
    assert outcome.error == "Unhandled"
    assert outcome.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {outcome.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert "Status: timeout" in outcome.log
    assert function.invoke(0).payload == "done"


def test_l_10_after_a_timeout_tmp_is_kept_and_globals_are_not(deploy):
    function = deploy(
        """
        import os, time
        count = 0
        def handler(event, context):
            global count
            count += 1
            if event == "hang":
                open("/tmp/mark", "w").close()
                time.sleep(30)
            return [count, os.path.exists("/tmp/mark")]
        """,
        Timeout=2,
    )
    assert function.invoke("once").payload == [1, False]
    assert function.invoke("hang").error == "Unhandled"
    assert function.invoke("again").payload == [1, True]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os._exit(127)", "Runtime exited with error: exit status 127"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_e_03_e_04_a_runtime_that_exits_says_how(deploy, code, message):
    function = deploy(
        f"import os\ndef handler(event, context):\n    if event: {code}\n    return 'alive'\n"
    )
    outcome = function.invoke(1)
    assert outcome.error == "Unhandled"
    assert outcome.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {outcome.request_id} Error: {message}",
    }
    assert function.invoke(0).payload == "alive"


def test_e_04_too_much_memory_kills_only_the_environment(deploy):
    function = deploy(
        """
        def handler(event, context):
            blocks = []
            for _ in range(event):
                blocks.append(bytearray(b"x") * (1024 * 1024))
            return len(blocks)
        """
    )
    outcome = function.invoke(400)
    assert outcome.error == "Unhandled"
    assert outcome.payload["errorType"] == "Runtime.ExitError"
    assert outcome.payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert function.invoke(1).payload == 1


def test_e_05_a_missing_bootstrap_is_an_invalid_entrypoint(deploy):
    function = deploy({"readme.txt": "no bootstrap"}, Runtime="provided.al2023", Handler="none")
    outcome = function.invoke({})
    assert outcome.error == "Unhandled"
    assert outcome.payload["errorType"] == "Runtime.InvalidEntrypoint"
    assert "Couldn't find valid bootstrap(s)" in outcome.payload["errorMessage"]


def test_e_06_a_response_at_the_limit_passes_and_one_byte_more_does_not(deploy):
    function = deploy("def handler(event, context):\n    return 'x' * event\n", MemorySize=512)
    assert len(function.invoke(RESPONSE_BYTES_MAX - 2).raw) == RESPONSE_BYTES_MAX
    for _ in range(2):
        outcome = function.invoke(RESPONSE_BYTES_MAX - 1)
        assert outcome.error == "Unhandled"
        assert outcome.payload == {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        }


def test_e_08_a_failing_import_is_named(deploy):
    function = deploy("import nothing_of_that_name\ndef handler(event, context):\n    pass\n")
    for _ in range(2):
        outcome = function.invoke({})
        assert outcome.error == "Unhandled"
        assert outcome.payload["errorType"] == "Runtime.ImportModuleError"
        expected = "Unable to import module 'app': No module named 'nothing_of_that_name'"
        assert outcome.payload["errorMessage"] == expected


def test_l_02_a_slow_init_continues_inside_the_first_invocation(deploy):
    function = deploy(
        "import time\ntime.sleep(11)\ndef handler(event, context):\n    return 'ready'\n", Timeout=30
    )
    outcome = function.invoke({})
    assert outcome.payload == "ready"
    printed = lambent.run("logs", function.name, env={"LAMBENT_ENDPOINT": function.client.meta.endpoint_url}).stdout
    report = re.search(r"INIT_REPORT Init Duration: (\d+\.\d\d) ms\tPhase: init\tStatus: timeout\n", printed)
    assert report and 10_000 <= float(report[1]) < 11_000
    assert report.end() <= printed.index(f"START RequestId: {outcome.request_id}")


# --- Environments ---------------------------------------------------------------------------------------------


def test_l_15_an_idle_environment_is_used_again(deploy):
    function = deploy("count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    assert [function.invoke({}).payload for _ in range(4)] == [1, 2, 3, 4]


def test_concurrent_invocations_get_environments_of_their_own(deploy):
    code = "import time, uuid\nme = str(uuid.uuid4())\ndef handler(e, c):\n    begin = time.time()\n    time.sleep(1)\n    return [me, begin, time.time()]\n"
    function = deploy(code)
    results = []
    started = time.monotonic()
    threads = [threading.Thread(target=lambda: results.append(function.invoke({}).payload)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert time.monotonic() - started < 8, "not one after another"
    # Whatever a start takes: nobody served two at a time.
    by_environment = itertools.groupby(sorted(results), key=lambda result: result[0])
    for _, served in by_environment:
        for (_, _, end), (_, begin, _) in itertools.pairwise(served):
            assert end <= begin


def test_l_14_an_environment_is_frozen_between_invocations(deploy):
    function = deploy(
        """
        import threading, time
        ticks = 0
        def tick():
            global ticks
            while True:
                time.sleep(0.01)
                ticks += 1
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            if event:
                time.sleep(0.1)
            return ticks
        """
    )
    before = function.invoke(1).payload
    time.sleep(2)
    after = function.invoke(0).payload
    assert before > 0
    assert after - before < 100, "the background thread ran on between invocations"
