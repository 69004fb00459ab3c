"""Many at a time: the account limit, the budgets of the server, and throttling."""

import threading
import time

import pytest
from botocore.exceptions import ClientError

import toolbox
from functions import Deployer
from packages import executable, make_zip
from refusals import refused

SLEEP = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'slept'\n"


def invoke_many(function, count, event):
    """Invokes at once from as many threads; payloads, and error codes of what was refused."""
    payloads, refusals = [], []

    def call():
        try:
            payloads.append(function.invoke(event, LogType="None").payload)
        except ClientError as error:
            refusals.append(error)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return payloads, refusals


def test_c_01_e_11_beyond_the_limit_of_the_account_invocations_are_throttled(fresh_server, python_runtime):
    server = fresh_server("--concurrency", "4")
    client = server.client(max_pool_connections=64)
    deployer = Deployer(client, python_runtime)
    assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 4
    function = deployer(SLEEP)
    payloads, refusals = invoke_many(function, 10, 3)
    assert payloads == ["slept"] * 4
    for refusal in refusals:
        answer = refusal.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert answer["Error"]["Code"] == "TooManyRequestsException"
        assert answer["Reason"] == "ConcurrentInvocationLimitExceeded"
        assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"]
    assert function.invoke(0).payload == "slept"
    deployer.close()


def test_beyond_the_budget_of_the_server_new_environments_are_throttled(fresh_server, python_runtime):
    server = fresh_server("--environments-max", "3")
    deployer = Deployer(server.client(max_pool_connections=64), python_runtime)
    function = deployer(SLEEP)
    payloads, refusals = invoke_many(function, 8, 3)
    assert payloads == ["slept"] * 3
    assert {refusal.response["ResponseMetadata"]["HTTPStatusCode"] for refusal in refusals} == {429}
    assert function.invoke(0).payload == "slept"
    deployer.close()


def test_environments_that_nobody_uses_end_for_those_that_begin(fresh_server):
    server = fresh_server("--environments-max", "6", "--scaling-burst", "1000")
    client = server.client(max_pool_connections=64)
    deployer = Deployer(client, "provided.al2023")
    package = make_zip({"bootstrap": executable(toolbox.static_program("echo_runtime"))})
    functions = [deployer(package, Runtime="provided.al2023", Handler="echo") for _ in range(90)]
    waiting, answers = list(range(len(functions))), []

    def call():
        # As many at a time as leave some that are idle, or about to be.
        while waiting:
            number = waiting.pop()
            try:
                answers.append(functions[number].invoke(number, LogType="None").payload == number)
            except ClientError as error:
                answers.append(str(error))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == [True] * len(functions)
    deployer.close()


def test_what_is_soon_there_again_ends_before_what_takes_long(fresh_server, python_runtime):
    server = fresh_server("--environments-max", "2")
    deployer = Deployer(server.client(), python_runtime)
    code = "import time, uuid\nNAME = str(uuid.uuid4())\ntime.sleep({})\ndef handler(event, context):\n    return NAME\n"
    slow, quick = deployer(code.format(4)), deployer(code.format(0))
    names = [slow.invoke().payload, quick.invoke().payload]
    # Both are idle, the slow one longer.
    time.sleep(0.5)
    assert deployer(code.format(0)).invoke().error is None
    assert slow.invoke().payload == names[0]
    assert quick.invoke().payload != names[1]
    deployer.close()


def test_callers_that_come_again_while_environments_start_have_no_more_started(fresh_server, python_runtime):
    server = fresh_server("--environments-max", "8")
    deployer = Deployer(server.client(max_pool_connections=8), python_runtime)
    function = deployer("import time\ntime.sleep(0.5)\n" + SLEEP)
    assert function.invoke(0).payload == "slept"
    refusals = []

    def call():
        # The environment that is there serves many of them while the first that are missing start.
        for _ in range(100):
            refusals.extend(invoke_many(function, 1, 0.01)[1])

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert refusals == []
    deployer.close()


@pytest.mark.parametrize("reserve", ["--memory-reserve-mb", "--disk-reserve-mb"])
def test_a_host_without_room_throttles(fresh_server, python_runtime, reserve):
    server = fresh_server("--no-sdk", reserve, str(10**9))
    deployer = Deployer(server.client(), python_runtime)
    function = deployer(SLEEP)
    with refused(429, "TooManyRequestsException") as caught:
        function.invoke(0)
    assert caught.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert server.health()["status"] == "ok"
    deployer.close()


@pytest.mark.timeout(600)
def test_two_thousand_functions_sleep_at_once(fresh_server, python_runtime):
    server = fresh_server("--concurrency", "3000", "--scaling-burst", "3000")
    client = server.client(max_pool_connections=2100, read_timeout=300)
    deployer = Deployer(client, python_runtime)
    program = toolbox.static_program("echo_runtime")
    package = make_zip({"bootstrap": executable(program)})
    function = deployer(package, Runtime="provided.al2023", Handler="sleep", Timeout=300)
    threading.stack_size(512 * 1024)
    payloads, refusals = invoke_many(function, 2000, 90)
    threading.stack_size(0)
    assert [str(refusal) for refusal in refusals[:3]] == []
    assert payloads == [90] * 2000
    assert server.health()["status"] == "ok"
    deployer.close()
