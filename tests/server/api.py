"""A program that speaks to the JSON API, signed in as a person of some role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import TestResponse

from sync import accounts
from tests.conftest import NOW
from tests.server import documented
from tests.server.conftest import Door

PASSWORD = "một mật khẩu dài"
KEY = b"k" * 32


@dataclass
class Program:
    """`base` is what stands before every path; `headers` go with every request."""

    door: Door
    headers: dict[str, str] = field(default_factory=dict)
    base: str = "/v1"

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self.headers, **options.pop("headers", {})}
        client = self.door.client
        answer = client.open(
            self.base + path, method=method, headers=headers, buffered=True, **options
        )
        documented.check(self.door.app, answer)
        return answer

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.call("POST", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        return self.call("PATCH", path, **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        return self.call("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)

    def json(self, path: str, **options: Any) -> Any:
        """The object at a path, which must be there."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        assert answer.mimetype == "application/json"
        return answer.json

    def refused(self, answer: TestResponse, code: float) -> dict[str, Any]:
        """The error, which has Central's shape and this code."""
        assert answer.status_code == int(code), answer.text
        found: dict[str, Any] = answer.get_json()
        assert found["code"] == code
        assert isinstance(found["message"], str)
        assert isinstance(found["details"], dict)
        return found


def add_person(
    door: Door, name: str, role: str, unit_id: int | None = None, club_id: str | None = None
) -> int:
    """A person with PASSWORD; the id."""
    sealed = accounts.seal_password(name, PASSWORD, KEY)
    with door.database.write() as db:
        return accounts.add_user(db, name, role, unit_id, club_id, sealed, NOW)


def signed_in(door: Door, role: str = "admin", name: str = "") -> Program:
    """A program with the token of a new person of that role."""
    name = name or f"{role}@example.vn"
    add_person(door, name, role)
    program = Program(door)
    answer = program.post("/sessions", json={"email": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    program.headers["Authorization"] = f"Bearer {answer.get_json()['token']}"
    return program
