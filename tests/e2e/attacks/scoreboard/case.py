"""One attack of the scoreboard."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """An attack: the body of `attack(event)` of a Python package, or a whole run of its own."""

    number: int
    title: str
    # Packages; each must fail. `catalog` names attacks of attacks/catalog.py that belong here.
    codes: tuple = ()
    catalog: tuple = ()
    # A run that is more than one invocation: given the range, answers the letter.
    run: Callable | None = field(default=None, hash=False)
    # The letters.
    stopped: str = "P"
    succeeded: str = "E"
    options: dict = field(default_factory=dict, hash=False)
    # Flags of a server on which each of `codes` succeeds: that what stops it is what should (`catalog` has such flags too).
    succeeds_with: tuple = ()
    # Why there is nothing to run.
    why_not: str = ""
