"""Fixtures: servers, clients, functions; and the check that nothing is left behind."""

import shutil
import tempfile
import time
import uuid
from pathlib import Path

import pytest

import http_apis
import lambent
import leaks
import toolbox
import web
from dynamo import Tables
from functions import Deployer, Layers
from issuers import Issuer
from mappings import Mappings

LEAK_TIMEOUT_S = 10

# What only a machine with systemd can show runs in the virtual machine of `cargo xtask vm-test`.
collect_ignore = [] if Path("/run/systemd/system").is_dir() else ["test_systemd.py"]


def pytest_report_header(config):
    """Says what this run can see."""
    versions = ", ".join(toolbox.pythons()) or "none"
    return [f"lambent: {lambent.binary()}", f"python runtimes of this machine: {versions}"]


LOG_CHARACTERS = 4000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What the servers of a failed test said last: their folders are gone when somebody reads of it."""
    report = yield
    arguments = getattr(item, "funcargs", {}) if report.failed else {}
    for servers in filter(None, map(arguments.get, ("all_servers", "module_servers"))):
        for server in servers.started:
            report.sections.append((f"log of {server.endpoint}", server.errors()[-LOG_CHARACTERS:]))
    return report


class Servers:
    """Starts servers in folders of their own, and knows afterwards what to look for."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []
        self.names = [str(folder)]

    def start(self, *args, data_dir=None, fetches_anew=False, **options):
        """A server with more arguments, in a new data directory unless one is given: with the SDKs that others fetched, unless it
        `fetches_anew`. Each would take ten seconds of a processor, and thousands of files to remove."""
        if data_dir is None:
            data_dir = tempfile.mkdtemp(prefix="data-", dir=self.folder)
            if not fetches_anew:
                (Path(data_dir) / "runtimes").symlink_to(toolbox.cache("runtimes"))
        data_dir = Path(data_dir)
        server = lambent.Server(data_dir, *args, **options)
        self.started.append(server)
        self.names.append(server.health().get("data_dir_id"))
        return server

    def close(self):
        """Stops what still runs."""
        for server in self.started:
            server.stop()
        self.started.clear()


@pytest.fixture(scope="session")
def all_servers():
    """Every server of the session; at the end nothing of them may be left."""
    folder = Path(tempfile.mkdtemp(prefix="lambent-e2e-"))
    servers = Servers(folder)
    yield servers
    servers.close()
    deadline = time.monotonic() + LEAK_TIMEOUT_S
    while (left := leaks.everything(servers.names)) and time.monotonic() < deadline:
        time.sleep(0.2)
    shutil.rmtree(folder, ignore_errors=True)
    assert not left, "left behind:\n" + "\n".join(left)


@pytest.fixture(scope="module")
def module_servers(all_servers):
    """Starts servers for the tests of one module, which stop with it: a machine has networks for sixteen at a time."""
    servers = Servers(all_servers.folder)
    servers.names = all_servers.names
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def server(all_servers):
    """The server that most tests share."""
    arguments = []
    for major in toolbox.NODE_VERSIONS:
        if (program := toolbox.node_if_possible(major)) is not None:
            arguments += ["--runtime-path", f"nodejs{major}.x={program}"]
    return all_servers.start(*arguments)


@pytest.fixture
def fresh_server(all_servers):
    """Starts servers of the test's own: `fresh_server("--flag", data_dir=...)`; they stop with the test."""
    before = len(all_servers.started)
    yield all_servers.start
    for started in all_servers.started[before:]:
        started.stop()
    del all_servers.started[before:]


@pytest.fixture(scope="session")
def process_server(all_servers):
    """A server without isolation: attacks must succeed here, or they prove nothing elsewhere."""
    return all_servers.start("--isolation", "process")


@pytest.fixture(scope="session")
def lambda_client(server):
    """boto3 against the shared server, as a careful client: parameters are validated before they are sent."""
    return server.client()


