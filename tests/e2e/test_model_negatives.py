"""Wrong requests generated from the API model: each is refused, says what is wrong, and changes nothing.

For each operation that the server implements there is one right request, which must succeed first. Then every
mutation of it (see `mutations.py`) is sent as plain HTTP.
"""

import base64
import json
import uuid

import botocore.session
import pytest

from functions import Deployer
from lambent import ROLE
from mutations import mutations, sample
from packages import make_zip
from rest_json import Caller

REGION = "eu-central-1"
MODEL = botocore.session.get_session().get_service_model("lambda")
PACKAGE = make_zip({"app.py": "def handler(event, context):\n    return event\n"})
ZIP_FILE = base64.b64encode(PACKAGE).decode()

#: A right request per implemented operation. `name` and `arn` are those of a function that has the versions 1 and 2 and the alias
#: `live`; `layer` and `layer_version` are those of a layer; `mapping` is one of the function's, `queue` has none; `free` is a name not
#: taken.
RIGHT = {
    "CreateFunction": {
        "FunctionName": "{free}",
        "Runtime": "{runtime}",
        "Role": ROLE,
        "Handler": "app.handler",
        "Code": {"ZipFile": ZIP_FILE},
        "Description": "right",
        "Timeout": 5,
        "MemorySize": 192,
        "Publish": False,
        "PackageType": "Zip",
        "Environment": {"Variables": {"KEY": "value"}},
        "TracingConfig": {"Mode": "PassThrough"},
        "Tags": {"key": "value"},
        "EphemeralStorage": {"Size": 512},
        "Layers": ["{layer_version}"],
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-central-1:000000000000:letters"},
        "LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN", "LogGroup": "/my/group"},
        "KMSKeyArn": "arn:aws:kms:eu-central-1:000000000000:key/right",
        "SnapStart": {"ApplyOn": "None"},
    },
    "GetFunction": {"FunctionName": "{name}", "Qualifier": "$LATEST"},
    "GetFunctionConfiguration": {"FunctionName": "{name}", "Qualifier": "$LATEST"},
    "ListFunctions": {"FunctionVersion": "ALL", "MaxItems": 10},
    "UpdateFunctionCode": {"FunctionName": "{name}", "ZipFile": ZIP_FILE, "Publish": False, "DryRun": False},
    "UpdateFunctionConfiguration": {
        "FunctionName": "{name}",
        "Role": ROLE,
        "Handler": "app.handler",
        "Description": "changed",
        "Timeout": 6,
        "MemorySize": 256,
        "Environment": {"Variables": {"KEY": "other"}},
        "Runtime": "{runtime}",
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "Layers": ["{layer_version}"],
        "LoggingConfig": {"LogFormat": "Text"},
    },
    "PublishVersion": {"FunctionName": "{name}", "Description": "right"},
    "ListVersionsByFunction": {"FunctionName": "{name}", "MaxItems": 10},
    "CreateAlias": {
        "FunctionName": "{name}",
        "Name": "{free}",
        "FunctionVersion": "1",
        "Description": "right",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}},
    },
    "GetAlias": {"FunctionName": "{name}", "Name": "live"},
    "ListAliases": {"FunctionName": "{name}", "FunctionVersion": "1", "MaxItems": 10},
    "UpdateAlias": {
        "FunctionName": "{name}",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "changed",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}},
    },
    "DeleteAlias": {"FunctionName": "{name}", "Name": "live"},
    "PublishLayerVersion": {
        "LayerName": "{free}",
        "Description": "right",
        "Content": {"ZipFile": ZIP_FILE},
        "CompatibleRuntimes": ["python3.11"],
        "CompatibleArchitectures": ["x86_64"],
        "LicenseInfo": "Apache-2.0",
    },
    "GetLayerVersion": {"LayerName": "{layer}", "VersionNumber": 1},
    "GetLayerVersionByArn": {"Arn": "{layer_version}"},
    "ListLayerVersions": {"LayerName": "{layer}", "CompatibleRuntime": "python3.11", "MaxItems": 10},
    "ListLayers": {"CompatibleArchitecture": "x86_64", "MaxItems": 10},
    "DeleteLayerVersion": {"LayerName": "{free}", "VersionNumber": 1},
    "PutRuntimeManagementConfig": {"FunctionName": "{name}", "Qualifier": "1", "UpdateRuntimeOn": "Auto"},
    "GetRuntimeManagementConfig": {"FunctionName": "{name}", "Qualifier": "1"},
    "PutFunctionRecursionConfig": {"FunctionName": "{name}", "RecursiveLoop": "Allow"},
    "GetFunctionRecursionConfig": {"FunctionName": "{name}"},
    "CreateFunctionUrlConfig": {
        "FunctionName": "{name}",
        "Qualifier": "live",
        "AuthType": "NONE",
        "Cors": {"AllowMethods": ["GET"], "AllowOrigins": ["*"], "MaxAge": 1, "AllowCredentials": True},
        "InvokeMode": "BUFFERED",
    },
    "GetFunctionUrlConfig": {"FunctionName": "{name}"},
    "UpdateFunctionUrlConfig": {
        "FunctionName": "{name}",
        "AuthType": "AWS_IAM",
        "Cors": {"AllowHeaders": ["x"], "ExposeHeaders": ["y"]},
        "InvokeMode": "RESPONSE_STREAM",
    },
    "DeleteFunctionUrlConfig": {"FunctionName": "{name}"},
    "ListFunctionUrlConfigs": {"FunctionName": "{name}", "MaxItems": 10},
    "PutFunctionEventInvokeConfig": {
        "FunctionName": "{name}",
        "Qualifier": "live",
        "MaximumRetryAttempts": 1,
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {
            "OnSuccess": {"Destination": "arn:aws:sqs:eu-central-1:000000000000:right"},
            "OnFailure": {"Destination": "arn:aws:sns:eu-central-1:000000000000:right"},
        },
    },
    "UpdateFunctionEventInvokeConfig": {"FunctionName": "{name}", "MaximumRetryAttempts": 2},
    "GetFunctionEventInvokeConfig": {"FunctionName": "{name}"},
    "ListFunctionEventInvokeConfigs": {"FunctionName": "{name}", "MaxItems": 10},
    "DeleteFunctionEventInvokeConfig": {"FunctionName": "{name}"},
    "AddPermission": {
        "FunctionName": "{name}",
        "StatementId": "right",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::bucket",
        "SourceAccount": "123456789012",
        "EventSourceToken": "token",
        "PrincipalOrgID": "o-1234567890",
        "Qualifier": "live",
    },
    "RemovePermission": {"FunctionName": "{name}", "StatementId": "there"},
    "GetPolicy": {"FunctionName": "{name}"},
    "PutResourcePolicy": {
        "ResourceArn": "{arn}",
        "Policy": '{"Statement": [{"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "a", "Resource": "*"}]}',
    },
    "GetResourcePolicy": {"ResourceArn": "{arn}"},
    "DeleteResourcePolicy": {"ResourceArn": "{arn}"},
    "AddLayerVersionPermission": {
        "LayerName": "{layer}",
        "VersionNumber": 1,
        "StatementId": "{free}",
        "Action": "lambda:GetLayerVersion",
        "Principal": "*",
        "OrganizationId": "o-1234567890",
    },
    "RemoveLayerVersionPermission": {"LayerName": "{layer}", "VersionNumber": 1, "StatementId": "there"},
    "GetLayerVersionPolicy": {"LayerName": "{layer}", "VersionNumber": 1},
    "PutFunctionConcurrency": {"FunctionName": "{name}", "ReservedConcurrentExecutions": 3},
    "GetFunctionConcurrency": {"FunctionName": "{name}"},
    "DeleteFunctionConcurrency": {"FunctionName": "{name}"},
    "PutProvisionedConcurrencyConfig": {
        "FunctionName": "{name}",
        "Qualifier": "2",
        "ProvisionedConcurrentExecutions": 1,
    },
    "GetProvisionedConcurrencyConfig": {"FunctionName": "{name}", "Qualifier": "live"},
    "ListProvisionedConcurrencyConfigs": {"FunctionName": "{name}", "MaxItems": 10},
    "DeleteProvisionedConcurrencyConfig": {"FunctionName": "{name}", "Qualifier": "live"},
    "CreateEventSourceMapping": {
        "FunctionName": "{name}",
        "EventSourceArn": "{queue}",
        "BatchSize": 5,
        "Enabled": True,
        "FilterCriteria": {"Filters": [{"Pattern": '{"body": ["x"]}'}]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
    },
    "GetEventSourceMapping": {"UUID": "{mapping}"},
    "UpdateEventSourceMapping": {"UUID": "{mapping}", "BatchSize": 5},
    "DeleteEventSourceMapping": {"UUID": "{mapping}"},
    "ListEventSourceMappings": {"FunctionName": "{name}", "MaxItems": 10},
    "DeleteFunction": {"FunctionName": "{name}"},
    "Invoke": {
        "FunctionName": "{name}",
        "InvocationType": "RequestResponse",
        "LogType": "Tail",
        "Qualifier": "$LATEST",
        "Payload": {"key": "value"},
    },
    "InvokeAsync": {"FunctionName": "{name}", "InvokeArgs": {"key": "value"}},
    "InvokeWithResponseStream": {
        "FunctionName": "{name}",
        "InvocationType": "RequestResponse",
        "LogType": "Tail",
        "Qualifier": "$LATEST",
        "Payload": {"key": "value"},
    },
    "GetAccountSettings": {},
    "TagResource": {"Resource": "{arn}", "Tags": {"other": "value"}},
    "UntagResource": {"Resource": "{arn}", "TagKeys": ["key"]},
    "ListTags": {"Resource": "{arn}"},
}

