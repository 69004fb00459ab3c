"""Packages that lie, overflow or reach out: refused with AWS's error, and nothing of them is written."""

import io
import os
import stat
import struct
import uuid
import zipfile

import pytest

from lambent import ROLE
from packages import Raw, executable, make_zip, symlink
from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
CANNOT_UNZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
MIB = 1024 * 1024


@pytest.fixture
def create(lambda_client, python_runtime, server):
    """Tries to create a function from the bytes of a package."""
    name = f"e2e-{uuid.uuid4().hex[:12]}"

    def attempt(package):
        return lambda_client.create_function(
            FunctionName=name,
            Runtime=python_runtime,
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": package},
        )

    before = bytes_below(server.data_dir)
    yield attempt
    with refused(404, "ResourceNotFoundException"):
        lambda_client.get_function(FunctionName=name)
    grown = bytes_below(server.data_dir) - before
    assert grown < 4 * MIB, f"the data directory grew by {grown} bytes over a refused package"


def bytes_below(folder):
    """Bytes on disk of all files below a data directory, but for SDKs, which may be arriving meanwhile."""
    total = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "runtimes"]
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def patched(package, find, replace):
    """The package with every occurrence of some bytes replaced by as many others."""
    assert len(find) == len(replace) and find in package
    return package.replace(find, replace)


