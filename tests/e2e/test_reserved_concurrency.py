"""Reserved concurrency: a cap and a guarantee, within what the account has."""

import threading
import time

import pytest

from functions import Deployer
from refusals import refused

SLEEP = "import time\n\ndef handler(event, context):\n    time.sleep(event['seconds'])\n    return 'slept'\n"
HELLO = "def handler(event, context):\n    return 'hello'\n"
ONLY_FUNCTIONS = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
    "Please specify either a function name or an unqualified function ARN."
)


def in_background(function, seconds, **options):
    """Starts an invocation that takes a while; it tries again while it is throttled."""
    outcomes = []

    def call():
        while not outcomes:
            try:
                outcomes.append(function.invoke({"seconds": seconds}, **options))
            except function.client.exceptions.TooManyRequestsException:
                time.sleep(0.1)

    caller = threading.Thread(target=call)
    caller.outcomes = outcomes
    caller.start()
    return caller


def wait_until_throttled(function, status=429):
    """Invokes until an invocation is refused, which it is once the other runs."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            function.invoke({"seconds": 0})
        except function.client.exceptions.TooManyRequestsException as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
            return error.response
        time.sleep(0.3)
    raise AssertionError("never throttled")


def test_a_reservation_is_put_read_and_given_back(deploy):
    function = deploy(HELLO)
    client, name = function.client, function.name
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=name)
    put = client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=7)
    assert put["ReservedConcurrentExecutions"] == 7
    assert client.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 7
    assert client.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    unreserved = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    assert unreserved <= 993
    assert client.delete_function_concurrency(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=name)
    assert "Concurrency" not in client.get_function(FunctionName=name)


def test_c_04_the_cap_holds_for_all_versions_together(deploy):
    function = deploy(SLEEP)
    function.client.publish_version(FunctionName=function.name)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    running = in_background(function, 4, Qualifier="1")
    answer = wait_until_throttled(function)
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer["Error"]["Message"] == "Rate Exceeded."
    assert "retry-after" in answer["ResponseMetadata"]["HTTPHeaders"]
    running.join()
    assert running.outcomes[0].payload == "slept"
    assert function.invoke({"seconds": 0}).payload == "slept"


def test_c_04_e_11_a_reservation_of_nothing_stops_a_function(deploy):
    function = deploy(HELLO)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    with refused(429, "TooManyRequestsException", "Rate Exceeded."):
        function.invoke()
    function.client.delete_function_concurrency(FunctionName=function.name)
    assert function.invoke().payload == "hello"


def test_c_04_a_reservation_is_a_guarantee_and_is_taken_from_the_others(fresh_server, python_runtime):
    server = fresh_server("--concurrency", "4")
    deploy = Deployer(server.client(), python_runtime)
    reserved, other = deploy(SLEEP), deploy(SLEEP)
    server.client().put_function_concurrency(FunctionName=reserved.name, ReservedConcurrentExecutions=2)
    settings = server.client().get_account_settings()["AccountLimit"]
    assert (settings["ConcurrentExecutions"], settings["UnreservedConcurrentExecutions"]) == (4, 2)
    busy = [in_background(other, 5) for _ in range(2)]
    assert wait_until_throttled(other)["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert reserved.invoke({"seconds": 0}).payload == "slept"
    for caller in busy:
        caller.join()


def test_c_01_a_hundred_stay_unreserved(deploy):
    function = deploy(HELLO)
    left = function.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    with refused(
        400,
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        "below its minimum value of [100].",
    ):
        function.client.put_function_concurrency(
            FunctionName=function.name, ReservedConcurrentExecutions=left - 99
        )
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=left - 100)


@pytest.mark.parametrize("operation", ["put", "get", "delete"])
def test_what_has_no_reservation(deploy, operation):
    function = deploy(HELLO)
    call = getattr(function.client, f"{operation}_function_concurrency")
    options = {"ReservedConcurrentExecutions": 1} if operation == "put" else {}
    with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}x"):
        call(FunctionName=f"{function.name}x", **options)
    with refused(400, "InvalidParameterValueException", ONLY_FUNCTIONS):
        call(FunctionName=f"{function.name}:1", **options)


def test_a_reservation_survives_the_server(fresh_server, python_runtime):
    server = fresh_server()
    function = Deployer(server.client(), python_runtime)(HELLO)
    server.client().put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    data_dir = server.data_dir
    server.kill()
    function.client = fresh_server(data_dir=data_dir).client()
    with refused(429, "TooManyRequestsException"):
        function.invoke()


def test_c_03_requests_per_second_are_bounded(fresh_server, python_runtime):
    server = fresh_server("--concurrency", "5", "--request-rate", "2")
    function = Deployer(server.client(), python_runtime)(HELLO)
    reasons = set()
    for _ in range(60):
        try:
            function.invoke()
        except function.client.exceptions.TooManyRequestsException as error:
            reasons.add(error.response["Reason"])
    assert reasons == {"FunctionInvocationRateLimitExceeded"}


def test_c_02_environments_are_started_at_a_bounded_rate(fresh_server, python_runtime):
    server = fresh_server("--scaling-burst", "2", "--scaling-rate", "1")
    function = Deployer(server.client(), python_runtime)(SLEEP)
    started, lock = [], threading.Lock()

    def call():
        try:
            outcome = function.invoke({"seconds": 1}).payload
        except function.client.exceptions.TooManyRequestsException as error:
            outcome = error.response["Reason"]
        with lock:
            started.append(outcome)

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert started.count("slept") in (2, 3)
    assert set(started) == {"slept", "ConcurrentInvocationLimitExceeded"}
