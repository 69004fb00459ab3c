"""Sandboxes that are built ahead, with a runtime that waits: a function cannot tell them from others, and nothing of them is left."""

import os
import pathlib
import re
import signal
import textwrap
import time

import pytest
import toolbox
from functions import Deployer

PYTHON_VIEW = """
import os, resource, subprocess, sys

print("printed while it loads")

def look(path):
    with open(path) as file:
        return file.read()

def handler(event, context):
    fields = ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Seccomp_filters", "CapEff", "CapBnd", "CapAmb", "Threads", "SigBlk", "SigIgn")
    status = dict(line.split(":", 1) for line in look("/proc/self/status").splitlines())
    files = {n: os.path.realpath(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")}
    own = {name: value for name, value in os.environ.items() if name not in event["changing"]}
    return {
        "status": {field: status.get(field, "").strip() for field in fields},
        "variables": own,
        "directory": os.getcwd(),
        "arguments": sys.argv,
        "path": sys.path,
        "main": sys.modules["__main__"].__file__,
        "ours": sorted(n for n in sys.modules if n.startswith("_lambent")),
        "stdin": [files["0"], sys.stdin.read()],
        "files": sorted(target.split(":")[0].replace("/proc/" + str(os.getpid()), "") for target in files.values() if not target.endswith("/fd")),
        "program": [os.readlink("/proc/self/exe"), os.readlink("/proc/self/root"), os.readlink("/proc/self/cwd"), sys.executable],
        "family": [os.getppid(), os.getpgid(0) == os.getpid()],
        "child": subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True).stdout,
        "foreign": [n for n in ("ctypes", "_ctypes") if n in sys.modules],
        "session": os.getsid(0) == os.getpid(),
        "limits": [resource.getrlimit(n) for n in (resource.RLIMIT_NOFILE, resource.RLIMIT_STACK, resource.RLIMIT_CORE)],
        "mounts": sorted(line.split()[1] + " " + line.split()[3] for line in look("/proc/self/mounts").splitlines()),
        "task": sorted(os.listdir("/var/task")),
        "opt": sorted(os.listdir("/opt")),
        "umask": os.umask(0o022),
    }
"""

NODE_VIEW = """
const fs = require("fs");
exports.handler = async (event) => ({
  variables: Object.fromEntries(Object.entries(process.env).filter(([name]) => !event.changing.includes(name))),
  directory: process.cwd(),
  arguments: [process.argv, process.execArgv],
  stdin: [fs.readlinkSync("/proc/self/fd/0"), fs.readFileSync(0, "utf8")],
  main: require.main.filename,
  ours: Object.keys(require.cache).sort(),
  mounts: fs.readFileSync("/proc/self/mounts", "utf8").split("\\n").map((line) => line.split(" ")[1]).sort(),
  paths: require("module").globalPaths,
});
"""

# What differs between any two environments.
CHANGING = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_GROUP_NAME", "_X_AMZN_TRACE_ID", "AWS_ENDPOINT_URL"]


@pytest.fixture(scope="module")
def both(module_servers, python_runtime):
    """Deployers on a server that prepares sandboxes and on one that does not."""
    servers = [module_servers.start("--prepared-sandboxes", count) for count in ("4", "0")]
    deployers = [Deployer(server.client(), python_runtime) for server in servers]
    yield deployers
    for deployer in deployers:
        deployer.close()


def waiting_processes(server):
    """Runtimes that wait in a sandbox of the server's, whose mounts name it, for what comes through a pipe."""
    name, found = f"lambent-{server.health()['data_dir_id']}.", []
    for process in pathlib.Path("/proc").iterdir():
        try:
            is_waiting = b"_LAMBENT_WAITS=" in (process / "environ").read_bytes()
            is_waiting = is_waiting and os.readlink(process / "fd/0").startswith("pipe:")
            if is_waiting and name in (process / "mountinfo").read_text():
                found.append(int(process.name))
        except (OSError, ValueError):
            continue
    return found


def zygotes(server):
    """The processes of the server's that runtimes are forked from."""
    name = f"lambent-{server.health()['data_dir_id']}.zygote"
    mounts = pathlib.Path("/proc").glob("[0-9]*/mountinfo")
    return [int(path.parent.name) for path in mounts if is_in(path, name)]


def is_in(path, text):
    """Whether the file of a process that may end meanwhile has the text."""
    try:
        return text in path.read_text()
    except OSError:
        return False


def first_that(deployer, code, is_wanted, timeout_s=40, **options):
    """What the first new function answers of whose answer that is true, or the last one: what is prepared takes its time on a busy machine."""
    deadline = time.monotonic() + timeout_s
    while True:
        payload = deployer(code, **options).invoke().payload
        if is_wanted(payload) or time.monotonic() > deadline:
            return payload
        time.sleep(1)


def seen(deployer, code, **options):
    """What the second function of its kind sees: whatever the first one found, by then one is prepared."""
    deployer(code, **options).invoke({"changing": CHANGING})
    time.sleep(2)
    return deployer(code, **options).invoke({"changing": CHANGING}).payload


