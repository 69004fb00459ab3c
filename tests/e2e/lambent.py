"""The server under test, as its users meet it: a process, a ready line, an endpoint."""

import json
import os
import select
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
ROLE = "arn:aws:iam::000000000000:role/e2e"


def target_directory():
    """Where cargo builds (LAMBENT_TARGET_DIR, CARGO_TARGET_DIR, or target in the checkout)."""
    named = os.environ.get("LAMBENT_TARGET_DIR") or os.environ.get("CARGO_TARGET_DIR")
    return Path(named) if named else REPOSITORY / "target"


def binary():
    """The binary under test: LAMBENT_BIN, or the debug build, or the release build."""
    named = os.environ.get("LAMBENT_BIN")
    built = [target_directory() / kind / "lambent" for kind in ("debug", "release")]
    for path in [Path(named)] if named else built:
        if path.is_file():
            return path
    raise FileNotFoundError("no lambent binary; build it with `cargo build --bin lambent`, or set LAMBENT_BIN")


class ServerFailed(Exception):
    """The server ended, or said nothing, instead of becoming ready."""


class Server:
    """One running `lambent serve`."""

    def __init__(self, data_dir, *args, env=None, log=None):
        self.data_dir = Path(data_dir)
        self.log = Path(log) if log else self.data_dir.parent / f"{self.data_dir.name}.server.log"
        command = self.command("serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir, *args)
        with open(self.log, "ab") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(env or {})},
            )
        try:
            self.ready = self._wait_until_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.endpoint = self.ready["endpoint"]

    def command(self, *args):
        """The command line that starts the binary with these arguments."""
        return [str(binary()), *map(str, args)]

    def _wait_until_ready(self):
        deadline = time.monotonic() + READY_TIMEOUT_S
        unread = b""
        # Not select(), which knows no descriptor above 1023.
        output = select.poll()
        output.register(self.process.stdout, select.POLLIN)
        while time.monotonic() < deadline:
            if not output.poll(500):
                continue
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                self.process.wait(STOP_TIMEOUT_S)
                raise ServerFailed(f"exit status {self.process.returncode}: {self.errors()}")
            unread += chunk
            *lines, unread = unread.split(b"\n")
            for line in lines:
                if line.startswith(b"{") and json.loads(line).get("event") == "ready":
                    return json.loads(line)
        raise ServerFailed(f"not ready within {READY_TIMEOUT_S} s: {self.errors()}")

    def errors(self):
        """What the server wrote to standard error."""
        return self.log.read_text(errors="replace")

    def get(self, path, method="GET"):
        """Status, headers and body of a plain HTTP request to a path of the server."""
        request = urllib.request.Request(self.endpoint + path, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()

    def health(self):
        """`GET /_lambent/health` as a dict."""
        return json.loads(self.get("/_lambent/health")[2])

    def client(self, region="us-east-1", access_key="test", service="lambda", secret_key="test", token=None, **config):
        """A boto3 client at this server, without retries; for Lambda unless another service is named."""
        settings = {
            "retries": {"total_max_attempts": 1},
            "read_timeout": 120,
            "max_pool_connections": 64,
            **config,
        }
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=token,
            config=Config(**settings),
        )

    def environment(self):
        """Variables that point an AWS client or `lambent` itself to this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_PAGER": "",
            "LAMBENT_DATA_DIR": str(self.data_dir),
            "LAMBENT_ENDPOINT": self.endpoint,
        }

    def resident_bytes(self):
        """Resident memory of the server process."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def kill(self):
        """As a crash does it."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, and the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.process.stdout.close()
        return self.process.returncode


def run(*args, env=None, timeout=60, **options):
    """Runs a command of the binary and returns the finished process with its output as text."""
    return subprocess.run(
        [str(binary()), *map(str, args)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        **options,
    )
