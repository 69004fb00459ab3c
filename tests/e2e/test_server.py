"""The server as a server: rude clients, ends in order, damage on its disk, and what functions see of it."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlparse

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import lambent
from functions import Deployer, Function
from refusals import refused

HELLO = "def handler(event, context):\n    print('said hello')\n    return 'hello'\n"
SLEEP = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'done'\n"
#: The server's own limit for headers, and some patience.
HEADER_TIMEOUT_S = 30 + 10


def connect(server):
    """A bare connection."""
    address = urlparse(server.endpoint)
    return socket.create_connection((address.hostname, address.port), timeout=HEADER_TIMEOUT_S)


# --- Clients --------------------------------------------------------------------------------------------------


def invoke_as(function, request_id):
    """Invokes with a request id of the caller's own."""
    client = function.client

    def add_header(request, **_):
        request.headers["x-amzn-RequestId"] = request_id

    client.meta.events.register("before-send.lambda.Invoke", add_header)
    try:
        return function.invoke({})
    finally:
        client.meta.events.unregister("before-send.lambda.Invoke", add_header)


def test_a_caller_may_name_its_request(deploy):
    function = deploy("def handler(event, context):\n    return context.aws_request_id\n")
    request_id = str(uuid.uuid4())
    outcome = invoke_as(function, request_id)
    assert (outcome.payload, outcome.request_id) == (request_id, request_id)
    assert f"START RequestId: {request_id} " in outcome.log
    with refused(400, "InvalidRequestContentException"):
        invoke_as(function, "my request")


