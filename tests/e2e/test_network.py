"""What functions reach of the network: levels, allow-lists, names; between network namespaces that the test makes."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import lambent
import leaks
import networks
from functions import Deployer
from networks import GATEWAY, INTERNET, MACHINE, METADATA, PRIVATE
from test_ordinary_user import UID, home, system_runtime, tun  # noqa: F401

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="skipped: only root can make network namespaces"),
    pytest.mark.skipif(not Path("/run").is_dir() or shutil.which("ip") is None, reason="skipped: no ip (iproute2)"),
    pytest.mark.skipif(
        not any(Path(folder, "nft").exists() for folder in ("/usr/sbin", "/sbin", "/usr/bin")),
        reason="skipped: no nft (nftables)",
    ),
]

CALLER = """
import errno, os, socket, threading, time

def reach(host, port, kind="tcp"):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
            s.settimeout(4)
            s.connect((host, port))
            if kind == "udp":
                s.send(b"?")
            return s.recv(100).decode().strip()
    except socket.gaierror as error:
        return "no such name"
    except socket.timeout:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno]

def listen():
    listener = socket.create_server(("0.0.0.0", 7777))
    def serve():
        while True:
            connection, _ = listener.accept()
            connection.sendall(b"sibling\\n")
            connection.close()
    threading.Thread(target=serve, daemon=True).start()

def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("198.51.100.10", 9))
        return s.getsockname()[0]

def handler(event, context):
    os.environ["RES_OPTIONS"] = event.get("options", "")
    if event.get("listen"):
        listen()
        return own_address()
    if event.get("stay"):
        time.sleep(event["stay"])
    if event.get("look_up"):
        started = time.monotonic()
        try:
            found = sorted({info[4][0] for info in socket.getaddrinfo(event["look_up"], 80, socket.AF_INET)})
        except socket.gaierror:
            found = None
        return [found, time.monotonic() - started]
    return [reach(*where) for where in event["reach"]]
"""
REFUSED, REFUSED_DATAGRAM = "ECONNREFUSED", "EHOSTUNREACH"
# By a rule of the namespace itself.
REFUSED_INSIDE = "ENETUNREACH"


@pytest.fixture(scope="module")
def world(all_servers):
    """The machine and its world."""
    built = networks.Networks(all_servers.folder)
    yield built
    built.close()


@pytest.fixture
def machine(world, all_servers, python_runtime):
    """Starts servers on the machine and gives a function of theirs; the test is on the machine too."""
    started = []

    class Machine:
        networks = world

        @staticmethod
        def server(*args, data_dir=None):
            data_dir = data_dir or tempfile.mkdtemp(prefix="data-", dir=all_servers.folder)
            # No package index is on the machine: there is no SDK to wait for.
            server = world.start(data_dir, "--no-sdk", *args)
            started.append((server, Deployer(server.client(), python_runtime)))
            return started[-1]

        def caller(self, *args):
            return self.server(*args)[1](CALLER, Timeout=30)

    with world.inside():
        yield Machine()
        for server, deployer in started:
            if server.process.poll() is None:
                deployer.close()
            server.stop()
    assert network_when_done(world) == ("", "0", [])


def network_when_done(world):
    """The same once the kernel has taken the namespaces apart, which it does after their last process is gone."""
    deadline = time.monotonic() + 10
    while (found := network_of(world))[2] and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def network_of(world):
    """Tables of ours, forwarding of the uplink, devices of ours: what a server changes on its machine."""
    with world.inside():
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
        setting = Path("/proc/sys/net/ipv4/conf/uplink/forwarding").read_text().strip()
        devices = [name for name in os.listdir("/proc/sys/net/ipv4/conf") if name.startswith("lmb")]
    return tables.strip(), setting, devices


def reached(function, *where):
    outcome = function.invoke({"reach": where})
    assert outcome.error is None, outcome.payload
    return outcome.payload


def test_the_internet_is_reached_and_nothing_private(machine):
    function = machine.caller()
    assert reached(function, (INTERNET, 80), (INTERNET, 80, "udp")) == [MACHINE, MACHINE]
    assert reached(function, (PRIVATE, 80), (METADATA, 80), ("192.168.1.1", 80), ("172.16.0.1", 80)) == [REFUSED] * 4
    assert reached(function, (PRIVATE, 80, "udp"), (METADATA, 80, "udp")) == [REFUSED_DATAGRAM] * 2
    # The machine itself, by each of its addresses.
    assert reached(function, (MACHINE, 8080), ("198.18.0.1", 8080), ("198.18.0.1", 5432)) == [REFUSED] * 3
    assert reached(function, ("127.0.0.1", 5432), ("0.0.0.0", 8080)) == ["ECONNREFUSED"] * 2


def test_names_are_looked_up_by_datagram_and_by_stream(machine):
    function = machine.caller()
    look_up = lambda name, options="": function.invoke({"look_up": name, "options": options}).payload[0]  # noqa: E731
    assert look_up("internet.example") == [INTERNET]
    assert look_up("internet.example", "use-vc") == [INTERNET]
    assert look_up("long.example") == [INTERNET], "truncated, and asked again by TCP"
    assert look_up("nowhere.example") is None
    assert reached(function, ("internet.example", 80)) == [MACHINE]
    # A name that leads to the metadata service leads nowhere.
    assert reached(function, ("rebinding.example", 80), ("private.example", 80)) == [REFUSED] * 2


FLOOD = """
import socket, threading
def handler(event, context):
    def connect():
        while True:
            try:
                socket.create_connection(("169.254.100.1", 53), timeout=1).close()
            except OSError:
                pass
    for _ in range(8):
        threading.Thread(target=connect, daemon=True).start()
    threading.Event().wait()
