"""Packed bodies of REST APIs: unpacked on their way in, packed on their way out where the API and the client want that."""

import gzip
import json
import zlib

import pytest

from rest_apis import PROXY_ECHO, RestApi, template

PLAIN = json.dumps({"pets": ["dog"] * 400}).encode()


@pytest.fixture
def echo(rest, deploy):
    """An API whose function tells what it got; answers from 500 bytes may be packed."""
    api = RestApi(rest, minimumCompressionSize=500)
    api.function("/echo", deploy(PROXY_ECHO))
    api.mock("/small", responses={"200": {"responseTemplates": template("small")}})
    api.mock("/pets", responses={"200": {"responseTemplates": template(PLAIN.decode())}})
    api.deploy()
    return api


@pytest.mark.parametrize("coding, pack", [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress), ("identity", bytes)])
def test_a_packed_request_is_as_if_it_had_come_plain(echo, coding, pack):
    event = echo.visit("/echo", "POST", [("Content-Encoding", coding), ("Content-Type", "application/json")], pack(PLAIN)).json
    assert (event["body"], event["isBase64Encoded"]) == (PLAIN.decode(), False)
    assert "Content-Encoding" not in event["headers"]


def test_what_is_packed_otherwise_is_refused(echo):
    for coding, body in [("br", b"x"), ("gzip", b"as it is"), ("deflate", gzip.compress(PLAIN)), ("gzip", gzip.compress(PLAIN)[:-9]), ("gzip, gzip", PLAIN)]:
        answer = echo.visit("/echo", "POST", [("Content-Encoding", coding)], body)
        assert (answer.status, answer.json) == (415, {"message": "Unsupported Media Type"}), coding
        assert answer.header("x-amzn-errortype") == "UnsupportedMediaTypeException"


def test_a_few_bytes_become_no_gigabytes(echo):
    """Case 82: a gigabyte of zeros in a megabyte."""
    packed = zlib.compressobj(9)
    bomb = b"".join(packed.compress(bytes(10_000_000)) for _ in range(100)) + packed.flush()
    answer = echo.visit("/echo", "POST", [("Content-Encoding", "deflate")], bomb)
    assert (answer.status, answer.json) == (413, {"message": "Request Too Long"})


def test_answers_are_packed_from_the_size_that_the_api_says(echo, rest):
    gzipped = echo.visit("/pets", headers=[("Accept-Encoding", "gzip, deflate")])
    assert (gzip.decompress(gzipped.body), gzipped.header("content-encoding")) == (PLAIN, "gzip")
    assert gzipped.header("content-length") == str(len(gzipped.body)) and len(gzipped.body) < len(PLAIN) / 4
    deflated = echo.visit("/pets", headers=[("Accept-Encoding", "gzip;q=0.1, deflate")])
    assert (zlib.decompress(deflated.body), deflated.header("content-encoding")) == (PLAIN, "deflate")
    for path, accepts in [("/small", "gzip"), ("/pets", "*"), ("/pets", "br"), ("/pets", "identity"), ("/pets", "")]:
        answer = echo.visit(path, headers=[("Accept-Encoding", accepts)])
        assert (answer.status, answer.header("content-encoding")) == (200, None), (path, accepts)
    rest.update_rest_api(restApiId=echo.id, patchOperations=[{"op": "replace", "path": "/minimumCompressionSize"}])
    echo.deploy()
    plain = echo.visit("/pets", headers=[("Accept-Encoding", "gzip")])
    assert (plain.body, plain.header("content-encoding")) == (PLAIN, None)


def test_what_a_function_packed_is_not_packed_again(rest, deploy):
    code = (
        "import base64, gzip\ndef handler(event, context):\n    body = base64.b64encode(gzip.compress(b'x' * 5000)).decode()\n"
        "    return {'statusCode': 200, 'headers': {'Content-Encoding': 'gzip'}, 'body': body, 'isBase64Encoded': True}\n"
    )
    api = RestApi(rest, minimumCompressionSize=0, binaryMediaTypes=["*/*"])
    api.function("/", deploy(code))
    api.deploy()
    answer = api.visit("/", headers=[("Accept-Encoding", "gzip")])
    assert (answer.all("content-encoding"), gzip.decompress(answer.body)) == (["gzip"], b"x" * 5000)
