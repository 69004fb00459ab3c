"""WebSocket APIs as tests want them."""

import socket

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import rest_apis
from dynamo import unique


class Chat:
    """A WebSocket API with a stage, and clients of it."""

    def __init__(self, server, stage="dev", **options):
        self.server, self.stage = server, stage
        self.apis = server.client(service="apigatewayv2")
        made = self.apis.create_api(**{"Name": "chat", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action", **options})
        self.id = made["ApiId"]
        self.open = []

    def route(self, key, function=None, integration=None, answers=False, **options):
        """A route to a function, or to another integration; `answers` where clients hear of it."""
        target = {}
        if function is not None:
            integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": rest_apis.function_uri(function)}
            function.client.add_permission(
                FunctionName=function.name, StatementId=unique("s"), Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{self.id}/*",
            )
        if integration is not None:
            responses = integration.pop("responses", {})
            made = self.apis.create_integration(ApiId=self.id, **integration)["IntegrationId"]
            for response_key, response in responses.items():
                self.apis.create_integration_response(ApiId=self.id, IntegrationId=made, IntegrationResponseKey=response_key, **response)
            target = {"Target": f"integrations/{made}"}
        route = self.apis.create_route(ApiId=self.id, RouteKey=key, **target, **options)["RouteId"]
        if answers:
            self.apis.create_route_response(ApiId=self.id, RouteId=route, RouteResponseKey="$default")
        return route

    def deploy(self, **options):
        """Serves what there is."""
        deployment = self.apis.create_deployment(ApiId=self.id)["DeploymentId"]
        try:
            self.apis.create_stage(ApiId=self.id, StageName=self.stage, DeploymentId=deployment, **options)
        except self.apis.exceptions.ConflictException:
            self.apis.update_stage(ApiId=self.id, StageName=self.stage, DeploymentId=deployment, **options)

    @property
    def host(self):
        return f"{self.id}.execute-api.us-east-1.localhost:{self.server.endpoint.rsplit(':', 1)[1]}"

    def connect(self, query="", **options):
        """A client of the stage."""
        raw = socket.create_connection(("127.0.0.1", int(self.server.endpoint.rsplit(":", 1)[1])))
        client = connect(f"ws://{self.host}/{self.stage}{query}", sock=raw, open_timeout=30, max_size=None, **options)
        self.open.append(client)
        return client

    def manage(self, **options):
        """A client of the management API, as functions would have it."""
        return self.server.client(service="apigatewaymanagementapi", **options)

    def refused(self, query="", **options):
        """The status that a handshake is refused with."""
        with pytest.raises(InvalidStatus) as refused:
            self.connect(query, **options)
        return refused.value.response.status_code

    def close(self):
        for client in self.open:
            client.close()
        self.apis.delete_api(ApiId=self.id)


def everybody_hears(chat, deploy):
    """The usual example: connections in a table, and a function that sends to each what one of them says. Gives the table's name."""
    table = unique("chat")
    chat.server.client(service="dynamodb").create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    code = f"""
        import json
        import boto3

        table = boto3.resource("dynamodb").Table({table!r})
        manage = boto3.client("apigatewaymanagementapi")

        def handler(event, context):
            known = event["requestContext"]
            if known["routeKey"] == "$connect":
                table.put_item(Item={{"id": known["connectionId"]}})
            elif known["routeKey"] == "$disconnect":
                table.delete_item(Key={{"id": known["connectionId"]}})
            else:
                text = json.loads(event["body"])["text"]
                for item in table.scan()["Items"]:
                    manage.post_to_connection(ConnectionId=item["id"], Data=text.encode())
            return {{"statusCode": 200}}
    """
    function = deploy(code, Timeout=20)
    for key in ("$connect", "$disconnect", "say"):
        chat.route(key, function)
    chat.deploy()
    return table
