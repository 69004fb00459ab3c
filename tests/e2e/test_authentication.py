"""`--auth enforce`: nothing is believed that is not signed, of any service."""

import datetime
import json
import subprocess
import urllib.error
import urllib.request

import botocore.auth
import pytest

import lambent
from packages import make_zip
from refusals import refused

ROOT = ("AKIAROOTROOTROOTROOT", "the secret of the root")
SERVICES = {
    "lambda": lambda client: client.list_functions(),
    "iam": lambda client: client.list_roles(),
    "sts": lambda client: client.get_caller_identity(),
    "s3": lambda client: client.list_buckets(),
}
MISMATCH = {
    "lambda": "InvalidSignatureException",
    "iam": "SignatureDoesNotMatch",
    "sts": "SignatureDoesNotMatch",
    "s3": "SignatureDoesNotMatch",
}
UNKNOWN = {
    "lambda": "UnrecognizedClientException",
    "iam": "InvalidClientTokenId",
    "sts": "InvalidClientTokenId",
    "s3": "InvalidAccessKeyId",
}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture(scope="module")
def enforced(module_servers):
    return module_servers.start(
        "--auth", "enforce", "--root-access-key-id", ROOT[0], "--root-secret-access-key", ROOT[1]
    )


@pytest.fixture
def clients(enforced):
    """Clients of the root's, by service."""
    return lambda service, **more: enforced.client(service=service, access_key=ROOT[0], secret_key=ROOT[1], **more)


def shift_clock(monkeypatch, seconds):
    """The signer's clock is off."""
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda *args, **more: now(*args, **more) + datetime.timedelta(seconds=seconds)
    )


@pytest.mark.parametrize("service", SERVICES)
def test_the_right_key_opens_and_others_do_not(enforced, clients, service):
    call = SERVICES[service]
    call(clients(service))
    with refused(403, MISMATCH[service]):
        call(enforced.client(service=service, access_key=ROOT[0], secret_key="wrong"))
    with refused(403, UNKNOWN[service]):
        call(enforced.client(service=service, access_key="AKIANOBODYNOBODYNOBO"))
    with refused(403, UNKNOWN[service]):
        call(enforced.client(service=service, access_key="111111111111"))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("seconds", [-16 * 60, 16 * 60])
def test_a_clock_may_be_off_by_a_quarter_of_an_hour(clients, monkeypatch, service, seconds):
    call, client = SERVICES[service], clients(service)
    shift_clock(monkeypatch, seconds)
    code = "RequestTimeTooSkewed" if service == "s3" else MISMATCH[service]
    with refused(403, code):
        call(client)
    monkeypatch.undo()
    shift_clock(monkeypatch, seconds * 14 // 16)
    call(client)


@pytest.mark.parametrize("path", ["/2015-03-31/functions", "/some-bucket/key", "/2015-03-31/functions/f/invocations"])
def test_what_is_not_signed_is_refused(enforced, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{enforced.endpoint}{path}")
    body = caught.value.read().decode()
    assert caught.value.code == 403
    assert "Access Denied" in body if "bucket" in path else "Missing Authentication Token" in body


@pytest.mark.parametrize("service", ["lambda", "sts", "s3"])
def test_what_is_changed_after_signing_is_refused(clients, service):
    client = clients(service)

    def change(request, **_):
        if service == "s3":
            request.headers["x-amz-meta-more"] = "unsigned"
        elif request.body:
            body = request.body.encode() if isinstance(request.body, str) else request.body
            request.body = body + b" "
            request.headers["Content-Length"] = str(len(request.body))
        else:
            request.url += "?Marker=x"

    client.meta.events.register(f"before-send.{service}", change)
    with pytest.raises(Exception) as caught:
        SERVICES[service](client)
    assert caught.value.response["Error"]["Code"] in (MISMATCH[service], "AuthorizationHeaderMalformed")


@pytest.mark.parametrize("scope", ["region", "service"])
def test_a_signature_is_for_one_region_and_service(enforced, clients, scope):
    client = clients("lambda")

    def change(request, **_):
        header = request.headers["Authorization"]
        header = header.decode() if isinstance(header, bytes) else header
        old, new = ("us-east-1/lambda", "eu-west-1/lambda") if scope == "region" else ("/lambda/", "/another/")
        request.headers["Authorization"] = header.replace(old, new)

    client.meta.events.register("before-send.lambda", change)
    with refused(403, "InvalidSignatureException"):
        client.list_functions()


def test_bodies_of_s3_are_what_was_signed(enforced, clients):
    s3 = clients("s3")
    s3.create_bucket(Bucket="proven")
    s3.put_object(Bucket="proven", Key="chunked", Body=b"x" * 300_000)  # unsigned pieces, a checksum behind them
    plain = clients("s3", request_checksum_calculation="when_required", s3={"payload_signing_enabled": True})
    plain.put_object(Bucket="proven", Key="hashed", Body=b"y" * 3_000_000)
    for key, body in (("chunked", b"x" * 300_000), ("hashed", b"y" * 3_000_000)):
        assert s3.get_object(Bucket="proven", Key=key)["Body"].read() == body

    def change(request, **_):
        body = request.body.read() if hasattr(request.body, "read") else request.body
        request.body = b"z" + body[1:]

    for size in (1_000, 3_000_000):
        changing = clients("s3", request_checksum_calculation="when_required", s3={"payload_signing_enabled": True})
        changing.meta.events.register("before-send.s3", change)
        with refused(400, "XAmzContentSHA256Mismatch"):
            changing.put_object(Bucket="proven", Key="changed", Body=b"y" * size)
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="proven")["Contents"]]
    assert keys == ["chunked", "hashed"]


