"""The AWS CLI against the server, and the command line of `lambent` itself."""

import json
import os
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import lambent
import toolbox
from functions import Deployer
from packages import make_zip

HELLO = "def handler(event, context):\n    print('said hello')\n    return 'hello'\n"


def aws_clis():
    found = [pytest.param(toolbox.aws_cli_1(), id="v1")]
    second = toolbox.aws_cli_2()
    return [*found, pytest.param(second, id="v2")] if second else found


@pytest.fixture(params=aws_clis())
def aws(request, server):
    """Runs the AWS CLI and returns its output; fails when the command fails."""

    def call(*args, check=True):
        done = subprocess.run(
            [str(request.param), "lambda", *map(str, args)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **server.environment()},
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return call


# --- The AWS CLI ----------------------------------------------------------------------------------------------


def test_a_function_lives_and_dies_through_the_cli(aws, tmp_path, python_runtime):
    package, event, response = (tmp_path / name for name in ("package.zip", "event.json", "response.json"))
    package.write_bytes(make_zip({"app.py": HELLO}))
    event.write_text('{"a": 1}')
    name = f"cli-{os.urandom(4).hex()}"
    created = aws(
        "create-function", "--function-name", name, "--runtime", python_runtime, "--handler", "app.handler",
        "--role", lambent.ROLE, "--zip-file", f"fileb://{package}",
    )  # fmt: skip
    assert json.loads(created.stdout)["State"] == "Pending"
    aws("wait", "function-active-v2", "--function-name", name)
    invoked = aws("invoke", "--function-name", name, "--payload", f"fileb://{event}", response)
    assert json.loads(invoked.stdout) == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert response.read_text() == '"hello"'
    names = aws("list-functions", "--query", "Functions[].FunctionName", "--output", "text").stdout.split()
    assert name in names
    aws("delete-function", "--function-name", name)
    missing = aws("get-function", "--function-name", name, check=False)
    assert missing.returncode != 0
    assert "ResourceNotFoundException" in missing.stderr and "Function not found: arn:aws:lambda" in missing.stderr


# --- serve ----------------------------------------------------------------------------------------------------


def test_the_ready_line_is_one_line_of_json(server):
    assert server.ready["event"] == "ready"
    assert server.ready["endpoint"].startswith("http://127.0.0.1:")


def test_health_says_what_runs(server):
    health = server.health()
    assert health["status"] == "ok"
    assert health["version"] and health["isolation"] and "lambda" in health["services"]


def test_metrics_are_prometheus_text(server, deploy):
    function = deploy(HELLO)
    function.invoke({})
    status, headers, body = server.get("/_lambent/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    lines = body.decode().splitlines()
    assert any(function.name in line and "nvocations" in line for line in lines)


def test_a_second_server_on_one_data_directory_refuses(server):
    second = lambent.run("serve", "--listen", "127.0.0.1:0", "--data-dir", server.data_dir)
    assert second.returncode not in (0, 101)
    assert str(server.data_dir) in second.stderr
    assert len(second.stderr.strip().splitlines()) <= 3


def test_a_taken_port_fails_in_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = lambent.run("serve", "--listen", f"127.0.0.1:{port}", "--data-dir", tmp_path / "data")
    assert failed.returncode not in (0, 101)
    assert str(port) in failed.stderr and "--listen" in failed.stderr
    assert len(failed.stderr.strip().splitlines()) <= 2


def test_listening_to_the_world_without_authentication_is_refused(tmp_path):
    failed = lambent.run("serve", "--listen", "0.0.0.0:0", "--data-dir", tmp_path / "data")
    assert failed.returncode not in (0, 101)
    assert "--auth" in failed.stderr


def test_sigterm_lets_running_invocations_end(fresh_server, python_runtime):
    import threading

    server = fresh_server()
    deployer = Deployer(server.client(), python_runtime)
    function = deployer("import time\ndef handler(event, context):\n    time.sleep(2)\n    return 'finished'\n")
    outcomes = []
    caller = threading.Thread(target=lambda: outcomes.append(function.invoke({}).payload))
    caller.start()
    time.sleep(1)
    assert server.stop() == 0
    caller.join()
    assert outcomes == ["finished"]


def test_the_data_directory_is_private(server):
    assert stat.S_IMODE(os.stat(server.data_dir).st_mode) == 0o700
    for folder, _, names in os.walk(server.data_dir):
        for name in names:
            path = os.path.join(folder, name)
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            in_package = f"{os.sep}code" in folder or "packages" in folder or "runtimes" in folder
            assert stat.S_ISLNK(os.lstat(path).st_mode) or in_package or mode & 0o077 == 0, (path, oct(mode))


def test_nothing_of_the_users_is_in_the_servers_log(fresh_server, python_runtime):
    server = fresh_server()
    deployer = Deployer(server.client(access_key="111122223333"), python_runtime)
    function = deployer(
        "def handler(event, context):\n    raise ValueError('no')\n",
        Environment={"Variables": {"PASSWORD": "secret-in-variable"}},
    )
    function.invoke({"card": "secret-in-payload"})
    function.invoke({})
    deployer.close()
    server.stop()
    errors = server.errors()
    assert "secret-in" not in errors


def test_ephemeral_keeps_nothing(tmp_path, python_runtime):
    data_dir = tmp_path / "data"
    server = lambent.Server(data_dir, "--ephemeral", log=tmp_path / "log", env={"TMPDIR": str(tmp_path)})
    deployer = Deployer(server.client(), python_runtime)
    try:
        assert deployer(HELLO).invoke({}).payload == "hello"
    finally:
        assert server.stop() == 0
    left = [os.path.join(folder, name) for folder, _, names in os.walk(tmp_path) for name in names]
    assert left == [str(tmp_path / "log")]


def test_reset_empties_the_server(fresh_server, python_runtime):
    server = fresh_server()
    deployer = Deployer(server.client(), python_runtime)
    function = deployer(HELLO)
    assert function.invoke({}).payload == "hello"
    assert server.get("/_lambent/reset", method="POST")[0] in (200, 204)
    assert function.client.list_functions()["Functions"] == []
    assert deployer(HELLO, FunctionName=function.name).invoke({}).payload == "hello"
    deployer.close()


def test_a_browser_cannot_reset(fresh_server):
    server = fresh_server()
    request = urllib.request.Request(
        f"{server.endpoint}/_lambent/reset", method="POST", headers={"Origin": "http://evil.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 403


# --- The other commands ---------------------------------------------------------------------------------------


def test_env_is_shell_that_points_to_the_server(server):
    done = lambent.run("env", env=server.environment())
    assert done.returncode == 0
    script = done.stdout + '\nprintf "%s|%s|%s" "$AWS_ENDPOINT_URL" "$AWS_DEFAULT_REGION" "[$AWS_PAGER]"'
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert shell.stdout == f"{server.endpoint}|us-east-1|[]"
    assert "AWS_ACCESS_KEY_ID" in done.stdout and "AWS_SECRET_ACCESS_KEY" in done.stdout


def test_doctor_names_a_runtime_that_works(server, deploy):
    first = lambent.run("doctor", "--first-runtime")
    assert first.returncode == 0
    runtime = first.stdout.strip()
    assert len(runtime.split()) == 1
    files = {"app.py": "def handler(e, c): return 1", "app.js": "exports.handler = async () => 1;"}
    assert deploy(files, Runtime=runtime).invoke({}).payload == 1


def test_doctor_says_what_the_host_offers():
    done = lambent.run("doctor")
    for topic in ("namespaces", "cgroup", "seccomp", "overlay", "python"):
        assert topic in done.stdout.lower(), topic


def test_logs_are_readable_and_can_be_followed(server, deploy):
    function = deploy(HELLO)
    outcome = function.invoke({})
    done = lambent.run("logs", function.name, env=server.environment())
    assert done.returncode == 0, done.stderr
    assert "said hello" in done.stdout and f"START RequestId: {outcome.request_id}" in done.stdout
    follower = subprocess.Popen(
        [str(lambent.binary()), "logs", function.name, "--follow"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **server.environment()},
    )
    try:
        second = function.invoke({})
        for line in follower.stdout:
            if second.request_id in line and line.strip().startswith("REPORT") or f"REPORT RequestId: {second.request_id}" in line:
                break
        else:
            pytest.fail("the follower ended without the second invocation")
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()


def test_unknown_commands_and_flags_are_usage_errors():
    for args in (["fly"], ["serve", "--no-such-flag"]):
        done = lambent.run(*args)
        assert done.returncode == 2
        assert "Usage" in done.stderr or "usage" in done.stderr
