"""HTTP APIs under test: made through boto3, visited as browsers do."""

import re

from web import visit

ECHO = "def handler(event, context):\n    return event\n"


class Api:
    """An HTTP API with a stage that deploys automatically."""

    def __init__(self, apis, stage="$default", **options):
        self.client = apis
        made = apis.create_api(Name="test", ProtocolType="HTTP", **options)
        self.id, self.endpoint = made["ApiId"], made["ApiEndpoint"]
        apis.create_stage(ApiId=self.id, StageName=stage, AutoDeploy=True)

    def route(self, key, function=None, version="2.0", integration=None, allow=True, **options):
        """A route to a function, or to another integration."""
        if function is not None:
            integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": function.arn, "PayloadFormatVersion": version}
            if allow:
                function.client.add_permission(
                    FunctionName=function.name,
                    StatementId=re.sub("[^a-z]", "-", key.lower()) + self.id,
                    Action="lambda:InvokeFunction",
                    Principal="apigateway.amazonaws.com",
                    SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{self.id}/*",
                )
        made = self.client.create_integration(ApiId=self.id, **integration)["IntegrationId"]
        return self.client.create_route(ApiId=self.id, RouteKey=key, Target=f"integrations/{made}", **options)["RouteId"]

    def visit(self, target="/", method="GET", headers=(), body=None, **options):
        """Visits a path of it."""
        return visit(self.endpoint, target, method, headers, body, **options)
