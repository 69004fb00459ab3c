"""Aliases: names for versions, and requests shared between two of them."""

import pytest

from packages import make_zip
from refusals import refused

SAYS = "def handler(event, context):\n    return {!r}\n"


@pytest.fixture
def versions(deploy):
    """A function with the versions 1 and 2, which say so."""
    function = deploy(SAYS.format("one"))
    function.client.publish_version(FunctionName=function.name)
    function.client.update_function_code(
        FunctionName=function.name, ZipFile=make_zip({"app.py": SAYS.format("two")})
    )
    function.wait_updated()
    function.client.publish_version(FunctionName=function.name)
    return function


def create(function, name="live", version="1", **options):
    return function.client.create_alias(
        FunctionName=function.name, Name=name, FunctionVersion=version, **options
    )


def shared(**weights):
    return {"AdditionalVersionWeights": {key.lstrip("v"): weight for key, weight in weights.items()}}


def test_an_alias_is_created_read_changed_and_deleted(versions):
    client, name = versions.client, versions.name
    created = create(versions, Description="what customers get")
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["AliasArn"] == f"{versions.arn}:live"
    assert (created["Name"], created["FunctionVersion"]) == ("live", "1")
    assert created["Description"] == "what customers get"
    assert "RoutingConfig" not in created
    read = client.get_alias(FunctionName=name, Name="live")
    assert {**read, "ResponseMetadata": 0} == {**created, "ResponseMetadata": 0}
    assert versions.invoke(Qualifier="live").payload == "one"
    changed = client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert (changed["FunctionVersion"], changed["Description"]) == ("2", "what customers get")
    assert changed["RevisionId"] != created["RevisionId"]
    answer = versions.invoke(Qualifier="live")
    assert (answer.payload, answer.headers["x-amz-executed-version"]) == ("two", "2")
    configuration = client.get_function_configuration(FunctionName=name, Qualifier="live")
    assert (configuration["Version"], configuration["FunctionArn"]) == ("2", f"{versions.arn}:live")
    assert client.delete_alias(FunctionName=name, Name="live")["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.delete_alias(FunctionName=name, Name="live")
    with refused(404, "ResourceNotFoundException", f"Function not found: {versions.arn}:live"):
        versions.invoke(Qualifier="live")
    with refused(404, "ResourceNotFoundException", f"Cannot find alias arn: {versions.arn}:live"):
        client.get_alias(FunctionName=name, Name="live")


def test_an_alias_may_follow_the_latest(versions):
    create(versions, "edge", "$LATEST")
    assert versions.invoke(Qualifier="edge").payload == "two"
    answer = versions.invoke(Qualifier="edge")
    assert answer.headers["x-amz-executed-version"] == "$LATEST"


def test_requests_are_shared_by_weight(versions):
    created = create(versions, RoutingConfig=shared(v2=0.5))
    assert created["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    answers = [versions.invoke(Qualifier="live") for _ in range(60)]
    said = [answer.payload for answer in answers]
    # Each request is a throw of its own: that one side gets fewer than 5 of 60 has a probability of 1e-11.
    assert min(said.count("one"), said.count("two")) >= 5
    for answer in answers:
        version = answer.headers["x-amz-executed-version"]
        assert answer.payload == {"1": "one", "2": "two"}[version]
        assert f"Version: {version}\n" in answer.log
    for weight, expected in [(0.0, {"one"}), (1.0, {"two"})]:
        versions.client.update_alias(
            FunctionName=versions.name, Name="live", RoutingConfig=shared(v2=weight)
        )
        assert {versions.invoke(Qualifier="live").payload for _ in range(10)} == expected
    versions.client.update_alias(
        FunctionName=versions.name, Name="live", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    assert "RoutingConfig" not in versions.client.get_alias(FunctionName=versions.name, Name="live")


def test_an_update_keeps_what_it_does_not_name(versions):
    create(versions, RoutingConfig=shared(v2=0.3), Description="d")
    changed = versions.client.update_alias(FunctionName=versions.name, Name="live", Description="e")
    assert changed["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.3}}
    assert (changed["FunctionVersion"], changed["Description"]) == ("1", "e")


def refusal(versions, message, version="1", **options):
    with refused(400, "InvalidParameterValueException", message):
        create(versions, "bad", version, **options)
    create(versions, "good")
    with refused(400, "InvalidParameterValueException", message):
        versions.client.update_alias(
            FunctionName=versions.name, Name="good", FunctionVersion=version, **options
        )


def test_two_versions_beside_one_are_too_many(versions):
    refusal(
        versions,
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
        RoutingConfig=shared(v1=0.1, v2=0.2),
    )


def test_a_version_is_not_shared_with_itself(versions):
    refusal(
        versions,
        "Invalid function version 1. Function version 1 is already included in routing configuration.",
        RoutingConfig=shared(v1=0.5),
    )


def test_the_latest_is_not_shared(versions):
    refusal(
        versions,
        "$LATEST is not supported for an alias pointing to more than 1 version",
        version="$LATEST",
        RoutingConfig=shared(v1=0.5),
    )


def test_versions_with_different_roles_are_not_shared(versions):
    client = versions.client
    client.update_function_configuration(
        FunctionName=versions.name, Role="arn:aws:iam::000000000000:role/another"
    )
    versions.wait_updated()
    client.publish_version(FunctionName=versions.name)
    with refused(400, "InvalidParameterValueException", contains=["execution role"]):
        create(versions, RoutingConfig=shared(v3=0.5))


@pytest.mark.parametrize("weight", [2.0, -1.0])
def test_a_weight_is_between_nothing_and_everything(versions, raw_client, weight):
    text = (
        f"1 validation error detected: Value '{{2={weight}}}' at 'routingConfig.additionalVersionWeights' failed to "
        "satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
        "Member must have value greater than or equal to 0.0, Member must not be null]"
    )
    with refused(400, "ValidationException", text):
        raw_client.create_alias(
            FunctionName=versions.name, Name="bad", FunctionVersion="1", RoutingConfig=shared(v2=weight)
        )


def test_what_an_alias_points_to_exists(versions):
    arn = versions.arn
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}:10"):
        create(versions, version="10")
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}:10"):
        create(versions, RoutingConfig=shared(v10=0.5))
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}-unknown:1"):
        versions.client.create_alias(FunctionName=f"{versions.name}-unknown", Name="a", FunctionVersion="1")
    with refused(404, "ResourceNotFoundException"):
        versions.client.delete_alias(FunctionName=arn.replace("us-east-1", "eu-west-1"), Name="live")
    create(versions)
    with refused(404, "ResourceNotFoundException", f"Function not found: {arn}:10"):
        versions.client.update_alias(FunctionName=versions.name, Name="live", FunctionVersion="10")
    with refused(404, "ResourceNotFoundException", f"Cannot find alias arn: {arn}:nobody"):
        versions.client.update_alias(FunctionName=versions.name, Name="nobody", FunctionVersion="1")


def test_a_name_is_given_once(versions):
    create(versions)
    with refused(409, "ResourceConflictException", f"Alias already exists: {versions.arn}:live"):
        create(versions, version="2")


def test_a_stale_revision_is_refused(versions):
    create(versions)
    with refused(412, "PreconditionFailedException", contains=["does not match the latest Revision Id"]):
        versions.client.update_alias(
            FunctionName=versions.name,
            Name="live",
            FunctionVersion="2",
            RevisionId="00000000-0000-0000-0000-000000000000",
        )
    assert versions.invoke(Qualifier="live").payload == "one"


def test_aliases_are_listed_by_name_by_version_and_in_pages(versions):
    client, name = versions.client, versions.name
    for number in range(7):
        create(versions, f"alias{number}", "2" if number % 2 else "1")
    pages = client.get_paginator("list_aliases").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 3}
    )
    seen = [[alias["Name"] for alias in page["Aliases"]] for page in pages]
    assert [len(page) for page in seen] == [3, 3, 1]
    assert sum(seen, []) == [f"alias{number}" for number in range(7)]
    second = client.list_aliases(FunctionName=name, FunctionVersion="2")["Aliases"]
    assert [alias["Name"] for alias in second] == ["alias1", "alias3", "alias5"]
    with refused(404, "ResourceNotFoundException"):
        client.list_aliases(FunctionName="nowhere")
    with refused(400, "InvalidParameterValueException", "Invalid pagination token."):
        client.list_aliases(FunctionName=name, Marker="%%%")


def test_an_alias_in_the_name_and_beside_it(versions):
    create(versions)
    answer = versions.client.invoke(FunctionName=f"{versions.name}:live", Payload=b"{}")
    assert answer["ExecutedVersion"] == "1"
    answer = versions.client.invoke(FunctionName=f"{versions.arn}:live", Qualifier="live", Payload=b"{}")
    assert answer["ExecutedVersion"] == "1"
    with refused(
        400,
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    ):
        versions.client.invoke(FunctionName=f"{versions.arn}:live", Qualifier="1", Payload=b"{}")
