"""What the URLs of functions answer (B.18), visited as browsers and curl do: the event, the answer, who may, and what goes wrong."""

import base64
import http.client
import json
import re
import shutil
import subprocess

import boto3
import pytest

import toolbox
from functions import Deployer, open_to_all
from lambent import ROLE
from web import exchange, signed, visit

NODE = next((f"nodejs{major}.x" for major in ("20", "22", "18") if toolbox.node_if_possible(major)), None)
ECHO = "def handler(event, context):\n    return event\n"
#: Returns what the query says.
RETURNS = """
    import json

    def handler(event, context):
        return json.loads(event["queryStringParameters"]["return"])
"""
FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}
ROOT = ("AKIAROOTROOTROOTROOT", "the secret of the root")


@pytest.fixture
def at_url(deploy):
    """Deploys a function with a URL; gives the function and its address."""

    def at_url(code, open_url=True, settings=None, **options):
        function = deploy(code, **options)
        made = function.client.create_function_url_config(FunctionName=function.name, **{"AuthType": "NONE", **(settings or {})})
        if open_url:
            open_to_all(function.client, function.name)
        return function, made["FunctionUrl"]

    return at_url


def test_a_request_becomes_its_event(at_url):
    _, url = at_url(ECHO)
    headers = [("X-One", "1"), ("x-one", "2"), ("Cookie", "a=b; c=d"), ("User-Agent", "curl/8"), ("Content-Type", "text/plain")]
    answer = visit(url, "/pa2%2Fth/1?q=hello+world&q=%C3%A4", "POST", headers, "Grüße".encode())
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    event = answer.json
    assert re.fullmatch(r"[0-9a-f-]{36}", event["requestContext"]["requestId"])
    assert answer.header("x-amzn-requestid") == event["requestContext"]["requestId"]
    host = url.removeprefix("http://").removesuffix("/")
    url_id, port = host.split(".")[0], host.rsplit(":")[-1]
    context = event.pop("requestContext")
    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/pa2%2Fth/1",
        "rawQueryString": "q=hello+world&q=%C3%A4",
        "cookies": ["a=b", "c=d"],
        "queryStringParameters": {"q": "hello world,ä"},
        "headers": {
            "host": host,
            "x-one": "1,2",
            "user-agent": "curl/8",
            "content-type": "text/plain",
            "content-length": "7",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": port,
            "x-forwarded-proto": "http",
        },
        "body": "Grüße",
        "isBase64Encoded": False,
    }
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
    assert context.pop("timeEpoch") > 1_700_000_000_000
    assert {key: value for key, value in context.items() if key != "requestId"} == {
        "accountId": "anonymous",
        "apiId": url_id,
        "domainName": host.rsplit(":")[0],
        "domainPrefix": url_id,
        "http": {
            "method": "POST",
            "path": "/pa2%2Fth/1",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "curl/8",
        },
        "routeKey": "$default",
        "stage": "$default",
    }


def test_bodies_that_are_no_texts_come_as_base64(at_url):
    _, url = at_url(ECHO)
    for kind, body, text in [("application/json", b"{}", "{}"), ("application/octet-stream", b"\xff\x00", "/wA="), (None, b"x", "eA==")]:
        event = visit(url, method="PUT", headers=[("Content-Type", kind)] if kind else [], body=body).json
        assert (event["body"], event["isBase64Encoded"]) == (text, text != "{}")
    assert "body" not in visit(url).json


@pytest.mark.parametrize(
    "target", ["//", "/a//b", "/a/../b", "/%2e%2e/x", "/a%252Fb", "/a%00b", "/a%2Fb?x=%2F", "/*", "/~user/;v=1", "/?a=1?b=2"]
)
def test_odd_paths_reach_the_function_as_they_are(at_url, target):
    _, url = at_url(ECHO)
    event = visit(url, target).json
    path, _, query = target.partition("?")
    assert (event["rawPath"], event["rawQueryString"]) == (path, query)


