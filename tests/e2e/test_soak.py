"""The longest invocations there are, through boto3, while the server has other work.

`cargo xtask soak` runs this with Lambda's limit of 900 seconds and leaves its result in `docs/internals/soak.md`; otherwise it
is a short one.
"""

import os
import re
import threading
import time
from pathlib import Path

import pytest

from functions import Deployer

SECONDS = int(os.environ.get("LAMBENT_SOAK_SECONDS", "20"))
REPORT = os.environ.get("LAMBENT_SOAK_REPORT")
SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return context.get_remaining_time_in_millis()\n"
PAGE = """# Soak

The result of the last `cargo xtask soak`, which wrote this page: on one server, through boto3, at once

- an invocation of {long:.0f} seconds of a function with a timeout of {limit} seconds, answered after {answered:.2f} s with {left:.0f} ms
  left;
- one that does not end, which the timeout ended after {ended:.2f} s (`Task timed out after {limit}.00 seconds`);
- {others} short invocations of a third function meanwhile, one after another with pauses of half a second, none of which failed;
  the slowest took {slowest:.0f} ms.

The server's memory was {before:.1f} MB after the first invocations and {after:.1f} MB at the end.
"""


@pytest.fixture
def server(fresh_server):
    return fresh_server()


def resident_mb(server):
    """Memory of the server's own process."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def timed(function, seconds, results, name):
    """Invokes in a thread of its own."""

    def invoke():
        started = time.monotonic()
        outcome = function.invoke(seconds)
        results[name] = (outcome, time.monotonic() - started)

    thread = threading.Thread(target=invoke)
    thread.start()
    return thread


@pytest.mark.timeout(SECONDS + 300)
def test_the_longest_invocation_and_one_that_is_too_long(server, python_runtime):
    # botocore keeps the connection alive, as AWS's documentation asks for with long invocations.
    client = server.client(read_timeout=SECONDS + 60, tcp_keepalive=True)
    deployer = Deployer(client, python_runtime)
    long, endless, other = (deployer(SLEEPS, Timeout=limit) for limit in (SECONDS, SECONDS, 10))
    other.invoke(0)
    before, results, durations = resident_mb(server), {}, []
    threads = [timed(long, SECONDS - 3, results, "long"), timed(endless, SECONDS + 600, results, "endless")]
    while any(thread.is_alive() for thread in threads):
        started = time.monotonic()
        assert other.invoke(0).error is None
        durations.append(time.monotonic() - started)
        time.sleep(0.5)
    outcome, answered = results["long"]
    assert (outcome.status, outcome.error) == (200, None)
    assert 0 < outcome.payload <= 3_000 and SECONDS - 3 <= answered < SECONDS
    ended, took = results["endless"]
    assert ended.error == "Unhandled"
    assert ended.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {ended.request_id} Error: Task timed out after {SECONDS}.00 seconds",
    }
    assert f"\tDuration: {SECONDS * 1000}.00 ms\t" in ended.log
    assert SECONDS <= took < SECONDS + 15
    after = resident_mb(server)
    assert after < before + 20
    deployer.close()
    if REPORT:
        Path(REPORT).write_text(
            PAGE.format(
                long=SECONDS - 3, limit=SECONDS, answered=answered, left=outcome.payload, ended=took, others=len(durations),
                slowest=max(durations) * 1000, before=before, after=after,
            )  # fmt: skip
        )
