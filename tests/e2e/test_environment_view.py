"""What a function sees from inside: the user, the files, the limits, the network of an environment."""

import os
import re
import statistics

import pytest

VIEW = """
import glob, grp, os, pwd, resource, shutil, socket, stat

def mode(path):
    seen = os.stat(path)
    return [seen.st_uid, seen.st_gid, oct(stat.S_IMODE(seen.st_mode))]

def can_write(path):
    try:
        with open(os.path.join(path, "probe"), "w"):
            pass
        os.remove(os.path.join(path, "probe"))
        return True
    except OSError:
        return False

def status(field):
    for line in open("/proc/self/status"):
        if line.startswith(field + ":"):
            return line.split(":", 1)[1].strip()

def environment():
    found = os.statvfs("/tmp")
    return {
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "ids": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
        "groups": os.getgroups(),
        "cwd": os.getcwd(),
        "task": mode("/var/task"),
        "task_file": mode("/var/task/app.py"),
        "opt": mode("/opt"),
        "tmp": mode("/tmp"),
        "tmp_content": [n for n in os.listdir("/tmp") if n != "lost+found"],
        "tmp_bytes": found.f_blocks * found.f_frsize,
        "tmp_inodes": found.f_files,
        "root": sorted(os.listdir("/")),
        "writable": [p for p in ("/", "/etc", "/opt", "/var", "/var/task", "/usr", "/tmp", "/dev", "/proc", "/sys", "/root", "/home", "/run", "/var/tmp", "/dev/shm")
                     if os.path.isdir(p) and can_write(p)],
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
        "nproc": resource.getrlimit(resource.RLIMIT_NPROC),
        "stack": resource.getrlimit(resource.RLIMIT_STACK)[0],
        "no_new_privs": status("NoNewPrivs"),
        "seccomp": status("Seccomp"),
        "capabilities": [status(f"Cap{kind}") for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")],
        "pids": sorted(int(n) for n in os.listdir("/proc") if n.isdigit()),
        "hostname": socket.gethostname(),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "devices": sorted(os.listdir("/dev")),
        "open_files": sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{n}")),
        "etc": sorted(os.listdir("/etc")),
        "home": [p for p in ("/root", "/home", "/srv", "/mnt", "/media", "/boot") if os.path.isdir(p) and os.listdir(p)],
        "mounts": [line.split()[:4] for line in open("/proc/self/mounts")],
        "swap": shutil.disk_usage("/tmp").total,
    }

def handler(event, context):
    return environment()
"""


@pytest.fixture(scope="module")
def view(deploy_for_module):
    """The answer of the function above."""
    outcome = deploy_for_module(VIEW, EphemeralStorage={"Size": 512}).invoke({})
    assert outcome.error is None, outcome.payload
    return outcome.payload


def test_the_user_is_unprivileged_and_named_as_on_lambda(view):
    assert re.fullmatch(r"sbx_user\d+", view["user"])
    assert 0 not in view["ids"] and len(set(view["ids"][:2])) == 1
    assert 0 not in view["groups"]


def test_the_working_directory_is_the_package(view):
    assert view["cwd"] == "/var/task"
    assert view["task"] == [0, 0, "0o755"]
    assert view["task_file"][:2] == [0, 0]
    assert view["opt"] == [0, 0, "0o755"]


def test_tmp_is_empty_and_of_the_configured_size(view):
    assert view["tmp"] == [0, 0, "0o1777"]
    assert view["tmp_content"] == []
    assert 0.9 * 512 * 2**20 <= view["tmp_bytes"] <= 1.1 * 512 * 2**20
    assert 1000 <= view["tmp_inodes"] <= 10_000_000


def test_only_tmp_can_be_written(view):
    assert set(view["writable"]) <= {"/tmp", "/dev/shm"}
    assert "/tmp" in view["writable"]


def test_n_06_limits_are_those_of_lambda(view):
    assert view["nofile"] == [1024, 1024]
    assert view["stack"] == 8 * 2**20


def test_there_are_no_privileges_to_gain(view):
    assert view["no_new_privs"] == "1"
    assert view["seccomp"] == "2"
    assert set(view["capabilities"]) == {"0000000000000000"}


