"""SNS over http and https: who is subscribed is asked, messages are signed, and what is not taken comes again."""

import base64
import json
import re
import time
import uuid

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from sns_message_validator import SignatureVerificationFailureException, SNSMessageValidator

from refusals import error_of
from webhooks import Webhook, visit

RETRIES_SOON = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2}}


@pytest.fixture
def topic(sns):
    arn = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:12]}")["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def hook():
    with Webhook() as hook:
        yield hook


@pytest.fixture
def dead_letters(sqs):
    """URL and ARN of a queue."""
    name = f"q-{uuid.uuid4().hex[:12]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield url, f"arn:aws:sqs:us-east-1:000000000000:{name}"
    sqs.delete_queue(QueueUrl=url)


def confirmed(sns, topic, hook, **attributes):
    """A subscription of the server, confirmed by its link."""
    sns.subscribe(TopicArn=topic, Protocol=hook.url.split(":")[0], Endpoint=hook.url, Attributes=attributes)
    status, answer = visit(hook.next().envelope()["SubscribeURL"])
    assert status == 200
    return re.search("<SubscriptionArn>(.*)</SubscriptionArn>", answer)[1]


def attributes_of(sns, arn):
    return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


def test_who_is_subscribed_is_asked_and_told_nothing_before(sns, topic, hook):
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    asked = hook.next()
    envelope = asked.envelope()
    assert (asked.kind, envelope["Type"], envelope["TopicArn"]) == ("SubscriptionConfirmation",) * 2 + (topic,)
    assert asked.headers["x-amz-sns-topic-arn"] == topic
    assert asked.headers["x-amz-sns-message-id"] == envelope["MessageId"]
    assert asked.headers["content-type"] == "text/plain; charset=UTF-8"
    assert asked.headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert "x-amz-sns-subscription-arn" not in asked.headers and asked.path == "/hook?a=b"
    sns.publish(TopicArn=topic, Message="too early")
    [pending] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert pending["SubscriptionArn"] == "PendingConfirmation" and pending["Endpoint"] == hook.url
    counts = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (counts["SubscriptionsPending"], counts["SubscriptionsConfirmed"]) == ("1", "0")
    again = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url, ReturnSubscriptionArn=True)
    assert hook.next().envelope()["Token"] == envelope["Token"]
    arn = sns.confirm_subscription(TopicArn=topic, Token=envelope["Token"])["SubscriptionArn"]
    assert arn == again["SubscriptionArn"] == sns.confirm_subscription(TopicArn=topic, Token=envelope["Token"])["SubscriptionArn"]
    shown = attributes_of(sns, arn)
    assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("false", "true")
    sns.publish(TopicArn=topic, Message="m", Subject="s")
    told = hook.next()
    assert (told.kind, told.headers["x-amz-sns-subscription-arn"]) == ("Notification", arn)
    assert {name: told.envelope()[name] for name in ("Message", "Subject")} == {"Message": "m", "Subject": "s"}
    assert hook.is_quiet()


def test_a_token_is_for_one_subscription_of_one_topic(sns, topic, hook):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    token = hook.next().envelope()["Token"]
    assert "Token" in error_of(sns.confirm_subscription, TopicArn=topic, Token="0" * 64)["Message"]
    other = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:12]}")["TopicArn"]
    assert error_of(sns.confirm_subscription, TopicArn=other, Token=token)["Code"] == "InvalidParameter"
    sns.delete_topic(TopicArn=other)
    assert error_of(sns.confirm_subscription, TopicArn=other, Token=token)["Code"] == "NotFound"


def test_messages_carry_signatures_that_a_published_verifier_accepts(server, sns, topic, hook, sqs, dead_letters):
    url, queue = dead_letters
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    asked = hook.next().envelope()
    verifier = SNSMessageValidator(cert_url_regex="^" + re.escape(server.endpoint))
    verifier.validate_message(asked)
    arn = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="zwölf\nBoxkämpfer", Subject="s")
    told = hook.next().envelope()
    verifier.validate_message(told)
    for changed in ({"Message": "zwölf"}, {"Subject": "t"}, {"MessageId": str(uuid.uuid4())}, {"Timestamp": "2000-01-01T00:00:00.000Z"}):
        with pytest.raises(SignatureVerificationFailureException):
            verifier.validate_message({**told, **changed})
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    verifier.validate_message(json.loads(message["Body"]))
    sns.unsubscribe(SubscriptionArn=arn)
    verifier.validate_message(hook.next().envelope())


