"""Exports as ODK Central writes them: exact headers, repeats, files without places."""

from __future__ import annotations

import tracemalloc
from io import BytesIO
from zipfile import ZipFile

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import tables
from tests.forms.made import VISIT as EVERY_KIND
from tests.forms.made import xform
from tests.forms.test_photos import PLACE, jpeg
from tests.server.api import Program, signed_in
from tests.server.conftest import A, B, C, Door, instance
from tests.server.test_api_odata import families
from tests.server.test_api_submissions import CHECK, CLUB, of_club, visits, work

__all__ = ["families", "visits"]  # fixtures

LIST = "/projects/1/forms/trees/submissions"
END = (
    "KEY,SubmitterID,SubmitterName,AttachmentsPresent,AttachmentsExpected,Status,ReviewState,"
    "DeviceID,Edits,FormVersion\n"
)


@pytest.fixture
def city(door: Door) -> Program:
    return signed_in(door, "city")


def unzipped(program: Program, path: str, method: str = "POST") -> dict[str, bytes]:
    answer = program.call(method, path)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/zip"
    with ZipFile(BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_b110_a_post_without_a_body_gives_the_exact_header(city: Program) -> None:
    path = f"{LIST}.csv.zip?attachments=false"
    assert unzipped(city, path) == {
        "trees.csv": f"SubmissionDate,sp,photo,meta-instanceID,{END}".encode()
    }
    assert unzipped(city, path, "GET") == unzipped(city, path)
    answer = city.post(path)
    assert answer.headers["Content-Disposition"] == "attachment; filename=trees.csv.zip"
    assert city.post(f"{LIST}.csv.zip").headers["Content-Disposition"].endswith("trees.zip")


def test_a_row_is_as_central_writes_it(city: Program) -> None:
    city.door.post(
        instance(A, "=1+1, “sồi”", photo="p.bin"),
        {"p.bin": b"x"},
        path="/submission?deviceID=collect%3Aa",
    )
    work(city.door)
    answer = city.get(f"{LIST}.csv")
    assert answer.mimetype == "text/csv"
    assert answer.text.splitlines()[1] == (
        f'2026-01-20T03:00:00.000Z,"=1+1, “sồi”",p.bin,{A},{A},1,Lan,1,1,,,collect:a,0,1'
    )


def test_c136_a_repeat_nobody_filled_in_is_a_file_with_a_header(families: Program) -> None:
    found = unzipped(families, "/projects/1/forms/nested/submissions.csv.zip")
    assert list(found) == ["nested.csv", "nested-child.csv", "nested-toy.csv"]
    assert found["nested-child.csv"].decode().splitlines() == [
        "name,PARENT_KEY,KEY",
        f"An,{B},{B}/children/child[1]",
        f"Bình,{B},{B}/children/child[2]",
        f"An,{A},{A}/children/child[1]",
        f"Bình,{A},{A}/children/child[2]",
    ]
    path = "/projects/1/forms/nested/submissions.csv.zip?$filter=__id eq 'nobody'"
    assert unzipped(families, path)["nested-toy.csv"] == b"what,PARENT_KEY,KEY\n"


def test_b97_options_are_booleans_of_any_case(door: Door) -> None:
    city = signed_in(door, "city")
    door.add_form("visit")
    with door.database.write() as db:
        v = tables.form_versions
        found = xform(EVERY_KIND)
        db.execute(v.update().where(v.c.id == 2).values(xform=found, md5="visit-of-csv-tests"))
    path = "/projects/1/forms/visit/submissions.csv"
    plain = city.get(path).text
    assert "tasks," in plain
    assert "tasks/" not in plain
    for word in ("True", "true", "TRUE"):
        assert "tasks/" in city.get(f"{path}?splitSelectMultiples={word}").text
    assert "who-club" in plain
    assert "who-club" not in city.get(f"{path}?groupPaths=False").text
    city.refused(city.get(f"{path}?groupPaths=maybe"), 400.8)


def test_c12_two_exports_have_one_header_whatever_was_sent_between(city: Program) -> None:
    options = "?splitSelectMultiples=true&deletedFields=true"
    before = city.get(f"{LIST}.csv{options}").text.splitlines()[0]
    city.door.post(instance(A).replace(b"<sp>", b"<stranger>1</stranger><sp>"))
    assert city.get(f"{LIST}.csv{options}").text.splitlines()[0] == before


def test_files_go_out_without_places_and_what_cannot_is_told(city: Program) -> None:
    picture = jpeg()
    assert PLACE in picture
    city.door.post(instance(A, photo="p.jpg"), {"p.jpg": picture})
    city.door.post(instance(B, photo="q.heic"), {"q.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"})
    work(city.door)
    found = unzipped(city, f"{LIST}.csv.zip")
    assert set(found) == {"trees.csv", "media/p.jpg", "not included.txt"}
    assert PLACE not in found["media/p.jpg"]
    assert found["not included.txt"].decode().startswith(f"{B}\tq.heic\t")
    assert "media/p.jpg" not in unzipped(city, f"{LIST}.csv.zip?attachments=False")


def test_two_files_of_one_name_are_both_there(city: Program) -> None:
    for name, content in ((A, b"1"), (B, b"2")):
        city.door.post(instance(name, photo="p.bin"), {"p.bin": content})
    work(city.door)
    found = unzipped(city, f"{LIST}.csv.zip")
    assert found["media/p.bin"] == b"2"
    assert found[f"media/{A.replace(':', '_')}/p.bin"] == b"1"


def test_no_name_that_a_phone_sends_leads_out_of_the_archive_or_into_a_header(
    city: Program,
) -> None:
    for id_ in ("..", "..\\..", "uuid:ở đây", "C:/x"):
        xml = instance(id_, photo="../../ảnh&#10;X-Evil: 1.bin")
        city.door.post(xml, {"ảnhX-Evil: 1.bin": id_.encode()})
    work(city.door)
    found = unzipped(city, f"{LIST}.csv.zip")
    for name in found:
        parts = name.split("/")
        assert ".." not in parts, name
        assert not set(name) & set('\\:"'), name
    assert len(found) == 5
    here = f"{LIST}/uuid:ở đây/attachments"
    (only,) = city.json(here)
    got = city.get(f"{here}/{only['name']}")
    assert (got.status_code, got.data) == (200, "uuid:ở đây".encode())
    assert "X-Evil" not in got.headers
    assert "/" not in got.headers["Content-Disposition"]


def test_the_audits_of_all_phones_are_one_table(visits: Door) -> None:
    audit = b"event,node,start,end\nform start,,1,\nquestion,/data/sys,2,3\n"
    sent = CHECK.format(club=CLUB, name=C).replace("<instanceName>", "<audit>audit.csv</audit><x>")
    sent = sent.replace("</instanceName>", "</x>")
    assert visits.post(sent.encode(), {"audit.csv": audit}).status_code == 201
    work(visits)
    path = "/projects/1/forms/care_visit/submissions.csv.zip"
    found = unzipped(of_club(visits, "health"), path)
    assert found["care_visit - audit.csv"].decode().splitlines() == [
        "instance ID,event,node,start,end,latitude,longitude,accuracy,old-value,new-value,user,"
        "change-reason",
        f"{C},form start,,1,,,,,,,,",
        f"{C},question,/data/sys,2,3,,,,,,,",
    ]
    hidden = unzipped(of_club(visits, "chair"), path)
    assert len(hidden["care_visit - audit.csv"].splitlines()) == 1
    assert "media/audit.csv" not in hidden
    assert "media/p.bin" in hidden


def test_a_chair_exports_her_club_without_what_is_withheld(visits: Door) -> None:
    header, row = (
        of_club(visits, "chair")
        .get("/projects/1/forms/care_visit/submissions.csv")
        .text.splitlines()
    )
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert (found["KEY"], found["club"]) == (A, CLUB)
    assert (found["sys"], found["red"], found["meta-instanceName"]) == ("", "", "")
    assert "abuse" not in row


def test_who_took_everything_is_kept(city: Program) -> None:
    city.get(f"{LIST}.csv")
    events = city.door.rows(tables.audit_events.c.action, tables.audit_events.c.actor)
    assert ("submission.export", "user:1") in [tuple(row) for row in events]


@pytest.mark.parametrize("role", ["volunteer", "admin", "chair"])
def test_b112_who_is_not_named_exports_nothing(door: Door, role: str) -> None:
    program = signed_in(door, role)
    for path in (f"{LIST}.csv", f"{LIST}.csv.zip"):
        program.refused(program.post(path), 403.1)


def test_c18_an_export_needs_the_same_memory_for_ten_times_as_much(city: Program) -> None:
    city.door.post(instance(A, "x" * 100))

    def double(times: int) -> None:
        with city.door.database.write() as db:
            for _ in range(times):
                _double(db)

    def peak() -> int:
        tracemalloc.start()
        answer = city.door.client.get(f"/v1{LIST}.csv.zip", headers=city.headers)
        for _ in answer.iter_encoded():
            pass
        answer.close()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    double(8)
    peak()
    few = peak()
    double(3)
    assert city.door.count(tables.submissions) == 2_048
    assert peak() < few + 1_500_000


def _double(db: Connection) -> None:
    """As many submissions again, each with its version."""
    s, v = tables.submissions, tables.submission_versions
    last = db.execute(sa.select(sa.func.max(s.c.id))).scalar_one()
    s_rest = [c for c in s.c if c.name not in ("id", "instance_id", "current_version_id")]
    ids = (s.c.id + last, _new_id(s, last), s.c.id + last)
    copy = sa.select(*ids, *s_rest)
    names = ["id", "instance_id", "current_version_id", *(c.name for c in s_rest)]
    db.execute(s.insert().from_select(names, copy))
    v_rest = [c for c in v.c if c.name not in ("id", "submission_id", "instance_id")]
    ids = (v.c.id + last, v.c.submission_id + last, _new_id(v, last))
    copy = sa.select(*ids, *v_rest)
    names = ["id", "submission_id", "instance_id", *(c.name for c in v_rest)]
    db.execute(v.insert().from_select(names, copy))


def _new_id(table: sa.Table, last: int) -> sa.ColumnElement[str]:
    return sa.literal("copy-") + sa.cast(table.c.id + last, sa.Text)