@pytest.fixture
def s3(server):
    """boto3 for S3 against the shared server."""
    return server.client(service="s3")


@pytest.fixture
def sns(server):
    """boto3 for SNS against the shared server."""
    return server.client(service="sns")


@pytest.fixture
def sqs(server):
    """boto3 for SQS against the shared server."""
    return server.client(service="sqs")


@pytest.fixture
def bucket(s3):
    """The name of a new bucket."""
    name = f"b-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def raw_client(server):
    """boto3 that sends whatever it is told."""
    return server.client(parameter_validation=False)


@pytest.fixture(scope="session")
def python_runtime():
    """The Lambda name of a Python version of this machine."""
    versions = toolbox.pythons()
    assert versions, "no Python that Lambda knows is on this machine"
    return "python" + ("3.11" if "3.11" in versions else sorted(versions)[-1])


@pytest.fixture
def deploy(lambda_client, python_runtime):
    """Deploys functions to the shared server; they go with the test."""
    deployer = Deployer(lambda_client, python_runtime)
    yield deployer
    deployer.close()


@pytest.fixture
def deploy_to(python_runtime):
    """Deploys functions to a server of the test's own: `deploy_to(server)(code)`."""
    return lambda server: Deployer(server.client(), python_runtime)


@pytest.fixture(scope="module")
def deploy_for_module(lambda_client, python_runtime):
    """The same, for functions that all tests of a file share."""
    deployer = Deployer(lambda_client, python_runtime)
    yield deployer
    deployer.close()


@pytest.fixture(scope="module")
def deploy_without_isolation(process_server, python_runtime):
    """Deploys functions to the server without isolation."""
    deployer = Deployer(process_server.client(), python_runtime)
    yield deployer
    deployer.close()


@pytest.fixture(scope="module")
def pillow(python_runtime):
    """The files of Pillow from PyPI for the runtime's Python version."""
    version = python_runtime.removeprefix("python")
    folder = toolbox.pip_target(f"pillow-{version}", "Pillow", python=version)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".installed"
    }


@pytest.fixture
def layer(lambda_client):
    """Publishes a layer from a dict of files; gives its ARN."""
    layers = Layers(lambda_client)
    yield layers
    for name in layers.made:
        lambda_client.delete_layer_version(LayerName=name, VersionNumber=1)


@pytest.fixture
def dynamodb(server):
    """A client of DynamoDB."""
    return server.client(service="dynamodb")


@pytest.fixture
def table(server):
    """Makes tables, which go with the test."""
    tables = Tables(server)
    yield tables
    tables.delete()


@pytest.fixture
def connect(lambda_client):
    """Makes event source mappings, which go with the test: `connect(function, source_arn, **options)`."""
    mappings = Mappings(lambda_client)
    yield mappings
    mappings.delete()


@pytest.fixture
def apis(server):
    """A client of API Gateway V2; its APIs are taken away."""
    client = server.client(service="apigatewayv2")
    before = {api["ApiId"] for api in client.get_apis()["Items"]}
    yield client
    for api in client.get_apis()["Items"]:
        if api["ApiId"] not in before:
            client.delete_api(ApiId=api["ApiId"])


@pytest.fixture
def issuer():
    """An issuer of tokens with one key."""
    issuer = Issuer()
    issuer.new_key("one")
    yield issuer
    issuer.web.shutdown()
    issuer.web.server_close()


@pytest.fixture
def upstream():
    """The address of a server of the web that tells what it was sent."""
    with web.telling_server() as address:
        yield address


@pytest.fixture
def rest(server):
    """A client of API Gateway; its REST APIs are taken away."""
    client = server.client(service="apigateway")
    before = {api["id"] for api in client.get_rest_apis(limit=500)["items"]}
    yield client
    for api in client.get_rest_apis(limit=500)["items"]:
        if api["id"] not in before:
            client.delete_rest_api(restApiId=api["id"])


@pytest.fixture
def echo(deploy):
    """A function that returns its event."""
    return deploy(http_apis.ECHO)
