"""An erased person is nowhere and does not come back; what only counts stays as it was."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.instance import read_instance
from forms.privacy import Privacy
from forms.problems import Refused
from sync import accounts, audit, comments, decisions, links, made_files, process, receive, verify
from sync.access import OPERATOR
from sync.blobs import Folder
from sync.database import Database
from sync.privacy import erase, ledger, requests, traces
from sync.receive import Outcome, ReceivedFile
from sync.reports.late import late
from sync.tables import (
    app_users,
    attachments,
    entities,
    expected_attachments,
    made_file_pieces,
    metadata,
    privacy_requests,
    records,
    report_steps,
    reports,
    submission_versions,
)
from tests.sync import sending
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id
from tests.sync.test_member_forms import HOA, JOINED
from tests.sync.village import Village

BA, TWIN, LAN, LOAN = an_id("ba"), an_id("twin"), an_id("lan"), an_id("loan of ba")
NAME, OLD_NAME = "Ngô Thị Quỳnh Như", "Ngô Thị Quỳnh Nhu"
LABEL = f"{NAME} · 1949 · tổ 17"
PHOTO = b"\xff\xd8 a picture of the visit"
# What must be found nowhere afterwards.
PERSONAL = (
    NAME, NAME.upper(), OLD_NAME, "0905123456", "048149001234", "tổ 17", "cổng xanh", "1949-08-31",
    "đau khớp gối", "57.31", "đi lại chậm", "con gái ở xa",
)  # fmt: skip


@pytest.fixture
def world(database: Database, tmp_path: Path) -> LibraryWorld:
    """Ba, registered twice; visited, checked, in debt; a volunteer herself, and named in texts."""
    world = LibraryWorld(database, tmp_path)
    more = {
        "full_name": NAME, "phone": "0905123456", "id_number": "048149001234", "hamlet": "tổ 17",
        "address_note": "cổng xanh", "birth_date": "1949-08-31", "is_volunteer": "yes",
    }  # fmt: skip
    for who, uuid, name in (("ba", BA, NAME), ("twin", TWIN, OLD_NAME)):
        answers = JOINED | more | {"full_name": name, "join_date": "2019-05-01"}
        world.send("membership", answers, f"join {who}", create=uuid, label=LABEL)
    other = JOINED | {"full_name": "Lê Văn Lan", "join_date": "2019-06-01"}
    world.send("membership", other, "join lan", create=LAN, label="Lê Văn Lan · 1950 · tổ 2")
    visit = {"club": HOA, "client": BA, "visit_date": "2025-03-02", "outcome": "met"}
    visit |= {"minutes": "60", "tasks": "talk cook", "note": "đau khớp gối", "photo": "ba.jpg"}
    world.send("care_visit", visit, "visit")
    world.send("care_visit", visit | {"note": "con gái ở xa"}, "visit again", replaces="visit")
    helped = {"club": HOA, "client": LAN, "visit_date": "2025-03-09", "outcome": "met"}
    helped |= {"volunteers": BA, "minutes": "30", "note": f"Cô {NAME.upper()} nấu cháo"}
    world.send("care_visit", helped, "helps")
    check = {"club": HOA, "member": BA, "check_date": "2025-04-01", "check_kind": "full"}
    world.send(
        "health_check", check | {"weight": "57.31", "note": "đi lại chậm"}, "check", update=BA
    )
    lent = {
        "club": HOA, "member": BA, "member_label": LABEL, "fund_source": "club_fund",
        "principal": "5000000", "disbursed_on": "2025-01-15", "term_months": "12",
        "rate_pct_month": "0.5", "repay_kind": "at_end", "purpose": "livestock",
        "first_status": "running", "note": "con gái ở xa",
    }  # fmt: skip
    world.send("loan", lent, "loan", create=LOAN, label=f"{LABEL} · 5 triệu · 15/01/2025")
    paid = {"club": HOA, "loan": LOAN, "action": "pay", "pay_date": "2025-06-01"}
    world.send("repayment", paid | {"principal_paid": "1000000"}, "pays", update=LOAN)
    world.work()
    _bring(world, "visit", "ba.jpg")
    with database.write() as db:
        user = accounts.add_user(
            db, "city", "city", None, None, accounts.SealedPassword("-", b""), world.now
        )
        file = made_files.order(db, user, "roll", {}, world.now)
        made_files.put(db, file, 0, LABEL.encode())
        made_files.name_people(db, file, [("members", TWIN)])
        comments.add(db, 4, comments.COMMENT, "Bác đau khớp gối", "user:1", world.now)
        _name_her_beside_forms(db, world)
        links.link(
            db, world.library, "members", [BA, TWIN],
            canonical_id=BA, take={}, actor="user:1", now=world.now,
        )  # fmt: skip
    return world


def _name_her_beside_forms(db: Connection, world: LibraryWorld) -> None:
    now = world.now
    comments.add(db, 6, comments.COMMENT, f"Hỏi {NAME.upper()}", "user:1", now)
    for number, owner in enumerate((BA, None)):
        accounts.add_app_user(
            *(db, f"Máy {NAME}", "volunteer", None, HOA, f"{number}" * 64, now), person_id=owner
        )
    requests.ask(db, world.library, "erase", TWIN, now.date(), f"Đơn {OLD_NAME}", "operator", now)
    audit.saw(db, "operator", "person.export", [("members", BA)], now, why=f"Theo {NAME}", n=1)
    report = {"id": 1, "period": "2025H2", "calendar": "calendar", "created_at": now}
    days = {"first_on": date(2025, 7, 1), "last_on": date(2025, 12, 31)}
    db.execute(reports.insert(), report | days)
    step = {"report_id": 1, "number": 1, "level": "club", "place": HOA, "act": "send_back"}
    said = {"at": now, "actor": "user:1", "sha256": "", "comment": f"Thiếu phiếu bà {NAME}"}
    db.execute(report_steps.insert(), step | said)


def _bring(world: LibraryWorld, key: str, name: str) -> receive.Received:
    """The phone sends the same form once more, with its photo."""
    with world.database.read() as db:
        v = submission_versions.c
        query = sa.select(v.xml).where(v.instance_id == f"uuid:{an_id(key)}")
        xml = SENT.setdefault(key, bytes(db.execute(query).scalar_one()))
    blob = Folder(world.folder / "blobs").put(PHOTO)
    with world.database.write() as db:
        arrival = receive.Arrival(1, read_instance(xml), xml, (ReceivedFile(name, blob),))
        return receive.receive(db, arrival, world.now)


SENT: dict[str, bytes] = {}


def erase_ba(world: LibraryWorld) -> erase.Proof:
    with world.database.read() as db:
        looked = traces.look_everywhere(db, traces.find(db, world.library, TWIN))
    with world.database.write() as db:
        found = erase.erase(
            *(db, world.library, TWIN),
            caller=OPERATOR,
            why=f"đơn {NAME}",
            now=world.now,
            looked=looked,
        )
    with world.database.write() as db:
        ledger.after_erasing(db, Folder(world.folder / "blobs"))
    return found[1]


def everything(database: Database) -> Iterator[tuple[str, str]]:
    """Every value of every table as text, with the table's name."""
    with database.read() as db:
        for table in metadata.sorted_tables:
            for row in db.execute(sa.select(table)):
                for column, value in row._mapping.items():
                    text = bytes(value).decode(errors="replace") if _is_bytes(value) else str(value)
                    yield f"{table.name}.{column}", text


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes | memoryview)


