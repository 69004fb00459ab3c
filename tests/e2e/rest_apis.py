"""REST APIs under test: made through boto3, visited as browsers do."""

import json
from urllib.parse import urlsplit

from web import visit

#: Returns its event as the body of an answer.
PROXY_ECHO = "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event)}\n"
#: The request of a mock, whose status is in its query.
MOCK = {"application/json": '#set($s = $input.params("status")){"statusCode": #if($s != "")$s#{else}200#end}'}


def function_uri(function, path="2015-03-31", end="invocations"):
    """How API Gateway names a function."""
    return f"arn:aws:apigateway:us-east-1:lambda:path/{path}/functions/{function.arn}/{end}"


class RestApi:
    """A REST API with a stage; what is added to it is served after the next `deploy`."""

    def __init__(self, client, stage="dev", **options):
        self.client, self.stage = client, stage
        made = client.create_rest_api(**{"name": "test", **options})
        self.id, self.root = made["id"], made["rootResourceId"]
        self.resources = {"/": self.root}

    def resource(self, path):
        """The resource of a path, made with those above it."""
        if path not in self.resources:
            parent, _, part = path.rpartition("/")
            made = self.client.create_resource(restApiId=self.id, parentId=self.resource(parent or "/"), pathPart=part)
            self.resources[path] = made["id"]
        return self.resources[path]

    def named(self, path, method):
        """What names a method in requests."""
        return {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": method}

    def method(self, path, method="GET", integration=None, responses=(), **options):
        """A method with its integration and what becomes of its answers: `{status: {...}}`."""
        named = self.named(path, method)
        self.client.put_method(**named, **{"authorizationType": "NONE", **options})
        self.client.put_integration(**named, **integration)
        for status, response in dict(responses).items():
            declared = {name: False for name in response.get("responseParameters", {})}
            self.client.put_method_response(**named, statusCode=status, responseParameters=declared)
            self.client.put_integration_response(**named, statusCode=status, **response)
        return named

    def function(self, path, function, method="ANY", allow=True, kind="AWS_PROXY", **options):
        """A method with a function behind it."""
        if allow:
            function.client.add_permission(
                FunctionName=function.name,
                StatementId=f"api-{self.id}-{len(self.resources)}-{method}-{self.resource(path)}",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{self.id}/*",
            )
        given = {name: options.pop(name) for name in ("requestTemplates", "requestParameters_of_integration", "responseTransferMode", "passthroughBehavior", "contentHandling", "timeoutInMillis") if name in options}
        if "requestParameters_of_integration" in given:
            given["requestParameters"] = given.pop("requestParameters_of_integration")
        uri = options.pop("uri", None) or function_uri(function)
        integration = {"type": kind, "integrationHttpMethod": "POST", "uri": uri, **given}
        return self.method(path, method, integration, **options)

    def mock(self, path, method="GET", request=MOCK, responses=None, **options):
        """A method that nothing is behind."""
        integration = {"type": "MOCK", "requestTemplates": request}
        return self.method(path, method, integration, responses or {"200": {}}, **options)

    def deploy(self, **options):
        """Serves what there is."""
        return self.client.create_deployment(restApiId=self.id, stageName=self.stage, **options)["id"]

    def endpoint(self):
        """Where it is."""
        port = urlsplit(self.client.meta.endpoint_url).port
        return f"http://{self.id}.execute-api.us-east-1.localhost:{port}"

    def visit(self, target="/", method="GET", headers=(), body=None, **options):
        """Visits a path of its stage."""
        return visit(self.endpoint(), f"/{self.stage}{target}", method, headers, body, **options)

    def patch(self, **change):
        """Changes the stage."""
        operations = [{"op": "replace", "path": path, "value": value} for path, value in change.items()]
        return self.client.update_stage(restApiId=self.id, stageName=self.stage, patchOperations=operations)


def template(text):
    """A template for JSON."""
    return {"application/json": text if isinstance(text, str) else json.dumps(text)}
