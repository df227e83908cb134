"""The OpenAPI document of /v1 leaves nothing out, and nothing answers what it does not say."""

from __future__ import annotations

from flask import Flask

from server import api
from server.api.described import ProblemShape
from server.api.document import document, path_of
from tests.server.api import Program
from tests.server.conftest import Door


def a_document() -> tuple[Flask, dict]:  # type: ignore[type-arg]
    app = Flask("only the routes")
    api.register(app)
    return app, document(app)


def test_every_route_is_described_with_its_parameters_answers_refusals_and_who_may_use_it() -> None:
    app, found = a_document()
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    assert len(rules) > 80
    for rule in rules:
        operations = found["paths"][path_of(rule)]
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            told = operations[method.lower()]
            assert told["summary"], f"{rule.endpoint}: its first line says what it does"
            assert told["tags"]
            names = {one["name"] for one in told["parameters"] if one["in"] == "path"}
            assert names == rule.arguments
            assert {"200", "400", "404", "503"} <= set(told["responses"])
            assert told["security"] or "For anybody" in told["description"]
            if method in ("POST", "PUT", "PATCH") and "requestBody" not in told:
                assert rule.endpoint.partition(".")[2] in WITHOUT_BODY, f"{rule.endpoint}: its body"


# What is done by the address alone.
WITHOUT_BODY = {
    "assign",
    "assign_role",
    "publish_draft",
    "restore_entity",
    "restore_form",
    "restore_submission",
    "export_csv",
    "export_zip",
}


def test_every_operation_has_a_name_of_its_own_and_every_shape_it_names_is_there() -> None:
    _, found = a_document()
    operations = [one for path in found["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    text = str(operations)
    assert "#/components/schemas/ProblemShape" in text
    problem = found["components"]["schemas"]["ProblemShape"]
    assert problem["required"] == sorted(ProblemShape().fields)


def test_the_document_is_for_anybody_and_names_no_server(door: Door) -> None:
    answer = Program(door).get("/openapi.json")
    assert answer.status_code == 200
    assert answer.get_json()["openapi"].startswith("3.1")
    assert answer.get_json()["servers"] == [{"url": "/v1"}]


def test_the_document_is_there_to_read_as_a_page_for_anybody(door: Door) -> None:
    answer = door.client.get("/docs")
    assert answer.status_code == 200
    page = answer.text
    for path, methods in document(door.app)["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} /v1{path}</code>" in page
    for name in document(door.app)["components"]["schemas"]:
        assert f'<h3 id="{name}">' in page
    assert "http" not in page.replace("http://www.w3.org", "")  # nothing from elsewhere
