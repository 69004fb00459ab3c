"""Secrets Manager through boto3: values and their versions, deletion with and without a way back, lists, passwords."""

import json
import re
import time

import botocore.session
import pytest

from refusals import refused

ABSENT = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."


@pytest.fixture(scope="module")
def secrets(server):
    """In an account of its own."""
    return server.client(service="secretsmanager", access_key="555555555501", region="eu-west-1")


def test_a_secret_is_made_read_described_and_found_by_each_of_its_names(secrets):
    before = time.time() - 1
    made = secrets.create_secret(Name="db/login", SecretString='{"password": "ümlaut"}', Description="A login", Tags=[{"Key": "k", "Value": "v"}])
    assert re.fullmatch(r"arn:aws:secretsmanager:eu-west-1:555555555501:secret:db/login-[A-Za-z0-9]{6}", made["ARN"])
    for name in ("db/login", made["ARN"], made["ARN"][:-7]):
        value = secrets.get_secret_value(SecretId=name)
        assert (value["ARN"], value["Name"], value["SecretString"]) == (made["ARN"], "db/login", '{"password": "ümlaut"}')
        assert value["VersionId"] == made["VersionId"] and value["VersionStages"] == ["AWSCURRENT"]
        assert before < value["CreatedDate"].timestamp() < time.time() + 1
    described = secrets.describe_secret(SecretId="db/login")
    assert described["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert described["Tags"] == [{"Key": "k", "Value": "v"}] and described["Description"] == "A login"
    # Told by the day.
    accessed = described["LastAccessedDate"].timestamp()
    assert accessed % 86400 == 0 and 0 <= time.time() - accessed < 2 * 86400
    with refused(400, "ResourceNotFoundException", message=ABSENT):
        secrets.get_secret_value(SecretId=made["ARN"][:-1] + "?")
    with refused(400, "ResourceExistsException", message="The operation failed because the secret db/login already exists."):
        secrets.create_secret(Name="db/login", SecretString="other")
    with refused(400, "ValidationException", contains=["Invalid name"]):
        secrets.create_secret(Name="with space", SecretString="other")


def test_bytes_are_a_value_too_and_both_are_none(secrets):
    secrets.create_secret(Name="bytes", SecretBinary=b"\x00\xff")
    value = secrets.get_secret_value(SecretId="bytes")
    assert value["SecretBinary"] == b"\x00\xff" and "SecretString" not in value
    with refused(400, "InvalidRequestException"):
        secrets.put_secret_value(SecretId="bytes", SecretBinary=b"a", SecretString="a")
    with refused(400, "InvalidRequestException", message="You must provide either SecretString or SecretBinary."):
        secrets.put_secret_value(SecretId="bytes")


def test_each_value_is_a_version_and_labels_say_which_is_current(secrets):
    secrets.create_secret(Name="labels")
    with refused(
        400,
        "ResourceNotFoundException",
        message="Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    ):
        secrets.get_secret_value(SecretId="labels")
    first, second, third = (secrets.put_secret_value(SecretId="labels", SecretString=text)["VersionId"] for text in "abc")
    stages = lambda: secrets.describe_secret(SecretId="labels")["VersionIdsToStages"]  # noqa: E731
    assert stages() == {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}
    read = lambda **which: secrets.get_secret_value(SecretId="labels", **which)["SecretString"]  # noqa: E731
    assert (read(), read(VersionStage="AWSPREVIOUS"), read(VersionId=first)) == ("c", "b", "a")
    with refused(400, "InvalidRequestException", contains=["not associated"]):
        read(VersionId=first, VersionStage="AWSCURRENT")
    with refused(400, "ResourceNotFoundException", contains=["for VersionId"]):
        read(VersionId="0" * 32)
    pending = secrets.put_secret_value(SecretId="labels", SecretString="d", VersionStages=["AWSPENDING"])
    assert pending["VersionStages"] == ["AWSPENDING"] and read() == "c"
    move = {"SecretId": "labels", "VersionStage": "AWSCURRENT", "MoveToVersionId": pending["VersionId"]}
    with refused(400, "InvalidParameterException", contains=[f"attached to version {third}"]):
        secrets.update_secret_version_stage(**move)
    secrets.update_secret_version_stage(**move, RemoveFromVersionId=third)
    assert stages() == {third: ["AWSPREVIOUS"], pending["VersionId"]: ["AWSCURRENT", "AWSPENDING"]}
    with refused(400, "InvalidParameterException", contains=["completely removed"]):
        secrets.update_secret_version_stage(
            SecretId="labels", VersionStage="AWSCURRENT", RemoveFromVersionId=pending["VersionId"]
        )
    listed = secrets.list_secret_version_ids(SecretId="labels", IncludeDeprecated=True)["Versions"]
    assert {version["VersionId"] for version in listed} == {first, second, third, pending["VersionId"]}
    page = secrets.list_secret_version_ids(SecretId="labels", MaxResults=1)
    rest = secrets.list_secret_version_ids(SecretId="labels", NextToken=page["NextToken"])
    assert [len(page["Versions"]), len(rest["Versions"])] == [1, 1] and "NextToken" not in rest


def test_a_request_that_is_repeated_makes_no_second_version(secrets):
    token = "t" * 32
    made = [secrets.create_secret(Name="again", SecretString="a", ClientRequestToken=token) for _ in range(2)]
    assert made[0]["ARN"] == made[1]["ARN"] and made[1]["VersionId"] == token
    assert secrets.put_secret_value(SecretId="again", SecretString="a", ClientRequestToken=token)["VersionId"] == token
    with refused(400, "ResourceExistsException", contains=[f"You can't use ClientRequestToken {token}"]):
        secrets.put_secret_value(SecretId="again", SecretString="b", ClientRequestToken=token)
    updated = secrets.update_secret(SecretId="again", SecretString="b", Description="new")
    assert updated["VersionId"] != token
    assert secrets.describe_secret(SecretId="again")["Description"] == "new"
    assert "VersionId" not in secrets.update_secret(SecretId="again", Description="newer")


def test_a_secret_is_deleted_at_once_or_can_be_restored(secrets):
    arn = secrets.create_secret(Name="gone", SecretString="a")["ARN"]
    deletion = secrets.delete_secret(SecretId="gone", RecoveryWindowInDays=7)["DeletionDate"].timestamp()
    assert abs(deletion - time.time() - 7 * 86400) < 60
    for call in (
        lambda: secrets.get_secret_value(SecretId="gone"),
        lambda: secrets.put_secret_value(SecretId="gone", SecretString="b"),
        lambda: secrets.delete_secret(SecretId="gone"),
        lambda: secrets.tag_resource(SecretId="gone", Tags=[]),
    ):
        with refused(400, "InvalidRequestException", message=MARKED):
            call()
    with refused(400, "InvalidRequestException", contains=["already scheduled for deletion"]):
        secrets.create_secret(Name="gone", SecretString="b")
    assert secrets.describe_secret(SecretId="gone")["DeletedDate"].timestamp() == deletion
    names = lambda **which: [secret["Name"] for secret in secrets.list_secrets(**which)["SecretList"]]  # noqa: E731
    assert "gone" not in names() and "gone" in names(IncludePlannedDeletion=True)
    secrets.restore_secret(SecretId=arn)
    assert secrets.get_secret_value(SecretId="gone")["SecretString"] == "a"
    secrets.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    with refused(400, "ResourceNotFoundException", message=ABSENT):
        secrets.describe_secret(SecretId=arn)
    assert secrets.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)["Name"] == "gone"
    assert secrets.create_secret(Name="gone", SecretString="b")["ARN"] != arn
    for wrong in ({"RecoveryWindowInDays": 6}, {"RecoveryWindowInDays": 31}, {"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}):
        with refused(400, "InvalidParameterException"):
            secrets.delete_secret(SecretId="gone", **wrong)


def test_secrets_are_listed_filtered_and_sorted(server):
    secrets = server.client(service="secretsmanager", access_key="555555555502")
    for name, tag, description in (("b/one", "red", "Of the database"), ("a/two", "green", "Another"), ("c/three", "red", "")):
        secrets.create_secret(Name=name, SecretString=name, Description=description, Tags=[{"Key": "colour", "Value": tag}])
    def names(*filters, **order):
        given = [{"Key": key, "Values": values} for key, values in filters]
        return [secret["Name"] for secret in secrets.list_secrets(Filters=given, **order)["SecretList"]]
    assert names() == ["b/one", "a/two", "c/three"]
    assert names(SortBy="name", SortOrder="desc") == ["c/three", "b/one", "a/two"]
    assert names(("name", ["a/", "c/"])) == ["a/two", "c/three"]
    assert names(("tag-value", ["red"]), ("name", ["c"])) == ["c/three"]
    assert names(("tag-value", ["!red"])) == ["a/two"]
    assert names(("description", ["DATABASE"])) == ["b/one"] and names(("all", ["green"])) == ["a/two"]
    pages = secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["SecretList"]) for page in pages] == [2, 1]
    batch = secrets.batch_get_secret_value(SecretIdList=["a/two", "absent"])
    assert [value["SecretString"] for value in batch["SecretValues"]] == ["a/two"]
    assert batch["Errors"] == [{"SecretId": "absent", "ErrorCode": "ResourceNotFoundException", "Message": ABSENT}]
    found = secrets.batch_get_secret_value(Filters=[{"Key": "tag-value", "Values": ["red"]}])["SecretValues"]
    assert sorted(value["Name"] for value in found) == ["b/one", "c/three"]
    with refused(400, "InvalidNextTokenException"):
        secrets.list_secrets(NextToken="?")
    stranger = server.client(service="secretsmanager", access_key="555555555503")
    assert stranger.list_secrets()["SecretList"] == []
    arn = secrets.describe_secret(SecretId="a/two")["ARN"]
    with refused(400, "ResourceNotFoundException", message=ABSENT):
        stranger.get_secret_value(SecretId=arn)


def test_tags_policies_and_passwords(secrets):
    secrets.create_secret(Name="around", SecretString="a")
    secrets.tag_resource(SecretId="around", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    secrets.untag_resource(SecretId="around", TagKeys=["a"])
    assert secrets.describe_secret(SecretId="around")["Tags"] == [{"Key": "b", "Value": "2"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    secrets.put_resource_policy(SecretId="around", ResourcePolicy=policy)
    assert secrets.get_resource_policy(SecretId="around")["ResourcePolicy"] == policy
    secrets.delete_resource_policy(SecretId="around")
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="around")
    with refused(400, "MalformedPolicyDocumentException"):
        secrets.put_resource_policy(SecretId="around", ResourcePolicy="{}")
    password = secrets.get_random_password(PasswordLength=20, ExcludePunctuation=True)["RandomPassword"]
    assert re.fullmatch(r"[A-Za-z0-9]{20}", password)
    with refused(400, "InvalidParameterException", contains=["too short"]):
        secrets.get_random_password(PasswordLength=3)


def test_what_is_not_built_says_so(secrets):
    model = botocore.session.get_session().get_service_model("secretsmanager")
    assert "RotateSecret" in model.operation_names
    secrets.create_secret(Name="turning", SecretString="a")
    with refused(501, "NotImplemented"):
        secrets.rotate_secret(SecretId="turning")
    with refused(501, "NotImplemented"):
        secrets.create_secret(Name="copied", SecretString="a", AddReplicaRegions=[{"Region": "us-east-1"}])


def test_secrets_survive_the_server(fresh_server):
    server = fresh_server()
    arn = server.client(service="secretsmanager").create_secret(Name="kept", SecretString="a")["ARN"]
    server.kill()
    again = fresh_server(data_dir=server.data_dir)
    assert again.client(service="secretsmanager").get_secret_value(SecretId=arn)["SecretString"] == "a"


def test_a_function_reads_a_secret_with_nothing_configured(deploy, server):
    server.client(service="secretsmanager").create_secret(Name="for-function", SecretString="42")
    function = deploy("""
        import boto3
        def handler(event, context):
            return boto3.client("secretsmanager").get_secret_value(SecretId="for-function")["SecretString"]
    """)
    assert function.invoke().payload == "42"
