"""A phone posts a thousand nasty strings; then every page and file that shows them is opened.

Nothing of them may run: not in a browser, not in a spreadsheet, not in what reads our XML or JSON.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO, StringIO
from itertools import count
from pathlib import Path
from random import Random
from zipfile import ZipFile, is_zipfile

import pytest
from lxml import etree, html
from werkzeug.test import TestResponse

from forms.cells import MINUS, to_csv
from forms.schema import read_schema
from server import tasks
from sync import catalogue, queue
from sync.access import Reading
from sync.database import Database
from sync.export import export_records
from sync.reading import view_form
from sync.workbook import write_xlsx
from tests.server.addresses import addresses
from tests.server.scope_world import OWN, ScopeWorld, callers, make_world
from tests.server.test_access_table import ask, may
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id

WANTED = 1000
SEED = 7
MARK = "zqx"
NASTY = (
    "<script>zqx()</script>",
    '"><img src=x onerror=zqx()>',
    "'><svg/onload=zqx()>",
    "<a href=javascript:zqx()>zqx</a>",
    "javascript:zqx()",
    "</textarea></title></style><script>zqx()</script>",
    "<iframe srcdoc='<script>zqx()</script>'>",
    "<!--zqx--><zqx>",
    "]]><zqx xmlns='zqx'/>",
    "&lt;script&gt;zqx&#40;&#41;&lt;/script&gt;",
    '" autofocus onfocus="zqx()',
    "zqx` onmouseover=zqx() x=`",
    "{{ 7*7 }}{% zqx %}${7*7}#{7*7}zqx",
    "%(zqx)s %s %n %d {0.__class__} {zqx}",
    "=1+1+zqx",
    '=HYPERLINK("http://zqx.example";"zqx")',
    "+zqx-1",
    "-zqx+cmd|' /C calc'!A0",
    "@SUM(zqx)",
    "\t=zqx",
    "\r\n=zqx",
    " =zqx",
    "\u200b=zqx",
    "＝zqx",
    "zqx\r\nSet-Cookie: zqx=1\r\n\r\n",
    "zqx;zqx,zqx\n\"zqx\"|'zqx'",
    "' OR 1=1; DROP TABLE users; -- zqx",
    "../../../../etc/passwd zqx",
    "\\\\zqx.example\\c$ C:\\zqx",
    "zqx \u202e\u2066 gpj.exe",
    "zqx" + "\u0301\u0323" * 200,
    "Nguye\u0302\u0303n zqx\u00a0\u2028\u2029",
    "zqx \U0001f468\u200d\U0001f469\u200d\U0001f467 \ufffd\ue000",
    "zqx" * 4000,
    "zqx NULL None undefined NaN 1e309 true",
    "١٢٣ zqx ²³",
    "zqx CONTROL zqx",  # becomes a control character, which XML does not even allow
    "\ufeffzqx",
    "http://zqx.example/?a=b&c=d#<zqx>",
    "zqx\x7f\x85\x9f",
)


def strings() -> Iterator[str]:
    """The nasty ones, then mixtures of them."""
    chance = Random(SEED)
    yield from NASTY
    while True:
        one, other = chance.choice(NASTY), chance.choice(NASTY)
        cut = chance.randrange(1, 12)
        yield chance.choice([one + other, other[:cut] + one, one[-cut:] + MARK + other])[:5000]


@pytest.fixture(scope="module")
def world(
    shared_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ScopeWorld]:
    """The world of the access table, and in its first club what a mad phone sent."""
    folder = tmp_path_factory.mktemp("hostile")
    world = make_world(shared_database, folder)
    posted = post_all(world, LibraryWorld(shared_database, folder))
    assert posted >= WANTED
    work(world)
    return world


def post_all(world: ScopeWorld, sender: LibraryWorld) -> int:
    """Fill in every form, with nasty texts in all that takes text, as often as it takes."""
    nasty, posted = strings(), 0
    forms = {form: texts_of(world, form) for form in sender.library.forms}
    for turn in count():
        if posted >= WANTED:
            return posted
        for form, columns in forms.items():
            answers = {name: next(nasty) for name in columns}
            posted += len(answers)
            body = filled(world, sender, form, turn, answers, next(nasty))
            assert world.door.post(body).status_code == 201, form
    raise AssertionError


def texts_of(world: ScopeWorld, form: str) -> list[str]:
    """The questions of a form that take any text."""
    library = world.door.runtime.library
    rule = library.rules[form]
    with world.door.database.read() as db:
        schema = read_schema(catalogue.get_source(db, form).xform)
    plain = (one for one in schema.columns() if one.type == "string" and one.choices is None)
    known = {rule.club, rule.subject, rule.subject_else, "new_club_id", "member_club"}
    return [one.name for one in plain if one.name not in known and one.choices_file is None]


def filled(
    world: ScopeWorld,
    sender: LibraryWorld,
    form: str,
    turn: int,
    answers: Mapping[str, str],
    label: str,
) -> bytes:
    rule, club = sender.library.rules[form], world.names["club"]
    subject = world.names["loan_entity" if rule.subject_list == "loans" else "member"]
    known = {rule.club: club, rule.subject: subject, rule.happened_on: "2025-11-12"}
    known |= {"member_club": club, "member_status": "active", "c_health": "yes", "c_care": "yes"}
    known |= {"born_in_year": "1950", "outcome": "met", "check_kind": "full", "red": "other"}
    key = f"nasty {form} {turn}"
    entity = an_id(f"of {key}") if rule.creates else ""
    asked = {name: text for name, text in {**answers, **known}.items() if name}
    body = sender.filled(form, asked, key, create=entity, label=label if entity else "")
    world.names[f"nasty_{form}"] = f"uuid:{an_id(key)}"
    if entity:
        thing = {"membership": "member", "loan": "loan_entity"}.get(form, form)
        world.names[f"nasty_{thing}"] = entity
    return body.replace(b"CONTROL", b"\x0b\x1b\x00")


def work(world: ScopeWorld) -> None:
    """All that waits is processed, and nothing is left on the list of failures."""
    here = world.door.runtime
    tasks.run_until_empty(here, None)
    with here.database.read() as db:
        assert queue.failed(db) == []


# ------------------------------------------------------------------ opening everything
def asked(world: ScopeWorld) -> Iterator[tuple[str, TestResponse]]:
    """Every GET address there is, for the two nearest who may have it; pages are the same on both
    databases, so on PostgreSQL for one."""
    most = 2 if world.is_wide else 1
    for method, endpoint, one in addresses():
        near = [who for who in callers() if who.place in ("", OWN) and may(who, endpoint, one)]
        for who in near[:most] if method == "GET" else ():
            for path in dict.fromkeys((one.path, _of_the_phone(world, one.path))):
                answer = ask(world, who, method, replace(one, path=path))
                yield f"{who.name} {path}", answer


def test_nothing_that_a_phone_sent_runs_anywhere(world: ScopeWorld) -> None:
    seen, slips = 0, []
    for name, answer in asked(world):
        if answer.status_code >= 500:
            slips.append(f"{name}: {answer.status_code}")
        seen += MARK.encode() in _unpacked(answer.data)
        if not ("/submissions/" in name and name.endswith(".xml")):  # byte for byte as it was sent
            slips += [f"{name}: {slip}" for slip in dict.fromkeys(_slips(answer))]
    assert not slips, "\n".join(slips)
    assert seen > 20, "the strings were not shown anywhere"


def _of_the_phone(world: ScopeWorld, path: str) -> str:
    """The same address of what the mad phone sent."""
    for name in world.names:
        if f"nasty_{name}" in world.names:
            path = path.replace(f"{{{name}}}", f"{{nasty_{name}}}")
    return path


def test_no_file_of_any_form_runs_in_a_spreadsheet(world: ScopeWorld, tmp_path: Path) -> None:
    library, seen, slips = world.door.runtime.library, 0, []
    with world.door.database.read() as db:
        for form in library.forms:
            view = view_form(db, form, Reading(None))
            book = tmp_path / f"{form}.xlsx"
            write_xlsx(book, export_records(db, library, view))
            texts = [b"".join(to_csv(table)) for table in export_records(db, library, view)]
            seen += sum(text.count(MARK.encode()) for text in texts)
            found = [*_in_archive(book.read_bytes()), *(s for one in texts for s in _in_csv(one))]
            slips += [f"{form}: {slip}" for slip in dict.fromkeys(found)]
    assert not slips, "\n".join(slips)
    assert seen >= WANTED


def _slips(answer: TestResponse) -> Iterator[str]:
    """What is wrong with an answer, by its own kind."""
    if any(MARK in value for key, value in answer.headers if key != "Link"):
        yield f"in a header: {answer.headers}"
    kind, data = answer.mimetype, answer.data
    if is_zipfile(BytesIO(data)):
        yield from _in_archive(data)
    elif kind == "text/html":
        yield from _in_page(data.decode("utf-8"))
    elif kind == "text/csv":
        yield from _in_csv(data)
    elif kind == "application/json":
        json.loads(data)
    elif kind.endswith("xml"):
        etree.fromstring(data)


def _in_page(text: str) -> Iterator[str]:
    """No element, attribute or address of the page is of the phone's making."""
    for nasty in NASTY:
        if "<" in nasty and nasty in text:
            yield f"unescaped {nasty[:40]!r}"
    for node in html.fromstring(text.encode()).iter():
        if isinstance(node.tag, str):
            yield from _in_element(node)
        elif MARK in str(node.text):
            yield "in a comment"


