"""The records that `recorder.c` writes, read back."""

import struct
from dataclasses import dataclass, field

HEADER = struct.Struct("<IIQQIIII")

CREATE, MAKE_DIRECTORY, SYMLINK, RENAME, UNLINK, REMOVE_DIRECTORY = "CDLRUX"
WRITE, TRUNCATE, ALLOCATE, SYNC_BEGIN, SYNC_END, NOT_RECORDABLE = "WTASEN"


@dataclass(frozen=True)
class Record:
    """One change, or one half of a sync.

    `path` and `other` are relative to the recorded folder, which itself is "". `end` is the length of the log with
    this record in it: a client that looks at the log's length knows which records were there at that moment.
    """

    kind: str
    path: str
    inode: int = 0
    number: int = 0
    other: str = ""
    data: bytes = field(default=b"", repr=False)
    end: int = 0

    def frames(self):
        """The return addresses of a sync, relative to the program, innermost first."""
        return struct.unpack(f"<{len(self.data) // 8}Q", self.data)


def encode(record):
    """A record as it stands in a log."""
    texts = [text.encode(errors="surrogateescape") for text in (record.path, record.other)]
    lengths = [len(part) for part in (*texts, record.data)]
    size = HEADER.size + sum(lengths)
    return HEADER.pack(size, ord(record.kind), record.inode, record.number, *lengths, 0) + b"".join(texts) + record.data


def read(path):
    """All records of a log."""
    content = path.read_bytes()
    records, at = [], 0
    while at < len(content):
        size, kind, inode, number, path_bytes, other_bytes, data_bytes, _ = HEADER.unpack_from(content, at)
        start = at + HEADER.size
        texts = content[start : start + path_bytes], content[start + path_bytes : start + path_bytes + other_bytes]
        data = content[at + size - data_bytes : at + size]
        at += size
        name, other = (text.decode(errors="surrogateescape") for text in texts)
        records.append(Record(chr(kind), name, inode, number, other, data, end=at))
    return records
