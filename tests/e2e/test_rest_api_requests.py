"""What REST APIs of API Gateway answer: proxies of functions and of servers, templates, and what is said without either."""

import json
import time

import pytest

from dynamo import unique
from rest_apis import MOCK, PROXY_ECHO, RestApi, function_uri, template
from test_brief import API_HANDLER
from test_function_url_requests import NODE
from web import visit


def test_a_request_becomes_an_event_of_a_rest_api(rest, deploy):
    api = RestApi(rest, binaryMediaTypes=["image/png"])
    api.function("/pets/{kind}/{proxy+}", deploy(PROXY_ECHO))
    api.deploy(variables={"color": "red"})
    headers = [("X-One", "1"), ("x-one", "2"), ("User-Agent", "curl/8"), ("Content-Type", "application/json")]
    answer = api.visit("/pets/dog/a%2Fb/c%20d?x=1&x=2%203", "POST", headers, b"{}")
    assert answer.status == 200, answer
    event = answer.json
    context = event["requestContext"]
    assert answer.header("x-amzn-requestid") == context["requestId"]
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/pets/{kind}/{proxy+}", "/pets/dog/a/b/c d", "POST")
    assert event["pathParameters"] == {"kind": "dog", "proxy": "a/b/c d"}
    assert (event["headers"]["X-One"], event["multiValueHeaders"]["X-One"]) == ("2", ["1", "2"])
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"x": "2 3"}, {"x": ["1", "2 3"]})
    assert (event["stageVariables"], event["body"], event["isBase64Encoded"]) == ({"color": "red"}, "{}", False)
    assert (context["path"], context["resourcePath"], context["stage"]) == ("/dev/pets/dog/a%2Fb/c%20d", "/pets/{kind}/{proxy+}", "dev")
    assert (context["accountId"], context["apiId"], context["identity"]["sourceIp"]) == ("000000000000", api.id, "127.0.0.1")
    assert "version" not in event and "authorizer" not in context
    binary = api.visit("/pets/dog/x", "POST", [("Content-Type", "image/png")], b"\x00\xff").json
    assert (binary["body"], binary["isBase64Encoded"]) == ("AP8=", True)
    nothing = api.visit("/pets/dog/x").json
    assert (nothing["body"], nothing["queryStringParameters"]) == (None, None)


def test_the_briefs_example_is_answered(rest, deploy):
    api = RestApi(rest)
    api.function("/hello", deploy(API_HANDLER, Handler="app.lambda_handler"))
    api.deploy()
    got = api.visit("/hello")
    assert (got.status, got.json, got.header("access-control-allow-origin")) == (200, {"message": "Hello from Lambda!"}, "*")
    posted = api.visit("/hello", "POST", [("Content-Type", "application/json")], b'{"name": "x"}')
    assert posted.json == {"error": "Method not allowed"}


RESPONSES = """
import json
ANSWERS = {
    'headers': {'statusCode': 201, 'headers': {'X-A': 1}, 'multiValueHeaders': {'Set-Cookie': ['a=1', 'b=2']}, 'body': 'made'},
    'text': {'statusCode': '202', 'body': 'x'},
    'empty': {},
    'binary': {'statusCode': 200, 'body': 'AP8=', 'isBase64Encoded': True, 'headers': {'Content-Type': 'image/png'}},
    'null': None, 'string': 'hello', 'object': {'statusCode': 200, 'body': {}}, 'extra': {'statusCode': 200, 'other': 1},
    'status': {'statusCode': 'x'}, 'low': {'statusCode': 42},
}
def handler(event, context):
    return ANSWERS[event['pathParameters']['what']]
"""


def test_a_functions_response_is_an_answer_or_malformed(rest, deploy):
    api = RestApi(rest, binaryMediaTypes=["image/png"])
    api.function("/{what}", deploy(RESPONSES))
    api.deploy()
    made = api.visit("/headers")
    assert (made.status, made.header("x-a"), made.all("set-cookie"), made.body) == (201, "1", ["a=1", "b=2"], b"made")
    assert (api.visit("/text").status, api.visit("/empty").status) == (202, 200)
    assert api.visit("/binary", headers=[("Accept", "image/png")]).body == b"\x00\xff"
    assert api.visit("/binary").body == b"AP8="
    for wrong in ("null", "string", "object", "extra", "status", "low", "raises"):
        answer = api.visit(f"/{wrong}")
        assert (answer.status, answer.json) == (502, {"message": "Internal server error"}), wrong
        assert answer.header("x-amzn-errortype") == "InternalServerErrorException"


