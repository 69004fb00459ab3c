"""Requests of the API put together by hand: what boto3 would refuse, correct or coerce is sent as it is.

A request is a dict of the operation's members with JSON values; the binding of each member (path label, query,
header, body) comes from the API model.
"""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_S = 20


@dataclass
class Answer:
    """Status, exception name, and the body as JSON where it is some."""

    status: int
    code: str | None
    body: object

    @property
    def message(self):
        """The text of an error, whichever way its key is written."""
        body = self.body if isinstance(self.body, dict) else {}
        return body.get("message") or body.get("Message") or ""


def filled(value, ids):
    """A request with ids in the place of what stands for them."""
    if isinstance(value, dict):
        return {key: filled(inner, ids) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, ids) for inner in value]
    for name, given in ids.items():
        value = value.replace(f"<{name}>", given) if isinstance(value, str) else value
    return value


def as_text(value):
    """A value as it travels outside of the body."""
    return value if isinstance(value, str) else json.dumps(value)


def on_the_wire(shape, value):
    """A value whose structures have their members under the names on the wire; what is wrong stays as it is."""
    if shape.type_name == "structure" and isinstance(value, dict):
        known = shape.members
        pairs = ((known[name].serialization.get("name", name), on_the_wire(known[name], inner)) if name in known else (name, inner) for name, inner in value.items())
        return dict(pairs)
    if shape.type_name == "list" and isinstance(value, list):
        return [on_the_wire(shape.member, inner) for inner in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: on_the_wire(shape.value, inner) for key, inner in value.items()}
    return value


def request_of(operation, members):
    """Method, target, headers and body of a request; `operation` is an OperationModel of botocore."""
    target = operation.http["requestUri"]
    query, headers, body, payload = [], {}, {}, None
    shapes = operation.input_shape.members if operation.input_shape else {}
    payload_name = operation.input_shape.serialization.get("payload") if operation.input_shape else None
    for name, value in members.items():
        binding = shapes[name].serialization
        wire_name = binding.get("name", name)
        location = binding.get("location")
        if location == "uri":
            target = target.replace("{%s}" % wire_name, quote(as_text(value), safe=""))
        elif location == "querystring":
            query += [(wire_name, as_text(item)) for item in (value if isinstance(value, list) else [value])]
        elif location == "header":
            headers[wire_name] = as_text(value)
        elif name == payload_name:
            payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        else:
            body[wire_name] = on_the_wire(shapes[name], value)
    if query:
        target += ("&" if "?" in target else "?") + urlencode(query)
    if payload is None and (body or operation.http["method"] in ("POST", "PUT")):
        payload = json.dumps(body).encode()
    return operation.http["method"], target, headers, payload


class Caller:
    """Sends requests over one connection, with a credential scope instead of a signature."""

    def __init__(self, server, region, account="000000000000", service="lambda"):
        self.connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=TIMEOUT_S)
        scope = f"{account}/20260101/{region}/{service}/aws4_request"
        self.authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"

    def send(self, method, target, headers=None, body=None):
        """One request, whatever it is."""
        headers = {"Authorization": self.authorization, "Content-Type": "application/json", **(headers or {})}
        try:
            self.connection.request(method, target, body=body, headers=headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        try:
            parsed = json.loads(content) if content else None
        except ValueError:
            parsed = content
        code = answer.headers.get("x-amzn-errortype")
        return Answer(answer.status, code.split(":")[0] if code else None, parsed)

    def call(self, operation, members):
        """One request of an operation."""
        return self.send(*request_of(operation, members))
