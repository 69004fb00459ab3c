"""S4: the network, at level `internet`, on a machine of the test's own with a world around it (tests/e2e/networks.py)."""

import threading
import time

from .case import Case

METADATA = """
def attack(event):
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "rebinding.example", "[::ffff:a9fe:a9fe]", "2852039166", "0xa9fea9fe"):
        try:
            with socket.create_connection((address.strip("[]"), 80), timeout=2) as connection:
                if connection.recv(64):
                    return True
        except OSError:
            pass
    return False
"""

CONTROL = """
def attack(event):
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    for path in ("/_lambent/health", "/_lambent/metrics", "/_lambent/logs/f", "/_lambent/../_lambent/health", "//_lambent/health", "/%5flambent/health"):
        try:
            with urllib.request.urlopen(endpoint + path, timeout=5) as answer:
                if b"lambent" in answer.read() or answer.status == 200:
                    return True
        except OSError:
            pass
    for address in (event["machine"], "198.18.0.1", "127.0.0.1", "169.254.100.1", "host.lambent.internal"):
        with socket.socket() as one:
            one.settimeout(2)
            try:
                if one.connect_ex((address, event["server_port"])) == 0:
                    return True
            except OSError:
                pass
    return False
"""

LISTEN = """
def attack(event):
    listener = socket.create_server(("0.0.0.0", 7777))
    globals()["kept"] = listener
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect((event["internet"], 9))
        return one.getsockname()[0]

def handler(event, context):
    return attack(event) if event.get("listen") else time.sleep(event.get("stay", 0))
"""

SCAN = """
def attack(event):
    parts = event["sibling"].rsplit(".", 1)
    for last in range(1, 60):
        for port in (7777, 9001, 4566):
            address = f"{parts[0]}.{last}"
            if address == event["own"]:
                continue
            with socket.socket() as one:
                one.settimeout(0.5)
                if one.connect_ex((address, port)) == 0:
                    return True
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
        return True
    except OSError:
        return False
"""

RAW = """
def attack(event):
    for family, kind, protocol in (
        (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        (socket.AF_INET6, socket.SOCK_RAW, 58), (socket.AF_NETLINK, socket.SOCK_RAW, 12), (socket.AF_INET, socket.SOCK_RAW, 6),
    ):
        try:
            with socket.socket(family, kind, protocol) as one:
                if family != socket.AF_NETLINK:
                    return True
                # Rules of the packet filter, which nobody may read or write.
                one.bind((0, 0))
                one.send((20).to_bytes(4, "little") + (0x0A01).to_bytes(2, "little") + b"\\x01\\x03" + bytes(12))
                if one.recv(4096)[4:6] != b"\\x02\\x00":
                    return True
        except OSError:
            pass
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.setsockopt(socket.SOL_IP, 19, 1)
            return True
    except OSError:
        return False
"""

TUNNEL = """
def attack(event):
    # A flood of questions; and answers forged from inside, to whoever asks in the same environment.
    server = [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver")][0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(2)
        for number in range(3000):
            question = number.to_bytes(2, "big") + b"\\x01\\x00\\x00\\x01" + bytes(6) + b"\\x07nowhere\\x07example\\x00\\x00\\x01\\x00\\x01"
            one.sendto(question, (server, 53))
    # The resolver that all environments share answers the truth afterwards.
    for _ in range(20):
        try:
            return socket.gethostbyname("internet.example") != event["internet"]
        except OSError:
            time.sleep(0.5)
    return True
"""

LOOPBACK = """
def attack(event):
    for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::ffff:127.0.0.1", "198.18.0.1", event["machine"]):
        for port in (5432, 8080):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family) as one:
                one.settimeout(2)
                try:
                    if one.connect_ex((address, port)) == 0:
                        return True
                except OSError:
                    pass
    return False
"""

EGRESS = """
def attack(event):
    end, block = time.monotonic() + 2, b"x" * 1400
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        while time.monotonic() < end:
            try:
                one.sendto(block, (event["internet"], 9))
            except OSError:
                pass
    return False
"""

PORTS = """
def attack(event):
    # What the server listens on, and what only root may. The same number on another address is the function's own affair.
    for address, port, kind in (
        *(("169.254.100.1", port, socket.SOCK_STREAM) for port in (9001, 4566, 53)),
        *(("169.254.100.1", port, socket.SOCK_DGRAM) for port in (2000, 53)),
        *((address, port, socket.SOCK_STREAM) for address in ("0.0.0.0", "127.0.0.1") for port in (53, 80, 1)),
        ("0.0.0.0", 9001, socket.SOCK_STREAM),
    ):
        with socket.socket(socket.AF_INET, kind) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                one.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    one.listen()
                return True
            except OSError:
                pass
    return False
"""


def scan(range_):
    """The addresses of other environments, and what is sent to all on one wire."""
    victim, scanner = range_.deploy_whole(LISTEN), range_.deploy(SCAN)
    sibling = victim.invoke({**range_.event(), "listen": True}).payload
    with range_.running(victim, {"stay": 2}):
        return range_.letter(scanner, "P", "L", {"sibling": sibling, "own": ""})


def egress(range_):
    """As fast as it goes, while a neighbour answers."""
    flood = range_.deploy(EGRESS)
    caller = threading.Thread(target=lambda: flood.invoke(range_.event()))
    caller.start()
    time.sleep(0.5)
    started = time.monotonic()
    answers = [range_.neighbour_answers() for _ in range(20)]
    slow = time.monotonic() - started
    caller.join()
    return "C" if all(answers) and slow < 2 else "D"


def sibling_runtime_api(range_):
    """The address is the same in every environment, and leads to its own."""
    victim = range_.deploy_whole(LISTEN)
    thief = range_.deploy(
        """
        def attack(event):
            url = f"http://169.254.100.1:9001/2018-06-01/runtime/invocation/{event['id']}/response"
            request = urllib.request.Request(url, data=b'"stolen"', method="POST")
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return answer.status == 202
            except OSError:
                return False
        """
    )
    with range_.running(victim, {"stay": 2}) as request_id:
        return range_.letter(thief, "P", "L", {"id": request_id()})


CASES = [
    Case(40, "the metadata service, by every spelling", codes=(METADATA,), succeeded="L", succeeds_with=("--network", "open")),
    Case(41, "the server's own pages and port", codes=(CONTROL,), succeeded="L", succeeds_with=("--network", "open")),
    Case(42, "the Runtime API of a sibling", run=sibling_runtime_api),
    Case(43, "a scan for siblings", run=scan),
    Case(44, "raw packets, the packet filter", codes=(RAW,), catalog=("raw packets", "network settings"), succeeded="E"),
    Case(45, "a flood of questions for names", codes=(TUNNEL,), stopped="C", succeeded="H", options={"Timeout": 60}),
    Case(46, "services on the machine's loopback", codes=(LOOPBACK,), catalog=("a port of the host",), succeeded="L", succeeds_with=("--network", "open")),
    Case(47, "a flood out to the network", run=egress),
    Case(48, "requests that our own features make", why_not="what makes requests for a function (webhooks, endpoints of its choice) is not there yet"),
    Case(49, "the server's ports inside", codes=(PORTS,), stopped="P", succeeded="L"),
]
