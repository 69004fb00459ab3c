"""S6: packages that are made to hurt whoever unpacks them."""

import io
import stat
import struct
import zipfile
import zlib

from .case import Case

APP = "def handler(event, context):\n    return 'ran'\n"


def archive(entries, compression=zipfile.ZIP_DEFLATED):
    """A zip of (name, data, mode) with the handler first."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as package:
        for name, data, mode in [("app.py", APP, stat.S_IFREG | 0o644), *entries]:
            entry = zipfile.ZipInfo(name, date_time=(2024, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = mode << 16
            entry.compress_type = compression
            package.writestr(entry, data)
    return buffer.getvalue()


FILE, LINK = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777


def raw_entries(entries, stated_size=None, stated_crc=None, method=8, flags=0):
    """A zip written by hand: what it states and what it holds are two things."""
    body, directory = b"", b""
    for name, data in entries:
        packed = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packed.compress(data) + packed.flush() if method == 8 else data
        crc = zlib.crc32(data) if stated_crc is None else stated_crc
        size = len(data) if stated_size is None else stated_size
        head = struct.pack("<HHHHHIIIHH", 20, flags, method, 0, 0x5821, crc, len(packed), size, len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 0x031E) + head + struct.pack("<HHHII", 0, 0, 0, FILE << 16, len(body)) + name
        body += b"PK\x03\x04" + head + name + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def zip_slip(bait):
    """Names that lead out."""
    up = "../" * 12
    names = [up + "tmp/lambent-attack-slip", "/tmp/lambent-attack-slip", "..\\..\\lambent-attack-slip", f"{up}{bait[1:]}", "a/../../x"]
    return [archive([(name, "slipped", FILE)]) for name in names] + [raw_entries([(b"app.py", APP.encode()), (b"a\x00b", b"x")])]


def through_links(bait):
    """A link, and a file through it."""
    return [
        archive([("out", "/tmp", LINK), ("out/lambent-attack-slip", "slipped", FILE)]),
        archive([("out", "..", LINK), ("out/lambent-attack-slip", "slipped", FILE)]),
        archive([("app2.py", bait, LINK), ("app2.py", "slipped", FILE)]),
    ]


def bombs(_bait):
    """Small packages that unpack to much: 300 MB of zeros, many names on one body, an archive within."""
    zeros = b"\0" * (1 << 20)
    large = archive([(f"zeros{number}", zeros, FILE) for number in range(300)])
    liar = raw_entries([(b"app.py", APP.encode()), (b"zeros", zeros * 64)], stated_size=10)
    nested = archive([("inner.zip", archive([("zeros", zeros * 50, FILE)]), FILE)])
    return [large, liar, overlapping(), nested]


def overlapping():
    """A thousand names in the directory that share one body."""
    data = b"\0" * (1 << 20)
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packed.compress(data) + packed.flush()
    head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x5821, zlib.crc32(data), len(packed), len(data), 5, 0)
    body = b"PK\x03\x04" + head + b"f0000" + packed
    records = [b"f%04d" % number for number in range(1000)]
    directory = b"".join(
        b"PK\x01\x02" + struct.pack("<H", 0x031E) + head + struct.pack("<HHHII", 0, 0, 0, FILE << 16, 0) + name for name in records
    )
    return body + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1000, 1000, len(directory), len(body), 0)


def many_entries(_bait):
    """More entries than the old format counts."""
    return [archive([(f"d{number // 1000}/f{number}", "", FILE) for number in range(70_000)], zipfile.ZIP_STORED)]


def twice(_bait):
    """One name twice, and two that some file systems call one."""
    return [archive([("app.py", "raise SystemExit", FILE)]), archive([("App.py", "x", FILE), ("APP.PY", "y", FILE)])]


def lies(_bait):
    """Checksums and sizes that are not true."""
    app = (b"app.py", APP.encode())
    return [raw_entries([app], stated_crc=1), raw_entries([app], stated_size=1 << 31), raw_entries([app])[:-30], b"PK\x05\x06" + b"\xff" * 18]


def names(_bait):
    """Bytes that are no text, and text that shows as another."""
    return [raw_entries([(b"app.py", APP.encode()), (b"\xff\xfe\x80", b"x")]), archive([("\u202egnp.py", "x", FILE), ("n" * 300, "x", FILE)])]


def special(_bait):
    """Devices, pipes, sockets, set-user-id bits."""
    kinds = [stat.S_IFIFO, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFSOCK]
    entries = [(f"special{kind}", "", kind | 0o666) for kind in kinds]
    return [archive([entry]) for entry in entries] + [archive([("su", "#!/bin/sh\nid -u\n", stat.S_IFREG | 0o6755)])]


def methods(_bait):
    """Encrypted, and packed by what nobody unpacks."""
    app = (b"app.py", APP.encode())
    return [raw_entries([app], flags=1), raw_entries([app], method=99), raw_entries([app], method=6)]


def packages_of(make):
    """A run that deploys each package: refused, or unpacked without a mark outside of its place."""

    def run(range_):
        for package in make(str(range_.bait.file)):
            function = range_.deploy_package(package)
            if function is None:
                continue
            outcome = function.invoke({})
            function.delete()
            if outcome.error is None and outcome.payload != "ran":
                return "E"
        return "E" if range_.slipped() else "P"

    return run


def hard_link(range_):
    """The zip format has none; a link of the file system is made by the function, out of what it can see."""
    function = range_.deploy(
        """
        def attack(event):
            for source in (event["bait_file"], "/etc/passwd", "/var/task/app.py", "/proc/self/exe"):
                try:
                    os.link(source, "/tmp/linked")
                    return True
                except OSError:
                    pass
            return False
        """
    )
    return range_.letter(function, "P", "E")


def changed_underway(range_):
    """An object of S3 that is replaced after the function was created from it."""
    client = range_.server.client(service="s3")
    bucket = f"attack-{range_.number()}"
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="code", Body=archive([]))
    function = range_.deploy_package({"S3Bucket": bucket, "S3Key": "code"})
    changed = APP.replace("ran", "changed")
    client.put_object(Bucket=bucket, Key="code", Body=archive([]).replace(APP.encode(), changed.encode()))
    client.put_object(Bucket=bucket, Key="code", Body=b"no zip at all")
    outcome = function.invoke({})
    function.delete()
    client.delete_object(Bucket=bucket, Key="code")
    client.delete_bucket(Bucket=bucket)
    return "P" if outcome.payload == "ran" else "L"


CASES = [
    Case(62, "names that lead out", run=packages_of(zip_slip)),
    Case(63, "a link, and a file through it", run=packages_of(through_links)),
    Case(64, "a hard link to a file of the host", run=hard_link),
    Case(65, "bombs", run=packages_of(bombs)),
    Case(66, "70,000 entries", run=packages_of(many_entries)),
    Case(67, "a name twice", run=packages_of(twice)),
    Case(68, "checksums and sizes that lie", run=packages_of(lies)),
    Case(69, "names that are no text", run=packages_of(names)),
    Case(70, "devices, pipes, set-user-id bits", run=packages_of(special)),
    Case(71, "encrypted, and unknown methods", run=packages_of(methods)),
    Case(72, "layers of container images", why_not="there are no container images yet"),
    Case(73, "a package that changes underway", run=changed_underway),
]