#: What every operation may answer to a wrong request, beside the errors of its model.
COMMON_CODES = {
    "ValidationException",
    "SerializationException",
    "InvalidRequestContentException",
    "RequestEntityTooLargeException",
    "AccessDeniedException",
}


def filled(request, values):
    """A request with the names of this test's function in it."""
    text = json.dumps(request)
    for name, value in values.items():
        text = text.replace("{%s}" % name, value)
    return json.loads(text)


def groups():
    """Every operation and member that is broken, for the test's parameters."""
    for operation, request in RIGHT.items():
        broken = (mutation.path for mutation in mutations(MODEL.operation_model(operation), request))
        for path in dict.fromkeys(broken):
            yield pytest.param(operation, path, id=f"{operation}-{'.'.join(path)}")


class Bench:
    """A server with one function that nobody may change, and requests to it."""

    def __init__(self, server, runtime):
        self.server = server
        self.caller = Caller(server, REGION)
        self.deployer = Deployer(server.client(region=REGION), runtime)
        self.runtime = runtime
        self.layer = f"e2e-{uuid.uuid4().hex[:12]}"
        self.layer_version = self.deployer.client.publish_layer_version(
            LayerName=self.layer, Content={"ZipFile": PACKAGE}
        )["LayerVersionArn"]
        self.queues = server.client(service="sqs", region=REGION)
        self.function = self.deploy()
        self.succeeded = set()

    def queue(self, name):
        """The ARN of a queue."""
        self.queues.create_queue(QueueName=name)
        return f"arn:aws:sqs:{REGION}:000000000000:{name}"

    def deploy(self):
        """A function with everything that mutations may touch."""
        options = {"Tags": {"key": "value"}, "Environment": {"Variables": {"KEY": "value"}}, "MemorySize": 192}
        function = self.deployer(PACKAGE, **options).wait_updated()
        client = self.deployer.client
        client.publish_version(FunctionName=function.name)
        client.update_function_configuration(FunctionName=function.name, Description="second")
        function.wait_updated()
        client.publish_version(FunctionName=function.name)
        client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
        client.create_function_url_config(FunctionName=function.name, AuthType="NONE")
        client.put_function_event_invoke_config(FunctionName=function.name, MaximumRetryAttempts=0)
        client.put_provisioned_concurrency_config(
            FunctionName=function.name, Qualifier="live", ProvisionedConcurrentExecutions=1
        )
        client.create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=self.queue(f"{function.name}-mapped"), Enabled=False
        )
        there = {"StatementId": "there", "Principal": "*"}
        client.add_permission(FunctionName=function.name, Action="lambda:InvokeFunction", **there)
        try:
            action = "lambda:GetLayerVersion"
            client.add_layer_version_permission(LayerName=self.layer, VersionNumber=1, Action=action, **there)
        except client.exceptions.ResourceConflictException:
            pass
        return function

    def mappings(self, function):
        """The UUIDs of a function's event source mappings."""
        listed = self.deployer.client.list_event_source_mappings(FunctionName=function.name)
        return [mapping["UUID"] for mapping in listed["EventSourceMappings"]]

    def values(self, function):
        """What fills a request."""
        free = f"e2e-{uuid.uuid4().hex[:12]}"
        return {
            "name": function.name,
            "arn": function.arn,
            "runtime": self.runtime,
            "layer": self.layer,
            "layer_version": self.layer_version,
            "mapping": self.mappings(function)[0],
            "queue": self.queue(f"{function.name}-free"),
            "free": free,
        }

    def state(self):
        """Everything that a request of this account and region could change."""
        listed = [
            self.caller.send("GET", path)
            for path in [
                "/2015-03-31/functions/?FunctionVersion=ALL",
                f"/2015-03-31/functions/{self.function.name}/aliases",
                f"/2021-10-31/functions/{self.function.name}/urls",
                f"/2015-03-31/functions/{self.function.name}/policy",
                f"/2019-09-25/functions/{self.function.name}/event-invoke-config/list",
                "/2018-10-31/layers",
                "/2015-03-31/event-source-mappings",
            ]
        ]
        tags = self.caller.call(MODEL.operation_model("ListTags"), {"Resource": self.function.arn})
        assert {answer.status for answer in [*listed, tags]} == {200}
        return [answer.body for answer in [*listed, tags]]

    def must_succeed(self, operation):
        """The right request is accepted, once per operation and on a function of its own."""
        if operation in self.succeeded:
            return
        function = self.deploy()
        values = self.values(function)
        answer = self.caller.call(MODEL.operation_model(operation), filled(RIGHT[operation], values))
        assert 200 <= answer.status < 300, f"the right request is refused: {answer}"
        if operation != "DeleteFunction":
            for mapping in self.mappings(function):
                self.deployer.client.delete_event_source_mapping(UUID=mapping)
        function.delete()
        self.deployer.client.delete_function(FunctionName=values["free"]) if operation == "CreateFunction" else None
        self.succeeded.add(operation)