def test_the_second_version_of_signatures_is_sha_256(sns, topic, hook):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    confirmed(sns, topic, hook)
    sns.publish(TopicArn=topic, Message="m")
    told = hook.next().envelope()
    assert told["SignatureVersion"] == "2"
    _, pem = visit(told["SigningCertURL"])
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert certificate.public_key().key_size == 2048
    signed = "".join(f"{name}\n{told[name]}\n" for name in ("Message", "MessageId", "Timestamp", "TopicArn", "Type"))
    certificate.public_key().verify(base64.b64decode(told["Signature"]), signed.encode(), PKCS1v15(), SHA256())


def test_certificates_have_the_name_that_verifiers_insist_on(fresh_server, tmp_path):
    """Behind a name server and TLS of the operator's, messages pass for AWS's own; and the key outlives the server."""
    certificates = []
    for _ in range(2):
        server = fresh_server("--no-sdk", "--public-url", "https://sns.us-east-1.amazonaws.com", data_dir=tmp_path)
        sns = server.client(service="sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        with Webhook() as hook:
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
            asked = hook.next().envelope()
        path = asked["SigningCertURL"].removeprefix("https://sns.us-east-1.amazonaws.com")
        assert re.fullmatch(r"/SimpleNotificationService-[0-9a-f]{32}\.pem", path)
        _, pem = visit(server.endpoint + path)
        certificates.append(pem)

        class Here(SNSMessageValidator):
            """As it is published, but for where the certificate is fetched."""

            def _verify_signature(self, message):
                super()._verify_signature({**message, "SigningCertURL": server.endpoint + path})

        Here().validate_message(asked)
        server.stop()
    assert certificates[0] == certificates[1]


def test_raw_messages_go_without_envelope(sns, topic, hook):
    policy = {"requestPolicy": {"headerContentType": "application/json"}}
    arn = confirmed(sns, topic, hook, RawMessageDelivery="true", DeliveryPolicy=json.dumps(policy))
    attribute = {"DataType": "String", "StringValue": "v"}
    sns.publish(TopicArn=topic, Message='{"a": 1}', MessageAttributes={"k": attribute})
    told = hook.next()
    assert (told.body, told.headers["x-amz-sns-rawdelivery"]) == ('{"a": 1}', "true")
    assert told.headers["content-type"] == "application/json"
    effective = json.loads(attributes_of(sns, arn)["EffectiveDeliveryPolicy"])
    assert effective["requestPolicy"] == policy["requestPolicy"]
    assert effective["healthyRetryPolicy"]["numRetries"] == 3


def test_what_a_server_does_not_take_comes_again_and_then_goes_to_the_dead_letters(sns, topic, hook, sqs, dead_letters):
    url, queue = dead_letters
    confirmed(
        sns, topic, hook, DeliveryPolicy=json.dumps(RETRIES_SOON), RedrivePolicy=json.dumps({"deadLetterTargetArn": queue})
    )
    hook.statuses = [503, 500]
    sns.publish(TopicArn=topic, Message="third time")
    started = time.monotonic()
    ids = {hook.next().headers["x-amz-sns-message-id"] for _ in range(3)}
    assert len(ids) == 1 and time.monotonic() - started >= 1.9 and hook.is_quiet()
    hook.statuses = [500] * 3
    sns.publish(TopicArn=topic, Message="never")
    for _ in range(3):
        hook.next()
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert json.loads(message["Body"])["Message"] == "never"
    # What is the sender's fault will be the next time too.
    hook.statuses = [403]
    sns.publish(TopicArn=topic, Message="forbidden")
    hook.next()
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"])["Message"] == "forbidden" and hook.is_quiet(2)


def test_a_server_that_is_not_there_holds_nobody_up(sns, topic, hook, dead_letters):
    url, queue = dead_letters
    confirmed(sns, topic, hook)
    with Webhook() as gone:
        confirmed(sns, topic, gone, DeliveryPolicy=json.dumps(RETRIES_SOON))
    for number in range(20):
        sns.publish(TopicArn=topic, Message=str(number))
    assert {hook.next(5).envelope()["Message"] for _ in range(20)} == {str(number) for number in range(20)}


def test_a_subscription_says_how_fast(sns, topic, hook):
    confirmed(sns, topic, hook, DeliveryPolicy=json.dumps({"throttlePolicy": {"maxReceivesPerSecond": 5}}))
    for number in range(11):
        sns.publish(TopicArn=topic, Message=str(number))
    hook.next()
    started = time.monotonic()
    for _ in range(10):
        hook.next()
    assert time.monotonic() - started >= 1.5


def test_whoever_unsubscribes_is_told_and_may_come_back(sns, topic, hook):
    arn = confirmed(sns, topic, hook)
    assert attributes_of(sns, arn)["ConfirmationWasAuthenticated"] == "false"
    sns.publish(TopicArn=topic, Message="m")
    assert visit(hook.next().envelope()["UnsubscribeURL"])[0] == 200
    told = hook.next()
    assert told.kind == "UnsubscribeConfirmation" and told.headers["x-amz-sns-subscription-arn"] == arn
    sns.publish(TopicArn=topic, Message="nobody hears")
    assert hook.is_quiet() and sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    assert arn in visit(told.envelope()["SubscribeURL"])[1]
    sns.publish(TopicArn=topic, Message="back")
    assert hook.next().envelope()["Message"] == "back"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsDeleted"] == "0"


def test_a_subscription_may_insist_that_who_ends_it_signs(sns, topic, hook):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    token = hook.next().envelope()["Token"]
    arn = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="m")
    url = hook.next().envelope()["UnsubscribeURL"]
    with pytest.raises(Exception, match="403"):
        visit(url)
    sns.unsubscribe(SubscriptionArn=arn)
    assert hook.next().kind == "UnsubscribeConfirmation"


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [("http", "https://host"), ("https", "http://host"), ("http", "nonsense"), ("http", "http:///"), ("gopher", "gopher://host")],
)
def test_what_is_no_server_is_refused(sns, topic, protocol, endpoint):
    assert error_of(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint)["Code"] == "InvalidParameter"


