"""HTTPS on the address of HTTP: the same requests, HTTP/2 included, with a certificate of the server's own or of the operator's."""

import datetime
import ipaddress
import json
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import lambent
from functions import Deployer, open_to_all
from test_function_url_requests import ECHO


@pytest.fixture
def own(server, tmp_path):
    """Where the certificate that the server has made is."""
    path = tmp_path / "own.pem"
    path.write_bytes(server.get("/_lambent/certificate")[2])
    return path


def secured(server):
    return server.endpoint.replace("http://", "https://")


def test_clients_that_trust_the_servers_own_certificate_speak_tls(server, own, python_runtime):
    client = boto3.client(
        "lambda", endpoint_url=secured(server), verify=str(own), region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    function = Deployer(client, python_runtime)(ECHO)
    url = client.create_function_url_config(FunctionName=function.name, AuthType="NONE")["FunctionUrl"]
    assert url.startswith("https://")
    open_to_all(client, function.name)
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("skipped: curl is not installed")
    name, port = url.removeprefix("https://").removesuffix("/").rsplit(":", 1)
    for version, protocol in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")]:
        asked = [curl, "-sS", version, "--cacert", own, "--resolve", f"{name}:{port}:127.0.0.1", url]
        event = json.loads(subprocess.run(asked, capture_output=True, timeout=60, check=True).stdout)
        assert event["requestContext"]["http"]["protocol"] == protocol
        assert (event["headers"]["x-forwarded-proto"], event["headers"]["x-forwarded-port"]) == ("https", port)
    function.delete()


def test_nobody_has_to_trust_it(server):
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(secured(server) + "/_lambent/health", timeout=20)
    # And HTTP goes on beside it.
    assert server.health()["status"] == "ok"


def test_a_handshake_that_is_none_harms_nobody(server):
    for sent in [b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x16" * 2_000]:
        with socket.create_connection(("127.0.0.1", int(server.endpoint.rsplit(":", 1)[1])), timeout=20) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert server.health()["status"] == "ok"


def test_the_servers_own_certificate_outlives_it(fresh_server):
    server = fresh_server()
    before = server.get("/_lambent/certificate")[2]
    assert before.startswith(b"-----BEGIN CERTIFICATE-----")
    server.kill()
    assert fresh_server(data_dir=server.data_dir).get("/_lambent/certificate")[2] == before


def write_certificate(folder, name):
    """A certificate for localhost, by itself, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    made = builder.not_valid_after(now + datetime.timedelta(days=2)).add_extension(names, False).sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


def seen(server):
    """Whose certificate a client sees."""
    port = int(server.endpoint.rsplit(":", 1)[1])
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=20)
    return x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string()


def test_the_operators_certificate_is_read_again_when_it_changes(fresh_server, tmp_path):
    write_certificate(tmp_path, "first")
    server = fresh_server("--tls-certificate", tmp_path / "certificate.pem", "--tls-key", tmp_path / "key.pem")
    assert seen(server) == "CN=first"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        server.get("/_lambent/certificate")
    write_certificate(tmp_path, "second")
    deadline = time.monotonic() + 10
    while seen(server) != "CN=second":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # What is wrong is not taken.
    (tmp_path / "certificate.pem").write_text("nothing of the kind")
    time.sleep(1.2)
    assert seen(server) == "CN=second"


def test_a_certificate_that_is_none_keeps_the_server_from_starting(all_servers, tmp_path):
    write_certificate(tmp_path, "first")
    (tmp_path / "key.pem").write_text("nothing of the kind")
    with pytest.raises(lambent.ServerFailed, match="no PEM"):
        all_servers.start("--tls-certificate", tmp_path / "certificate.pem", "--tls-key", tmp_path / "key.pem")
