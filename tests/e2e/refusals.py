"""Asserting that a call is refused, and with which of AWS's errors."""

from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(status, code, message=None, contains=()):
    """The block must raise a ClientError with this status, code and message."""
    with pytest.raises(ClientError) as caught:
        yield caught
    answer = caught.value.response
    text = answer["Error"].get("Message", "")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (status, code), text
    if message is not None:
        assert text == message
    for part in contains:
        assert part in text


def error_of(call, **arguments):
    """The error of a call that must be refused: its code and message."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert 400 <= caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return caught.value.response["Error"]
