"""Who may what of a REST API: functions that decide by tokens or by requests, signatures, tokens of user pools."""

import json

import boto3
import pytest

from issuers import POOL
from rest_apis import MOCK, PROXY_ECHO, RestApi, function_uri, template
from test_function_url_requests import ROOT
from web import signed

TOKENS = """
calls = 0

def handler(event, context):
    global calls
    calls += 1
    token = event["authorizationToken"]
    if token == "nobody":
        raise Exception("Unauthorized")
    if token == "broken":
        raise Exception("broken")
    if token == "wrong":
        return {"principalId": "me"}
    effect = "Deny" if token == "deny" else "Allow"
    resource = event["methodArn"] if token == "one" else event["methodArn"].split("/")[0] + "/*"
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    context = {"calls": calls, "flag": True, "text": "t"} if token != "nested" else {"a": {}}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": context, "usageIdentifierKey": "k" * 20}
"""


def authorizer(rest, api, function, **options):
    function.client.add_permission(
        FunctionName=function.name, StatementId="authorizer", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/authorizers/*",
    )
    settings = {
        "name": "asks", "type": "TOKEN", "authorizerUri": function_uri(function), "authorizerResultTtlInSeconds": 0,
        "identitySource": "method.request.header.Authorization", **options,
    }
    return rest.create_authorizer(restApiId=api.id, **settings)["id"]


def test_a_function_authorizes_by_tokens(rest, deploy):
    api = RestApi(rest)
    asks = authorizer(rest, api, deploy(TOKENS), authorizerResultTtlInSeconds=300, identityValidationExpression="[a-z ]+")
    for path in ("/a", "/b"):
        api.function(path, deploy(PROXY_ECHO), "GET", authorizationType="CUSTOM", authorizerId=asks)
    api.deploy()

    def as_(token, path="/a"):
        return api.visit(path, headers=[("Authorization", token)] if token else [])

    for nobody in (None, "nobody", "NOT VALID"):
        assert (as_(nobody).status, as_(nobody).json) == (401, {"message": "Unauthorized"}), nobody
    assert (as_("broken").status, as_("broken").json) == (500, {"message": None})
    assert (as_("wrong").status, as_("nested").status) == (500, 500)
    denied = as_("deny")
    assert (denied.status, denied.json) == (403, {"message": "User is not authorized to access this resource with an explicit deny"})
    known = as_("all").json["requestContext"]["authorizer"]
    assert (known["principalId"], known["flag"], known["text"]) == ("me", "true", "t")
    # What it said is believed for its time, whatever the path; what it did not allow is not allowed.
    assert as_("all", "/b").json["requestContext"]["authorizer"] == known
    assert (as_("one").status, as_("one", "/b").json) == (200, {"message": "User is not authorized to access this resource"})
    rest.flush_stage_authorizers_cache(restApiId=api.id, stageName="dev")
    assert as_("all").json["requestContext"]["authorizer"] != known


def test_a_function_authorizes_by_requests(rest, deploy):
    code = """
        import json
        def handler(event, context):
            statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
            seen = {name: event[name] for name in ("type", "resource", "path", "httpMethod", "queryStringParameters", "pathParameters")}
            return {"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"seen": json.dumps(seen)}}
    """
    api = RestApi(rest)
    source = "method.request.querystring.key, method.request.header.X-Who"
    asks = authorizer(rest, api, deploy(code), type="REQUEST", identitySource=source)
    api.mock("/pets/{id}", authorizationType="CUSTOM", authorizerId=asks, responses={"200": {"responseTemplates": template("$context.authorizer.seen")}})
    api.deploy()
    assert api.visit("/pets/7?key=1").status == 401
    seen = api.visit("/pets/7?key=1", headers=[("x-who", "me")]).json
    expected = {"type": "REQUEST", "resource": "/pets/{id}", "path": "/pets/7", "httpMethod": "GET", "queryStringParameters": {"key": "1"}, "pathParameters": {"id": "7"}}
    assert seen == expected


def test_an_authorizer_tells_the_api_key(rest, deploy):
    api = RestApi(rest, apiKeySource="AUTHORIZER")
    asks = authorizer(rest, api, deploy(TOKENS))
    api.mock("/", authorizationType="CUSTOM", authorizerId=asks, apiKeyRequired=True)
    api.deploy()
    assert api.visit("/", headers=[("Authorization", "all")]).status == 403
    key = rest.create_api_key(name="k", enabled=True, value="k" * 20, stageKeys=[{"restApiId": api.id, "stageName": "dev"}])
    try:
        assert api.visit("/", headers=[("Authorization", "all")]).status == 200
    finally:
        rest.delete_api_key(apiKey=key["id"])


def test_authorizers_are_tried_out(rest, deploy):
    api = RestApi(rest)
    asks = authorizer(rest, api, deploy(TOKENS))
    tested = rest.test_invoke_authorizer(restApiId=api.id, authorizerId=asks, headers={"Authorization": "all"})
    assert (tested["clientStatus"], tested["principalId"], tested["authorization"]["text"]) == (200, "me", ["t"])
    assert rest.test_invoke_authorizer(restApiId=api.id, authorizerId=asks, headers={"Authorization": "nobody"})["clientStatus"] == 401


def test_signatures_and_policies_of_callers(fresh_server):
    server = fresh_server("--auth", "enforce", "--root-access-key-id", ROOT[0], "--root-secret-access-key", ROOT[1])
    client, iam = (server.client(service=service, access_key=ROOT[0], secret_key=ROOT[1]) for service in ("apigateway", "iam"))
    api = RestApi(client)
    both = {**MOCK, "text/plain": MOCK["application/json"]}
    api.mock("/open", "GET", both, authorizationType="AWS_IAM", responses={"200": {"responseTemplates": template("$context.identity.userArn")}})
    api.mock("/shut", "GET", authorizationType="AWS_IAM")
    api.deploy()
    iam.create_user(UserName="u")
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/dev/GET/open"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}]}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="u")["AccessKey"]

    def as_user(path, secret=key["SecretAccessKey"]):
        credentials = boto3.Session(key["AccessKeyId"], secret).get_credentials()
        return signed(f"{api.endpoint()}/dev{path}", credentials, service="execute-api", method="GET")

    unsigned = api.visit("/open")
    assert (unsigned.status, unsigned.json) == (403, {"message": "Missing Authentication Token"})
    assert as_user("/open").body == b"arn:aws:iam::000000000000:user/u"
    shut = as_user("/shut")
    assert shut.status == 403 and "is not authorized to perform: execute-api:Invoke on resource" in shut.json["message"]
    wrong = as_user("/open", "wrong")
    assert (wrong.status, wrong.header("x-amzn-errortype")) == (403, "InvalidSignatureException")


def test_tokens_of_user_pools(fresh_server, issuer):
    server = fresh_server(f"--service-endpoint=cognito-idp={issuer.url}")
    client = server.client(service="apigateway")
    api = RestApi(client)
    pool = f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{POOL}"
    asks = client.create_authorizer(
        restApiId=api.id, name="pool", type="COGNITO_USER_POOLS", providerARNs=[pool], identitySource="method.request.header.Authorization"
    )["id"]
    shown = {"200": {"responseTemplates": template("$context.authorizer.claims.sub")}}
    api.mock("/a", authorizationType="COGNITO_USER_POOLS", authorizerId=asks, responses=shown)
    api.mock("/scoped", authorizationType="COGNITO_USER_POOLS", authorizerId=asks, authorizationScopes=["pets/read"], responses=shown)
    api.deploy()
    usual = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"

    def with_(token, path="/a"):
        return api.visit(path, headers=[("Authorization", token)])

    for iss in (usual, f"{issuer.url}/{POOL}"):
        assert with_(issuer.token("one", iss=iss)).body == b"me", iss
    assert with_("Bearer " + issuer.token("one", iss=usual)).status == 200
    assert with_(issuer.token("one", iss=usual, scope="pets/read other"), "/scoped").status == 200
    for wrong, path in (("x", "/a"), (issuer.token("one", iss="https://other"), "/a"), (issuer.token("one", iss=usual, exp=1), "/a"), (issuer.token("one", iss=usual, scope="other"), "/scoped")):
        refused = with_(wrong, path)
        assert (refused.status, refused.json) == (401, {"message": "Unauthorized"}), wrong
    assert api.visit("/a").status == 401
    with pytest.raises(client.exceptions.BadRequestException):
        client.create_authorizer(restApiId=api.id, name="none", type="COGNITO_USER_POOLS", identitySource="method.request.header.Authorization")
