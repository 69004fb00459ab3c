"""What HTTP APIs of API Gateway answer, visited as browsers and curl do."""

import json
import time

import pytest

from http_apis import Api
from packages import make_zip
from test_brief import API_HANDLER
from web import visit

#: The brief's example 2 in format 2.0.
BRIEF_2 = (
    API_HANDLER.replace("event['httpMethod']", "event['requestContext']['http']['method']")
    .replace("event['path']", "event['rawPath']")
    .replace("event['body']", "event.get('body')")
)


def test_a_request_becomes_an_event_of_format_2(apis, echo):
    api = Api(apis, stage="dev")
    api.route("POST /pets/{kind}/{proxy+}", echo)
    apis.update_stage(ApiId=api.id, StageName="dev", StageVariables={"color": "red"})
    headers = [("X-One", "1"), ("x-one", "2"), ("Cookie", "a=b; c=d"), ("User-Agent", "curl/8"), ("Content-Type", "application/json")]
    answer = api.visit("/dev/pets/dog/a%2Fb/c?x=1&x=2", "POST", headers, b"{}")
    assert answer.status == 200, answer
    event = answer.json
    assert answer.header("apigw-requestid") == event["requestContext"]["requestId"]
    context = event["requestContext"]
    host = api.endpoint.removeprefix("http://").rsplit(":", 1)[0]
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "POST /pets/{kind}/{proxy+}", "/dev/pets/dog/a%2Fb/c")
    assert event["pathParameters"] == {"kind": "dog", "proxy": "a/b/c"}
    assert (event["stageVariables"], event["cookies"]) == ({"color": "red"}, ["a=b", "c=d"])
    assert (event["queryStringParameters"], event["headers"]["x-one"]) == ({"x": "1,2"}, "1,2")
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    assert (context["accountId"], context["apiId"], context["stage"]) == ("000000000000", api.id, "dev")
    assert (context["domainName"], context["domainPrefix"]) == (host, api.id)
    assert (context["http"]["method"], context["http"]["path"]) == ("POST", "/dev/pets/dog/a%2Fb/c")
    assert "authorizer" not in context


def test_a_request_becomes_an_event_of_format_1(apis, echo):
    api = Api(apis, stage="dev")
    returns = "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event)}\n"
    echo.client.update_function_code(FunctionName=echo.name, ZipFile=make_zip({"app.py": returns}))
    echo.wait_updated()
    api.route("ANY /pets/{id}", echo, version="1.0")
    event = api.visit("/dev/pets/7?x=1&x=2", "PUT", [("X-One", "1"), ("X-One", "2")], b"\xff").json
    assert (event["version"], event["resource"], event["path"], event["httpMethod"]) == ("1.0", "/pets/{id}", "/dev/pets/7", "PUT")
    assert (event["headers"]["x-one"], event["multiValueHeaders"]["x-one"]) == ("2", ["1", "2"])
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"x": "2"}, {"x": ["1", "2"]})
    assert (event["pathParameters"], event["stageVariables"]) == ({"id": "7"}, None)
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)
    context = event["requestContext"]
    assert (context["resourcePath"], context["httpMethod"], context["path"]) == ("/pets/{id}", "PUT", "/dev/pets/7")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    nothing = api.visit("/dev/pets/7").json
    assert (nothing["body"], nothing["queryStringParameters"]) == (None, None)


def test_the_briefs_example_is_answered_in_format_1(apis, deploy):
    function = deploy(API_HANDLER, Handler="app.lambda_handler")
    api = Api(apis)
    api.route("ANY /hello", function, version="1.0")
    got = api.visit("/hello")
    assert (got.status, got.json, got.header("access-control-allow-origin")) == (200, {"message": "Hello from Lambda!"}, "*")
    assert api.visit("/hello", "POST", body=b"{}", headers=[("Content-Type", "application/json")]).json == {"error": "Method not allowed"}
    api.route("ANY /two", function, version="2.0")
    failed = api.visit("/two")
    assert (failed.status, failed.json) == (500, {"message": "Internal Server Error"})
    newer = deploy(BRIEF_2, Handler="app.lambda_handler")
    api.route("ANY /newer", newer, version="2.0")
    assert api.visit("/newer").json == {"message": "Hello from Lambda!"}


