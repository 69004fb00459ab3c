"""Who may what of an HTTP API: tokens of issuers, functions that decide."""

import json
import time

from cryptography.hazmat.primitives.asymmetric import rsa

from http_apis import Api

AUTHORIZER = """
calls = 0

def handler(event, context):
    global calls
    calls += 1
    token = event["identitySource"][0] if event["version"] == "2.0" else event["identitySource"]
    if token == "broken":
        return "nothing of the kind"
    return {"isAuthorized": token == "let me in", "context": {"calls": calls, "type": event["type"], "route": event["routeArn"]}}
"""


def authorizer(apis, api, function, **options):
    function.client.add_permission(
        FunctionName=function.name,
        StatementId="authorizer",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/authorizers/*",
    )
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function.arn}/invocations"
    settings = {
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": uri,
        "IdentitySource": ["$request.header.Authorization"],
        "Name": "asks",
        "AuthorizerPayloadFormatVersion": "2.0",
        "AuthorizerResultTtlInSeconds": 0,
        **options,
    }
    return apis.create_authorizer(ApiId=api.id, **settings)["AuthorizerId"]


def test_a_function_authorizes_callers(apis, echo, deploy):
    api = Api(apis)
    asks = authorizer(apis, api, deploy(AUTHORIZER), EnableSimpleResponses=True, AuthorizerResultTtlInSeconds=300)
    api.route("GET /a/{id}", echo, AuthorizationType="CUSTOM", AuthorizerId=asks)

    def as_(token, path="/a/1"):
        return api.visit(path, headers=[("Authorization", token)] if token else [])

    nobody = as_(None)
    assert (nobody.status, nobody.json) == (401, {"message": "Unauthorized"})
    assert (as_("no").status, as_("no").json) == (403, {"message": "Forbidden"})
    assert as_("broken").status == 500
    known = as_("let me in").json["requestContext"]["authorizer"]["lambda"]
    assert known["type"] == "REQUEST"
    assert known["route"] == f"arn:aws:execute-api:us-east-1:000000000000:{api.id}/$default/GET/a/{{id}}"
    # What it said is believed for its time, whatever the path.
    assert as_("let me in", "/a/2").json["requestContext"]["authorizer"]["lambda"] == known
    apis.reset_authorizers_cache(ApiId=api.id, StageName="$default")
    assert as_("let me in").json["requestContext"]["authorizer"]["lambda"] != known


def test_a_functions_policy_authorizes_callers(apis, echo, deploy):
    code = """
        def handler(event, context):
            allowed = event["methodArn"].rsplit("/", 2)[0] + "/GET/open"
            statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": allowed}
            return {"principalId": event["authorizationToken"], "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"n": 1}}
    """
    api = Api(apis)
    asks = authorizer(apis, api, deploy(code), AuthorizerPayloadFormatVersion="1.0", AuthorizerResultTtlInSeconds=60)
    for key in ["GET /open", "GET /shut"]:
        api.route(key, echo, AuthorizationType="CUSTOM", AuthorizerId=asks)
    me = [("Authorization", "me")]
    assert api.visit("/open", headers=me).json["requestContext"]["authorizer"]["lambda"] == {"n": 1, "principalId": "me"}
    assert api.visit("/shut", headers=me).status == 403


def test_tokens_of_an_issuer_authorize_callers(apis, echo, issuer):
    api = Api(apis)
    asks = apis.create_authorizer(
        ApiId=api.id,
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        Name="tokens",
        JwtConfiguration={"Audience": ["app"], "Issuer": issuer.url},
    )["AuthorizerId"]
    api.route("GET /a", echo, AuthorizationType="JWT", AuthorizerId=asks)
    api.route("GET /scoped", echo, AuthorizationType="JWT", AuthorizerId=asks, AuthorizationScopes=["read", "write"])

    def with_(token, path="/a"):
        return api.visit(path, headers=[("Authorization", f"Bearer {token}")])

    good = with_(issuer.token("one", scope="read other"))
    assert good.status == 200, good
    known = good.json["requestContext"]["authorizer"]["jwt"]
    assert (known["claims"]["sub"], known["scopes"]) == ("me", ["read", "other"])
    assert with_(issuer.token("one", scope="read"), "/scoped").status == 200
    shut = with_(issuer.token("one", scope="other"), "/scoped")
    assert (shut.status, shut.json) == (403, {"message": "Forbidden"})
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for wrong in [
        "no token",
        issuer.token("one", signer=stranger),
        issuer.token("one", aud="other"),
        issuer.token("one", iss="http://other"),
        issuer.token("one", exp=int(time.time()) - 1),
        issuer.token("one") + "x",
    ]:
        refused = with_(wrong)
        assert (refused.status, refused.json) == (401, {"message": "Unauthorized"}), wrong
    assert api.visit("/a").status == 401
    # The keys are kept: the issuer was asked once for each of its two documents. For a key that nobody knows it is not asked at once.
    issuer.new_key("two")
    assert [with_(issuer.token("two")).status for _ in range(3)] == [401] * 3
    assert issuer.asked == 2
