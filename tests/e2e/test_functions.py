"""Functions as resources: create, read, list, change, tag, delete, and the errors of each."""

import base64
import hashlib
import re
import urllib.request
import uuid

import pytest

from functions import WAITER, Deployer
from lambent import ROLE
from packages import make_zip
from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
GOODBYE = "def handler(event, context):\n    return 'goodbye'\n"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LAST_MODIFIED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")


def arn(name, region="us-east-1", account="000000000000"):
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def create_arguments(runtime, **options):
    return {
        "FunctionName": f"e2e-{uuid.uuid4().hex[:12]}",
        "Runtime": runtime,
        "Role": ROLE,
        "Handler": "app.handler",
        "Code": {"ZipFile": make_zip({"app.py": HELLO})},
        **options,
    }


# --- CreateFunction -------------------------------------------------------------------------------------------


def test_create_answers_the_whole_configuration(lambda_client, python_runtime):
    package = make_zip({"app.py": HELLO})
    arguments = create_arguments(
        python_runtime,
        Code={"ZipFile": package},
        Description="says hello",
        Timeout=7,
        MemorySize=192,
        Environment={"Variables": {"GREETING": "hello"}},
        EphemeralStorage={"Size": 1024},
        Tags={"team": "e2e"},
    )
    answer = lambda_client.create_function(**arguments)
    try:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
        assert answer["FunctionName"] == arguments["FunctionName"]
        assert answer["FunctionArn"] == arn(arguments["FunctionName"])
        assert answer["Runtime"] == python_runtime
        assert answer["Role"] == ROLE
        assert answer["Handler"] == "app.handler"
        assert answer["CodeSize"] == len(package)
        assert answer["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode()
        assert answer["Description"] == "says hello"
        assert answer["Timeout"] == 7
        assert answer["MemorySize"] == 192
        assert answer["Version"] == "$LATEST"
        assert answer["Environment"] == {"Variables": {"GREETING": "hello"}}
        assert answer["EphemeralStorage"] == {"Size": 1024}
        assert answer["PackageType"] == "Zip"
        assert answer["TracingConfig"] == {"Mode": "PassThrough"}
        assert UUID.fullmatch(answer["RevisionId"])
        assert LAST_MODIFIED.fullmatch(answer["LastModified"])
        assert (answer["State"], answer["StateReasonCode"]) == ("Pending", "Creating")
        assert answer["StateReason"] == "The function is being created."
        assert answer["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{arguments['FunctionName']}"
        assert answer["LoggingConfig"]["LogFormat"] == "Text"
    finally:
        lambda_client.delete_function(FunctionName=arguments["FunctionName"])


def test_defaults_are_those_of_aws(deploy):
    function = deploy(HELLO, Timeout=3)
    answer = function.client.get_function_configuration(FunctionName=function.name)
    assert (answer["MemorySize"], answer["Timeout"], answer["Description"]) == (128, 3, "")
    assert answer["EphemeralStorage"] == {"Size": 512}
    assert answer["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert "Environment" not in answer


def test_a_new_function_becomes_active_with_a_new_revision(deploy):
    function = deploy(HELLO, wait=False)
    created = function.client.get_function_configuration(FunctionName=function.name)
    function.client.get_waiter("function_exists").wait(FunctionName=function.name, WaiterConfig=WAITER)
    function.wait_active().wait_updated()
    active = function.client.get_function_configuration(FunctionName=function.name)
    assert (active["State"], active["LastUpdateStatus"]) == ("Active", "Successful")
    if created["State"] == "Pending":
        assert active["RevisionId"] != created["RevisionId"]


def test_every_runtime_of_the_enum_is_accepted(lambda_client, deploy):
    model = lambda_client.meta.service_model.shape_for("Runtime")
    blocked_by_aws = {"python3.8", "nodejs16.x", "go1.x"}
    assert blocked_by_aws <= set(model.enum)
    for runtime in sorted(blocked_by_aws):
        function = deploy(HELLO, wait=False, Runtime=runtime)
        assert function.client.get_function_configuration(FunctionName=function.name)["Runtime"] == runtime


def test_a_name_cannot_be_taken_twice(deploy, lambda_client, python_runtime):
    function = deploy(HELLO)
    with refused(409, "ResourceConflictException", f"Function already exist: {function.name}"):
        lambda_client.create_function(**create_arguments(python_runtime, FunctionName=function.name))


@pytest.mark.parametrize(
    ("change", "field", "constraint"),
    [
        ({"MemorySize": 127}, "memorySize", "Member must have value greater than or equal to 128"),
        ({"Timeout": 0}, "timeout", "Member must have value greater than or equal to 1"),
        ({"Description": "x" * 257}, "description", "Member must have length less than or equal to 256"),
        ({"Handler": "has blanks"}, "handler", "Member must satisfy regular expression pattern: [^\\s]+"),
    ],
)
def test_e_13_constraints_of_the_model_are_enforced(raw_client, python_runtime, change, field, constraint):
    arguments = create_arguments(python_runtime, **change)
    value = next(iter(change.values()))
    with refused(
        400,
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: {constraint}",
    ):
        raw_client.create_function(**arguments)
    with refused(404, "ResourceNotFoundException"):
        raw_client.get_function(FunctionName=arguments["FunctionName"])


def test_e_13_all_violations_come_in_one_message(raw_client, python_runtime):
    with refused(
        400,
        "ValidationException",
        contains=["2 validation errors detected: Value '0' at 'timeout'", "; Value '1' at 'memorySize'"],
    ):
        raw_client.create_function(**create_arguments(python_runtime, MemorySize=1, Timeout=0))


def test_an_unknown_runtime_is_refused(raw_client):
    with refused(400, "InvalidParameterValueException", contains=["Value cobol at 'runtime' failed to satisfy"]):
        raw_client.create_function(**create_arguments("cobol"))


def test_a_role_must_be_an_arn(raw_client, python_runtime):
    with refused(400, "ValidationException", contains=["Value 'nobody' at 'role' failed to satisfy constraint"]):
        raw_client.create_function(**create_arguments(python_runtime, Role="nobody"))


def test_n_03_environment_variables_are_bounded(lambda_client, python_runtime):
    variables = {"BIG": "x" * 4096}
    with refused(
        400,
        "InvalidParameterValueException",
        contains=[
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit. String measured: {\"BIG\":\"xxx"
        ],
    ):
        lambda_client.create_function(**create_arguments(python_runtime, Environment={"Variables": variables}))


@pytest.mark.parametrize("key", ["AWS_REGION", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_RUNTIME_API"])
def test_n_01_reserved_environment_variables_are_refused(lambda_client, python_runtime, key):
    with refused(400, "InvalidParameterValueException", contains=["reserved keys", key]):
        lambda_client.create_function(**create_arguments(python_runtime, Environment={"Variables": {key: "x"}}))


@pytest.mark.parametrize("key", ["_HANDLER", "9TH", "with-dash", "X"])
def test_n_03_names_of_environment_variables_have_a_pattern(lambda_client, python_runtime, key):
    with refused(
        400,
        "ValidationException",
        "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "
        "satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
    ):
        lambda_client.create_function(**create_arguments(python_runtime, Environment={"Variables": {key: "x"}}))


# --- GetFunction, GetFunctionConfiguration --------------------------------------------------------------------


def test_get_function_gives_a_location_that_downloads_the_package(deploy):
    package = make_zip({"app.py": HELLO, "data/file.txt": "x"})
    function = deploy(package, Tags={"a": "1"})
    answer = function.client.get_function(FunctionName=function.name)
    assert answer["Code"]["RepositoryType"] == "S3"
    with urllib.request.urlopen(answer["Code"]["Location"]) as download:
        assert download.read() == package
    assert answer["Tags"] == {"a": "1"}
    assert answer["Configuration"]["CodeSize"] == len(package)


def test_a_code_location_cannot_be_forged(deploy):
    function = deploy(HELLO)
    location = function.client.get_function(FunctionName=function.name)["Code"]["Location"]
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(location[:-1] + ("0" if location[-1] != "0" else "1"))
    assert caught.value.code == 403


@pytest.mark.parametrize("form", ["{name}", "000000000000:function:{name}", "{arn}", "{name}:$LATEST"])
def test_every_form_of_the_name_is_understood(deploy_for_module, form):
    if not deploy_for_module.made:
        deploy_for_module(HELLO)
    function = deploy_for_module.made[0]
    name = form.format(name=function.name, arn=function.arn)
    answer = function.client.get_function_configuration(FunctionName=name)
    assert answer["FunctionName"] == function.name
    assert function.client.get_function(FunctionName=name)["Configuration"]["FunctionName"] == function.name


def test_e_10_functions_that_do_not_exist_are_not_found(lambda_client):
    for call in (
        lambda_client.get_function,
        lambda_client.get_function_configuration,
        lambda_client.delete_function,
    ):
        with refused(404, "ResourceNotFoundException", contains=[f"Function not found: {arn('missing')}"]) as caught:
            call(FunctionName="missing")
        assert caught.value.response["Type"] == "User"


def test_e_16_an_arn_of_another_region_is_refused(lambda_client):
    with refused(
        404,
        "ResourceNotFoundException",
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    ):
        lambda_client.get_function(FunctionName=arn("missing", region="eu-west-1"))


def test_e_16_a_qualifier_that_contradicts_the_name_is_refused(deploy):
    function = deploy(HELLO)
    with refused(
        400,
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    ):
        function.client.get_function(FunctionName=f"{function.name}:$LATEST", Qualifier="1")


# --- ListFunctions --------------------------------------------------------------------------------------------


def test_lists_are_paged(server, python_runtime):
    client = server.client(region="ap-south-1")
    deployer = Deployer(client, python_runtime)
    try:
        names = sorted(deployer(HELLO, wait=False).name for _ in range(5))
        first = client.list_functions(MaxItems=2)
        assert len(first["Functions"]) == 2 and first["NextMarker"]
        paginator = client.get_paginator("list_functions")
        pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
        assert [len(page["Functions"]) for page in pages] == [2, 2, 1]
        assert sorted(item["FunctionName"] for page in pages for item in page["Functions"]) == names
        assert "NextMarker" not in client.list_functions()
    finally:
        deployer.close()
    assert client.list_functions()["Functions"] == []


def test_regions_and_accounts_do_not_see_each_other(server, deploy):
    function = deploy(HELLO)
    strangers = [
        server.client(region="eu-west-1"),
        server.client(access_key="111122223333"),
    ]
    for stranger in strangers:
        with refused(404, "ResourceNotFoundException"):
            stranger.get_function(FunctionName=function.name)
        assert function.name not in [item["FunctionName"] for item in stranger.list_functions()["Functions"]]


def test_an_access_key_of_twelve_digits_is_the_account(server, python_runtime):
    deployer = Deployer(server.client(access_key="111122223333"), python_runtime)
    try:
        function = deployer(HELLO)
        assert function.arn == arn(function.name, account="111122223333")
        assert function.invoke({}).payload == "hello"
    finally:
        deployer.close()


# --- UpdateFunctionCode, UpdateFunctionConfiguration ----------------------------------------------------------


def test_l_18_new_code_is_what_runs_afterwards(deploy):
    function = deploy(HELLO)
    assert function.invoke({}).payload == "hello"
    before = function.client.get_function_configuration(FunctionName=function.name)
    package = make_zip({"app.py": GOODBYE})
    answer = function.client.update_function_code(FunctionName=function.name, ZipFile=package)
    assert (answer["LastUpdateStatus"], answer["LastUpdateStatusReasonCode"]) == ("InProgress", "Creating")
    assert answer["LastUpdateStatusReason"] == "The function is being created."
    assert answer["RevisionId"] != before["RevisionId"]
    assert answer["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode()
    function.wait_updated()
    assert function.invoke({}).payload == "goodbye"


def test_a_dry_run_changes_nothing(deploy):
    function = deploy(HELLO)
    before = function.client.get_function_configuration(FunctionName=function.name)
    package = make_zip({"app.py": GOODBYE})
    answer = function.client.update_function_code(FunctionName=function.name, ZipFile=package, DryRun=True)
    assert answer["CodeSize"] == len(package)
    after = function.client.get_function_configuration(FunctionName=function.name)
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])
    assert function.invoke({}).payload == "hello"


def test_a_stale_revision_is_refused(deploy):
    function = deploy(HELLO)
    stale = str(uuid.uuid4())
    text = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )
    with refused(412, "PreconditionFailedException", text):
        function.client.update_function_code(
            FunctionName=function.name, ZipFile=make_zip({"app.py": GOODBYE}), RevisionId=stale
        )
    with refused(412, "PreconditionFailedException", text):
        function.client.update_function_configuration(FunctionName=function.name, Timeout=5, RevisionId=stale)
    current = function.client.get_function_configuration(FunctionName=function.name)["RevisionId"]
    function.client.update_function_configuration(FunctionName=function.name, Timeout=5, RevisionId=current)


def test_configuration_is_merged(deploy):
    function = deploy(HELLO, Environment={"Variables": {"AA": "1"}}, Description="before")
    answer = function.client.update_function_configuration(
        FunctionName=function.name, MemorySize=256, Environment={"Variables": {"BB": "2"}}
    )
    assert (answer["MemorySize"], answer["Timeout"], answer["Description"]) == (256, 30, "before")
    assert answer["Environment"] == {"Variables": {"BB": "2"}}
    function.wait_updated()
    emptied = function.client.update_function_configuration(
        FunctionName=function.name, Environment={"Variables": {}}
    )
    assert "Environment" not in emptied or emptied["Environment"] == {"Variables": {}}


def test_l_18_a_new_configuration_reaches_the_next_invocation(deploy):
    function = deploy(
        "import os\ndef handler(event, context):\n    return os.environ.get('MODE'), context.memory_limit_in_mb\n",
        Environment={"Variables": {"MODE": "one"}},
    )
    assert function.invoke({}).payload == ["one", "128"]
    function.client.update_function_configuration(
        FunctionName=function.name, MemorySize=256, Environment={"Variables": {"MODE": "two"}}
    )
    function.wait_updated()
    assert function.invoke({}).payload == ["two", "256"]


def test_updates_of_missing_functions_are_refused(lambda_client):
    with refused(404, "ResourceNotFoundException", contains=["Function not found: "]):
        lambda_client.update_function_code(FunctionName="missing", ZipFile=make_zip({"app.py": HELLO}))
    with refused(404, "ResourceNotFoundException", contains=["Function not found: "]):
        lambda_client.update_function_configuration(FunctionName="missing", Timeout=5)


# --- DeleteFunction -------------------------------------------------------------------------------------------


def test_a_deleted_function_is_gone(deploy):
    function = deploy(HELLO)
    assert function.invoke({}).payload == "hello"
    answer = function.client.delete_function(FunctionName=function.name)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] in (200, 204)
    with refused(404, "ResourceNotFoundException"):
        function.client.get_function(FunctionName=function.name)
    with refused(404, "ResourceNotFoundException"):
        function.invoke({})


def test_a_name_can_be_used_again_and_shares_nothing(deploy):
    function = deploy(
        "import os\ndef handler(event, context):\n"
        "    seen = os.path.exists('/tmp/mark')\n    open('/tmp/mark', 'w').close()\n    return seen\n"
    )
    assert function.invoke({}).payload is False
    assert function.invoke({}).payload is True
    function.delete()
    again = deploy(
        "import os\ndef handler(event, context):\n    return os.path.exists('/tmp/mark')\n",
        FunctionName=function.name,
    )
    assert again.invoke({}).payload is False


# --- Tags -----------------------------------------------------------------------------------------------------


def test_tags_are_added_changed_and_removed(deploy):
    function = deploy(HELLO, Tags={"a": "1", "b": "2"})
    client = function.client
    client.tag_resource(Resource=function.arn, Tags={"b": "3", "c": "4"})
    assert client.list_tags(Resource=function.arn)["Tags"] == {"a": "1", "b": "3", "c": "4"}
    client.untag_resource(Resource=function.arn, TagKeys=["a", "missing"])
    assert client.list_tags(Resource=function.arn)["Tags"] == {"b": "3", "c": "4"}


def test_tags_are_bounded(deploy):
    function = deploy(HELLO)
    with refused(400, "InvalidParameterValueException", contains=["Number of tags exceeds resource tag limit."]):
        function.client.tag_resource(Resource=function.arn, Tags={f"k{i}": "v" for i in range(51)})
    assert function.client.list_tags(Resource=function.arn)["Tags"] == {}


def test_tags_of_missing_functions_are_not_found(lambda_client):
    with refused(404, "ResourceNotFoundException", contains=["Function not found: "]):
        lambda_client.list_tags(Resource=arn("missing"))
    with refused(404, "ResourceNotFoundException", contains=["Function not found: "]):
        lambda_client.tag_resource(Resource=arn("missing"), Tags={"a": "1"})
    with refused(404, "ResourceNotFoundException", contains=["Function not found: "]):
        lambda_client.untag_resource(Resource=arn("missing"), TagKeys=["a"])


# --- GetAccountSettings ---------------------------------------------------------------------------------------


def test_account_settings_count_what_is_there(server, python_runtime):
    client = server.client(region="sa-east-1")
    limits = client.get_account_settings()["AccountLimit"]
    assert limits["ConcurrentExecutions"] == 1000
    assert limits["CodeSizeZipped"] == 52428800
    assert limits["CodeSizeUnzipped"] == 262144000
    assert limits["TotalCodeSize"] == 80530636800
    assert client.get_account_settings()["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}
    deployer = Deployer(client, python_runtime)
    try:
        deployer(HELLO, wait=False)
        usage = client.get_account_settings()["AccountUsage"]
        assert usage == {"TotalCodeSize": len(make_zip({"app.py": HELLO})), "FunctionCount": 1}
    finally:
        deployer.close()


# --- Everything else of the API -------------------------------------------------------------------------------


def test_what_is_not_built_says_so(lambda_client):
    with refused(501, "NotImplemented"):
        lambda_client.create_capacity_provider(
            CapacityProviderName="x",
            VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            PermissionsConfig={"CapacityProviderOperatorRoleArn": ROLE},
        )
