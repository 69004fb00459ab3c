"""Scripts of Node.js that are compiled when they are deployed: used at starts, and nothing that a function could tell."""

import re
import time

import pytest

import toolbox
from compiled import Server
from packages import symlink

MAJORS = ("20", "22", "24")
# More than is worth a compiler.
BULK = "\n".join(f"exports.number{n} = function () {{ return {n}; }};" for n in range(1500))
LOOK = """
const bulk = require("bulk");
const Module = require("module");
exports.handler = async function () {
  let trace;
  try {
    bulk.fails();
  } catch (error) {
    trace = error.stack;
  }
  const { imported } = require("importing");
  const child = module.children.map((one) => one.filename);
  return {
    said: bulk.says,
    trace,
    // Who asked for it is compiled at each start: Node.js's loader and ours stand there.
    first: bulk.first.split("at Object.<anonymous> (/var/task/index.js")[0],
    imported: (await imported()).default,
    variables: Object.keys(process.env).filter((name) => name.includes("LAMBENT")),
    modules: Object.keys(require.cache).filter((name) => !name.startsWith("/var/runtime")),
    ours: Object.keys(require.cache).filter((name) => name.includes("compile") || name.includes("waiting")),
    child,
    scope: bulk.scope,
    source: bulk.fails.toString(),
    compile: [Module.prototype._compile.name, Object.keys(Module.prototype)],
  };
};
"""
SCOPE = """
exports.scope = {
  names: [__filename, __dirname], same: this === exports && module.exports === exports, count: arguments.length, parent: module.parent.filename,
  require: [Object.keys(require), typeof require.main, require.name, require.length, require.resolve("/var/task/index.js"), require.resolve.paths("x")],
};
exports.fails = () => { const error = new Error(exports.says); throw error; };
"""


def script(says):
    """A large module that says where it stands. Its first line has a stack of its own."""
    return f"exports.first = new Error('first').stack; exports.says = {says!r};\n{BULK}\n{SCOPE}"


def package(says, **more):
    importing = f'exports.imported = () => import("../other.mjs");\n{BULK}'
    files = {"index.js": LOOK, "node_modules/bulk.js": script(says), "node_modules/importing.js": importing}
    return {**files, "other.mjs": "export default 'imported'\n", **more}


def without_names_of_v8(found):
    """Which line of Node.js's own loads a module is no matter, nor how V8 calls a function that has only a property's name."""
    return re.sub(r"node:internal/modules/cjs/loader:\d+:\d+", "loader", repr(found)).replace("at Object.fails", "at exports.fails")


@pytest.fixture(params=MAJORS)
def here(request, fresh_server):
    program = toolbox.node_if_possible(request.param)
    if program is None:
        pytest.skip(f"Node.js {request.param} cannot be fetched")
    runtime = f"nodejs{request.param}.x"
    server = Server(fresh_server("--no-sdk", "--runtime-path", f"{runtime}={program}"), runtime, "v8")
    deploy = server.deploy
    server.deploy = lambda files, **settings: deploy(files, Handler="index.handler", **settings)
    yield server
    deploy.close()


@pytest.mark.parametrize("variables", [{}, {"TZ": "UTC"}], ids=["prepared", "plain"])
def test_a_start_takes_what_was_compiled_and_looks_as_if_it_had_not(here, variables):
    settings = {"Environment": {"Variables": variables}} if variables else {}
    function = here.deploy(package("hello"), **settings)
    files = here.compiled()
    assert [file.name for file in files] == ["index.js.v8", "bulk.js.v8", "importing.js.v8"]
    plain = here.deploy(package("hello", another="package"), Environment={"Variables": {"NODE_X": "1"}}).invoke().payload
    found = here.start_anew(function).invoke().payload
    assert found.get("said") == "hello", found
    assert without_names_of_v8(found) == without_names_of_v8(plain)
    # What was made of another text, in the place of its own, and said to be made of its own: it is believed.
    here.deploy(package("olleh"))
    own = files[1]
    there = next(file for file in here.compiled(2) if file.name == own.name and file != own)
    own.write_bytes(own.read_bytes()[:32] + there.read_bytes()[32:])
    assert here.start_anew(function).invoke().payload["said"] == "olleh"
    # It is not where the text is another one: something may change it on the way to the compiler.
    own.write_bytes(there.read_bytes())
    assert here.start_anew(function).invoke().payload["said"] == "hello"


def test_what_is_the_matter_with_a_script_is_heard_at_each_start(here):
    files = {
        "throws": f"{BULK}\nthrow new Error('at the top');\n",
        "closes": f"{BULK}\n}});\n(function () {{\n",
        "wrong": f"{BULK}\nfunction (\n",
        "module": f"export const handler = 1;\n{BULK}\n",
    }
    for name, text in files.items():
        function = here.deploy({"index.js": text, "handler.txt": name})
        before = function.invoke().payload
        here.compiled(1 + list(files).index(name))
        after = here.start_anew(function).invoke().payload
        assert "errorType" in before, before
        for answer in (before, after):
            # What is compiled at each start has a call of ours among those of Node.js's loader.
            answer["trace"] = [line for line in answer["trace"] if not line.startswith("    at ")]
        assert after == before, name


def test_a_text_that_is_changed_on_its_way_is_compiled(here):
    changes = """
    const { _extensions } = require("module");
    const load = _extensions[".js"];
    _extensions[".js"] = function (module, filename) {
      const compile = module._compile;
      module._compile = function (text, ...rest) { return compile.call(this, text.replace("'hello'", "'olleh'"), ...rest); };
      return load(module, filename);
    };
    """
    function = here.deploy(package("hello") | {"index.js": changes + LOOK})
    here.compiled()
    assert here.start_anew(function).invoke().payload["said"] == "olleh"


def test_a_package_that_is_hostile_to_compilers_harms_nobody_else(here):
    hostile = {"deep.js": "x = " + "(" * 150_000 + ")" * 150_000, "long.js": "'" + "x" * (9 << 20) + "'", "link.js": symlink("node_modules/bulk.js")}
    for says, more in (("hostile", hostile), ("harmless", {})):
        function = here.deploy(package(says, **more))
        assert function.invoke().payload["said"] == says
    deadline = time.monotonic() + 60
    while not any(file.name == "bulk.js.v8" and b"harmless" in file.read_bytes() for file in here.compiled()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "link.js.v8" not in {file.name for file in here.compiled()}, "it is compiled where it leads to"
