"""The sandbox of a server that is not root: namespaces from a user namespace, and honest words about the rest."""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest

import lambent
from functions import Deployer

UID = 47_123
VIEW = """
import os
def handler(event, context):
    def readable(path):
        try:
            os.listdir(path)
            return True
        except OSError:
            return False
    return {
        "uid": os.getuid(),
        "map": open("/proc/self/uid_map").read().split(),
        "pids": len([n for n in os.listdir("/proc") if n.isdigit()]),
        "interfaces": sorted(os.listdir("/proc/sys/net/ipv4/conf")),
        "no_new_privs": [l for l in open("/proc/self/status") if l.startswith(("NoNewPrivs", "Seccomp:", "CapEff"))],
        "home": readable("/home") or readable("/root"),
        "user": os.environ.get("USER"),
    }
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="skipped: only root can become somebody else for this test")


class ServerOfAnotherUser(lambent.Server):
    """A server that is started through `setpriv`, in a mount namespace of its own."""

    def __init__(self, data_dir, *args, prepare="", **options):
        self.prepare = prepare
        super().__init__(data_dir, *args, **options)

    def command(self, *args):
        """Standard output, standard error and the process id stay those of the server: every step is an exec."""
        drop = f"exec setpriv --reuid {UID} --regid {UID} --clear-groups --inh-caps=-all"
        script = f'{self.prepare}\n{drop} -- "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh", *super().command(*args)]


@pytest.fixture
def home(tmp_path_factory):
    """A folder that the user owns, reachable for everybody, with a binary in it that everybody can run."""
    folder = tmp_path_factory.mktemp("ordinary")
    own = [parent for parent in [folder, *folder.parents] if parent.stat().st_uid == os.getuid() and "pytest" in str(parent)]
    for parent in own:
        parent.chmod(0o755)
    program = folder / "lambent"
    shutil.copy(lambent.binary(), program)
    program.chmod(0o755)
    (folder / "data").mkdir()
    os.chown(folder / "data", UID, UID)
    return folder


@pytest.fixture
def tun(tmp_path):
    """A command that lets everybody open /dev/net/tun, as distributions do; in a mount namespace of the server's own."""
    device = tmp_path / "tun"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(10, 200))
    device.chmod(0o666)
    try:
        # Loads the module where it is one.
        device.open().close()
    except OSError:
        pytest.skip("skipped: the kernel has no tun devices")
    return f"mkdir -p /dev/net; [ -e /dev/net/tun ] || : > /dev/net/tun; mount --bind {device} /dev/net/tun"


@pytest.fixture
def start(home, monkeypatch):
    """Starts servers as the user."""
    monkeypatch.setenv("LAMBENT_BIN", str(home / "lambent"))
    started = []

    def call(*args, prepare=""):
        options = ["--allow-unenforced", "memory", *args]
        server = ServerOfAnotherUser(home / "data", *options, prepare=prepare, env={"HOME": str(home)})
        started.append(server)
        return server

    yield call
    for server in started:
        server.stop()


@pytest.fixture
def system_runtime():
    """A runtime whose interpreter another user can read."""
    for version in ("3.11", "3.12", "3.13", "3.10", "3.9"):
        if shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin"):
            return f"python{version}"
    pytest.skip("skipped: no python of the system that another user could read")


def view_of(server, runtime):
    deployer = Deployer(server.client(), runtime)
    outcome = deployer(VIEW).invoke({})
    deployer.close()
    assert outcome.error is None, outcome.payload
    return outcome.payload


def check_isolation(view):
    assert view["pids"] <= 3
    # The last one where pasta can be used.
    assert set(view["interfaces"]) <= {"all", "default", "lo", "eth0"}
    fields = dict(line.split(":") for line in view["no_new_privs"])
    assert {name: value.strip() for name, value in fields.items()} == {
        "NoNewPrivs": "1",
        "Seccomp": "2",
        "CapEff": "0000000000000000",
    }
    assert view["home"] is False
    assert view["uid"] not in (0, UID)


def test_a_user_without_subordinate_ids_gets_a_sandbox(start, system_runtime):
    server = start("--no-sdk")
    health = server.health()
    assert health["isolation"] == "sandbox"
    assert any("run as root" in line for line in health["unenforced"])
    assert "run as root" in server.errors(), "the start says what root would add"
    check_isolation(view_of(server, system_runtime))


def test_code_is_compiled_for_a_user_too(start, system_runtime):
    server = start("--no-sdk")
    deployer = Deployer(server.client(), system_runtime)
    bulk = "\n".join(f"def number_{n}():\n    return {n}\n" for n in range(300))
    function = deployer({"app.py": "import bulk\ndef handler(event, context):\n    return bulk.number_7()\n", "bulk.py": bulk})
    deadline = time.monotonic() + 60
    while not list(server.data_dir.glob("code/*/compiled-*")):
        assert time.monotonic() < deadline, server.errors()
        time.sleep(0.1)
    assert function.invoke({}).payload == 7
    deployer.close()


def test_a_user_with_subordinate_ids_gets_an_id_for_each_environment(start, system_runtime, tmp_path):
    if shutil.which("newuidmap") is None:
        pytest.skip("skipped: newuidmap (Debian: uidmap) is not installed")
    etc = tmp_path / "etc"
    subprocess.run(["cp", "-a", "/etc", str(etc)], check=True)
    with open(etc / "passwd", "a") as passwd:
        passwd.write(f"lambent-test:x:{UID}:{UID}::/:/bin/sh\n")
    for name in ("subuid", "subgid"):
        (etc / name).write_text(f"{UID}:200000:65536\n")
    server = start("--no-sdk", prepare=f"mount --bind {etc} /etc")
    assert not any("share this user's id" in line for line in server.health()["unenforced"])
    view = view_of(server, system_runtime)
    check_isolation(view)
    # Two ids exist inside: root, who is the user, and the environment's own.
    assert len(view["map"]) == 6 and view["map"][3] == str(view["uid"])


def test_without_a_memory_controller_the_operator_must_agree(home):
    command = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", str(home / "lambent")]
    arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", str(home / "data")]
    failed = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert failed.returncode == 4, failed.stderr
    assert "--allow-unenforced memory" in failed.stderr


def test_without_pasta_the_level_internet_is_refused_with_the_reason(start, home):
    if shutil.which("pasta") is None:
        pytest.skip("skipped: pasta (Debian: passt) is not installed, there is none to hide")
    hidden = f"mount --bind /dev/null {shutil.which('pasta')}"
    with pytest.raises(lambent.ServerFailed, match="exit status 4: .*pasta"):
        start("--network", "internet", prepare=hidden)
    # Nobody asked for it: the start says what is missing, and goes on.
    server = start("--no-sdk", prepare=hidden)
    assert any("functions cannot reach" in line and "pasta" in line for line in server.health()["unenforced"])
