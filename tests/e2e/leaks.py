"""What a server leaves behind outside its data directory: mounts, cgroups, namespaces, processes."""

import os
import shutil
import subprocess
from pathlib import Path


def _named(text, names):
    return any(name in text for name in names)


def mounts(names):
    """Mount points of this namespace that carry one of the names."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if _named(line, names)]


def cgroups(names):
    """Control groups whose path carries one of the names."""
    root = Path("/sys/fs/cgroup")
    found = []
    for folder, subfolders, _ in os.walk(root):
        found += [str(Path(folder) / name) for name in subfolders if _named(name, names)]
    return found


def processes(names):
    """Processes whose command line or program carries one of the names."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if _named(command, names):
            found.append(f"{entry.name} {command}")
    return found


def network_namespaces(names):
    """Named network namespaces that carry one of the names."""
    folder = Path("/run/netns")
    return [entry.name for entry in folder.iterdir() if _named(entry.name, names)] if folder.is_dir() else []


def packet_filter_tables(names):
    """Tables that carry one of the names; in the names of chains there are no dashes."""
    nft = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin")
    if nft is None or os.geteuid() != 0:
        return []
    text = subprocess.run([nft, "list", "chains", "inet"], capture_output=True, text=True, check=False).stdout
    return [line.strip() for line in text.splitlines() if _named(line, [name.replace("-", "_") for name in names])]


def loop_devices(names):
    """Loop devices on files whose path carries one of the names."""
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            text = backing.read_text().strip()
        except OSError:
            continue
        if _named(text, names):
            found.append(f"{backing.parts[3]} {text}")
    return found


def uids_with_processes(first=60000, last=4000000):
    """How many processes run under uids that only environments use."""
    count = 0
    for entry in Path("/proc").iterdir():
        try:
            count += entry.name.isdigit() and first <= entry.stat().st_uid <= last
        except OSError:
            continue
    return count


def everything(names):
    """Everything that carries one of the names, as a list of readable lines."""
    names = [name for name in names if name]
    found = []
    for kind, look in [
        ("mount", mounts),
        ("cgroup", cgroups),
        ("process", processes),
        ("network namespace", network_namespaces),
        ("packet filter table", packet_filter_tables),
        ("loop device", loop_devices),
    ]:
        found += [f"{kind}: {item}" for item in look(names)]
    return found


def open_files(pid):
    """How many file descriptors a process holds."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    """Process ids of the children of a process."""
    answer = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in answer.stdout.split()]
