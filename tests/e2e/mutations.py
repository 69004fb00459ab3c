"""Wrong requests made from the API model: one member of a right request broken at a time.

Each constraint of the model gives a mutation, in nested structures, list elements, map keys and map values too: a
required member missing, a value of the wrong JSON type, below the minimum, above the maximum, against the pattern,
outside the enum. What cannot be expressed on the wire is left out: an empty or missing path label is another path.
"""

import re
from dataclasses import dataclass

ABSENT = object()

#: Texts of which one satisfies each pattern of the model.
SAMPLES = [
    "sample",
    "/mnt/sample",
    "/path/",
    "v1",
    "1",
    "000000000000",
    "2026-01-01",
    "lambda:GetLayerVersion",
    "lambda:InvokeFunction",
    "o-0123456789",
    "subnet-1",
    "sg-1",
    "us-east-1",
    "localhost:80",
    "arn:aws:events:us-east-1:000000000000:event-bus/default",
    "arn:aws:events:us-east-1:000000000000:archive/a",
    "arn:aws:events:us-east-1:000000000000:connection/a/0",
    "https://example.com/",
    "arn:aws:vpc-lattice:us-east-1:000000000000:resourceconfiguration/rcfg-00000000000000000",
    ",",
    "aws.partner/sample/sample",
    "sample.sample",
    "events:PutEvents",
    "$.sample",
    "https://localhost/path",
    "csc-0123456789abcdefg",
    "SampleException",
    "$LATEST",
    "$LATEST.PUBLISHED",
    "00000000-0000-0000-0000-000000000000",
    "arn:aws:iam::000000000000:role/sample",
    "arn:aws:lambda:us-east-1:000000000000:function:sample",
    "arn:aws:lambda:us-east-1:000000000000:layer:sample",
    "arn:aws:lambda:us-east-1:000000000000:layer:sample:1",
    "arn:aws:lambda:us-east-1:000000000000:capacity-provider:sample",
    "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdefg",
    "arn:aws:lambda:us-east-1:000000000000:function:sample:1/durable-execution/sample/sample",
    "arn:aws:lambda:us-east-1::runtime:sample",
    "arn:aws:lambda:us-east-1:000000000000:runtime/sample",
    "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0",
    "arn:aws:kms:us-east-1:000000000000:key/1",
    "arn:aws:sqs:us-east-1:000000000000:sample",
    "arn:aws:scheduler:us-east-1:000000000000:schedule-group/sample",
    "arn:aws:kinesis:us-east-1:000000000000:stream/sample",
    "arn:aws:kinesis:us-east-1:000000000000:stream/sample/consumer/sample:1",
    "aaaaaaaaaaaaaaaaaaaa-abc",
]

#: Texts of which one violates each pattern that can be violated.
OFFENDERS = ["!", "!!", "a b", "no pattern takes this: \u00a7", "-", " ", "\u2603", "$", "."]

#: Values that hold values of their own kind are broken so deep.
DEPTH_MAX = 8

WRONG_TYPES = {
    "string": [7, True, {"a": "b"}, ["a"]],
    "blob": [7, ["a"]],
    "integer": ["seven", 1.5, True, [1]],
    "long": ["seven", 1.5, True, [1]],
    "float": ["seven", [1]],
    "double": ["seven", [1]],
    "boolean": ["maybe", 1, {"a": True}],
    "structure": ["text", 7, ["a"]],
    "list": ["text", 7, {"a": "b"}],
    "map": ["text", 7, ["a"]],
    "timestamp": [{"a": "b"}],
}
#: The same for a member that travels as text, where every text is a string.
WRONG_TEXTS = {"integer": ["seven", "1.5", ""], "long": ["seven", "1.5", ""], "boolean": ["maybe", "1"]}


@dataclass
class Mutation:
    """A request with one member broken."""

    path: tuple
    what: str
    request: dict
    expected: str | None = None

    def __str__(self):
        return f"{'.'.join(self.path)} {self.what}"

    def names(self):
        """The broken member as AWS's messages write it: that of the list or map, for what is in one."""
        return lower_camel([name for name in self.path if name[0] not in "[{"][-1])


@dataclass
class Place:
    """Where in the request a value is: `put(value)` gives the whole request with another value there."""

    path: tuple
    put: object
    location: str | None


