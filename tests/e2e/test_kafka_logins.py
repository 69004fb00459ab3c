"""Brokers of Kafka that want TLS, a login or a certificate (B.13): asked for by a front of the tests' own, which has another library's
client let in too.
"""

import asyncio
import json
import ssl
import time
import uuid

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import brokers
from kafka_records import ECHOES, got, value


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    """A broker that wants TLS and a login."""
    front = brokers.Front(tmp_path_factory.mktemp("front"), login=("me", "s3cret, really"))
    yield front
    front.stop()


@pytest.fixture
def secret(server):
    """Makes secrets; they go with the test."""
    secrets, made = server.client(service="secretsmanager"), []

    def make(**members):
        made.append(secrets.create_secret(Name=f"kafka-{uuid.uuid4()}", SecretString=json.dumps(members))["ARN"])
        return made[-1]

    yield make
    for arn in made:
        secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def mapped_with(client, function, port, access):
    """A mapping of the topic `behind` with ways in."""
    return client.create_event_source_mapping(
        FunctionName=function.name,
        Topics=["behind"],
        StartingPosition="TRIM_HORIZON",
        SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [f"localhost:{port}"]}},
        SourceAccessConfigurations=[{"Type": kind, "URI": arn} for kind, arn in access.items()],
    )["UUID"]


@pytest.mark.parametrize(
    ("kind", "mechanism"),
    [("BASIC_AUTH", "PLAIN"), ("SASL_SCRAM_256_AUTH", "SCRAM-SHA-256"), ("SASL_SCRAM_512_AUTH", "SCRAM-SHA-512")],
)
def test_a_broker_may_want_a_login_over_tls(server, deploy, front, lambda_client, secret, kind, mechanism):
    """Of the admin's requests nothing goes through the front: the topic is made behind it."""
    behind(front)
    function = deploy(ECHOES)
    authority = secret(certificate=front.authority[0].read_text())
    access = {kind: secret(username="me", password="s3cret, really"), "SERVER_ROOT_CA_CERTIFICATE": authority}
    mapping = mapped_with(lambda_client, function, front.port, access)
    try:
        assert value(got(server, function, 1)[1][0]) == "behind"
        assert mechanism in front.logins()
    finally:
        lambda_client.delete_event_source_mapping(UUID=mapping)


def test_a_broker_may_want_a_certificate(server, deploy, lambda_client, secret, tmp_path):
    front = brokers.Front(tmp_path / "front", wants_certificate=True)
    try:
        behind(front)
        function = deploy(ECHOES)
        authority = {"SERVER_ROOT_CA_CERTIFICATE": secret(certificate=front.authority[0].read_text())}
        certificate, key = (part.read_text() for part in front.client)
        access = {"CLIENT_CERTIFICATE_TLS_AUTH": secret(certificate=certificate, privateKey=key), **authority}
        mapping = mapped_with(lambda_client, function, front.port, access)
        assert value(got(server, function, 1)[1][0]) == "behind"
        lambda_client.delete_event_source_mapping(UUID=mapping)
        # Without one it is not let in.
        mapping = mapped_with(lambda_client, function, front.port, authority)
        problem(lambda_client, mapping, "PROBLEM")
        lambda_client.delete_event_source_mapping(UUID=mapping)
    finally:
        front.stop()


def test_wrong_logins_and_unknown_authorities_are_told(deploy, front, lambda_client, secret):
    behind(front)
    function = deploy(ECHOES)
    authority = {"SERVER_ROOT_CA_CERTIFICATE": secret(certificate=front.authority[0].read_text())}
    right = secret(username="me", password="s3cret, really")
    for access, told in (
        ({"SASL_SCRAM_512_AUTH": secret(username="me", password="wrong"), **authority}, "SASL authentication failed"),
        ({"BASIC_AUTH": secret(username="you", password="s3cret, really"), **authority}, "SASL authentication failed"),
        ({"BASIC_AUTH": right}, "PROBLEM"),
        ({"BASIC_AUTH": secret(user="me"), **authority}, "no username"),
    ):
        mapping = mapped_with(lambda_client, function, front.port, access)
        problem(lambda_client, mapping, told)
        lambda_client.delete_event_source_mapping(UUID=mapping)


def problem(client, mapping, told, timeout_s=40):
    """Waits until a mapping tells of a problem."""
    deadline = time.monotonic() + timeout_s
    while told not in (last := client.get_event_source_mapping(UUID=mapping)["LastProcessingResult"]):
        assert time.monotonic() < deadline, last
        time.sleep(0.1)


def behind(front):
    """Makes a topic with one record in the broker behind the front, once: another library's client goes through it too."""
    if getattr(front, "has_topic", False):
        return
    front.has_topic = True
    context = ssl.create_default_context(cafile=str(front.authority[0]))
    context.load_cert_chain(*map(str, front.client))
    options = {"bootstrap_servers": f"localhost:{front.port}", "security_protocol": "SSL", "ssl_context": context}
    if front.login:
        login = dict(zip(("sasl_plain_username", "sasl_plain_password"), front.login, strict=True))
        options |= {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", **login}

    async def make():
        admin = AIOKafkaAdminClient(**options)
        await admin.start()
        await admin.create_topics([NewTopic("behind", 1, 1)])
        await admin.close()
        async with AIOKafkaProducer(**options) as producer:
            await producer.send_and_wait("behind", b"behind")

    asyncio.run(make())
