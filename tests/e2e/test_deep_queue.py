"""A queue of very many events neither slows what is accepted next nor fills memory.

`cargo xtask soak` sends a million and adds what it measured to `docs/internals/soak.md`; otherwise there are a few thousand.
"""

import http.client
import os
import statistics
import threading
import time
from pathlib import Path

import pytest

from functions import Deployer

EVENTS = int(os.environ.get("LAMBENT_SOAK_EVENTS", "6000"))
REPORT = os.environ.get("LAMBENT_SOAK_REPORT")
SENDERS = 16
#: Events at the beginning and at the end whose latencies are compared.
COMPARED = min(2000, EVENTS // 4)
#: Beside what a server of this size takes anyway: pages of the database that SQLite keeps, connections.
GROWTH_MB_MAX = 64
ENDLESS = "import time\ndef handler(event, context):\n    time.sleep(800)\n"
PAGE = """
Events that wait, on another server: {events} of one function that runs one at a time, sent by {senders} connections in {seconds:.0f} s
({rate:.0f} a second). The median answer took {first:.1f} ms at the beginning and {last:.1f} ms at the end; the server's memory grew by
{grown:.0f} MB, and another one began on the same data in {start:.1f} s.
"""


def resident_mb(server):
    return server.resident_bytes() / 2**20


def send(server, function, count, latencies):
    """Sends events on one connection; what each took, with when it was answered."""
    connection = http.client.HTTPConnection(server.endpoint.removeprefix("http://"), timeout=60)
    headers = {"X-Amz-Invocation-Type": "Event"}
    for _ in range(count):
        began = time.perf_counter()
        connection.request("POST", f"/2015-03-31/functions/{function.name}/invocations", b'{"a": 1}', headers)
        answer = connection.getresponse()
        answer.read()
        ended = time.perf_counter()
        assert answer.status == 202
        latencies.append((ended, (ended - began) * 1000))
    connection.close()


@pytest.mark.timeout(300 + EVENTS // 100)
def test_a_deep_queue_neither_slows_nor_fills(fresh_server, python_runtime, tmp_path):
    server = fresh_server("--no-sdk", data_dir=tmp_path)
    deployer = Deployer(server.client(), python_runtime)
    # Few of them run meanwhile: each takes three seconds, one at a time.
    function = deployer(ENDLESS, Timeout=3)
    server.client().put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    send(server, function, 100, [])
    before, latencies = resident_mb(server), [[] for _ in range(SENDERS)]
    threads = [
        threading.Thread(target=send, args=(server, function, EVENTS // SENDERS, found)) for found in latencies
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    in_order = [latency for _, latency in sorted(sum(latencies, []))]
    assert len(in_order) == EVENTS // SENDERS * SENDERS
    first, last = (statistics.median(part) for part in (in_order[:COMPARED], in_order[-COMPARED:]))
    grown = resident_mb(server) - before
    assert grown < GROWTH_MB_MAX, f"{grown} MB for {EVENTS} events"
    assert last < 3 * first + 5, f"{first} ms at the beginning, {last} ms at the end"
    server.kill()
    began = time.monotonic()
    again = fresh_server("--no-sdk", data_dir=tmp_path)
    start = time.monotonic() - began
    assert resident_mb(again) < before + GROWTH_MB_MAX
    if REPORT:
        text = PAGE.format(
            events=len(in_order), senders=SENDERS, seconds=seconds, rate=len(in_order) / seconds, first=first, last=last,
            grown=grown, start=start,
        )  # fmt: skip
        with Path(REPORT).open("a") as report:
            report.write(text)
