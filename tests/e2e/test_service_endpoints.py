"""Services that the operator has elsewhere: requests pass through this server and are signed for the endpoint.

The endpoint is another server that verifies signatures, so that whatever arrives there is signed right.
"""

import http.server
import json
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

import lambent
from functions import Deployer, Function
from lambent import ROLE
from packages import make_zip
from refusals import refused

ROOT = ("AKIAELSEWHEREELSEWHE", "the secret of elsewhere")
THERE = "123456789012"


@pytest.fixture(scope="module")
def there(module_servers):
    """The server that has the services."""
    keys = ("--root-access-key-id", ROOT[0], "--root-secret-access-key", ROOT[1])
    return module_servers.start("--auth", "enforce", "--account-id", THERE, *keys)


@pytest.fixture(scope="module")
def here(module_servers, there):
    """The server whose S3 and STS are elsewhere, and that knows the key."""
    keys = {}
    for service in ("S3", "STS"):
        keys |= {f"LAMBENT_{service}_ACCESS_KEY_ID": ROOT[0], f"LAMBENT_{service}_SECRET_ACCESS_KEY": ROOT[1]}
    mapped = [f"--service-endpoint={service}={there.endpoint}" for service in ("s3", "sts")]
    return module_servers.start(*mapped, env=keys)


@pytest.fixture(scope="module")
def s3_there(there):
    return there.client(service="s3", access_key=ROOT[0], secret_key=ROOT[1])


@pytest.fixture(scope="module")
def bucket(s3_there):
    name = f"elsewhere-{uuid.uuid4().hex[:8]}"
    s3_there.create_bucket(Bucket=name)
    return name


@pytest.fixture
def deploy_here(here, python_runtime):
    deployer = Deployer(here.client(), python_runtime)
    yield deployer
    deployer.close()


def test_an_object_goes_to_the_endpoint_and_comes_back(here, s3_there, bucket):
    s3 = here.client(service="s3")
    for size in (0, 5, 3_000_000):
        body = bytes(index % 251 for index in range(size))
        s3.put_object(Bucket=bucket, Key="a folder/ü+%.bin", Body=body, ContentType="text/x", Metadata={"k": "v"})
        assert s3_there.get_object(Bucket=bucket, Key="a folder/ü+%.bin")["Body"].read() == body
        answer = s3.get_object(Bucket=bucket, Key="a folder/ü+%.bin")
        assert (answer["Body"].read(), answer["ContentType"], answer["Metadata"]) == (body, "text/x", {"k": "v"})
    assert s3.get_object(Bucket=bucket, Key="a folder/ü+%.bin", Range="bytes=0-2")["Body"].read() == b"\0\1\2"
    keys = [line["Key"] for line in s3.list_objects_v2(Bucket=bucket, Prefix="a folder/")["Contents"]]
    assert keys == ["a folder/ü+%.bin"]


def test_the_endpoints_errors_are_the_answer(here, bucket):
    s3 = here.client(service="s3")
    with refused(404, "NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="missing")
    with refused(404, "NoSuchBucket"):
        s3.list_objects_v2(Bucket="no-such-bucket-anywhere")


def test_presigned_requests_are_good_until_they_expire(here, bucket):
    s3 = here.client(service="s3")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "presigned"}, ExpiresIn=60)
    with urllib.request.urlopen(urllib.request.Request(put, data=b"by presigned", method="PUT")) as answer:
        assert answer.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "presigned"}, ExpiresIn=60)
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"by presigned"
    late = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "presigned"}, ExpiresIn=-5)
    with pytest.raises(urllib.error.HTTPError) as expired:
        urllib.request.urlopen(late)
    assert expired.value.code == 403