@pytest.fixture(scope="module")
def bench(module_servers, python_runtime):
    """The server and function of this file: no isolation, since nothing here depends on it."""
    server = module_servers.start("--isolation", "process", "--no-sdk")
    bench = Bench(server, python_runtime)
    yield bench
    bench.deployer.close()
    bench.caller.connection.close()
    server.stop()


def allowed_codes(operation):
    """The codes that a wrong request of an operation may be answered with."""
    return COMMON_CODES | {shape.name for shape in operation.error_shapes}


def check_refusal(answer, operation, mutation):
    """The answer is a refusal that an AWS client understands, and says which member is wrong."""
    assert 400 <= answer.status < 500, answer
    assert answer.code in allowed_codes(operation), answer
    if answer.code in ("ValidationException", "SerializationException"):
        assert mutation.names() in answer.message, answer
    if answer.code == "ValidationException" and mutation.expected:
        assert mutation.expected in answer.message, answer


@pytest.mark.parametrize(("operation", "path"), list(groups()))
def test_a_broken_member_is_refused_and_changes_nothing(bench, operation, path, subtests):
    bench.must_succeed(operation)
    operation = MODEL.operation_model(operation)
    request = filled(RIGHT[operation.name], bench.values(bench.function))
    before = bench.state()
    for mutation in mutations(operation, request):
        if mutation.path != path:
            continue
        with subtests.test(msg=mutation.what):
            check_refusal(bench.caller.call(operation, mutation.request), operation, mutation)
            assert bench.state() == before
    assert bench.server.health()["status"] == "ok"