def test_a_function_whose_policy_does_not_let_the_api_in(rest, deploy):
    api = RestApi(rest)
    function = deploy(PROXY_ECHO)
    api.function("/no", function, allow=False)
    api.deploy()
    answer = api.visit("/no")
    assert (answer.status, answer.json) == (500, {"message": "Internal server error"})


def test_paths_and_methods_that_lead_nowhere(rest):
    api = RestApi(rest)
    api.mock("/pets", responses={"200": {"responseTemplates": template("pets")}})
    api.mock("/pets/{id}", responses={"200": {"responseTemplates": template("$input.params('id')")}})
    api.mock("/{any+}", "PUT", responses={"200": {"responseTemplates": template("any $input.params('any')")}})
    api.deploy()
    assert (api.visit("/pets").body, api.visit("/pets/").body, api.visit("/pets/a%2Fb").body) == (b"pets", b"pets", b"a/b")
    assert api.visit("/pets", "PUT").body == b"any pets"
    for target, method in (("/", "GET"), ("/none", "GET"), ("/pets", "DELETE")):
        answer = api.visit(target, method)
        assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"}), target
        assert answer.header("x-amzn-errortype") == "MissingAuthenticationTokenException"
    nowhere = visit(api.endpoint(), "/other/pets")
    assert (nowhere.status, nowhere.json) == (403, {"message": "Forbidden"})


def test_a_deployment_is_a_snapshot(rest):
    api = RestApi(rest)
    named = api.mock("/x", responses={"200": {"responseTemplates": template("one")}})
    first = api.deploy()
    rest.update_integration_response(
        **named, statusCode="200", patchOperations=[{"op": "replace", "path": "/responseTemplates/application~1json", "value": "two"}]
    )
    assert api.visit("/x").body == b"one"
    api.deploy()
    assert api.visit("/x").body == b"two"
    api.patch(**{"/deploymentId": first})
    assert api.visit("/x").body == b"one"


def test_templates_put_requests_and_answers_into_another_form(rest, deploy):
    """The function gets what the template makes, and the client what the other one makes of its response."""
    api = RestApi(rest)
    function = deploy("def handler(event, context):\n    return {'got': event, 'list': [1, 2]}\n")
    request = """#set($body = $input.path('$'))
    {"name": "$body.name", "id": "$input.params('id')", "q": "$input.params('q')", "agent": "$input.params('User-Agent')",
     "stage": "$context.stage", "v": "$stageVariables.color", "all": $input.json('$')}"""
    answer = """#set($context.responseOverride.status = 201)#set($context.responseOverride.header.X-Made = "$input.path('$.got.name')")
    {"name": "$input.path('$.got.name')", "got": $input.json('$.got'), "list": [#foreach($i in $input.path('$.list'))$i#if($foreach.hasNext),#end#end]}"""
    api.function("/pets/{id}", function, "POST", kind="AWS", requestTemplates=template(request), responses={"200": {"responseTemplates": template(answer)}})
    api.deploy(variables={"color": "red"})
    got = api.visit("/pets/7?q=a%20b", "POST", [("User-Agent", "t")], b'{"name": "Rex", "n": {"b": 1, "a": 2}}')
    assert (got.status, got.header("x-made"), got.header("content-type")) == (201, "Rex", "application/json")
    event = {"name": "Rex", "id": "7", "q": "a b", "agent": "t", "stage": "dev", "v": "red", "all": {"name": "Rex", "n": {"b": 1, "a": 2}}}
    assert got.json == {"name": "Rex", "got": event, "list": [1, 2]}
    assert b'"n":{"b":1,"a":2}' in got.body


