"""Layers as resources: published, read, listed, deleted, and named by functions."""

import base64
import hashlib
import urllib.request
import uuid

import pytest

from packages import make_zip
from refusals import refused

ACCOUNT = "000000000000"
HELLO = "def handler(event, context):\n    return 'hello'\n"
GONE = "The resource you requested does not exist."


def new_name():
    return f"layer-{uuid.uuid4().hex[:10]}"


def package(word="x"):
    return make_zip({"python/shared.py": f"WORD = {word!r}\n"})


def publish(client, name, word="x", **options):
    return client.publish_layer_version(LayerName=name, Content={"ZipFile": package(word)}, **options)


def version_arn(name, version):
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:{name}:{version}"


def test_a_layer_version_is_published_and_read(lambda_client):
    name = new_name()
    answer = publish(
        lambda_client,
        name,
        Description="shared code",
        LicenseInfo="Apache-2.0",
        CompatibleRuntimes=["python3.11", "python3.12"],
        CompatibleArchitectures=["x86_64"],
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert answer["LayerArn"] == version_arn(name, "").rstrip(":")
    assert answer["LayerVersionArn"] == version_arn(name, 1)
    assert (answer["Version"], answer["Description"]) == (1, "shared code")
    assert answer["LicenseInfo"] == "Apache-2.0"
    assert answer["CompatibleRuntimes"] == ["python3.11", "python3.12"]
    assert answer["CompatibleArchitectures"] == ["x86_64"]
    content = answer["Content"]
    digest = base64.b64encode(hashlib.sha256(package()).digest()).decode()
    assert (content["CodeSha256"], content["CodeSize"]) == (digest, len(package()))
    with urllib.request.urlopen(content["Location"], timeout=10) as download:
        assert download.read() == package()
    read = lambda_client.get_layer_version(LayerName=name, VersionNumber=1)
    by_arn = lambda_client.get_layer_version_by_arn(Arn=version_arn(name, 1))
    by_layer_arn = lambda_client.get_layer_version(LayerName=answer["LayerArn"], VersionNumber=1)
    for again in [read, by_arn, by_layer_arn]:
        again["Content"]["Location"] = content["Location"]
        assert {**again, "ResponseMetadata": 0} == {**answer, "ResponseMetadata": 0}
    bare = publish(lambda_client, name)
    assert (bare["Version"], bare["Description"]) == (2, "")
    assert "CompatibleRuntimes" not in bare and "LicenseInfo" not in bare


def test_numbers_are_not_given_twice_and_deletion_is_idempotent(lambda_client):
    name = new_name()
    assert [publish(lambda_client, name)["Version"] for _ in range(2)] == [1, 2]
    for _ in range(2):
        answer = lambda_client.delete_layer_version(LayerName=name, VersionNumber=2)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert publish(lambda_client, name)["Version"] == 3
    with refused(404, "ResourceNotFoundException", GONE):
        lambda_client.get_layer_version(LayerName=name, VersionNumber=2)


def test_what_does_not_exist(lambda_client):
    with refused(404, "ResourceNotFoundException", GONE):
        lambda_client.get_layer_version(LayerName=new_name(), VersionNumber=1)
    with refused(404, "ResourceNotFoundException", GONE):
        lambda_client.get_layer_version_by_arn(Arn=version_arn(new_name(), 1))
    assert lambda_client.list_layer_versions(LayerName=new_name())["LayerVersions"] == []
    lambda_client.delete_layer_version(LayerName=new_name(), VersionNumber=1)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("get_layer_version", {"VersionNumber": 1}),
        ("delete_layer_version", {"VersionNumber": 1}),
        ("list_layer_versions", {}),
        ("publish_layer_version", {"Content": {"ZipFile": package()}}),
    ],
)
def test_layers_elsewhere_are_not_there(lambda_client, operation, arguments):
    elsewhere = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:other"
    with refused(404, "ResourceNotFoundException", GONE):
        getattr(lambda_client, operation)(LayerName=elsewhere, **arguments)


@pytest.mark.parametrize("operation", ["get_layer_version", "delete_layer_version"])
def test_versions_count_from_one(lambda_client, operation):
    for number in [0, -1]:
        with refused(400, "InvalidParameterValueException", "Layer Version Cannot be less than 1"):
            getattr(lambda_client, operation)(LayerName="any", VersionNumber=number)


