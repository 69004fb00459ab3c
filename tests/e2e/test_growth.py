"""After very many invocations and starts of environments a server takes what it took before.

`cargo xtask soak` makes 100,000 invocations and 10,000 starts and adds what it measured to `docs/internals/soak.md`; otherwise there are
some thousand and some hundred.
"""

import collections
import concurrent.futures
import http.client
import itertools
import os
import time
from pathlib import Path

import leaks
import pytest
import toolbox
from packages import executable

from functions import Deployer

INVOCATIONS = int(os.environ.get("LAMBENT_SOAK_INVOCATIONS", "4000"))
STARTS = int(os.environ.get("LAMBENT_SOAK_STARTS", "200"))
REPORT = os.environ.get("LAMBENT_SOAK_REPORT")
CALLERS = 4
#: More functions than there may be environments: each takes the place of another one.
FUNCTIONS, ENVIRONMENTS, PREPARED = 40, "16", "4"
#: A sandbox that is kept ready, or is being made as new, at one of the two moments.
SLACK = {"descriptors": 64, "control groups": 40, "mounts": 8, "loop devices": 16, "processes": 16, "MB": 24}
PAGE = """
On a third server, {invocations} invocations of one function by {callers} callers ({rate:.0f} a second) and {starts} of {functions}
functions, native and in Python, with room for {environments} environments, so that each was a start ({starts_rate:.0f} a second). What
the server had before and after: {taken}.
"""
ECHO = "def handler(event, context): return event\n"


def taken(server):
    """What the server and everything that it started have of this machine."""
    names = [server.health()["data_dir_id"], str(server.data_dir)]
    kinds = collections.Counter(line.split(":")[0] for line in leaks.everything(names))
    below = [server.process.pid]
    for pid in below:
        below += leaks.children(pid)
    return {
        "descriptors": leaks.open_files(server.process.pid),
        "control groups": kinds["cgroup"],
        "mounts": kinds["mount"],
        "loop devices": kinds["loop device"],
        "processes": len(below),
        "MB": server.resident_bytes() / 2**20,
    }


def settled(server):
    """The same when nothing is on its way any more."""
    last, now = None, taken(server)
    deadline = time.monotonic() + 30
    while last != {**now, "MB": 0} and time.monotonic() < deadline:
        last = {**now, "MB": 0}
        time.sleep(2)
        now = taken(server)
    return now


def invoke_all(server, names, callers=CALLERS):
    """Invokes functions in turn, by several callers; how many a second."""
    names, begun = collections.deque(names), time.monotonic()
    count = len(names)

    def call():
        connection = http.client.HTTPConnection(server.endpoint.removeprefix("http://"), timeout=60)
        while True:
            try:
                name = names.popleft()
            except IndexError:
                return connection.close()
            connection.request("POST", f"/2015-03-31/functions/{name}/invocations", b"1")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"1")

    with concurrent.futures.ThreadPoolExecutor(callers) as threads:
        for called in [threads.submit(call) for _ in range(callers)]:
            called.result()
    return count / (time.monotonic() - begun)


@pytest.mark.timeout(INVOCATIONS / 50 + STARTS + 300)
def test_many_invocations_and_starts_leave_nothing(module_servers, python_runtime):
    server = module_servers.start(
        "--environments-max", ENVIRONMENTS, "--prepared-sandboxes", PREPARED, "--request-rate", "100000"
    )  # fmt: skip
    deploy = Deployer(server.client(), python_runtime)
    native = {"bootstrap": executable(toolbox.static_program("echo_runtime"))}
    functions = [deploy(native, Runtime="provided.al2023", Handler="echo").name for _ in range(FUNCTIONS // 2)]
    functions += [deploy(ECHO).name for _ in range(FUNCTIONS // 2)]
    # The first times of everything, and what is kept because it was asked for.
    invoke_all(server, functions, callers=1)
    invoke_all(server, functions * 2 + functions[:1] * 1000)
    before = settled(server)
    starts_rate = invoke_all(server, list(itertools.islice(itertools.cycle(functions), STARTS)))
    rate = invoke_all(server, functions[:1] * INVOCATIONS)
    invoke_all(server, functions)
    after = settled(server)
    grown = {kind: after[kind] - before[kind] for kind in before if after[kind] > before[kind] + SLACK[kind]}
    assert not grown, f"{before} before, {after} after"
    if REPORT:
        text = ", ".join(f"{before[kind]:.0f} and {after[kind]:.0f} {kind}" for kind in before)
        page = PAGE.format(
            invocations=INVOCATIONS, callers=CALLERS, rate=rate, starts=STARTS, functions=FUNCTIONS, environments=ENVIRONMENTS,
            starts_rate=starts_rate, taken=text,
        )  # fmt: skip
        with Path(REPORT).open("a") as report:
            report.write(page)
