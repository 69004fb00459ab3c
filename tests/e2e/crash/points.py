"""The labelled points, as the sources have them."""

import re
from pathlib import Path

CRATES = Path(__file__).resolve().parents[3] / "crates"
LABEL = re.compile(r'target: "crash_point",\s*"([^"]+)"')

#: Points that come before the server listens.
AT_START = ("open: ", "resume: ")


def all_points():
    """Every label, in order; each is there once."""
    found = []
    for source in sorted(CRATES.rglob("*.rs")):
        found += LABEL.findall(source.read_text())
    assert len(found) == len(set(found)), "a label is there twice"
    return sorted(found)
