"""Which syncs there are: what is synced, and which code asks for it.

The kind of a sync is what it stands for on the disk and who called it, such as "package.zip, by
store::code_packages::write_private". It is the same in every run, so that all syncs of a kind can be left out of a
record at once.
"""

import re
import shutil
import subprocess
from collections import defaultdict

from powerloss import log

#: What a path stands for. The folder "data" is the data directory, "" its parent.
PLACES = [
    (r"", "parent of the data directory"),
    (r"data", "data directory"),
    (r"data/id.*", "id file"),
    (r"data/lambent\.db", "database"),
    (r"data/lambent\.db-wal", "write-ahead log"),
    (r"data/lambent\.db-journal", "rollback journal"),
    (r"data/queues\.db", "database of what waits"),
    (r"data/queues\.db-wal", "write-ahead log of what waits"),
    (r"data/queues\.db-journal", "rollback journal of what waits"),
    (r"data/tables\.db", "database of tables"),
    (r"data/tables\.db-wal", "write-ahead log of tables"),
    (r"data/tables\.db-journal", "rollback journal of tables"),
    (r"data/code", "code directory"),
    (r"data/code/[^/]+/package\.zip(\.new)?", "package"),
    (r"data/code/[^/]+", "directory of a package"),
    (r"data/objects", "objects directory"),
    (r"data/objects/[^/]+", "directory of objects"),
    (r"data/objects/[^/]+/[^/]+", "object"),
]

#: A function of ours that says nothing about who wanted the sync.
HELPERS = re.compile(r"store::(data_dir::sync_directory|data_dir::create_private)\b")


def place_of(path):
    """What a path stands for, or the path."""
    for pattern, name in PLACES:
        if re.fullmatch(pattern, path):
            return name
    return path


def functions_of(program, addresses):
    """The name of the function around each return address, as far as the program tells."""
    addresses = sorted(addresses)
    tool = shutil.which("addr2line")
    if tool is None:
        raise FileNotFoundError("addr2line is not installed, so the callers of fsync have no names (package binutils)")
    if not addresses:
        return {}
    # A return address is behind the call; the byte before belongs to it.
    command = [tool, "-f", "-i", "-C", "-a", "-e", str(program), *(hex(address - 1) for address in addresses)]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.splitlines()
    names, address = defaultdict(list), None
    at = 0
    while at < len(lines):
        if lines[at].startswith("0x"):
            address, at = int(lines[at], 16) + 1, at + 1
        else:
            names[address].append(lines[at])
            at += 2
    return names


def caller_of(functions):
    """The function that wanted a sync: SQLite, or the innermost of ours that is not a mere helper."""
    for name in functions:
        plain = re.sub(r"::h[0-9a-f]{16}$", "", name)
        if re.match(r"(sqlite3|unix|pager|wal)[A-Za-z]*$", plain):
            return "SQLite"
        ours = re.search(r"\bstore::\w+(::\w+)*|<store::[^>]*>::\w+", plain)
        if ours and not HELPERS.search(plain):
            return ours[0]
    return "an unknown caller"


def by_kind(records, program):
    """`{kind: positions of the records where a sync of it begins}`, of syncs that came to their end."""
    begun, done = {}, []
    for at, record in enumerate(records):
        if record.kind == log.SYNC_BEGIN and record.data:
            begun[record.number] = at
        elif record.kind == log.SYNC_END and record.number in begun:
            done.append(begun.pop(record.number))
    functions = functions_of(program, {address for at in done for address in records[at].frames()})
    kinds = defaultdict(set)
    for at in done:
        names = [name for address in records[at].frames() for name in functions.get(address, [])]
        kinds[f"{place_of(records[at].path)}, by {caller_of(names)}"].add(at)
    return dict(kinds)