def test_routes_stages_and_what_is_neither(apis, echo):
    api = Api(apis)
    for key in ["GET /pets/dog", "GET /pets/{id}", "ANY /{proxy+}"]:
        api.route(key, echo)
    for target, expected in [("/pets/dog", "GET /pets/dog"), ("/pets/1", "GET /pets/{id}"), ("/pets/1/2", "ANY /{proxy+}")]:
        assert api.visit(target).json["routeKey"] == expected
    assert api.visit("/pets/1", "POST").json["routeKey"] == "ANY /{proxy+}"
    missing = api.visit("/")
    assert (missing.status, missing.json) == (404, {"message": "Not Found"})
    default = api.route("$default", echo)
    assert api.visit("/").json["routeKey"] == "$default"
    apis.delete_route(ApiId=api.id, RouteId=default)
    assert api.visit("/").status == 404
    # Another stage has what was deployed to it.
    deployment = apis.create_deployment(ApiId=api.id)["DeploymentId"]
    apis.create_stage(ApiId=api.id, StageName="old", DeploymentId=deployment)
    api.route("GET /new", echo)
    assert api.visit("/new").json["requestContext"]["stage"] == "$default"
    assert api.visit("/old/new").json["routeKey"] == "ANY /{proxy+}"
    assert api.visit("/old/pets/dog").json["rawPath"] == "/old/pets/dog"
    unknown = api.visit("/", host=f"{'a' * 10}.execute-api.us-east-1.localhost")
    assert (unknown.status, unknown.json) == (403, {"message": "Forbidden"})
    by_path = visit(apis.meta.endpoint_url, f"/_lambent/execute-api/{api.id}/pets/dog").json
    assert by_path["routeKey"] == "GET /pets/dog"