def found(world: LibraryWorld) -> list[tuple[str, str]]:
    return [
        (where, word)
        for where, text in everything(world.database)
        if not where.startswith("form_versions.")
        for word in PERSONAL
        if word.lower() in text.lower()
    ]


def counts(world: LibraryWorld) -> dict[str, int]:
    """Records that count, by form."""
    with world.database.read() as db:
        c = records.c
        query = sa.select(c.form).where(c.table_path == "", c.held_back.is_(False))
        return dict(Counter(db.scalars(query)))


def test_an_erased_person_is_nowhere_and_what_only_counts_stays(world: LibraryWorld) -> None:
    assert found(world)
    before = counts(world)
    owed = world.told(LOAN, "balance")
    proof = erase_ba(world)
    assert found(world) == []
    assert not any(word in str(proof) for word in PERSONAL)
    assert PHOTO not in _blobs(world)
    gone = "(đã xóa · erased)"
    assert proof["why"] == f"đơn {gone}"
    with world.database.read() as db:
        assert list(db.scalars(sa.select(app_users.c.name))) == [gone, f"Máy {gone}"]
        assert list(db.scalars(sa.select(report_steps.c.comment))) == [f"Thiếu phiếu bà {gone}"]
        assert list(db.scalars(sa.select(privacy_requests.c.paper))) == [f"Đơn {gone}"]
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), world.database.write() as db:
        db.execute(report_steps.update().values(actor="user:2"))
    before.pop("health_check")  # and consent was taken back with the rest
    assert counts(world) == before | {"member_update": 1}
    with world.database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(attachments)) == 0
        assert db.scalar(sa.select(sa.func.count()).select_from(expected_attachments)) == 0
        assert db.scalar(sa.select(sa.func.count()).select_from(made_file_pieces)) == 0
        gone = sa.select(entities.c.uuid).where(entities.c.deleted_at.is_not(None))
        assert set(db.scalars(gone)) == {BA, TWIN}
        (loan,) = db.execute(sa.select(entities).where(entities.c.uuid == LOAN)).all()
    assert world.told(LOAN, "balance") == owed
    assert (loan.deleted_at, loan.label) == (None, "(đã xóa · erased)")
    assert {"member_label", "principal", "member_id"} & loan.data.keys() == {
        "principal",
        "member_id",
    }
    assert world.told(BA, "sex") == [("female", "2019-05-01", None)]
    assert world.told(BA, "full_name") == []
    assert world.told(BA, "status")[-1][:2] == ("withdrawn", str(world.now.date()))
    assert world.differences() == []
    assert NAME.encode() not in _on_disk(world.database)
    # Of whom she helped only her name is gone; of her own visit all that nothing counts.
    (helped,) = (one for one in world.records("care_visit") if one.subject_id == LAN)
    assert helped.answers["note"] == "Cô (đã xóa · erased) nấu cháo"
    assert helped.answers["volunteers"] == BA
    (about,) = (one for one in world.records("care_visit") if one.subject_id == BA)
    counted = {"club", "client", "visit_date", "outcome", "minutes", "tasks"}
    assert about.answers.keys() == counted


