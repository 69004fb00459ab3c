"""Functions under test: deployed through boto3, invoked, and taken away again."""

import base64
import json
import textwrap
import time
import uuid
from dataclasses import dataclass, field

from lambent import ROLE
from packages import Raw, make_zip

WAITER = {"Delay": 0.05, "MaxAttempts": 2400}


@dataclass
class Outcome:
    """What an invoke answered."""

    status: int
    payload: object
    raw: bytes
    error: str | None
    log: str
    headers: dict = field(repr=False)

    @property
    def request_id(self):
        """The id of the request, as the service gave it."""
        return self.headers["x-amzn-requestid"]


class Function:
    """One deployed function."""

    def __init__(self, client, name, arn):
        self.client = client
        self.name = name
        self.arn = arn

    def invoke(self, payload=None, raw=None, **options):
        """Invokes and reads the whole answer; `raw` replaces the JSON of `payload`."""
        body = raw if raw is not None else json.dumps(payload).encode()
        answer = self.client.invoke(FunctionName=self.name, Payload=body, **{"LogType": "Tail", **options})
        text = answer["Payload"].read()
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        return Outcome(
            status=answer["StatusCode"],
            payload=json.loads(text) if text else None,
            raw=text,
            error=answer.get("FunctionError"),
            log=log,
            headers=answer["ResponseMetadata"]["HTTPHeaders"],
        )

    def wait_active(self):
        """Until the function can be invoked."""
        self.client.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig=WAITER)
        return self

    def wait_updated(self):
        """Until the last update is done."""
        self.client.get_waiter("function_updated_v2").wait(FunctionName=self.name, WaiterConfig=WAITER)
        return self

    def delete(self):
        """Deletes it, if it is still there."""
        try:
            self.client.delete_function(FunctionName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            pass


class Deployer:
    """Makes functions with names of their own and deletes them at the end."""

    def __init__(self, client, default_runtime):
        self.client = client
        self.default_runtime = default_runtime
        self.made = []

    def __call__(self, code, wait=True, **options):
        """Creates a function.

        `code` is the text of `app.py`, or a dict of files, or the bytes of a zip.
        """
        if isinstance(code, str):
            code = {"app.py": textwrap.dedent(code)}
        package = make_zip(code) if isinstance(code, dict) else code
        settings = {
            "FunctionName": f"e2e-{uuid.uuid4().hex[:12]}",
            "Runtime": self.default_runtime,
            "Role": ROLE,
            "Handler": "app.handler",
            "Timeout": 30,
            "Code": {"ZipFile": package},
            **options,
        }
        answer = self.client.create_function(**settings)
        function = Function(self.client, answer["FunctionName"], answer["FunctionArn"])
        self.made.append(function)
        return function.wait_active() if wait else function

    def close(self):
        """Deletes every function that was made."""
        for function in self.made:
            function.delete()
        self.made.clear()


class Layers:
    """Publishes layers and takes them away at the end."""

    def __init__(self, client):
        self.client = client
        self.made = []

    def __call__(self, files):
        name = f"work-{uuid.uuid4().hex[:10]}"
        answer = self.client.publish_layer_version(LayerName=name, Content={"ZipFile": make_zip(files)})
        self.made.append(name)
        return answer["LayerVersionArn"]

    def delete(self, arn):
        """Deletes the version of an ARN."""
        name, version = arn.split(":")[-2:]
        self.client.delete_layer_version(LayerName=name, VersionNumber=int(version))


__all__ = ["Deployer", "Function", "Layers", "Outcome", "Raw"]


def log_of(server, function, *awaited, timeout_s=15):
    """The whole log of a function, once it contains what is awaited."""
    query = f"account=000000000000&region=us-east-1&function={function.name}"
    deadline = time.monotonic() + timeout_s
    while True:
        text = server.get(f"/_lambent/logs?{query}")[2].decode()
        missing = [words for words in awaited if words not in text]
        if not missing or time.monotonic() > deadline:
            assert not missing, f"not in the log: {missing}\n{text}"
            return text
        time.sleep(0.1)


def open_to_all(client, name, actions=("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"), **more):
    """What the console does for a URL without authentication."""
    conditions = {
        "lambda:InvokeFunctionUrl": {"FunctionUrlAuthType": "NONE"},
        "lambda:InvokeFunction": {"InvokedViaFunctionUrl": True},
    }
    for action in actions:
        sid = action.rpartition(":")[2]
        client.add_permission(FunctionName=name, StatementId=sid, Action=action, Principal="*", **conditions[action], **more)
