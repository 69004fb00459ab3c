"""A process that others are forked from: loaded once, with the rights that it takes to enter sandboxes.

It runs nothing of any function. What it forks enters a sandbox, gives up every right there, and only then waits for its function; the
order is that of the server's own processes (crates/sandbox/src/identity.rs), the requests are those of crates/sandbox/src/zygote.rs.
"""

import _socket
import ctypes
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
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}[MACHINE]
SOL_SOCKET, SCM_RIGHTS = _socket.SOL_SOCKET, _socket.SCM_RIGHTS
DESCRIPTORS_MAX = 64

libc = ctypes.CDLL(None, use_errno=True)


class FilterProgram(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


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
    between = Between(bytes.fromhex(code))
    own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
    drop_bounding_set()
    channel.send(b'"Ready"')
    while True:
        message, descriptors = receive(channel)
        if not message:
            os._exit(0)
        request = json.loads(message)
        try:
            pid = fork_into(request, descriptors, closing_filter, own_namespace, between)
            if pid is None:
                between.forget()
                forget(channel, own_namespace)
                return request["note"]
            answer = {"Pid": pid}
        except Exception as error:
            answer = {"Error": f"{type(error).__name__}: {error}"}
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps(answer).encode())


def receive(channel):
    """A message and its descriptors."""
    message, ancillary, _, _ = channel.recvmsg(65536, _socket.CMSG_SPACE(4 * DESCRIPTORS_MAX), _socket.MSG_CMSG_CLOEXEC)
    data = b"".join(data for level, kind, data in ancillary if level == SOL_SOCKET and kind == SCM_RIGHTS)
    return message, [int.from_bytes(data[at : at + 4], sys.byteorder) for at in range(0, len(data), 4)]


def drop_bounding_set():
    """What is forked can get nothing back by running a program."""
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            # Past the last capability of this kernel.
            return


def fork_into(request, descriptors, closing_filter, own_namespace, between):
    """The number of a process in the sandbox, which its init takes on; None in that process."""
    init, stdin, stdout, *doors = descriptors
    group = doors.pop(0) if request["has_group"] else None
    told, tell = os.pipe()
    # Only what is forked is in the sandbox's process namespace; this process stays where it is.
    check(libc.setns(init, NEW_PID_NAMESPACE))
    pid = -1
    try:
        pid = between.fork(group)
    finally:
        if pid:
            check(libc.setns(own_namespace, NEW_PID_NAMESPACE))
    if pid:
        hear(told, tell)
        return pid
    try:
        enter(init, doors, request["user"], closing_filter)
    except BaseException as error:
        os.write(tell, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os.setsid()
    for source, target in ((stdin, 0), (stdout, 1), (stdout, 2), (stdout, request["stdout_again"])):
        os.dup2(source, target)
    for descriptor in (told, tell, *descriptors):
        os.close(descriptor)
    return None


class Between:
    """A process that forks another one, and whose end makes the sandbox's init that one's parent.

    It is no copy of this one: it shares its memory, in which this one waits meanwhile. That takes instructions of its own, which the server
    brings (crates/sandbox/src/between.rs): whatever Python does would be done to this process too.
    """

    def __init__(self, code):
        self.length = len(code)
        libc.mmap.restype, offset = ctypes.c_void_p, ctypes.c_long(0)
        self.address = libc.mmap(None, self.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, offset)
        ctypes.memmove(self.address, code, self.length)
        check(libc.mprotect(ctypes.c_void_p(self.address), self.length, PROT_READ | PROT_EXEC))
        prototype = ctypes.PYFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)
        self.code = prototype(self.address)

    def fork(self, group):
        """What `os.fork` returns, with the number in the namespace that children are made in, and in a control group of v2 if there is one."""
        arguments, number = (ctypes.c_uint64 * 11)(), ctypes.c_int(-1)
        arguments[0], arguments[4] = SHARING_MEMORY | PARENT_WAITS, SIGCHLD
        if group is not None:
            arguments[0], arguments[10] = arguments[0] | INTO_CGROUP, group
        # What os.fork does around it.
        ctypes.pythonapi.PyOS_BeforeFork()
        between = self.code(ctypes.byref(arguments), ctypes.sizeof(arguments), libc.fork, ctypes.byref(number))
        if between == 0:
            ctypes.pythonapi.PyOS_AfterFork_Child()
            return 0
        ctypes.pythonapi.PyOS_AfterFork_Parent()
        if between < 0:
            raise OSError(-between, os.strerror(-between))
        os.waitpid(between, 0)
        if number.value < 0:
            raise RuntimeError("the process between could not fork")
        return number.value

    def forget(self):
        """Takes the instructions away."""
        libc.munmap(ctypes.c_void_p(self.address), self.length)


def hear(told, tell):
    """Waits until what was forked is inside: if it has something to say it has failed."""
    os.close(tell)
    text = b""
    while said := os.read(told, 4096):
        text += said
    os.close(told)
    if text:
        raise RuntimeError(text.decode())


def enter(init, doors, user, closing_filter):
    """Into the sandbox's namespaces and control groups, and out of every right."""
    check(libc.setns(init, NEW_NAMESPACES))
    for door in doors:
        # "0" is the writing process itself.
        os.write(door, b"0")
    check(libc.unshare(NEW_CGROUP_NAMESPACE))
    program = FilterProgram(len(closing_filter) // 8, closing_filter)
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))
    os.setgroups([])
    os.setresgid(user["gid"], user["gid"], user["gid"])
    os.setresuid(user["uid"], user["uid"], user["uid"])
    header, nothing = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    check(libc.syscall(SYS_CAPSET, header, nothing))
    # As after any exec: the sandbox's user may look at its own process.
    check(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))


def forget(channel, own_namespace):
    """Closes what the function must not have, and unloads what only this file needed."""
    channel.close()
    os.close(own_namespace)
    for name in ("ctypes", "_ctypes", "ctypes._endian", __name__):
        sys.modules.pop(name, None)
