"""Requests of the web, sent as they are: to this machine, whatever host the address names."""

import contextlib
import http.client
import json
import socket
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest


@dataclass
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: list
    body: bytes

    def header(self, name):
        """The first value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name):
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]

    @property
    def json(self):
        """The body, read."""
        return json.loads(self.body)


def visit(address, target=None, method="GET", headers=(), body=None, host=None):
    """Visits an address; `target` takes the place of its path, and nothing of it is normalised."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
    try:
        connection.putrequest(method, target or parts.path or "/", skip_host=True, skip_accept_encoding=True)
        for name, value in [("Host", host or parts.netloc), *headers]:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, [(name.lower(), value) for name, value in answer.getheaders()], answer.read())
    finally:
        connection.close()


def signed(url, credentials, body=b"", service="lambda", method="POST"):
    """Visits an address with a signature."""
    request = botocore.awsrequest.AWSRequest(method, url, data=body, headers={"Content-Type": "text/plain"})
    botocore.auth.SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    return visit(url, method=method, headers=list(request.headers.items()), body=body)


def exchange(address, data, until=b""):
    """Sends bytes to the server of an address and gives back what comes, up to its end or to `until`."""
    with socket.create_connection(("127.0.0.1", urlsplit(address).port), timeout=30) as connection:
        connection.sendall(data)
        received = b""
        while (not until or until not in received) and (piece := connection.recv(65536)):
            received += piece
        return received


@contextlib.contextmanager
def telling_server():
    """A server of the web that tells what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body.decode()}
            content = json.dumps(told).encode()
            self.send_response(203)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Own", "1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

        def log_message(self, *_):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()