@pytest.mark.parametrize("kind", ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"])
def test_bodies_in_pieces_arrive_whole(here, s3_there, bucket, kind):
    body = (
        b"5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n"
        if "AWS4" in kind
        else b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    )
    headers = {"x-amz-content-sha256": kind, "x-amz-decoded-content-length": "5", "content-encoding": "aws-chunked"}
    if "TRAILER" in kind:
        headers["x-amz-trailer"] = "x-amz-checksum-crc32"
    request = urllib.request.Request(f"{here.endpoint}/{bucket}/pieces", data=body, method="PUT", headers=headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    found = s3_there.get_object(Bucket=bucket, Key="pieces", ChecksumMode="ENABLED")
    assert found["Body"].read() == b"hello"
    assert "ContentEncoding" not in found
    assert ("TRAILER" in kind) == (found.get("ChecksumCRC32") == "NhCmhg==")


def test_a_bucket_in_the_host_is_found(here, s3_there, bucket):
    s3_there.put_object(Bucket=bucket, Key="hosted", Body=b"found")
    request = urllib.request.Request(
        f"{here.endpoint}/hosted", headers={"Host": f"{bucket}.s3.us-east-1.amazonaws.com"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"found"


def test_a_service_with_forms_is_elsewhere_as_well(here):
    assert here.client(service="sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{THERE}:root"


def test_a_function_reaches_it_and_never_sees_the_key(here, s3_there, bucket, deploy_here):
    s3_there.put_object(Bucket=bucket, Key="for-functions", Body=b"from elsewhere")
    function = deploy_here(f"""
        import boto3, os
        def handler(event, context):
            body = boto3.client("s3").get_object(Bucket="{bucket}", Key="for-functions")["Body"].read()
            return [body.decode(), os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_ENDPOINT_URL_S3"], repr(os.environ)]
    """, Timeout=60, MemorySize=512)
    body, everything, of_s3, variables = function.invoke().payload
    assert body == "from elsewhere"
    assert everything == of_s3
    assert ROOT[0] not in variables and ROOT[1] not in variables


def test_code_comes_from_there(here, s3_there, bucket, python_runtime):
    package = make_zip({"app.py": "def handler(event, context):\n    return 'from there'\n"})
    s3_there.put_object(Bucket=bucket, Key="the code.zip", Body=package)
    client = here.client()
    settings = {"Runtime": python_runtime, "Role": ROLE, "Handler": "app.handler"}
    name = f"e2e-{uuid.uuid4().hex[:12]}"
    wrong = {"S3Bucket": bucket, "S3Key": "missing.zip"}
    with refused(400, "InvalidParameterValueException", contains=["NoSuchKey"]):
        client.create_function(FunctionName=name, Code=wrong, **settings)
    code = {"S3Bucket": bucket, "S3Key": "the code.zip"}
    answer = client.create_function(FunctionName=name, Code=code, **settings)
    function = Function(client, name, answer["FunctionArn"]).wait_active()
    try:
        assert function.invoke().payload == "from there"
    finally:
        function.delete()


def test_only_mapped_services_are_named_where_the_endpoint_is_not(fresh_server, there, python_runtime):
    server = fresh_server("--no-endpoint-url", f"--service-endpoint=dynamodb={there.endpoint}")
    deployer = Deployer(server.client(), python_runtime)
    try:
        function = deployer("""
            import os
            def handler(event, context):
                return sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL"))
        """)
        expected = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"]
        assert function.invoke().payload == expected
    finally:
        deployer.close()


def test_a_service_that_is_nowhere_names_the_setting(here):
    for service in ("ssm", "cloudformation"):
        client = here.client(service=service)
        with refused(501, "NotImplemented", contains=[f"--service-endpoint {service}=URL"]):
            client.describe_parameters() if service == "ssm" else client.list_stacks()


def test_an_endpoint_that_does_not_answer_is_unavailable(fresh_server):
    nobody = "http://127.0.0.1:1"
    server = fresh_server(f"--service-endpoint=s3={nobody}", f"--service-endpoint=secretsmanager={nobody}")
    with refused(503, "ServiceUnavailable"):
        server.client(service="s3").list_buckets()
    with refused(503, "ServiceUnavailable"):
        server.client(service="secretsmanager").list_secrets()


def test_a_service_cannot_be_mapped_to_the_server_itself(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    arguments = ("serve", "--data-dir", tmp_path / "data", "--listen", address, f"--service-endpoint=s3=http://{address}")
    done = lambent.run(*arguments)
    assert done.returncode == 1 and "the service s3 is mapped to this server itself" in done.stderr, done


def test_callers_are_proven_before_anything_is_passed_on(fresh_server, there):
    server = fresh_server(
        *("--auth", "enforce", "--root-access-key-id", "AKIAHERE", "--root-secret-access-key", "here"),
        f"--service-endpoint=s3={there.endpoint}",
        f"--service-endpoint=sts={there.endpoint}",
        env={
            "LAMBENT_S3_ACCESS_KEY_ID": ROOT[0],
            "LAMBENT_S3_SECRET_ACCESS_KEY": ROOT[1],
            "LAMBENT_STS_ACCESS_KEY_ID": ROOT[0],
            "LAMBENT_STS_SECRET_ACCESS_KEY": ROOT[1],
        },
    )
    for service, call in (("s3", "list_buckets"), ("sts", "get_caller_identity")):
        right = server.client(service=service, access_key="AKIAHERE", secret_key="here")
        assert getattr(right, call)()
        for key, secret in (("AKIAHERE", "wrong"), ROOT):
            wrong = server.client(service=service, access_key=key, secret_key=secret)
            with pytest.raises(wrong.exceptions.ClientError) as refusal:
                getattr(wrong, call)()
            assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] in (401, 403)


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers everything, and keeps what it was asked."""

    seen = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        type(self).seen.append((self.path, dict(self.headers), body))
        answer = b'{"SecretList": []}'
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def https_endpoint(tmp_path):
    """An HTTPS server with a certificate that only `certificate.pem` vouches for."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
         "-out", certificate, "-keyout", key],
        check=True, capture_output=True,
    )
    Recorder.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}/base", certificate
    server.shutdown()
    server.server_close()


def test_an_https_endpoint_gets_its_path_its_region_and_its_session(fresh_server, https_endpoint):
    url, certificate = https_endpoint
    settings = {
        "LAMBENT_SECRETSMANAGER_ACCESS_KEY_ID": "ASIATHERE",
        "LAMBENT_SECRETSMANAGER_SECRET_ACCESS_KEY": "secret",
        "LAMBENT_SECRETSMANAGER_SESSION_TOKEN": "the token",
        "LAMBENT_SECRETSMANAGER_REGION": "eu-west-1",
    }
    mapped = f"--service-endpoint=secretsmanager={url}"
    server = fresh_server(mapped, env={**settings, "SSL_CERT_FILE": str(certificate)})
    assert server.client(service="secretsmanager").list_secrets(MaxResults=3)["SecretList"] == []
    path, headers, body = Recorder.seen[-1]
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/base/" and json.loads(body) == {"MaxResults": 3}
    assert headers["x-amz-security-token"] == "the token"
    assert "Credential=ASIATHERE/" in headers["authorization"] and "/eu-west-1/secretsmanager/" in headers["authorization"]
    assert headers["x-amz-target"] == "secretsmanager.ListSecrets"
    assert right_signature(url, headers, body) in headers["authorization"]
    untrusting = fresh_server(mapped, env=settings)
    with refused(503, "ServiceUnavailable"):
        untrusting.client(service="secretsmanager").list_secrets()


def right_signature(url, headers, body):
    """What botocore signs for the same request."""
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    kept = {name: headers[name] for name in signed if name not in ("x-amz-security-token", "x-amz-date")}
    request = botocore.awsrequest.AWSRequest("POST", f"{url}/", headers=kept, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    credentials = botocore.credentials.Credentials("ASIATHERE", "secret", "the token")
    signer = botocore.auth.SigV4Auth(credentials, "secretsmanager", "eu-west-1")
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = "the token"
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request)
