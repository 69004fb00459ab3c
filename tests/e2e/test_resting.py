"""What an environment gives up while it is idle for long, and what still works afterwards."""

import concurrent.futures
import contextlib
import os
import time
from pathlib import Path

import leaks

CODE = """
import json, os, socket, urllib.error, urllib.request
def status(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()[:8]
    except urllib.error.HTTPError as error:
        return error.code, ""

def handler(event, context):
    if not event:
        return None
    segment = {"name": "rested", "id": "70de5b6f19ff9a0a", "trace_id": "1-5759e988-bd862e3fe1be46a994272793", "start_time": 1, "end_time": 2}
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    message = json.dumps({"format": "json", "version": 1}) + "\\n" + json.dumps(segment)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(message.encode(), (host, int(port)))
    return {
        "runtime": status("http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/ping"),
        "endpoint": status(os.environ["AWS_ENDPOINT_URL"] + "/")[0],
        "again": status(os.environ["AWS_ENDPOINT_URL"] + "/")[0],
    }
"""
# More than REST_AFTER_IDLE_MS.
LONG_S = 1.6


def descriptors(server):
    """Of the server, without files (those of the logs belong to functions) and connections of clients, who are on this machine."""
    folder = f"/proc/{server.process.pid}/fd"
    clients = {f"socket:[{line.split()[9]}]" for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    names = []
    for name in os.listdir(folder):
        # What is closed meanwhile is none of it.
        with contextlib.suppress(FileNotFoundError):
            names.append(os.readlink(f"{folder}/{name}"))
    return sum(name.startswith(("socket:", "pipe:", "anon_inode:[pidfd]")) and name not in clients for name in names)


def settled(server, most):
    """How many there are, once it is not more than that or long has passed."""
    deadline = time.monotonic() + 10
    while (now := descriptors(server)) > most and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


def kept(data_dir, awaited):
    """Whether a segment with these words comes to be kept."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(awaited in path.read_bytes() for path in Path(data_dir, "traces").rglob("*.log")):
            return True
        time.sleep(0.1)
    return False


def test_an_idle_environment_holds_three_descriptors_of_the_servers(fresh_server, deploy_to):
    """The channel to its first process, the runtime's connection, and the pipe of its log."""
    server = fresh_server("--no-sdk", "--prepared-sandboxes", "0")
    function = deploy_to(server)("import time\ndef handler(event, context):\n    time.sleep(event)\n")
    function.invoke(0)
    time.sleep(LONG_S)
    with_one = descriptors(server)
    most = 0
    with concurrent.futures.ThreadPoolExecutor(6) as callers:
        running = [callers.submit(function.invoke, 1) for _ in range(6)]
        while concurrent.futures.wait(running, timeout=0.1).not_done:
            most = max(most, descriptors(server))
    assert all(outcome.result().error is None for outcome in running)
    assert most > with_one + 5 * 3
    assert settled(server, with_one + 5 * 3) <= with_one + 5 * 3


def test_what_rested_is_there_for_whoever_wants_it(fresh_server, deploy_to, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path / "data")
    function = deploy_to(server)(CODE)
    function.invoke({})
    for _ in range(2):
        time.sleep(LONG_S)
        before = time.monotonic()
        answers = function.invoke({"call": True}).payload
        assert answers["runtime"] == [200, "pong"]
        assert answers["endpoint"] == answers["again"] and answers["endpoint"] < 500
        assert time.monotonic() - before < 5
    assert kept(tmp_path / "data", b'"rested"')


def test_an_environment_that_rested_is_taken_down_and_made_again(fresh_server, deploy_to):
    server = fresh_server("--no-sdk", "--environments-max", "1")
    functions = [deploy_to(server)(CODE) for _ in range(2)]
    for function in functions * 2:
        assert function.invoke({}).error is None
        time.sleep(LONG_S)


WRITES = """
import os
def handler(event, context):
    with open("/tmp/data", "wb") as file:
        file.write(os.urandom(1 << 20) * 40)
        file.flush()
        os.fsync(file.fileno())
    return os.getpid()
"""


def cached_bytes(server):
    """Pages of files that are charged to the one environment of a server."""
    made = [Path(path) for path in leaks.cgroups([server.health()["data_dir_id"]])]
    [group] = {child for path in made for child in path.iterdir() if (child / "memory.stat").is_file()}
    statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    # As v1 names it, and v2.
    return int(statistics.get("cache", statistics.get("file")))


def test_pages_of_files_of_an_environment_that_is_idle_for_long_are_taken_back(fresh_server, deploy_to):
    # After a tenth of that.
    server = fresh_server("--no-sdk", "--idle-retirement-seconds", "30", "--prepared-sandboxes", "0")
    function = deploy_to(server)(WRITES, EphemeralStorage={"Size": 512}, MemorySize=512)
    process = function.invoke().payload
    assert cached_bytes(server) > 30 << 20
    deadline = time.monotonic() + 15
    while cached_bytes(server) > 4 << 20:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert function.invoke().payload == process, "it goes on"