def test_an_answer_is_inferred_or_said(at_url):
    _, url = at_url(RETURNS)

    def returned(value):
        return visit(url, f"/?return={''.join(f'%{byte:02x}' for byte in json.dumps(value).encode())}")

    for value in [3, "Hello", ["a", 1], None, {"message": "hi"}, {"body": "no status"}]:
        answer = returned(value)
        assert (answer.status, answer.header("content-type"), answer.json) == (200, "application/json", value)
    said = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/html", "X-Number": 1, "Connection": "close", "Content-Length": "999"},
        "cookies": ["a=b; Path=/", "c=d"],
        "body": "<p>Grüße</p>",
    }
    answer = returned(said)
    assert (answer.status, answer.body.decode()) == (201, said["body"])
    assert (answer.all("content-type"), answer.header("x-number")) == (["text/html"], "1")
    assert answer.all("set-cookie") == said["cookies"]
    assert answer.all("content-length") == [str(len(said["body"].encode()))]
    binary = returned({"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True})
    assert binary.body == b"\x00\xff"
    for malformed in [{"statusCode": "abc"}, {"statusCode": 200, "body": {}}, {"statusCode": 200, "headers": []}]:
        answer = returned(malformed)
        assert (answer.status, answer.body) == (502, b"Internal Server Error"), malformed


def test_u_04_a_function_that_fails_is_a_bad_gateway(at_url):
    _, url = at_url("def handler(event, context):\n    raise ValueError('why')\n")
    answer = visit(url)
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


def test_the_briefs_handler_is_for_another_format(at_url):
    """It reads `httpMethod`, which the event of a URL does not have."""
    _, url = at_url("""
        def handler(event, context):
            http_method = event['httpMethod']
            return {'statusCode': 200, 'body': http_method}
    """)
    assert visit(url).status == 502


def test_u_04_an_address_that_is_nobodys_is_forbidden(server, at_url):
    _, url = at_url(ECHO)
    unknown = url.replace(url.removeprefix("http://").split(".")[0], "a" * 32)
    answer = visit(unknown)
    assert (answer.status, answer.json, answer.header("x-amzn-errortype")) == (403, {"Message": None}, "AccessDeniedException")
    assert answer.header("content-type") == "application/json"


def test_u_05_u_07_both_permissions_are_needed(at_url):
    function, url = at_url(ECHO, open_url=False)
    client, name = function.client, function.name
    assert (visit(url).status, visit(url).json) == (403, FORBIDDEN)
    open_to_all(client, name, ["lambda:InvokeFunctionUrl"])
    assert visit(url).status == 403
    open_to_all(client, name, ["lambda:InvokeFunction"])
    assert visit(url).status == 200
    client.remove_permission(FunctionName=name, StatementId="InvokeFunctionUrl")
    assert visit(url).json == FORBIDDEN
    # Of those who sign, which nobody does here.
    client.add_permission(
        FunctionName=name, StatementId="iam", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="AWS_IAM"
    )
    assert visit(url).status == 403


def test_an_aliass_address_is_the_aliass(at_url):
    function, url = at_url("def handler(event, context):\n    return context.function_version\n")
    client, name = function.client, function.name
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    alias = client.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE")["FunctionUrl"]
    assert visit(alias).status == 403
    open_to_all(client, name, Qualifier="live")
    assert (visit(alias).json, visit(url).json) == ("1", "$LATEST")


def test_addresses_come_and_go(fresh_server, python_runtime):
    server = fresh_server()
    function = Deployer(server.client(), python_runtime)(ECHO)
    client, name = function.client, function.name
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    open_to_all(client, name)
    assert visit(url).status == 200
    server.kill()
    server = fresh_server(data_dir=server.data_dir)
    client = server.client()
    url = client.get_function_url_config(FunctionName=name)["FunctionUrl"]
    assert visit(url).status == 200
    client.delete_function_url_config(FunctionName=name)
    assert visit(url).json == {"Message": None}
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    assert visit(url).status == 200
    client.delete_function(FunctionName=name)
    assert visit(url).json == {"Message": None}


def test_hosts_of_other_domains_and_paths_reach_it_too(server, at_url):
    _, url = at_url(ECHO)
    host = url.removeprefix("http://").removesuffix("/")
    url_id = host.split(".")[0]
    for other in [f"{url_id}.lambda-url.us-east-1.on.aws", f"{url_id.upper()}.lambda-url.us-east-1.example.com:8080"]:
        assert visit(url, "/x", host=other).json["requestContext"]["domainName"] == other.split(":")[0]
    by_path = visit(server.endpoint, f"/_lambent/lambda-url/{url_id}/a%2Fb?c=d").json
    assert (by_path["rawPath"], by_path["rawQueryString"]) == ("/a%2Fb", "c=d")
    assert by_path["requestContext"]["apiId"] == url_id
    assert visit(f"{server.endpoint}/_lambent/lambda-url/{url_id}").json["rawPath"] == "/"


def test_one_address_is_never_taken_for_another(at_url):
    """What a client says besides the host changes nothing, and of two hosts that of the target counts (case 80)."""
    _, mine = at_url("def handler(event, context):\n    return 'mine'\n")
    _, other = at_url("def handler(event, context):\n    return 'other'\n")
    mine_host, other_host = (url.removeprefix("http://").removesuffix("/") for url in (mine, other))
    for header in ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host", "X-Rewrite-URL"]:
        assert visit(mine, headers=[(header, other_host)]).json == "mine"
    target = f"GET http://{mine_host}/ HTTP/1.1\r\nHost: {other_host}\r\nConnection: close\r\n\r\n"
    assert exchange(mine, target.encode()).endswith(b'"mine"')
    twice = f"GET / HTTP/1.1\r\nHost: {mine_host}\r\nHost: {other_host}\r\nConnection: close\r\n\r\n"
    assert exchange(mine, twice.encode()).startswith(b"HTTP/1.1 400")


def test_browsers_of_other_origins_are_answered_by_the_settings(at_url):
    cors = {
        "AllowOrigins": ["https://example.com"],
        "AllowMethods": ["GET"],
        "AllowHeaders": ["x-one"],
        "ExposeHeaders": ["x-two"],
        "AllowCredentials": True,
        "MaxAge": 300,
    }
    code = "def handler(event, context):\n    return {'statusCode': 200, 'headers': {'access-control-allow-origin': '*', 'x-two': '2'}, 'body': ''}\n"
    _, url = at_url(code, settings={"Cors": cors})
    asked = [("Origin", "https://example.com"), ("Access-Control-Request-Method", "GET")]
    told = visit(url, method="OPTIONS", headers=asked)
    assert (told.status, told.body) == (200, b"")
    expected = {
        "access-control-allow-origin": "https://example.com",
        "access-control-allow-methods": "GET",
        "access-control-allow-headers": "x-one",
        "access-control-allow-credentials": "true",
        "access-control-max-age": "300",
    }
    assert {name: told.header(name) for name in expected} == expected
    answer = visit(url, headers=asked[:1])
    assert answer.all("access-control-allow-origin") == ["https://example.com"]
    assert (answer.header("access-control-expose-headers"), answer.header("x-two")) == ("x-two", "2")
    stranger = visit(url, headers=[("Origin", "https://other.com")])
    assert (stranger.status, stranger.header("access-control-allow-origin")) == (200, None)
    refused = visit(url, method="OPTIONS", headers=[("Origin", "https://other.com"), asked[1]])
    assert refused.header("access-control-allow-origin") is None


def test_u_09_what_is_too_large_or_too_much_is_refused(at_url):
    function, url = at_url("def handler(event, context):\n    return len(event['body'])\n")
    large = visit(url, method="POST", headers=[("Content-Type", "text/plain")], body=b"x" * (6 * 1024 * 1024 + 1))
    assert (large.status, large.header("x-amzn-errortype")) == (413, "RequestTooLargeException")
    assert large.json == {"Message": "Request must be smaller than 6291456 bytes for the InvokeFunction operation"}
    fits = visit(url, method="POST", headers=[("Content-Type", "text/plain")], body=b"x" * 6_000_000)
    assert fits.json == 6_000_000
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    throttled = visit(url)
    assert (throttled.status, throttled.header("x-amzn-errortype")) == (429, "TooManyRequestsException")


def test_http_2_reaches_it_as_well(at_url):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("skipped: curl is not installed")
    _, url = at_url(ECHO)
    host = url.removeprefix("http://").removesuffix("/")
    name, port = host.rsplit(":", 1)
    asked = [curl, "-sS", "--http2-prior-knowledge", "--resolve", f"{name}:{port}:127.0.0.1", f"{url}p?q=1", "-H", "Cookie: a=b"]
    event = json.loads(subprocess.run(asked, capture_output=True, timeout=60, check=True).stdout)
    assert (event["requestContext"]["http"]["protocol"], event["headers"]["host"]) == ("HTTP/2.0", host)
    assert (event["rawPath"], event["cookies"]) == ("/p", ["a=b"])


@pytest.mark.skipif(NODE is None, reason="skipped: no Node.js for managed runtimes is there")
def test_a_streamed_answer_begins_before_its_function_ends(at_url):
    code = """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream = awslambda.HttpResponseStream.from(stream, {
            statusCode: 418, headers: { "Content-Type": "text/plain", "X-Own": "1" }, cookies: ["a=b"],
          });
          stream.write("first,");
          await new Promise((done) => setTimeout(done, 3000));
          stream.write("second");
          stream.end();
        });
    """
    settings = {"InvokeMode": "RESPONSE_STREAM"}
    _, url = at_url({"app.js": code}, settings=settings, Runtime=NODE, Handler="app.handler", Timeout=20)
    host = url.removeprefix("http://").removesuffix("/")
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    begun = exchange(url, request, until=b"first,")
    assert begun.startswith(b"HTTP/1.1 418") and b"second" not in begun
    answer = visit(url)
    assert (answer.status, answer.header("content-type"), answer.header("x-own")) == (418, "text/plain", "1")
    assert (answer.all("set-cookie"), answer.body) == (["a=b"], b"first,second")


@pytest.mark.skipif(NODE is None, reason="skipped: no Node.js for managed runtimes is there")
def test_a_stream_without_a_head_is_bytes(at_url):
    code = """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          if (event.rawPath === "/fails") throw new Error("early");
          if (event.rawPath === "/typed") stream.setContentType("text/csv");
          stream.write("a,b");
          stream.end();
        });
    """
    _, url = at_url({"app.js": code}, settings={"InvokeMode": "RESPONSE_STREAM"}, Runtime=NODE, Handler="app.handler")
    plain, typed = visit(url), visit(url, "/typed")
    assert (plain.status, plain.header("content-type"), plain.body) == (200, "application/octet-stream", b"a,b")
    assert (typed.header("content-type"), typed.body) == ("text/csv", b"a,b")
    assert visit(url, "/fails").status == 502


@pytest.mark.skipif(NODE is None, reason="skipped: no Node.js for managed runtimes is there")
def test_a_stream_that_fails_on_its_way_does_not_look_whole(at_url):
    code = """
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
          stream.write("half");
          await new Promise((done) => setTimeout(done, 200));
          throw new Error("late");
        });
    """
    _, url = at_url({"app.js": code}, settings={"InvokeMode": "RESPONSE_STREAM"}, Runtime=NODE, Handler="app.handler")
    with pytest.raises(http.client.IncompleteRead) as cut:
        visit(url)
    assert cut.value.partial == b"half"


def test_p_07_a_function_that_does_not_stream_answers_a_streaming_address(at_url):
    _, url = at_url(RETURNS, settings={"InvokeMode": "RESPONSE_STREAM"})
    answer = visit(url, "/?return=%7B%22statusCode%22%3A%20201%2C%20%22body%22%3A%20%22b%22%7D")
    assert (answer.status, answer.body) == (201, b"b")
    assert visit(url, "/?return=x").status == 502


@pytest.fixture(scope="module")
def enforced(module_servers):
    return module_servers.start("--auth", "enforce", "--root-access-key-id", ROOT[0], "--root-secret-access-key", ROOT[1])


@pytest.fixture
def root(enforced):
    """Clients of the root's, by service."""
    return lambda service: enforced.client(service=service, access_key=ROOT[0], secret_key=ROOT[1])


@pytest.fixture
def signed_url(root, python_runtime):
    """A function whose URL wants signatures: its name, its ARN, its address."""
    iam, client = root("iam"), root("lambda")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = ROLE.rsplit("/", 1)[1]
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    function = Deployer(client, python_runtime)(ECHO)
    url = client.create_function_url_config(FunctionName=function.name, AuthType="AWS_IAM")["FunctionUrl"]
    yield function, url
    function.delete()
    iam.delete_role(RoleName=role)


def test_u_06_those_who_sign_need_a_policy_of_theirs_or_of_the_functions(root, signed_url):
    function, url = signed_url
    iam = root("iam")
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]
    visitor = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"]).get_credentials()
    owner = boto3.Session(*ROOT).get_credentials()
    assert (visit(url).status, visit(url).json) == (403, FORBIDDEN)
    event = signed(url, owner, b"hi").json
    assert event["body"] == "hi"
    assert event["requestContext"]["accountId"] == "000000000000"
    authorizer = event["requestContext"]["authorizer"]["iam"]
    assert (authorizer["accessKey"], authorizer["userArn"]) == (ROOT[0], "arn:aws:iam::000000000000:root")
    wrong = boto3.Session(key["AccessKeyId"], "wrong").get_credentials()
    assert signed(url, wrong).status == 403
    assert signed(url, visitor).json == FORBIDDEN
    both = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
    statement = {"Effect": "Allow", "Action": both, "Resource": function.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="visitor", PolicyName="visits", PolicyDocument=policy)
    assert signed(url, visitor).status == 200
    iam.delete_user_policy(UserName="visitor", PolicyName="visits")
    assert signed(url, visitor).status == 403
    user = "arn:aws:iam::000000000000:user/visitor"
    for action in both:
        sid = action.rpartition(":")[2]
        function.client.add_permission(FunctionName=function.name, StatementId=sid, Action=action, Principal=user)
    assert signed(url, visitor).status == 200
    iam.create_group(GroupName="barred")
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Effect": "Deny"}]})
    iam.put_group_policy(GroupName="barred", PolicyName="no", PolicyDocument=deny)
    iam.add_user_to_group(GroupName="barred", UserName="visitor")
    assert signed(url, visitor).status == 403
