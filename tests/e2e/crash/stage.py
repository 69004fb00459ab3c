"""A data directory with functions and waiting events, used again for each crash."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from functions import Deployer
from lambent import Server, ServerFailed

#: Attempts after the first of each event.
RETRIES = 1
ARGUMENTS = ("--isolation", "process", "--no-sdk", "--async-retry-wait-seconds", "0")
#: Events that wait when a server starts.
WAITING = 6
#: How often an event fails before it succeeds, in turn: never, once, more often than it is tried.
FAILS = (0, 0, 1, 9)
QUIET_TIMEOUT_S = 120

WORKS = """
import json, os, time
FOLDER = os.environ["WITNESS"]
def handler(event, context):
    while os.path.exists(FOLDER + "/hold"):
        time.sleep(0.01)
    record = {**event, "request": context.aws_request_id}
    line = (json.dumps(record) + "\\n").encode()
    with open(FOLDER + "/attempts", "ab", buffering=0) as file:
        file.write(line)
    with open(FOLDER + "/attempts") as file:
        attempts = sum(1 for line in file if json.loads(line)["id"] == event["id"])
    if attempts <= event["fails"]:
        raise ValueError("as the event asked")
"""
ENDS = """
import json, os
FOLDER = os.environ["WITNESS"]
def handler(event, context):
    record = {
        "id": event["requestPayload"]["id"],
        "condition": event["requestContext"]["condition"],
        "own": context.aws_request_id,
    }
    with open(FOLDER + "/ends", "ab", buffering=0) as file:
        file.write((json.dumps(record) + "\\n").encode())
"""


def running(server):
    """What the server says of invocations."""
    lines = server.get("/_lambent/metrics")[2].decode().splitlines()
    return "\n".join(line for line in lines if line.startswith("aws_lambda_"))


class Stage:
    """See the module's doc."""

    def __init__(self, folder, runtime):
        self.folder = Path(folder)
        self.witness = self.folder / "witness"
        self.prepared = self.folder / "prepared"
        self.data_dir = self.folder / "data"
        self.witness.mkdir(parents=True)
        self._prepare(runtime)

    def _prepare(self, runtime):
        server = Server(self.prepared, *ARGUMENTS)
        try:
            deploy = Deployer(server.client(), runtime)
            environment = {"Variables": {"WITNESS": str(self.witness)}}
            end = deploy(ENDS, FunctionName="ends", Environment=environment)
            deploy(WORKS, FunctionName="works", Environment=environment)
            destination = {"Destination": end.arn}
            server.client().put_function_event_invoke_config(
                FunctionName="works",
                MaximumRetryAttempts=RETRIES,
                DestinationConfig={"OnSuccess": destination, "OnFailure": destination},
            )
            (self.witness / "hold").touch()
            for number in range(WAITING):
                self._send(server.client(), f"waiting-{number}", FAILS[number % len(FAILS)])
        finally:
            server.kill()
        (self.witness / "hold").unlink()
        (self.witness / "acknowledged").rename(self.folder / "acknowledged")

    def _send(self, client, name, fails):
        event = {"id": name, "fails": fails}
        client.invoke(FunctionName="works", InvocationType="Event", Payload=json.dumps(event))
        with open(self.witness / "acknowledged", "a") as file:
            file.write(json.dumps(event) + "\n")

    def crash_at(self, label, times):
        """Lets a server die at a point, starts another, and audits. What is wrong, or None if the point was not reached."""
        self._set_up()
        if not self._die(label, times):
            return None
        server = Server(self.data_dir, *ARGUMENTS)
        try:
            self._wait_until_quiet(server)
        finally:
            server.stop()
        return self._audit()

    def _set_up(self):
        shutil.rmtree(self.data_dir, ignore_errors=True)
        shutil.copytree(self.prepared, self.data_dir)
        for name in ("attempts", "ends", "acknowledged"):
            (self.witness / name).unlink(missing_ok=True)
        shutil.copy(self.folder / "acknowledged", self.witness / "acknowledged")

    def _die(self, label, times):
        """False if the server lived through it all."""
        try:
            server = Server(self.data_dir, *ARGUMENTS, "--crash-at", f"{label}={times}")
        except ServerFailed as failed:
            # It died before it listened.
            assert "exit status -9" in str(failed), failed
            return True
        sender = threading.Thread(target=self._send_until_it_fails, args=(server.client(),))
        sender.start()
        deadline = time.monotonic() + 10
        while server.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        died = server.process.poll() is not None
        server.kill()
        sender.join()
        return died

    def _send_until_it_fails(self, client):
        for number in range(200):
            try:
                self._send(client, f"new-{number}", FAILS[number % len(FAILS)])
            except (BotoCoreError, ClientError):
                return
            time.sleep(0.02)

    def _wait_until_quiet(self, server):
        deadline = time.monotonic() + QUIET_TIMEOUT_S
        quiet = 0
        while quiet < 3:
            waiting = self._waiting()
            quiet = 0 if waiting else quiet + 1
            assert time.monotonic() < deadline, f"still waiting: {waiting}\n{running(server)}"
            time.sleep(0.05)

    def _waiting(self):
        """What waits, and when its turn is."""
        connection = sqlite3.connect(f"file:{self.data_dir}/queues.db?mode=ro", uri=True)
        with contextlib.closing(connection):
            joined = "SELECT lane, header, due_at_ms, state FROM entries LEFT JOIN schedule ON entry_id = id"
            return connection.execute(joined).fetchall()

    def _audit(self):
        program = Path(__file__).parent / "ledger.py"
        command = [sys.executable, program, self.witness, "--retries", str(RETRIES), "--crashes", "2"]
        audited = subprocess.run(command, capture_output=True, text=True, check=False)
        assert audited.returncode in (0, 1), audited.stderr
        return json.loads(audited.stdout)
