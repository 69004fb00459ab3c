"""SNS to people: mail by a relay, text messages and notes to devices; all of it can be read at the server."""

import email
import email.policy
import json
import queue
import re
import socket
import time
import uuid
from urllib.parse import urlencode

import pytest
from aiosmtpd.controller import Controller

from refusals import error_of
from webhooks import visit

ACCOUNT = "000000000000"


@pytest.fixture
def topic(sns):
    arn = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:12]}", Attributes={"DisplayName": "The shop"})["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def application(sns):
    """An application of GCM, and how to make endpoints of it."""
    attributes = {"PlatformCredential": "key"}
    name = f"app-{uuid.uuid4().hex[:12]}"
    arn = sns.create_platform_application(Name=name, Platform="GCM", Attributes=attributes)["PlatformApplicationArn"]
    yield arn
    sns.delete_platform_application(PlatformApplicationArn=arn)


def outbox(server, **wanted):
    """What was sent, the newest last."""
    query = urlencode({"account": ACCOUNT, "region": "us-east-1", **wanted})
    return json.loads(visit(f"{server.endpoint}/_lambent/outbox?{query}")[1])["messages"]


def sent_to(server, to, count=1, timeout_s=10):
    """The messages to somebody, once there are so many."""
    deadline = time.monotonic() + timeout_s
    while len(sent := outbox(server, to=to)) < count:
        assert time.monotonic() < deadline, sent
        time.sleep(0.05)
    return sent


def address():
    return f"{uuid.uuid4().hex[:12]}@example.com"


def number():
    return f"+1555{uuid.uuid4().int % 10**7:07}"


def test_mail_asks_first_and_is_kept_to_be_read(server, sns, topic):
    to = address()
    assert sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=to)["SubscriptionArn"] == "pending confirmation"
    [asked] = sent_to(server, to)
    assert asked["subject"] == "AWS Notification - Subscription Confirmation" and asked["relayed"] is False
    sns.publish(TopicArn=topic, Message="too early")
    status, answer = visit(re.search(r"http://\S+Action=ConfirmSubscription\S+", asked["text"])[0])
    assert status == 200 and topic in answer
    sns.publish(TopicArn=topic, Message="hello", Subject="news")
    sns.publish(TopicArn=topic, Message="no subject")
    _, told, other = sent_to(server, to, 3)
    assert (told["subject"], other["subject"]) == ("news", "AWS Notification Message")
    assert told["text"].startswith("hello\n") and (told["protocol"], told["topicArn"]) == ("email", topic)
    assert visit(re.search(r"http://\S+Action=Unsubscribe\S+", told["text"])[0])[0] == 200
    assert "Unsubscribe Confirmation" in sent_to(server, to, 4)[-1]["subject"]


def test_mail_may_be_json(server, sns, topic):
    to = address()
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint=to)
    [asked] = sent_to(server, to)
    sns.confirm_subscription(TopicArn=topic, Token=json.loads(asked["text"])["Token"])
    sns.publish(TopicArn=topic, Message="m")
    envelope = json.loads(sent_to(server, to, 2)[-1]["text"])
    assert (envelope["Type"], envelope["Message"]) == ("Notification", "m")


class Relay:
    """Takes mail; refuses what the test says."""

    def __init__(self):
        self.mails = queue.Queue()
        self.answers = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.put(envelope)
        return self.answers.pop(0) if self.answers else "250 OK"


@pytest.fixture
def relay():
    handler = Relay()
    with socket.create_server(("127.0.0.1", 0)) as free:
        handler.port = free.getsockname()[1]
    # The controller connects to itself at the port that it is given.
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


