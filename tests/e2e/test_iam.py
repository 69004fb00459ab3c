"""IAM: roles, users, groups, policies, access keys, instance profiles, and what a function's role must be."""

import json
import uuid

import pytest

from lambent import ROLE
from packages import make_zip
from refusals import refused

READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
MALFORMED = "MalformedPolicyDocument"


def trust(service="lambda.amazonaws.com"):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def iam(server):
    return server.client(service="iam")


@pytest.fixture
def role(iam):
    name = unique("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(), Path="/team/", Description="d")
    return name


@pytest.fixture
def user(iam):
    name = unique("user")
    iam.create_user(UserName=name, Path="/team/")
    return name


@pytest.fixture
def policy(iam):
    return iam.create_policy(PolicyName=unique("policy"), PolicyDocument=json.dumps(READ))["Policy"]["Arn"]


def test_a_role_lives_and_dies(iam, role):
    found = iam.get_role(RoleName=role)["Role"]
    assert found["Arn"] == f"arn:aws:iam::000000000000:role/team/{role}"
    assert (found["Path"], found["Description"], found["MaxSessionDuration"]) == ("/team/", "d", 3600)
    assert found["RoleId"].startswith("AROA") and len(found["RoleId"]) == 21
    assert found["AssumeRolePolicyDocument"] == json.loads(trust())
    with refused(409, "EntityAlreadyExists", f"Role with name {role} already exists."):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust())
    iam.update_role(RoleName=role, Description="other", MaxSessionDuration=7200)
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust("ec2.amazonaws.com"))
    changed = iam.get_role(RoleName=role)["Role"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("other", 7200)
    assert changed["AssumeRolePolicyDocument"] == json.loads(trust("ec2.amazonaws.com"))
    assert role in [r["RoleName"] for r in iam.list_roles(PathPrefix="/team/")["Roles"]]
    iam.tag_role(RoleName=role, Tags=[{"Key": "k", "Value": "v"}])
    assert iam.list_role_tags(RoleName=role)["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.untag_role(RoleName=role, TagKeys=["k"])
    assert iam.list_role_tags(RoleName=role)["Tags"] == []
    iam.delete_role(RoleName=role)
    with refused(404, "NoSuchEntity", f"The role with name {role} cannot be found."):
        iam.get_role(RoleName=role)


@pytest.mark.parametrize(
    "document",
    ["no json", "{}", '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}'],
)
def test_a_malformed_trust_policy_is_refused(iam, document):
    with refused(400, MALFORMED):
        iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=document)


def test_inline_and_attached_policies_keep_a_role(iam, role, policy):
    iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=json.dumps(READ))
    assert iam.get_role_policy(RoleName=role, PolicyName="inline")["PolicyDocument"] == READ
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["inline"]
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    iam.attach_role_policy(RoleName=role, PolicyArn=BASIC)
    attached = {p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}
    assert attached == {policy, BASIC}
    assert [r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=policy)["PolicyRoles"]] == [role]
    with refused(409, "DeleteConflict"):
        iam.delete_role(RoleName=role)
    with refused(409, "DeleteConflict"):
        iam.delete_policy(PolicyArn=policy)
    for arn in attached:
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.delete_role_policy(RoleName=role, PolicyName="inline")
    iam.delete_role(RoleName=role)
    iam.delete_policy(PolicyArn=policy)
    with refused(404, "NoSuchEntity"):
        iam.get_policy(PolicyArn=policy)


def test_a_policy_has_up_to_five_versions(iam, policy):
    for number in range(2, 6):
        made = iam.create_policy_version(PolicyArn=policy, PolicyDocument=json.dumps(READ), SetAsDefault=number == 3)
        assert made["PolicyVersion"]["VersionId"] == f"v{number}"
    with refused(409, "LimitExceeded"):
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=json.dumps(READ))
    assert iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"] == "v3"
    with refused(409, "DeleteConflict"):
        iam.delete_policy_version(PolicyArn=policy, VersionId="v3")
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v1")
    iam.delete_policy_version(PolicyArn=policy, VersionId="v3")
    versions = [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=policy)["Versions"]]
    assert sorted(versions) == ["v1", "v2", "v4", "v5"]
    assert iam.get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]["Document"] == READ


def test_policies_of_aws_are_there_and_cannot_be_changed(iam):
    found = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert found["PolicyName"] == "AWSLambdaBasicExecutionRole"
    document = iam.get_policy_version(PolicyArn=BASIC, VersionId=found["DefaultVersionId"])["PolicyVersion"]["Document"]
    actions = [action for statement in document["Statement"] for action in statement["Action"]]
    assert "logs:PutLogEvents" in actions
    with pytest.raises(iam.exceptions.ClientError):
        iam.delete_policy(PolicyArn=BASIC)


