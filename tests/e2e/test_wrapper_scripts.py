"""`AWS_LAMBDA_EXEC_WRAPPER`: a script of the function's own starts the runtime."""

import json
import uuid

import pytest

import toolbox
from packages import Raw, executable, make_zip

WRAPPER = """#!/bin/bash
echo "wrapped: $1"
export ADDED=by-the-wrapper
exec "$@"
"""
HANDLER = """
import os

def handler(event, context):
    return [os.environ.get("ADDED"), os.environ["AWS_LAMBDA_EXEC_WRAPPER"]]
"""


def wrapped_by(path):
    return {"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": path}}}


def test_a_wrapper_of_the_package_starts_the_runtime(deploy):
    files = {"app.py": HANDLER, "wrap": executable(WRAPPER)}
    function = deploy(files, **wrapped_by("/var/task/wrap"))
    outcome = function.invoke(LogType="Tail")
    assert outcome.payload == ["by-the-wrapper", "/var/task/wrap"], outcome.log
    assert function.invoke().payload == ["by-the-wrapper", "/var/task/wrap"], "and the next finds it as it is"


def test_a_wrapper_of_a_layer_starts_the_runtime(deploy, lambda_client):
    layer = lambda_client.publish_layer_version(
        LayerName=f"wrapper-{uuid.uuid4().hex[:8]}", Content={"ZipFile": make_zip({"wrap": executable(WRAPPER)})}
    )["LayerVersionArn"]
    function = deploy({"app.py": HANDLER}, Layers=[layer], **wrapped_by("/opt/wrap"))
    outcome = function.invoke()
    assert outcome.payload == ["by-the-wrapper", "/opt/wrap"], outcome.log


@pytest.mark.parametrize("major", toolbox.NODE_VERSIONS)
def test_a_wrapper_starts_node(deploy, major):
    if toolbox.node_if_possible(major) is None:
        pytest.skip(f"Node.js {major} is not to be had here")
    files = {"app.js": "exports.handler = async () => process.env.ADDED;\n", "wrap": executable(WRAPPER)}
    function = deploy(files, Runtime=f"nodejs{major}.x", **wrapped_by("/var/task/wrap"))
    assert function.invoke().payload == "by-the-wrapper"


@pytest.mark.parametrize(
    ("path", "why", "status"),
    [("/opt/missing", "does not exist", 127), ("/var/task/plain", "is not an executable", 126)],
)
def test_a_wrapper_that_cannot_be_run_ends_the_runtime(deploy, path, why, status):
    function = deploy({"app.py": HANDLER, "plain": Raw(b"no program")}, **wrapped_by(path))
    outcome = function.invoke(LogType="Tail")
    assert outcome.error == "Unhandled"
    assert outcome.payload["errorType"] == "Runtime.ExitError"
    assert f"exit status {status}" in outcome.payload["errorMessage"], json.dumps(outcome.payload)
    assert f"{path}: {why}" in outcome.log


def test_a_custom_runtime_knows_no_wrapper(deploy):
    program = toolbox.static_program("echo_runtime")
    package = make_zip({"bootstrap": executable(program)})
    function = deploy(package, Runtime="provided.al2023", Handler="echo", **wrapped_by("/opt/missing"))
    assert function.invoke({"k": 1}).payload == {"k": 1}
