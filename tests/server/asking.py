"""Schemathesis asks the API, in process, what its OpenAPI document allows, and what it does not.

Each operation is asked with things that are there (the form, the submission …) and with anything at
all, by somebody who may do everything: no 5xx, no answer that is not announced.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from forms.roles import VERBS
from server.api.document import document
from server.app import create_app
from sync import decisions, publish
from tests.conftest import NOW
from tests.server.api import PASSWORD, Program, add_person
from tests.server.conftest import A, Door, instance

NOT_HERE = 501  # parts of OData that are not here: announced
OAK = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


def furnish(door: Door) -> Door:
    """A server whose city association may do everything, with one thing of each kind."""
    here = door.runtime
    roles = dict(here.library.roles)
    roles["city"] = replace(roles["city"], verbs=frozenset(VERBS))
    library = replace(here.library, roles=roles)
    runtime = replace(here, library=library, settings=replace(here.settings, trust_proxy=True))
    door = Door(create_app(runtime.settings, runtime), runtime, door.clock)
    door.add_attachment("trees", "cây.png", b"png")
    assert door.post(instance(A), {"a.jpg": b"\xff\xd8\xff"}).status_code == 201
    with door.database.write() as db:
        publish.declare_lists(db, {"oaks": ["species", "height"]})
        data = {"species": "oak"}
        decisions.create(db, library, "oaks", OAK, data, "Sồi", actor="operator", now=NOW)
    add_person(door, "asker", "city")
    add_person(door, "other", "city")
    return door


def there(operation: Any) -> dict[str, Any]:
    """Path parameters that name something of `furnish`."""
    known: dict[str, Any] = {
        "project": "1",
        "form_id": "trees",
        "instance_id": A,
        "list_name": "oaks",
        "uuid": OAK,
        "name": "cây.png",
        "filename": "a.jpg",
        "role": "2",
        "address": "Submissions",
        "version": A if "/submissions/" in operation.path else "1",
        "code": "2025H2",
        "indicator": "B01",
        "number": 1_000_000_002 if _is_of_people(operation.path) else 1,
        "table": "figures",
    }
    return {one.name: known.get(one.name, "x") for one in operation.path_parameters}


def _is_of_people(path: str) -> bool:
    return "/users/" in path or path.endswith("{project}/assignments/{role}/{number}")


def ask_all(door: Door, examples: int, *, strangely: bool) -> Iterator[tuple[str, str]]:
    """Ask each operation so often rightly and so often wrongly about what is there; `strangely`:
    also about anything at all. What went wrong, each with its operation."""
    schema = schemathesis.openapi.from_dict(copy.deepcopy(document(door.app)))
    schema.app = _whole(door.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in sorted(
        operations, key=lambda one: one.method == "delete"
    ):  # what is gone, last
        for path in (there(operation), *([{}] if strangely else [])):
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                try:
                    _ask(operation, mode, path, examples)
                except Unsatisfiable:  # there is no wrong way to ask what takes nothing
                    continue
                except (Exception, FailureGroup) as error:
                    parts = getattr(error, "exceptions", (error,))
                    yield operation.label, "\n".join(map(str, parts))


def ask_with_nul(door: Door) -> Iterator[str]:
    """Ask each operation with a NUL in each parameter of its query: PostgreSQL stores none."""
    program = Program(door, _headers())
    schema = schemathesis.openapi.from_dict(copy.deepcopy(document(door.app)))
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.method != "get":
            continue
        path = operation.path.format(**{k: quote(str(v)) for k, v in there(operation).items()})
        for one in operation.query:
            answer = program.get(path, query_string={one.name: "a\x00b"})
            if answer.status_code >= 500 and answer.status_code != NOT_HERE:
                yield f"{operation.label}: {one.name}"


def _headers() -> dict[str, str]:
    password = base64.b64encode(f"asker:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {password}", "X-Forwarded-Proto": "https"}


def _whole(app: Any) -> Any:
    """The application, its answers read and closed: schemathesis leaves files open."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        pieces = app(environ, start_response)
        try:
            return list(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    return answer


def _ask(operation: Any, mode: GenerationMode, path: Mapping[str, Any], examples: int) -> None:
    headers = _headers()
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=dict(path) or None)

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500 or answer.status_code == NOT_HERE, (
            f"{answer.status_code} {case.as_curl_command()} {answer.text[:300]}"
        )
        case.validate_response(answer, checks=CHECKS)

    ask()
