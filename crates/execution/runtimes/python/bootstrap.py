"""Lambent's runtime for Python: asks the Runtime API for events and answers them, one at a time.

What users see of it is what AWS's own client shows: the context object, error JSON, log lines, sys.path. It starts
fast: it imports little itself, and `logging` is set up when the function imports it. Runs on Python 3.8 and later.
"""

import _socket
import json
import os
import sys
import time

from _lambent_json_answers import to_json

API = "/2018-06-01/runtime"
# AWS's names for what keeps a function from being loaded.
IMPORT_MODULE_ERROR = "Runtime.ImportModuleError"
HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
MALFORMED_HANDLER = "Runtime.MalformedHandlerName"
SYNTAX_ERROR = "Runtime.UserCodeSyntaxError"
BUILT_IN_MODULE = "Runtime.BuiltInModuleConflict"
MARSHAL_ERROR = "Runtime.MarshalError"
UNMARSHAL_ERROR = "Runtime.UnmarshalError"
CONTEXT_ERROR = "Runtime.LambdaContextUnmarshalError"
# A segment of X-Ray has no more.
CAUSE_BYTES_MAX = 64 * 1024


class RuntimeApi:
    """One connection to the Runtime API, kept open: HTTP/1.1 as far as that server speaks it."""

    def __init__(self, address):
        self.address = address
        host, port = address.rsplit(":", 1)
        self.socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.unread = b""
        self.next_request = f"GET {API}/invocation/next HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()

    def next(self):
        """Headers (lower case) and body of the next event."""
        self._send(self.next_request)
        return self._receive()

    def answer(self, path, body, content_type):
        """Posts an answer. The next event, where the platform takes the two calls in one; else None."""
        then = self.post(path, body, content_type, kind="Lambent-Runtime-Then: next\r\n")
        return then if "lambda-runtime-aws-request-id" in then[0] else None

    def post(self, path, body, content_type="application/json", error_type=None, cause=None, kind=""):
        """Posts a body; what the platform says to it is the platform's business."""
        if error_type:
            kind += f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
        if cause is not None and len(cause) <= CAUSE_BYTES_MAX:
            kind += f"Lambda-Runtime-Function-XRay-Error-Cause: {cause}\r\n"
        head = (
            f"POST {API}{path} HTTP/1.1\r\nHost: {self.address}\r\nContent-Type: {content_type}\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        self._send(head + body)
        return self._receive()

    def _send(self, data):
        sent = self.socket.send(data)
        while sent < len(data):
            data = data[sent:]
            sent = self.socket.send(data)

    def _receive(self):
        data = self.unread
        end = data.find(b"\r\n\r\n")
        while end < 0:
            data += self._read(65536)
            end = data.find(b"\r\n\r\n")
        headers = {}
        for line in data[:end].decode("utf-8", "replace").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        start = end + 4
        chunks, missing = [data[start : start + length]], length - (len(data) - start)
        while missing > 0:
            chunk = self._read(min(missing, 1 << 20))
            chunks.append(chunk)
            missing -= len(chunk)
        self.unread = data[start + length :]
        return headers, b"".join(chunks)

    def _read(self, count):
        data = self.socket.recv(count)
        if not data:
            # The environment is going away.
            os._exit(0)
        return data


class Fault(Exception):
    """The function cannot be loaded, or its event or answer not be converted."""

    def __init__(self, error_type, message, trace=()):
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = list(trace)


# --- The context object ---------------------------------------------------------------------------------------


class Shown:
    """Shows its fields as AWS's context objects do."""

    __slots__ = ()

    def __repr__(self):
        fields = ",".join(f"{name}={getattr(self, name)}" for name in self.__slots__)
        return f"{type(self).__name__}([{fields}])"


class CognitoIdentity(Shown):
    """Who signed in, for callers of the mobile SDKs."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, fields):
        self.cognito_identity_id = fields.get("cognitoIdentityId")
        self.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")


class Client(Shown):
    """The application of a mobile caller."""

    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")

    def __init__(self, fields):
        for name in self.__slots__:
            setattr(self, name, fields.get(name))


class ClientContext(Shown):
    """What the caller sent in X-Amz-Client-Context."""

    __slots__ = ("custom", "env", "client")

    def __init__(self, fields):
        self.custom = fields.get("custom")
        self.env = fields.get("env")
        client = fields.get("client")
        self.client = Client(client) if client is not None else None


class LambdaContext:
    """The second argument of every handler."""

    def __init__(self, headers):
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        client_context = from_header(headers, "lambda-runtime-client-context", "Client Context")
        self.client_context = ClientContext(client_context) if client_context is not None else None
        identity = from_header(headers, "lambda-runtime-cognito-identity", "Cognito Identity")
        self.identity = CognitoIdentity(identity or {})
        self._deadline_ms = int(headers.get("lambda-runtime-deadline-ms", 0))

    def get_remaining_time_in_millis(self):
        """Milliseconds until the platform ends the invocation."""
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        """Writes to the log as it is."""
        sys.stdout.write(str(message))

    def __repr__(self):
        fields = ("aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb")
        fields += ("function_version", "invoked_function_arn", "client_context", "identity", "tenant_id")
        return "LambdaContext([" + ",".join(f"{name}={getattr(self, name)}" for name in fields) + "])"


def from_header(headers, name, what):
    """The JSON of a header, None without it."""
    text = headers.get(name)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise Fault(CONTEXT_ERROR, f"Unable to parse {what} JSON: {error}") from None


# --- Errors ---------------------------------------------------------------------------------------------------


def error_json(error, request_id, frames):
    """The error as AWS's client words it."""
    if isinstance(error, Fault):
        return {
            "errorMessage": error.message,
            "errorType": error.error_type,
            "requestId": request_id,
            "stackTrace": error.trace,
        }
    import traceback

    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(frames),
    }


