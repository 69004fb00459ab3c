"""Queues that tests read what comes to them from."""

import json
import time
import uuid

ACCOUNT = "000000000000"


class Queue:
    """A queue of its own, FIFO by its attributes; `policy` makes its policy of its ARN."""

    def __init__(self, sqs, attributes=None, policy=None):
        self.sqs = sqs
        self.name = f"q-{uuid.uuid4().hex[:12]}" + (".fifo" if attributes else "")
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"
        allowed = {"Policy": policy(self.arn)} if policy else {}
        self.url = sqs.create_queue(QueueName=self.name, Attributes={**allowed, **(attributes or {})})["QueueUrl"]

    def raw(self, count, timeout_s=30):
        """So many messages, in the order of their arrival, which are deleted."""
        found, deadline = [], time.monotonic() + timeout_s
        while len(found) < count:
            answer = self.sqs.receive_message(
                QueueUrl=self.url, WaitTimeSeconds=2, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                found.append(message)
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            assert time.monotonic() < deadline, f"{len(found)} of {count}: {found}"
        return found

    def bodies(self, count, timeout_s=30):
        """The same, decoded."""
        return [json.loads(message["Body"]) for message in self.raw(count, timeout_s)]

    def is_empty(self):
        """Whether nothing comes for a while."""
        return "Messages" not in self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=2)
