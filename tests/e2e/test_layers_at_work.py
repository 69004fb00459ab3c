"""Layers inside environments: merged into /opt in order, found by every runtime, and kept when they are deleted."""

import pytest

import toolbox
from functions import Deployer, Layers
from lambent import ROLE
from packages import Raw
from refusals import refused

LIST = """
import os, pathlib

def handler(event, context):
    opt = pathlib.Path("/opt")
    files = {str(p.relative_to(opt)): p.read_text() for p in sorted(opt.rglob("*")) if p.is_file()}
    try:
        (opt / "new").write_text("x")
        writable = True
    except OSError:
        writable = False
    status = os.stat("/opt")
    return {"files": files, "writable": writable, "mode": oct(status.st_mode & 0o7777), "owner": status.st_uid}
"""


def test_layers_are_merged_in_order_and_read_only(deploy, layer):
    first = layer({"a": "first", "both": "first", "folder/one": "1"})
    second = layer({"b": "second", "both": "second", "folder/two": "2"})
    function = deploy(LIST, Layers=[first, second])
    answer = function.invoke().payload
    assert answer["files"] == {
        "a": "first", "b": "second", "both": "second", "folder/one": "1", "folder/two": "2",
    }  # fmt: skip
    assert (answer["writable"], answer["mode"]) == (False, "0o755")
    function.client.update_function_configuration(FunctionName=function.name, Layers=[second, first])
    function.wait_updated()
    assert function.invoke().payload["files"]["both"] == "first"
    function.client.update_function_configuration(FunctionName=function.name, Layers=[second])
    function.wait_updated()
    assert set(function.invoke().payload["files"]) == {"b", "both", "folder/two"}
    function.client.update_function_configuration(FunctionName=function.name, Layers=[])
    function.wait_updated()
    assert function.invoke().payload["files"] == {}


def test_a_deleted_layer_version_keeps_working_where_it_is_used(fresh_server, python_runtime):
    server = fresh_server()
    client = server.client()
    layers = Layers(client)
    arns = [layers({name: name}) for name in ["x", "y"]]
    function = Deployer(client, python_runtime)(LIST, Layers=arns)
    client.publish_version(FunctionName=function.name)
    for arn in arns:
        layers.delete(arn)
    assert set(function.invoke().payload["files"]) == {"x", "y"}
    data_dir = server.data_dir
    server.kill()
    client = fresh_server(data_dir=data_dir).client()
    function.client = client
    assert set(function.invoke().payload["files"]) == {"x", "y"}
    shown = client.get_function_configuration(FunctionName=function.name)["Layers"]
    assert [one["Arn"] for one in shown] == arns
    client.update_function_configuration(FunctionName=function.name, Layers=[])
    function.wait_updated()
    assert set(function.invoke(Qualifier="1").payload["files"]) == {"x", "y"}
    with refused(400, "InvalidParameterValueException", f"Layer version {arns[0]} does not exist."):
        client.update_function_configuration(FunctionName=function.name, Layers=arns)


def test_python_finds_modules_of_layers_before_the_runtimes(deploy, layer, python_runtime):
    version = python_runtime.removeprefix("python")
    shared = layer({
        "python/plain.py": "WORD = 'plain'\n",
        f"python/lib/python{version}/site-packages/deep.py": "WORD = 'deep'\n",
        "python/boto3/__init__.py": "WORD = 'the layer has its own boto3'\n",
    })  # fmt: skip
    function = deploy(
        "import boto3, deep, plain\n\ndef handler(event, context):\n    return [plain.WORD, deep.WORD, boto3.WORD]\n",
        Layers=[shared],
    )
    assert function.invoke().payload == ["plain", "deep", "the layer has its own boto3"]


def test_programs_and_libraries_of_layers_are_on_the_paths(deploy, layer):
    shared = layer({"bin/greet": Raw(b"#!/bin/sh\necho hello from a layer\n", mode=0o755), "lib/x.so": "x"})
    function = deploy(
        "import os, subprocess\n\ndef handler(event, context):\n"
        "    paths = os.environ['LD_LIBRARY_PATH'].split(':')\n"
        "    return [subprocess.check_output(['greet'], text=True), '/opt/lib' in paths]\n",
        Layers=[shared],
    )
    assert function.invoke().payload == ["hello from a layer\n", True]


@pytest.mark.parametrize("major", [20, 22])
def test_node_finds_modules_of_layers_before_the_runtimes(deploy, layer, major):
    if toolbox.node_if_possible(str(major)) is None:
        pytest.skip(f"skipped: Node.js {major} cannot be had here")
    shared = layer({
        "nodejs/node_modules/plain/index.js": "exports.word = 'plain'\n",
        f"nodejs/node{major}/node_modules/versioned/index.js": "exports.word = 'versioned'\n",
        "nodejs/node_modules/@aws-sdk/client-s3/index.js": "exports.word = 'the layer has its own client'\n",
    })  # fmt: skip
    code = """
    exports.handler = async () => [
      require('plain').word, require('versioned').word, require('@aws-sdk/client-s3').word
    ]
    """
    function = deploy({"app.js": code}, Runtime=f"nodejs{major}.x", Handler="app.handler", Layers=[shared])
    assert function.invoke().payload == ["plain", "versioned", "the layer has its own client"]


def test_node_still_finds_the_runtimes_own_sdk(deploy):
    if toolbox.node_if_possible("22") is None:
        pytest.skip("skipped: Node.js 22 cannot be had here")
    code = {
        "app.cjs": "exports.handler = async () => typeof require('@aws-sdk/client-lambda').LambdaClient\n",
        "esm.mjs": "import { LambdaClient } from '@aws-sdk/client-lambda'\n"
        "export const handler = async () => typeof LambdaClient\n",
    }
    for handler in ["app.handler", "esm.handler"]:
        function = deploy(code, Runtime="nodejs22.x", Handler=handler)
        assert function.invoke().payload == "function"


def test_a_layer_may_bring_the_bootstrap(deploy, layer):
    program = Raw(toolbox.static_program("echo_runtime"), mode=0o755)
    runtime = layer({"bootstrap": program})
    function = deploy({"code": "x"}, Runtime="provided.al2023", Handler="any", Layers=[runtime])
    assert function.invoke({"word": "echo"}).payload == {"word": "echo"}
    own = deploy(
        {"bootstrap": program}, Runtime="provided.al2023", Handler="any", Layers=[layer({"bootstrap": "no program"})]
    )
    assert own.invoke({"word": "own"}).payload == {"word": "own"}
    neither = deploy({"code": "x"}, Runtime="provided.al2023", Handler="any", Role=ROLE)
    assert neither.invoke({}).payload["errorType"] == "Runtime.InvalidEntrypoint"


def test_layers_work_without_isolation_too(deploy_without_isolation):
    client = deploy_without_isolation.client
    layers = Layers(client)
    arns = [layers({"python/one.py": "WORD = 1\n"}), layers({"python/two.py": "WORD = 2\n"})]
    function = deploy_without_isolation(
        "import os, sys\n\ndef handler(event, context):\n    return os.environ['PATH']\n", Layers=arns
    )
    assert function.invoke().error is None
    for arn in arns:
        layers.delete(arn)