def frames_of(error):
    """The function's own frames of an error, without those of this file: file, line number, name, line. A fault has none."""
    if isinstance(error, Fault):
        return []
    import traceback

    # Four fields of a frame: the marks below a line that newer versions of Python draw are not in AWS's traces.
    frames = [(at.filename, at.lineno, at.name, at.line) for at in traceback.extract_tb(error.__traceback__)]
    while frames and frames[0][0] == __file__:
        del frames[0]
    return frames


def error_cause(error, frames):
    """What an error was, in X-Ray's form, for the trace; None for those of the platform."""
    if isinstance(error, Fault):
        return None
    try:
        working_directory = os.getcwd()
    except OSError:
        # The function has removed it.
        working_directory = ""
    stack = [{"label": name, "path": path, "line": number} for path, number, name, _ in frames]
    exception = {"type": type(error).__name__, "message": str(error), "stack": stack}
    paths = sorted({path for path, *_ in frames})
    cause = {"working_directory": working_directory, "exceptions": [exception], "paths": paths}
    # Of what a header may not have, json leaves this one as it is.
    return json.dumps(cause).replace("\x7f", "\\u007f")


def log_error(error):
    """`[ERROR] Type: message` and the trace, in one write; as on Lambda no-break spaces indent the trace."""
    if json_logging is not None:
        return write_to_log(json_logging.error_line(error))
    message = f": {error['errorMessage']}" if error["errorMessage"] else ""
    lines = [f"[ERROR] {error['errorType']}{message}", "Traceback (most recent call last):"]
    for line in (line for entry in error["stackTrace"] for line in entry.splitlines()):
        text = line.lstrip(" ")
        lines.append("\u00a0" * (len(line) - len(text)) + text)
    write_to_log("\n".join(lines) + "\n")


# --- Logging --------------------------------------------------------------------------------------------------

current_request_id = ""
json_logging = None
# Of the descriptor for messages that are one event however many lines they have; not for the function to see.
log_descriptor = None
# Longer ones are no event of CloudWatch Logs.
EVENT_BYTES_MAX = 256 * 1024
FRAME = b"\xa5\x5a\x00\x03"
standard_streams = (sys.stdout, sys.stderr)


def write_to_log(text):
    """In one piece, also when the function has put something else in the place of sys.stdout."""
    message = text.encode("utf-8", "backslashreplace")
    if log_descriptor is None or len(message) > EVENT_BYTES_MAX or not write_frame(message):
        standard_streams[0].write(text)
        standard_streams[0].flush()


def write_frame(message):
    """False when there is no descriptor: a wrapper script closed it."""
    flush()
    micros = time.time_ns() // 1000
    frame = memoryview(FRAME + len(message).to_bytes(4, "big") + micros.to_bytes(8, "big") + message)
    try:
        while frame:
            frame = frame[os.write(int(log_descriptor), frame):]
    except OSError:
        return False
    return True


def flush():
    """What was printed belongs to this invocation: it goes before the answer."""
    for stream in standard_streams:
        if not stream.closed:
            stream.flush()


