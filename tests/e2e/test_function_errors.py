"""Errors of the API that no other file comes across: with these, each error that we can produce has a test."""

import socket
import threading

import pytest
from botocore.exceptions import ClientError

from functions import Deployer
from lambent import ROLE
from packages import make_zip
from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
ELSEWHERE = "arn:aws:lambda:eu-west-1:000000000000:function:elsewhere"
NOT_REACHABLE = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
CONTRADICTION = "The derived qualifier from the function name does not match the specified qualifier."


@pytest.fixture(scope="module")
def function(deploy_for_module):
    """A function that these tests leave as it is."""
    return deploy_for_module(HELLO)


def test_a_function_cannot_be_created_elsewhere(lambda_client, python_runtime):
    with refused(404, "ResourceNotFoundException", NOT_REACHABLE):
        lambda_client.create_function(
            FunctionName=ELSEWHERE,
            Runtime=python_runtime,
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": make_zip({"app.py": HELLO})},
        )


@pytest.mark.parametrize("operation", ["get_function_configuration", "invoke", "get_runtime_management_config"])
def test_a_qualifier_that_contradicts_the_name_is_refused_everywhere(function, operation):
    with refused(400, "InvalidParameterValueException", CONTRADICTION):
        getattr(function.client, operation)(FunctionName=f"{function.name}:$LATEST", Qualifier="1")


def test_a_marker_of_no_list_is_refused(lambda_client):
    with refused(400, "InvalidParameterValueException"):
        lambda_client.list_functions(Marker="no marker of ours")


def test_a_reserved_variable_is_refused_in_an_update(function):
    variables = {"AWS_REGION": "x"}
    with refused(400, "InvalidParameterValueException", contains=["reserved keys", "AWS_REGION"]):
        function.client.update_function_configuration(
            FunctionName=function.name, Environment={"Variables": variables}
        )


def test_latest_cannot_be_deleted_alone(function):
    with refused(
        400,
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    ):
        function.client.delete_function(FunctionName=function.name, Qualifier="$LATEST")
    assert function.invoke({}).payload == "hello"


def test_a_version_has_no_tags(function):
    arn = f"{function.arn}:1"
    text = "Tags on function aliases and versions are not supported. Please specify a function ARN."
    with refused(400, "InvalidParameterValueException", text):
        function.client.tag_resource(Resource=arn, Tags={"a": "1"})
    with refused(400, "InvalidParameterValueException", text):
        function.client.untag_resource(Resource=arn, TagKeys=["a"])
    with refused(400, "InvalidParameterValueException", text):
        function.client.list_tags(Resource=arn)


UPDATES = {
    "update_function_code": lambda number: {"ZipFile": make_zip({"app.py": HELLO + f"# {number}\n"})},
    "update_function_configuration": lambda number: {"Description": f"description {number}"},
}


@pytest.mark.parametrize("operation", UPDATES)
def test_e_15_updates_at_the_same_time_conflict(server, python_runtime, operation):
    client = server.client()
    deployer = Deployer(client, python_runtime)
    function = deployer(HELLO)
    errors, done, start = [], [], threading.Barrier(8)

    def update(number):
        start.wait()
        try:
            getattr(client, operation)(FunctionName=function.name, **UPDATES[operation](number))
            done.append(number)
        except ClientError as error:
            errors.append(error.response["Error"])

    callers = [threading.Thread(target=update, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    try:
        assert done, errors
        assert errors, "eight updates at the same time all succeeded"
        assert {error["Code"] for error in errors} == {"ResourceConflictException"}
        busy = f"An update is in progress for resource: {function.arn}"
        assert {error["Message"] for error in errors} == {f"The operation cannot be performed at this time. {busy}"}
        assert function.wait_updated().invoke({}).payload == "hello"
    finally:
        deployer.close()


def test_e_17_a_runtime_that_cannot_run_here_is_an_invalid_runtime(deploy):
    function = deploy({"app.rb": "def handler(event:, context:)\n  1\nend\n"}, Runtime="ruby3.2", wait=False)
    function.wait_active()
    with refused(502, "InvalidRuntimeException", contains=["ruby3.2"]):
        function.invoke({})
    with refused(502, "InvalidRuntimeException", contains=["ruby3.2"]):
        function.client.invoke_with_response_stream(FunctionName=function.name)


def test_a_pending_function_conflicts(fresh_server, python_runtime):
    """The registry of the SDK takes the connection and says nothing, so that the function stays Pending."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        server = fresh_server("--isolation", "process", fetches_anew=True, env={"PIP_INDEX_URL": index, "UV_INDEX_URL": index})
        function = Deployer(server.client(), python_runtime)(HELLO, wait=False)
        text = "The function is currently in the following state: Pending"
        with refused(409, "ResourceConflictException", contains=[text]):
            function.invoke({})
        with refused(409, "ResourceConflictException", contains=[text]):
            function.client.invoke_with_response_stream(FunctionName=function.name)
        with refused(409, "ResourceConflictException", contains=[text]):
            function.client.invoke(FunctionName=function.name, InvocationType="Event")
        with refused(409, "ResourceConflictException", contains=[text]):
            function.client.invoke_async(FunctionName=function.name, InvokeArgs=b"{}")
        with refused(409, "ResourceConflictException", contains=[text]):
            function.client.update_function_configuration(FunctionName=function.name, Timeout=5)
        function.delete()
