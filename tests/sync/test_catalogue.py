"""A phone gets its own forms and its own rows, whole or not at all, and a mark of change."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from forms.library import Library, load_library
from forms.problems import Refused
from forms.xlsform import compile_form
from sync import access, catalogue, entities, publish, slices
from sync.access import Caller
from sync.blobs import Folder
from sync.database import Database
from sync.entities import Kept
from sync.tables import entities as rows
from sync.tables import entity_lists, form_attachments, forms
from tests.conftest import NOW

OUR_CLUB, OTHER_CLUB = (
    "11111111-1111-4111-8111-111111111111",
    "22222222-2222-4222-8222-222222222222",
)
LAN = Caller("app_user", 1, "Lan", "chair", club_id=OUR_CLUB)
MINH = Caller("app_user", 2, "Minh", "volunteer", club_id=OUR_CLUB)
HOA = Caller("app_user", 3, "Hoa", "volunteer", club_id=OTHER_CLUB)
CITY = Caller("app_user", 4, "TP", "city")
BA, TU, SAU = (f"{n}0000000-0000-4000-8000-000000000000" for n in "abc")
THIN = {"status": "active", "c_care": "yes", "birth_year": "1948", "board_role": "none"}


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture
def published(database: Database, library: Library, tmp_path: Path) -> Database:
    """The library's forms, and two members of our club and one of another."""
    with database.write() as db:
        publish.publish_library(db, Folder(tmp_path), library, NOW)
    keep(database, BA, "Trần Thị Ba", OUR_CLUB)
    keep(database, TU, "Lê Văn An", OUR_CLUB)
    keep(database, SAU, "Nguyễn Thị Sáu", OTHER_CLUB)
    return database


def keep(database: Database, uuid: str, label: str, club: str, **data: str) -> None:
    """A person's file says this of a member."""
    kept = Kept(uuid, label, {**THIN, "club_id": club, **data})
    with database.write() as db:
        entities.keep(db, load_library(), "members", [kept], NOW)


def delete(database: Database, uuid: str) -> None:
    """Take a member off every list, as a person does."""
    with database.write() as db:
        c = rows.c
        row = db.execute(sa.select(rows).where(c.uuid == uuid)).one()
        before = slices.shown(dict(row._mapping))
        db.execute(rows.update().where(c.uuid == uuid).values(deleted_at=NOW))
        lists = {"members": row.list_id}
        slices.follow(db, load_library(), lists, [("members", before, None)])


def text(database: Database, library: Library, caller: Caller, name: str = "members") -> str:
    with database.read() as db:
        return b"".join(catalogue.entity_csv(db, library, caller, name, NOW)).decode()


def people(database: Database, library: Library, caller: Caller) -> list[str]:
    return [row["label"] for row in csv.DictReader(text(database, library, caller).splitlines())]


def mark(database: Database, library: Library, caller: Caller) -> str:
    with database.read() as db:
        return catalogue.mark_of(db, catalogue.slice_of(db, library, caller, "members", NOW))


def listed(database: Database, library: Library, caller: Caller) -> list[str]:
    with database.read() as db:
        return [form.xml_form_id for form in catalogue.list_forms(db, library, caller)]


# ------------------------------------------------------------------ forms


def test_a_phone_lists_the_forms_its_role_fills_in(published: Database, library: Library) -> None:
    assert listed(published, library, MINH) == ["care_visit"]
    hers = set(listed(published, library, LAN))
    forms_of_hers = {"membership", "health_check", "care_visit", "activity", "member_exit"}
    assert forms_of_hers <= hers
    assert not {"ledger", "loan", "repayment", "club_registration", "supervision"} & hers
    assert set(listed(published, library, access.OPERATOR)) == library.forms.keys()


def test_a_form_from_elsewhere_is_for_every_phone(published: Database, library: Library) -> None:
    source = b"| survey |\n| | type | name | label |\n| | text | a | A |\n"
    with published.write() as db:
        publish.publish_form(db, library, compile_form(source, "md", "trial"), {}, NOW, "user:1")
    assert "trial" in listed(published, library, MINH)
    with published.read() as db:
        trial = next(f for f in catalogue.list_forms(db, library, MINH) if f.xml_form_id == "trial")
    assert not trial.has_manifest


