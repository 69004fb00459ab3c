"""Resource policies of functions, versions, aliases and layer versions."""

import json
import uuid

import pytest

from functions import Deployer
from packages import make_zip
from refusals import refused

HELLO = "def handler(event, context):\n    return 'hello'\n"
GONE = "The resource you requested does not exist."
STALE = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)
STALE_LAYER = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetLayerPolicy API to retrieve the latest Revision Id"
)
OTHER_REVISION = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def function(deploy):
    """A function with the version 1 and the alias `live`."""
    function = deploy(HELLO)
    function.client.publish_version(FunctionName=function.name)
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    return function


def add(function, sid="s1", name=None, **options):
    settings = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **options}
    return function.client.add_permission(FunctionName=name or function.name, StatementId=sid, **settings)


def policy(function, **options):
    answer = function.client.get_policy(FunctionName=function.name, **options)
    return json.loads(answer["Policy"]), answer["RevisionId"]


def test_a_permission_is_added_read_and_removed(function):
    answer = add(function, SourceArn="arn:aws:s3:::bucket", SourceAccount="123456789012")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": function.arn,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
        },
    }
    assert json.loads(answer["Statement"]) == statement
    add(function, "s2", Principal="*", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    document, _ = policy(function)
    assert (document["Version"], document["Id"]) == ("2012-10-17", "default")
    assert document["Statement"][0] == statement
    assert document["Statement"][1]["Condition"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    removed = function.client.remove_permission(FunctionName=function.name, StatementId="s1")
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert [one["Sid"] for one in policy(function)[0]["Statement"]] == ["s2"]
    function.client.remove_permission(FunctionName=function.name, StatementId="s2")
    with refused(404, "ResourceNotFoundException", GONE):
        policy(function)
    assert function.invoke().payload == "hello"


@pytest.mark.parametrize(
    ("options", "principal", "condition"),
    [
        ({"Principal": "123456789012"}, {"AWS": "arn:aws:iam::123456789012:root"}, None),
        ({"Principal": "arn:aws:iam::123456789012:role/r"}, {"AWS": "arn:aws:iam::123456789012:role/r"}, None),
        (
            {"Principal": "*", "PrincipalOrgID": "o-1234567890"},
            "*",
            {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
        ),
        (
            {"Principal": "alexa-appkit.amazon.com", "EventSourceToken": "token"},
            {"Service": "alexa-appkit.amazon.com"},
            {"StringEquals": {"lambda:EventSourceToken": "token"}},
        ),
        (
            {"Principal": "*", "InvokedViaFunctionUrl": True},
            "*",
            {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        ),
    ],
)
def test_principals_and_conditions_have_awss_form(function, options, principal, condition):
    statement = json.loads(add(function, **options)["Statement"])
    assert statement["Principal"] == principal
    assert statement.get("Condition") == condition


def test_versions_and_aliases_have_policies_of_their_own(function):
    for qualifier in ["1", "live"]:
        statement = json.loads(add(function, Qualifier=qualifier)["Statement"])
        assert statement["Resource"] == f"{function.arn}:{qualifier}"
    add(function, "named", name=f"{function.arn}:live")
    assert [one["Sid"] for one in policy(function, Qualifier="live")[0]["Statement"]] == ["s1", "named"]
    with refused(404, "ResourceNotFoundException", GONE):
        policy(function)
    function.client.delete_alias(FunctionName=function.name, Name="live")
    function.client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    with refused(404, "ResourceNotFoundException", GONE):
        policy(function, Qualifier="live")


def test_the_revision_is_that_of_what_the_policy_is_of(function):
    client, name = function.client, function.name
    before = client.get_function_configuration(FunctionName=name)["RevisionId"]
    with refused(412, "PreconditionFailedException", STALE):
        add(function, RevisionId=OTHER_REVISION)
    add(function, RevisionId=before)
    document, revision = policy(function)
    assert revision != before
    assert client.get_function_configuration(FunctionName=name)["RevisionId"] == revision
    with refused(412, "PreconditionFailedException", STALE):
        client.remove_permission(FunctionName=name, StatementId="s1", RevisionId=before)
    client.remove_permission(FunctionName=name, StatementId="s1", RevisionId=revision)
    alias = client.get_alias(FunctionName=name, Name="live")["RevisionId"]
    add(function, Qualifier="live", RevisionId=alias)
    assert client.get_alias(FunctionName=name, Name="live")["RevisionId"] == policy(function, Qualifier="live")[1]


def test_a_policy_restarts_nothing(deploy):
    function = deploy("import uuid\nID = str(uuid.uuid4())\n\ndef handler(event, context):\n    return ID\n")
    before = function.invoke().payload
    add(function)
    assert function.invoke().payload == before


def test_permissions_that_cannot_be(function):
    add(function)
    with refused(
        409,
        "ResourceConflictException",
        "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.",
    ):
        add(function)
    with refused(
        400,
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    ):
        add(function, "s2", Principal="nobody")
    for name, options in [(None, {"Qualifier": "$LATEST"}), (f"{function.arn}:$LATEST", {})]:
        with refused(
            400, "InvalidParameterValueException", "We currently do not support adding policies for $LATEST."
        ):
            add(function, "s3", name, **options)
    with refused(404, "ResourceNotFoundException", f"Cannot find alias arn: {function.arn}:nobody"):
        add(function, Qualifier="nobody")
    with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}:7"):
        add(function, Qualifier="7")
    with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}x"):
        add(function, name=f"{function.name}x")


def test_what_is_not_there_cannot_be_removed(function):
    client, name = function.client, function.name
    with refused(404, "ResourceNotFoundException", "No policy is associated with the given resource."):
        client.remove_permission(FunctionName=name, StatementId="s1")
    add(function)
    with refused(404, "ResourceNotFoundException", "Statement s2 is not found in resource policy."):
        client.remove_permission(FunctionName=name, StatementId="s2")
    for operation, options in [("remove_permission", {"StatementId": "s1"}), ("get_policy", {})]:
        with refused(404, "ResourceNotFoundException", f"Function not found: {function.arn}x"):
            getattr(client, operation)(FunctionName=f"{name}x", **options)
        with refused(400, "InvalidParameterValueException", contains=["does not match"]):
            getattr(client, operation)(FunctionName=f"{name}:live", Qualifier="1", **options)


def test_a_policy_is_bounded(function):
    with refused(400, "PolicyLengthExceededException", contains=["bigger than the limit (20480)"]):
        for number in range(200):
            add(function, f"statement-{number}", SourceArn=f"arn:aws:s3:::{'b' * 180}")
    length = len(function.client.get_policy(FunctionName=function.name)["Policy"])
    assert 20_000 < length <= 20_480


# --- The whole policy by ARN ----------------------------------------------------------------------------------


def document(function, sid="mine", **changes):
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": function.arn,
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_whole_policy_is_put_read_and_deleted(function):
    client = function.client
    add(function)
    put = client.put_resource_policy(ResourceArn=function.arn, Policy=document(function))
    assert [one["Sid"] for one in json.loads(put["Policy"])["Statement"]] == ["mine"]
    read = client.get_resource_policy(ResourceArn=function.arn)
    assert (read["Policy"], read["RevisionId"]) == (put["Policy"], put["RevisionId"])
    assert policy(function)[0]["Statement"][0]["Sid"] == "mine", "it is the same policy"
    add(function, "more")
    assert len(json.loads(client.get_resource_policy(ResourceArn=function.arn)["Policy"])["Statement"]) == 2
    client.delete_resource_policy(ResourceArn=function.arn)
    with refused(404, "ResourceNotFoundException", GONE):
        client.get_resource_policy(ResourceArn=function.arn)
    with refused(404, "ResourceNotFoundException", GONE):
        client.delete_resource_policy(ResourceArn=function.arn)


def test_a_whole_policy_that_cannot_be(function):
    client, arn = function.client, function.arn
    for text in ["[]", "{}", "no json", document(function, Effect="Maybe"), document(function, Resource="arn:x")]:
        with refused(400, "InvalidParameterValueException", contains=["malformed"]):
            client.put_resource_policy(ResourceArn=arn, Policy=text)
    with refused(412, "PreconditionFailedException", STALE):
        client.put_resource_policy(ResourceArn=arn, Policy=document(function), RevisionId=OTHER_REVISION)
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}x"):
        client.put_resource_policy(
            ResourceArn=f"{arn}x", Policy=document(function, Resource=f"{arn}x")
        )
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}x"):
        client.get_resource_policy(ResourceArn=f"{arn}x")
    client.put_resource_policy(ResourceArn=arn, Policy=document(function))
    with refused(412, "PreconditionFailedException", STALE):
        client.delete_resource_policy(ResourceArn=arn, RevisionId=OTHER_REVISION)