def test_users_groups_and_access_keys(server, iam, user, policy):
    group = unique("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert [u["UserName"] for u in iam.get_group(GroupName=group)["Users"]] == [user]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName=user)["Groups"]] == [group]
    iam.attach_group_policy(GroupName=group, PolicyArn=policy)
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=json.dumps(READ))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA") and len(key["SecretAccessKey"]) == 40
    iam.create_access_key(UserName=user)
    with refused(409, "LimitExceeded"):
        iam.create_access_key(UserName=user)
    own = server.client(service="iam", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    assert own.get_user()["User"]["UserName"] == user, "who signs is known, also where nobody checks"
    with refused(409, "DeleteConflict"):
        iam.delete_user(UserName=user)
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    assert sorted(k["Status"] for k in keys) == ["Active", "Inactive"]
    for one in keys:
        iam.delete_access_key(UserName=user, AccessKeyId=one["AccessKeyId"])
    iam.detach_user_policy(UserName=user, PolicyArn=policy)
    iam.delete_user_policy(UserName=user, PolicyName="inline")
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.delete_user(UserName=user)
    iam.detach_group_policy(GroupName=group, PolicyArn=policy)
    iam.delete_group(GroupName=group)
    with refused(404, "NoSuchEntity", f"The user with name {user} cannot be found."):
        iam.get_user(UserName=user)


def test_instance_profiles_as_terraform_makes_them(iam, role):
    profile = unique("profile")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    found = iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
    assert [p["InstanceProfileName"] for p in found] == [profile]
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=profile)
    with refused(404, "NoSuchEntity"):
        iam.get_instance_profile(InstanceProfileName=profile)


def test_lists_come_in_pages(iam):
    prefix = f"/{unique('pages')}/"
    names = sorted(unique("role") for _ in range(5))
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(), Path=prefix)
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [len(page["Roles"]) for page in pages] == [2, 2, 1]
    assert [r["RoleName"] for page in pages for r in page["Roles"]] == names


@pytest.mark.parametrize(
    "call, code",
    [
        (lambda iam: iam.get_role(RoleName="no such name!"), "ValidationError"),
        (lambda iam: iam.create_user(UserName="x" * 65), "ValidationError"),
        (lambda iam: iam.get_policy(PolicyArn="not an arn at all ..."), "InvalidInput"),
        (lambda iam: iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust(), Path="no-slash"), "ValidationError"),
        (lambda iam: iam.create_policy(PolicyName="p", PolicyDocument="{"), MALFORMED),
    ],
)
def test_bad_input_gets_iams_error(server, call, code):
    with refused(400, code):
        call(server.client(service="iam", parameter_validation=False))


def test_what_is_not_built_says_so(iam):
    with refused(501, "NotImplemented", contains=["CreateVirtualMFADevice"]):
        iam.create_virtual_mfa_device(VirtualMFADeviceName="device")


@pytest.mark.parametrize("service, call", [("cloudformation", "list_stacks"), ("ec2", "describe_instances"), ("firehose", "list_delivery_streams")])
def test_a_service_that_is_not_built_says_so_in_its_protocol(server, service, call):
    with refused(501, "NotImplemented", contains=[f"The service {service} is not implemented by this server."]):
        getattr(server.client(service=service), call)()


def test_roles_are_there_after_a_crash(fresh_server):
    server = fresh_server()
    server.client(service="iam").create_role(RoleName="kept", AssumeRolePolicyDocument=trust())
    server.kill()
    again = fresh_server(data_dir=server.data_dir)
    assert again.client(service="iam").get_role(RoleName="kept")["Role"]["RoleName"] == "kept"


# --- The role of a function -------------------------------------------------------------------------------------


def function_of(role, runtime):
    return {
        "FunctionName": unique("e2e"),
        "Role": role,
        "Runtime": runtime,
        "Handler": "app.handler",
        "Code": {"ZipFile": make_zip({"app.py": "def handler(event, context):\n    return 1\n"})},
    }


def test_m_02_a_role_that_exists_must_trust_lambda(server, iam, role, python_runtime):
    client = server.client()
    good = iam.get_role(RoleName=role)["Role"]["Arn"]
    name = client.create_function(**function_of(good, python_runtime))["FunctionName"]
    other = unique("role")
    arn = iam.create_role(RoleName=other, AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))["Role"]["Arn"]
    text = "The role defined for the function cannot be assumed by Lambda."
    with refused(400, "InvalidParameterValueException", text):
        client.create_function(**function_of(arn, python_runtime))
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    with refused(400, "InvalidParameterValueException", text):
        client.update_function_configuration(FunctionName=name, Role=arn)
    client.delete_function(FunctionName=name)


def test_a_role_that_does_not_exist_is_accepted(deploy):
    assert deploy("def handler(event, context):\n    return 1\n", Role=ROLE).invoke().payload == 1