def test_lists_are_narrowed_and_paged(fresh_server):
    client = fresh_server().client()
    for name in ["c", "a", "b"]:
        publish(client, name, CompatibleRuntimes=["python3.11"])
    for number in range(5):
        publish(client, "a", str(number), CompatibleRuntimes=["nodejs20.x"], Description=str(number))
    layers = client.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 2})
    seen = [[layer["LayerName"] for layer in page["Layers"]] for page in layers]
    assert seen == [["a", "b"], ["c"]]
    newest = client.list_layers()["Layers"][0]
    assert newest["LayerArn"] == version_arn("a", "").rstrip(":")
    assert newest["LatestMatchingVersion"]["Version"] == 6
    python = client.list_layers(CompatibleRuntime="python3.11")["Layers"]
    assert [layer["LatestMatchingVersion"]["Version"] for layer in python] == [1, 1, 1]
    assert client.list_layers(CompatibleArchitecture="arm64")["Layers"] == []
    versions = client.get_paginator("list_layer_versions").paginate(
        LayerName="a", PaginationConfig={"PageSize": 4}
    )
    seen = [[entry["Version"] for entry in page["LayerVersions"]] for page in versions]
    assert seen == [[6, 5, 4, 3], [2, 1]]
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        client.list_layers(Marker="%%%")
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        client.list_layer_versions(LayerName="a", Marker="%%%")


def test_a_function_names_its_layers(deploy):
    name = new_name()
    first = publish(deploy.client, name, "first")
    other = publish(deploy.client, new_name(), "other")
    function = deploy(HELLO, Layers=[first["LayerVersionArn"], other["LayerVersionArn"]])
    client = function.client
    shown = client.get_function_configuration(FunctionName=function.name)["Layers"]
    assert shown == [
        {"Arn": layer["LayerVersionArn"], "CodeSize": layer["Content"]["CodeSize"]}
        for layer in [first, other]
    ]
    client.update_function_configuration(FunctionName=function.name, Description="layers stay")
    function.wait_updated()
    assert len(client.get_function_configuration(FunctionName=function.name)["Layers"]) == 2
    client.update_function_configuration(FunctionName=function.name, Layers=[])
    function.wait_updated()
    assert "Layers" not in client.get_function_configuration(FunctionName=function.name)


def test_layers_that_cannot_be(deploy):
    client = deploy.client
    name = new_name()
    arns = [publish(client, name, str(n))["LayerVersionArn"] for n in range(2)]
    function = deploy(HELLO)

    def refuse(message, layers, status=400, code="InvalidParameterValueException"):
        with refused(status, code, message):
            client.update_function_configuration(FunctionName=function.name, Layers=layers)
        with refused(status, code, message):
            deploy(HELLO, wait=False, Layers=layers)

    refuse(f"Layer version {version_arn(name, 9)} does not exist.", [version_arn(name, 9)])
    refuse(
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{arns[0]} and {arns[1]} are versions of the same layer.",
        arns,
    )
    refuse(
        "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
        [arns[0].replace("us-east-1", "eu-west-1")],
    )
    refuse(
        "Cannot reference more than 5 layers.",
        [publish(client, new_name())["LayerVersionArn"] for _ in range(6)],
    )
    stranger = arns[0].replace(ACCOUNT, "111122223333")
    refuse(
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:GetLayerVersion on resource: "
        f"{stranger} because no resource-based policy allows the lambda:GetLayerVersion action",
        [stranger],
        403,
        "AccessDeniedException",
    )
    assert "Layers" not in client.get_function_configuration(FunctionName=function.name)


def test_code_and_layers_together_are_bounded(deploy):
    big = make_zip({f"blob{n}": b"\0" * (60 << 20) for n in range(4)})
    layer = deploy.client.publish_layer_version(LayerName=new_name(), Content={"ZipFile": big})
    arns = [layer["LayerVersionArn"]]
    function = deploy(HELLO, Layers=arns)
    with refused(400, "InvalidParameterValueException", contains=["Function code combined with layers exceeds"]):
        function.client.update_function_code(
            FunctionName=function.name,
            ZipFile=make_zip({"app.py": HELLO, "more": b"\0" * (20 << 20)}),
        )
    second = publish(deploy.client, new_name(), "y" * 100)
    function.client.update_function_configuration(
        FunctionName=function.name, Layers=[*arns, second["LayerVersionArn"]]
    )
    function.wait_updated()


def test_packages_that_cannot_be_layers(lambda_client):
    with refused(400, "InvalidParameterValueException", contains=["Could not unzip uploaded file"]):
        lambda_client.publish_layer_version(LayerName=new_name(), Content={"ZipFile": b"no zip"})
    with refused(400, "InvalidParameterValueException", "Uploaded file must be a non-empty zip"):
        lambda_client.publish_layer_version(LayerName=new_name(), Content={"ZipFile": b""})


def test_accounts_have_layers_of_their_own(server, lambda_client):
    name = new_name()
    publish(lambda_client, name)
    other = server.client(access_key="111122223333")
    with refused(404, "ResourceNotFoundException", GONE):
        other.get_layer_version(LayerName=name, VersionNumber=1)
    assert name not in [layer["LayerName"] for layer in other.list_layers()["Layers"]]
