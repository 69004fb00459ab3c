"""Extensions under test: programs for a layer's `extensions/`, and the layer."""

import textwrap

from packages import executable

#: The client that every Python extension of the tests begins with: `register`, `call`, `next_event`.
CLIENT = """#!/usr/bin/python3 -u
import http.client, json, os, sys, time
NAME = os.path.basename(sys.argv[0])
API = os.environ["AWS_LAMBDA_RUNTIME_API"]
identifier = None

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(API)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if identifier:
        headers["Lambda-Extension-Identifier"] = identifier
    connection.request(method, path, body if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, json.loads(answer.read() or b"null")

def register(*events, name=NAME):
    global identifier
    status, headers, body = call("POST", "/2020-01-01/extension/register", {"events": events}, Lambda_Extension_Name=name)
    identifier = headers.get("Lambda-Extension-Identifier")
    return status, body

def next_event():
    return call("GET", "/2020-01-01/extension/event/next")[2]

def say(*words):
    print(NAME, *words)

"""

#: Says what it hears until it is told to end.
LISTENER = """
register("INVOKE", "SHUTDOWN")
while True:
    event = next_event()
    say(json.dumps(event))
    if event["eventType"] == "SHUTDOWN":
        break
"""


def python_extension(code):
    """An executable file with an extension in Python."""
    return executable(CLIENT + textwrap.dedent(code))


def extension_layer(layer, **programs):
    """Publishes a layer with these extensions: code in Python, or the bytes of a program."""
    files = {}
    for name, program in programs.items():
        is_code = isinstance(program, str)
        files[f"extensions/{name}"] = python_extension(program) if is_code else program
    return layer(files)
