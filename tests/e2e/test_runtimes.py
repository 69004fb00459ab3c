"""Runtimes: handlers, the context object, environment variables, errors and logs, language by language."""

import json
import pathlib
import re
import shutil
import subprocess
import time

import pytest

import toolbox
from packages import executable, make_zip

PYTHONS = [f"python{version}" for version in toolbox.pythons()]
NODES = [f"nodejs{major}.x" for major in toolbox.NODE_VERSIONS]

NODE_ECHO = "exports.handler = async (event) => event;\n"


def node_or_skip(runtime):
    major = runtime.removeprefix("nodejs").removesuffix(".x")
    if toolbox.node_if_possible(major) is None:
        pytest.skip(f"skipped: Node.js {major} could not be fetched from the npm registry")


# --- Python ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runtime", PYTHONS)
def test_python_runs_its_own_version(deploy, runtime):
    function = deploy("import sys\ndef handler(event, context):\n    return sys.version_info[:2]\n", Runtime=runtime)
    outcome = function.invoke({})
    assert "python%d.%d" % tuple(outcome.payload) == runtime


def test_python_context(deploy):
    function = deploy(
        """
        def handler(event, context):
            return {
                "function_name": context.function_name,
                "function_version": context.function_version,
                "invoked_function_arn": context.invoked_function_arn,
                "memory_limit_in_mb": context.memory_limit_in_mb,
                "aws_request_id": context.aws_request_id,
                "log_group_name": context.log_group_name,
                "log_stream_name": context.log_stream_name,
                "remaining": context.get_remaining_time_in_millis(),
                "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
                "client_context": context.client_context,
            }
        """,
        MemorySize=256,
        Timeout=20,
    )
    outcome = function.invoke({})
    seen = outcome.payload
    assert seen.pop("remaining") in range(15_000, 20_001)
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen.pop("log_stream_name"))
    assert seen == {
        "function_name": function.name,
        "function_version": "$LATEST",
        "invoked_function_arn": function.arn,
        "memory_limit_in_mb": "256",
        "aws_request_id": outcome.request_id,
        "log_group_name": f"/aws/lambda/{function.name}",
        "identity": [None, None],
        "client_context": None,
    }


def test_python_logging_has_the_request_id(deploy):
    function = deploy(
        """
        import logging
        logging.getLogger().setLevel(logging.INFO)
        def handler(event, context):
            logging.info("informed")
            logging.warning("warned\\nin two lines")
            print("printed")
        """
    )
    outcome = function.invoke({})
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.search(rf"\[INFO\]\t{stamp}\t{outcome.request_id}\tinformed\n", outcome.log)
    assert re.search(rf"\[WARNING\]\t{stamp}\t{outcome.request_id}\twarned", outcome.log)
    assert "\nprinted\n" in outcome.log


def test_python_handlers_in_packages_are_found(deploy):
    code = "def run(event, context):\n    return __name__\n"
    function = deploy({"pkg/__init__.py": "", "pkg/mod.py": code}, Handler="pkg.mod.run")
    assert function.invoke({}).payload == "pkg.mod"
    slashed = deploy({"pkg/mod.py": code}, Handler="pkg/mod.run")
    assert slashed.invoke({}).payload == "pkg.mod"


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("app.missing", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'app'"),
        ("gone.handler", "Runtime.ImportModuleError", "Unable to import module 'gone': No module named 'gone'"),
        ("handler", "Runtime.MalformedHandlerName", "Bad handler 'handler': not enough values to unpack (expected 2, got 1)"),
    ],
)
def test_e_08_python_handlers_that_are_not_there(deploy, handler, error_type, message):
    function = deploy("def handler(event, context):\n    pass\n", Handler=handler)
    outcome = function.invoke({})
    assert outcome.error == "Unhandled"
    assert (outcome.payload["errorType"], outcome.payload["errorMessage"]) == (error_type, message)


def test_e_08_python_syntax_errors_are_named(deploy):
    function = deploy("def handler(event, context)\n    pass\n")
    payload = function.invoke({}).payload
    assert payload["errorType"] == "Runtime.UserCodeSyntaxError"
    assert "Syntax error in module 'app': " in payload["errorMessage"]