HOSTILE = {
    "not a zip": b"this is not a zip file",
    "an empty upload that is no zip": b"PK",
    "a path upwards": make_zip({"app.py": HELLO, "../outside.txt": "x"}),
    "a path upwards in the middle": make_zip({"app.py": HELLO, "a/../../outside.txt": "x"}),
    "an absolute path": make_zip({"app.py": HELLO, "/tmp/lambent-outside.txt": "x"}),
    "a path upwards with backslashes": make_zip({"app.py": HELLO, "..\\outside.txt": "x"}),
    "a link that leaves the package": make_zip({"app.py": HELLO, "link": symlink("../../etc/passwd")}),
    "an absolute link": make_zip({"app.py": HELLO, "link": symlink("/etc/passwd")}),
    "a link, then a file through it": make_zip({"dir": symlink("/tmp"), "dir/outside.txt": "x"}),
    "a link that leaves by a detour": make_zip({"a/b": symlink(".."), "a/b/link": symlink("../../etc")}),
    "a named pipe": make_zip({"app.py": HELLO, "pipe": Raw(mode=stat.S_IFIFO | 0o644)}),
    "a device": make_zip({"app.py": HELLO, "device": Raw(mode=stat.S_IFBLK | 0o644)}),
    "a socket": make_zip({"app.py": HELLO, "socket": Raw(mode=stat.S_IFSOCK | 0o644)}),
    "a name with NUL": patched(make_zip({"app.py": HELLO, "nXul.txt": "x"}), b"nXul.txt", b"n\0ul.txt"),
    "the same name twice": patched(make_zip({"app.py": HELLO, "bpp.py": HELLO}), b"bpp.py", b"app.py"),
    "a file that is also a directory": make_zip({"a": "x", "a/b": "y"}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_package_is_refused(create, kind, tmp_path):
    with refused(400, "InvalidParameterValueException", CANNOT_UNZIP):
        create(HOSTILE[kind])
    assert not os.path.exists("/tmp/lambent-outside.txt")
    assert not os.path.exists("/tmp/outside.txt")


def test_a_wrong_checksum_is_refused(create):
    package = bytearray(make_zip({"app.py": HELLO}, compression=zipfile.ZIP_STORED))
    at = package.index(b"hello")
    package[at : at + 5] = b"jello"
    with refused(400, "InvalidParameterValueException", CANNOT_UNZIP):
        create(bytes(package))


def test_an_encrypted_entry_is_refused(create):
    package = bytearray(make_zip({"app.py": HELLO}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = package.index(signature) + offset
        package[at : at + 2] = struct.pack("<H", struct.unpack_from("<H", package, at)[0] | 1)
    with refused(400, "InvalidParameterValueException", CANNOT_UNZIP):
        create(bytes(package))


def test_a_truncated_package_is_refused(create):
    package = make_zip({"app.py": HELLO * 100, "b.py": HELLO * 100})
    with refused(400, "InvalidParameterValueException", CANNOT_UNZIP):
        create(package[: len(package) // 2])


def test_e_14_more_than_250_megabytes_unzipped_is_refused(create):
    package = make_zip({f"zeros-{i}": bytes(64 * MIB) for i in range(4)})
    with refused(400, "InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes"):
        create(package)


def test_a_bomb_that_lies_about_its_size_is_refused(create):
    package = bytearray(make_zip({"zeros": bytes(300 * MIB)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = package.index(signature) + offset
        package[at : at + 4] = struct.pack("<I", 1000)
    with refused(400, "InvalidParameterValueException"):
        create(bytes(package))


def test_entries_that_overlap_are_refused(create):
    """Many names for one compressed block: small on the wire, huge when unpacked."""
    package = make_zip({f"zeros-{i:03}": bytes(4 * MIB) if i == 0 else b"" for i in range(100)})
    end = package.rindex(b"PK\x05\x06")
    directory = struct.unpack_from("<I", package, end + 16)[0]
    patched_directory, at = bytearray(package[directory:end]), 0
    first = bytes(patched_directory[10:28])
    while at < len(patched_directory):
        patched_directory[at + 10 : at + 28] = first
        patched_directory[at + 42 : at + 46] = struct.pack("<I", 0)
        name, extra, comment = struct.unpack_from("<HHH", package, directory + at + 28)
        at += 46 + name + extra + comment
    with refused(400, "InvalidParameterValueException"):
        create(package[:directory] + bytes(patched_directory) + package[end:])


def test_more_entries_than_any_package_has_are_refused(create):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as package:
        for index in range(300_000):
            package.writestr(zipfile.ZipInfo(f"{index:x}", date_time=(2024, 1, 1, 0, 0, 0)), b"")
    with refused(400, "InvalidParameterValueException"):
        create(buffer.getvalue())


def test_e_14_more_than_50_megabytes_zipped_is_refused(create):
    package = make_zip({"app.py": HELLO, "noise": os.urandom(50 * MIB)}, compression=zipfile.ZIP_STORED)
    with refused(413, "RequestEntityTooLargeException", "Zipped size must be smaller than 52428800 bytes"):
        create(package)


def test_e_14_a_request_beyond_all_bounds_is_refused(create):
    package = make_zip({"app.py": HELLO, "noise": os.urandom(53 * MIB)}, compression=zipfile.ZIP_STORED)
    text = "Request must be smaller than 70167211 bytes for the CreateFunction operation"
    with refused(413, "RequestEntityTooLargeException", text):
        create(package)


def test_refused_code_leaves_the_old_code_in_place(deploy):
    function = deploy(HELLO)
    before = function.client.get_function_configuration(FunctionName=function.name)
    with refused(400, "InvalidParameterValueException", CANNOT_UNZIP):
        function.client.update_function_code(
            FunctionName=function.name, ZipFile=HOSTILE["a path upwards"]
        )
    after = function.client.get_function_configuration(FunctionName=function.name)
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])
    assert function.invoke({}).payload == "hello"


# --- What is unusual and allowed ------------------------------------------------------------------------------


def test_links_inside_the_package_work(deploy):
    code = "def handler(event, context):\n    return [open('link').read(), open('a/up').read()]\n"
    files = {"app.py": code, "real.txt": "real", "link": symlink("real.txt"), "a/up": symlink("../real.txt")}
    assert deploy(files).invoke({}).payload == ["real", "real"]


def test_modes_are_kept_without_the_dangerous_bits(deploy):
    code = """import os, stat
def handler(event, context):
    return {name: oct(stat.S_IMODE(os.stat(name).st_mode)) for name in ("run", "setuid", "plain")}
"""
    files = {
        "app.py": code,
        "run": executable("#!/bin/sh\n"),
        "setuid": Raw("x", stat.S_IFREG | stat.S_ISUID | stat.S_ISGID | 0o755),
        "plain": "x",
    }
    assert deploy(files).invoke({}).payload == {"run": "0o755", "setuid": "0o755", "plain": "0o644"}


def test_unusual_names_arrive_as_they_are(deploy):
    names = ["ünï.txt", "with blank.txt", "deep/" * 20 + "file.txt", "x" * 200]
    code = f"import os\ndef handler(event, context):\n    return [os.path.exists(n) for n in {names!r}]\n"
    assert deploy({"app.py": code, **dict.fromkeys(names, "x")}).invoke({}).payload == [True] * 4