def test_mail_goes_to_the_relay_that_the_operator_names(fresh_server, relay):
    server = fresh_server(
        "--no-sdk", "--mail-relay", f"smtp://127.0.0.1:{relay.port}", "--mail-from", "sns@lambent.example"
    )
    sns = server.client(service="sns")
    topic = sns.create_topic(Name="t", Attributes={"DisplayName": "The shop"})["TopicArn"]
    to = address()
    # The relay is busy at first: mail is tried again after ten seconds.
    relay.answers = ["451 later"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=to)
    relay.mails.get(timeout=10)
    envelope = relay.mails.get(timeout=20)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("sns@lambent.example", [to])
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert mail["from"] == "The shop <sns@lambent.example>" and mail["to"] == to
    token = re.search(r"Token=(\w+)", mail.get_content())[1]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    sns.publish(TopicArn=topic, Message="zwölf", Subject="news")
    mail = email.message_from_bytes(relay.mails.get(timeout=10).content, policy=email.policy.default)
    assert mail["subject"] == "news" and mail.get_content().startswith("zwölf")
    assert [kept["relayed"] for kept in sent_to(server, to, 2)] == [True, True]


@pytest.mark.parametrize("endpoint", ["", "nobody", "a b@c", "a@b\r\nBcc: x@y"])
def test_what_is_no_address_is_refused(sns, topic, endpoint):
    assert error_of(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint=endpoint)["Code"] == "InvalidParameter"


def test_text_messages_are_kept_to_be_read(server, sns, topic):
    alone, subscribed = number(), number()
    message_id = sns.publish(PhoneNumber=alone, Message="hi")["MessageId"]
    [sent] = outbox(server, to=alone)
    assert (sent["protocol"], sent["text"], sent["messageId"]) == ("sms", "hi", message_id) and "subscriptionArn" not in sent
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=subscribed)["SubscriptionArn"]
    assert arn.startswith(topic)
    structure = {"default": "long", "sms": "short"}
    sns.publish(TopicArn=topic, Message=json.dumps(structure), MessageStructure="json")
    [sent] = sent_to(server, subscribed)
    assert (sent["text"], sent["topicArn"], sent["subscriptionArn"]) == ("short", topic, arn)


@pytest.mark.parametrize(
    "request_", [{"PhoneNumber": "12", "Message": ""}, {"PhoneNumber": "+0123", "Message": "m"}, {"PhoneNumber": "+15550100", "Message": "m" * 1601}]
)
def test_wrong_text_messages_are_refused(sns, request_):
    assert error_of(sns.publish, **request_)["Code"] == "InvalidParameter"


def test_settings_of_text_messages_are_kept(sns):
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional", "DefaultSenderID": "Shop1"})
    assert sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"] == {"DefaultSMSType": "Transactional"}
    assert sns.get_sms_attributes()["attributes"]["DefaultSenderID"] == "Shop1"
    for wrong in ({"DefaultSMSType": "Other"}, {"DefaultSenderID": "12345"}, {"Nonsense": "1"}):
        assert error_of(sns.set_sms_attributes, attributes=wrong)["Code"] == "InvalidParameter"


def test_numbers_of_the_sandbox_are_verified_with_what_they_are_sent(server, sns):
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    to = number()
    sns.create_sms_sandbox_phone_number(PhoneNumber=to)
    password = re.search(r"\d{6}", outbox(server, to=to)[-1]["text"])[0]
    status = lambda: [one["Status"] for one in sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] if one["PhoneNumber"] == to]
    assert status() == ["Pending"]
    wrong = f"{(int(password) + 1) % 10**6:06}"
    assert error_of(sns.verify_sms_sandbox_phone_number, PhoneNumber=to, OneTimePassword=wrong)["Code"] == "VerificationException"
    sns.verify_sms_sandbox_phone_number(PhoneNumber=to, OneTimePassword=password)
    assert status() == ["Verified"]
    sns.delete_sms_sandbox_phone_number(PhoneNumber=to)
    assert status() == [] and error_of(sns.delete_sms_sandbox_phone_number, PhoneNumber=to)["Code"] == "ResourceNotFound"