def _on_disk(database: Database) -> bytes:
    """SQLite's file itself, free pages and all; of PostgreSQL nothing that a test may read."""
    if database.url.get_backend_name() != "sqlite":
        return b""
    assert database.url.database is not None
    file = sqlite3.connect(database.url.database)
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    return Path(database.url.database).read_bytes()


def _blobs(world: LibraryWorld) -> list[bytes]:
    return [path.read_bytes() for path in (world.folder / "blobs").rglob("*") if path.is_file()]


def test_she_does_not_come_back_by_reprocessing_a_resend_or_what_a_phone_still_held(
    world: LibraryWorld,
) -> None:
    erase_ba(world)
    before = counts(world)
    with world.database.write() as db:
        verify.reprocess(db, world.library, None, world.now)
        ids = list(db.scalars(sa.select(submission_versions.c.id)))
    world.work(*ids)
    again = _bring(world, "visit", "ba.jpg")
    assert again.outcome is Outcome.RESENT
    late = {"club": HOA, "client": BA, "visit_date": "2025-05-05", "outcome": "met"}
    world.send("care_visit", late | {"note": "đau khớp gối", "photo": "x.jpg"}, "late visit")
    world.send(
        "health_check", {"member": BA, "weight": "57.31", "check_date": "2025-05-06"}, "late"
    )
    edited = {"club": HOA, "member": BA, "effective_date": "2025-05-07", "full_name": NAME}
    world.send("member_update", edited, "late update", update=BA, label=LABEL)
    world.work()
    with world.database.write() as db:
        ledger.after_erasing(db, Folder(world.folder / "blobs"))
    assert found(world) == []
    assert PHOTO not in _blobs(world)
    assert counts(world) == before | {"care_visit": before["care_visit"] + 1, "member_update": 2}
    assert world.differences() == []
    with pytest.raises(Refused) as refused:
        erase_ba(world)
    assert refused.value.problem.code == "already_erased"
    with world.database.read() as db, pytest.raises(Refused):
        traces.find(db, world.library, an_id("nobody"))


def test_she_does_not_come_back_with_what_a_worker_had_read_before(world: LibraryWorld) -> None:
    with world.database.read() as db:
        ids = list(db.scalars(sa.select(submission_versions.c.id)))
        read_before = process.prepare(db, world.library, ids, world.now)
    erase_ba(world)
    with world.database.write() as db:
        process.store(db, world.library, read_before, world.now)
    assert found(world) == []
    assert world.differences() == []


def test_nobody_brings_her_empty_entry_back_on_a_list(world: LibraryWorld) -> None:
    erase_ba(world)
    with world.database.write() as db, pytest.raises(Refused) as refused:
        decisions.restore(db, world.library, "members", BA, actor="user:1", now=world.now)
    assert refused.value.problem.code == "already_erased"


def test_a_sent_report_stays_and_its_counts_can_still_be_counted(village: Village) -> None:
    keep = {"join": {"club", "joined", "born", "klass"}, "visit": {"who", "day", "outcome"}}
    stays = {form: frozenset(columns) for form, columns in keep.items()}
    privacy = Privacy(person="people", keep=stays)
    village.library = replace(village.library, privacy=privacy)
    for who, klass in (("ba", "poor"), ("tư", "near")):
        village.sends(sending.join(who, klass=klass, on="2025-03-01"))
    village.sends(sending.visit("ba", on="2025-06-01"))
    village.says("hoa", results="Tốt")
    village.now += timedelta(hours=1)
    village.sends_off()
    report = village.report()
    with village.database.write() as db:
        _, proof = erase.erase(
            db, village.library, an_id("ba"), caller=OPERATOR, why="x", now=village.now
        )
    assert proof["frozen_reports"] == [report.sha256]
    assert village.report() == report
    with village.database.read() as db:
        assert not late(db, village.library, report).differences
