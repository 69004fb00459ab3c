"""What the tests of event source mappings have in common."""

import json
import re
import time

from functions import log_of

#: Prints each event it gets.
ECHOES = "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event))\n"


class Mappings:
    """Makes mappings, and deletes them."""

    def __init__(self, client):
        self.client = client
        self.made = []

    def __call__(self, function, source_arn, **options):
        answer = self.client.create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=source_arn, **options
        )
        self.made.append(answer["UUID"])
        return answer

    def delete(self):
        for mapping in self.made:
            try:
                self.client.delete_event_source_mapping(UUID=mapping)
            except self.client.exceptions.ResourceNotFoundException:
                pass


def events(server, function, records, timeout_s=30):
    """What an ECHOES function got, once it has so many records: its events."""
    deadline = time.monotonic() + timeout_s
    while True:
        text = log_of(server, function)
        found = [json.loads(line) for line in re.findall(r"^GOT (.*)$", text, re.MULTILINE)]
        if sum(len(event["Records"]) for event in found) >= records:
            return found
        assert time.monotonic() < deadline, f"{found} are not {records}\n{text}"
        time.sleep(0.05)


def echoed(server, function, of_event, count, timeout_s=30):
    """Events of an ECHOES function, and all that `of_event` finds in them, once that is so many."""
    deadline = time.monotonic() + timeout_s
    while True:
        lines = log_of(server, function).splitlines()
        found = [json.loads(line.removeprefix("GOT ")) for line in lines if line.startswith("GOT ")]
        items = [item for event in found for item in of_event(event)]
        if len(items) >= count:
            return found, items
        assert time.monotonic() < deadline, f"{len(items)} of {count}: {lines[-5:]}"
        time.sleep(0.05)


def batches(server, function, records, timeout_s=30):
    """The same: a list of records for each batch."""
    return [event["Records"] for event in events(server, function, records, timeout_s)]


def state(client, mapping, wanted, timeout_s=10):
    """What is shown of a mapping once it is in a state."""
    deadline = time.monotonic() + timeout_s
    while (answer := client.get_event_source_mapping(UUID=mapping))["State"] != wanted:
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer
