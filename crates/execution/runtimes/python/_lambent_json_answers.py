"""JSON as AWS's client writes it: named tuples are objects, bytes are text, decimals keep their digits.

Under a name that no package of a function has.
"""

import json
import os
import sys

# From this version on characters beyond ASCII are not escaped.
ESCAPES = sys.version_info < (3, 12)
SCALARS = frozenset((str, int, float, bool, type(None)))
# What surrounds the digits of a decimal until the text is whole; nobody can have it in a value of theirs.
DECIMAL = f"decimal-{os.urandom(16).hex()}-"


def to_json(value, escapes=ESCAPES):
    """The bytes of a value; a lone surrogate, which UTF-8 cannot carry, makes the whole text ASCII."""
    decimals = []

    def of_another_type(value):
        if isinstance(value, bytes):
            return value.decode()
        module = sys.modules.get("decimal")
        if module is None or not isinstance(value, module.Decimal):
            raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
        if value.is_nan():
            return float("nan")
        decimals.append(value)
        return DECIMAL + str(value)

    if has_named_tuples(value):
        value = with_objects_for_named_tuples(value)
    text = json.dumps(value, default=of_another_type, ensure_ascii=escapes)
    if decimals:
        first, *others = text.split('"' + DECIMAL)
        text = first + "".join(other.replace('"', "", 1) for other in others)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return to_json(value, escapes=True)


def has_named_tuples(value):
    """Whether there is one somewhere inside."""
    if isinstance(value, dict):
        values = value.values()
    elif isinstance(value, (list, tuple)):
        if hasattr(value, "_asdict"):
            return True
        values = value
    else:
        return False
    if SCALARS.issuperset(map(type, values)):
        return False
    try:
        for inner in values:
            if type(inner) not in SCALARS and has_named_tuples(inner):
                return True
    except RecursionError:
        # It contains itself, or is too deep: the conversion will say so.
        pass
    return False


def with_objects_for_named_tuples(value):
    """A copy in which each named tuple is a dictionary."""
    convert = with_objects_for_named_tuples
    if isinstance(value, dict):
        return {key: convert(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        as_dictionary = getattr(value, "_asdict", None)
        return convert(as_dictionary()) if callable(as_dictionary) else [convert(inner) for inner in value]
    return value