@pytest.mark.parametrize("state", ["closing", "closed"])
def test_a_form_that_is_closing_is_listed_no_more(
    published: Database, library: Library, state: str
) -> None:
    with published.write() as db:
        db.execute(forms.update().values(state=state))
    assert listed(published, library, LAN) == []


def test_the_listed_md5_is_of_the_very_bytes(published: Database, library: Library) -> None:
    with published.read() as db:
        for form in catalogue.list_forms(db, library, LAN):
            got = catalogue.get_xform(db, library, LAN, form.xml_form_id)
            assert hashlib.md5(got.xform).hexdigest() == got.md5 == form.md5
            assert form.has_manifest


def test_a_form_of_another_role_is_as_unknown_as_one_that_never_was(
    published: Database, library: Library
) -> None:
    with published.read() as db:
        for form_id in ("membership", "no_such_form"):
            for ask in (catalogue.get_xform, lambda *a: catalogue.manifest(*a, NOW)):
                with pytest.raises(Refused) as refused:
                    ask(db, library, MINH, form_id)
                assert refused.value.problem.status == 404


# ------------------------------------------------------------------ files


def test_the_manifest_names_files_and_lists_with_their_marks(
    published: Database, library: Library
) -> None:
    with published.read() as db:
        entries = catalogue.manifest(db, library, MINH, "care_visit", NOW)
        assert [(e.filename, e.list_name) for e in entries] == [
            ("care_clients.csv", "care_clients"),
            ("clubs.csv", "clubs"),
            ("members.csv", "members"),
        ]
        one = catalogue.get_attachment(db, library, MINH, "care_visit", "members.csv", NOW)
    assert one == entries[2]
    assert one.hash == mark(published, library, MINH)


def test_a_file_that_was_never_uploaded_is_not_in_the_manifest(
    published: Database, library: Library
) -> None:
    with published.write() as db:
        version = db.execute(
            sa.select(forms.c.current_version_id).where(forms.c.xml_form_id == "care_visit")
        ).scalar_one()
        db.execute(form_attachments.insert().values(form_version_id=version, filename="x.png"))
    with published.read() as db:
        entries = catalogue.manifest(db, library, MINH, "care_visit", NOW)
        assert "x.png" not in [e.filename for e in entries]
        with pytest.raises(Refused):
            catalogue.get_attachment(db, library, MINH, "care_visit", "x.png", NOW)


# ------------------------------------------------------------------ entity lists


def test_a_phone_gets_its_own_clubs_rows_by_given_name(
    published: Database, library: Library
) -> None:
    assert people(published, library, MINH) == ["Lê Văn An", "Trần Thị Ba"]
    assert people(published, library, HOA) == ["Nguyễn Thị Sáu"]
    assert len(people(published, library, access.OPERATOR)) == 3


def test_a_phone_without_a_place_gets_no_row(published: Database, library: Library) -> None:
    assert people(published, library, Caller("app_user", 9, "x", "volunteer")) == []


def test_columns_are_those_of_the_role_and_no_more(published: Database, library: Library) -> None:
    lines = text(published, library, MINH).split("\n")
    head = lines[0].split(",")
    assert head[:3] == ["name", "label", "__version"]
    assert head[3:] == list(library.lists["members"].downloads["volunteer"].properties)
    assert "board_role" not in head
    assert "152" not in "".join(lines)
    assert lines[1].startswith(f"{TU},Lê Văn An,1,{OUR_CLUB},1948,")


def test_who_gave_no_consent_to_care_is_not_on_a_volunteers_phone(
    published: Database, library: Library
) -> None:
    keep(published, BA, "Trần Thị Ba", OUR_CLUB, c_care="no")
    keep(published, TU, "Lê Văn An", OUR_CLUB, c_care="", is_volunteer="yes")
    assert people(published, library, MINH) == ["Lê Văn An"]
    assert len(people(published, library, LAN)) == 2


def test_sql_and_the_library_agree_on_who_is_sent(published: Database, library: Library) -> None:
    """Download.takes is the rule in words, Slice.condition the same in SQL."""
    download = library.lists["members"].downloads["volunteer"]
    for n, (care, helper, status) in enumerate(
        (c, h, s)
        for c in ("yes", "no", "")
        for h in ("yes", "no", "")
        for s in ("active", "left", "")
    ):
        data = {"c_care": care, "is_volunteer": helper, "status": status}
        keep(published, BA, f"n{n}", OUR_CLUB, **data)
        sent = f"n{n}" in people(published, library, MINH)
        assert sent == download.takes(data)


