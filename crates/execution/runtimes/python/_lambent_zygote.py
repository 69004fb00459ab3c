"""A process that others are forked from: loaded once, with the rights that it takes to enter sandboxes.

It runs nothing of any function. What it forks enters a sandbox, gives up every right there, and only then waits for its function; the
order is that of the server's own processes (crates/sandbox/src/identity.rs), the requests are those of crates/sandbox/src/zygote.rs.
"""

import _socket
import ctypes
import gc
import itertools
import json
import os
import sys

# linux/sched.h, linux/prctl.h, linux/capability.h, asm/unistd.h, asm-generic/mman-common.h
NEW_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x40000000  # mounts, host name, IPC, network
NEW_CGROUP_NAMESPACE = 0x02000000
NEW_PID_NAMESPACE = 0x20000000
SHARING_MEMORY, PARENT_WAITS, INTO_CGROUP = 0x100, 0x4000, 0x200000000
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_PRIVATE, MAP_ANONYMOUS = 0x02, 0x20
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 4, 22, 24
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION_3 = 0x20080522
SIGCHLD = 17
MACHINE = os.uname().machine
CALLS = ("setns", "write", "unshare", "prctl", "setgroups", "setresgid", "setresuid", "capset", "setsid", "dup3", "close", "rseq")
NUMBERS = {
    "x86_64": dict(zip(CALLS, (308, 1, 272, 157, 116, 119, 117, 126, 112, 292, 3, 334))),
    "aarch64": dict(zip(CALLS, (268, 64, 97, 167, 159, 149, 147, 91, 157, 24, 57, 293))),
}[MACHINE]
#: linux/rseq.h: its first length, and where in it the number of the processor is; what the C library registers it with.
RSEQ_BYTES, RSEQ_PROCESSOR = 32, 4
RSEQ_SIGNATURE = {"x86_64": 0x53053053, "aarch64": 0xD428BC00}[MACHINE]
SOL_SOCKET, SCM_RIGHTS = _socket.SOL_SOCKET, _socket.SCM_RIGHTS
DESCRIPTORS_MAX = 64

#: Done where a process was forked: what they renew (locks that nobody holds, the thread that is left) is as new in a copy of a process of
#: one thread, and each would copy dozens of pages for it.
NEEDLESS = {("threading", "_after_fork"), ("logging", "_after_at_fork_child_reinit_locks")}
#: Where the interpreter has its small objects: of each size as many as there is room for in a pool, one after another.
POOL_BYTES = 16384 if sys.version_info >= (3, 10) else 4096
POOL_HEAD_BYTES = 48
SMALL_BYTES_MAX, STEP_BYTES = 512, 16
BYTES_HEAD_BYTES = bytes().__sizeof__()
#: Of one size; there are not nearly so many holes.
HOLES_MAX = 20_000

libc = ctypes.CDLL(None, use_errno=True)
#: What modules asked for that were loaded after this one; and how.
hooks, register_at_fork = [], os.register_at_fork
os.register_at_fork = lambda **functions: hooks.append(functions)


