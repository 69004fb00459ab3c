"""Code that is compiled when it is deployed: used at starts, and nothing that a function could tell."""

import time

import pytest

from compiled import Server
from functions import log_of
from packages import symlink

# More than is worth a compiler.
BULK = "\n".join(f"def number_{n}():\n    return {n}\n" for n in range(300))
LOOK = """
import importlib.util, os, sys, traceback
import bulk

def handler(event, context):
    spec = bulk.__spec__
    try:
        bulk.fails()
    except Exception:
        trace = traceback.format_exc()
    return {
        "said": bulk.SAYS,
        "file": bulk.__file__,
        "cached": [bulk.__cached__, spec.cached, os.path.exists(spec.cached)],
        "loader": type(spec.loader).__name__,
        "get_data": [type(spec.loader).get_data.__module__, type(spec.loader).get_data.__qualname__],
        "prefix": sys.pycache_prefix,
        "variables": [name for name in os.environ if "LAMBENT" in name],
        "modules": sorted(name for name in sys.modules if "_lambent" in name),
        "trace": trace,
    }
"""


def module(says):
    """A large module, and what it says."""
    return f"{BULK}\nSAYS = {says!r}\n\ndef fails():\n    raise ValueError(SAYS)\n"


@pytest.fixture
def here(fresh_server, python_runtime):
    server = Server(fresh_server("--no-sdk"), python_runtime, "pyc")
    yield server
    server.deploy.close()


@pytest.mark.parametrize("variables", [{}, {"TZ": "UTC"}], ids=["prepared", "plain"])
def test_a_start_takes_what_was_compiled_and_looks_as_if_it_had_not(here, variables):
    settings = {"Environment": {"Variables": variables}} if variables else {}
    function = here.deploy({"app.py": LOOK, "bulk.py": module("hello")}, **settings)
    files = here.compiled()
    assert [file.name.split(".")[0] for file in files] == ["app", "bulk"]
    plain = here.deploy(
        {"app.py": LOOK, "bulk.py": module("hello"), "another": "package"}, Environment={"Variables": {"PYTHONX": "1"}}
    ).invoke().payload
    found = here.start_anew(function).invoke().payload
    assert found["said"] == "hello"
    assert found == plain
    # The bytecode of another source, in the place of its own: it is believed, as nobody else could have put it there.
    own = next(file for file in files if file.name.startswith("bulk"))
    other = here.deploy({"app.py": LOOK, "bulk.py": module("another")})
    there = next(file for file in here.compiled(2) if file.name == own.name and file != own)
    own.write_bytes(there.read_bytes())
    assert here.start_anew(function).invoke().payload["said"] == "another"
    assert here.start_anew(other).invoke().payload["said"] == "another"


def test_the_same_code_is_not_compiled_again(here):
    function = here.deploy({"app.py": LOOK, "bulk.py": module("hello")})
    here.compiled()
    folder = here.server.data_dir / "code"
    # What is compiled is made here before it gets its place.
    before = folder.stat().st_mtime_ns
    assert here.start_anew(function).invoke().payload["said"] == "hello"
    time.sleep(2)
    assert folder.stat().st_mtime_ns == before


def test_it_is_there_after_the_server_started_anew(here, fresh_server):
    function = here.deploy({"app.py": LOOK, "bulk.py": module("hello")})
    files = here.compiled()
    stamps = [file.stat().st_ino for file in files]
    data_dir = here.server.data_dir
    here.server.kill()
    function.client = fresh_server("--no-sdk", data_dir=data_dir).client()
    assert function.invoke().payload["said"] == "hello"
    assert [file.stat().st_ino for file in files] == stamps


def test_what_is_the_matter_with_a_source_is_heard_at_each_start(here):
    warns = "def handler(event, context):\n    return 1 is 1\n"
    function = here.deploy({"app.py": warns, "bulk.py": module("hello")})
    wrong = here.deploy({"app.py": "import bulk, wrong\n", "wrong.py": "def f(:\n", "bulk.py": module("hello")})
    here.compiled(2)
    for starts in (1, 2):
        assert here.start_anew(function).invoke().payload is True
        deadline = time.monotonic() + 15
        while log_of(here.server, function, "SyntaxWarning").count("SyntaxWarning") < starts:
            assert time.monotonic() < deadline
        assert here.start_anew(wrong).invoke().payload["errorType"] == "Runtime.UserCodeSyntaxError"


def test_layers_are_compiled_and_lie_over_each_other(here):
    first = here.layer({"python/bulk.py": module("first"), "python/one.py": module("one")})
    second = here.layer({"python/bulk.py": f"{module('second')}\nassert 1 is 1\n"})
    function = here.deploy({"app.py": f"import one\n{LOOK}"}, Layers=[first, second])
    files = here.compiled(2)
    assert {file.name.split(".")[0] for file in files} == {"bulk", "one"}
    # That of the first layer must not stand for the source of the second, which is not compiled: its warning is to be heard.
    assert here.start_anew(function).invoke().payload["said"] == "second"
    log_of(here.server, function, "SyntaxWarning")
    here.client.update_function_configuration(FunctionName=function.name, Layers=[second, first])
    function.wait_updated()
    assert function.invoke().payload["said"] == "first"


def test_a_package_that_is_hostile_to_compilers_harms_nobody_else(here):
    hostile = {"deep.py": "x = " + "(" * 150_000 + ")" * 150_000, "endless.py": "x = 10 ** 10 ** 10 ** 10"}
    for name, more in (("hostile", hostile), ("linked", {"link.py": symlink("bulk.py")}), ("harmless", {})):
        function = here.deploy({"app.py": LOOK, "bulk.py": module(name), **more})
        assert function.invoke().payload["said"] == name
    deadline = time.monotonic() + 60
    while not any(b"harmless" in file.read_bytes() for file in here.compiled()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    link = next(file for file in here.compiled() if file.name.startswith("link."))
    assert link.read_bytes() == b"", "it is compiled where it leads to"
