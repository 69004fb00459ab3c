"""The scoreboard of attacks: 73 numbered ones in six groups, each a real package through the public API.

What an attack comes to is a letter: P prevented, C contained (only its own environment is hurt), D degraded but detected, L leaked,
E escaped, H the host or the server harmed. A case says which letter it is when the attack does not succeed, and which when it does.
"""

from .case import Case
from .s1_kernel import CASES as S1
from .s2_resources import CASES as S2
from .s3_neighbours import CASES as S3
from .s4_network import CASES as S4
from .s5_runtime_api import CASES as S5
from .s6_packages import CASES as S6

GROUPS = {
    "S1 Kernel and escape": S1,
    "S2 Resource bombs": S2,
    "S3 Leaks between functions": S3,
    "S4 Network": S4,
    "S5 Runtime API": S5,
    "S6 Packages": S6,
}
CASES = [case for group in GROUPS.values() for case in group]

__all__ = ["CASES", "GROUPS", "Case"]