def test_errors_of_functions_are_told_by_patterns(rest, deploy):
    api = RestApi(rest)
    function = deploy("def handler(event, context):\n    raise Exception(event['why'])\n")
    responses = {
        "200": {},
        "404": {"selectionPattern": "NotFound.*", "responseTemplates": template('{"why": "$input.path(\'$.errorMessage\')"}')},
        "500": {"selectionPattern": r"(\n|.)+"},
    }
    api.function("/", function, "POST", kind="AWS", responses=responses)
    api.deploy()
    missing = api.visit("/", "POST", body=b'{"why": "NotFound: x"}')
    assert (missing.status, missing.json) == (404, {"why": "NotFound: x"})
    other = api.visit("/", "POST", body=b'{"why": "a\\nb"}')
    assert (other.status, other.json["errorType"]) == (500, "Exception")


def test_mocks_answer_by_status_with_headers(rest):
    api = RestApi(rest)
    cors = {"method.response.header.Access-Control-Allow-Origin": "'*'", "method.response.header.X-Stage": "context.stage"}
    responses = {"200": {"responseParameters": cors}, "404": {"selectionPattern": "404", "responseTemplates": template("none")}}
    api.mock("/", "OPTIONS", responses=responses)
    api.deploy()
    answer = api.visit("/", "OPTIONS")
    assert (answer.status, answer.body) == (200, b"")
    assert (answer.header("access-control-allow-origin"), answer.header("x-stage")) == ("*", "dev")
    assert (api.visit("/?status=404", "OPTIONS").status, api.visit("/?status=404", "OPTIONS").body) == (404, b"none")
    wrong = api.visit("/?status=x", "OPTIONS")
    assert (wrong.status, wrong.json) == (500, {"message": "Internal server error"})


def test_servers_of_the_web_get_the_request_as_it_came(rest, upstream):
    api = RestApi(rest)
    parameters = {"integration.request.path.proxy": "method.request.path.proxy", "integration.request.header.X-Mapped": "'yes'"}
    integration = {"type": "HTTP_PROXY", "integrationHttpMethod": "ANY", "uri": f"{upstream}/base/{{proxy}}", "requestParameters": parameters}
    api.method("/{proxy+}", "ANY", integration, requestParameters={"method.request.path.proxy": True})
    api.deploy()
    seen = api.visit("/a%20b/c?x=1&y=%26", "PUT", [("X-A", "1")], b"hello").json
    assert (seen["method"], seen["path"], seen["body"]) == ("PUT", "/base/a%20b/c?x=1&y=%26", "hello")
    assert (seen["headers"]["x-a"], seen["headers"]["x-mapped"]) == ("1", "yes")


def test_no_client_decides_which_server_is_asked(rest):
    api = RestApi(rest)
    parameters = {"integration.request.path.host": "method.request.querystring.host"}
    integration = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://{host}/base", "requestParameters": parameters}
    api.method("/", "GET", integration, requestParameters={"method.request.querystring.host": True})
    api.deploy()
    assert api.visit("/?host=localhost").status == 500


def test_servers_of_the_web_get_what_mappings_give(rest, upstream):
    api = RestApi(rest)
    integration = {
        "type": "HTTP", "integrationHttpMethod": "POST", "uri": f"{upstream}/base/{{id}}",
        "requestParameters": {
            "integration.request.path.id": "method.request.path.id",
            "integration.request.querystring.from": "method.request.header.X-From",
            "integration.request.header.X-Body": "method.request.body.name",
        },
        "requestTemplates": template('{"made": "$input.path(\'$.name\')"}'),
    }
    answered = {"200": {"responseTemplates": template("$input.json('$.path') $input.json('$.body') $input.path('$.headers').get('x-body')")}}
    declared = {"method.request.path.id": True, "method.request.header.X-From": False}
    api.method("/{id}", "GET", integration, answered, requestParameters=declared)
    api.deploy()
    answer = api.visit("/7", "GET", [("x-from", "me"), ("X-Secret", "s")], b'{"name": "Rex"}')
    assert answer.body.decode() == '"/base/7?from=me" "{\\"made\\": \\"Rex\\"}" Rex'


