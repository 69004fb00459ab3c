"""Configurations with a single value: how the runtime is updated, and what becomes of recursive loops."""

import pytest

from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
NOWHERE = "arn:aws:lambda:us-east-1:000000000000:function:nowhere"


def test_runtime_management_is_kept_per_version(deploy):
    function = deploy(HELLO)
    client, name = function.client, function.name
    client.publish_version(FunctionName=name)
    read = client.get_runtime_management_config(FunctionName=name)
    assert (read["UpdateRuntimeOn"], read["FunctionArn"]) == ("Auto", f"{function.arn}:$LATEST")
    assert "RuntimeVersionArn" not in read
    arn = client.get_function_configuration(FunctionName=name)["RuntimeVersionConfig"]["RuntimeVersionArn"]
    put = client.put_runtime_management_config(
        FunctionName=name, Qualifier="1", UpdateRuntimeOn="Manual", RuntimeVersionArn=arn
    )
    assert (put["UpdateRuntimeOn"], put["RuntimeVersionArn"]) == ("Manual", arn)
    assert put["FunctionArn"] == f"{function.arn}:1"
    assert client.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "Auto"
    client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    assert client.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"
    assert client.get_runtime_management_config(FunctionName=name, Qualifier="1")["RuntimeVersionArn"] == arn


def test_runtime_management_that_cannot_be(deploy):
    function = deploy(HELLO)
    client, name = function.client, function.name
    arn = client.get_function_configuration(FunctionName=name)["RuntimeVersionConfig"]["RuntimeVersionArn"]
    with refused(400, "InvalidParameterValueException", contains=["RuntimeVersionArn"]):
        client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="Manual")
    with refused(400, "InvalidParameterValueException", contains=["RuntimeVersionArn"]):
        client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="Auto", RuntimeVersionArn=arn)
    for qualifier in ["7", "nobody"]:
        expected = f"Function not found: {function.arn}:{qualifier}"
        with refused(404, "ResourceNotFoundException", expected):
            client.get_runtime_management_config(FunctionName=name, Qualifier=qualifier)
        with refused(404, "ResourceNotFoundException", expected):
            client.put_runtime_management_config(FunctionName=name, Qualifier=qualifier, UpdateRuntimeOn="Auto")


def test_recursion_ends_unless_it_is_allowed(deploy):
    function = deploy(HELLO)
    client, name = function.client, function.name
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    put = client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert put["RecursiveLoop"] == "Allow"
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Terminate")
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("get_function_recursion_config", {}),
        ("put_function_recursion_config", {"RecursiveLoop": "Allow"}),
    ],
)
def test_a_missing_function_has_no_configuration(lambda_client, operation, arguments):
    with refused(404, "ResourceNotFoundException", f"Function not found: {NOWHERE}"):
        getattr(lambda_client, operation)(FunctionName="nowhere", **arguments)
