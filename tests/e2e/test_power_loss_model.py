"""The disk model of the power-loss test, on records made by hand: what it must keep, may lose, and refuses."""

import os
import subprocess
import sys

import pytest

from powerloss import disk, log, recording, survival
from powerloss.disk import Disk, NotModelled
from powerloss.log import Record
from powerloss.workload import History, Step

FILE, FOLDER = 10, 20


def created(path="f", inode=FILE):
    return Record(log.CREATE, path, inode)


def made(path="d", inode=FOLDER):
    return Record(log.MAKE_DIRECTORY, path, inode)


def written(data, offset=0, path="f", inode=FILE):
    return Record(log.WRITE, path, inode, offset, data=data)


def synced(path="f", inode=FILE, thread=1):
    return [Record(log.SYNC_BEGIN, path, inode, thread), Record(log.SYNC_END, path, inode, thread)]


def root_synced():
    return synced(path="", inode=1)


def left(records, survives=survival.NOTHING, dropped=frozenset()):
    """What is on the disk after all of some records."""
    return Disk.after(records, dropped).image(survives)


def test_nothing_is_durable_without_a_sync():
    records = [created(), written(b"abc")]
    assert left(records) == {}
    assert left(records, survival.EVERYTHING) == {"f": b"abc"}


def test_a_synced_file_has_no_durable_name_until_its_directory_is_synced():
    records = [created(), written(b"abc"), *synced()]
    assert left(records) == {}
    assert left([*records, *root_synced()]) == {"f": b"abc"}


def test_a_durable_name_says_nothing_about_the_data():
    assert left([created(), written(b"abc"), *root_synced()]) == {"f": b""}


def test_a_sync_covers_what_was_written_before_it_began():
    begin, end = synced()
    records = [created(), *root_synced(), written(b"a"), begin, written(b"b", 1), end]
    assert left(records) == {"f": b"a"}
    assert left(records[:-1]) == {"f": b""}


def test_syncs_of_two_threads_do_not_mix():
    first, second = synced(thread=1), synced(path="d", inode=FOLDER, thread=2)
    records = [created(), made(), *root_synced(), written(b"a"), first[0], second[0], second[1]]
    assert left(records) == {"f": b"", "d": None}
    assert left([*records, first[1]]) == {"f": b"a", "d": None}


def test_a_sync_that_is_left_out_does_nothing():
    records = [created(), *root_synced(), written(b"a"), *synced()]
    assert left(records) == {"f": b"a"}
    assert left(records, dropped={4}) == {"f": b""}


def test_writes_survive_each_for_itself_and_torn_at_sectors():
    two_writes = [written(b"\1" * 2048), written(b"\2" * 2048, 2048)]
    records = [created(), *root_synced(), written(bytes(4096)), *synced(), *two_writes]
    seen = {left(records, survival.Torn(seed))["f"] for seed in range(300)}
    assert len(seen) > 20
    for found in seen:
        assert len(found) == 4096
        sectors = [found[at : at + 512] for at in range(0, 4096, 512)]
        assert all(len(set(sector)) == 1 for sector in sectors), "torn inside of a sector"
        assert {sector[0] for sector in sectors[:4]} <= {0, 1} and {sector[0] for sector in sectors[4:]} <= {0, 2}
    kept_second_only = bytes(2048) + b"\2" * 2048
    assert kept_second_only in seen


def test_sizes_survive_apart_from_data():
    records = [created(), *root_synced(), written(b"abc")]
    seen = {left(records, survival.Torn(seed))["f"] for seed in range(100)}
    assert seen == {b"", b"\0\0\0", b"abc"}


def test_cuts_may_be_lost_and_are_kept_when_synced():
    records = [created(), *root_synced(), written(b"abcdef"), *synced(), Record(log.TRUNCATE, "f", FILE, 2)]
    assert left(records) == {"f": b"abcdef"}
    assert left(records, survival.EVERYTHING) == {"f": b"ab"}
    assert left([*records, *synced()]) == {"f": b"ab"}
    grown = Record(log.ALLOCATE, "f", FILE, 4)
    assert left([*records, grown, *synced()]) == {"f": b"ab\0\0"}
    assert left([*records, grown, grown, written(b"x", 5), *synced()]) == {"f": b"ab\0\0\0x"}


def test_a_rename_is_whole_or_absent():
    renamed = Record(log.RENAME, "f", other="g")
    records = [created(), written(b"new"), *synced(), created("g", 11), *root_synced(), renamed]
    assert left(records) == {"f": b"new", "g": b""}
    assert left(records, survival.EVERYTHING) == {"g": b"new"}
    seen = {tuple(sorted(left(records, survival.Torn(seed)))) for seed in range(50)}
    assert seen == {("f", "g"), ("g",)}