def test_services_are_asked_as_the_integrations_role(rest, server):
    """The guide's integrations with DynamoDB, SQS, S3 and Kinesis, as far as their requests go."""
    table, queue, bucket = unique("table"), unique("queue"), unique("bucket")
    dynamodb, sqs, s3 = (server.client(service=service) for service in ("dynamodb", "sqs", "s3"))
    dynamodb.create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    s3.create_bucket(Bucket=bucket)
    api = RestApi(rest)
    role = "arn:aws:iam::000000000000:role/gateway"

    def service(path, method, uri, responses=None, **options):
        uri = f"arn:aws:apigateway:us-east-1:{uri}"
        integration = {"type": "AWS", "integrationHttpMethod": options.pop("http", "POST"), "uri": uri, "credentials": role, **options}
        declared = {"method.request.path.key": True} if "{key}" in path else {}
        api.method(path, method, integration, responses or {"200": {}}, requestParameters=declared)

    item = '{"TableName": "%s", "Item": {"id": {"S": "$input.path(\'$.id\')"}}}' % table
    service("/items", "POST", "dynamodb:action/PutItem", requestTemplates=template(item))
    service(
        "/items", "GET", "dynamodb:action/Scan", requestTemplates=template({"TableName": table}),
        responses={"200": {"responseTemplates": template("#foreach($item in $input.path('$.Items'))$item.id.S #end")}},
    )
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    service("/messages", "POST", f"sqs:path/000000000000/{queue}", requestParameters=form, requestTemplates=template("Action=SendMessage&MessageBody=$util.urlEncode($input.body)"))
    key = {"integration.request.path.object": "method.request.path.key"}
    service("/files/{key}", "PUT", f"s3:path/{bucket}/{{object}}", http="PUT", requestParameters=key)
    service("/files/{key}", "GET", f"s3:path/{bucket}/{{object}}", http="GET", requestParameters=key, responses={"200": {}, "404": {"selectionPattern": "404"}})
    api.deploy()
    assert [api.visit("/items", "POST", body=json.dumps({"id": id}).encode()).status for id in ("a", "b")] == [200, 200]
    assert sorted(api.visit("/items").body.decode().split()) == ["a", "b"]
    assert api.visit("/messages", "POST", body=b'{"x": "1&2"}').status == 200
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"x": "1&2"}'
    assert api.visit("/files/a.txt", "PUT", [("Content-Type", "text/plain")], b"content").status == 200
    assert api.visit("/files/a.txt").body == b"content" and s3.get_object(Bucket=bucket, Key="a.txt")["Body"].read() == b"content"
    assert api.visit("/files/none").status == 404


def test_parameters_and_bodies_are_validated(rest):
    api = RestApi(rest)
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 5}}}
    rest.create_model(restApiId=api.id, name="Pet", contentType="application/json", schema=json.dumps(schema))
    validator = rest.create_request_validator(restApiId=api.id, name="all", validateRequestBody=True, validateRequestParameters=True)["id"]
    declared = {"method.request.querystring.q": True, "method.request.header.X-A": True, "method.request.header.X-B": False}
    both = {**MOCK, "text/plain": MOCK["application/json"]}
    api.mock("/", "POST", both, requestParameters=declared, requestModels={"application/json": "Pet"}, requestValidatorId=validator)
    rest.put_gateway_response(
        restApiId=api.id, responseType="BAD_REQUEST_BODY", statusCode="422",
        responseTemplates=template('{"why": "$context.error.validationErrorString", "m": $context.error.messageString}'),
        responseParameters={"gatewayresponse.header.X-Why": "'body'"},
    )
    api.deploy()
    missing = api.visit("/", "POST", body=b"{}")
    assert (missing.status, missing.json) == (400, {"message": "Missing required request parameters: [X-A, q]"})
    good = [("X-A", "1")]
    wrong = api.visit("/?q=1", "POST", good, b"{}")
    assert (wrong.status, wrong.header("x-why")) == (422, "body")
    assert wrong.body == b'{"why": "[object has missing required properties (["name"])]", "m": "Invalid request body"}'
    for body in (b"", b"[]", b'{"name": 1}', b'{"name": "longer"}', b"{"):
        assert api.visit("/?q=1", "POST", good, body).status == 422, body
    assert api.visit("/?q=1", "POST", good, b'{"name": "Rex"}').status == 200
    assert api.visit("/?q=1", "POST", [*good, ("Content-Type", "text/plain")], b"any").status == 200


def test_media_types_without_a_template(rest):
    api = RestApi(rest)
    named = api.mock("/", "POST")
    rest.update_integration(**named, patchOperations=[{"op": "replace", "path": "/passthroughBehavior", "value": "NEVER"}])
    api.deploy()
    refused = api.visit("/", "POST", [("Content-Type", "text/plain")], b"x")
    assert (refused.status, refused.json) == (415, {"message": "Unsupported Media Type"})
    assert api.visit("/", "POST", [("Content-Type", "application/json; charset=utf-8")], b"{}").status == 200


