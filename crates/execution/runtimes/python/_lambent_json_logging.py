"""The JSON log format of Lambent's runtime for Python: members and their order are those of AWS's client."""

import json
import os
import time
import traceback

LEVEL = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
# Lambda's levels that `logging` does not have under the same name.
LEVELS = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}

#: What every record of `logging` has; what else is in one came by `extra`.
USUAL = frozenset(
    (
        "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created msecs "
        "relativeCreated thread threadName processName process message asctime aws_request_id tenant_id taskName"
    ).split()
)


def timestamp(seconds=None):
    """Such as 2023-10-27T19:17:45Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def to_line(record):
    """One line; what JSON does not know becomes text."""
    return json.dumps(record, default=str, ensure_ascii=False) + "\n"


def error_line(error):
    """An error that no handler caught."""
    return to_line({"timestamp": timestamp(), "log_level": "ERROR", **error})


def location(record):
    """Where an exception was logged."""
    return f"{record.pathname}:{record.funcName}:{record.lineno}"


def formatter(logging):
    """Makes the formatter for the root handler."""

    class JsonFormatter(logging.Formatter):
        def format(self, record):
            made = {
                "timestamp": timestamp(record.created),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
            }
            if record.exc_info:
                kind, value, trace = record.exc_info
                made["stackTrace"] = traceback.format_tb(trace)
                made["errorType"] = kind.__name__ if kind else None
                made["errorMessage"] = str(value)
                made["location"] = location(record)
            if record.aws_request_id:
                made["requestId"] = record.aws_request_id
            made.update((name, value) for name, value in vars(record).items() if name not in USUAL)
            return to_line({name: value for name, value in made.items() if value is not None})

    return JsonFormatter()


def set_level(logging):
    """The level that the function's settings name."""
    level = LEVELS.get(LEVEL, LEVEL)
    if level in logging._nameToLevel:
        logging.root.setLevel(level)
