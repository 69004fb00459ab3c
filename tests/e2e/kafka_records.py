"""Records of Kafka as functions got them."""

import base64

from mappings import ECHOES, echoed

__all__ = ["ECHOES", "got", "value"]


def got(server, function, records, timeout_s=60):
    """Events of a function that echoes, and all of their records, once it has so many."""
    of_event = lambda event: [record for partition in event["records"].values() for record in partition]  # noqa: E731
    return echoed(server, function, of_event, records, timeout_s)


def value(record):
    return base64.b64decode(record["value"]).decode()