@pytest.mark.parametrize(
    ("code", "options"),
    [
        (PYTHON_VIEW, {}),
        (PYTHON_VIEW, {"MemorySize": 512, "Environment": {"Variables": {"OWN": "value", "NAME_WITH": 'ü = "x"'}}}),
        (PYTHON_VIEW, {"LoggingConfig": {"LogFormat": "JSON"}}),
        (PYTHON_VIEW, {"Environment": {"Variables": {"PYTHONUNBUFFERED": "1"}}}),
        ({"app.js": NODE_VIEW}, {"Runtime": "nodejs20.x"}),
    ],
    ids=["python", "variables", "json", "plain", "node"],
)
def test_a_function_cannot_tell(both, code, options):
    prepared, plain = [seen(deployer, code, **options) for deployer in both]
    for view in (prepared, plain):
        # Every environment has a user of its own.
        assert len(set(view.get("status", {}).pop("Uid", "0").split())) == 1
        view.get("status", {}).pop("Gid", None)
    assert prepared == plain


def test_it_is_what_waited_that_runs(both):
    """Or all of this would prove nothing: `/proc/self/environ` still holds what the interpreter was started with."""
    code = "def handler(event, context): return '_LAMBENT_WAITS' in open('/proc/self/environ').read()"
    assert first_that(both[0], code, lambda waited: waited) is True
    assert both[1](code).invoke().payload is False


def test_what_is_forked_from_one_shares_no_randomness(both):
    """Environments of one zygote: whatever was drawn before the fork is drawn anew."""
    code = """
        import os, random, secrets, ssl, tempfile, uuid

        def handler(event, context):
            forked = "in a zygote" in open("/proc/self/environ").read()
            names = next(tempfile._get_candidate_names())
            return [forked, random.random(), secrets.token_hex(), str(uuid.uuid4()), ssl.RAND_bytes(16).hex(), names]
    """
    seen = [first_that(both[0], code, lambda payload: payload[0]) for _ in range(3)]
    assert all(forked for forked, *_ in seen)
    for drawn in list(zip(*seen))[1:]:
        assert len(set(drawn)) == len(seen), drawn


def test_what_is_forked_from_one_lacks_nothing(both):
    """It knows which processor it is on (the C library is told by the kernel), and what is to be done when the function forks is done."""
    code = """
        import ctypes, os, random, threading

        library = ctypes.CDLL(None)

        def forked():
            told, tell = os.pipe()
            if os.fork() == 0:
                threading.Thread(target=lambda: os.write(tell, str(random.random()).encode())).start()
                [thread.join() for thread in threading.enumerate() if thread is not threading.current_thread()]
                os._exit(0)
            os.wait()
            return os.read(told, 100).decode()

        def handler(event, context):
            processors = {}
            for number in os.sched_getaffinity(0):
                os.sched_setaffinity(0, {number})
                processors[number] = library.sched_getcpu()
            drawn = {forked(), forked(), str(random.random())}
            return ["in a zygote" in open("/proc/self/environ").read(), processors, len(drawn)]
    """
    is_forked, processors, drawn = first_that(both[0], code, lambda payload: payload[0])
    assert is_forked
    assert processors == {str(number): number for number in os.sched_getaffinity(0)}
    assert drawn == 3


@pytest.mark.parametrize("version", sorted(toolbox.pythons()))
def test_every_python_is_forked(both, version):
    """By its own means: each has a C library, an allocator and a way to fork of its own."""
    code = """
        import subprocess, sys

        def handler(event, context):
            child = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True)
            return ["in a zygote" in open("/proc/self/environ").read(), sys.version_info[:2], child.stdout]
    """
    options = {"Runtime": f"python{version}"}
    forked, *seen = first_that(both[0], code, lambda payload: payload[0], **options)
    assert forked and seen == [[int(part) for part in version.split(".")], "42\n"]


def test_without_its_zygote_a_runtime_starts_by_itself(module_servers, python_runtime):
    server = module_servers.start("--prepared-sandboxes", "2")
    deployer = Deployer(server.client(), python_runtime)
    code = "def handler(event, context): return event"
    deployer(code).invoke(1)
    deadline = time.monotonic() + 20
    while not zygotes(server) and time.monotonic() < deadline:
        time.sleep(0.1)
    (zygote,) = zygotes(server)
    os.kill(zygote, signal.SIGKILL)
    for number in range(6):
        assert deployer(code).invoke(number).payload == number
    assert "no runtimes are forked" in server.errors()
    deployer.close()


def test_settings_of_the_interpreter_hold(both):
    """What it reads when it starts comes too late for one that waits."""
    code = "import sys, time\ndef handler(event, context): return [sys.flags.optimize, sys.flags.utf8_mode, time.tzname[0]]"
    variables = {"PYTHONOPTIMIZE": "2", "PYTHONUTF8": "1", "TZ": "Europe/Vienna"}
    assert both[0](code, Environment={"Variables": variables}).invoke().payload == [2, 1, "CET"]


def test_memory_is_bounded_as_the_function_says(both):
    code = "def handler(event, context): return len(bytearray(event) ) if event else 0"
    both[0](code, MemorySize=128).invoke(0)
    time.sleep(2)
    function = both[0](code, MemorySize=128)
    assert function.invoke(10_000_000).payload == 10_000_000
    assert function.invoke(300_000_000).payload["errorType"] == "Runtime.ExitError"


def test_what_waits_is_bounded_and_ends_with_the_server(module_servers, python_runtime):
    server = module_servers.start("--prepared-sandboxes", "2")
    deployer = Deployer(server.client(), python_runtime)
    for _ in range(4):
        deployer("def handler(event, context): return event").invoke(1)
    deadline = time.monotonic() + 20
    while len(waiting_processes(server)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    assert len(waiting_processes(server)) == 2
    processes = waiting_processes(server)
    server.stop()
    assert not any(pathlib.Path(f"/proc/{process}").exists() for process in processes)


def test_one_that_waits_and_dies_is_nobodys_misfortune(module_servers, python_runtime):
    server = module_servers.start("--prepared-sandboxes", "2")
    deployer = Deployer(server.client(), python_runtime)
    code = "def handler(event, context): return event"
    deployer(code).invoke(1)
    time.sleep(2)
    waiting = waiting_processes(server)
    assert waiting
    for process in waiting:
        os.kill(process, signal.SIGKILL)
    time.sleep(0.2)
    assert deployer(code).invoke(2).payload == 2
    deployer.close()


MARKS = """
    import ctypes, os, socket, subprocess

    libc = ctypes.CDLL(None, use_errno=True)

    def shared_memory():
        return len(open("/proc/sysvipc/shm").read().splitlines()) - 1

    def look():
        return {
            "pid": os.getpid(),
            "tmp": sorted(n for n in os.listdir("/tmp") if n != "lost+found"),
            "shared": shared_memory(),
            "processes": sorted(n for n in os.listdir("/proc") if n.isdigit() and int(n) not in (os.getpid(), 1)),
            "bound": sorted(line.split()[1].split(":")[1] for name in ("tcp", "udp") for line in open(f"/proc/net/{name}").read().splitlines()[1:] if line.split()[3] in ("0A", "07")),
            "names": open("/proc/net/unix").read().count("@"),
            "task": sorted(os.listdir("/var/task")),
            "opt": sorted(os.listdir("/opt")),
            "memory": [int(open("/proc/self/statm").read().split()[1]) < 100_000],
        }

    def handler(event, context):
        seen = look()
        if event.get("leaves"):
            assert libc.shmget(4711, 65536, 0o1666) >= 0, ctypes.get_errno()
            listening = socket.socket()
            listening.bind(("0.0.0.0", 4712))
            listening.listen()
            name = socket.socket(socket.AF_UNIX)
            name.bind("\\0left-behind")
            subprocess.Popen(["sleep", "1000"], start_new_session=True)
            globals()["kept"] = (listening, name)
        if event.get("writes"):
            with open("/tmp/left-behind", "w") as file:
                file.write("secret")
        return seen
"""


def test_a_sandbox_is_used_again_and_nothing_is_left(module_servers, python_runtime, deploy_to):
    """With room for one environment each function takes the place of the one before."""
    server = module_servers.start("--environments-max", "1", "--prepared-sandboxes", "1")
    deploy = deploy_to(server)
    first = deploy({"app.py": textwrap.dedent(MARKS), "only-in-the-first.txt": "x"})
    clean = first.invoke({"leaves": True}).payload
    processes = [clean.pop("pid")]
    assert clean["tmp"] == [] and clean["shared"] == 0 and clean["processes"] == []
    for number in range(6):
        time.sleep(0.7)
        # Every other one leaves something in /tmp, and is not used again.
        seen = deploy(MARKS).invoke({"leaves": True, "writes": number % 2 == 1}).payload
        processes.append(seen.pop("pid"))
        assert seen == {**clean, "task": ["app.py"]}
    # Numbers go on where the sandbox does, and begin again where it could not.
    assert max(processes) > min(processes) + 2, processes
    assert any(after < before for before, after in zip(processes, processes[1:])), processes


def test_what_a_sandbox_had_used_is_not_counted_again(module_servers, python_runtime, deploy_to):
    server = module_servers.start("--environments-max", "1", "--prepared-sandboxes", "1")
    deploy = deploy_to(server)
    code = "import os\ndef handler(event, context): return [len(bytearray(event)), os.getpid()]"
    processes = []
    for size in (100_000_000, 1) * 3:
        time.sleep(0.7)
        outcome = deploy(code, MemorySize=256).invoke(size)
        processes.append(outcome.payload[1])
        used = int(re.search(r"Max Memory Used: (\d+) MB", outcome.log).group(1))
        assert used < 60 or size > 1, used
    # Numbers go on where the sandbox does.
    assert max(processes) > min(processes) + 2, processes
