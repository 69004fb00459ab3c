"""Requests of the query protocol put together by hand, and their answers: what boto3 would refuse is sent as it is."""

import base64
import http.client
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 20


@dataclass
class Answer:
    """Status, and code and text of an error."""

    status: int
    code: str | None
    message: str
    body: str


def pairs_of(shape, value, name):
    """The parameters of one member; what has another type than its shape travels as text."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for member, inner in value.items():
            yield from pairs_of(shape.members[member], inner, f"{name}.{member}" if name else member)
    elif kind == "list" and isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from pairs_of(shape.member, inner, f"{name}.member.{number}")
    elif kind == "map" and isinstance(value, dict):
        for number, (key, inner) in enumerate(value.items(), 1):
            names = (of.serialization.get("name", usual) for of, usual in ((shape.key, "key"), (shape.value, "value")))
            key_name, value_name = (f"{name}.entry.{number}.{one}" for one in names)
            yield key_name, key
            yield from pairs_of(shape.value, inner, value_name)
    elif kind == "blob":
        yield name, base64.b64encode(value.encode()).decode() if value != "%%%" else value
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, str(value)


class FormCaller:
    """Sends forms to one service, with a credential scope instead of a signature."""

    def __init__(self, server, model, region, account):
        self.connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=TIMEOUT_S)
        self.model = model
        scope = f"{account}/20260101/{region}/{model.signing_name}/aws4_request"
        self.headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        }

    def send(self, body):
        """One body, whatever it is."""
        self.connection.request("POST", "/", body=body, headers=self.headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        root = ElementTree.fromstring(text)
        found = {element.tag.split("}")[-1]: element.text for element in root.iter()}
        return Answer(answer.status, found.get("Code"), found.get("Message") or "", text)

    def call(self, operation, members):
        """One request of an operation."""
        shape = operation.input_shape
        pairs = [*pairs_of(shape, members, "")] if shape else []
        form = [("Action", operation.name), ("Version", self.model.api_version), *pairs]
        return self.send(urlencode(form).encode())