def matches(pattern, text):
    """Whether a text satisfies a pattern of the model, which is Java's and means the whole text."""
    return re.fullmatch(pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w\s"), text) is not None


def sample_text(shape):
    """A text that satisfies every constraint of a string shape."""
    if shape.enum:
        return shape.enum[0]
    bounds = shape.metadata
    for text in SAMPLES:
        text = text.ljust(bounds.get("min", 0), text[-1])
        if len(text) <= bounds.get("max", len(text)) and matches(bounds.get("pattern", r"[\s\S]*"), text):
            return text
    raise LookupError(f"no sample satisfies {shape.name}: {bounds}")


def sample(shape):
    """A small value that satisfies the constraints of a shape: required members only, lists and maps of one."""
    kind = shape.type_name
    if kind == "string":
        return sample_text(shape)
    if kind == "structure":
        return {name: sample(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [sample(shape.member)] * max(1, shape.metadata.get("min", 0))
    if kind == "map":
        return {sample(shape.key): sample(shape.value)}
    if kind in ("integer", "long", "float", "double"):
        return max(1, shape.metadata.get("min", 0))
    return {"boolean": False, "blob": "", "timestamp": 0}[kind]


def mutations(operation, request):
    """Every mutation of a right request of an operation."""
    if operation.input_shape is not None:
        payload = operation.input_shape.serialization.get("payload")
        place = Place((), lambda value: value, None)
        yield from of_structure(operation.input_shape, request, place, payload)


def of_structure(shape, value, place, payload=None):
    """Mutations of the members of a structure."""
    for name, member in shape.members.items():

        def put(other, name=name):
            rest = {key: item for key, item in value.items() if key != name}
            return place.put(rest if other is ABSENT else {**rest, name: other})

        location = "payload" if name == payload else member.serialization.get("location") or place.location
        inner = Place((*place.path, name), put, location)
        # A body that is the member is there, if only as an empty object.
        if name in shape.required_members and location not in ("uri", "payload"):
            yield Mutation(inner.path, "missing", put(ABSENT), "Member must not be null")
        yield from of_value(member, value.get(name, ABSENT), inner)


def of_value(shape, value, place):
    """Mutations of one value and of what is in it."""
    if len(place.path) > DEPTH_MAX:
        return
    value = sample(shape) if value is ABSENT else value
    if place.location == "payload":
        yield Mutation(place.path, "no JSON", place.put(b"{no json"))
        return
    wrong = WRONG_TYPES if place.location is None else WRONG_TEXTS
    for other in wrong.get(shape.type_name, []):
        if other == "" and place.location == "uri":
            # An empty part of a path makes another path.
            continue
        yield Mutation(place.path, f"of wrong type: {other!r}", place.put(other))
    if shape.type_name == "blob":
        yield Mutation(place.path, "no base64", place.put("%%%"))
    if shape.type_name in ("integer", "long", "float", "double"):
        yield from of_number(shape, place)
    elif shape.type_name == "string":
        yield from of_text(shape, value, place)
    elif shape.type_name == "structure":
        yield from of_structure(shape, value, place)
    elif shape.type_name == "list":
        yield from of_list(shape, value, place)
    elif shape.type_name == "map":
        yield from of_map(shape, value, place)


def of_number(shape, place):
    """Just below and just above the range."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("float", "double"):
        low, high = (None if bound is None else float(bound) for bound in (low, high))
    if low is not None:
        expected = f"Member must have value greater than or equal to {low}"
        yield Mutation(place.path, "below min", place.put(low - 1), expected)
    if high is not None:
        expected = f"Member must have value less than or equal to {high}"
        yield Mutation(place.path, "above max", place.put(high + 1), expected)


def of_text(shape, value, place):
    """Too short, too long, against the pattern, outside the enum."""
    low, high, pattern = (shape.metadata.get(name) for name in ("min", "max", "pattern"))
    if low and place.location != "uri":
        yield Mutation(place.path, "below min", place.put(value[: low - 1]), at_least(low))
    if high is not None:
        yield Mutation(place.path, "above max", place.put(value.ljust(high + 1, value[-1:] or "a")), at_most(high))
    if shape.enum:
        yield Mutation(place.path, "outside the enum", place.put("NoSuchValue"), "enum value set")
    if pattern is not None:
        fitting = [text.ljust(low or 0, text[-1]) for text in OFFENDERS if place.location != "header" or text.isascii()]
        against = [text for text in fitting if not matches(pattern, text) and len(text) <= (high or len(text))]
        for text in list(dict.fromkeys(against))[:2]:
            expected = f"Member must satisfy regular expression pattern: {pattern}"
            yield Mutation(place.path, f"against the pattern: {text!r}", place.put(text), expected)


def of_list(shape, value, place):
    """Too few, too many, and each kind of wrong element."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    element = value[0] if value else sample(shape.member)
    if low and place.location is None:
        yield Mutation(place.path, "below min", place.put([element] * (low - 1)), at_least(low))
    if high is not None:
        yield Mutation(place.path, "above max", place.put([element] * (high + 1)), at_most(high))
    if place.location is None:
        yield Mutation(place.path, "with a null element", place.put([None]))
    inner = Place((*place.path, "[]"), lambda other: place.put([other]), place.location)
    yield from of_value(shape.member, element, inner)


def of_map(shape, value, place):
    """Too few, too many, and each kind of wrong key and value."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    key, item = next(iter(value.items()), (sample(shape.key), sample(shape.value)))
    if low:
        yield Mutation(place.path, "below min", place.put({}), at_least(low))
    if high is not None:
        many = {f"{key}{number}": item for number in range(high + 1)}
        yield Mutation(place.path, "above max", place.put(many), at_most(high))
    yield Mutation(place.path, "with a null value", place.put({key: None}))
    keys = Place((*place.path, "{key}"), lambda other: place.put({other: item}), place.location)
    yield from of_text(shape.key, key, keys)
    values = Place((*place.path, "{value}"), lambda other: place.put({key: other}), place.location)
    yield from of_value(shape.value, item, values)


def at_least(length):
    """AWS's words for too short or too few."""
    return f"Member must have length greater than or equal to {length}"


def at_most(length):
    """AWS's words for too long or too many."""
    return f"Member must have length less than or equal to {length}"


def lower_camel(name):
    """A member as AWS's messages write it."""
    return name[:1].lower() + name[1:]
