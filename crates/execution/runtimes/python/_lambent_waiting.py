"""A start before the function is known: loads what AWS's client loads, rehearses an invocation, and waits for the rest on standard input.

What comes is the environment and the directory that the process would have been started with. When nothing comes any more, nobody
wants it.
"""

import os

if "_LAMBENT_ZYGOTE" in os.environ:
    # Before what is to be done in what is forked is registered.
    import _lambent_zygote as zygote

import datetime  # noqa: F401
import decimal  # noqa: F401
import gc
import http.client  # noqa: F401
import importlib  # noqa: F401
import json
import logging
import sys
import traceback  # noqa: F401

import _lambent_compiled  # noqa: F401

# The handler of the rehearsal, as Lambda names handlers.
REHEARSAL = "_lambent_rehearsal.handler"


def wait(bootstrap, address):
    """Returns when there is a function, in its environment: the connection to the Runtime API at `address`.

    In a process that others are forked from it returns in those only, and the address comes with the request.
    """
    bootstrap.set_up_logging(logging)
    rehearse(bootstrap)
    json.loads(json.dumps({"environment": dict(os.environ), "directory": "/"}))
    if "_LAMBENT_ZYGOTE" in os.environ:
        keep_out_of_collections()
        address = zygote.serve()
        # What is written to for the first time is copied: before there is a function, not after.
        rehearse(bootstrap)
    else:
        keep_out_of_collections()
    api = bootstrap.RuntimeApi(address)
    become(json.loads(read_all() or os._exit(0)))
    del sys.modules[__name__]
    return api


def keep_out_of_collections():
    """What is here stays: the collector need not look at it again, nor touch its memory."""
    gc.collect()
    gc.freeze()


def rehearse(bootstrap):
    """The first time of anything takes longest."""
    handler = bootstrap.load_handler(REHEARSAL)
    bootstrap.call(handler, {}, b'{"key": ["value", 1, 2.5, null]}')
    del sys.modules[handler.__module__]


def become(claim):
    """Takes the place of a process that was started with all of it."""
    # Whoever asks finds an empty standard input, as after any start.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    environment = claim["environment"]
    for name in list(os.environ):
        # LC_CTYPE is set by the interpreter where the machine lacks the locale (PEP 538).
        if name not in environment and name != "LC_CTYPE":
            del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    os.chdir(claim["directory"])


def read_all():
    """Standard input to its end."""
    text = b""
    while chunk := os.read(0, 65536):
        text += chunk
    return text