def test_python_results_that_are_no_json(deploy):
    function = deploy("def handler(event, context):\n    return {1, 2}\n")
    payload = function.invoke({}).payload
    assert payload["errorType"] == "Runtime.MarshalError"
    assert "Unable to marshal response: Object of type set is not JSON serializable" in payload["errorMessage"]


# --- Environment variables ------------------------------------------------------------------------------------

ENVIRONMENT = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"


def test_n_02_the_environment_is_the_one_recorded_on_aws(deploy, python_runtime):
    function = deploy(ENVIRONMENT, Environment={"Variables": {"MINE": "yes"}}, MemorySize=192)
    seen = function.invoke({}).payload
    expected = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{python_runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "192",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_REGION": "us-east-1",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "en_US.UTF-8",
        "MINE": "yes",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "TZ": ":UTC",
        "_HANDLER": "app.handler",
    }
    assert {key: seen.get(key) for key in expected} == expected
    assert seen["AWS_LAMBDA_RUNTIME_API"] == "169.254.100.1:9001"
    assert seen["LD_LIBRARY_PATH"].endswith("/var/task:/var/task/lib:/opt/lib")
    assert seen["AWS_ACCESS_KEY_ID"] and seen["AWS_SECRET_ACCESS_KEY"] and seen["AWS_SESSION_TOKEN"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["AWS_LAMBDA_LOG_STREAM_NAME"])


def test_nothing_of_the_servers_environment_is_seen(fresh_server, python_runtime):
    from functions import Deployer

    server = fresh_server(env={"SECRET_OF_THE_HOST": "do not tell"})
    deployer = Deployer(server.client(), python_runtime)
    seen = deployer(ENVIRONMENT).invoke({}).payload
    deployer.close()
    assert "SECRET_OF_THE_HOST" not in seen
    assert not [key for key in seen if key.startswith(("LAMBENT_", "CARGO", "PYTEST", "SSH_"))]


