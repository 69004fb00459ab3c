"""API Gateway V2: APIs with everything in them, made, read, changed and deleted. What they answer: `test_http_api_requests.py`."""

import json

import botocore.session
import pytest

from mutations import mutations
from refusals import refused
from rest_json import Caller, filled

MODEL = botocore.session.get_session().get_service_model("apigatewayv2")
REGION = "eu-central-1"
FUNCTION = f"arn:aws:lambda:{REGION}:000000000000:function:f"


@pytest.fixture
def apis(server):
    """A client in a Region of its own; its APIs are taken away."""
    client = server.client(service="apigatewayv2", region=REGION)
    yield client
    for api in client.get_apis()["Items"]:
        client.delete_api(ApiId=api["ApiId"])


def plain(answer):
    """An answer without what is of its request."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def test_an_api_lives_through_changes_and_restarts(fresh_server):
    server = fresh_server()
    client = server.client(service="apigatewayv2")
    made = client.create_api(Name="one", ProtocolType="HTTP", Description="d", Tags={"a": "b"})
    api_id = made["ApiId"]
    port = server.endpoint.rsplit(":", 1)[1]
    assert made["ApiEndpoint"] == f"http://{api_id}.execute-api.us-east-1.localhost:{port}"
    assert (made["RouteSelectionExpression"], made["ApiKeySelectionExpression"]) == ("$request.method $request.path", "$request.header.x-api-key")
    assert made["CreatedDate"].year >= 2026 and made["DisableExecuteApiEndpoint"] is False
    integration = client.create_integration(ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="2.0")
    assert (integration["IntegrationMethod"], integration["ConnectionType"], integration["TimeoutInMillis"]) == ("POST", "INTERNET", 30_000)
    target = f"integrations/{integration['IntegrationId']}"
    route = client.create_route(ApiId=api_id, RouteKey="GET /", Target=target)
    assert (route["AuthorizationType"], route["ApiKeyRequired"]) == ("NONE", False)
    stage = client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    first = stage["DeploymentId"]
    changed = client.update_route(ApiId=api_id, RouteId=route["RouteId"], OperationName="op")
    assert (changed["OperationName"], changed["RouteKey"], changed["Target"]) == ("op", "GET /", target)
    stage = client.get_stage(ApiId=api_id, StageName="$default")
    assert stage["DeploymentId"] != first and "Successfully deployed" in stage["LastDeploymentStatusMessage"]
    assert [item["DeploymentId"] for item in client.get_deployments(ApiId=api_id)["Items"]] == [stage["DeploymentId"]]
    before = {name: plain(getattr(client, f"get_{name}")(ApiId=api_id)) for name in ("api", "routes", "integrations", "stages", "deployments")}
    server.kill()
    server = fresh_server(data_dir=server.data_dir)
    client = server.client(service="apigatewayv2")
    after = {name: plain(getattr(client, f"get_{name}")(ApiId=api_id)) for name in before}
    before["api"].pop("ApiEndpoint"), after["api"].pop("ApiEndpoint")
    assert after == before
    client.delete_api(ApiId=api_id)
    with refused(404, "NotFoundException", f"Invalid API identifier specified 000000000000:{api_id}"):
        client.get_routes(ApiId=api_id)


def test_lists_come_in_pages(apis):
    ids = {apis.create_api(Name=f"api-{number}", ProtocolType="HTTP")["ApiId"] for number in range(5)}
    pages = list(apis.get_paginator("get_apis").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Items"]) for page in pages] == [2, 2, 1]
    assert {api["ApiId"] for page in pages for api in page["Items"]} == ids
    for wrong in ({"MaxResults": "0"}, {"MaxResults": "x"}, {"NextToken": "%"}):
        with refused(400, "BadRequestException"):
            apis.get_apis(**wrong)


def test_what_is_needed_is_not_deleted(apis):
    api_id = apis.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    integration = apis.create_integration(ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="1.0")["IntegrationId"]
    with refused(404, "NotFoundException", "Invalid Integration identifier specified nothing"):
        apis.create_route(ApiId=api_id, RouteKey="GET /", Target="integrations/nothing")
    route = apis.create_route(ApiId=api_id, RouteKey="GET /", Target=f"integrations/{integration}")["RouteId"]
    with refused(409, "ConflictException", contains=["referenced by Route 'GET /'"]):
        apis.delete_integration(ApiId=api_id, IntegrationId=integration)
    deployment = apis.create_deployment(ApiId=api_id, Description="d")["DeploymentId"]
    apis.create_stage(ApiId=api_id, StageName="live", DeploymentId=deployment)
    with refused(409, "ConflictException"):
        apis.delete_deployment(ApiId=api_id, DeploymentId=deployment)
    apis.delete_stage(ApiId=api_id, StageName="live")
    apis.delete_deployment(ApiId=api_id, DeploymentId=deployment)
    apis.delete_route(ApiId=api_id, RouteId=route)
    apis.delete_integration(ApiId=api_id, IntegrationId=integration)
    with refused(400, "BadRequestException", "At least one route is required before deploying the Api."):
        apis.create_deployment(ApiId=api_id)


OPENAPI = """
openapi: 3.0.1
info:
  title: pets
  version: 2.0
