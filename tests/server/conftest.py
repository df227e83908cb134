"""A server behind its WSGI door, with forms and a phone's token; no sockets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from lxml import etree
from sqlalchemy.engine import Connection
from werkzeug.test import Client, TestResponse

from forms.library import load_library
from server.app import create_app
from server.runtime import Runtime
from server.settings import Settings
from sync import accounts, counters, tables
from sync.blobs import open_blobs, put_for_phones
from sync.database import Database
from tests.conftest import NOW

TOKEN = "t" * 64
FORM = (
    '<?xml version="1.0"?><h:html xmlns="http://www.w3.org/2002/xforms"'
    ' xmlns:h="http://www.w3.org/1999/xhtml"><h:head><h:title>{title}</h:title><model>'
    '<instance><data id="{form_id}" version="{version}"><sp/><photo/><meta><instanceID/></meta>'
    '</data></instance><bind nodeset="/data/sp" type="string"/>'
    '<bind nodeset="/data/photo" type="binary"/></model></h:head>'
    '<h:body><input ref="/data/sp"><label>Loài cây / Species</label></input></h:body></h:html>'
)
JPEG = b"\xff\xd8\xff\xe0jpg"  # as much of one as says what it is
A, B, C = (f"uuid:{n * 8}-1111-4111-8111-111111111111" for n in "abc")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def __call__(self) -> datetime:
        return self.time


@dataclass
class CountingJobs:
    """Counts how often a worker would have been woken."""

    wakes: int = 0

    def wake(self) -> None:
        self.wakes += 1


@dataclass
class Door:
    """The server as a phone meets it: `base` is what stands in the phone as server URL."""

    app: Flask
    runtime: Runtime
    clock: Clock
    base: str = f"/v1/key/{TOKEN}/projects/1"
    headers: dict[str, str] = field(default_factory=lambda: {"X-OpenRosa-Version": "1.0"})

    @property
    def client(self) -> Client:
        return self.app.test_client()

    @property
    def database(self) -> Database:
        return self.runtime.database

    def at(self, base: str) -> Door:
        """The same server with another server URL in the phone."""
        return replace(self, base=base)

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Ask for a path below the base, or for an absolute URL as a document gave it."""
        url = path if "://" in path else self.base + path
        headers = {**self.headers, **options.pop("headers", {})}
        return self.client.open(url, method=method, headers=headers, buffered=True, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def head(self, path: str, **options: Any) -> TestResponse:
        return self.call("HEAD", path, **options)

    def post(
        self,
        xml: bytes | None,
        files: Mapping[str, bytes] | Sequence[Part] = (),
        *,
        incomplete: bool = False,
        path: str = "/submission",
        **options: Any,
    ) -> TestResponse:
        """Send an instance as Collect does: XML first, then files, then perhaps *isIncomplete*."""
        parts = [] if xml is None else [Part("xml_submission_file", "a form.xml", xml, "text/xml")]
        if isinstance(files, Mapping):
            files = [Part(name, name, content) for name, content in files.items()]
        parts.extend(files)
        if incomplete:
            parts.append(Part("*isIncomplete*", None, b"yes", None))
        return self.post_body(multipart(parts), path=path, **options)

    def post_body(
        self, body: bytes, *, path: str = "/submission", content_type: str = "", **options: Any
    ) -> TestResponse:
        content_type = content_type or "multipart/form-data; boundary=B"
        return self.call("POST", path, data=body, content_type=content_type, **options)

    def rows(self, *columns: Any) -> list[Any]:
        """SELECT by a connection of its own."""
        other = Database(self.runtime.settings.database_url, self.database.vault)
        try:
            with other.read() as db:
                return list(db.execute(sa.select(*columns)))
        finally:
            other.dispose()

    def count(self, table: sa.Table) -> int:
        return int(self.rows(sa.func.count(table.c.id))[0][0])

    def kept(self) -> dict[str, int]:
        """How many rows of everything a submission leaves."""
        names = ("received", "submissions", "submission_versions", "attachments", "queue")
        return {name: self.count(tables.metadata.tables[name]) for name in names}

    def flags(self) -> list[str]:
        """Codes of the problems of all versions, in order of arrival."""
        c = tables.submission_versions.c
        found = self.rows(c.id, c.problems)
        return [problem["code"] for _, problems in sorted(found) for problem in problems]

    def add_form(
        self, form_id: str = "trees", version: str = "1", title: str = "Cây / Trees"
    ) -> bytes:
        """Publish a form as stored bytes; its XForm."""
        xform = FORM.format(
            form_id=_attribute(form_id), version=_attribute(version), title=_attribute(title)
        ).encode()
        with self.database.write() as db:
            form = db.execute(
                sa.select(tables.forms.c.id).where(tables.forms.c.xml_form_id == form_id)
            ).scalar()
            if form is None:
                form = db.execute(
                    tables.forms.insert().returning(tables.forms.c.id),
                    {
                        "project_id": 1,
                        "xml_form_id": form_id,
                        "title": title,
                        "state": "open",
                        "created_at": NOW,
                    },
                ).scalar_one()
            version_id = db.execute(
                tables.form_versions.insert().returning(tables.form_versions.c.id),
                {
                    "form_id": form,
                    "version": version,
                    "xform": xform,
                    "md5": hashlib.md5(xform).hexdigest(),
                    "source_kind": "xml",
                    "published_at": NOW,
                },
            ).scalar_one()
            db.execute(
                tables.forms.update()
                .where(tables.forms.c.id == form)
                .values(current_version_id=version_id, title=title)
            )
            counters.bump(db, counters.FORMS)
        return xform

    def set_state(self, form_id: str, state: str) -> None:
        with self.database.write() as db:
            db.execute(
                tables.forms.update()
                .where(tables.forms.c.xml_form_id == form_id)
                .values(state=state)
            )
            counters.bump(db, counters.FORMS)

    def add_attachment(self, form_id: str, filename: str, content: bytes) -> None:
        """Put a file beside the current version of a form."""
        blob = put_for_phones(self.runtime.blobs, content)
        with self.database.write() as db:
            version_id = db.execute(
                sa.select(tables.forms.c.current_version_id).where(
                    tables.forms.c.xml_form_id == form_id
                )
            ).scalar_one()
            c = tables.form_attachments.c
            db.execute(
                tables.form_attachments.delete().where(
                    c.form_version_id == version_id, c.filename == filename
                )
            )
            db.execute(
                tables.form_attachments.insert(),
                {
                    "form_version_id": version_id,
                    "filename": filename,
                    "sha256": blob.sha256,
                    "md5": blob.md5,
                    "size": blob.size,
                },
            )
            counters.bump(db, counters.FORMS)


@contextmanager
def keeping_nothing(database: Database) -> Iterator[None]:
    """Meanwhile the database can only be read, as on a full disk or on a standby."""
    only = "PRAGMA query_only=1" if database.is_sqlite else "SET TRANSACTION READ ONLY"

    def shut(db: Connection) -> None:
        db.exec_driver_sql(only)

    engine = database.engine
    sa.event.listen(engine, "begin", shut)
    try:
        yield
    finally:
        sa.event.remove(engine, "begin", shut)
        database.dispose()  # SQLite's connections stay shut else


@dataclass(frozen=True)
class Part:
    """One part of a multipart body; without filename it is a form field."""

    name: str
    filename: str | None
    content: bytes
    content_type: str | None = "application/octet-stream"


def multipart(parts: Sequence[Part], end: bool = True) -> bytes:
    """A body with boundary B, names as raw UTF-8 like OkHttp."""
    body = b""
    for part in parts:
        body += f'--B\r\nContent-Disposition: form-data; name="{part.name}"'.encode()
        if part.filename is not None:
            body += f'; filename="{part.filename}"'.encode()
        if part.content_type is not None:
            body += f"\r\nContent-Type: {part.content_type}".encode()
        body += b"\r\n\r\n" + part.content + b"\r\n"
    return body + (b"--B--\r\n" if end else b"")


def instance(
    instance_id: str = A,
    answer: str = "sồi",
    *,
    form_id: str = "trees",
    version: str | None = "1",
    replaces: str = "",
    photo: str = "",
) -> bytes:
    """A filled form as Collect writes it."""
    old = f"<deprecatedID>{replaces}</deprecatedID>" if replaces else ""
    photo = f"<photo>{photo}</photo>" if photo else ""
    named = "" if version is None else f' version="{_attribute(version)}"'
    return (
        f"<?xml version='1.0' ?><data id=\"{_attribute(form_id)}\"{named}><sp>{answer}</sp>{photo}"
        f"<meta><instanceID>{instance_id}</instanceID>{old}</meta></data>"
    ).encode()


def message(answer: TestResponse) -> str:
    """The text of OpenRosaResponse/message, found as Collect finds it: by the bare name."""
    root = etree.fromstring(answer.data)
    assert etree.QName(root).localname == "OpenRosaResponse"
    assert b"<message" in answer.data
    (found,) = root.iter("{http://openrosa.org/http/response}message")
    return found.text or ""


def _attribute(text: str) -> str:
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(mark, entity)
    return text


@pytest.fixture
def door(database: Database, tmp_path: Path) -> Iterator[Door]:
    """A server with one project, one phone (TOKEN) and the form `trees`, version 1."""
    yield open_door(database, tmp_path)
    database.dispose()


def open_door(database: Database, folder: Path) -> Door:
    """The same, for whoever has a database without a fixture."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(data=folder, database_url=url)
    clock = Clock(NOW)
    runtime = Runtime(
        settings, database, open_blobs(settings.blobs), CountingJobs(), load_library(), clock
    )
    with database.write() as db:
        db.execute(tables.projects.insert().values(id=1, name="Cây Đa"))
        accounts.add_app_user(db, "Lan", "city", None, None, TOKEN, NOW)
    door = Door(create_app(settings, runtime), runtime, clock)
    door.add_form()
    return door