def test_an_api_invokes_only_functions_whose_policies_let_it(apis, echo):
    api = Api(apis)
    api.route("GET /a", echo, allow=False)
    refused = api.visit("/a")
    assert (refused.status, refused.json) == (500, {"message": "Internal Server Error"})
    echo.client.add_permission(
        FunctionName=echo.name,
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/*/GET/a",
    )
    assert api.visit("/a").status == 200
    api.route("GET /b", echo, allow=False)
    assert api.visit("/b").status == 500


def test_an_integration_asks_as_its_role_which_is_of_its_account(apis, echo):
    api = Api(apis)
    for path, account, status in (("/own", "000000000000", 200), ("/other", "111111111111", 500)):
        role = f"arn:aws:iam::{account}:role/asks"
        integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": echo.arn, "PayloadFormatVersion": "2.0", "CredentialsArn": role}
        api.route(f"GET {path}", integration=integration)
        assert api.visit(path).status == status


def test_quick_create_needs_nothing_else(apis, echo):
    made = apis.create_api(Name="quick", ProtocolType="HTTP", Target=echo.arn)
    echo.client.add_permission(
        FunctionName=echo.name, StatementId="q", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    event = visit(made["ApiEndpoint"], "/any/thing", "DELETE").json
    assert (event["routeKey"], event["rawPath"], event["requestContext"]["stage"]) == ("$default", "/any/thing", "$default")
    stage = apis.get_stages(ApiId=made["ApiId"])["Items"][0]
    assert (stage["AutoDeploy"], stage["ApiGatewayManaged"]) == (True, True)


def test_browsers_of_other_origins_are_answered_by_the_api(apis, echo):
    cors = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "AllowHeaders": ["x-one"], "MaxAge": 60}
    api = Api(apis, CorsConfiguration=cors)
    api.route("GET /a", echo)
    asked = [("Origin", "https://example.com"), ("Access-Control-Request-Method", "GET")]
    told = api.visit("/nowhere", "OPTIONS", asked)
    assert (told.status, told.body) == (204, b"")
    assert told.header("access-control-allow-origin") == "https://example.com"
    assert (told.header("access-control-allow-methods"), told.header("access-control-max-age")) == ("GET", "60")
    assert api.visit("/a", headers=asked[:1]).header("access-control-allow-origin") == "https://example.com"
    assert api.visit("/a", headers=[("Origin", "https://other.com")]).header("access-control-allow-origin") is None
    apis.delete_cors_configuration(ApiId=api.id)
    assert api.visit("/a", "OPTIONS", asked).status == 404


def test_custom_domain_names_have_paths_of_several_apis(apis, echo):
    one, two = Api(apis), Api(apis, stage="dev")
    one.route("GET /{proxy+}", echo)
    two.route("GET /{proxy+}", echo)
    domain = f"{one.id}.example.com"
    apis.create_domain_name(DomainName=domain)
    try:
        apis.create_api_mapping(DomainName=domain, ApiId=one.id, Stage="$default")
        apis.create_api_mapping(DomainName=domain, ApiId=two.id, Stage="dev", ApiMappingKey="v2/api")

        def at(path):
            event = one.visit(path, host=f"{domain.upper()}:443").json
            return event["requestContext"]["apiId"], event["pathParameters"]["proxy"], event["rawPath"]

        assert at("/a/b") == (one.id, "a/b", "/a/b")
        assert at("/v2/api/c") == (two.id, "c", "/v2/api/c")
        assert at("/v2/apis/c") == (one.id, "v2/apis/c", "/v2/apis/c")
        # The server's own pages, and whoever signs for a service, are not taken for visitors of the domain.
        assert one.visit("/_lambent/health", host=domain).json["status"] == "ok"
        scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
        assert "Functions" in one.visit("/2015-03-31/functions/", headers=[("Authorization", scope)], host=domain).json
        apis.update_api(ApiId=one.id, DisableExecuteApiEndpoint=True)
        assert (one.visit("/a").status, at("/a")[0]) == (404, one.id)
    finally:
        apis.delete_domain_name(DomainName=domain)
    assert one.visit("/a", host=domain).status != 200
    for own in ["localhost", "127.0.0.1", "::1"]:
        with pytest.raises(apis.exceptions.BadRequestException):
            apis.create_domain_name(DomainName=own)


def test_a_route_has_as_many_requests_as_its_settings_allow(apis, echo):
    api = Api(apis)
    api.route("GET /few", echo)
    api.route("GET /many", echo)
    limits = {"GET /few": {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.01}}
    apis.update_stage(ApiId=api.id, StageName="$default", RouteSettings=limits)
    assert [api.visit("/few").status for _ in range(4)] == [200, 200, 429, 429]
    assert api.visit("/few").json == {"message": "Too Many Requests"}
    assert {api.visit("/many").status for _ in range(4)} == {200}


def test_a_server_of_the_web_answers_behind_an_api(apis, upstream):
    api = Api(apis)
    proxy = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": upstream + "/base/{proxy}"}
    api.route("ANY /{proxy+}", integration=proxy)
    answer = api.visit("/a/b?x=1", "POST", [("X-Mine", "2"), ("Connection", "close")], b"body")
    assert (answer.status, answer.header("x-own")) == (203, "1")
    told = answer.json
    assert (told["method"], told["path"], told["body"]) == ("POST", "/base/a/b?x=1", "body")
    sent = {name.lower(): value for name, value in told["headers"].items()}
    assert (sent["x-mine"], sent["via"]) == ("2", "HTTP/1.1 AmazonAPIGateway")
    assert sent["forwarded"].startswith("for=127.0.0.1;host=")
    # What a client sends stays within the path.
    for sent in ["/a%3Fx=1/b%20c", "/%7Bproxy%7D", "/a%23b/%2e%2e"]:
        reached = api.visit(sent).json["path"]
        assert reached.startswith("/base/") and not set("?#{} ") & set(reached), reached
    mapped = {**proxy, "RequestParameters": {"overwrite:path": "/else/where"}}
    api.route("GET /mapped", integration=mapped)
    assert api.visit("/mapped?x=1").json["path"] == "/else/where?x=1"
    gone = {**proxy, "IntegrationUri": "http://127.0.0.1:9/"}
    api.route("GET /gone", integration=gone)
    assert (api.visit("/gone").status, api.visit("/gone").json) == (503, {"message": "Service Unavailable"})


def test_a_slow_integration_is_not_waited_for(apis, deploy):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(3)\n    return 1\n", Timeout=10)
    api = Api(apis)
    api.route("GET /slow", function)
    integration = apis.get_integrations(ApiId=api.id)["Items"][0]["IntegrationId"]
    apis.update_integration(ApiId=api.id, IntegrationId=integration, TimeoutInMillis=500)
    started = time.monotonic()
    answer = api.visit("/slow")
    assert (answer.status, answer.json) == (503, {"message": "Service Unavailable"})
    assert time.monotonic() - started < 2.5


def test_mappings_change_requests_and_answers(apis, echo, deploy):
    api = Api(apis, stage="dev")
    apis.update_stage(ApiId=api.id, StageName="dev", StageVariables={"color": "red"})
    route = api.route("POST /pets/{id}", echo)
    integration = apis.get_route(ApiId=api.id, RouteId=route)["Target"].split("/")[1]
    requests = {
        "append:header.x-pet": "$request.path.id",
        "overwrite:header.x-mine": "${stageVariables.color}-${request.body.name}",
        "remove:header.x-gone": "''",
        "append:querystring.from": "$context.identity.sourceIp",
    }
    answers = {"200": {"append:header.x-request": "$context.requestId", "overwrite:statuscode": "201"}}
    apis.update_integration(ApiId=api.id, IntegrationId=integration, RequestParameters=requests, ResponseParameters=answers)
    headers = [("X-Mine", "1"), ("X-Gone", "2"), ("Content-Type", "application/json")]
    answer = api.visit("/dev/pets/7?a=b", "POST", headers, b'{"name": "rex"}')
    event = answer.json
    assert (event["headers"]["x-pet"], event["headers"]["x-mine"]) == ("7", "red-rex")
    assert "x-gone" not in event["headers"]
    assert event["queryStringParameters"] == {"a": "b", "from": "127.0.0.1"}
    assert (answer.status, answer.header("x-request")) == (201, event["requestContext"]["requestId"])
    for wrong in [{"RequestParameters": {"header.x": "y"}}, {"ResponseParameters": {"200": {"append:path": "y"}}}]:
        with pytest.raises(apis.exceptions.BadRequestException, match="Invalid mapping expression"):
            apis.update_integration(ApiId=api.id, IntegrationId=integration, **wrong)


def test_a_stage_writes_a_line_for_each_request(server, apis, echo):
    logs = server.client(service="logs")
    api = Api(apis)
    api.route("GET /a", echo)
    logs.create_log_group(logGroupName=f"/apis/{api.id}")
    line = '{"id":"$context.requestId","route":"$context.routeKey","status":$context.status,"ip":"$context.identity.sourceIp","none":"$context.none"}'
    destination = f"arn:aws:logs:us-east-1:000000000000:log-group:/apis/{api.id}"
    apis.update_stage(ApiId=api.id, StageName="$default", AccessLogSettings={"DestinationArn": destination, "Format": line})
    ids = [api.visit("/a").header("apigw-requestid"), api.visit("/b").header("apigw-requestid")]
    deadline = time.monotonic() + 20
    while len(events := logs.filter_log_events(logGroupName=f"/apis/{api.id}")["events"]) < 2:
        assert time.monotonic() < deadline, events
        time.sleep(0.1)
    seen = [json.loads(event["message"]) for event in events]
    common = {"ip": "127.0.0.1", "none": "-"}
    assert {"id": ids[0], "route": "GET /a", "status": 200, **common} in seen
    assert {"id": ids[1], "route": "-", "status": 404, **common} in seen
    logs.delete_log_group(logGroupName=f"/apis/{api.id}")


def test_what_is_not_built_is_refused(apis):
    api = Api(apis)
    for wrong, message in [
        ({"IntegrationType": "HTTP_PROXY", "ConnectionType": "VPC_LINK", "ConnectionId": "x"}, "VPC links"),
        ({"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage", "PayloadFormatVersion": "1.0"}, "services of AWS"),
        ({"IntegrationType": "MOCK"}, "not supported for HTTP APIs"),
        ({"IntegrationType": "AWS_PROXY", "IntegrationUri": "arn:aws:sqs:us-east-1:000000000000:q"}, "Lambda function ARN"),
    ]:
        with pytest.raises(apis.exceptions.BadRequestException, match=message):
            apis.create_integration(ApiId=api.id, **wrong)
    for key in ["GET", "get /", "GET pets", "GET /{a+}/b"]:
        with pytest.raises(apis.exceptions.BadRequestException, match="not formatted properly"):
            apis.create_route(ApiId=api.id, RouteKey=key)
    apis.create_route(ApiId=api.id, RouteKey="GET /")
    with pytest.raises(apis.exceptions.ConflictException, match="already exists"):
        apis.create_route(ApiId=api.id, RouteKey="GET /")
    with pytest.raises(apis.exceptions.NotFoundException, match="Invalid API identifier specified 000000000000:nothing"):
        apis.get_api(ApiId="nothing")