class LoggingHook:
    """Sets the root logger up as soon as the function imports `logging`, and costs nothing before."""

    def find_spec(self, name, path=None, target=None):
        """Lets the ordinary finders find it, and adds our step after its execution."""
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def execute_and_set_up(module):
            execute(module)
            set_up_logging(module)

        spec.loader.exec_module = execute_and_set_up
        return spec


def set_up_logging(logging):
    """The root handler of AWS's client: level, UTC time, request id, message."""

    class RequestId(logging.Filter):
        def filter(self, record):
            record.aws_request_id = current_request_id
            return True

    class Handler(logging.Handler):
        def emit(self, record):
            write_to_log(self.format(record))

    handler = Handler()
    handler.addFilter(RequestId())
    logging.root.addHandler(handler)
    logging.Formatter.converter = time.gmtime
    if json_logging is not None:
        return use_json(logging)
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
    handler.setFormatter(logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S"))


def use_json(logging):
    """The same with records in JSON."""
    logging.root.handlers[0].setFormatter(json_logging.formatter(logging))
    json_logging.set_level(logging)


# --- The function ---------------------------------------------------------------------------------------------


def load_handler(name):
    """The function that `name` (`module.function`, slashes allowed) means."""
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault(MALFORMED_HANDLER, f"Bad handler '{name}': {error}") from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(BUILT_IN_MODULE, f"Cannot use built-in module {module_name} as a handler module")
    from importlib import import_module

    try:
        module = import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault(IMPORT_MODULE_ERROR, f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault(SYNTAX_ERROR, f"Syntax error in module '{module_name}': {error}", trace) from None
    if not hasattr(module, function_name):
        raise Fault(HANDLER_NOT_FOUND, f"Handler '{function_name}' missing on module '{module_name}'")
    return getattr(module, function_name)


def call(handler, headers, body):
    """One event through the handler: the answer's bytes and their type."""
    context = LambdaContext(headers)
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Fault(UNMARSHAL_ERROR, f"Unable to unmarshal input: {error}") from None
    answer = handler(event, context)
    if isinstance(answer, bytes):
        return answer, "application/unknown"
    try:
        return to_json(answer), "application/json"
    except Exception as error:
        raise Fault(MARSHAL_ERROR, f"Unable to marshal response: {error}") from None


def set_up_streams():
    """Line-wise output."""
    for stream in standard_streams:
        stream.reconfigure(line_buffering=True, errors="backslashreplace")


def set_up_process(is_prepared):
    """sys.path in the order of Lambda's, logging, no trace of this file."""
    global json_logging, log_descriptor
    log_descriptor = os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)
    compiled = os.environ.pop("_LAMBENT_COMPILED", None)
    if compiled is not None:
        import _lambent_compiled

        _lambent_compiled.use(compiled)
    sys.modules.pop("_lambent_compiled", None)
    version = "python%d.%d" % sys.version_info[:2]
    runtime = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    first = [task, f"/opt/python/lib/{version}/site-packages", "/opt/python", runtime]
    sys.path[:] = first + [path for path in sys.path if path not in first]
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        # Under a name that no package of a function has.
        import _lambent_json_logging as json_logging  # noqa: F811
        if is_prepared:
            use_json(sys.modules["logging"])
    if not is_prepared:
        sys.meta_path.insert(0, LoggingHook())


def prepared():
    """The API's connection, if the process was started before its function was known; None in any other."""
    set_up_streams()
    address = os.environ.get("_LAMBENT_WAITS")
    if address is None:
        return None
    from _lambent_waiting import wait

    return wait(sys.modules[__name__], address)


def main():
    """Loads the function, then serves events until the environment ends."""
    api = prepared()
    set_up_process(is_prepared=api is not None)
    api = api or RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as error:
        failure = error_json(error, "", frames_of(error))
        log_error(failure)
        api.post("/init/error", to_json(failure), error_type=failure["errorType"])
        sys.exit(1)
    event = None
    while True:
        event = serve(api, handler, *(event or api.next()))


def serve(api, handler, headers, body):
    """One invocation, to its answer or error. The next event, if it came with that."""
    global current_request_id
    request_id = current_request_id = headers["lambda-runtime-aws-request-id"]
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        answer, content_type = call(handler, headers, body)
    except Exception as error:
        frames = frames_of(error)
        failure = error_json(error, request_id, frames)
        log_error(failure)
        kind, cause = failure["errorType"], error_cause(error, frames)
        api.post(f"/invocation/{request_id}/error", to_json(failure), error_type=kind, cause=cause)
        return None
    flush()
    return api.answer(f"/invocation/{request_id}/response", answer, content_type)


if __name__ == "__main__":
    main()
