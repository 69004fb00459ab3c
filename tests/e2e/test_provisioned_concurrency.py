"""Provisioned concurrency: environments that are there before anyone asks, kept, replaced, and moved with their alias."""

import os
import signal
import threading
import time

import pytest

from functions import Deployer
from packages import make_zip
from refusals import refused

WHO = """
import os, time, uuid
ID = str(uuid.uuid4())
TYPE = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    if event.get("die"):
        os._exit(1)
    return [ID, TYPE, context.function_version]
"""
MISSING = "No Provisioned Concurrency Config found for this function"
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."


@pytest.fixture
def function(deploy):
    """A function with the version 1 and the alias `live`."""
    return with_alias(deploy(WHO))


def with_alias(function):
    function.client.publish_version(FunctionName=function.name)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    return function


def put(function, count, qualifier="live"):
    return function.client.put_provisioned_concurrency_config(
        FunctionName=function.name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def get(function, qualifier="live"):
    return function.client.get_provisioned_concurrency_config(FunctionName=function.name, Qualifier=qualifier)


def wait_for(function, status, qualifier="live", timeout=30):
    """Until the configuration has this status."""
    deadline = time.monotonic() + timeout
    while (answer := get(function, qualifier))["Status"] != status:
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def together(function, count, seconds=1.0, qualifier="live"):
    """Outcomes of invocations that run at the same time."""
    outcomes = []
    callers = [
        threading.Thread(
            target=lambda: outcomes.append(function.invoke({"seconds": seconds}, Qualifier=qualifier).payload)
        )
        for _ in range(count)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return outcomes


def test_c_06_l_19_environments_are_initialised_before_anyone_asks(function):
    answer = put(function, 2)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (answer["Status"], answer["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 2)
    assert answer["AllocatedProvisionedConcurrentExecutions"] == 0
    ready = wait_for(function, "READY")
    assert ready["AvailableProvisionedConcurrentExecutions"] == 2
    assert ready["AllocatedProvisionedConcurrentExecutions"] == 2
    assert "StatusReason" not in ready
    outcomes = together(function, 2)
    assert {outcome[1] for outcome in outcomes} == {"provisioned-concurrency"}
    assert len({outcome[0] for outcome in outcomes}) == 2
    first = function.invoke({}, Qualifier="live")
    assert "Init Duration" not in first.log, "it was initialised long before"
    assert first.payload[0] in {outcome[0] for outcome in outcomes}, "it is kept"
    assert function.invoke({}).payload[1:] == ["on-demand", "$LATEST"]
    listed = function.client.list_provisioned_concurrency_configs(FunctionName=function.name)
    item = listed["ProvisionedConcurrencyConfigs"][0]
    assert (item["FunctionArn"], item["Status"]) == (f"{function.arn}:live", "READY")


def test_c_08_what_is_beyond_spills_over(server, function):
    put(function, 1)
    wait_for(function, "READY")
    kinds = sorted(outcome[1] for outcome in together(function, 3))
    assert kinds == ["on-demand", "on-demand", "provisioned-concurrency"]
    metrics = server.get("/_lambent/metrics")[2].decode().splitlines()
    mine = [line for line in metrics if f'Resource="{function.name}:1"' in line and "Provisioned" in line]
    assert sorted(line.rsplit(" ", 1)[1] for line in mine) == ["1", "2"]


def test_c_07_it_moves_with_the_alias(function):
    client = function.client
    put(function, 1)
    wait_for(function, "READY")
    before = function.invoke({}, Qualifier="live").payload
    client.update_function_code(
        FunctionName=function.name, ZipFile=make_zip({"app.py": WHO + "\nNEW = True\n"})
    )
    function.wait_updated()
    client.publish_version(FunctionName=function.name)
    client.update_alias(FunctionName=function.name, Name="live", FunctionVersion="2")
    wait_for(function, "READY")
    after = function.invoke({}, Qualifier="live").payload
    assert after[1:] == ["provisioned-concurrency", "2"]
    assert after[0] != before[0]
    assert function.invoke({}, Qualifier="1").payload[1] == "on-demand"


def test_an_environment_that_dies_is_replaced(server, deploy):
    code = WHO.replace("return [ID", "return [os.getpid(), ID")
    function = with_alias(deploy(code))
    put(function, 1)
    wait_for(function, "READY")
    assert function.invoke({"die": True}, Qualifier="live").error == "Unhandled"
    outcome = function.invoke({}, Qualifier="live").payload
    assert outcome[2] == "provisioned-concurrency"


def test_c_06_a_failing_init_is_reported_and_tried_again(deploy):
    function = with_alias(deploy("raise Exception('never')\n\ndef handler(event, context):\n    return 1\n"))
    put(function, 1)
    failed = wait_for(function, "FAILED")
    assert failed["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    assert failed["AllocatedProvisionedConcurrentExecutions"] == 0


def test_more_and_fewer_are_asked_for(function):
    for count in [1, 3, 2]:
        put(function, count)
        ready = wait_for(function, "READY")
        assert ready["AvailableProvisionedConcurrentExecutions"] == count
        outcomes = together(function, count)
        assert [outcome[1] for outcome in outcomes] == ["provisioned-concurrency"] * count
    client = function.client
    deleted = client.delete_provisioned_concurrency_config(FunctionName=function.name, Qualifier="live")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.delete_provisioned_concurrency_config(FunctionName=function.name, Qualifier="live")
    with refused(404, "ProvisionedConcurrencyConfigNotFoundException", MISSING):
        get(function)
    assert function.invoke({}, Qualifier="live").payload[1] == "on-demand"


def test_a_version_is_provisioned_by_one_name(function):
    client = function.client
    put(function, 1)
    with refused(409, "ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias"):
        put(function, 1, "1")
    client.create_alias(FunctionName=function.name, Name="other", FunctionVersion="1")
    with refused(
        409,
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    ):
        put(function, 1, "other")
    with refused(
        400, "InvalidParameterValueException", "Version is pointed by a Provisioned Concurrency alias"
    ):
        client.delete_function(FunctionName=function.name, Qualifier="1")


def test_c_05_only_what_is_published_is_provisioned(function):
    with refused(400, "InvalidParameterValueException", UNPUBLISHED):
        put(function, 1, "$LATEST")
    function.client.create_alias(FunctionName=function.name, Name="edge", FunctionVersion="$LATEST")
    with refused(400, "InvalidParameterValueException", UNPUBLISHED):
        put(function, 1, "edge")


def test_c_05_provision_and_reservation_hold_each_other(function):
    client, name = function.client, function.name
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    with refused(
        400,
        "InvalidParameterValueException",
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    ):
        put(function, 3)
    put(function, 2)
    wait_for(function, "READY")
    with refused(
        400,
        "InvalidParameterValueException",
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].",
    ):
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    # C-07: nothing is left for the version that is not provisioned.
    with refused(429, "TooManyRequestsException") as caught:
        function.invoke({})
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert function.invoke({}, Qualifier="live").payload[1] == "provisioned-concurrency"


def test_the_account_bounds_what_is_provisioned(function):
    left = function.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    with refused(
        400,
        "InvalidParameterValueException",
        f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{left}].",
    ):
        put(function, left + 1)
    with refused(400, "InvalidParameterValueException", contains=["below its minimum value of [100]"]):
        put(function, left - 99)


def test_what_is_not_there(function):
    with refused(404, "ProvisionedConcurrencyConfigNotFoundException", MISSING):
        get(function)
    for call in [lambda name, qualifier: put(Named(function, name), 1, qualifier), lambda name, qualifier: get(
        Named(function, name), qualifier
    )]:  # fmt: skip
        with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}x"):
            call(f"{function.name}x", "live")
        with refused(404, "ResourceNotFoundException", f"Cannot find alias arn: {function.arn}:nobody"):
            call(function.name, "nobody")
        with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}:7"):
            call(function.name, "7")
        with refused(400, "InvalidParameterValueException", contains=["does not match"]):
            call(f"{function.name}:live", "1")
    with refused(404, "ResourceNotFoundException"):
        function.client.list_provisioned_concurrency_configs(FunctionName=f"{function.name}x")
    with refused(404, "ResourceNotFoundException"):
        function.client.delete_provisioned_concurrency_config(FunctionName=f"{function.name}x", Qualifier="1")
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        function.client.list_provisioned_concurrency_configs(FunctionName=function.name, Marker="%%%")
    with refused(400, "InvalidParameterValueException", contains=["does not match"]):
        function.client.delete_provisioned_concurrency_config(FunctionName=f"{function.name}:live", Qualifier="1")


class Named:
    """The same client under another name."""

    def __init__(self, function, name):
        self.client, self.name = function.client, name


def test_what_is_provisioned_is_there_again_after_a_kill(fresh_server, python_runtime):
    server = fresh_server()
    function = with_alias(Deployer(server.client(), python_runtime)(WHO))
    put(function, 2)
    wait_for(function, "READY")
    data_dir = server.data_dir
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    function.client = fresh_server(data_dir=data_dir).client()
    assert wait_for(function, "READY")["AvailableProvisionedConcurrentExecutions"] == 2
    assert function.invoke({}, Qualifier="live").payload[1] == "provisioned-concurrency"