paths:
  /pets/{id}:
    get:
      operationId: pet
      security:
        - tokens: [read]
      x-amazon-apigateway-integration:
        type: AWS_PROXY
        uri: %s
        payloadFormatVersion: "2.0"
components:
  securitySchemes:
    tokens:
      type: oauth2
      flows: {}
      x-amazon-apigateway-authorizer:
        type: jwt
        identitySource: $request.header.Authorization
        jwtConfiguration:
          issuer: https://issuer
          audience: [app]
"""


def test_documents_of_openapi_come_in_and_go_out(apis):
    made = apis.import_api(Body=OPENAPI % FUNCTION)
    api_id = made["ApiId"]
    assert (made["Name"], made["Version"], made["ProtocolType"]) == ("pets", "2.0", "HTTP")
    route = apis.get_routes(ApiId=api_id)["Items"][0]
    assert (route["RouteKey"], route["OperationName"], route["AuthorizationType"]) == ("GET /pets/{id}", "pet", "JWT")
    assert route["AuthorizationScopes"] == ["read"]
    integration = apis.get_integrations(ApiId=api_id)["Items"][0]
    assert (integration["IntegrationUri"], route["Target"]) == (FUNCTION, f"integrations/{integration['IntegrationId']}")
    exported = json.loads(apis.export_api(ApiId=api_id, Specification="OAS30", OutputType="JSON")["body"].read())
    operation = exported["paths"]["/pets/{id}"]["get"]
    assert operation["security"] == [{"tokens": ["read"]}]
    assert operation["x-amazon-apigateway-integration"]["uri"] == FUNCTION
    as_yaml = apis.export_api(ApiId=api_id, Specification="OAS30", OutputType="YAML")["body"].read()
    again = apis.import_api(Body=as_yaml.decode())["ApiId"]
    assert json.loads(apis.export_api(ApiId=again, Specification="OAS30", OutputType="JSON")["body"].read()) == exported
    changed = apis.reimport_api(ApiId=api_id, Body=json.dumps({**exported, "paths": {}}))
    assert (changed["ApiId"], apis.get_routes(ApiId=api_id)["Items"]) == (api_id, [])
    for wrong in ["", "{", "swagger: '2.0'", "a: &a [*a]", "openapi: 3.0.1"]:
        with refused(400, "BadRequestException"):
            apis.import_api(Body=wrong or " ")


#: `<name>` stands for the id of what was made before.
RIGHT = {
    "GetApi": {"ApiId": "<api>"},
    "GetApis": {"MaxResults": "10"},
    "UpdateApi": {"ApiId": "<api>", "Description": "", "CorsConfiguration": {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "MaxAge": 5}},
    "CreateRoute": {"ApiId": "<api>", "RouteKey": "GET /new", "AuthorizationType": "NONE", "Target": "integrations/<integration>"},
    "GetRoute": {"ApiId": "<api>", "RouteId": "<route>"},
    "GetRoutes": {"ApiId": "<api>"},
    "UpdateRoute": {"ApiId": "<api>", "RouteId": "<route>", "OperationName": "o"},
    "CreateIntegration": {
        "ApiId": "<api>",
        "IntegrationType": "HTTP_PROXY",
        "IntegrationMethod": "GET",
        "IntegrationUri": "https://example.com",
        "TimeoutInMillis": 50,
        "ConnectionType": "INTERNET",
    },
    "GetIntegration": {"ApiId": "<api>", "IntegrationId": "<integration>"},
    "GetIntegrations": {"ApiId": "<api>"},
    "UpdateIntegration": {"ApiId": "<api>", "IntegrationId": "<integration>", "Description": "d"},
    "CreateAuthorizer": {
        "ApiId": "<api>",
        "AuthorizerType": "JWT",
        "IdentitySource": ["$request.header.Authorization"],
        "Name": "n",
        "JwtConfiguration": {"Audience": ["a"], "Issuer": "https://issuer"},
        "AuthorizerResultTtlInSeconds": 5,
    },
    "GetAuthorizers": {"ApiId": "<api>"},
    "CreateModel": {"ApiId": "<api>", "Name": "m", "Schema": "{}", "ContentType": "application/json"},
    "GetModels": {"ApiId": "<api>"},
    "CreateDeployment": {"ApiId": "<api>", "Description": "d"},
    "GetDeployments": {"ApiId": "<api>"},
    "CreateStage": {"ApiId": "<api>", "StageName": "s", "AutoDeploy": True, "StageVariables": {"a": "b"}},
    "GetStage": {"ApiId": "<api>", "StageName": "$default"},
    "GetStages": {"ApiId": "<api>"},
    "UpdateStage": {"ApiId": "<api>", "StageName": "$default", "Description": "d"},
    "CreateDomainName": {"DomainName": "free.example.com", "Tags": {"a": "b"}},
    "GetDomainName": {"DomainName": "free.example.com"},
    "GetDomainNames": {},
    "CreateApiMapping": {"DomainName": "free.example.com", "ApiId": "<api>", "Stage": "$default", "ApiMappingKey": "a"},
    "GetApiMappings": {"DomainName": "free.example.com"},
    "TagResource": {"ResourceArn": f"arn:aws:apigateway:{REGION}::/apis/<api>", "Tags": {"a": "b"}},
    "GetTags": {"ResourceArn": f"arn:aws:apigateway:{REGION}::/apis/<api>"},
    "UntagResource": {"ResourceArn": f"arn:aws:apigateway:{REGION}::/apis/<api>", "TagKeys": ["a"]},
    "CreateVpcLink": {"Name": "l", "SubnetIds": ["s"]},
    "GetVpcLinks": {},
    "DeleteDomainName": {"DomainName": "free.example.com"},
}
CODES = {"BadRequestException", "NotFoundException", "ConflictException", "SerializationException", "UnknownOperationException"}


def test_every_operation_refuses_what_the_model_forbids(server, apis, subtests):
    caller, count = Caller(server, REGION, service="apigateway"), 0
    ids = {"api": apis.create_api(Name="a", ProtocolType="HTTP")["ApiId"]}
    integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION, "PayloadFormatVersion": "2.0"}
    ids["integration"] = apis.create_integration(ApiId=ids["api"], **integration)["IntegrationId"]
    ids["route"] = apis.create_route(ApiId=ids["api"], RouteKey="GET /")["RouteId"]
    apis.create_stage(ApiId=ids["api"], StageName="$default")

    def state():
        of_api = ("api", "routes", "integrations", "authorizers", "models", "stages", "deployments")
        links = plain(apis.get_vpc_links()), plain(apis.get_domain_names()), plain(apis.get_apis())
        return links, [plain(getattr(apis, f"get_{name}")(ApiId=ids["api"])) for name in of_api]

    for name, template in RIGHT.items():
        operation, right, before = MODEL.operation_model(name), filled(template, ids), state()
        for mutation in mutations(operation, right):
            count += 1
            with subtests.test(msg=f"{name} {mutation}"):
                answer = caller.call(operation, mutation.request)
                assert answer.status in (400, 404, 409) and answer.code in CODES, answer
                if mutation.expected:
                    assert mutation.expected in answer.message, answer
        assert state() == before, name
        answer = caller.call(operation, right)
        assert answer.status in (200, 201, 204), (name, answer)
    for link in apis.get_vpc_links()["Items"]:
        apis.delete_vpc_link(VpcLinkId=link["VpcLinkId"])
    assert count > 100, count
