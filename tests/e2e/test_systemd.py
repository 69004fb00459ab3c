"""Where systemd manages the control groups: a shell's are not ours, a scope and a service with `Delegate=yes` are.

Collected only on a machine with systemd, which the virtual machine of `cargo xtask vm-test` is.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import lambent
from functions import Deployer

UNIT = Path("/etc/systemd/system/lambent.service")
INSTALLED = Path("/usr/local/bin/lambent")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="skipped: only root installs services")


def group_of(pid):
    """The path of a process's group in the unified hierarchy."""
    return Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")


def limit(server, controller_file):
    """A file of the one environment's group."""
    identity = server.health()["data_dir_id"]
    above = Path("/sys/fs/cgroup") / group_of(server.process.pid).lstrip("/")
    [parent] = [path for path in above.parent.iterdir() if path.name.startswith(f"lambent-{identity}.")]
    [group] = [path for path in parent.iterdir() if path.is_dir()]
    return (group / controller_file).read_text().strip()


def test_the_doctor_knows_that_systemd_will_give_a_group():
    text = lambent.run("doctor").stdout
    assert "memory v2, cpu v2, pids v2, freezer v2" in text
    assert "asks systemd for" in text
    assert not [line for line in text.splitlines() if line.startswith("missing:") and "controller" in line]


def test_started_beside_others_the_server_has_a_scope_of_its_own(fresh_server, deploy_to):
    before = group_of("self")
    server = fresh_server("--no-sdk", "--cpu", "quota", "--prepared-sandboxes", "0")
    assert group_of(server.process.pid).endswith(f"/lambent-{server.process.pid}.scope/lambent-server")
    assert group_of("self") == before, "nobody else was moved"
    assert not [line for line in server.health()["unenforced"] if "controller" in line]
    deploy_to(server)("def handler(e, c):\n    pass\n", MemorySize=1769).invoke({})
    assert limit(server, "memory.max") == str(1769 << 20)
    quota, period = map(int, limit(server, "cpu.max").split())
    assert quota == period, "1,769 MB are one processor"
    assert int(limit(server, "pids.max")) > 0
    assert limit(server, "memory.swap.max") == "0"


@pytest.fixture
def service():
    """The unit that a release brings, installed."""
    shutil.copy(lambent.binary(), INSTALLED)
    shutil.copy(lambent.REPOSITORY / "xtask/dist/lambent.service", UNIT)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    yield lambda *verb: subprocess.run(["systemctl", *verb, "lambent"], check=True, capture_output=True, text=True).stdout
    subprocess.run(["systemctl", "stop", "lambent"], check=False)
    UNIT.unlink()
    subprocess.run(["systemctl", "daemon-reload"], check=True)


class Installed(lambent.Server):
    """A server that systemd started."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def health_when_it_listens(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.health()
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.2)


@needs_root
def test_the_unit_of_a_release_runs_functions_with_every_limit(service, python_runtime):
    service("start")
    server = Installed("http://127.0.0.1:4566")
    health = server.health_when_it_listens()
    assert not [line for line in health["unenforced"] if "controller" in line], health
    pid = int(service("show", "--property=MainPID", "--value"))
    assert group_of(pid) == "/system.slice/lambent.service/lambent-server"
    deployer = Deployer(server.client(), python_runtime)
    assert deployer("def handler(e, c):\n    return 'from a service'\n").invoke({}).payload == "from a service"
    deployer.close()
    service("stop")
    assert service("show", "--property=Result", "--value").strip() == "success"
    assert not Path("/sys/fs/cgroup/system.slice/lambent.service").exists()


@needs_root
def test_a_service_that_delegates_nothing_is_not_left_and_says_what_it_lacks(tmp_path):
    unit = "lambent-undelegated"
    arguments = ["serve", "--no-sdk", "--listen", "127.0.0.1:4599", "--data-dir", str(tmp_path / "data")]
    run = ["systemd-run", "--quiet", f"--unit={unit}", "-p", "MemoryAccounting=yes", "-p", "TasksAccounting=yes"]
    subprocess.run([*run, str(lambent.binary()), *arguments], check=True)
    try:
        health = Installed("http://127.0.0.1:4599").health_when_it_listens()
        pid = subprocess.run(["systemctl", "show", "--property=MainPID", "--value", unit], capture_output=True, text=True).stdout
        assert group_of(int(pid)).startswith(f"/system.slice/{unit}.service/")
        lacking = [line for line in health["unenforced"] if "controller" in line]
        assert all("Delegate=yes" in line for line in lacking), lacking
    finally:
        subprocess.run(["systemctl", "stop", unit], check=False)