def test_names_of_one_directory_come_in_order_and_of_two_each_for_itself():
    inner = [created("d/a", 31), created("d/b", 32)]
    records = [made(), *inner, *synced("d", FOLDER), created("z", 33)]
    assert left(records) == {}, "the directory is synced, its own name is not"
    seen = {tuple(left(records, survival.Torn(seed))) for seed in range(100)}
    assert seen == {(), ("d", "d/a", "d/b"), ("d", "d/a", "d/b", "z")}
    seen = {tuple(left([made(), *root_synced(), *inner], survival.Torn(seed))) for seed in range(100)}
    assert seen == {("d",), ("d", "d/a"), ("d", "d/a", "d/b")}


def test_what_was_removed_may_come_back():
    records = [created(), written(b"a"), *synced(), *root_synced(), Record(log.UNLINK, "f")]
    assert left(records) == {"f": b"a"}
    assert left([*records, *root_synced()]) == {}
    again = [*records, created("f", 12), written(b"b", inode=12), *synced(inode=12)]
    assert left(again) == {"f": b"a"}
    assert left([*again, *root_synced()]) == {"f": b"b"}


def test_a_directory_moves_with_what_is_in_it():
    records = [made(), created("d/a", 31), *synced("d", FOLDER), Record(log.RENAME, "d", other="e"), *root_synced()]
    assert left(records) == {"e": None, "e/a": b""}


@pytest.mark.parametrize(
    "record",
    [
        Record(log.NOT_RECORDABLE, "f", other="sendfile"),
        written(b"a", inode=99),
        created("nowhere/f"),
        Record(log.RENAME, "f", other="d/f"),
    ],
)
def test_what_the_model_does_not_know_is_refused(record):
    with pytest.raises(NotModelled):
        Disk.after([created(), made(), record])


def test_only_what_was_answered_must_be_there():
    history = History(None, {"f": [Step(10, 20, {"n": 1}), Step(30, 40, {"n": 2}), Step(50, 60, None)]})
    for position, right in [
        (5, [None]),
        (10, [None, {"n": 1}]),
        (20, [{"n": 1}]),
        (35, [{"n": 1}, {"n": 2}]),
        (40, [{"n": 2}]),
        (55, [{"n": 2}, None]),
        (99, [None]),
    ]:
        assert history.allowed(position) == {"f": right}, position


PROGRAM = """
import os, shutil, sqlite3, sys
data = sys.argv[1] + "/data"
os.mkdir(data)
open(data + "/id.new", "w").write("abc")
os.rename(data + "/id.new", data + "/id")
database = sqlite3.connect(data + "/lambent.db")
database.execute("pragma journal_mode = wal")
database.execute("create table t (a)")
for number in range(20):
    database.execute("insert into t values (?)", ("x" * 700,))
    database.commit()
database.close()
os.makedirs(data + "/code/x/tree/a")
open(data + "/code/x/tree/a/f", "w").write("f" * 9000)
os.symlink("a/f", data + "/code/x/tree/link")
os.makedirs(data + "/run/x")
open(data + "/run/x/f", "w").write("not recorded")
shutil.rmtree(data + "/code/x/tree/a")
with open(data + "/appended", "ab", buffering=0) as file:
    file.write(b"one")
    os.writev(file.fileno(), [b"two", b"three"])
    os.pwrite(file.fileno(), b"four", 0)
os.truncate(data + "/appended", 7)
if len(sys.argv) > 2:
    source = os.open(data + "/id", os.O_RDONLY)
    os.sendfile(os.open(data + "/copy", os.O_WRONLY | os.O_CREAT), source, 0, 3)
"""


def recorded(folder, *arguments):
    """Records a program of Python that does what servers do to files, and more."""
    volume, path = folder / "volume", folder / "writes.log"
    volume.mkdir()
    env = {**os.environ, **recording.environment(volume, path)}
    subprocess.run([sys.executable, "-c", PROGRAM, str(volume), *arguments], env=env, check=True, timeout=60)
    return volume, log.read(path)


def test_the_recorder_sees_everything(tmp_path):
    volume, records = recorded(tmp_path)
    assert left(records, survival.EVERYTHING) == disk.real(volume, recording.EXCEPT)
    assert not any(record.path.startswith("data/run/") for record in records)
    rebuilt = tmp_path / "rebuilt"
    disk.write(left(records, survival.EVERYTHING), rebuilt)
    assert disk.real(rebuilt, ()) == disk.real(volume, recording.EXCEPT)


def test_a_copy_inside_of_the_kernel_is_not_overlooked(tmp_path):
    with pytest.raises(NotModelled, match="sendfile"):
        Disk.after(recorded(tmp_path, "with a copy")[1])


def test_a_record_with_a_gap_is_noticed(tmp_path):
    volume, records = recorded(tmp_path)
    gap = next(at for at, record in enumerate(records) if record.kind == log.WRITE and record.path == "data/appended")
    assert left(records[:gap] + records[gap + 1 :], survival.EVERYTHING) != disk.real(volume, recording.EXCEPT)