def test_methods_are_throttled(rest):
    api = RestApi(rest)
    api.mock("/")
    api.deploy()
    api.patch(**{"/*/*/throttling/rateLimit": "1", "/*/*/throttling/burstLimit": "2"})
    answers = [api.visit("/") for _ in range(6)]
    assert {answer.status for answer in answers} == {200, 429}
    assert next(answer for answer in answers if answer.status == 429).json == {"message": "Too Many Requests"}


def test_no_client_escapes_a_limit_by_what_it_calls_its_method(rest):
    api = RestApi(rest)
    api.mock("/", "ANY")
    api.deploy()
    api.patch(**{"/*/*/throttling/rateLimit": "1", "/*/*/throttling/burstLimit": "2"})
    assert 429 in {api.visit("/", method).status for method in ("GET", "PUT", "X-A", "X-B", "X-C", "X-D")}


def test_api_keys_are_for_the_stages_that_they_name(rest):
    api = RestApi(rest)
    api.mock("/", apiKeyRequired=True, responses={"200": {"responseTemplates": template("$context.identity.apiKeyId $context.identity.apiKey")}})
    api.deploy()
    key = rest.create_api_key(name="k", enabled=True, stageKeys=[{"restApiId": api.id, "stageName": "dev"}])
    other = rest.create_api_key(name="other", enabled=True)
    try:
        for headers in ([], [("x-api-key", "nobody")], [("x-api-key", other["value"])]):
            refused = api.visit("/", headers=headers)
            assert (refused.status, refused.json) == (403, {"message": "Forbidden"})
        good = [("X-Api-Key", key["value"])]
        assert api.visit("/", headers=good).body.decode() == f"{key['id']} {key['value']}"
        rest.update_api_key(apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}])
        assert api.visit("/", headers=good).status == 403
    finally:
        for made in (key, other):
            rest.delete_api_key(apiKey=made["id"])


def test_a_policy_of_the_api_decides_who_comes_in(rest):
    def policy(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": f"execute-api:/{resource}"} for effect, resource in statements
        ]})

    api = RestApi(rest, policy=policy(("Allow", "*"), ("Deny", "*/GET/secret")))
    api.mock("/open"), api.mock("/secret")
    api.deploy()
    assert api.visit("/open").status == 200
    denied = api.visit("/secret")
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/dev/GET/secret"
    message = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn} with an explicit deny"
    assert (denied.status, denied.json) == (403, {"message": message})