def test_presigned_requests_of_s3(enforced, clients):
    s3 = clients("s3", signature_version="s3v4")
    s3.create_bucket(Bucket="presigned")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "presigned", "Key": "k"})
    urllib.request.urlopen(urllib.request.Request(put, data=b"body", method="PUT"))
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"})
    assert urllib.request.urlopen(get).read() == b"body"
    for wrong in (get.replace("/k?", "/other?"), get + "&versionId=null", get.replace("Expires=3600", "Expires=3601")):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(wrong)
        assert caught.value.code == 403 and b"SignatureDoesNotMatch" in caught.value.read(), wrong
    old = clients("s3", signature_version="s3").generate_presigned_url(
        "get_object", Params={"Bucket": "presigned", "Key": "k"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(old)
    assert b"Please use AWS4-HMAC-SHA256" in caught.value.read()


def test_keys_of_users_and_sessions_of_roles(enforced, clients):
    iam, sts = clients("iam"), clients("sts")
    iam.create_user(UserName="signer")
    key = iam.create_access_key(UserName="signer")["AccessKey"]
    user = enforced.client(service="sts", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    assert user.get_caller_identity()["Arn"].endswith(":user/signer")
    role = iam.create_role(RoleName="assumed", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    session = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    keys = {"access_key": session["AccessKeyId"], "secret_key": session["SecretAccessKey"]}
    with_token = enforced.client(service="sts", token=session["SessionToken"], **keys)
    assert with_token.get_caller_identity()["Arn"].endswith(":assumed-role/assumed/session")
    with refused(403, "InvalidClientTokenId"):
        enforced.client(service="sts", **keys).get_caller_identity()
    with refused(403, "InvalidClientTokenId"):
        forged = session["SessionToken"][:-4] + "AAAA"
        enforced.client(service="sts", token=forged, **keys).get_caller_identity()
    iam.update_access_key(UserName="signer", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with refused(403, "InvalidClientTokenId"):
        user.get_caller_identity()


def test_nobody_becomes_a_role_that_does_not_exist(clients, python_runtime):
    with refused(403, "AccessDenied", contains=["is not authorized to perform: sts:AssumeRole"]):
        clients("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/made-up", RoleSessionName="session")
    function = {
        "FunctionName": "borrower",
        "Runtime": python_runtime,
        "Handler": "app.handler",
        "Code": {"ZipFile": make_zip({"app.py": "def handler(event, context):\n    return 1\n"})},
    }
    for arn in ("arn:aws:iam::123456789012:role/made-up", "arn:aws:iam::000000000000:role/made-up"):
        with refused(400, "InvalidParameterValueException", contains=["cannot be assumed by Lambda"]):
            clients("lambda").create_function(Role=arn, **function)


def test_own_pages_are_for_the_root(enforced, clients):
    assert enforced.get("/_lambent/health")[0] == 200
    for path in ("/_lambent/logs?account=0&region=r&function=f", "/_lambent/watch?x"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            enforced.get(path)
        assert caught.value.code == 403 and b"Missing Authentication Token" in caught.value.read(), path
    environment = {
        **enforced.environment(),
        "LAMBENT_ROOT_ACCESS_KEY_ID": ROOT[0],
        "LAMBENT_ROOT_SECRET_ACCESS_KEY": ROOT[1],
    }
    command = [lambent.binary(), "logs", "no-such-function"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert "Function not found" in done.stdout + done.stderr, "signed, it is answered"


def test_enforcing_needs_a_first_key(tmp_path):
    command = [lambent.binary(), "serve", "--auth", "enforce", "--data-dir", str(tmp_path), "--listen", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={})
    assert done.returncode != 0 and "LAMBENT_ROOT_ACCESS_KEY_ID" in done.stderr