def test_every_implemented_operation_is_mutated(bench):
    """Operations are asked for one by one: what does not answer NotImplemented must be in the table above."""
    implemented = set()
    for name in MODEL.operation_names:
        operation = MODEL.operation_model(name)
        request = sample(operation.input_shape) if operation.input_shape else {}
        answer = bench.caller.call(operation, request)
        whole = f"{name} is not implemented by this server."
        if not (answer.status == 501 and answer.message == whole):
            implemented.add(name)
        else:
            assert answer.code == "NotImplemented", answer
    assert implemented == set(RIGHT)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"text"', b"\xff\xfe", b'{"FunctionName": "a"} trailing'])
def test_a_body_that_is_no_object_is_refused(bench, body):
    before = bench.state()
    answer = bench.caller.send("POST", "/2015-03-31/functions", body=body)
    assert 400 <= answer.status < 500, answer
    assert answer.code in COMMON_CODES, answer
    assert bench.state() == before


def test_deep_nesting_is_refused(bench):
    before = bench.state()
    for body in (b"[" * 100_000, b'{"Code":' * 100_000):
        answer = bench.caller.send("POST", "/2015-03-31/functions", body=body)
        assert (answer.status, answer.code) == (400, "InvalidRequestContentException"), answer
    assert bench.state() == before