# --- Layers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def layer(lambda_client):
    """The name of a layer with the version 1."""
    name = f"layer-{uuid.uuid4().hex[:10]}"
    lambda_client.publish_layer_version(LayerName=name, Content={"ZipFile": make_zip({"a": "b"})})
    yield name
    lambda_client.delete_layer_version(LayerName=name, VersionNumber=1)


def share(client, layer, sid="s1", version=1, **options):
    settings = {"Action": "lambda:GetLayerVersion", "Principal": "*", **options}
    return client.add_layer_version_permission(
        LayerName=layer, VersionNumber=version, StatementId=sid, **settings
    )


def test_a_layer_version_is_shared_and_no_longer(lambda_client, layer):
    client = lambda_client
    arn = client.get_layer_version(LayerName=layer, VersionNumber=1)["LayerVersionArn"]
    added = share(client, layer, Principal="111122223333")
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": arn,
    }
    assert json.loads(added["Statement"]) == statement
    read = client.get_layer_version_policy(LayerName=layer, VersionNumber=1)
    assert json.loads(read["Policy"])["Statement"] == [statement]
    assert read["RevisionId"] == added["RevisionId"]
    org = share(client, layer, "s2", OrganizationId="o-1234567890")
    assert json.loads(org["Statement"])["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
    for sid in ["s1", "s2"]:
        answer = client.remove_layer_version_permission(LayerName=layer, VersionNumber=1, StatementId=sid)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused(404, "ResourceNotFoundException", "No policy is associated with the given resource."):
        client.get_layer_version_policy(LayerName=layer, VersionNumber=1)


def test_another_account_uses_a_layer_that_is_shared_with_it(server, lambda_client, layer, python_runtime):
    arn = lambda_client.get_layer_version(LayerName=layer, VersionNumber=1)["LayerVersionArn"]
    deployer = Deployer(server.client(access_key="111122223333"), python_runtime)
    code = "def handler(event, context):\n    return open('/opt/a').read()\n"
    try:
        with refused(403, "AccessDeniedException", contains=["lambda:GetLayerVersion", arn]):
            deployer(code, Layers=[arn])
        share(lambda_client, layer, Principal="111122223333")
        assert deployer(code, Layers=[arn]).invoke().payload == "b"
        stranger = Deployer(server.client(access_key="444455556666"), python_runtime)
        with refused(403, "AccessDeniedException"):
            stranger(code, Layers=[arn])
    finally:
        deployer.close()


def test_sharing_that_cannot_be(lambda_client, layer):
    client = lambda_client
    missing = f"Layer version arn:aws:lambda:us-east-1:000000000000:layer:{layer}:7 does not exist."
    with refused(404, "ResourceNotFoundException", missing):
        share(client, layer, version=7)
    with refused(404, "ResourceNotFoundException", missing):
        client.get_layer_version_policy(LayerName=layer, VersionNumber=7)
    with refused(404, "ResourceNotFoundException", missing):
        client.remove_layer_version_permission(LayerName=layer, VersionNumber=7, StatementId="s1")
    for call in [share, lambda client, layer, version: client.get_layer_version_policy(
        LayerName=layer, VersionNumber=version
    ), lambda client, layer, version: client.remove_layer_version_permission(
        LayerName=layer, VersionNumber=version, StatementId="s1"
    )]:  # fmt: skip
        with refused(400, "InvalidParameterValueException", "Layer Version Cannot be less than 1"):
            call(client, layer, version=0)
    added = share(client, layer)
    with refused(409, "ResourceConflictException", contains=["The statement id (s1) provided already exists."]):
        share(client, layer)
    with refused(412, "PreconditionFailedException", STALE_LAYER):
        share(client, layer, "s2", RevisionId=OTHER_REVISION)
    with refused(412, "PreconditionFailedException", STALE_LAYER):
        client.remove_layer_version_permission(
            LayerName=layer, VersionNumber=1, StatementId="s1", RevisionId=OTHER_REVISION
        )
    share(client, layer, "s2", RevisionId=added["RevisionId"])
    with refused(404, "ResourceNotFoundException", "Statement s9 is not found in resource policy."):
        client.remove_layer_version_permission(LayerName=layer, VersionNumber=1, StatementId="s9")


def test_a_layers_policy_is_bounded(lambda_client, layer):
    with refused(400, "PolicyLengthExceededException"):
        for number in range(300):
            share(lambda_client, layer, f"{'s' * 90}{number}")
