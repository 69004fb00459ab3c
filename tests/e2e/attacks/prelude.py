"""Put before every attack: what several of them need, and the handler that reports how it went."""

import ctypes
import errno
import os
import platform
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request

LIBC = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"


def check(result):
    """The result of a libc call, or OSError."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(x86_64, aarch64, *args):
    """A raw system call by number."""
    return check(LIBC.syscall(ctypes.c_long(aarch64 if ARM else x86_64), *args))


def in_child(work):
    """Runs `work` in a forked child; whether it returned something true."""
    child = os.fork()
    if child == 0:
        done = 1
        try:
            done = 0 if work() else 1
        except BaseException:
            done = 1
        finally:
            os._exit(done)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def handler(event, context):
    """Whether the attack succeeded, or what stopped it."""
    try:
        return {"succeeded": bool(attack(event)), "stopped_by": None}
    except (OSError, RuntimeError, MemoryError) as error:
        return {"succeeded": False, "stopped_by": repr(error)}
