"""STS: who calls, sessions of roles; and who a function is when it calls."""

import json
import uuid

import pytest

from refusals import refused

WHO = """
import json, os
import boto3

def handler(event, context):
    sts = boto3.client("sts")
    me = sts.get_caller_identity()
    return {
        "arn": me["Arn"], "account": me["Account"], "user": me["UserId"],
        "key": os.environ["AWS_ACCESS_KEY_ID"], "token": len(os.environ["AWS_SESSION_TOKEN"]),
        "endpoint": os.environ.get("AWS_ENDPOINT_URL"),
    }
"""


def trust(**principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def sts(server):
    return server.client(service="sts")


def test_who_calls(server, sts):
    me = sts.get_caller_identity()
    assert (me["Account"], me["Arn"]) == ("000000000000", "arn:aws:iam::000000000000:root")
    other = server.client(service="sts", access_key="123456789012").get_caller_identity()
    assert (other["Account"], other["UserId"]) == ("123456789012", "123456789012")


def test_a_session_of_a_role(server, sts):
    name = f"role-{uuid.uuid4().hex[:8]}"
    iam = server.client(service="iam", access_key="123456789012")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(AWS="*"))["Role"]
    assumed = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=900)
    assert assumed["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role['RoleId']}:session",
        "Arn": f"arn:aws:sts::123456789012:assumed-role/{name}/session",
    }
    keys = assumed["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    session = server.client(
        service="sts",
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        token=keys["SessionToken"],
    )
    me = session.get_caller_identity()
    assert (me["Arn"], me["Account"]) == (assumed["AssumedRoleUser"]["Arn"], "123456789012")
    assert sts.get_access_key_info(AccessKeyId=keys["AccessKeyId"])["Account"] == "123456789012"
    with refused(400, "ValidationError"):
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=43_200)


def test_a_role_decides_who_may_assume_it(server, sts):
    name = f"role-{uuid.uuid4().hex[:8]}"
    iam = server.client(service="iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"]["Arn"]
    with refused(403, "AccessDenied", contains=["is not authorized to perform: sts:AssumeRole on resource: " + arn]):
        sts.assume_role(RoleArn=arn, RoleSessionName="session")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "000000000000"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "the-right-one"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
    with refused(403, "AccessDenied"):
        sts.assume_role(RoleArn=arn, RoleSessionName="session", ExternalId="another-one")
    assert sts.assume_role(RoleArn=arn, RoleSessionName="session", ExternalId="the-right-one")["Credentials"]


def test_session_tokens(server, sts):
    keys = sts.get_session_token(DurationSeconds=900)["Credentials"]
    session = server.client(
        service="sts",
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        token=keys["SessionToken"],
    )
    assert session.get_caller_identity()["Arn"] == sts.get_caller_identity()["Arn"]


@pytest.mark.parametrize(
    "call",
    [
        lambda sts: sts.assume_role(RoleArn="x", RoleSessionName="session"),
        lambda sts: sts.assume_role(RoleArn="arn:aws:iam::1:role/r", RoleSessionName="with space"),
        lambda sts: sts.get_session_token(DurationSeconds=1),
    ],
)
def test_bad_input_gets_stss_error(server, call):
    with refused(400, "ValidationError"):
        call(server.client(service="sts", parameter_validation=False))


# --- Who a function is ------------------------------------------------------------------------------------------


def test_m_02_a_function_is_a_session_of_its_role(server, deploy):
    name = f"role-{uuid.uuid4().hex[:8]}"
    iam = server.client(service="iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"]
    functions = [deploy(WHO, Role=role["Arn"], MemorySize=256) for _ in range(2)]
    answers = [function.invoke().payload for function in functions]
    for function, answer in zip(functions, answers):
        assert answer["arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}/{function.name}"
        assert answer["user"] == f"{role['RoleId']}:{function.name}"
    assert answers[0]["key"] != answers[1]["key"], "different functions have different keys"


def test_m_03_the_credentials_are_the_roles_accounts(deploy):
    answer = deploy(WHO, Role="arn:aws:iam::123456789012:role/synthetic", MemorySize=256).invoke().payload
    assert answer["arn"].startswith("arn:aws:sts::123456789012:assumed-role/synthetic/")
    assert (answer["account"], answer["key"][:4]) == ("123456789012", "ASIA")
    assert answer["token"] > 100
    assert answer["endpoint"].startswith("http://169.254.100."), "an IP literal, so that SDKs use path-style S3"