def test_there_are_no_other_processes(view):
    assert len(view["pids"]) <= 5, view["pids"]
    assert max(view["pids"]) < 1000


def test_there_are_no_files_of_the_host(view):
    assert view["home"] == []
    assert not {"shadow", "ssh", "sudoers", "machine-id"} & set(view["etc"])
    assert not {"kvm", "mem", "kmsg", "sda", "vda", "loop0", "fuse", "port"} & set(view["devices"])
    assert not {"work", "data", ".dockerenv", "lost+found"} & set(view["root"])


def test_r_15_there_is_no_network_but_the_environments_own(view):
    assert set(view["interfaces"]) <= {"lo", "eth0"}


def test_no_file_descriptor_leads_outside(view):
    allowed = re.compile(r"pipe:\[\d+\]|socket:\[\d+\]|anon_inode:.*|/dev/(null|urandom|random|zero)|/proc/\d+/fd|/var/(task|lang|runtime).*|/usr/.*")
    strange = [target for target in view["open_files"] if not allowed.fullmatch(target)]
    assert strange == []


def test_the_hostname_is_not_the_hosts(view):
    import socket

    assert view["hostname"] != socket.gethostname()


# --- Limits that are really there -----------------------------------------------------------------------------


def test_tmp_can_be_filled_without_running_out_of_memory(deploy):
    function = deploy(
        """
        import os
        def handler(event, context):
            block, written = b"x" * (1 << 20), 0
            try:
                with open("/tmp/fill", "wb") as file:
                    while True:
                        file.write(block)
                        file.flush()
                        written += 1
            except OSError as error:
                return [written, error.errno]
            finally:
                os.remove("/tmp/fill")
        """,
        Timeout=120,
        MemorySize=128,
    )
    outcome = function.invoke({})
    assert outcome.error is None, outcome.payload
    written, errno = outcome.payload
    assert errno == 28, "ENOSPC expected"
    assert 0.85 * 512 <= written <= 520


def test_n_06_tmp_may_be_as_large_as_ten_gigabytes(deploy):
    function = deploy(
        "import os\ndef handler(event, context):\n    s = os.statvfs('/tmp')\n    return s.f_blocks * s.f_frsize\n",
        EphemeralStorage={"Size": 10240},
    )
    size = function.invoke({}).payload
    assert 0.9 * 10240 * 2**20 <= size <= 1.05 * 10240 * 2**20


def test_tmp_is_kept_between_invocations_of_one_environment(deploy):
    function = deploy("import os\ndef handler(event, context):\n    open('/tmp/' + event, 'w').close()\n    return sorted(os.listdir('/tmp'))\n")
    assert "a" in function.invoke("a").payload
    assert {"a", "b"} <= set(function.invoke("b").payload)


def test_n_04_half_the_memory_is_half_the_cpu_under_quota(fresh_server, python_runtime):
    from functions import Deployer

    server = fresh_server("--no-sdk", "--cpu", "quota")
    deployer = Deployer(server.client(), python_runtime)
    code = """
        import time
        def handler(event, context):
            started, used, n = time.monotonic(), time.process_time(), 0
            while n < 8_000_000:
                n += 1
            return (time.monotonic() - started) / (time.process_time() - used)
        """
    functions = {memory: deployer(code, MemorySize=memory, Timeout=60) for memory in (512, 1024)}
    # Time that passes for each second of the processor's: its own speed, which changes, does not count.
    stretches = {memory: [] for memory in functions}
    for _ in range(3):
        for memory, function in functions.items():
            stretches[memory].append(function.invoke({}).payload)
    deployer.close()
    half, whole = (statistics.median(stretches[memory]) for memory in (512, 1024))
    assert 1.8 <= half / whole <= 2.2, stretches


def test_the_umask_of_the_server_is_not_that_of_environments(fresh_server, deploy_to):
    before = os.umask(0o077)
    try:
        server = fresh_server("--no-sdk")
    finally:
        os.umask(before)
    outcome = deploy_to(server)("import os\ndef handler(event, context):\n    return os.umask(0)\n").invoke({})
    assert outcome.payload == 0o022, "and its root can be seen by its user"
