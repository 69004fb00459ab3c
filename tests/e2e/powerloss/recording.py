"""A recorded run of the real binary: clients at work, a clean stop, a kill, and starts in between."""

import hashlib
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import lambent
import toolbox
from packages import make_zip
from powerloss import disk, log, syncs
from powerloss.workload import (
    ANYTHING,
    EventWriter,
    History,
    ItemWriter,
    ObjectWriter,
    RecordWriter,
    ScheduleWriter,
    Step,
    Writer,
    noted,
    run_together,
)

WRITERS = 4
CALLS_PER_WRITER = 9
#: A busy disk: who answers while another thread's sync is still under way is found out.
SLOW_MS = 40
#: What starting costs, and what is nobody's business here: no sandboxes, nothing from the network.
CHEAP = ("--isolation", "process", "--no-sdk", "--async-retry-wait-seconds", "3600")
#: Not durable by design, or not by this promise: the lock goes with the process, SQLite makes its index of the log
#: again, environments end with the server, SDKs are fetched again, and logs may lose their last second.
EXCEPT = (
    "data/lock",
    "data/lambent.db-shm",
    "data/queues.db-shm",
    "data/tables.db-shm",
    "data/run",
    "data/runtimes",
    "data/logs",
)


@dataclass
class Recording:
    """What was written, and what the clients were told."""

    records: list
    history: History
    at_the_end: dict
    #: Of each record that a function got from a stream how long the log was then.
    followed: dict
    #: Where functions go on noting that.
    witness: Path

    @cached_property
    def kinds(self):
        """Which syncs there were. Naming who called them takes a while."""
        return syncs.by_kind(self.records, lambent.binary())

    def position(self, count):
        """How long the log was after so many records."""
        return self.records[count - 1].end if count else 0

    def count_at(self, position):
        """How many records there were when the log was so long."""
        return sum(1 for record in self.records if record.end <= position)


def environment(volume, path, die_at=0):
    """Variables that make a program record what it does below `volume` in the file `path`."""
    return {
        "LD_PRELOAD": str(toolbox.preloaded(Path(__file__).parent / "recorder.c")),
        "POWERLOSS_VOLUME": str(volume),
        "POWERLOSS_LOG": str(path),
        "POWERLOSS_EXCEPT": ":".join(EXCEPT),
        "POWERLOSS_SLOW_MS": str(SLOW_MS),
        "POWERLOSS_DIE_AT": str(die_at),
    }


class Recorder:
    """Servers on one volume, all of whose changes go into one log."""

    def __init__(self, folder, runtime):
        self.volume, self.path = folder / "volume", folder / "writes.log"
        self.volume.mkdir()
        self.server_log = folder / "recorded.server.log"
        self.history = History(self.path)
        together = threading.Barrier(WRITERS)
        self.writers = [Writer(None, self.history, number, runtime, together) for number in range(WRITERS)]
        self.object_writer = ObjectWriter(None, self.history, WRITERS + 1)
        self.item_writer = ItemWriter(None, self.history, WRITERS + 2)
        self.schedule_writer = ScheduleWriter(None, self.history, WRITERS + 3)
        self.event_writer = EventWriter(None, self.history, runtime)
        self.record_writer = RecordWriter(self.history, runtime, folder / "followed")
        self.phases = 0
        #: Has one function with a package of its own, which is damaged between two servers.
        self.mender = Writer(None, self.history, WRITERS, runtime, together)
        self.fragile = make_zip({"app.py": "def handler(event, context):\n    return 'mended'\n"})

    def start(self, die_at=0):
        """A server that is recorded."""
        env = environment(self.volume, self.path, die_at)
        return lambent.Server(self.volume / "data", *CHEAP, env=env, log=self.server_log)

    def die(self, at):
        """A first start that is killed at its sync number `at`, or when it is ready, if it makes fewer."""
        try:
            server = self.start(die_at=at)
        except lambent.ServerFailed:
            return
        server.kill()
        server.process.stdout.close()

    def damage(self):
        """The disk loses a byte of a package: on the real one and, for good, in the log."""
        path = f"data/code/{hashlib.sha256(self.fragile).hexdigest()}/package.zip"
        place, at, byte = self.volume / path, len(self.fragile) // 2, b"\xff"
        inode, start = place.stat().st_ino, self.history.position()
        with open(place, "r+b") as file, open(self.path, "ab") as writes:
            file.seek(at)
            file.write(byte)
            writes.write(log.encode(log.Record(log.WRITE, path, inode, at, data=byte)))
            writes.write(log.encode(log.Record(log.SYNC_BEGIN, path, inode)))
            writes.write(log.encode(log.Record(log.SYNC_END, path, inode)))
        self.history.steps["mended"].append(Step(start, self.history.position(), ANYTHING))

    def upload_fragile(self):
        """Deploys the package that is damaged, or puts it right by deploying it again."""
        self.mender.upload("mended", self.fragile)
        self.mender.settle("mended")

    def work(self, calls, end, first=lambda: None, last=lambda: None):
        """Starts a server, lets the clients work, and ends it: "stop" or "kill". What is done first and last may be told."""
        server = self.start()
        try:
            for writer in (*self.writers, self.mender, self.event_writer, self.record_writer):
                writer.client = server.client()
            self.object_writer.client = server.client(service="s3")
            self.item_writer.client = server.client(service="dynamodb")
            self.record_writer.kinesis = server.client(service="kinesis")
            self.schedule_writer.client = server.client(service="scheduler")
            first()
            others = [self.object_writer, self.item_writer, self.schedule_writer, self.event_writer, self.record_writer]
            run_together([*self.writers, *others], self.phases, calls)
            last()
        finally:
            # A kill hits a server at rest: a change that it interrupts might be done and not recorded.
            (server.kill if end == "kill" else server.stop)()
            server.process.stdout.close()
        self.phases += 1

    def finish(self):
        """What was seen."""
        volume, writer = disk.real(self.volume, EXCEPT), self.record_writer
        return Recording(log.read(self.path), self.history, volume, noted(writer.witness), writer.witness)


def record(folder, runtime):
    """A run of three servers on one volume: stopped, killed, stopped; the second finds a damaged package."""
    recorder = Recorder(folder, runtime)
    follow = recorder.record_writer.settle_all
    recorder.work(CALLS_PER_WRITER, "stop", first=recorder.upload_fragile, last=follow)
    recorder.damage()
    recorder.work(CALLS_PER_WRITER, "kill", first=recorder.upload_fragile, last=follow)
    recorder.work(CALLS_PER_WRITER, "stop")
    return recorder.finish()


def record_after_a_death(folder, runtime, die_at):
    """A run whose first start was killed at a sync, and a little work after it."""
    recorder = Recorder(folder, runtime)
    recorder.die(die_at)
    recorder.work(1, "kill")
    return recorder.finish()
