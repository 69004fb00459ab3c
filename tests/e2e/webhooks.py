"""A server of the web that takes what is posted to it, and answers as the test says."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen


class Received:
    """One request."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def kind(self):
        """`Notification` and so on."""
        return self.headers["x-amz-sns-message-type"]

    def envelope(self):
        """The body as JSON."""
        return json.loads(self.body)


class Webhook:
    """Listens on loopback; a context manager."""

    def __init__(self, ssl_context=None):
        self.received = queue.Queue()
        #: Statuses of the next answers; afterwards 200.
        self.statuses = []
        #: What is answered below a path, as JSON; else nothing.
        self.answers = {}
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                status = hook.statuses.pop(0) if hook.statuses else 200
                hook.received.put(Received(self.command, self.path, self.headers, body))
                found = next((json.dumps(answer) for path, answer in hook.answers.items() if self.path.startswith(path)), "")
                self.send_response(status)
                self.send_header("content-length", str(len(found)))
                self.end_headers()
                self.wfile.write(found.encode())

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

            def log_message(self, *args):
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        scheme = "http"
        if ssl_context is not None:
            self.server.socket = ssl_context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}/hook?a=b"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def next(self, timeout_s=15):
        """The next request."""
        return self.received.get(timeout=timeout_s)

    def is_quiet(self, wait_s=1):
        """Whether nothing comes."""
        try:
            self.received.get(timeout=wait_s)
            return False
        except queue.Empty:
            return True


def visit(url):
    """What a link gives: status and text."""
    with urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()
