"""API Gateway: REST APIs with everything in them, made, read, changed and deleted. What they answer: `test_rest_api_requests.py`."""

import json

import botocore.session
import pytest

from mutations import mutations
from refusals import refused
from rest_apis import RestApi, template
from rest_json import Caller, filled

MODEL = botocore.session.get_session().get_service_model("apigateway")
REGION = "eu-north-1"
FUNCTION = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/arn:aws:lambda:{REGION}:000000000000:function:f/invocations"


@pytest.fixture
def rest(server):
    """A client in a Region of its own; its APIs, keys and domain names are taken away."""
    client = server.client(service="apigateway", region=REGION)
    yield client
    for api in client.get_rest_apis(limit=500)["items"]:
        client.delete_rest_api(restApiId=api["id"])
    for key in client.get_api_keys(limit=500)["items"]:
        client.delete_api_key(apiKey=key["id"])
    for domain in client.get_domain_names()["items"]:
        client.delete_domain_name(domainName=domain["domainName"])
    for link in client.get_vpc_links()["items"]:
        client.delete_vpc_link(vpcLinkId=link["id"])


def plain(answer):
    """An answer without what is of its request."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def patched(path, value=None, op="replace"):
    """One patch operation."""
    return [{"op": op, "path": path, **({} if value is None else {"value": value})}]


def everything(client, api_id):
    """All that there is of an API."""
    asked = {
        "rest_api": {}, "resources": {"embed": ["methods"]}, "models": {}, "request_validators": {}, "authorizers": {},
        "gateway_responses": {}, "deployments": {}, "stages": {},
    }
    return {name: plain(getattr(client, f"get_{name}")(restApiId=api_id, **options)) for name, options in asked.items()}


def test_an_api_lives_through_changes_and_restarts(fresh_server):
    server = fresh_server()
    client = server.client(service="apigateway")
    api = RestApi(client, name="one", description="d", tags={"a": "b"}, binaryMediaTypes=["image/png"])
    made = client.get_rest_api(restApiId=api.id)
    assert (made["apiKeySource"], made["endpointConfiguration"]["types"], made["disableExecuteApiEndpoint"]) == ("HEADER", ["EDGE"], False)
    assert made["createdDate"].year >= 2026 and made["tags"] == {"a": "b"}
    named = api.mock("/pets/{id}", responses={"200": {"responseTemplates": template("$input.params('id')")}})
    client.create_model(restApiId=api.id, name="Pet", contentType="application/json", schema='{"type": "object"}')
    client.create_request_validator(restApiId=api.id, name="v", validateRequestBody=True)
    client.put_gateway_response(restApiId=api.id, responseType="THROTTLED", statusCode="503")
    client.create_authorizer(restApiId=api.id, name="a", type="TOKEN", authorizerUri=FUNCTION, identitySource="method.request.header.Authorization")
    api.deploy(description="first", variables={"color": "red"})
    changed = client.update_method(**named, patchOperations=patched("/operationName", "op"))
    assert (changed["operationName"], changed["methodIntegration"]["type"]) == ("op", "MOCK")
    before = everything(client, api.id)
    server.kill()
    server = fresh_server(data_dir=server.data_dir)
    client = server.client(service="apigateway")
    assert everything(client, api.id) == before
    api.client = client
    assert api.visit("/pets/7").body == b"7"
    client.delete_rest_api(restApiId=api.id)
    with refused(404, "NotFoundException", f"Invalid API identifier specified 000000000000:{api.id}"):
        client.get_resources(restApiId=api.id)


def test_lists_come_in_pages(rest):
    ids = {rest.create_rest_api(name=f"api-{number}")["id"] for number in range(5)}
    pages = list(rest.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert {api["id"] for page in pages for api in page["items"]} == ids
    with refused(400, "BadRequestException"):
        rest.get_rest_apis(position="%")


def test_resources_are_a_tree(rest):
    api = RestApi(rest)
    child = api.resource("/a/{b}/c")
    assert rest.get_resource(restApiId=api.id, resourceId=child)["path"] == "/a/{b}/c"
    rest.update_resource(restApiId=api.id, resourceId=api.resource("/a"), patchOperations=patched("/pathPart", "z"))
    assert rest.get_resource(restApiId=api.id, resourceId=child)["path"] == "/z/{b}/c"
    for part, status, code in (("z", 409, "ConflictException"), ("{x", 400, "BadRequestException"), ("a/b", 400, "BadRequestException")):
        with refused(status, code):
            rest.create_resource(restApiId=api.id, parentId=api.root, pathPart=part)
    with refused(400, "BadRequestException", contains=["only one unique variable path part is allowed"]):
        rest.create_resource(restApiId=api.id, parentId=api.resource("/a"), pathPart="{other}")
    greedy = api.resource("/{all+}")
    with refused(400, "BadRequestException", contains=["greedy path variable"]):
        rest.create_resource(restApiId=api.id, parentId=greedy, pathPart="x")
    with refused(400, "BadRequestException"):
        rest.update_resource(restApiId=api.id, resourceId=api.resource("/a"), patchOperations=patched("/parentId", child))
    rest.delete_resource(restApiId=api.id, resourceId=api.resource("/a"))
    with refused(404, "NotFoundException", "Invalid Resource identifier specified"):
        rest.get_resource(restApiId=api.id, resourceId=child)
    with refused(400, "BadRequestException"):
        rest.delete_resource(restApiId=api.id, resourceId=api.root)


def test_methods_and_integrations_are_checked(rest):
    api = RestApi(rest)
    named = api.named("/x", "POST")
    with refused(404, "NotFoundException", "Invalid Method identifier specified"):
        rest.put_integration(**named, type="MOCK")
    rest.put_method(**named, authorizationType="NONE")
    with refused(409, "ConflictException", "Method already exists for this resource"):
        rest.put_method(**named, authorizationType="NONE")
    for wrong in ({"authorizationType": "CUSTOM"}, {"authorizationType": "X"}, {"requestModels": {"application/json": "No"}}, {"requestParameters": {"x": True}}, {"requestValidatorId": "no"}):
        with refused(400, "BadRequestException"):
            rest.put_method(**api.named("/y", "GET"), **{"authorizationType": "NONE", **wrong})
    service = f"arn:aws:apigateway:{REGION}:sqs:path/000000000000/q"
    for wrong, message in (
        ({"type": "AWS", "uri": "x", "integrationHttpMethod": "POST"}, "Invalid ARN specified in the request"),
        ({"type": "AWS", "uri": f"arn:aws:apigateway:{REGION}:sqs:x", "integrationHttpMethod": "POST"}, "AWS ARN for integration must contain path or action"),
        ({"type": "AWS", "uri": service, "integrationHttpMethod": "POST"}, "Role ARN must be specified for AWS integrations"),
        ({"type": "HTTP", "uri": "https://example.com"}, "Enumeration value for HttpMethod must be non-empty"),
        ({"type": "HTTP", "uri": "ftp://x", "integrationHttpMethod": "GET"}, "Invalid HTTP endpoint specified for URI"),
        ({"type": "MOCK", "timeoutInMillis": 29_001}, "Timeout should be between 50 ms and 29000 ms"),
        ({"type": "MOCK", "requestTemplates": template("#if(true)")}, None),
        ({"type": "MOCK", "requestParameters": {"integration.request.header.X": "method.request.header.Undeclared"}}, None),
        ({"type": "MOCK", "requestParameters": {"integration.request.cookie.X": "'x'"}}, None),
        ({"type": "MOCK", "responseTransferMode": "STREAM"}, None),
    ):
        with refused(400, "BadRequestException", *([message] if message else [])):
            rest.put_integration(**named, **wrong)
    made = rest.put_integration(**named, type="MOCK")
    assert (made["passthroughBehavior"], made["timeoutInMillis"], made["cacheKeyParameters"]) == ("WHEN_NO_MATCH", 29_000, [])
    with refused(404, "NotFoundException", "Invalid Response status code specified"):
        rest.put_integration_response(**named, statusCode="200")
    rest.put_method_response(**named, statusCode="200", responseParameters={"method.response.header.X": False})
    for wrong in ({"responseParameters": {"method.response.header.Y": "'y'"}}, {"selectionPattern": "("}, {"responseTemplates": template("$a.b(")}):
        with refused(400, "BadRequestException"):
            rest.put_integration_response(**named, statusCode="200", **wrong)
    rest.put_integration_response(**named, statusCode="200", responseParameters={"method.response.header.X": "'x'"})
    with refused(400, "BadRequestException", contains=["Invalid patch path"]):
        rest.update_integration(**named, patchOperations=patched("/integrationResponses", "x"))


def test_what_is_needed_is_not_deleted(rest):
    api = RestApi(rest)
    with refused(400, "BadRequestException", "The REST API doesn't contain any methods"):
        api.deploy()
    named = api.named("/x", "GET")
    model = rest.create_model(restApiId=api.id, name="Pet", contentType="application/json", schema="{}")
    rest.put_method(**named, authorizationType="NONE", requestModels={"application/json": model["name"]})
    with refused(400, "BadRequestException", "No integration defined for method"):
        api.deploy()
    with refused(409, "ConflictException", contains=["is referenced in method request: /x/GET"]):
        rest.delete_model(restApiId=api.id, modelName="Pet")
    rest.put_integration(**named, type="MOCK")
    deployment = api.deploy()
    with refused(400, "BadRequestException", "Active stages pointing to this deployment must be moved or deleted"):
        rest.delete_deployment(restApiId=api.id, deploymentId=deployment)
    summary = rest.get_deployment(restApiId=api.id, deploymentId=deployment, embed=["apisummary"])["apiSummary"]
    assert summary == {"/x": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}}
    rest.delete_stage(restApiId=api.id, stageName="dev")
    rest.delete_deployment(restApiId=api.id, deploymentId=deployment)


def test_what_comes_later_is_refused_and_not_ignored(rest):
    api = RestApi(rest)
    named = api.mock("/")
    deployment = api.deploy()
    with refused(400, "BadRequestException", "Canaries are not supported by this server"):
        rest.create_stage(restApiId=api.id, stageName="s", deploymentId=deployment, canarySettings={"percentTraffic": 1.0})
    with refused(400, "BadRequestException", "Caches of stages are not supported by this server"):
        rest.create_stage(restApiId=api.id, stageName="s", deploymentId=deployment, cacheClusterEnabled=True)
    with refused(400, "BadRequestException", "Caches of stages are not supported by this server"):
        api.patch(**{"/*/*/caching/enabled": "true"})
    with refused(400, "BadRequestException", "Integrations with load balancers are not supported by this server"):
        rest.put_integration(**named, type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://x", integrationTarget="arn:aws:elasticloadbalancing:x")
    with refused(501, "NotImplemented"):
        rest.create_usage_plan(name="p")


def test_settings_of_methods_are_patched(rest):
    api = RestApi(rest)
    api.mock("/pets")
    api.deploy()
    stage = api.patch(**{"/*/*/logging/loglevel": "INFO", "/~1pets/GET/throttling/rateLimit": "5.5", "/variables/color": "red", "/tracingEnabled": "true"})
    assert (stage["methodSettings"]["*/*"]["loggingLevel"], stage["methodSettings"]["pets/GET"]["throttlingRateLimit"]) == ("INFO", 5.5)
    assert (stage["variables"], stage["tracingEnabled"]) == ({"color": "red"}, True)
    for path, value in (("/*/*/logging/loglevel", "LOUD"), ("/*/*/throttling/burstLimit", "x"), ("/nothing", "x"), ("/variables/a", "{}"), ("/deploymentId", "no")):
        with refused(400, "BadRequestException"):
            api.patch(**{path: value})


def test_api_keys(rest):
    api = RestApi(rest)
    api.mock("/")
    api.deploy()
    stage = {"restApiId": api.id, "stageName": "dev"}
    key = rest.create_api_key(name="first", enabled=True, stageKeys=[stage], value="v" * 20)
    assert (key["value"], key["stageKeys"], key["enabled"]) == ("v" * 20, [f"{api.id}/dev"], True)
    with refused(409, "ConflictException", "API Key already exists"):
        rest.create_api_key(value="v" * 20)
    with refused(400, "BadRequestException", "API Key value should be at least 20 characters"):
        rest.create_api_key(value="short")
    assert "value" not in rest.get_api_key(apiKey=key["id"])
    assert rest.get_api_key(apiKey=key["id"], includeValue=True)["value"] == "v" * 20
    rest.update_api_key(apiKey=key["id"], patchOperations=[*patched("/stages", f"{api.id}/dev", "remove"), *patched("/name", "renamed")])
    assert rest.get_api_keys(nameQuery="renamed", includeValues=True)["items"][0]["stageKeys"] == []
    table = b"name,key,description,enabled\nimported,abcdefghijklmnopqrstuvwxyz,d,TRUE\nbad,short,,\ntwice,abcdefghijklmnopqrstuvwxyz,,\n"
    imported = rest.import_api_keys(body=table, format="csv")
    assert len(imported["ids"]) == 1 and imported["warnings"] == ["bad: API Key value should be at least 20 characters", "twice: API Key already exists"]
    assert rest.get_api_key(apiKey=imported["ids"][0], includeValue=True)["value"] == "abcdefghijklmnopqrstuvwxyz"


def test_models_write_templates(rest):
    api = RestApi(rest)
    assert {model["name"] for model in rest.get_models(restApiId=api.id)["items"]} == {"Empty", "Error"}
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "names": {"type": "array", "items": {"type": "string"}}}}
    rest.create_model(restApiId=api.id, name="Pet", contentType="application/json", schema=json.dumps(schema))
    written = rest.get_model_template(restApiId=api.id, modelName="Pet")["value"]
    api.mock("/", "POST", responses={"200": {}})
    tested = rest.update_integration(**api.named("/", "POST"), patchOperations=patched("/requestTemplates/application~1json", written))
    assert tested["requestTemplates"]["application/json"].startswith("#set($inputRoot = $input.path('$'))")
    for wrong in ("{", "[]", '{"type": "thing"}'):
        with refused(400, "BadRequestException", contains=["Invalid model specified"]):
            rest.create_model(restApiId=api.id, name="Wrong", contentType="application/json", schema=wrong)
    with refused(400, "BadRequestException", "Model name must be alphanumeric: a-b"):
        rest.create_model(restApiId=api.id, name="a-b", contentType="application/json")


def test_documents_come_in_and_go_out(rest):
    document = {
        "openapi": "3.0.1", "info": {"title": "pets", "version": "2.0"},
        "x-amazon-apigateway-request-validators": {"body": {"validateRequestBody": True, "validateRequestParameters": False}},
        "components": {
            "schemas": {"Pet": {"type": "object", "properties": {"name": {"type": "string"}}}},
            "securitySchemes": {"token": {
                "type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": FUNCTION, "authorizerResultTtlInSeconds": 5},
            }},
        },
        "paths": {"/pets/{id}": {"post": {
            "operationId": "make", "security": [{"token": []}], "x-amazon-apigateway-request-validator": "body",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
            "responses": {"200": {"description": "ok"}},
            "x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": FUNCTION},
        }}},
    }
    made = rest.import_rest_api(body=json.dumps(document).encode(), parameters={"basepath": "ignore"})
    api_id = made["id"]
    assert (made["name"], made["version"]) == ("pets", "2.0")
    resource = next(item for item in rest.get_resources(restApiId=api_id)["items"] if item["path"] == "/pets/{id}")
    method = rest.get_method(restApiId=api_id, resourceId=resource["id"], httpMethod="POST")
    assert (method["authorizationType"], method["operationName"], method["requestModels"]) == ("CUSTOM", "make", {"application/json": "Pet"})
    rest.create_deployment(restApiId=api_id, stageName="s")
    for kind in ("oas30", "swagger"):
        exported = rest.get_export(restApiId=api_id, stageName="s", exportType=kind, parameters={"extensions": "apigateway"})
        assert exported["contentDisposition"].startswith(f'attachment; filename="{kind}_')
        out = json.loads(exported["body"].read())
        assert out["paths"]["/pets/{id}"]["post"]["x-amazon-apigateway-integration"]["uri"] == FUNCTION
        again = rest.import_rest_api(body=json.dumps(out).encode())
        assert "warnings" not in again
    bare = json.loads(rest.get_export(restApiId=api_id, stageName="s", exportType="oas30")["body"].read())
    assert "x-amazon-apigateway-integration" not in bare["paths"]["/pets/{id}"]["post"]
    as_yaml = rest.get_export(restApiId=api_id, stageName="s", exportType="oas30", accepts="application/yaml", parameters={"extensions": "apigateway"})
    other = {"swagger": "2.0", "info": {"title": "other", "version": "1"}, "paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}}}
    merged = rest.put_rest_api(restApiId=api_id, mode="merge", body=json.dumps(other).encode())
    assert merged["name"] == "pets"
    assert {item["path"] for item in rest.get_resources(restApiId=api_id)["items"]} == {"/", "/pets", "/pets/{id}", "/x"}
    over = rest.put_rest_api(restApiId=api_id, mode="overwrite", body=as_yaml["body"].read())
    assert (over["name"], {item["path"] for item in rest.get_resources(restApiId=api_id)["items"]}) == ("pets", {"/", "/pets", "/pets/{id}"})
    for wrong in (b"", b"{", b"swagger: '1.2'\npaths: {}", b"a: &a [*a]", b"openapi: 3.0.1\npaths: {}\n", b"\xff"):
        with refused(400, "BadRequestException"):
            rest.import_rest_api(body=wrong or b" ")


def test_tags_account_and_links(rest):
    api = RestApi(rest, tags={"a": "b"})
    api.mock("/"), api.deploy()
    link = rest.create_vpc_link(name="l", targetArns=["arn:aws:elasticloadbalancing:x"])["id"]
    key = rest.create_api_key(name="k")["id"]
    rest.create_domain_name(domainName="tags.example.com")
    for path in (f"restapis/{api.id}", f"restapis/{api.id}/stages/dev", f"apikeys/{key}", f"vpclinks/{link}", "domainnames/tags.example.com"):
        arn = f"arn:aws:apigateway:{REGION}::/{path}"
        rest.tag_resource(resourceArn=arn, tags={"x": "y", "z": "w"})
        rest.untag_resource(resourceArn=arn, tagKeys=["z"])
        assert rest.get_tags(resourceArn=arn)["tags"] == {"x": "y", **({"a": "b"} if path.endswith(api.id) else {})}, path
    with refused(404, "NotFoundException"):
        rest.tag_resource(resourceArn=f"arn:aws:apigateway:{REGION}::/restapis/none", tags={"a": "b"})
    role = "arn:aws:iam::000000000000:role/logs"
    assert rest.update_account(patchOperations=patched("/cloudwatchRoleArn", role))["cloudwatchRoleArn"] == role
    assert rest.get_account()["cloudwatchRoleArn"] == role
    assert rest.update_vpc_link(vpcLinkId=link, patchOperations=patched("/name", "m"))["name"] == "m"


#: `<name>` stands for the id of what was made before.
RIGHT = {
    "CreateRestApi": {"name": "n", "binaryMediaTypes": ["a/b"], "minimumCompressionSize": 5, "apiKeySource": "HEADER", "endpointConfiguration": {"types": ["REGIONAL"]}},
    "GetRestApi": {"restApiId": "<api>"},
    "GetRestApis": {"limit": 5},
    "UpdateRestApi": {"restApiId": "<api>", "patchOperations": [{"op": "replace", "path": "/description", "value": "d"}]},
    "CreateResource": {"restApiId": "<api>", "parentId": "<root>", "pathPart": "made"},
    "GetResource": {"restApiId": "<api>", "resourceId": "<root>", "embed": ["methods"]},
    "GetResources": {"restApiId": "<api>"},
    "PutMethod": {"restApiId": "<api>", "resourceId": "<root>", "httpMethod": "PUT", "authorizationType": "NONE", "apiKeyRequired": False, "requestParameters": {"method.request.header.X": True}},
    "PutMethodResponse": {"restApiId": "<api>", "resourceId": "<root>", "httpMethod": "PUT", "statusCode": "200", "responseParameters": {"method.response.header.X": False}},
    "PutIntegration": {"restApiId": "<api>", "resourceId": "<root>", "httpMethod": "PUT", "type": "MOCK", "timeoutInMillis": 100, "requestTemplates": {"application/json": "{}"}},
    "PutIntegrationResponse": {"restApiId": "<api>", "resourceId": "<root>", "httpMethod": "PUT", "statusCode": "200", "contentHandling": "CONVERT_TO_TEXT"},
    "GetMethod": {"restApiId": "<api>", "resourceId": "<root>", "httpMethod": "PUT"},
    "GetIntegration": {"restApiId": "<api>", "resourceId": "<root>", "httpMethod": "PUT"},
    "CreateModel": {"restApiId": "<api>", "name": "M", "contentType": "application/json", "schema": "{}"},
    "GetModels": {"restApiId": "<api>"},
    "CreateRequestValidator": {"restApiId": "<api>", "name": "v", "validateRequestBody": True},
    "CreateAuthorizer": {"restApiId": "<api>", "name": "a", "type": "TOKEN", "authorizerUri": FUNCTION, "identitySource": "method.request.header.A", "authorizerResultTtlInSeconds": 5},
    "GetAuthorizers": {"restApiId": "<api>"},
    "PutGatewayResponse": {"restApiId": "<api>", "responseType": "THROTTLED", "statusCode": "429", "responseParameters": {"gatewayresponse.header.X": "'x'"}},
    "GetGatewayResponse": {"restApiId": "<api>", "responseType": "THROTTLED"},
    "CreateDeployment": {"restApiId": "<api>", "stageName": "s", "description": "d", "variables": {"a": "b"}},
    "GetDeployments": {"restApiId": "<api>"},
    "GetStage": {"restApiId": "<api>", "stageName": "s"},
    "UpdateStage": {"restApiId": "<api>", "stageName": "s", "patchOperations": [{"op": "replace", "path": "/description", "value": "d"}]},
    "CreateApiKey": {"name": "k", "enabled": True, "stageKeys": [{"restApiId": "<api>", "stageName": "s"}]},
    "GetApiKeys": {"limit": 5, "includeValues": True},
    "CreateDomainName": {"domainName": "free.example.org", "securityPolicy": "TLS_1_2"},
    "CreateBasePathMapping": {"domainName": "free.example.org", "basePath": "v1", "restApiId": "<api>", "stage": "s"},
    "GetBasePathMappings": {"domainName": "free.example.org", "limit": 5},
    "TagResource": {"resourceArn": f"arn:aws:apigateway:{REGION}::/restapis/<api>", "tags": {"a": "b"}},
    "GetTags": {"resourceArn": f"arn:aws:apigateway:{REGION}::/restapis/<api>"},
    "CreateVpcLink": {"name": "l", "targetArns": ["x"]},
    "UpdateAccount": {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::000000000000:role/r"}]},
}
CODES = {"BadRequestException", "ValidationException", "NotFoundException", "ConflictException", "SerializationException", "UnknownOperationException"}


def test_every_operation_refuses_what_the_model_forbids(server, rest, subtests):
    caller, count = Caller(server, REGION, service="apigateway"), 0
    api = RestApi(rest)
    ids = {"api": api.id, "root": api.root}

    def state():
        around = [plain(rest.get_rest_apis()), plain(rest.get_api_keys()), plain(rest.get_domain_names()), plain(rest.get_vpc_links()), plain(rest.get_account())]
        return around, everything(rest, api.id)

    for name, given in RIGHT.items():
        operation, right, before = MODEL.operation_model(name), filled(given, ids), state()
        for mutation in mutations(operation, right):
            count += 1
            with subtests.test(msg=f"{name} {mutation}"):
                answer = caller.call(operation, mutation.request)
                assert answer.status in (400, 404, 409) and answer.code in CODES, answer
                if mutation.expected:
                    assert mutation.expected in answer.message, answer
        assert state() == before, name
        answer = caller.call(operation, right)
        assert answer.status in (200, 201, 202, 204), (name, answer)
    assert count > 80, count
