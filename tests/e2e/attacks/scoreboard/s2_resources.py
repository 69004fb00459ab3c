"""S2: bombs. None of them is prevented: what they hurt is their own environment."""

from .case import Case

SHM = """
def attack(event):
    total, block = 0, b"x" * (1 << 20)
    try:
        for folder in ("/dev/shm", "/run", "/var", "/dev", "/"):
            try:
                with open(f"{folder}/bomb", "wb", buffering=0) as file:
                    for _ in range(1500):
                        total += file.write(block)
            except OSError:
                pass
        return total > 600 << 20
    finally:
        for folder in ("/dev/shm", "/run", "/var", "/dev", "/"):
            try:
                os.remove(f"{folder}/bomb")
            except OSError:
                pass
"""

DEEP = """
def attack(event):
    os.makedirs("/tmp/deep", exist_ok=True)
    os.chdir("/tmp/deep")
    try:
        os.mkdir("n" * (1 << 20))
        return True
    except OSError:
        pass
    depth = 0
    try:
        for depth in range(3000):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    except OSError:
        pass
    try:
        os.stat("/" + "p/" * (1 << 19))
        return True
    except OSError:
        return False
    finally:
        os.chdir("/")
        subprocess.run(["rm", "-rf", "/tmp/deep"], capture_output=True)
"""

SOCKETS = """
def attack(event):
    opened = []
    try:
        for _ in range(5000):
            opened.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    except OSError:
        pass
    held = len(opened)
    for one in opened:
        one.close()
    # Connections that the machine must remember: many ports of one address of the internet.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for port in range(1, 20_000):
            try:
                sender.sendto(b"x", (event["internet"], port))
            except OSError:
                pass
    return held > 1024
"""

SPIN = """
def attack(event):
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            while True:
                pass
        children.append(child)
    time.sleep(1)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return False
"""

FSYNC = """
def attack(event):
    end = time.monotonic() + 1
    with open("/tmp/storm", "wb", buffering=0) as file:
        while time.monotonic() < end:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
    os.remove("/tmp/storm")
    return False
"""

DIRTY = """
def attack(event):
    end, block = time.monotonic() + 1, b"x" * (1 << 20)
    with open("/tmp/dirty", "wb", buffering=0) as file:
        while time.monotonic() < end:
            file.seek(0)
            for _ in range(300):
                file.write(block)
    os.remove("/tmp/dirty")
    return False
"""

FLOOD = """
def attack(event):
    end = time.monotonic() + 1
    lines, block = b"x\\n" * 32768, b"y" * 1048576
    while time.monotonic() < end:
        os.write(1, lines)
        os.write(2, block)
    return False
"""

CASES = [
    Case(15, "fork bomb", catalog=("fork bomb",), stopped="C", succeeded="H"),
    Case(16, "thread bomb", catalog=("thread bomb",), stopped="C", succeeded="H"),
    Case(17, "memory bomb", catalog=("memory bomb",), stopped="C", succeeded="H"),
    Case(18, "memory by memfd, tmpfs and shared memory", codes=(SHM,), catalog=("memory by memfd",), stopped="C", succeeded="H", options={"Timeout": 60}),
    Case(19, "bytes of /tmp", catalog=("bytes of /tmp",), stopped="C", succeeded="H"),
    Case(20, "inodes of /tmp", catalog=("inodes of /tmp",), stopped="C", succeeded="H"),
    Case(21, "deep folders, a name of 1 MB, a path of 1 MB", codes=(DEEP,), stopped="C", succeeded="H", options={"Timeout": 60}),
    Case(22, "file descriptors", catalog=("file descriptors",), stopped="C", succeeded="H"),
    Case(23, "sockets and remembered connections", codes=(SOCKETS,), stopped="C", succeeded="H", options={"Timeout": 60}),
    Case(24, "all processors busy", codes=(SPIN,), stopped="C", succeeded="H"),
    Case(25, "a storm of fsync", codes=(FSYNC,), stopped="C", succeeded="H"),
    Case(26, "a flood of dirty pages", codes=(DIRTY,), stopped="C", succeeded="H"),
    Case(27, "a flood of output", codes=(FLOOD,), stopped="C", succeeded="H"),
    Case(28, "core dumps", catalog=("core dump",), stopped="C", succeeded="H"),
]