def test_a_burst_of_connections_waits_for_a_busy_server(fresh_server):
    burst = min(1000, int(Path("/proc/sys/net/core/somaxconn").read_text()))
    server = fresh_server("--no-sdk")
    os.kill(server.process.pid, signal.SIGSTOP)
    connections = []
    try:
        connections = [connect(server) for _ in range(burst)]
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    for connection in connections:
        connection.sendall(b"GET /_lambent/health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    for connection in connections:
        with connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_clients_that_say_nothing_or_never_end_are_left(server):
    beginnings = [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "]
    connections = [connect(server) for _ in beginnings]
    for connection, beginning in zip(connections, beginnings, strict=True):
        connection.sendall(beginning)
    started = time.monotonic()
    for connection in connections:
        with connection:
            while connection.recv(4096):
                pass
    assert 5 < time.monotonic() - started < HEADER_TIMEOUT_S


def test_headers_are_bounded(server):
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 200_000 + b"\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_what_a_client_no_longer_waits_for_is_done_all_the_same(server, lambda_client, python_runtime):
    """A request whose client leaves once it is sent: the function is made whole, or not at all."""
    impatient = server.client(read_timeout=0.02)
    made = []
    deployer = Deployer(impatient, python_runtime)
    for _ in range(10):
        name = f"e2e-{uuid.uuid4().hex[:12]}"
        made.append(Function(lambda_client, name, None))
        try:
            deployer(HELLO, wait=False, FunctionName=name)
        except BotoCoreError:
            pass
    time.sleep(1)
    try:
        listed = {function["FunctionName"] for function in lambda_client.list_functions()["Functions"]}
        there = [function for function in made if function.name in listed]
        for function in there:
            assert function.wait_active().invoke({}).payload == "hello"
    finally:
        for function in made:
            function.delete()


# --- What functions see of it ---------------------------------------------------------------------------------


def test_functions_get_aws_and_nothing_of_the_servers_own(deploy):
    function = deploy(
        """
        import json, os, urllib.error, urllib.request

        def status(path, method="GET"):
            request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, method=method)
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        def handler(event, context):
            return [status("/2015-03-31/functions")] + [
                status("/_lambent/" + page) for page in ("health", "metrics", "logs?function=f")
            ] + [status("/_lambent/reset", "POST")]
        """
    )
    assert function.invoke({}).payload == [200, 404, 404, 404, 404]


# --- Its end --------------------------------------------------------------------------------------------------


def uses_huge_pages(status):
    """What a process's status file says, or nothing on a kernel without them."""
    found = re.search(r"^THP_enabled:\s+(\d)", status, re.MULTILINE)
    return found and found[1] == "1"


def test_a_thread_of_the_server_takes_no_huge_page_and_functions_may(server, deploy):
    """Each thread's first bytes took 2 MiB: several hundred megabytes in a flood of output."""
    ours = uses_huge_pages(Path(f"/proc/{server.process.pid}/status").read_text())
    if ours is None:
        pytest.skip("the kernel does not tell of huge pages")
    here = uses_huge_pages(Path("/proc/self/status").read_text())
    theirs = uses_huge_pages(deploy("def handler(event, context): return open('/proc/self/status').read()").invoke({}).payload)
    assert (ours, theirs) == (False, here)


def test_a_follower_does_not_hold_up_the_end(fresh_server, python_runtime):
    server = fresh_server()
    deployer = Deployer(server.client(), python_runtime)
    function = deployer(HELLO)
    function.invoke({})
    with subprocess.Popen(
        [str(lambent.binary()), "logs", function.name, "--follow"],
        stdout=subprocess.PIPE,
        text=True,
        env=server.environment(),
    ) as follower:
        assert any("said hello" in line for line in follower.stdout)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 10
        follower.stdout.read()
        assert follower.wait(10) == 0


def test_a_second_signal_ends_what_still_runs(fresh_server, python_runtime):
    server = fresh_server()
    deployer = Deployer(server.client(), python_runtime)
    function = deployer(SLEEP, Timeout=60)
    failures = []

    def call():
        try:
            function.invoke(50)
        except (BotoCoreError, ClientError) as error:
            failures.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(1)
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert server.process.poll() is None, "the first signal lets it end"
    assert server.stop() == 0
    caller.join()
    assert time.monotonic() - started < 15
    assert failures


# --- Damage ---------------------------------------------------------------------------------------------------


def test_a_damaged_record_is_reported_and_takes_nothing_down(fresh_server, python_runtime, tmp_path):
    data_dir = tmp_path / "data"
    server = fresh_server(data_dir=data_dir)
    deployer = Deployer(server.client(), python_runtime)
    good, bad = deployer(HELLO), deployer(HELLO)
    assert server.health()["damaged"] == []
    server.stop()
    database = sqlite3.connect(data_dir / "lambent.db")
    with database:
        database.execute("UPDATE functions SET document = 'not what was stored' WHERE name = ?", (bad.name,))
    database.close()

    server = fresh_server(data_dir=data_dir)
    assert server.health()["damaged"] == [f"{bad.arn}:$LATEST"]
    assert bad.arn in server.errors()
    client = server.client()
    assert [item["FunctionName"] for item in client.list_functions()["Functions"]] == [good.name]
    assert Function(client, good.name, None).invoke({}).payload == "hello"
    with refused(404, "ResourceNotFoundException"):
        client.get_function(FunctionName=bad.name)
    again = Deployer(client, python_runtime)(HELLO, FunctionName=bad.name)
    assert again.invoke({}).payload == "hello"
    assert server.health()["damaged"] == []


def test_a_damaged_package_is_noticed_and_mended_by_another_upload(fresh_server, python_runtime, tmp_path):
    data_dir = tmp_path / "data"
    server = fresh_server(data_dir=data_dir)
    function = Deployer(server.client(), python_runtime)({"app.py": HELLO, "x": "y"})
    (package,) = data_dir.glob("code/*/package.zip")
    whole = package.read_bytes()
    package.write_bytes(whole[:50] + b"\0" + whole[51:])
    location = function.client.get_function(FunctionName=function.name)["Code"]["Location"]
    with pytest.raises(OSError):
        lambent.urllib.request.urlopen(location)
    function.client.update_function_code(FunctionName=function.name, ZipFile=whole)
    with lambent.urllib.request.urlopen(location) as download:
        assert download.read() == whole


def test_a_reset_forgets_logs_too(fresh_server, python_runtime):
    server = fresh_server()
    deployer = Deployer(server.client(), python_runtime)
    function = deployer(HELLO)
    function.invoke({})
    server.get("/_lambent/reset", method="POST")
    done = lambent.run("logs", function.name, env=server.environment())
    assert done.returncode == 1 and "said hello" not in done.stdout
    assert json.loads(done.stdout)["message"].startswith("Function not found: arn:aws:lambda:")
