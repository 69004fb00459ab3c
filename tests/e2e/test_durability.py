"""What survives a crash, and what a crash leaves behind."""

import hashlib
import random
import threading
import time
import urllib.request

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import leaks
from functions import Deployer, Function
from lambent import ROLE
from packages import make_zip

HELLO = "def handler(event, context):\n    return 'hello'\n"
ROUNDS = 12


def code_of(number):
    return make_zip({"app.py": f"def handler(event, context):\n    return {number}\n"})


class Ledger:
    """What the server acknowledged, kept by the client: the judge of what must be there afterwards."""

    def __init__(self):
        self.certain = {}
        self.open = {}

    def begin(self, name, states):
        """An operation is under way; afterwards the function may be in any of the states (None: absent)."""
        self.open[name] = states

    def settle(self, name, state):
        """The server answered."""
        self.open.pop(name, None)
        self.certain[name] = state

    def may_be(self, name):
        """The states that are right for a function now."""
        return self.open.get(name, [self.certain.get(name)])


def write_until_it_fails(client, ledger, runtime, names, stop):
    """Creates, changes and deletes functions until the server is gone."""
    randomness = random.Random()
    while not stop.is_set():
        name = randomness.choice(names)
        number = randomness.randrange(10**9)
        known = ledger.may_be(name)[0]
        try:
            if known is None:
                ledger.begin(name, [None, number])
                client.create_function(
                    FunctionName=name,
                    Runtime=runtime,
                    Role=ROLE,
                    Handler="app.handler",
                    Code={"ZipFile": code_of(number)},
                    Tags={"number": str(number)},
                )
                ledger.settle(name, number)
            elif randomness.random() < 0.3:
                ledger.begin(name, [known, None])
                client.delete_function(FunctionName=name)
                ledger.settle(name, None)
            else:
                ledger.begin(name, [known, number])
                client.update_function_code(FunctionName=name, ZipFile=code_of(number))
                ledger.settle(name, number)
        except ClientError as error:
            ledger.open.pop(name, None)
            if error.response["Error"]["Code"] != "ResourceConflictException":
                raise
        except BotoCoreError:
            return


def audit(client, ledger, names):
    """Every function is as acknowledged, or whole as it was before or after what was under way."""
    listed = {item["FunctionName"] for page in client.get_paginator("list_functions").paginate() for item in page["Functions"]}
    for name in names:
        right = ledger.may_be(name)
        if name not in listed:
            assert None in right, f"{name} is lost, expected {right}"
            ledger.settle(name, None)
            continue
        found = client.get_function(FunctionName=name)
        with urllib.request.urlopen(found["Code"]["Location"]) as download:
            package = download.read()
        numbers = [number for number in right if number is not None and code_of(number) == package]
        assert numbers, f"{name} has other code than {right}"
        assert found["Configuration"]["CodeSize"] == len(package)
        assert hashlib.sha256(package).digest()
        ledger.settle(name, numbers[0])


@pytest.mark.timeout(400)
def test_what_was_acknowledged_survives_kill_9(fresh_server, python_runtime, tmp_path):
    data_dir = tmp_path / "data"
    ledgers = [Ledger() for _ in range(3)]
    groups = [[f"f{group}-{index}" for index in range(4)] for group in range(3)]
    randomness = random.Random(1)
    for _ in range(ROUNDS):
        server = fresh_server(data_dir=data_dir)
        client = server.client()
        for ledger, names in zip(ledgers, groups, strict=True):
            audit(client, ledger, names) if ledger.certain or ledger.open else None
        stop = threading.Event()
        writers = [
            threading.Thread(target=write_until_it_fails, args=(server.client(), ledger, python_runtime, names, stop))
            for ledger, names in zip(ledgers, groups, strict=True)
        ]
        for writer in writers:
            writer.start()
        time.sleep(randomness.uniform(0.1, 1.0))
        server.kill()
        stop.set()
        for writer in writers:
            writer.join()
    server = fresh_server(data_dir=data_dir)
    for ledger, names in zip(ledgers, groups, strict=True):
        audit(server.client(), ledger, names)
    survivors = [name for ledger in ledgers for name, state in ledger.certain.items() if state is not None]
    assert survivors, "the writers wrote nothing"
    client = server.client()
    function = Function(client, survivors[0], None).wait_active().wait_updated()
    expected = next(ledger.certain[survivors[0]] for ledger in ledgers if survivors[0] in ledger.certain)
    assert function.invoke({}).payload == expected


