"""Compiles the sources below a folder, as the interpreter would when they are imported, were it let write what comes of it.

Standard output gets a frame for each: how long the path of the bytecode is and how long that is, both, and at the end an empty frame.
Where anything is the matter with a source the bytecode is empty: the function is to hear of it, at each of its starts. It stands there all
the same, so that no other layer's bytecode stands for that source.
"""

import importlib.util
import marshal
import os
import struct
import sys
import warnings

# Of PEP 552: valid whatever the source is. It cannot change, since nobody can write to a package.
UNCHECKED_HASH = 1
HEADER_BYTES = 16
# Larger ones are data that somebody wrote as a program.
SOURCE_BYTES_MAX = 8 << 20


def sources(root):
    """Paths below the folder, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))


def is_ready(bytecode):
    """Whether the package brings bytecode that counts, whatever the source is."""
    try:
        with open(bytecode, "rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError:
        return False
    return header[:4] == importlib.util.MAGIC_NUMBER and len(header) == HEADER_BYTES and header[4] & UNCHECKED_HASH


def compiled(path):
    """What the interpreter would write; nothing where it would complain."""
    try:
        with open(path, "rb") as file:
            source = file.read(SOURCE_BYTES_MAX + 1)
        if len(source) > SOURCE_BYTES_MAX:
            return b""
        code = compile(source, path, "exec", dont_inherit=True)
        header = importlib.util.MAGIC_NUMBER + struct.pack("<I", UNCHECKED_HASH) + importlib.util.source_hash(source)
        return header + marshal.dumps(code)
    except Exception:
        return b""


def main():
    """The folder is the only argument."""
    root = sys.argv[1]
    # A warning is the function's to see, if it is one that imports show.
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", DeprecationWarning)
    out = sys.stdout.buffer
    for path in sources(root):
        bytecode = importlib.util.cache_from_source(path, optimization="")
        # A link is compiled where it leads to.
        code = b"" if os.path.islink(path) or is_ready(bytecode) else compiled(path)
        name = os.fsencode(os.path.relpath(bytecode, root))
        out.write(struct.pack("<II", len(name), len(code)) + name + code)
    out.write(struct.pack("<II", 0, 0))
    out.flush()


if __name__ == "__main__":
    main()
