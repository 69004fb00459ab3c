"""The control groups of environments, from outside: unified (v2) ones wherever the kernel has them, also beside those of v1."""

import os
import time
from pathlib import Path

import pytest

import leaks

FREEZE_TIMEOUT_S = 10


def groups_of_environments(server):
    """Directories in the v2 hierarchy, one for each environment."""
    made = [Path(path) for path in leaks.cgroups([server.health()["data_dir_id"]])]
    ours = [path for path in made if (path / "cgroup.freeze").exists()]
    return [child for path in ours for child in path.iterdir() if child.is_dir()]


def is_frozen(group):
    return "frozen 1" in (group / "cgroup.events").read_text()


@pytest.fixture
def unified():
    """Skips where there is no hierarchy of v2 in which this user may make groups."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    if not any(kind == "cgroup2" for _, _, kind, *_ in mounts):
        pytest.skip("skipped: no unified control groups on this machine")


def test_l_14_an_idle_environment_is_frozen_in_its_group_of_v2(fresh_server, deploy_to, unified):
    server = fresh_server("--no-sdk", "--prepared-sandboxes", "0")
    function = deploy_to(server)("import os\ndef handler(e, c):\n    return [open('/proc/self/cgroup').read(), os.getpid()]\n")
    seen, pid = function.invoke({}).payload
    [group] = groups_of_environments(server)
    deadline = time.monotonic() + FREEZE_TIMEOUT_S
    while not is_frozen(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_frozen(group), "the freezer of v2 is used where there is one"
    assert (group / "cgroup.procs").read_text().split(), "its processes are in the group"
    unified_lines = [line for line in seen.splitlines() if line.startswith("0::")]
    assert unified_lines == ["0::/"], "from inside the group is the root of the hierarchy"
    # It goes on, in the same process.
    assert function.invoke({}).payload[1] == pid


def test_a_frozen_environment_ends_with_its_server(fresh_server, deploy_to, unified):
    server = fresh_server("--no-sdk", "--prepared-sandboxes", "0")
    deploy_to(server)("def handler(e, c):\n    pass\n").invoke({})
    [group] = groups_of_environments(server)
    deadline = time.monotonic() + FREEZE_TIMEOUT_S
    while not is_frozen(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    frozen = [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
    assert frozen
    assert server.stop() == 0
    assert not group.exists()
    assert not [pid for pid in frozen if os.path.exists(f"/proc/{pid}")]
