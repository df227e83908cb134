"""The code that sets a phone up (protocol §7, §11 A 89 and 90)."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from server.qr import inline_qr, phone_url, settings_text
from tests.server.conftest import TOKEN, Door, instance


def read(text: str) -> dict[str, Any]:
    """As ODK Collect does."""
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    return found


@pytest.mark.parametrize("name", ["Cô Lan", "Ê" * 100])
def test_a89_the_text_of_the_code_is_what_collect_reads(name: str) -> None:
    text = settings_text("https://x.test/v1/key/T/projects/1", name)
    found = read(text)
    assert found["general"]["server_url"] == "https://x.test/v1/key/T/projects/1"
    assert found["general"]["form_update_mode"] == "match_exactly"
    assert found["general"]["username"] == name
    assert found["admin"] == {}
    assert len(text) < 4000


def test_a90_the_address_in_the_code_works_as_it_stands(door: Door) -> None:
    text = settings_text(phone_url("http://localhost/", TOKEN), "Lan")
    url = read(text)["general"]["server_url"]
    assert door.get(f"{url}/formList").status_code == 200
    assert door.head(f"{url}/submission").status_code == 204
    assert door.post(instance(), path=f"{url}/submission").status_code == 201


def test_the_code_on_a_page_is_a_picture_that_grows_with_the_page() -> None:
    svg = str(inline_qr("https://x.test/v1/key/T/projects/1", "Lan"))
    assert svg.startswith("<svg")
    assert "viewBox" in svg
    assert "width=" not in svg
