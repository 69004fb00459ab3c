"""What an account has beside roles and policies: OpenID Connect providers, rules for passwords, certificates, the report."""

import base64
import csv
import uuid

import pytest

from refusals import refused

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----"


def certificate(number):
    """The wrapping of one; nobody looks inside."""
    return PEM.format(base64.b64encode(bytes([0x30, 3, 2, 1, number])).decode())


@pytest.fixture
def iam(server):
    """In an account of the test's own."""
    return server.client(service="iam", access_key=str(uuid.uuid4().int % 10**12).zfill(12))


@pytest.fixture
def user(iam):
    iam.create_user(UserName="somebody")
    return "somebody"


def test_an_openid_connect_provider_lives(iam):
    arn = iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["a" * 40],
        Tags=[{"Key": "k", "Value": "v"}],
    )["OpenIDConnectProviderArn"]
    assert arn.endswith(":oidc-provider/token.actions.githubusercontent.com")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["k"])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["Url"] == "token.actions.githubusercontent.com"
    assert (found["ClientIDList"], found["ThumbprintList"]) == (["other"], ["b" * 40])
    tags = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]
    assert tags == found["Tags"] == [{"Key": "l", "Value": "w"}]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    with refused(409, "EntityAlreadyExists"):
        iam.create_open_id_connect_provider(Url="https://token.actions.githubusercontent.com")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused(404, "NoSuchEntity"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused(400, "ValidationError"):
        iam.create_open_id_connect_provider(Url="no url")
    with refused(400, "InvalidInput"):
        iam.create_open_id_connect_provider(Url="https://example.com", ThumbprintList=["c" * 40] * 6)
    with refused(409, "LimitExceeded"):
        iam.create_open_id_connect_provider(Url="https://example.com", ClientIDList=[str(n) for n in range(101)])


def test_passwords_are_held_against_the_accounts_rules(iam, user):
    with refused(404, "NoSuchEntity"):
        iam.get_account_password_policy()
    with refused(404, "NoSuchEntity"):
        iam.delete_account_password_policy()
    with refused(400, "PasswordPolicyViolation"):
        iam.create_login_profile(UserName=user, Password="my-pass")
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, MaxPasswordAge=90)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["ExpirePasswords"]) == (12, True)
    for password in ("Abcdefg-1", "Abcdefghijk1"):
        with refused(400, "PasswordPolicyViolation"):
            iam.create_login_profile(UserName=user, Password=password)
    iam.create_login_profile(UserName=user, Password="abcdefghijk-", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"]
    with refused(409, "EntityAlreadyExists"):
        iam.create_login_profile(UserName=user, Password="abcdefghijk-")
    with refused(400, "PasswordPolicyViolation"):
        iam.update_login_profile(UserName=user, Password="short")
    with refused(409, "DeleteConflict"):
        iam.delete_user(UserName=user)
    iam.delete_login_profile(UserName=user)
    for call in (iam.get_login_profile, iam.delete_login_profile):
        with refused(404, "NoSuchEntity"):
            call(UserName=user)
    iam.delete_account_password_policy()


def test_certificates_are_kept_two_by_two(iam, user):
    first = iam.upload_signing_certificate(UserName=user, CertificateBody=certificate(1))["Certificate"]
    with refused(409, "DuplicateCertificate"):
        iam.upload_signing_certificate(UserName=user, CertificateBody=certificate(1))
    iam.upload_signing_certificate(UserName=user, CertificateBody=certificate(2))
    with refused(409, "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2"):
        iam.upload_signing_certificate(UserName=user, CertificateBody=certificate(3))
    with refused(400, "MalformedCertificate"):
        iam.upload_signing_certificate(UserName=user, CertificateBody="none")
    iam.update_signing_certificate(UserName=user, CertificateId=first["CertificateId"], Status="Inactive")
    listed = {one["CertificateBody"]: one["Status"] for one in iam.list_signing_certificates(UserName=user)["Certificates"]}
    assert listed == {certificate(1): "Inactive", certificate(2): "Active"}
    with refused(409, "DeleteConflict"):
        iam.delete_user(UserName=user)
    for one in iam.list_signing_certificates(UserName=user)["Certificates"]:
        iam.delete_signing_certificate(UserName=user, CertificateId=one["CertificateId"])
    with refused(404, "NoSuchEntity"):
        iam.delete_signing_certificate(UserName=user, CertificateId=first["CertificateId"])
    iam.delete_user(UserName=user)


def test_the_report_tells_who_has_what(iam, user):
    with refused(410, "ReportNotPresent"):
        iam.get_credential_report()
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
    iam.create_access_key(UserName=user)
    iam.create_user(UserName="a,b")
    assert [iam.generate_credential_report()["State"] for _ in range(2)] == ["STARTED", "COMPLETE"]
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = {row["user"]: row for row in csv.DictReader(report["Content"].decode().splitlines())}
    assert set(rows) == {"<root_account>", user, "a,b"}
    assert rows["a,b"]["arn"].endswith(":user/a,b") and rows["a,b"]["password_enabled"] == "false"
    assert (rows[user]["access_key_1_active"], rows[user]["access_key_2_active"]) == ("false", "true")
    assert (rows[user]["password_enabled"], rows[user]["cert_1_active"]) == ("false", "false")


def test_arns_are_of_the_regions_partition(server):
    account = str(uuid.uuid4().int % 10**12).zfill(12)
    iam = server.client(service="iam", region="cn-north-1", access_key=account)
    assert iam.create_user(UserName="u")["User"]["Arn"] == f"arn:aws-cn:iam::{account}:user/u"
    key = iam.create_access_key(UserName="u")["AccessKey"]
    keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
    sts = server.client(service="sts", region="cn-north-1", **keys)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws-cn:iam::{account}:user/u"
    role = f"arn:aws-cn:iam::{account}:role/r"
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="ss")["AssumedRoleUser"]["Arn"]
    assert assumed == f"arn:aws-cn:sts::{account}:assumed-role/r/ss"
