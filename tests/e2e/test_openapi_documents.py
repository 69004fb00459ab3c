"""Documents of OpenAPI that others have published, as REST APIs: the REST API of Figma (npm's @figma/rest-api-spec), and the Data Set API
of the USPTO and STAPI, the Star Trek API (npm's @readme/oas-examples)."""

import json
import shutil

import pytest

import toolbox
from rest_apis import MOCK, RestApi, template

DOCUMENTS = {
    "Figma API": ("@figma/rest-api-spec@0.43.0", "openapi/openapi.yaml"),
    "USPTO Data Set API": ("@readme/oas-examples@8.2.2", "3.0/json/uspto.json"),
    "STAPI": ("@readme/oas-examples@8.2.2", "3.0/json/star-trek.json"),
}


@pytest.fixture
def imported(rest):
    """Imports a document, and puts a mock behind each of its methods that says which it is."""

    def make(title):
        if shutil.which("npm") is None:
            pytest.skip("skipped: npm is not there")
        package, path = DOCUMENTS[title]
        name = package.rsplit("@", 1)[0]
        folder = toolbox.npm_folder(package.replace("/", "-").replace("@", ""), package) / "node_modules" / name
        api = RestApi.__new__(RestApi)
        api.client, api.stage = rest, "dev"
        made = rest.import_rest_api(body=(folder / path).read_bytes())
        api.id, api.name = made["id"], made["name"]
        validator = rest.create_request_validator(restApiId=api.id, name="all", validateRequestBody=True, validateRequestParameters=True)["id"]
        pages = rest.get_paginator("get_resources").paginate(restApiId=api.id, embed=["methods"], PaginationConfig={"PageSize": 500})
        api.methods = [(item, method) for page in pages for item in page["items"] for method in item.get("resourceMethods", {}).values()]
        for resource, method in api.methods:
            named = {"restApiId": api.id, "resourceId": resource["id"], "httpMethod": method["httpMethod"]}
            rest.put_integration(**named, type="MOCK", requestTemplates={**MOCK, "application/x-www-form-urlencoded": MOCK["application/json"]})
            if "200" not in method.get("methodResponses", {}):
                rest.put_method_response(**named, statusCode="200")
            rest.put_integration_response(**named, statusCode="200", responseTemplates=template("$context.httpMethod $context.resourcePath"))
            rest.update_method(**named, patchOperations=[{"op": "replace", "path": "/requestValidatorId", "value": validator}])
        api.deploy()
        return api

    return make


@pytest.mark.parametrize("title", DOCUMENTS)
def test_every_operation_of_a_published_document_is_there(imported, title):
    api = imported(title)
    assert api.name == title
    for resource, method in api.methods:
        if "requestModels" in method or method["authorizationType"] != "NONE" or method["apiKeyRequired"]:
            continue
        needed = [name for name, is_needed in method.get("requestParameters", {}).items() if is_needed]
        query = "&".join(f"{name.split('.', 3)[3]}=1" for name in needed if ".querystring." in name)
        headers = [(name.split(".", 3)[3], "1") for name in needed if ".header." in name]
        path = resource["path"].replace("{", "x").replace("}", "")
        answer = api.visit(f"{path}?{query}", method["httpMethod"], headers)
        assert (answer.status, answer.body.decode()) == (200, f"{method['httpMethod']} {resource['path']}"), (resource["path"], answer)
        if needed and (query or headers):
            assert api.visit(path, method["httpMethod"]).json["message"].startswith("Missing required request parameters")


def test_bodies_are_held_against_a_published_model(imported):
    api = imported("Figma API")
    resource, method = next((item, one) for item, one in api.methods if item["path"] == "/v1/files/{file_key}/comments" and one["httpMethod"] == "POST")
    assert method["requestModels"] == {"application/json": method["requestModels"]["application/json"]}
    api.client.update_method(restApiId=api.id, resourceId=resource["id"], httpMethod="POST", patchOperations=[{"op": "replace", "path": "/authorizationType", "value": "NONE"}, {"op": "replace", "path": "/apiKeyRequired", "value": "false"}])
    api.deploy()
    for body, status in (({"message": "hello"}, 200), ({"message": 1}, 400), ({}, 400)):
        answer = api.visit("/v1/files/abc/comments", "POST", [("Content-Type", "application/json")], json.dumps(body).encode())
        assert answer.status == status, (body, answer)
