"""The result of a whole run, for `docs/internals/power-loss.md`."""

from collections import Counter
from dataclasses import dataclass, field

HEAD = """\
# Power loss

The result of the last `cargo xtask powerloss`, which wrote this page. The real binary is recorded at work (library
and disk model: `tests/e2e/powerloss/`), what a disk may hold after a power loss is rebuilt, and the real server is
started on it and held to what it had answered.

What survives in the model: data of a file that was synced after it was written, and names in a directory that was
synced after they were given. Of the rest, any part: single writes or sectors of them, sizes apart from data, of each
directory a prefix of what was done in it. Logs, SDKs and what belongs to running environments are not durable by
design and are left out.

"""
LOSS_CHARACTERS_MAX = 110


@dataclass
class Report:
    """What the tests of a run found."""

    seed: int
    records: int = 0
    calls: int = 0
    #: Of random power losses, and how many were not survived.
    points: int = 0
    lost: int = 0
    seconds: float = 0.0
    ways: Counter = field(default_factory=Counter)
    #: Of each kind of sync: how often it was made, and the first loss without it or why there is none.
    syncs: dict = field(default_factory=dict)

    def render(self):
        """The page."""
        ways = ", ".join(f"{number} {way}" for way, number in sorted(self.ways.items()))
        lines = [
            f"- Random power losses: {self.points}, of which {self.points - self.lost} are survived "
            f"({self.seconds:.0f} s, seed {self.seed}).",
            f"  They were {ways}.",
            f"- Recorded: {self.calls} calls of four clients at once to three servers in turn, {self.records} changes "
            "and syncs of files.",
            "",
            "## Syncs",
            "",
            "Each kind of sync, and the first loss that is found when all of its kind are left out of the record.",
            "",
            "| sync | times | without it |",
            "|---|---|---|",
        ]
        for kind, (times, loss) in self.syncs.items():
            short = loss if len(loss) <= LOSS_CHARACTERS_MAX else loss[:LOSS_CHARACTERS_MAX] + "..."
            lines.append(f"| {kind} | {times} | {' '.join(short.split()).replace('|', '/')} |")
        return HEAD + "\n".join(lines) + "\n"