def test_slow_functions_and_gone_servers(rest, deploy):
    api = RestApi(rest)
    slow = deploy("import time\ndef handler(event, context):\n    time.sleep(3)\n    return {}\n", Timeout=10)
    api.function("/slow", slow, timeoutInMillis=100)
    api.method("/gone", "GET", {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://127.0.0.1:9/"})
    api.deploy()
    assert (api.visit("/slow").status, api.visit("/slow").json) == (504, {"message": "Endpoint request timed out"})
    gone = api.visit("/gone")
    assert (gone.status, gone.json) == (504, {"message": "Network error communicating with endpoint"})


STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, {statusCode: 201, headers: {"X-Path": event.path}});
  for (let i = 0; i < 3; i++) { stream.write(`piece ${i} `); await new Promise(r => setTimeout(r, 50)); }
  stream.end();
});
"""


@pytest.mark.skipif(NODE is None, reason="skipped: no Node.js for managed runtimes is there")
def test_a_function_streams_its_answer(rest, deploy):
    api = RestApi(rest)
    function = deploy({"app.js": STREAM}, Runtime=NODE, Handler="app.handler")
    uri = function_uri(function, "2021-11-15", "response-streaming-invocations")
    api.function("/s", function, "GET", uri=uri, responseTransferMode="STREAM")
    api.deploy()
    answer = api.visit("/s")
    assert (answer.status, answer.header("x-path"), answer.body) == (201, "/s", b"piece 0 piece 1 piece 2 ")
    assert answer.header("transfer-encoding") == "chunked"


def test_access_logs_are_in_the_form_that_the_stage_names(rest, server):
    logs = server.client(service="logs")
    group = unique("log-group")
    logs.create_log_group(logGroupName=group)
    api = RestApi(rest)
    api.mock("/pets/{id}")
    api.deploy()
    form = '{"m": "$context.httpMethod", "r": "$context.resourcePath", "s": $context.status, "e": "$context.error.responseType"}'
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    api.patch(**{"/accessLogSettings/destinationArn": arn, "/accessLogSettings/format": form})
    api.visit("/pets/1"), api.visit("/pets/1?status=500")
    deadline = time.monotonic() + 10
    while len(events := logs.filter_log_events(logGroupName=group)["events"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    lines = [json.loads(event["message"]) for event in events]
    assert {"m": "GET", "r": "/pets/{id}", "s": 200, "e": "-"} in lines


def test_execution_logs_tell_what_happens_to_requests(rest, server, deploy):
    api = RestApi(rest)
    api.function("/pets", deploy(PROXY_ECHO))
    api.function("/broken", deploy("def handler(event, context):\n    return 'no answer'\n"))
    api.mock("/silent")
    api.deploy()
    api.patch(**{"/*/*/logging/loglevel": "ERROR", "/~1pets/POST/logging/loglevel": "INFO", "/~1pets/POST/logging/dataTrace": "true", "/~1silent/GET/logging/loglevel": "OFF"})
    for path, method in (("/pets", "GET"), ("/silent", "GET"), ("/broken", "GET")):
        api.visit(path, method)
    told = api.visit("/pets", "POST", [("Content-Type", "text/plain")], b"a secret").json["requestContext"]["requestId"]
    logs, group = server.client(service="logs"), f"API-Gateway-Execution-Logs_{api.id}/dev"
    deadline = time.monotonic() + 10
    while True:
        try:
            lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            lines = []
        if any("Method completed" in line for line in lines) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    of_pets = [line.removeprefix(f"({told}) ") for line in lines if told in line]
    assert of_pets[1:3] == [f"Starting execution for request: {told}", "HTTP Method: POST, Resource Path: /pets"]
    assert "Method request body before transformations: a secret" in of_pets and of_pets[-1] == "Method completed with status: 200"
    (failed,) = [line for line in lines if told not in line]
    assert failed.endswith(') Execution failed: "Internal server error"')


def test_a_domain_name_leads_to_stages(rest, server, deploy):
    api = RestApi(rest)
    api.function("/event", deploy(PROXY_ECHO))
    api.mock("/x", responses={"200": {"responseTemplates": template("$context.path $context.stage")}})
    api.deploy()
    rest.create_domain_name(domainName="rest.example.com", endpointConfiguration={"types": ["REGIONAL"]})
    try:
        rest.create_base_path_mapping(domainName="rest.example.com", basePath="v1", restApiId=api.id, stage="dev")
        rest.create_base_path_mapping(domainName="rest.example.com", basePath="all", restApiId=api.id)
        host = f"rest.example.com:{server.endpoint.rsplit(':', 1)[1]}"
        assert visit(server.endpoint, "/v1/x", host=host).body == b"/v1/x dev"
        event = visit(server.endpoint, "/v1/event", host=host).json
        assert (event["path"], event["resource"], event["requestContext"]["path"]) == ("/v1/event", "/event", "/v1/event")
        assert visit(server.endpoint, "/all/dev/x", host=host).body == b"/all/dev/x dev"
        assert visit(server.endpoint, "/none/x", host=host).status == 403
    finally:
        rest.delete_domain_name(domainName="rest.example.com")


def test_methods_are_tried_out_before_they_are_deployed(rest, deploy):
    api = RestApi(rest)
    named = api.function("/pets/{id}", deploy(PROXY_ECHO), "GET")
    tested = rest.test_invoke_method(**named, pathWithQueryString="/pets/7?q=1", headers={"X-A": "1"})
    event = json.loads(tested["body"])
    assert (tested["status"], event["pathParameters"], event["headers"]["X-A"]) == (200, {"id": "7"}, "1")
    assert event["requestContext"]["stage"] == "test-invoke-stage"
    assert "Method completed with status: 200" in tested["log"] and tested["latency"] >= 0
    with pytest.raises(rest.exceptions.NotFoundException):
        rest.test_invoke_method(**{**named, "httpMethod": "PUT"})