@pytest.mark.parametrize("policy", ["{", {"healthyRetryPolicy": {"numRetries": 101}}, {"throttlePolicy": {"maxReceivesPerSecond": 0}}])
def test_policies_that_cannot_be_kept_are_refused(sns, topic, hook, policy):
    text = policy if isinstance(policy, str) else json.dumps(policy)
    request = {"TopicArn": topic, "Protocol": "http", "Endpoint": hook.url, "Attributes": {"DeliveryPolicy": text}}
    error = error_of(sns.subscribe, **request)
    assert error["Code"] == "InvalidParameter" and "DeliveryPolicy" in error["Message"]
    topic_policy = json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}})
    setting = {"AttributeName": "DeliveryPolicy", "AttributeValue": topic_policy}
    assert error_of(sns.set_topic_attributes, TopicArn=topic, **setting)["Code"] == "InvalidParameter"


def test_what_was_not_taken_yet_survives_a_crash(fresh_server, tmp_path):
    with Webhook() as hook:
        server = fresh_server("--no-sdk", data_dir=tmp_path)
        sns = server.client(service="sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        confirmed(sns, topic, hook, DeliveryPolicy=json.dumps(RETRIES_SOON))
        hook.statuses = [503]
        sns.publish(TopicArn=topic, Message="m")
        hook.next()
        server.kill()
        fresh_server("--no-sdk", data_dir=tmp_path)
        assert hook.next().envelope()["Message"] == "m"


def test_where_callers_are_known_no_subscription_reaches_what_is_private(fresh_server, tmp_path):
    """Whoever may subscribe must not use the server to reach what it is not to reach."""
    keys = {"LAMBENT_ROOT_ACCESS_KEY_ID": "AKIAROOTROOTROOTROOT", "LAMBENT_ROOT_SECRET_ACCESS_KEY": "secret"}
    arguments = ("--no-sdk", "--auth", "enforce")

    def client(server):
        session = boto3.session.Session(keys["LAMBENT_ROOT_ACCESS_KEY_ID"], keys["LAMBENT_ROOT_SECRET_ACCESS_KEY"])
        return session.client("sns", endpoint_url=server.endpoint, region_name="us-east-1")

    with Webhook() as hook:
        port = hook.server.server_port
        server = fresh_server(*arguments, env=keys)
        sns = client(server)
        topic = sns.create_topic(Name="t")["TopicArn"]
        for url in (hook.url, f"http://localhost:{port}/", f"http://[::ffff:127.0.0.1]:{port}/"):
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
        assert hook.is_quiet(3)
        listed = fresh_server(*arguments, "--network-allow", f"host:{port}", env=keys)
        sns = client(listed)
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
        # Nobody signs a link.
        assert visit(hook.next().envelope()["SubscribeURL"])[0] == 200