class FilterProgram(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


#: What calls point to.
NO_CAPABILITIES = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
#: The writing process itself.
ZERO = ctypes.create_string_buffer(b"0")


def check(result):
    """The answer of a call into the C library."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def serve():
    """Forks until the server is gone. Returns in what is forked only: the note that came with the request."""
    channel_number, filter_number, code = os.environ.pop("_LAMBENT_ZYGOTE").split()
    channel = _socket.socket(fileno=int(channel_number))
    closing_filter = os.read(int(filter_number), 65536)
    os.close(int(filter_number))
    own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
    between = Between(bytes.fromhex(code), closing_filter, (int(channel_number), own_namespace))
    renew = list(renewals())
    drop_bounding_set()
    fill_holes()
    channel.send(b'"Ready"')
    while True:
        message, descriptors = receive(channel)
        if not message:
            os._exit(0)
        request = json.loads(message)
        try:
            pid = between.fork_into(request, descriptors)
            if pid is None:
                break
            answer = b'{"Pid": %d}' % pid
        except Exception as error:
            answer = json.dumps({"Error": f"{type(error).__name__}: {error}"}).encode()
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(answer)
    # It is closed already.
    channel.detach()
    for hook in renew:
        hook()
    # From here on as if they had been registered when that was asked for: the function may fork too.
    os.register_at_fork = register_at_fork
    for functions in hooks:
        register_at_fork(**functions)
    for name in ("ctypes", "_ctypes", "ctypes._endian", __name__):
        sys.modules.pop(name, None)
    return request["note"]


def fill_holes():
    """What is made after this lies together: a small object in a hole of an old page would copy that page for itself alone."""
    kept = []
    for size in range(STEP_BYTES, SMALL_BYTES_MAX + 1, STEP_BYTES):
        last, in_a_row, half_a_pool = 0, 0, (POOL_BYTES - POOL_HEAD_BYTES) // size // 2
        for _ in itertools.repeat(None, HOLES_MAX):
            kept.append(thing_of(size))
            # The numbers of objects are objects too, of one of the sizes.
            in_a_row = in_a_row + 1 if 0 < id(kept[-1]) - last <= 2 * size else 1
            last = id(kept[-1])
            if in_a_row == half_a_pool:
                break
    # For ever: nor may its end touch anything, nor the collector.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    gc.freeze()


def thing_of(size):
    """A new object of so many bytes."""
    if size == STEP_BYTES:
        return object()
    return complex(0, 1) if size == 2 * STEP_BYTES else bytes(size - BYTES_HEAD_BYTES)


def receive(channel):
    """A message and its descriptors."""
    message, ancillary, _, _ = channel.recvmsg(65536, _socket.CMSG_SPACE(4 * DESCRIPTORS_MAX), _socket.MSG_CMSG_CLOEXEC)
    descriptors = []
    for level, kind, data in ancillary:
        if level == SOL_SOCKET and kind == SCM_RIGHTS:
            descriptors += memoryview(data).cast("i")
    return message.decode(), descriptors


def drop_bounding_set():
    """What is forked can get nothing back by running a program."""
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            # Past the last capability of this kernel.
            return


class Between:
    """A process that forks another one, and whose end makes the sandbox's init that one's parent.

    It is no copy of this one: it shares its memory, in which this one waits meanwhile. That takes instructions of its own, which the server
    brings (crates/sandbox/programs/between): whatever Python does would be done to this process too. They also make the calls that take
    what is forked into the sandbox, and out of every right: Python would copy pages for each. The function has them too; they can do
    nothing that it cannot do without them.
    """

    def __init__(self, code, closing_filter, closed):
        libc.mmap.restype, offset = ctypes.c_void_p, ctypes.c_long(0)
        address = libc.mmap(None, len(code), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, offset)
        ctypes.memmove(address, code, len(code))
        check(libc.mprotect(ctypes.c_void_p(address), len(code), PROT_READ | PROT_EXEC))
        prototype = ctypes.PYFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)
        self.code = prototype(address)
        self.filter = FilterProgram(len(closing_filter) // 8, closing_filter)
        #: What no function may have.
        self.closed = closed
        #: What was prepared for.
        self.shape = None
        self.restartable = self.restartable_sequences()

    def restartable_sequences(self):
        """The call that registers them (rseq(2)) as the C library has done here, if it has: the kernel takes them from who shares memory, and
        from its children. Else what is forked would believe to be on the processor that this process is on now.
        """
        try:
            offset = ctypes.c_ssize_t.in_dll(libc, "__rseq_offset").value
        except ValueError:
            # Before version 2.35.
            return []
        area = self.code(None, 0, None, None) + offset
        is_registered = ctypes.c_int32.from_address(area + RSEQ_PROCESSOR).value >= 0
        return [("rseq", area, RSEQ_BYTES, 0, RSEQ_SIGNATURE)] if is_registered else []

    def fork_into(self, request, descriptors):
        """The number of a process in the sandbox, which its init takes on; None in that process."""
        told, tell = os.pipe()
        shape = (request["has_group"], request["stdout_again"], told, tell, *descriptors)
        if shape != self.shape:
            self.prepare(*shape)
            self.shape = shape
        for at, kind in self.users:
            self.frame[at] = request["user"][kind]
        # Only what is forked is in the sandbox's process namespace; this process stays where it is.
        check(libc.setns(descriptors[0], NEW_PID_NAMESPACE))
        pid = -1
        try:
            pid = self.fork(tell)
        finally:
            if pid:
                check(libc.setns(self.closed[-1], NEW_PID_NAMESPACE))
        if not pid:
            return None
        hear(told, tell)
        return pid

    def prepare(self, has_group, stdout_again, told, tell, *descriptors):
        """Writes down what is told to the instructions. Descriptors mostly have the numbers of the last time: what this process writes to
        between two forks stays with what was forked, as its own.
        """
        init, stdin, stdout, *doors = descriptors
        self.how = (ctypes.c_uint64 * 11)()
        self.how[0], self.how[4] = SHARING_MEMORY | PARENT_WAITS, SIGCHLD
        if has_group:
            self.how[0], self.how[10] = self.how[0] | INTO_CGROUP, doors.pop(0)
        self.calls = self.entering(init, doors)
        self.calls += [("dup3", stdin, 0), ("dup3", stdout, 1), ("dup3", stdout, 2), ("dup3", stdout, stdout_again)]
        # The last one says that all is done.
        self.calls += [("close", descriptor) for descriptor in (told, *descriptors, *self.closed, tell)]
        words = [word for name, *rest in self.calls for word in (NUMBERS[name], *rest, *[0] * (6 - len(rest)))]
        self.users = [(3 + at, word) for at, word in enumerate(words) if isinstance(word, str)]
        words = [0 if isinstance(word, str) else word for word in words]
        # The number of what is forked, the answer of a call that failed, how many calls are left.
        self.frame = (ctypes.c_int64 * (3 + len(words)))(-1, 0, len(self.calls), *words)

    def entering(self, init, doors):
        """The calls that lead into the sandbox's namespaces and control groups, and out of every right."""
        header, nothing = NO_CAPABILITIES
        return [
            *self.restartable,
            ("setns", init, NEW_NAMESPACES),
            *[("write", door, ctypes.addressof(ZERO), 1) for door in doors],
            ("unshare", NEW_CGROUP_NAMESPACE),
            ("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(self.filter)),
            ("setgroups", 0, 0),
            ("setresgid", "gid", "gid", "gid"),
            ("setresuid", "uid", "uid", "uid"),
            ("capset", ctypes.addressof(header), ctypes.addressof(nothing)),
            # As after any exec: the sandbox's user may look at its own process.
            ("prctl", PR_SET_DUMPABLE, 1),
            ("setsid",),
        ]

    def fork(self, tell):
        """What `os.fork` returns, with the number in the namespace that children are made in.

        In what is forked the calls have been made, or it ends and tells which one failed.
        """
        self.frame[0] = -1
        # What os.fork does around it.
        ctypes.pythonapi.PyOS_BeforeFork()
        between = self.code(ctypes.byref(self.how), ctypes.sizeof(self.how), libc.fork, ctypes.byref(self.frame))
        if between == 0:
            ctypes.pythonapi.PyOS_AfterFork_Child()
            if self.frame[1]:
                os.write(tell, f"{self.calls[-self.frame[2]][0]}: {os.strerror(-self.frame[1])}".encode())
                os._exit(1)
            return 0
        ctypes.pythonapi.PyOS_AfterFork_Parent()
        if between < 0:
            raise OSError(-between, os.strerror(-between))
        os.waitpid(between, 0)
        if self.frame[0] < 0:
            raise RuntimeError("the process between could not fork")
        return self.frame[0]


def hear(told, tell):
    """Waits until what was forked is inside: if it has something to say it has failed."""
    os.close(tell)
    text = b""
    while said := os.read(told, 4096):
        text += said
    os.close(told)
    if text:
        raise RuntimeError(text.decode())


def renewals():
    """What the hooks that were registered are for, with as few pages as that takes."""
    for functions in hooks:
        hook = functions.get("after_in_child")
        name = (getattr(hook, "__module__", ""), getattr(hook, "__qualname__", ""))
        if name == ("random", "Random.seed"):
            # What that comes to without a seed; gauss_next is None already.
            yield super(type(hook.__self__), hook.__self__).seed
        elif hook and name not in NEEDLESS:
            yield hook