def test_nobody_has_opted_out(sns):
    to = number()
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=to)["isOptedOut"] is False
    sns.opt_in_phone_number(phoneNumber=to)
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == [] and sns.list_origination_numbers()["PhoneNumbers"] == []


def test_applications_are_made_found_changed_and_deleted(sns, application):
    shown = sns.get_platform_application_attributes(PlatformApplicationArn=application)["Attributes"]
    assert shown == {"Enabled": "true"}
    sns.set_platform_application_attributes(
        PlatformApplicationArn=application, Attributes={"Enabled": "false", "PlatformCredential": "other"}
    )
    found = [one for one in sns.list_platform_applications()["PlatformApplications"] if one["PlatformApplicationArn"] == application]
    assert found == [{"PlatformApplicationArn": application, "Attributes": {"Enabled": "false"}}]
    sns.delete_platform_application(PlatformApplicationArn=application)
    error = error_of(sns.get_platform_application_attributes, PlatformApplicationArn=application)
    assert error == {"Type": "Sender", "Code": "NotFound", "Message": "PlatformApplication does not exist"}


@pytest.mark.parametrize(
    ("platform", "attributes"),
    [("OTHER", {"PlatformCredential": "k"}), ("GCM", {"PlatformCredential": ""}), ("APNS", {"PlatformCredential": "k"}), ("GCM", {"PlatformCredential": "k", "Other": "1"})],
)
def test_wrong_applications_are_refused(sns, platform, attributes):
    error = error_of(sns.create_platform_application, Name="a", Platform=platform, Attributes=attributes)
    assert error["Code"] == "InvalidParameter"


def test_devices_get_what_is_for_them(server, sns, topic, application):
    endpoint = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="device", CustomUserData="me")["EndpointArn"]
    assert endpoint.startswith(application.replace(":app/", ":endpoint/"))
    same = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="device", CustomUserData="me")
    assert same["EndpointArn"] == endpoint
    error = error_of(sns.create_platform_endpoint, PlatformApplicationArn=application, Token="device")
    assert error["Code"] == "InvalidParameter" and f"Endpoint {endpoint} already exists" in error["Message"]
    [listed] = sns.list_endpoints_by_platform_application(PlatformApplicationArn=application)["Endpoints"]
    assert listed == {"EndpointArn": endpoint, "Attributes": {"Token": "device", "Enabled": "true", "CustomUserData": "me"}}
    text = json.dumps({"default": "d", "GCM": '{"notification": {"title": "t"}}'})
    sns.publish(TargetArn=endpoint, Message=text, MessageStructure="json")
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=endpoint)
    sns.publish(TopicArn=topic, Message="to all")
    alone, told = sent_to(server, endpoint, 2)
    assert (alone["text"], told["text"]) == ('{"notification": {"title": "t"}}', "to all")
    sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "false"})
    assert error_of(sns.publish, TargetArn=endpoint, Message="m") == {"Type": "Sender", "Code": "EndpointDisabled", "Message": "Endpoint is disabled"}
    sns.delete_endpoint(EndpointArn=endpoint)
    assert error_of(sns.get_endpoint_attributes, EndpointArn=endpoint)["Code"] == "NotFound"
    assert "No endpoint found" in error_of(sns.publish, TargetArn=endpoint, Message="m")["Message"]


def test_a_topic_has_the_payload_of_each_platform(server, sns, topic, application):
    endpoint = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="d")["EndpointArn"]
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=endpoint)
    sns.publish(TopicArn=topic, Message=json.dumps({"default": "d", "GCM": "g"}), MessageStructure="json")
    assert sent_to(server, endpoint)[0]["text"] == "g"


def test_the_outbox_is_read_by_account(server):
    with pytest.raises(Exception, match="400"):
        visit(f"{server.endpoint}/_lambent/outbox")
    assert json.loads(visit(f"{server.endpoint}/_lambent/outbox?account=999999999999&region=us-east-1")[1]) == {"messages": []}
