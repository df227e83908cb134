"""Every library form opens in ODK Web Forms and in Enketo, and we can read what they make."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from forms.entities import entity_changes
from forms.flatten import flatten
from forms.instance import read_instance
from forms.library import load_library
from forms.schema import read_schema
from forms.xlsform import compile_form
from sync.places import UNITS_CSV
from tests.chromium import Browser

LIBRARY = load_library()
UNITS = ["name", "label", "code", "kind", "parent", "valid_from", "valid_to"]
LANGUAGES = ["Tiếng Việt (vi)", "English (en)"]


@pytest.fixture(scope="module")
def browser(engines: Path, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Chromium with Enketo in it."""
    page = tmp_path_factory.mktemp("enketo") / "page.html"
    page.write_text("<!doctype html><meta charset=utf-8><body></body>", encoding="utf-8")
    window = chromium()
    window.get(page.as_uri())
    window.execute_script((engines / "node_modules" / "enketo.js").read_text(encoding="utf-8"))
    return window


def _attachment(name: str) -> tuple[list[str], list[list[str]]]:
    """Columns and two rows of an entity list, or of the units, as a phone gets them."""
    if f"{name}.csv" == UNITS_CSV:
        ward = ["20242@2006-01-01", "Phường Phước Ninh", "20242", "ward", "Hải Châu"]
        return UNITS, [[*ward, "2006-01-01", "2025-01-01"], [*ward, "2025-01-01", "9999-12-31"]]
    columns = ["name", "label", "__version", *LIBRARY.lists[name].properties]
    rows = [[f"{name}-{n}", f"Bà Trần Thị {n}", "1"] for n in (1, 2)]
    return columns, [row + [""] * (len(columns) - 3) for row in rows]


def _lists(xform: bytes) -> list[str]:
    return sorted({media.filename.removesuffix(".csv") for media in read_schema(xform).media})


def _read(xform: bytes, xml: str) -> None:
    """What the engine made is an instance of the form, with nothing we cannot understand."""
    schema, instance = read_schema(xform), read_instance(xml.encode())
    assert instance.xml_form_id == schema.xml_form_id
    assert instance.version == schema.version
    assert instance.instance_id.startswith("uuid:")
    assert not instance.problems
    assert not flatten(schema, instance).problems
    assert entity_changes(schema, instance)[1] == ()


@pytest.mark.parametrize("form_id", sorted(LIBRARY.forms))
def test_a_library_form_opens_in_odk_web_forms(engines: Path, form_id: str, tmp_path: Path) -> None:
    xform = compile_form(LIBRARY.forms[form_id].source, "md", form_id).xform
    (tmp_path / "form.xml").write_bytes(xform)
    for name in _lists(xform):
        columns, rows = _attachment(name)
        text = StringIO(newline="")
        csv.writer(text).writerows([columns, *rows])
        (tmp_path / f"{name}.csv").write_text(text.getvalue(), encoding="utf-8")
    command = ["node", "web_forms.mjs", str(tmp_path / "form.xml"), str(tmp_path)]
    ran = subprocess.run(command, cwd=engines, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    opened = json.loads(ran.stdout)
    assert opened["status"] == "success"
    assert opened["languages"] == LANGUAGES
    _read(xform, opened["xml"])


@pytest.mark.browser
@pytest.mark.parametrize("form_id", sorted(LIBRARY.forms))
def test_a_library_form_opens_in_enketo(browser: Any, form_id: str) -> None:
    xform = compile_form(LIBRARY.forms[form_id].source, "md", form_id).xform
    external = [{"id": name, "xml": _as_enketo_reads(name)} for name in _lists(xform)]
    external += [{"id": name, "xml": blank} for name, blank in _last_saved(xform)]
    opened = browser.execute_async_script(
        "const [form, lists, done] = arguments;"
        "window.openForm(form, lists).then(done, (error) => done({ errors: [String(error)] }));",
        xform.decode(),
        external,
    )
    assert opened["errors"] == []
    assert opened["languages"] == LANGUAGES
    _read(xform, opened["xml"])


def _last_saved(xform: bytes) -> Iterator[tuple[str, str]]:
    """On a first visit Enketo's own page gives the blank form for the last saved one."""
    instances = list(etree.fromstring(xform).iterfind(".//{http://www.w3.org/2002/xforms}instance"))
    for instance in instances:
        if instance.get("src") == "jr://instance/last-saved":
            yield instance.get("id", ""), etree.tostring(instances[0][0], encoding="unicode")


def _as_enketo_reads(name: str) -> str:
    """Enketo's server hands a CSV to the page as a secondary instance."""
    columns, rows = _attachment(name)
    items = (
        "".join(f"<{c}>{escape(v)}</{c}>" for c, v in zip(columns, row, strict=True))
        for row in rows
    )
    return "<root>" + "".join(f"<item>{item}</item>" for item in items) + "</root>"
