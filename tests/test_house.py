"""Walls of the house that no linter keeps: who opens transactions, where domain words stand."""

from __future__ import annotations

import ast
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from forms.library import load_library
from server.settings import Settings

ROOT = Path(__file__).parent.parent
CODE = sorted(
    path
    for room in ("forms", "sync", "server")
    for path in (ROOT / room).rglob("*.py")
    if "versions" not in path.parts
)
OWN_DATABASE = {  # the engine itself, the schema before anything runs, and a scratch copy
    "sync/database.py",
    "sync/migrations/__init__.py",
    "sync/verify.py",
}
OUTSIDE_LIBRARY = [path for path in CODE if "library" not in path.parent.parts[-2:]]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CODE, ids=_name)
def test_a_file_opens_with_one_line_that_is_its_promise(path: Path) -> None:
    promise = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert promise
    assert promise.splitlines()[0].rstrip().endswith((".", "?", ":"))


def test_only_server_opens_a_transaction() -> None:
    opens = re.compile(r"\b(database\.(read|write|ask)|engine\.(connect|begin))\(|\.commit\(\)")
    guilty = [
        _name(path)
        for path in CODE
        if _name(path).split("/")[0] != "server"
        and _name(path) not in OWN_DATABASE
        and opens.search(path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


def test_domain_words_stand_only_in_the_library() -> None:
    library = load_library()
    words = {*library.forms, *library.lists, *(indicator for indicator in library.indicators)}
    guilty = [
        f"{_name(path)}:{node.lineno} {node.value!r}"
        for path in OUTSIDE_LIBRARY
        if "server/demo" not in _name(path)  # a demo of this very domain
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in words
    ]
    assert guilty == []


def test_no_file_names_a_package_host() -> None:
    hosts = re.compile(r"pypi\.org|pythonhosted|npmjs|deb\.debian|registry\.")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    guilty = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        if hosts.search(path.read_text(encoding="utf-8", errors="ignore")):
            guilty.append(name)
    assert guilty == []


def test_the_settings_table_of_the_readme_names_every_setting() -> None:
    table = (ROOT / "server" / "README.md").read_text(encoding="utf-8")
    source = (ROOT / "server" / "settings.py").read_text(encoding="utf-8")
    variables = set(re.findall(r'"((?:CAYDA_[A-Z_]+)|DATABASE_URL|REDIS_URL)"', source))
    assert variables
    assert len(variables) <= len(fields(Settings))
    assert {name for name in variables if f"`{name}`" not in table} == set()


def test_the_room_readmes_and_the_house_documents_are_there() -> None:
    for name in ("README.md", "CHANGELOG.md", "forms/README.md", "sync/README.md"):
        assert (ROOT / name).read_text(encoding="utf-8").strip()
