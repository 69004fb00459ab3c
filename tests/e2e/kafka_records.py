"""Records of Kafka as functions got them."""

import base64
import json
import time

from functions import log_of

#: Prints each event it gets.
ECHOES = "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event))\n"


def got(server, function, records, timeout_s=60):
    """Events of a function that echoes, and all of their records, once it has so many."""
    deadline = time.monotonic() + timeout_s
    while True:
        lines = log_of(server, function).splitlines()
        events = [json.loads(line.removeprefix("GOT ")) for line in lines if line.startswith("GOT ")]
        found = [record for event in events for partition in event["records"].values() for record in partition]
        if len(found) >= records:
            return events, found
        assert time.monotonic() < deadline, f"{len(found)} of {records}: {lines[-5:]}"
        time.sleep(0.05)


def value(record):
    return base64.b64decode(record["value"]).decode()
