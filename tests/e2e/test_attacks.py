"""Attack packages through the public API.

Each attack is run twice: with the layer that stops it taken away, where it must succeed (or the test would
prove nothing), and in a full sandbox, where it must not. Afterwards the server is healthy and a neighbour
function answers.
"""

import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from attacks.catalog import ATTACKS, PROCESS, without
from faults import Faults
from functions import Deployer, log_of

PRELUDE = (Path(__file__).parent / "attacks" / "prelude.py").read_text()
HELLO = "def handler(event, context):\n    return 'hello'\n"


@pytest.fixture(scope="module")
def server_with(module_servers, python_runtime):
    """Deployers on servers with the given flags, started once each."""
    deployers = {}

    def deployer(flags):
        if flags not in deployers:
            server = module_servers.start(*flags)
            deployers[flags] = (server, Deployer(server.client(), python_runtime))
        return deployers[flags]

    yield deployer
    for server, made in deployers.values():
        made.close()
        server.stop()


class Bait:
    """What an attack may reach if nothing stops it: a process, a file, two sockets. All of them the test's own."""

    def __init__(self, folder, tmp_inodes):
        self.tmp_inodes = tmp_inodes
        self.mark = f"bait-{uuid.uuid4().hex}"
        self.file = folder / "secret.txt"
        self.file.write_text(self.mark)
        self.file.chmod(0o644)
        code = "import time; time.sleep(86400)"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, self.mark], env={**os.environ, "BAIT": self.mark}
        )
        self.tcp = socket.create_server(("0.0.0.0", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind("\0" + self.mark)
        self.abstract.listen()
        for listener in (self.tcp, self.abstract):
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _serve(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(self.mark.encode())

    def event(self, server):
        """What the attack is told."""
        return {
            "bait_mark": self.mark,
            "bait_file": str(self.file),
            "bait_pid": self.process.pid,
            "bait_port": self.tcp.getsockname()[1],
            "host_addresses": ["127.0.0.1", *addresses_of_this_machine(), "169.254.100.1"],
            "data_dir": str(server.data_dir),
            "tmp_inodes": self.tmp_inodes,
        }

    def is_alive(self):
        """Whether the process still runs."""
        return self.process.poll() is None

    def close(self):
        """Takes the bait away."""
        self.process.kill()
        self.process.wait()
        for listener in (self.tcp, self.abstract):
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


def addresses_of_this_machine():
    """IPv4 addresses that other machines may know this one by."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    return [address for address in found if ":" not in address]


@pytest.fixture(scope="module")
def tmp_inodes(deploy_for_module):
    """How many files fit into the /tmp of an environment; attacks make a thousand more."""
    function = deploy_for_module("import os\ndef handler(event, context):\n    return os.statvfs('/tmp').f_files\n")
    inodes = function.invoke({}).payload
    assert inodes < 2_000_000
    return inodes


@pytest.fixture
def bait(tmp_path, tmp_inodes):
    placed = Bait(tmp_path, tmp_inodes)
    yield placed
    placed.close()


def package(code):
    """The attack with the prelude before it."""
    return {"app.py": PRELUDE + "\n\n" + textwrap.dedent(code)}


def run_attack(deployer, attack, event):
    """Whether it succeeded, and the whole outcome for messages."""
    function = deployer(package(attack.code), **{"Timeout": 30, "MemorySize": 256, **attack.options})
    try:
        outcome = function.invoke(event)
    finally:
        function.delete()
    return outcome.error is None and outcome.payload["succeeded"], outcome


@pytest.fixture(scope="module")
def neighbour(deploy_for_module):
    """A function that has nothing to do with any attack."""
    return deploy_for_module(HELLO)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name.replace(" ", "-"))
def test_an_attack_succeeds_without_its_layer_and_fails_with_it(
    attack, server_with, server, deploy, neighbour, bait, tmp_path, tmp_inodes
):
    open_server, open_deployer = server_with(attack.succeeds_with)
    succeeded, outcome = run_attack(open_deployer, attack, bait.event(open_server))
    # Some of them take rights that an ordinary user has not got anyway.
    assert succeeded or os.geteuid() != 0, f"the attack does not work even with {attack.succeeds_with}: {outcome}\n{outcome.log}"
    assert open_server.health()["status"] == "ok"

    if not bait.is_alive():
        bait.close()
        bait.__init__(tmp_path, tmp_inodes)
    succeeded, outcome = run_attack(deploy, attack, bait.event(server))
    assert not succeeded, f"{outcome}\n{outcome.log}"
    assert bait.is_alive()
    assert server.health()["status"] == "ok"
    assert neighbour.invoke({}).payload == "hello"


# --- Attacks between functions --------------------------------------------------------------------------------

VICTIM = """
import os, time
def handler(event, context):
    open("/tmp/lambent-attack-leftover", "w").write("left by the victim")
    open(os.path.join("/tmp", "lambent-attack-id"), "w").write(context.aws_request_id)
    time.sleep(event)
    return {"api": os.environ["AWS_LAMBDA_RUNTIME_API"], "id": context.aws_request_id}
"""


def steal_response(deployer):
    """One function answers in the name of another; the answer that the other's caller gets."""
    victim, thief = deployer(VICTIM), deployer(
        package(
            """
            def attack(event):
                url = f"http://{event['api']}/2018-06-01/runtime/invocation/{event['id']}/response"
                request = urllib.request.Request(url, data=b'"stolen"', method="POST")
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return answer.status == 202
            """
        )
    )
    known = victim.invoke(0).payload
    outcomes = []
    caller = threading.Thread(target=lambda: outcomes.append(victim.invoke(4)))
    caller.start()
    time.sleep(1)
    running = request_id_of_the_running(victim)
    thief.invoke({"api": known["api"], "id": running})
    caller.join()
    return outcomes[0].payload


def request_id_of_the_running(function):
    """The id in the last START line of a function's log: a thief may have learned it anywhere."""
    import lambent

    endpoint = function.client.meta.endpoint_url
    done = lambent.run("logs", function.name, env={"LAMBENT_ENDPOINT": endpoint})
    starts = [line for line in done.stdout.splitlines() if "START RequestId: " in line]
    return starts[-1].split("START RequestId: ")[1].split()[0]


def test_r_15_the_runtime_api_of_another_environment_cannot_be_reached(server_with, deploy):
    assert steal_response(server_with(PROCESS)[1]) == "stolen"
    assert steal_response(deploy)["api"]


def test_what_another_function_left_in_tmp_cannot_be_read(server_with, deploy):
    spy_code = """
        def attack(event):
            try:
                return open("/tmp/lambent-attack-leftover").read() == "left by the victim"
            finally:
                if os.path.exists("/tmp/lambent-attack-leftover"):
                    os.remove("/tmp/lambent-attack-leftover")
                    os.remove("/tmp/lambent-attack-id")
        """
    results = []
    for deployer in (server_with(PROCESS)[1], deploy):
        deployer(VICTIM).invoke(0)
        results.append(deployer(package(spy_code)).invoke({}).payload["succeeded"])
    assert results == [True, False]


def test_shared_memory_of_another_function_cannot_be_reached(server_with, deploy):
    key = uuid.uuid4().int & 0x7FFFFFFF
    make = f"""
        def attack(event):
            return check(LIBC.shmget({key}, 4096, 0o1666)) >= 0
        """
    find = f"""
        def attack(event):
            return check(LIBC.shmget({key}, 4096, 0o666)) >= 0
        """
    results = []
    try:
        for deployer in (server_with(without("ipc-namespace"))[1], deploy):
            deployer(package(make)).invoke({})
            results.append(deployer(package(find)).invoke({}).payload["succeeded"])
    finally:
        # Made in the host's namespace by the environment that had no other, and owned by its user.
        subprocess.run(["ipcrm", "-M", str(key)], capture_output=True)
    assert results == [True, False]


# --- Floods ---------------------------------------------------------------------------------------------------


#: Environments that print at a time: each alone is read too slowly to fill anything.
FLOODS = 10
PRINTS = """
import os
def handler(event, context):
    lines = (b"x" * 99 + b"\\n") * 600
    for _ in range(event):
        os.write(1, lines)
    return event * 600
"""


@pytest.fixture
def slow_disk(fresh_server, python_runtime, tmp_path):
    """A server whose logs are written slowly, how to make functions there, and the fault."""
    faults = Faults(tmp_path, "/logs/")
    server = fresh_server("--no-sdk", env=faults.environment)
    deployer = Deployer(server.client(), python_runtime)
    faults.slow_ms = 100
    yield server, deployer, faults
    faults.slow_ms = 0
    deployer.close()


def flood(function, rounds):
    """What several environments print together, in lines."""
    with ThreadPoolExecutor(FLOODS) as callers:
        outcomes = list(callers.map(lambda _: function.invoke(rounds), range(FLOODS)))
    assert all(len(outcome.log.encode()) <= 4096 for outcome in outcomes)
    return sum(outcome.payload for outcome in outcomes)


@pytest.mark.alone
def test_g_07_a_flood_of_output_is_bounded(slow_disk):
    """Five hundred megabytes that the disk does not take."""
    server, deploy, _ = slow_disk
    neighbour = deploy(HELLO)
    function = deploy(PRINTS, Timeout=60, MemorySize=256)
    flood(function, 0)
    before = server.resident_bytes()
    assert flood(function, 833) == 5_000_000 - 2_000
    assert server.resident_bytes() - before < 200 * 2**20
    assert neighbour.invoke({}).payload == "hello"


@pytest.mark.alone
def test_g_07_what_is_dropped_of_a_flood_is_told_in_the_functions_log(slow_disk):
    server, deploy, faults = slow_disk
    function = deploy(PRINTS, Timeout=60, MemorySize=1769)
    printed = flood(function, 160)
    faults.slow_ms = 0
    text = log_of(server, function, "REPORT RequestId: ")
    written = text.count("x" * 99 + "\n")
    told = [json.loads(line) for line in text.splitlines() if '"platform.logsDropped"' in line]
    assert told, "a disk that takes this flood is none for this test"
    assert written + sum(record["record"]["droppedRecords"] for record in told) == printed
    assert all(record["record"]["droppedBytes"] >= 100 for record in told)


@pytest.mark.alone
def test_g_07_printing_as_fast_as_pipes_allow_harms_nobody(server, deploy):
    flood = deploy(
        """
        import subprocess, time
        def handler(event, context):
            # Native programs, several of them: together as fast as anything can write into a pipe.
            printers = [subprocess.Popen(["yes", "x" * 99]) for _ in range(4)]
            time.sleep(event)
            for printer in printers:
                printer.kill()
                printer.wait()
            return 1
        """,
        Timeout=60,
        MemorySize=1769,
    )
    talker = deploy("def handler(event, context):\n    for n in range(200):\n        print('said', event, n)\n")
    talker.invoke(0)
    before = server.resident_bytes()
    outcomes = []
    caller = threading.Thread(target=lambda: outcomes.append(flood.invoke(8)))
    caller.start()
    rounds = 0
    while caller.is_alive():
        rounds += 1
        assert talker.invoke(rounds).error is None
    caller.join()
    assert outcomes[0].payload == 1
    assert server.resident_bytes() - before < 200 * 2**20
    assert rounds >= 8, "a neighbour goes on"
    text = log_of(server, talker, f"said {rounds} 199")
    said = set(re.findall(r"said (\d+) (\d+)\n", text))
    assert len(said) == 200 * (rounds + 1), "what is dropped is the flood's"
    told = log_of(server, flood, "REPORT RequestId: ")
    drops = [json.loads(line)["record"] for line in told.splitlines() if '"platform.logsDropped"' in line]
    printed = told.count("x" * 99 + "\n") * 100 + sum(drop["droppedBytes"] for drop in drops)
    print(f"{printed / 8 / 1e6:.0f} MB/s printed, of which {len(drops)} records tell what was dropped")


def test_nobody_holds_the_pipe_that_the_server_reads(deploy, neighbour):
    """A pipe's lock is held while splice and sendfile wait for a socket: whoever read the log would wait as long, in the kernel."""
    holder = deploy(
        """
        import ctypes, errno, os, socket, threading
        def handler(event, context):
            libc = ctypes.CDLL(None, use_errno=True)
            silent, _ = socket.socketpair()
            with socket.create_server(("127.0.0.1", 0)) as listening:
                talking = socket.create_connection(listening.getsockname())
            answers = {}
            def hold(name, *arguments):
                answers[name] = errno.errorcode.get(ctypes.get_errno()) if libc[name](*arguments) < 0 else "held"
            size = ctypes.c_size_t(65536)
            for sock in (silent, talking):
                ways = [
                    ("splice", sock.fileno(), None, 1, None, size, 0),
                    ("sendfile", 1, sock.fileno(), None, size),
                ]
                for way in ways:
                    holding = threading.Thread(target=hold, args=way, daemon=True)
                    holding.start()
                    print("something to read", flush=True)
                    holding.join(2)
                    answers.setdefault(way[0], "holds")
            with open("/tmp/file", "wb") as file:
                file.write(b"from a file\\n")
            with open("/tmp/file", "rb") as file:
                os.sendfile(1, file.fileno(), 0, 100)
            return answers
        """,
        Timeout=20,
    )
    outcome = holder.invoke({}, LogType="Tail")
    assert outcome.payload == {"splice": "ENOSYS", "sendfile": "ENOSYS"}
    assert "from a file\n" in outcome.log
    assert neighbour.invoke({}).payload == "hello"


@pytest.mark.alone
def test_g_07_one_endless_line_is_bounded(server, deploy, neighbour):
    before = server.resident_bytes()
    function = deploy(
        "import os\ndef handler(event, context):\n    for _ in range(event): os.write(2, b'y' * 65536)\n    return 1\n",
        Timeout=60,
    )
    assert function.invoke(1500).payload == 1
    assert server.resident_bytes() - before < 60 * 2**20
    assert neighbour.invoke({}).payload == "hello"


def test_busy_processors_do_not_starve_a_neighbour(deploy, neighbour):
    spinner = deploy(
        """
        import os, time
        def handler(event, context):
            for _ in range(8):
                if os.fork() == 0:
                    while True:
                        pass
            time.sleep(event)
            return 1
        """,
        Timeout=6,
    )
    neighbour.invoke({})
    caller = threading.Thread(target=lambda: spinner.invoke(5))
    caller.start()
    time.sleep(1)
    started = time.monotonic()
    for _ in range(10):
        assert neighbour.invoke({}).payload == "hello"
    assert time.monotonic() - started < 5
    caller.join()


def test_nothing_of_an_attack_is_left(server):
    left = [name for name in os.listdir("/tmp") if name.startswith("lambent-attack")]
    assert left == []
