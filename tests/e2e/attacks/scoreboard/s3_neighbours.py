"""S3: what one function learns of another, or does to it."""

import threading
import time

from .case import Case

VICTIM = """
def attack(event):
    open("/tmp/lambent-attack-leftover", "w").write(event["bait_mark"])
    marked = [(event["bait_mark"] * 1000).encode() for _ in range(500)]
    time.sleep(event.get("stay", 0))
    return bool(marked)
"""

READ_TMP = """
def attack(event):
    found = []
    for folder, _, names in os.walk("/tmp"):
        found += [name for name in names if event["bait_mark"] in open(os.path.join(folder, name), errors="replace").read()]
    return bool(found)
"""

REMANENCE = """
import mmap
def attack(event):
    # Memory that was never written: the kernel must have cleared it. No copy of the mark may be in it (the event's own is elsewhere).
    space = mmap.mmap(-1, 150 << 20)
    return space.find(event["bait_mark"].encode()) >= 0
"""

SIBLING_ENVIRONMENT = """
def attack(event):
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                if b"SIBLING_SECRET" in open(f"/proc/{name}/environ", "rb").read():
                    return True
            except OSError:
                pass
    return False
"""

SHARED = """
def attack(event):
    if event["make"]:
        check(LIBC.shmget(event["key"], 4096, 0o1666))
        check(LIBC.semget(event["key"], 1, 0o1666))
        held = socket.socket(socket.AF_UNIX)
        held.bind("\\0sibling" + str(event["key"]))
        held.listen()
        globals()["held"] = held
        return False
    for look in (lambda: check(LIBC.shmget(event["key"], 4096, 0o666)), lambda: check(LIBC.semget(event["key"], 1, 0o666))):
        try:
            look()
            return True
        except OSError:
            pass
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex("\\0sibling" + str(event["key"])) == 0
"""

SIGNALS = """
def attack(event):
    def work():
        for pid in [-1, *range(2, 33000)]:
            if pid not in (os.getpid(), os.getppid(), -os.getpgid(0)):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        return True
    in_child(work)
    return False
"""

POISON = """
def attack(event):
    for path in ("/opt/shared.txt", "/opt/planted.txt"):
        try:
            with open(path, "w") as file:
                file.write("poisoned")
            return True
        except OSError:
            pass
    for work in (lambda: os.chmod("/opt/shared.txt", 0o777), lambda: os.link("/opt/shared.txt", "/tmp/linked"), lambda: os.truncate("/opt/shared.txt", 0)):
        try:
            work()
            return open("/opt/shared.txt").read() != "clean"
        except OSError:
            pass
    return open("/opt/shared.txt").read() != "clean"
"""

WAITING = """
def attack(event):
    raise ValueError("it waits for a minute now, and is tried again")
"""

READ_WAITING = """
def attack(event):
    names = ("queues.db", "queues.db-wal", "queues.db-shm", "lambent.db", "lambent.db-wal")
    places = [event["data_dir"]] + [f"/proc/{pid}/root{event['data_dir']}" for pid in os.listdir("/proc") if pid.isdigit()]
    found = [os.path.join(place, name) for place in places for name in names]
    for folder, _, files in os.walk("/"):
        if not folder.startswith(("/proc", "/sys")):
            found += [os.path.join(folder, name) for name in files if name in names]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += [f"/proc/{pid}/fd/{number}" for number in os.listdir(f"/proc/{pid}/fd") if int(pid) != os.getpid()]
        except OSError:
            pass
    for path in found:
        try:
            if stat.S_ISREG(os.stat(path).st_mode) and event["bait_mark"].encode() in open(path, "rb").read():
                return True
        except OSError:
            pass
"""


def leftover(range_):
    """What a victim left in /tmp."""
    range_.deploy(VICTIM).invoke(range_.event())
    return range_.letter(range_.deploy(READ_TMP), "P", "L")


def remanence(range_):
    """Memory of an environment that is gone."""
    victim = range_.deploy(VICTIM)
    victim.invoke(range_.event())
    victim.delete()
    return range_.letter(range_.deploy(REMANENCE), "P", "L")


def sibling_environment(range_):
    """Environment variables of a function that runs at the same time."""
    victim = range_.deploy(VICTIM, Environment={"Variables": {"SIBLING_SECRET": "s"}})
    with range_.running(victim):
        return range_.letter(range_.deploy(SIBLING_ENVIRONMENT), "P", "L")


def waiting_event(range_):
    """An event of another function that waits to be tried again."""
    victim = range_.deploy(WAITING)
    victim.invoke(range_.event(), InvocationType="Event")
    time.sleep(0.5)
    return range_.letter(range_.deploy(READ_WAITING), "P", "L")


def shared_objects(range_):
    """Objects with names: System V memory and semaphores, abstract sockets."""
    key = range_.number()
    maker, finder = range_.deploy(SHARED), range_.deploy(SHARED)
    maker.invoke({"make": True, "key": key})
    return range_.letter(finder, "P", "L", {"make": False, "key": key})


def signals(range_):
    """SIGKILL to everything while another function runs."""
    victim, attacker = range_.deploy(VICTIM), range_.deploy(SIGNALS)
    outcomes = []
    caller = threading.Thread(target=lambda: outcomes.append(victim.invoke({**range_.event(), "stay": 1})))
    caller.start()
    time.sleep(0.3)
    attacker.invoke(range_.event())
    caller.join()
    return "C" if outcomes and outcomes[0].error is None else "H"


def poisoned_layer(range_):
    """A layer that two functions share."""
    layer = range_.layer({"shared.txt": "clean"})
    return range_.letter(range_.deploy(POISON, Layers=[layer]), "P", "L")


CASES = [
    Case(29, "/tmp of another function", run=leftover),
    Case(30, "memory of an environment that is gone", run=remanence),
    Case(31, "environment variables of a sibling", run=sibling_environment, catalog=("environment variables of other processes",)),
    Case(32, "shared memory, semaphores, abstract sockets", run=shared_objects, catalog=("an abstract socket of the host",)),
    Case(33, "signals to siblings", run=signals, catalog=("kill a process of the host",)),
    Case(34, "a shared layer", run=poisoned_layer, catalog=("its own package",)),
    Case(35, "timing of the shared page cache", why_not="side channels are not held at this level (SECURITY.md): one kernel, one page cache"),
    Case(36, "a frozen environment and another tenant's id", why_not="there are no tenant ids yet; an environment serves one version of one function"),
    Case(37, "random numbers of a snapshot's clones", why_not="there are no snapshots yet"),
    Case(38, "another function's log by the API", why_not="no policy is evaluated yet: `--auth enforce` says who asks, not what he may, so credentials of any function read every log"),
    Case(39, "asynchronous payloads of others", run=waiting_event),
]
