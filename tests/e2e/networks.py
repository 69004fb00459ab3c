"""Network namespaces of a test: a machine, and the world that it is connected to."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import lambent

WORLD = Path(__file__).parent / "programs" / "world.py"
CLONE_NEWNET = 0x40000000
# The machine, and its gateway in the world.
MACHINE, GATEWAY = "203.0.113.2", "203.0.113.1"
INTERNET, PRIVATE, METADATA, RESOLVER = "198.51.100.10", "10.9.9.9", "169.254.169.254", "10.9.9.53"


def ip(*words):
    """Runs `ip`."""
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def remove_what_dead_sessions_left():
    """A session that was killed could not: its namespaces, which have its process id in their names, and who lives in them."""
    for place in Path("/run/netns").glob("lambent-*-*-*"):
        pid = place.name.split("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            found = subprocess.run(["ip", "netns", "pids", place.name], capture_output=True, text=True, check=False)
            for left in found.stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(left), signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", place.name], capture_output=True, check=False)


class ServerOfTheMachine(lambent.Server):
    """A server whose host asks the resolver of the world."""

    resolvers = None

    def command(self, *args):
        """Every step is an exec: the process stays the same."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        unshared = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script]
        return [*unshared, str(self.resolvers), *super().command(*args)]


class Networks:
    """A machine with one device, and a world that answers on it."""

    def __init__(self, folder):
        remove_what_dead_sessions_left()
        mark = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.machine, self.world = f"lambent-machine-{mark}", f"lambent-world-{mark}"
        self.programs = []
        self.resolvers = Path(folder) / f"resolv-{mark}.conf"
        self.resolvers.write_text(f"nameserver {RESOLVER}\n")
        try:
            self.build()
        except BaseException:
            self.close()
            raise

    def build(self):
        """Namespaces, a pair of devices, addresses, programs."""
        for namespace in (self.machine, self.world):
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        ip("-n", self.machine, "link", "add", "uplink", "type", "veth", "peer", "downlink", "netns", self.world)
        for namespace, device, address in (
            (self.machine, "uplink", MACHINE),
            (self.world, "downlink", GATEWAY),
        ):
            ip("-n", namespace, "address", "add", f"{address}/24", "dev", device)
            ip("-n", namespace, "link", "set", device, "up")
        for address in (INTERNET, PRIVATE, METADATA, RESOLVER):
            ip("-n", self.world, "address", "add", f"{address}/32", "dev", "lo")
        ip("-n", self.machine, "route", "add", "default", "via", GATEWAY)
        self.run(self.world, "who", *(f"{address}:80" for address in (INTERNET, PRIVATE, METADATA)), f"{PRIVATE}:81")
        self.run(self.world, "resolver", RESOLVER)
        # Services of the machine itself: for everybody, and for its own programs.
        self.run(self.machine, "who", "0.0.0.0:8080", "127.0.0.1:5432")

    def run(self, namespace, *arguments):
        """Starts a program of the world and waits until it listens."""
        command = ["ip", "netns", "exec", namespace, sys.executable, str(WORLD), *arguments]
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.programs.append(program)
        assert program.stdout.readline() == "ready\n"

    @contextlib.contextmanager
    def inside(self):
        """The calling thread, and what it starts, is on the machine."""
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.machine}", os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield self
        finally:
            assert libc.setns(home, CLONE_NEWNET) == 0
            os.close(home)
            os.close(there)

    def start(self, data_dir, *args, **options):
        """A server on the machine; only for a thread that is inside."""
        kind = type("Server", (ServerOfTheMachine,), {"resolvers": self.resolvers})
        return kind(data_dir, *args, **options)

    def close(self):
        """Ends the programs and removes the namespaces."""
        for program in self.programs:
            program.kill()
            program.wait()
            program.stdout.close()
        for namespace in (self.machine, self.world):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
