"""The attacks: what each tries, and what must be taken away for it to succeed.

Every attack is bounded and cleans up after itself, because it is run with its protection taken away first: on
the machine of whoever runs the tests, and there it succeeds. `event` carries the test's bait: a process to kill,
a file to read, a port to reach.
"""

from dataclasses import dataclass, field

PROCESS = ("--isolation", "process")


def without(*layers):
    """Server flags that take layers away."""
    return tuple(word for layer in layers for word in ("--without-layer", layer))


@dataclass(frozen=True)
class Attack:
    """One attack: the body of `attack(event)`, and server flags under which it succeeds."""

    name: str
    succeeds_with: tuple
    code: str
    options: dict = field(default_factory=dict, hash=False)


ATTACKS = [
    # --- Resources ---
    Attack(
        "fork bomb",
        without("pids-limit"),
        """
        def attack(event):
            children = []
            try:
                for _ in range(1500):
                    child = os.fork()
                    if child == 0:
                        signal.pause()
                        os._exit(0)
                    children.append(child)
            finally:
                for child in children:
                    os.kill(child, signal.SIGKILL)
                for child in children:
                    os.waitpid(child, 0)
            return len(children) == 1500
        """,
        {"MemorySize": 2048, "Timeout": 60},
    ),
    Attack(
        "thread bomb",
        without("pids-limit"),
        """
        def attack(event):
            threading.stack_size(64 * 1024)
            done, threads = threading.Event(), []
            try:
                for _ in range(1500):
                    thread = threading.Thread(target=done.wait)
                    thread.start()
                    threads.append(thread)
            finally:
                done.set()
                for thread in threads:
                    thread.join()
            return len(threads) == 1500
        """,
        {"MemorySize": 2048, "Timeout": 60},
    ),
    Attack(
        "memory bomb",
        without("memory-limit"),
        """
        def attack(event):
            blocks = [bytearray(b"x") * (1 << 20) for _ in range(400)]
            return len(blocks) == 400
        """,
    ),
    Attack(
        "memory by memfd",
        without("memory-limit"),
        """
        def attack(event):
            memory = os.memfd_create("bomb")
            block = b"x" * (1 << 20)
            for _ in range(400):
                os.write(memory, block)
            return True
        """,
    ),
    Attack(
        "bytes of /tmp",
        without("ephemeral-storage"),
        """
        def attack(event):
            block = b"x" * (1 << 20)
            try:
                with open("/tmp/lambent-attack-fill", "wb", buffering=0) as file:
                    for _ in range(700):
                        if file.write(block) != len(block):
                            return False
            finally:
                os.remove("/tmp/lambent-attack-fill")
            return True
        """,
        {"MemorySize": 1024, "Timeout": 120},
    ),
    Attack(
        "inodes of /tmp",
        without("ephemeral-storage"),
        """
        def attack(event):
            folder, made = "/tmp/lambent-attack-inodes", 0
            os.mkdir(folder)
            try:
                while made < event["tmp_inodes"] + 1000:
                    os.close(os.open(f"{folder}/{made}", os.O_CREAT | os.O_WRONLY))
                    made += 1
            finally:
                for number in range(made):
                    os.unlink(f"{folder}/{number}")
                os.rmdir(folder)
            return True
        """,
        {"MemorySize": 1024, "Timeout": 120},
    ),
    Attack(
        "file descriptors",
        without("resource-limits"),
        """
        def attack(event):
            import resource
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            opened = []
            try:
                while len(opened) < 1100:
                    opened.append(os.open("/dev/null", os.O_RDONLY))
            finally:
                for number in opened:
                    os.close(number)
            return True
        """,
    ),
    Attack(
        "core dump",
        PROCESS,
        """
        def attack(event):
            import resource
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            child = os.fork()
            if child == 0:
                os.chdir("/tmp")
                resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
                os.kill(os.getpid(), signal.SIGSEGV)
            status = os.waitpid(child, 0)[1]
            for name in os.listdir("/tmp"):
                if name == "core" or name == f"core.{child}":
                    os.remove(f"/tmp/{name}")
            return os.WCOREDUMP(status)
        """,
        {"Timeout": 60},
    ),
    # --- The host's processes and files ---
    Attack(
        "host processes in /proc",
        PROCESS,
        """
        def attack(event):
            return event["bait_mark"] in open(f"/proc/{event['bait_pid']}/cmdline").read()
        """,
    ),
    Attack(
        "environment variables of other processes",
        PROCESS,
        """
        def attack(event):
            for name in os.listdir("/proc"):
                if name.isdigit() and int(name) != os.getpid():
                    try:
                        if event["bait_mark"].encode() in open(f"/proc/{name}/environ", "rb").read():
                            return True
                    except OSError:
                        pass
            return False
        """,
    ),
    Attack(
        "a file of the host",
        PROCESS,
        """
        def attack(event):
            return open(event["bait_file"]).read() == event["bait_mark"]
        """,
    ),
    Attack(
        "a file of the host through a link",
        PROCESS,
        """
        def attack(event):
            link = "/tmp/lambent-attack-link"
            os.symlink(event["bait_file"], link)
            try:
                return open(link).read() == event["bait_mark"]
            finally:
                os.remove(link)
        """,
    ),
    Attack(
        "a file of the host through /proc",
        PROCESS,
        """
        def attack(event):
            for name in ["self", "1", *os.listdir("/proc")]:
                try:
                    if open(f"/proc/{name}/root{event['bait_file']}").read() == event["bait_mark"]:
                        return True
                except OSError:
                    pass
            return False
        """,
    ),
    Attack(
        "the server's data directory",
        PROCESS,
        """
        def attack(event):
            return len(os.listdir(event["data_dir"])) > 0
        """,
    ),
    Attack(
        "kernel addresses",
        PROCESS,
        """
        def attack(event):
            return any(int(line.split()[0], 16) for line in open("/proc/kallsyms"))
        """,
    ),
    Attack(
        "kernel settings",
        PROCESS,
        """
        def attack(event):
            with open("/proc/sys/kernel/domainname") as setting:
                before = setting.read()
            with open("/proc/sys/kernel/domainname", "w") as setting:
                setting.write(before)
            return True
        """,
    ),
    Attack(
        "its own package",
        PROCESS,
        """
        def attack(event):
            with open(os.path.join(os.environ["LAMBDA_TASK_ROOT"], "planted.py"), "w") as file:
                file.write("x = 1")
            return True
        """,
    ),
    # --- Signals and tracing ---
    Attack(
        "kill a process of the host",
        PROCESS,
        """
        def attack(event):
            os.kill(event["bait_pid"], signal.SIGKILL)
            return True
        """,
    ),
    Attack(
        "trace a process of the host",
        PROCESS,
        """
        def attack(event):
            attach, detach, pid = 16, 17, event["bait_pid"]
            check(LIBC.ptrace(attach, pid, 0, 0))
            os.waitpid(pid, 0x40000000)
            check(LIBC.ptrace(detach, pid, 0, 0))
            return True
        """,
    ),
    Attack(
        "read the memory of a process of the host",
        PROCESS,
        """
        def attack(event):
            pid = event["bait_pid"]
            line = next(line for line in open(f"/proc/{pid}/maps") if "r" in line.split()[1])
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(int(line.split("-")[0], 16))
                return len(memory.read(16)) == 16
        """,
    ),
    # --- Privileges ---
    Attack(
        "become root",
        without("user", "capabilities", "seccomp"),
        """
        def attack(event):
            if os.geteuid() != 0:
                os.setuid(0)
            return os.geteuid() == 0
        """,
    ),
    Attack(
        "mount a file system",
        PROCESS,
        """
        def attack(event):
            folder = "/tmp/lambent-attack-mount"
            os.makedirs(folder, exist_ok=True)
            try:
                check(LIBC.mount(b"none", folder.encode(), b"tmpfs", 0, b"size=64k"))
                check(LIBC.umount2(folder.encode(), 2))
                return True
            finally:
                os.rmdir(folder)
        """,
    ),
    Attack(
        "mount in a user namespace of its own",
        PROCESS,
        """
        def attack(event):
            def work():
                check(LIBC.unshare(0x10000000 | 0x00020000))
                check(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, b"size=64k"))
                return True
            return in_child(work)
        """,
    ),
    Attack(
        "a user namespace of its own",
        without("seccomp"),
        """
        def attack(event):
            return in_child(lambda: check(LIBC.unshare(0x10000000)) == 0)
        """,
    ),
    Attack(
        "a device node",
        PROCESS,
        """
        def attack(event):
            node = "/tmp/lambent-attack-node"
            os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(7, 0))
            os.remove(node)
            return True
        """,
    ),
    Attack(
        "a program that is set-user-id root",
        PROCESS,
        """
        def attack(event):
            program = "/tmp/lambent-attack-setuid"
            try:
                with open("/usr/bin/id", "rb") as source, open(program, "wb") as target:
                    target.write(source.read())
                os.chown(program, 0, 0)
                os.chmod(program, 0o4755)
                return subprocess.run([program, "-u"], capture_output=True).stdout.strip() == b"0"
            finally:
                os.remove(program)
        """,
    ),
    Attack(
        "set-user-id programs of the host",
        PROCESS,
        """
        def attack(event):
            code = "import os; print(os.geteuid())"
            for program in ("/usr/bin/su", "/bin/su"):
                if os.path.exists(program):
                    done = subprocess.run([program, "-c", "id -u", "root"], stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
                    return done.stdout.strip() == b"0"
            return False
        """,
    ),
    Attack(
        "change the root directory",
        PROCESS,
        """
        def attack(event):
            return in_child(lambda: os.chroot("/tmp") is None)
        """,
    ),
    Attack(
        "control groups",
        PROCESS,
        """
        def attack(event):
            for folder, _, names in os.walk("/sys/fs/cgroup"):
                if "cgroup.procs" in names and os.access(os.path.join(folder, "cgroup.procs"), os.W_OK):
                    os.close(os.open(os.path.join(folder, "cgroup.procs"), os.O_WRONLY))
                    return True
            return False
        """,
    ),
    Attack(
        "kernel keyrings",
        without("seccomp"),
        """
        def attack(event):
            key = syscall(248, 217, b"user", b"lambent-attack", b"x", 1, -2)
            syscall(250, 219, 3, key, 0, 0, 0)
            return True
        """,
    ),
    Attack(
        "bpf programs",
        without("seccomp", "user", "capabilities"),
        """
        def attack(event):
            attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)
            os.close(syscall(321, 280, 0, attributes, ctypes.sizeof(attributes)))
            return True
        """,
    ),
    Attack(
        "io_uring",
        without("seccomp"),
        """
        def attack(event):
            parameters = (ctypes.c_uint32 * 30)()
            os.close(syscall(425, 425, 1, parameters))
            return True
        """,
    ),
    Attack(
        "handling page faults",
        without("seccomp"),
        """
        def attack(event):
            os.close(syscall(323, 282, 1))
            return True
        """,
    ),
    # --- Network ---
    Attack(
        "a port of the host",
        PROCESS,
        """
        def attack(event):
            for address in event["host_addresses"]:
                try:
                    with socket.create_connection((address, event["bait_port"]), timeout=2) as connection:
                        if connection.recv(64).decode() == event["bait_mark"]:
                            return True
                except OSError:
                    pass
            return False
        """,
        {"Timeout": 60},
    ),
    Attack(
        "an abstract socket of the host",
        PROCESS,
        """
        def attack(event):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect("\\0" + event["bait_mark"])
                return connection.recv(64).decode() == event["bait_mark"]
        """,
    ),
    Attack(
        "raw packets",
        PROCESS,
        """
        def attack(event):
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
            return True
        """,
    ),
    Attack(
        "network settings",
        PROCESS,
        """
        def attack(event):
            import fcntl, struct
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                request = bytearray(struct.pack("16sH14x", b"lo", 0))
                fcntl.ioctl(control, 0x8913, request)
                fcntl.ioctl(control, 0x8914, request)
            return True
        """,
    ),
]
