"""SQS: queues are made, found, changed and deleted."""

import json
import uuid

import pytest

from refusals import error_of


@pytest.fixture
def name():
    return f"q-{uuid.uuid4().hex[:12]}"


def attributes(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"])["Attributes"]


def test_a_queue_is_made_found_and_deleted(server, sqs, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url == f"{server.endpoint}/000000000000/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert url in sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]
    sqs.delete_queue(QueueUrl=url)
    error = error_of(sqs.get_queue_url, QueueName=name)
    assert error["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody="a")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


def test_attributes_have_awss_defaults_and_are_set(sqs, name):
    url = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"}, tags={"a": "b"})["QueueUrl"]
    shown = attributes(sqs, url)
    assert shown.pop("CreatedTimestamp") == shown.pop("LastModifiedTimestamp")
    assert shown == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "DelaySeconds": "5",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{name}",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7", "Policy": '{"Statement": []}'})
    assert attributes(sqs, url, "VisibilityTimeout", "Policy") == {
        "VisibilityTimeout": "7",
        "Policy": '{"Statement": []}',
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in attributes(sqs, url)
    sqs.delete_queue(QueueUrl=url)


def test_making_a_queue_again_is_nothing_or_a_conflict(sqs, name):
    url = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    assert sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"})["QueueUrl"] == url
    error = error_of(sqs.create_queue, QueueName=name, Attributes={"DelaySeconds": "6"})
    assert error["Code"] == "QueueAlreadyExists"
    assert "DelaySeconds" in error["Message"]
    sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize(
    ("queue", "given", "code"),
    [
        ("a b", {}, "InvalidParameterValue"),
        ("a" * 81, {}, "InvalidParameterValue"),
        ("q.fifo", {}, "InvalidParameterValue"),
        ("q", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("q", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("q", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ("q", {"VisibilityTimeout": "x"}, "InvalidAttributeValue"),
        ("q", {"RedrivePolicy": "{"}, "InvalidParameterValue"),
        (
            "q",
            {"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:no", "maxReceiveCount": 1}'},
            "InvalidParameterValue",
        ),
        ("q", {"KmsMasterKeyId": "alias/aws/sqs"}, "AWS.SimpleQueueService.UnsupportedOperation"),
    ],
)
def test_wrong_queues_are_refused(sqs, queue, given, code):
    assert error_of(sqs.create_queue, QueueName=queue, Attributes=given)["Code"] == code


def test_pages_of_queues(sqs, name):
    made = sorted(f"{name}-{number}" for number in range(5))
    urls = [sqs.create_queue(QueueName=queue)["QueueUrl"] for queue in made]
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=name, PaginationConfig={"PageSize": 2})
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:4], urls[4:]]
    assert error_of(sqs.list_queues, MaxResults=0)["Code"] == "InvalidParameterValue"
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


def test_tags_of_queues(sqs, name):
    url = sqs.create_queue(QueueName=name, tags={"a": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"a": "2", "b": "3"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "2", "b": "3"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["a", "b"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    assert error_of(sqs.tag_queue, QueueUrl=url, Tags={"aws:a": "1"})["Code"] == "InvalidParameterValue"
    sqs.delete_queue(QueueUrl=url)


def test_permissions_are_statements_of_the_policy(sqs, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    [statement] = json.loads(attributes(sqs, url, "Policy")["Policy"])["Statement"]
    assert statement == {
        "Sid": "l",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "SQS:SendMessage",
        "Resource": f"arn:aws:sqs:us-east-1:000000000000:{name}",
    }
    given = {"QueueUrl": url, "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    assert error_of(sqs.add_permission, Label="l", **given)["Code"] == "InvalidParameterValue"
    assert error_of(sqs.add_permission, Label="m", **{**given, "Actions": ["Sing"]})["Code"] == "InvalidParameterValue"
    assert error_of(sqs.add_permission, Label="m", **{**given, "AWSAccountIds": ["1"]})["Code"] == "InvalidParameterValue"
    sqs.remove_permission(QueueUrl=url, Label="l")
    assert error_of(sqs.remove_permission, QueueUrl=url, Label="l")["Code"] == "InvalidParameterValue"
    sqs.delete_queue(QueueUrl=url)


def test_queues_of_others_are_found_by_their_account(server, sqs, name):
    other = server.client(service="sqs", access_key="111111111111")
    url = other.create_queue(QueueName=name)["QueueUrl"]
    assert sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="111111111111")["QueueUrl"] == url
    assert error_of(sqs.get_queue_url, QueueName=name)["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert "QueueUrls" not in server.client(service="sqs", region="eu-west-1").list_queues(QueueNamePrefix=name)
    other.delete_queue(QueueUrl=url)


def test_queues_and_messages_survive_a_crash(fresh_server, tmp_path):
    server = fresh_server(data_dir=tmp_path)
    sqs = server.client(service="sqs")
    url = sqs.create_queue(QueueName="q", tags={"a": "b"})["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="kept")["MessageId"]
    [hidden] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    later = sqs.send_message(QueueUrl=url, MessageBody="later")["MessageId"]
    server.kill()
    again = fresh_server(data_dir=tmp_path).client(service="sqs")
    url = again.get_queue_url(QueueName="q")["QueueUrl"]
    assert again.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
    assert [message["MessageId"] for message in again.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == [later]
    assert hidden["MessageId"] == sent
    again.change_message_visibility(QueueUrl=url, ReceiptHandle=hidden["ReceiptHandle"], VisibilityTimeout=0)
    [seen_again] = again.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert (seen_again["MessageId"], seen_again["Attributes"]["ApproximateReceiveCount"]) == (sent, "2")


def test_a_queue_of_the_same_name_has_no_old_messages(sqs, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.delete_queue(QueueUrl=url)
    sqs.create_queue(QueueName=name)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_queue(QueueUrl=url)