def test_functions_survive_a_restart_with_everything(fresh_server, python_runtime, tmp_path):
    data_dir = tmp_path / "data"
    server = fresh_server(data_dir=data_dir)
    deployer = Deployer(server.client(), python_runtime)
    function = deployer(HELLO, Tags={"a": "1"}, Environment={"Variables": {"BB": "2"}}, MemorySize=192)
    function.invoke({})
    before = function.client.get_function(FunctionName=function.name)
    assert server.stop() == 0
    server = fresh_server(data_dir=data_dir)
    again = Function(server.client(), function.name, function.arn)
    after = again.client.get_function(FunctionName=function.name)
    assert after["Configuration"] == before["Configuration"]
    assert after["Tags"] == {"a": "1"}
    assert again.invoke({}).payload == "hello"


def test_a_crash_leaves_nothing_that_the_next_start_does_not_sweep(fresh_server, python_runtime, tmp_path):
    data_dir = tmp_path / "data"
    server = fresh_server(data_dir=data_dir)
    neighbour = fresh_server()
    deployer = Deployer(server.client(), python_runtime)
    function = deployer("import time\ndef handler(event, context):\n    time.sleep(event)\n    return 1\n")
    other = Deployer(neighbour.client(), python_runtime)(HELLO)
    assert other.invoke({}).payload == "hello"
    callers = [threading.Thread(target=invoke_quietly, args=(function, 30)) for _ in range(4)]
    for caller in callers:
        caller.start()
    time.sleep(2)
    names = [str(data_dir), server.health()["data_dir_id"]]
    server.kill()
    for caller in callers:
        caller.join()

    server = fresh_server(data_dir=data_dir)
    assert server.health()["data_dir_id"] == names[1]
    left = [line for line in leaks.everything(names) if f" {server.process.pid} " not in line]
    leftovers = [line for line in left if not belongs_to(line, server)]
    # The new server's table has the same owner; the old one is gone.
    assert len(leftovers) <= 1 and all(line.startswith("packet filter table: ") for line in leftovers), leftovers
    assert other.invoke({}).payload == "hello", "the sweep touched another server"
    assert Function(server.client(), function.name, None).invoke(0).payload == 1
    server.stop()
    neighbour.stop()
    deadline = time.monotonic() + 10
    while (left := leaks.everything(names)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def invoke_quietly(function, event):
    try:
        function.invoke(event)
    except (BotoCoreError, ClientError):
        pass


def belongs_to(line, server):
    """Whether a leak line is the restarted server itself, or something that it made since."""
    kind, _, rest = line.partition(": ")
    if kind == "process":
        return int(rest.split()[0]) in descendants(server.process.pid) | {server.process.pid}
    if kind == "cgroup":
        return not any(pid for pid in cgroup_processes(rest) if pid not in descendants(server.process.pid))
    return kind == "mount" or kind == "loop device"


def cgroup_processes(path):
    try:
        with open(f"{path}/cgroup.procs") as processes:
            return [int(line) for line in processes]
    except OSError:
        return []


def descendants(pid):
    """All processes below a process."""
    found, open_pids = set(), [pid]
    while open_pids:
        for child in leaks.children(open_pids.pop()):
            found.add(child)
            open_pids.append(child)
    return found


def test_idle_environments_are_retired(fresh_server, python_runtime):
    server = fresh_server("--idle-retirement-seconds", "1", "--prepared-sandboxes", "0")
    deployer = Deployer(server.client(), python_runtime)
    function = deployer("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n")
    assert function.invoke({}).payload == 1
    deadline = time.monotonic() + 20
    while leaks.cgroups([server.health()["data_dir_id"]]) and time.monotonic() < deadline and busy(server):
        time.sleep(0.2)
    assert not busy(server)
    assert function.invoke({}).payload == 1
    deployer.close()


def busy(server):
    """Whether any environment's process is left."""
    return bool([pid for pid in descendants(server.process.pid) if b"bootstrap" in command_line(pid)])


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as line:
            return line.read()
    except OSError:
        return b""


def test_memory_and_descriptors_return_to_where_they_were(server, deploy):
    function = deploy(HELLO)
    for _ in range(5):
        function.invoke({})
    before = settled_files(server)
    for _ in range(200):
        assert function.invoke({}).payload == "hello"
    assert settled_files(server) <= before + 5


def settled_files(server):
    """How many files are open once what is made ahead is made."""
    counts = []
    while len(counts) < 5 or len(set(counts[-5:])) > 1:
        counts.append(leaks.open_files(server.process.pid))
        assert len(counts) < 300, counts
        time.sleep(0.1)
    return counts[-1]