def test_signs_in_a_label_stay_one_cell(published: Database, library: Library) -> None:
    keep(published, BA, 'Bà "Ba", thôn 1\nđầu ngõ', OUR_CLUB)
    rows = list(csv.DictReader(text(published, library, MINH).splitlines(keepends=True)))
    assert 'Bà "Ba", thôn 1\nđầu ngõ' in [row["label"] for row in rows]
    assert "\r" not in text(published, library, MINH)


def test_a_long_list_comes_in_pieces_and_whole(published: Database, library: Library) -> None:
    with published.write() as db:
        list_id = db.execute(
            sa.select(entity_lists.c.id).where(entity_lists.c.name == "members")
        ).scalar_one()
        row = {"list_id": list_id, "version": 1, "club_id": OUR_CLUB, "data": THIN, "change_seq": 9}
        row |= {"imported": False, "created_at": NOW, "updated_at": NOW}
        many = [{**row, "uuid": f"u{n}", "label": f"Người {n}"} for n in range(1200)]
        db.execute(rows.insert(), many)
    with published.read() as db:
        pieces = list(catalogue.entity_csv(db, library, MINH, "members", NOW))
    assert len(pieces) > 2
    assert len(people(published, library, MINH)) == 1202


def test_a_role_that_may_not_have_a_list_is_refused_not_given_an_empty_one(
    published: Database, library: Library
) -> None:
    nobody = Caller("app_user", 9, "x", "district", club_id=OUR_CLUB)
    for name, status in (("members", 403), ("no_such_list", 404)):
        with published.read() as db, pytest.raises(Refused) as refused:
            catalogue.entity_csv(db, library, nobody, name, NOW)
        assert refused.value.problem.status == status


# ------------------------------------------------------------------ the mark


def changes(published: Database) -> Iterator[tuple[str, bool]]:
    """One change after another, and whether Minh's slice differs by it."""
    keep(published, BA, "Trần Thị Ba", OUR_CLUB, hamlet="Thôn 2")
    yield "an update", True
    keep(published, SAU, "Nguyễn Thị Sáu", OTHER_CLUB, hamlet="Thôn 3")
    yield "an update in another club", False
    keep(published, SAU, "Nguyễn Thị Sáu", OUR_CLUB)
    yield "one comes into the club", True
    keep(published, SAU, "Nguyễn Thị Sáu", OTHER_CLUB)
    yield "she goes back", True
    keep(published, TU, "Lê Văn An", OUR_CLUB, status="left")
    yield "one leaves", True
    keep(published, TU, "Lê Văn An", OUR_CLUB, status="left", hamlet="Thôn 9")
    yield "an update of one who left", False
    delete(published, BA)
    yield "a deletion", True
    yield "nothing", False


def test_the_mark_changes_when_the_slice_does_and_only_then(
    published: Database, library: Library
) -> None:
    before = mark(published, library, MINH)
    for what, differs in changes(published):
        after = mark(published, library, MINH)
        assert (after != before) == differs, what
        before = after


# ------------------------------------------------------------------ integrity


def integrity(
    database: Database, library: Library, caller: Caller, *ids: str
) -> list[tuple[str, bool]]:
    with database.read() as db:
        return catalogue.integrity(db, library, caller, "members", ids, NOW)


def test_only_what_this_server_knows_is_answered(published: Database, library: Library) -> None:
    never_seen = "d0000000-0000-4000-8000-000000000000"
    assert integrity(published, library, MINH, BA, never_seen) == [(BA, False)]


def test_deleted_and_others_peoples_entities_are_gone_for_a_phone(
    published: Database, library: Library
) -> None:
    delete(published, BA)
    assert integrity(published, library, MINH, BA, TU, SAU) == [
        (BA, True),
        (TU, False),
        (SAU, True),
    ]


def test_an_id_is_answered_as_the_phone_wrote_it(published: Database, library: Library) -> None:
    written = f"uuid:{BA.upper()}"
    assert integrity(published, library, MINH, written) == [(written, False)]


def test_without_ids_the_whole_slice_is_answered(published: Database, library: Library) -> None:
    assert integrity(published, library, MINH) == [(BA, False), (TU, False)]
