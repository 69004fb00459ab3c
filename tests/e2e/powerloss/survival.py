"""What survives a power loss of what was not synced: fixed choices, and random ones from a seed."""

import random

SECTORS = (512, 4096)


class Fixed:
    """All or nothing: of names, of data, and of sizes, which go with the data unless said otherwise."""

    #: In the words of the report.
    way = "with all or nothing of what was not synced"

    def __init__(self, names, data, sizes=None):
        self.names = names
        self.data = data
        self.sizes = data if sizes is None else sizes

    def __repr__(self):
        word = {True: "all", False: "no"}
        sizes = "" if self.sizes == self.data else f", {word[self.sizes]} sizes"
        return f"{word[self.names]} names{sizes} and {word[self.data]} data of what was not synced"

    def begin(self):
        """The choices for one image: the same each time."""
        return self

    def edits(self, pending):
        """How many of a directory's pending edits are there."""
        return len(pending) if self.names else 0

    def pieces(self, write):
        """The parts of a write that are there, as offset and data."""
        return [(write.offset, write.data)] if self.data else []

    def keeps_size(self, change):
        """Whether the file's size after a change is there."""
        return self.sizes


NOTHING = Fixed(names=False, data=False)
EVERYTHING = Fixed(names=True, data=True)
#: What finds a missing sync fastest: what was written is lost, alone or with the names, or is zeros, or only the names
#: are lost.
CORNERS = (
    NOTHING,
    Fixed(names=True, data=False),
    Fixed(names=True, data=False, sizes=True),
    Fixed(names=False, data=True),
)


class InOrder(Fixed):
    """Everything before a record and nothing after it: a disk that was only behind."""

    way = "in order"

    def __init__(self, last):
        super().__init__(names=True, data=True)
        self.last = last

    def __repr__(self):
        return f"everything before record {self.last}"

    def edits(self, pending):
        return sum(1 for edit in pending if edit.at < self.last)

    def pieces(self, write):
        return super().pieces(write) if write.at < self.last else []

    def keeps_size(self, change):
        return change.at < self.last


class Torn(Fixed):
    """A random part: of each directory's edits a prefix, of writes whole ones or single sectors."""

    way = "with a random part of what was not synced"

    def __init__(self, seed):
        super().__init__(names=True, data=True)
        self.seed = seed
        self.randomness = randomness = random.Random(seed)
        self.sector = randomness.choice(SECTORS)
        self.is_torn = randomness.random() < 0.6
        self.share = randomness.choice((0.1, 0.5, 0.9))
        self.share_of_sizes = randomness.choice((0.0, 0.5, 1.0))

    def __repr__(self):
        unit = f"sectors of {self.sector} bytes" if self.is_torn else "writes"
        return f"a share of {self.share} of the {unit} and of {self.share_of_sizes} of the sizes (seed {self.seed})"

    def begin(self):
        return Torn(self.seed)

    def edits(self, pending):
        return self.randomness.choice((0, len(pending), self.randomness.randint(0, len(pending))))

    def pieces(self, write):
        if not self.is_torn:
            return super().pieces(write) if self.randomness.random() < self.share else []
        kept, at = [], 0
        while at < len(write.data):
            room = self.sector - (write.offset + at) % self.sector
            if self.randomness.random() < self.share:
                kept.append((write.offset + at, write.data[at : at + room]))
            at += room
        return kept

    def keeps_size(self, change):
        return self.randomness.random() < self.share_of_sizes


def random_one(randomness, records):
    """One of all of these, for a power loss after so many records."""
    return randomness.choice(
        (
            *CORNERS,
            EVERYTHING,
            InOrder(randomness.randint(max(0, records - 60), records)),
            *(Torn(randomness.randrange(1 << 32)) for _ in range(4)),
        )
    )
