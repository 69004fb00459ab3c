"""Faults of disk and clock for one server: see `shim.c`, which it is started with."""

import mmap
import struct
from pathlib import Path

import toolbox

#: Where each fault is in the file that shim and test have mapped.
OFFSETS = {"clock_seconds": 0, "syncs": 8, "writes": 16, "failed": 24, "slow_ms": 32}
BYTES = 40
#: Every call.
ALWAYS = -1


class Faults:
    """Set `clock_seconds`, `syncs`, `writes` or `slow_ms` while the server runs."""

    def __init__(self, folder, files=""):
        path = Path(folder) / "faults"
        path.write_bytes(bytes(BYTES))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), BYTES)
        #: For the server's start.
        self.environment = {"LD_PRELOAD": str(toolbox.preloaded(Path(__file__).parent / "shim.c")), "FAULTS_CONTROL": str(path)}
        if files:
            self.environment["FAULTS_FILES"] = files

    def __getattr__(self, name):
        return struct.unpack_from("<q", self.memory, OFFSETS[name])[0]

    def __setattr__(self, name, value):
        if name in OFFSETS:
            struct.pack_into("<q", self.memory, OFFSETS[name], value)
        else:
            super().__setattr__(name, value)
