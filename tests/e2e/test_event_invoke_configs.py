"""How asynchronous invocations are retried and where their outcomes go: configured per function, version and alias."""

import pytest

from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:outcomes"
NOTHING = {"OnSuccess": {}, "OnFailure": {}}
MISSING = "The function doesn't exist."
EMPTY = "You must specify at least one of error handling or destination setting."


@pytest.fixture
def function(deploy):
    """A function with the version 1 and the alias `live`."""
    function = deploy(HELLO)
    function.client.publish_version(FunctionName=function.name)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    return function


def put(function, name=None, **options):
    return function.client.put_function_event_invoke_config(FunctionName=name or function.name, **options)


def without_metadata(answer):
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "LastModified")}


def test_put_replaces_and_update_changes(function):
    client, name = function.client, function.name
    first = put(function, MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60, DestinationConfig={
        "OnFailure": {"Destination": QUEUE}
    })  # fmt: skip
    assert without_metadata(first) == {
        "FunctionArn": f"{function.arn}:$LATEST",
        "MaximumRetryAttempts": 2,
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}},
    }
    second = put(function, MaximumRetryAttempts=0)
    assert without_metadata(second) == {
        "FunctionArn": f"{function.arn}:$LATEST", "MaximumRetryAttempts": 0, "DestinationConfig": NOTHING,
    }  # fmt: skip
    changed = client.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=21600)
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 21600)
    assert changed["LastModified"] >= second["LastModified"]
    read = client.get_function_event_invoke_config(FunctionName=name)
    assert without_metadata(read) == without_metadata(changed)


def test_every_form_of_the_name_is_configured(function):
    live = f"{function.arn}:live"
    for name, qualifier in [
        (function.name, "live"), (f"{function.name}:live", None), (live, None), (live, "live"),
    ]:  # fmt: skip
        options = {"Qualifier": qualifier} if qualifier else {}
        answer = put(function, name, MaximumRetryAttempts=1, **options)
        assert answer["FunctionArn"] == live
    assert put(function, Qualifier="1", MaximumRetryAttempts=1)["FunctionArn"] == f"{function.arn}:1"
    put(function, MaximumRetryAttempts=1)
    client = function.client
    pages = client.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName=function.name, PaginationConfig={"PageSize": 2}
    )
    listed = [
        [config["FunctionArn"].rsplit(":", 1)[1] for config in page["FunctionEventInvokeConfigs"]] for page in pages
    ]
    assert listed == [["$LATEST", "1"], ["live"]]
    client.delete_alias(FunctionName=function.name, Name="live")
    for qualifier in ["$LATEST", "1"]:
        client.delete_function_event_invoke_config(FunctionName=function.name, Qualifier=qualifier)
    left = client.list_function_event_invoke_configs(FunctionName=function.name)["FunctionEventInvokeConfigs"]
    assert left == []


def test_a_11_outcomes_may_go_to_another_function_and_not_to_itself(function, deploy):
    other = deploy(HELLO)
    answer = put(function, DestinationConfig={"OnSuccess": {"Destination": other.arn}})
    assert answer["DestinationConfig"]["OnSuccess"] == {"Destination": other.arn}
    for arn, message in [
        (function.arn, "You can't specify the function as a destination for itself."),
        (f"{function.arn}x", f"The destination ARN {function.arn}x is invalid."),
        (
            function.arn.replace(":lambda:", ":iam:"),
            "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination="
            f"{function.arn.replace(':lambda:', ':iam:')}), onFailure=null) is invalid.",
        ),
    ]:
        with refused(400, "InvalidParameterValueException", message):
            put(function, DestinationConfig={"OnSuccess": {"Destination": arn}})
        with refused(400, "InvalidParameterValueException", message):
            function.client.update_function_event_invoke_config(
                FunctionName=function.name, DestinationConfig={"OnSuccess": {"Destination": arn}}
            )
    assert put(function, DestinationConfig={"OnSuccess": {}})["DestinationConfig"] == NOTHING


def test_a_04_something_must_be_configured(function):
    with refused(400, "InvalidParameterValueException", EMPTY):
        put(function)
    put(function, MaximumRetryAttempts=1)
    with refused(400, "InvalidParameterValueException", EMPTY):
        function.client.update_function_event_invoke_config(FunctionName=function.name)


def test_what_is_not_there(function):
    client, name = function.client, function.name
    for missing in ["nowhere", f"{name}:nobody", f"{name}:7"]:
        with refused(404, "ResourceNotFoundException", MISSING):
            put(function, missing, MaximumRetryAttempts=1)
    with refused(404, "ResourceNotFoundException", MISSING):
        client.list_function_event_invoke_configs(FunctionName="nowhere")
    text = f"The function {function.arn}:$LATEST doesn't have an EventInvokeConfig"
    with refused(404, "ResourceNotFoundException", text):
        client.get_function_event_invoke_config(FunctionName=name)
    with refused(404, "ResourceNotFoundException", text):
        client.delete_function_event_invoke_config(FunctionName=name)
    with refused(404, "ResourceNotFoundException", text):
        client.update_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)


@pytest.mark.parametrize("operation", ["put", "update", "get", "delete"])
def test_a_qualifier_that_contradicts_the_name_is_refused(function, operation):
    options = {"MaximumRetryAttempts": 1} if operation in ("put", "update") else {}
    with refused(
        400,
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    ):
        getattr(function.client, f"{operation}_function_event_invoke_config")(
            FunctionName=f"{function.name}:live", Qualifier="1", **options
        )


def test_a_marker_of_no_list_is_refused(function):
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        function.client.list_function_event_invoke_configs(FunctionName=function.name, Marker="%%%")
