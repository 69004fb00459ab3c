"""Configurations of function URLs: created, read, changed, listed, deleted. What the addresses answer: `test_function_url_requests.py`."""

import re

import pytest

from functions import Deployer
from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
CORS = {
    "AllowCredentials": True,
    "AllowHeaders": ["x-one", "x-two"],
    "AllowMethods": ["GET", "POST"],
    "AllowOrigins": ["https://example.com"],
    "ExposeHeaders": ["x-three"],
    "MaxAge": 300,
}
GONE = "The resource you requested does not exist."


@pytest.fixture
def function(deploy):
    """A function with the version 1 and the alias `live`."""
    function = deploy(HELLO)
    function.client.publish_version(FunctionName=function.name)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    return function


def test_an_address_is_made_read_changed_and_taken_away(server, function):
    client, name = function.client, function.name
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE", Cors=CORS)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    port = server.endpoint.rsplit(":", 1)[1]
    assert re.fullmatch(rf"http://[a-z0-9]{{32}}\.lambda-url\.us-east-1\.localhost:{port}/", made["FunctionUrl"])
    assert made["FunctionArn"] == function.arn
    assert (made["AuthType"], made["InvokeMode"], made["Cors"]) == ("NONE", "BUFFERED", CORS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", made["CreationTime"])
    read = client.get_function_url_config(FunctionName=name)
    assert {**made, "ResponseMetadata": 0} == {
        **{key: value for key, value in read.items() if key != "LastModifiedTime"}, "ResponseMetadata": 0,
    }  # fmt: skip
    changed = client.update_function_url_config(
        FunctionName=name, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM", Cors={"AllowOrigins": ["*"]}
    )
    assert changed["FunctionUrl"] == made["FunctionUrl"]
    assert (changed["AuthType"], changed["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    assert changed["Cors"] == {"AllowOrigins": ["*"]}
    assert changed["CreationTime"] == made["CreationTime"]
    kept = client.update_function_url_config(FunctionName=name)
    assert (kept["AuthType"], kept["Cors"]) == ("AWS_IAM", {"AllowOrigins": ["*"]})
    assert client.delete_function_url_config(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused(404, "ResourceNotFoundException", GONE):
        client.get_function_url_config(FunctionName=name)
    again = client.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert again["FunctionUrl"] != made["FunctionUrl"]
    assert "Cors" not in again


def test_an_alias_has_an_address_of_its_own(function):
    client, name = function.client, function.name
    plain = client.create_function_url_config(FunctionName=name, AuthType="NONE")
    alias = client.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="AWS_IAM")
    assert alias["FunctionArn"] == f"{function.arn}:live"
    assert alias["FunctionUrl"] != plain["FunctionUrl"]
    pages = client.get_paginator("list_function_url_configs").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 1}
    )
    listed = [page["FunctionUrlConfigs"] for page in pages]
    assert [len(page) for page in listed] == [1, 1]
    assert {page[0]["FunctionUrl"] for page in listed} == {plain["FunctionUrl"], alias["FunctionUrl"]}
    client.delete_alias(FunctionName=name, Name="live")
    assert len(client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]) == 1


def test_a_function_has_one_address(function):
    client, name = function.client, function.name
    client.create_function_url_config(FunctionName=name, AuthType="NONE")
    with refused(
        409,
        "ResourceConflictException",
        f"Failed to create function url config for [functionArn = {function.arn}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function",
    ):
        client.create_function_url_config(FunctionName=name, AuthType="NONE")


def test_what_has_no_address(function, raw_client):
    client, name = function.client, function.name
    for operation in ["get", "update", "delete"]:
        with refused(404, "ResourceNotFoundException", GONE):
            getattr(client, f"{operation}_function_url_config")(FunctionName=name)
    with refused(404, "ResourceNotFoundException", "Function does not exist"):
        client.create_function_url_config(FunctionName="nowhere", AuthType="NONE")
    with refused(404, "ResourceNotFoundException", "Function does not exist"):
        client.create_function_url_config(FunctionName=name, Qualifier="nobody", AuthType="NONE")
    with refused(404, "ResourceNotFoundException", "Function does not exist"):
        client.list_function_url_configs(FunctionName="nowhere")
    with refused(400, "ValidationException", contains=["Value '1' at 'qualifier'"]):
        raw_client.create_function_url_config(FunctionName=name, Qualifier="1", AuthType="NONE")
    with refused(400, "ValidationException", contains=[f"Value '{name}:1' at 'functionName'"]):
        raw_client.create_function_url_config(FunctionName=f"{name}:1", AuthType="NONE")
    for operation in ["create", "get", "update"]:
        with refused(400, "InvalidParameterValueException", contains=["does not match"]):
            getattr(client, f"{operation}_function_url_config")(
                FunctionName=f"{name}:live", Qualifier="other", **({"AuthType": "NONE"} if operation == "create" else {})
            )
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        client.list_function_url_configs(FunctionName=name, Marker="%%%")


def test_an_address_goes_with_its_function_and_survives_the_server(fresh_server, python_runtime):
    server = fresh_server()
    function = Deployer(server.client(), python_runtime)(HELLO)
    made = server.client().create_function_url_config(FunctionName=function.name, AuthType="NONE")
    data_dir = server.data_dir
    server.kill()
    client = fresh_server(data_dir=data_dir).client()
    read = client.get_function_url_config(FunctionName=function.name)
    assert read["FunctionUrl"].split(".")[0] == made["FunctionUrl"].split(".")[0]
    client.delete_function(FunctionName=function.name)
    Deployer(client, python_runtime)(HELLO, FunctionName=function.name)
    with refused(404, "ResourceNotFoundException", GONE):
        client.get_function_url_config(FunctionName=function.name)
