"""SQS in the query protocol, as SDKs spoke it before: the same queues, in forms and XML."""

import uuid
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


@pytest.fixture
def ask(server):
    """Asks with a form: status and the answer's tree."""

    def ask(path="/", method="POST", **form):
        form.setdefault("Version", "2012-11-05")
        text = urlencode(form)
        request = AWSRequest(
            method=method,
            url=server.endpoint + path + (f"?{text}" if method == "GET" else ""),
            data=None if method == "GET" else text,
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        )
        SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)
        answer = URLLib3Session().send(request.prepare())
        assert answer.headers["Content-Type"].startswith("text/xml")
        return answer.status_code, ElementTree.fromstring(answer.content)

    return ask


def texts(tree, *path):
    return [element.text for element in tree.iterfind("/".join(f"{NAMESPACE}{part}" for part in path))]


def test_a_message_travels_in_forms(server, ask):
    name = f"q-{uuid.uuid4().hex[:12]}"
    status, tree = ask(
        Action="CreateQueue", QueueName=name, **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"}
    )
    assert status == 200 and tree.tag == f"{NAMESPACE}CreateQueueResponse"
    [url] = texts(tree, "CreateQueueResult", "QueueUrl")
    assert url == f"{server.endpoint}/000000000000/{name}"
    attribute = "MessageAttribute.1"
    _, tree = ask(
        path=f"/000000000000/{name}",
        Action="SendMessage",
        MessageBody="This is a test message",
        **{
            f"{attribute}.Name": "a",
            f"{attribute}.Value.DataType": "Binary",
            f"{attribute}.Value.BinaryValue": "AP8=",
        },
    )
    [md5] = texts(tree, "SendMessageResult", "MD5OfMessageBody")
    assert md5 == "fafb00f5732ab283681e124bf8747ed1"
    [message_id] = texts(tree, "SendMessageResult", "MessageId")
    _, tree = ask(
        Action="ReceiveMessage",
        QueueUrl=url,
        **{"AttributeName.1": "All", "MessageAttributeName.1": "a", "MaxNumberOfMessages": "10"},
    )
    message = ("ReceiveMessageResult", "Message")
    assert texts(tree, *message, "MessageId") == [message_id]
    assert texts(tree, *message, "MessageAttribute", "Name") == ["a"]
    assert texts(tree, *message, "MessageAttribute", "Value", "BinaryValue") == ["AP8="]
    assert "ApproximateReceiveCount" in texts(tree, *message, "Attribute", "Name")
    [handle] = texts(tree, *message, "ReceiptHandle")
    batch = "DeleteMessageBatchRequestEntry"
    _, tree = ask(
        Action="DeleteMessageBatch",
        QueueUrl=url,
        **{f"{batch}.1.Id": "a", f"{batch}.1.ReceiptHandle": handle, f"{batch}.2.Id": "b", f"{batch}.2.ReceiptHandle": "no"},
    )
    assert texts(tree, "DeleteMessageBatchResult", "DeleteMessageBatchResultEntry", "Id") == ["a"]
    assert texts(tree, "DeleteMessageBatchResult", "BatchResultErrorEntry", "Code") == ["ReceiptHandleIsInvalid"]
    _, tree = ask(method="GET", Action="ListQueues", QueueNamePrefix=name)
    assert texts(tree, "ListQueuesResult", "QueueUrl") == [url]
    assert ask(Action="DeleteQueue", QueueUrl=url)[0] == 200


def test_errors_have_their_older_names(ask):
    status, tree = ask(Action="GetQueueUrl", QueueName="no-such-queue")
    assert status == 400
    assert texts(tree, "Error", "Code") == ["AWS.SimpleQueueService.NonExistentQueue"]
    assert texts(tree, "Error", "Type") == ["Sender"]
    status, tree = ask(Action="Sing")
    assert (status, texts(tree, "Error", "Code")) == (400, ["InvalidAction"])