def _in_element(node: html.HtmlElement) -> Iterator[str]:
    if node.tag in ("iframe", "object", "embed", "base") or MARK in node.tag:
        yield f"<{node.tag}>"
    if node.tag in ("script", "style") and (node.text or "").strip():
        yield f"<{node.tag}> {node.text[:40]!r}"
    for key, value in node.attrib.items():
        if key.startswith("on") or key in ("style", "srcdoc") or MARK in key:
            yield f"attribute {key}"
        if key in ("href", "src", "action", "formaction") and not _is_ours(value):
            yield f"{key} {value[:60]!r}"


def _is_ours(address: str) -> bool:
    return address.startswith(("/", "#", "?")) and not address.startswith(("//", "/\\"))


def _in_csv(data: bytes) -> Iterator[str]:
    """For people: no cell begins as a formula does. A program's file (commas) is as it was sent."""
    text = data.decode("utf-8-sig")
    if not data.startswith(b"\xef\xbb\xbf"):
        return
    for row in csv.reader(StringIO(text, newline=""), delimiter=";"):
        for cell in row:
            seen = cell.lstrip(" \u00a0\u3000\u200b\ufeff")
            if seen.startswith(tuple("=+-@＝＋－＠\t\r\n")) and not MINUS.fullmatch(cell):
                yield f"a formula: {cell[:40]!r}"


def _in_archive(data: bytes) -> Iterator[str]:
    with ZipFile(BytesIO(data)) as book:
        for name in book.namelist():
            if MARK in name or name.startswith(("/", "..")):
                yield f"called {name!r}"
            part = book.read(name)
            if name.endswith((".xml", ".rels")):
                root = etree.fromstring(part)
                for tag in ("f", "hyperlink", "externalReference"):
                    if root.find(f".//{{*}}{tag}") is not None and name.startswith(
                        "xl/worksheets/"
                    ):
                        yield f"{name}: <{tag}>"
            elif name.endswith(".csv"):
                yield from _in_csv(part)


def _unpacked(data: bytes) -> bytes:
    if not is_zipfile(BytesIO(data)):
        return data
    with ZipFile(BytesIO(data)) as book:
        return b"".join(book.read(name) for name in book.namelist())