"""


def test_a_flood_of_connections_to_the_name_server_ends_with_the_timeout(machine):
    _, deploy = machine.server()
    flood, other = deploy(FLOOD, Timeout=3, MemorySize=1769), deploy(CALLER, Timeout=30)
    started = time.monotonic()
    outcome = flood.invoke({})
    assert outcome.payload["errorType"] == "Sandbox.Timedout"
    assert time.monotonic() - started < 8
    assert other.invoke({"look_up": "internet.example", "options": "use-vc"}).payload[0] == [INTERNET]


def test_at_level_none_nothing_is_reached_and_names_fail_at_once(machine):
    function = machine.caller("--network", "none")
    assert reached(function, (INTERNET, 80), (PRIVATE, 80), (METADATA, 80), (MACHINE, 8080)) == ["ENETUNREACH"] * 4
    found, seconds = function.invoke({"look_up": "internet.example"}).payload
    assert found is None and seconds < 1


def test_at_level_open_everything_is_reached(machine):
    function = machine.caller("--network", "open")
    assert reached(function, (INTERNET, 80), (PRIVATE, 80), (METADATA, 80)) == [MACHINE] * 3
    address = function.invoke({"reach": [(MACHINE, 8080), ("host.lambent.internal", 5432)]}).payload
    assert all(answer.startswith("198.18.") for answer in address), address


@pytest.mark.parametrize("level", ["none", "internet"])
def test_an_allow_list_opens_what_it_names_and_no_more(machine, level):
    function = machine.caller("--network", level, "--network-allow", f"{PRIVATE}:80,host:5432")
    assert reached(function, (PRIVATE, 80), (PRIVATE, 80, "udp")) == [MACHINE] * 2
    assert reached(function, (PRIVATE, 81), (METADATA, 80), (MACHINE, 8080)) == [REFUSED] * 3
    # A service that listens on the machine's loopback only.
    (answer,) = reached(function, ("host.lambent.internal", 5432))
    assert answer.startswith("198.18."), answer
    assert reached(function, ("host.lambent.internal", 8080)) == [REFUSED]
    assert reached(function, (INTERNET, 80)) == [MACHINE if level == "internet" else REFUSED]


def test_a_function_has_a_level_of_its_own(machine):
    _, deploy = machine.server("--function-network", f"listed=none,{PRIVATE}", "--function-network", "shut=none")
    listed = deploy(CALLER, FunctionName="listed", Timeout=30)
    shut = deploy(CALLER, FunctionName="shut", Timeout=30)
    other = deploy(CALLER, Timeout=30)
    assert reached(listed, (PRIVATE, 80), (INTERNET, 80)) == [MACHINE, REFUSED]
    assert reached(shut, (PRIVATE, 80), (INTERNET, 80)) == ["ENETUNREACH"] * 2
    assert reached(other, (PRIVATE, 80), (INTERNET, 80)) == [REFUSED, MACHINE]


@pytest.mark.parametrize("level", ["internet", "open"])
def test_another_environment_is_never_reached(machine, level):
    _, deploy = machine.server("--network", level)
    listening, calling = deploy(CALLER, Timeout=30), deploy(CALLER, Timeout=30)
    address = listening.invoke({"listen": True}).payload
    # Of another server on the same machine, too.
    elsewhere = machine.caller("--network", level)
    assert address.startswith("198.18.")
    assert reached(listening, (address, 7777)) == ["sibling"], "it does listen"
    assert reached(calling, (address, 7777)) == [REFUSED]
    assert reached(elsewhere, (address, 7777)) == [REFUSED]


def test_forwarding_stays_until_the_last_server_leaves(machine):
    (first, _), (second, _) = machine.server(), machine.server()
    assert network_of(machine.networks)[:2] == ("table inet lambent_0\ntable inet lambent_1", "1")
    assert first.stop() == 0
    assert network_of(machine.networks)[:2] == ("table inet lambent_1", "1")
    assert second.stop() == 0
    assert network_when_done(machine.networks) == ("", "0", [])


def test_devices_of_a_server_that_has_just_left_are_in_nobodys_way(machine):
    server, deploy = machine.server()
    assert reached(deploy(CALLER, Timeout=30), (INTERNET, 80)) == [MACHINE]
    names = network_of(machine.networks)[2]
    assert names
    assert server.stop() == 0
    network_when_done(machine.networks)
    # The kernel takes devices apart in its own time: these take theirs.
    for name in names:
        networks.ip("link", "add", name, "type", "veth", "peer", "name", f"p{name}")
    try:
        assert reached(machine.caller(), (INTERNET, 80)) == [MACHINE]
    finally:
        for name in names:
            networks.ip("link", "delete", name)


def test_what_a_killed_server_left_goes_with_the_next_start(machine):
    server, deploy = machine.server()
    assert reached(deploy(CALLER, FunctionName="kept", Timeout=30), (INTERNET, 80)) == [MACHINE]
    server.kill()
    assert network_of(machine.networks)[0] == "table inet lambent_0"
    again, _ = machine.server(data_dir=server.data_dir)
    assert network_of(machine.networks)[0] == "table inet lambent_0", "one, not two"
    again.client().delete_function(FunctionName="kept")
    assert again.stop() == 0
    assert network_of(machine.networks)[:2] == ("", "0")


@pytest.fixture
def ordinary(world, home, tun, system_runtime, monkeypatch):
    """The same for a server of an ordinary user."""
    if shutil.which("pasta") is None:
        pytest.skip("skipped: no pasta (passt)")
    monkeypatch.setenv("LAMBENT_BIN", str(home / "lambent"))
    started = []

    class ServerOfAUser(networks.ServerOfTheMachine):
        resolvers = world.resolvers

        def command(self, *args):
            program = lambent.Server.command(self, *args)
            drop = f"exec setpriv --reuid {UID} --regid {UID} --clear-groups --inh-caps=-all"
            script = f'mount --bind {self.resolvers} /etc/resolv.conf; {tun}; {drop} -- "$@"'
            return ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh", *program]

    def caller(*args):
        options = ["--allow-unenforced", "memory", "--no-sdk", *args]
        server = ServerOfAUser(home / "data", *options, env={"HOME": str(home)})
        started.append((server, Deployer(server.client(), system_runtime)))
        return started[-1][1](CALLER, Timeout=30)

    world.resolvers.chmod(0o644)
    with world.inside():
        yield caller
        for server, deployer in started:
            deployer.close()
            identity = server.health()["data_dir_id"]
            server.stop()
            assert not leaks.processes([identity]), "pasta of its environments"


def test_an_ordinary_users_functions_reach_the_internet_and_nothing_private(ordinary):
    function = ordinary()
    assert reached(function, (INTERNET, 80), (INTERNET, 80, "udp")) == [MACHINE, MACHINE]
    assert reached(function, (PRIVATE, 80), (METADATA, 80), (MACHINE, 8080), ("198.18.0.1", 5432)) == [REFUSED_INSIDE] * 4
    assert reached(function, (PRIVATE, 80, "udp"), ("127.0.0.1", 5432)) == [REFUSED_INSIDE, "ECONNREFUSED"]
    assert function.invoke({"look_up": "internet.example"}).payload[0] == [INTERNET]
    assert function.invoke({"look_up": "long.example"}).payload[0] == [INTERNET]


def test_an_ordinary_users_allow_list_opens_what_it_names(ordinary):
    function = ordinary("--network", "none", "--network-allow", f"{PRIVATE}:80,host:5432")
    assert reached(function, (PRIVATE, 80), (PRIVATE, 80, "udp")) == [MACHINE] * 2
    assert reached(function, (PRIVATE, 81), (INTERNET, 80), ("host.lambent.internal", 8080)) == [REFUSED_INSIDE] * 3
    assert reached(function, ("host.lambent.internal", 5432)) == ["127.0.0.1"]


def test_an_ordinary_users_level_open_reaches_everything(ordinary):
    function = ordinary("--network", "open")
    assert reached(function, (INTERNET, 80), (PRIVATE, 80), (METADATA, 80)) == [MACHINE] * 3
    assert reached(function, ("host.lambent.internal", 5432)) == ["127.0.0.1"]


def test_the_gateway_of_the_machine_is_no_way_in(machine):
    # Forwarding is on for the uplink now; what comes from the world still goes nowhere.
    function = machine.caller()
    address = function.invoke({"listen": True}).payload
    networks.ip("-n", machine.networks.world, "route", "add", "198.18.0.0/15", "via", MACHINE)
    try:
        asked = ["ip", "netns", "exec", machine.networks.world, "python3", "-c"]
        code = f"import socket; socket.create_connection(('{address}', 7777), 2).recv(9)"
        assert subprocess.run([*asked, code], capture_output=True, check=False).returncode != 0
    finally:
        networks.ip("-n", machine.networks.world, "route", "delete", "198.18.0.0/15")
    assert reached(function, (GATEWAY, 80)) == ["ECONNREFUSED"], "an address of the world like any other"
