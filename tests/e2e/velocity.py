"""Renders templates with PyPI's airspeed: the same variables as API Gateway's, over another implementation of the language."""

import base64
import json
import re
from urllib.parse import quote_plus, unquote_plus

import airspeed


def escape(text):
    """As JavaScript writes a text."""
    return json.dumps(str(text))[1:-1].replace("'", "\\'").replace("/", "\\/")


class Util:
    """`$util`."""

    escapeJavaScript = staticmethod(escape)  # noqa: N815
    parseJson = staticmethod(json.loads)  # noqa: N815
    urlEncode = staticmethod(quote_plus)  # noqa: N815
    urlDecode = staticmethod(unquote_plus)  # noqa: N815
    base64Encode = staticmethod(lambda text: base64.b64encode(text.encode()).decode())  # noqa: N815
    base64Decode = staticmethod(lambda text: base64.b64decode(text).decode())  # noqa: N815


class Input:
    """`$input`."""

    def __init__(self, body, params):
        self.body = body or "{}"
        self.all = {"path": {}, "querystring": {}, "header": {}, **(params or {})}
        try:
            self.document = json.loads(self.body)
        except ValueError:
            self.document = self.body

    def path(self, path):
        """What a path of members and items leads to."""
        value = self.document
        for step in re.findall(r"[^.\[\]'\"]+", path.removeprefix("$")):
            value = value[int(step)] if isinstance(value, list) else value.get(step)
        return value

    def json(self, path):
        """The same as JSON."""
        return json.dumps(self.path(path), separators=(",", ":"))

    def params(self, name=None):
        """A parameter, or all of them."""
        return self.all if name is None else next((kind[name] for kind in self.all.values() if name in kind), "")


def rendered(case):
    """The text of a case; how it failed, where it did."""
    names = {"context": case.get("context", {}), "stageVariables": case.get("stageVariables", {}), "util": Util(), "input": Input(case["body"], case.get("params"))}
    try:
        return airspeed.Template(case["template"]).merge(names)
    except Exception as error:  # noqa: BLE001  whatever another implementation raises is its answer
        return f"error: {error}"