def test_the_trace_id_changes_with_the_invocation(deploy):
    function = deploy("import os\ndef handler(event, context):\n    return os.environ.get('_X_AMZN_TRACE_ID')\n")
    first, second = function.invoke({}).payload, function.invoke({}).payload
    assert re.match(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", first)
    assert first != second


# --- Node.js --------------------------------------------------------------------------------------------------


def deploy_node(deploy, runtime, files, **options):
    node_or_skip(runtime)
    return deploy(files if isinstance(files, dict) else {"app.js": files}, Runtime=runtime, **options)


@pytest.mark.parametrize("runtime", NODES)
def test_node_runs_its_own_version(deploy, runtime):
    function = deploy_node(deploy, runtime, "exports.handler = async () => process.version;\n")
    assert function.invoke({}).payload.startswith(runtime.replace("nodejs", "v").removesuffix("x"))


@pytest.mark.parametrize("runtime", [name for name in NODES if name != "nodejs24.x"])
def test_node_callbacks_work_up_to_22(deploy, runtime):
    function = deploy_node(
        deploy, runtime, "exports.handler = (event, context, callback) => setTimeout(() => callback(null, event), 10);\n"
    )
    assert function.invoke({"a": 1}).payload == {"a": 1}


def test_node_callbacks_are_refused_from_24_on(deploy):
    function = deploy_node(deploy, "nodejs24.x", "exports.handler = (event, context, callback) => callback(null, 1);\n")
    outcome = function.invoke({})
    assert outcome.error == "Unhandled"
    assert outcome.payload["errorType"] == "Runtime.CallbackHandlerDeprecated"


@pytest.mark.parametrize(
    "code",
    [
        "exports.handler = async (event) => event.a;\n",
        "exports.handler = (event) => Promise.resolve(event.a);\n",
    ],
)
def test_node_async_and_promises(deploy, code):
    assert deploy_node(deploy, "nodejs20.x", code).invoke({"a": 5}).payload == 5


def test_node_modules_of_both_kinds(deploy):
    module = "export const handler = async (event) => import.meta.url;\n"
    outcome = deploy_node(deploy, "nodejs20.x", {"app.mjs": module}).invoke({})
    assert outcome.payload == "file:///var/task/app.mjs"
    files = {"app.js": module, "package.json": '{"type": "module"}'}
    assert deploy_node(deploy, "nodejs20.x", files).invoke({}).payload == "file:///var/task/app.js"


def test_node_context(deploy):
    function = deploy_node(
        deploy,
        "nodejs22.x",
        """exports.handler = async (event, context) => ({
            ...context, remaining: context.getRemainingTimeInMillis(),
        });""",
        Timeout=20,
    )
    outcome = function.invoke({})
    seen = outcome.payload
    assert seen["remaining"] in range(15_000, 20_001)
    assert seen["functionName"] == function.name
    assert seen["functionVersion"] == "$LATEST"
    assert seen["invokedFunctionArn"] == function.arn
    assert seen["memoryLimitInMB"] == "128"
    assert seen["awsRequestId"] == outcome.request_id
    assert seen["logGroupName"] == f"/aws/lambda/{function.name}"
    assert seen["callbackWaitsForEmptyEventLoop"] is True


def test_e_07_node_errors_have_a_trace(deploy):
    function = deploy_node(deploy, "nodejs20.x", "exports.handler = async () => { throw new TypeError('no good'); };\n")
    outcome = function.invoke({})
    assert outcome.error == "Unhandled"
    assert (outcome.payload["errorType"], outcome.payload["errorMessage"]) == ("TypeError", "no good")
    assert outcome.payload["trace"][0] == "TypeError: no good"
    assert "/var/task/app.js:1:" in outcome.payload["trace"][1]
    assert "\tERROR\tInvoke Error \t" in outcome.log


@pytest.mark.parametrize(
    ("code", "handler", "error_type"),
    [
        ("exports.handler = async () => {;\n", "app.handler", "Runtime.UserCodeSyntaxError"),
        ("exports.handler = async () => 1;\n", "gone.handler", "Runtime.ImportModuleError"),
        ("exports.handler = async () => 1;\n", "app.missing", "Runtime.HandlerNotFound"),
        ("exports.handler = async () => 1;\n", "app", "Runtime.MalformedHandlerName"),
    ],
)
def test_e_08_node_handlers_that_are_not_there(deploy, code, handler, error_type):
    outcome = deploy_node(deploy, "nodejs20.x", code, Handler=handler).invoke({})
    assert (outcome.error, outcome.payload["errorType"]) == ("Unhandled", error_type)


def test_node_console_has_the_request_id(deploy):
    code = "exports.handler = async () => { console.log('logged'); console.error('failed %d', 7); };\n"
    outcome = deploy_node(deploy, "nodejs20.x", code).invoke({})
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.search(rf"{stamp}\t{outcome.request_id}\tINFO\tlogged\n", outcome.log)
    assert re.search(rf"{stamp}\t{outcome.request_id}\tERROR\tfailed 7\n", outcome.log)


# --- The AWS SDK, as on Lambda --------------------------------------------------------------------------------


def test_python_has_boto3_and_it_talks_to_this_server(deploy):
    function = deploy(
        """
        import boto3
        def handler(event, context):
            client = boto3.client("lambda")
            return [boto3.__version__, client.list_functions()["ResponseMetadata"]["HTTPStatusCode"]]
        """,
        MemorySize=256,
    )
    outcome = function.invoke({})
    assert outcome.error is None, outcome.payload
    assert outcome.payload[1] == 200


def test_node_has_the_sdk(deploy):
    code = """
    const { LambdaClient, ListFunctionsCommand } = require("@aws-sdk/client-lambda");
    exports.handler = async () => (await new LambdaClient({}).send(new ListFunctionsCommand({}))).$metadata.httpStatusCode;
    """
    outcome = deploy_node(deploy, "nodejs20.x", code, MemorySize=256).invoke({})
    assert outcome.error is None, outcome.payload
    assert outcome.payload == 200


# --- Custom runtimes ------------------------------------------------------------------------------------------

SHELL_BOOTSTRAP = """#!/bin/sh
set -eu
next="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
    event=$(curl -sS -D /tmp/headers "$next/next")
    id=$(tr -d '\\r' < /tmp/headers | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p')
    curl -sS -X POST -d "{\\"handler\\": \\"$_HANDLER\\", \\"event\\": $event}" "$next/$id/response" >/dev/null
done
"""


def test_a_shell_script_is_a_runtime(deploy):
    if shutil.which("curl") is None:
        pytest.skip("skipped: curl is not on this machine, and the shell bootstrap needs it")
    function = deploy({"bootstrap": executable(SHELL_BOOTSTRAP)}, Runtime="provided.al2023", Handler="my.handler")
    assert function.invoke({"a": 1}).payload == {"handler": "my.handler", "event": {"a": 1}}
    assert function.invoke([2]).payload == {"handler": "my.handler", "event": [2]}


SAYS_WHERE_IT_MAY_RUN = """#!/bin/sh
next="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
    event=$(curl -sS -D /tmp/headers "$next/next")
    id=$(tr -d '\r' < /tmp/headers | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p')
    [ "$event" != '"exit"' ] || exit 1
    curl -sS -X POST -d "$(sed -n 's/^Cpus_allowed_list:\\t\\(.*\\)/"\\1"/p' /proc/self/status)" "$next/$id/response" >/dev/null
done
"""


def test_a_runtime_may_run_on_every_processor(deploy):
    """Whatever is done to start it sooner, and also when it is started anew."""
    if shutil.which("curl") is None:
        pytest.skip("skipped: curl is not on this machine, and the shell bootstrap needs it")
    everywhere = re.search(r"Cpus_allowed_list:\s*(\S+)", pathlib.Path("/proc/self/status").read_text()).group(1)
    function = deploy({"bootstrap": executable(SAYS_WHERE_IT_MAY_RUN)}, Runtime="provided.al2023", Handler="any")
    # A sandbox that was built before anybody asked for it, as soon as it was expected that somebody will.
    time.sleep(1)
    assert function.invoke({}).payload == everywhere
    assert function.invoke("exit").error
    assert function.invoke({}).payload == everywhere


@pytest.mark.parametrize("runtime", ["provided", "provided.al2", "provided.al2023"])
def test_a_static_binary_is_a_runtime(deploy, runtime):
    program = toolbox.static_program("echo_runtime")
    function = deploy({"bootstrap": executable(program)}, Runtime=runtime, Handler="any")
    for event in (1, {"a": "b"}):
        assert function.invoke(event).payload == event


def test_go1_runs_the_binary_that_the_handler_names(deploy):
    program = toolbox.static_program("echo_runtime")
    function = deploy({"main": executable(program)}, Runtime="go1.x", Handler="main")
    assert function.invoke("go").payload == "go"


# Each answer is a call that asks for the next event too: counts how often it was given one without asking otherwise.
ANSWERS_AND_ASKS = '''#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
together=0
curl -s -D /tmp/head "$api/next" > /tmp/event
while true; do
    id=$(sed -n 's/^lambda-runtime-aws-request-id: //Ip' /tmp/head | tr -d '\\r')
    echo "{\\"event\\": $(cat /tmp/event), \\"together\\": $together}" > /tmp/answer
    [ "$(cat /tmp/event)" = 2 ] && id="$id-wrong"
    curl -s -D /tmp/head -H 'Lambent-Runtime-Then: next' --data-binary @/tmp/answer "$api/$id/response" > /tmp/event
    if grep -qi '^lambda-runtime-aws-request-id' /tmp/head; then
        together=$((together + 1))
    else
        exit 3
    fi
done
'''


def test_an_answer_may_ask_for_the_next_event(deploy):
    if shutil.which("curl") is None:
        pytest.skip("skipped: curl is not on this machine, and the shell bootstrap needs it")
    function = deploy({"bootstrap": executable(ANSWERS_AND_ASKS)}, Runtime="provided.al2023", Handler="x", MemorySize=256)
    assert [function.invoke(7).payload for _ in range(3)] == [{"event": 7, "together": n} for n in range(3)]
    refused = function.invoke(2)
    assert refused.error == "Unhandled" and "exit status 3" in refused.payload["errorMessage"]
    assert function.invoke(7).payload == {"event": 7, "together": 0}, "it was started again"


def test_provided_runtimes_have_no_execution_env(deploy):
    if shutil.which("curl") is None:
        pytest.skip("skipped: curl is not on this machine, and the shell bootstrap needs it")
    script = SHELL_BOOTSTRAP.replace('\\"$_HANDLER\\"', '\\"${AWS_EXECUTION_ENV-unset}\\"')
    function = deploy({"bootstrap": executable(script)}, Runtime="provided.al2023", Handler="x")
    assert function.invoke(1).payload["handler"] == "unset"


def test_awss_own_python_client_runs_as_a_custom_runtime(deploy):
    pythons = toolbox.pythons()
    version = next((v for v in ("3.11", "3.12", "3.10", "3.13") if v in pythons), None)
    if version is None or not shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin"):
        pytest.skip("skipped: no python that is visible inside a sandbox at /usr/bin")
    folder = toolbox.pip_target(f"awslambdaric-{version}", "awslambdaric==4.2.2", python=version)
    package = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    package["app.py"] = "def handler(event, context):\n    return [event, context.function_name]\n"
    package["bootstrap"] = executable(
        f'#!/bin/sh\nexport PYTHONPATH=/var/task\nexec /usr/bin/python{version} -m awslambdaric "$_HANDLER"\n'
    )
    function = deploy(make_zip(package), Runtime="provided.al2023", MemorySize=256)
    outcome = function.invoke({"a": 1})
    assert outcome.payload == [{"a": 1}, function.name]


RUST_MANIFEST = """[package]
name = "bootstrap"
version = "0.0.0"
edition = "2021"

[dependencies]
lambda_runtime = { version = "=1.5.0", default-features = false }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt"] }

[workspace]
"""

RUST_MAIN = """use lambda_runtime::{service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handler)).await
}

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload == json!("fail") {
        return Err("asked to".into());
    }
    Ok(json!({"event": event.payload, "id": event.context.request_id}))
}
"""


@pytest.mark.timeout(900)
def test_the_published_rust_runtime_runs(deploy):
    folder = toolbox.cache("rust-function")
    (folder / "src").mkdir(exist_ok=True)
    (folder / "Cargo.toml").write_text(RUST_MANIFEST)
    (folder / "src" / "main.rs").write_text(RUST_MAIN)
    built = subprocess.run(
        ["cargo", "build", "--quiet", "--target-dir", str(folder / "target")],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    program = (folder / "target" / "debug" / "bootstrap").read_bytes()
    function = deploy(make_zip({"bootstrap": executable(program)}), Runtime="provided.al2023", Handler="x", MemorySize=256)
    outcome = function.invoke({"a": 1})
    assert outcome.payload == {"event": {"a": 1}, "id": outcome.request_id}
    failed = function.invoke("fail")
    assert failed.error == "Unhandled"
    assert failed.payload["errorMessage"] == "asked to"


# --- Runtimes that are not there ------------------------------------------------------------------------------


def test_a_runtime_that_is_not_on_this_machine_says_what_to_install(fresh_server, tmp_path, python_runtime):
    from functions import Deployer

    server = fresh_server("--runtime-path", f"nodejs18.x={tmp_path}/no-such-node")
    deployer = Deployer(server.client(), python_runtime)
    function = deployer({"app.js": NODE_ECHO}, Runtime="ruby3.2")
    try:
        payload = json.dumps(function.invoke({}).payload)
    except function.client.exceptions.ClientError as error:
        payload = error.response["Error"]["Message"]
    finally:
        deployer.close()
    assert "ruby3.2" in payload or "ruby 3.2" in payload.lower()


