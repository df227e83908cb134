"""Files that are ordered: made in the background, taken by who may, gone with whom they name."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import sqlalchemy as sa
from flask.testing import FlaskClient

from server import tasks
from sync import made_files
from sync import tables as t
from sync.access import OPERATOR
from sync.privacy.consent import withdraw
from sync.privacy.erase import erase
from tests.conftest import NOW
from tests.server.pages.town import Town, post
from tests.sync.sending import an_id

VISITS = {"kind": "records", "form": "care_visit", "format": "csv"}


def orders(client: FlaskClient, **fields: str) -> int:
    return post(client, "/files", "/files", **fields).status_code


def ready(client: FlaskClient) -> list[str]:
    """The addresses of the files that can be taken."""
    return re.findall(r'href="(/files/\d+)"', client.get("/files").text)


def files_in(town: Town) -> int:
    with town.database.read() as db:
        return int(db.scalar(sa.select(sa.func.count(t.made_files.c.id))) or 0)


def test_a_file_is_ordered_made_and_taken_and_each_of_that_is_written_down(town: Town) -> None:
    chair = town.browser("chair")
    assert orders(chair, **VISITS) == 303
    assert orders(chair, **VISITS) == 303  # a second click makes no second file
    page = chair.get("/files").text
    assert "chờ đến lượt" in page
    assert 'data-poll="3"' in page
    assert ready(chair) == []
    town.works()
    assert "data-poll" not in chair.get("/files").text
    (address,) = ready(chair)
    taken = chair.get(address)
    assert taken.data.startswith(b"PK")
    assert int(taken.headers["Content-Length"]) == len(taken.data)
    assert "filename=care_visit.zip" in taken.headers["Content-Disposition"]
    with town.database.read() as db:
        e = t.audit_events.c
        actions = set(db.scalars(sa.select(e.action).where(e.actor == town.users["chair"].actor)))
        seen = set(db.scalars(sa.select(t.seen_people.c.uuid)))
        raw = db.exec_driver_sql("SELECT content FROM made_file_pieces").scalar()
    assert {"file.make", "file.take", "file.people"} <= actions
    assert an_id("ba") in seen
    assert an_id("hoa") not in seen  # of another club
    assert not bytes(raw).startswith(b"PK")  # sealed
    assert post(chair, f"{address}/delete", "/files").status_code == 303
    assert files_in(town) == 0


def test_lists_of_people_and_whom_to_see_to_are_ordered_too_by_whose_they_are(town: Town) -> None:
    commune, health = town.browser("commune"), town.browser("health")
    assert orders(commune, kind="roll", list="members", format="xlsx") == 303
    assert orders(health, kind="follow_up", list="flagged_pressure", format="xlsx") == 303
    town.works()
    for client, there, elsewhere in (
        (commune, ("Lê Văn Năm", "Nguyễn Thị Thủy", "commune tải lúc"), "Huỳnh Thị Hòa"),
        (health, ("Trần Thị Ba", "health tải lúc"), "Huỳnh Thị Hòa"),
    ):
        (address,) = ready(client)
        with ZipFile(BytesIO(client.get(address).data)) as book:
            text = "".join(book.read(name).decode() for name in book.namelist())
        assert all(words in text for words in there)
        assert elsewhere not in text
        post(client, f"{address}/delete", "/files")
    for other in ("health", "admin", "district"):  # not on paper for them, nor that list
        assert orders(town.browser(other), kind="roll", list="members", format="xlsx") == 403
    follow = {"kind": "follow_up", "list": "flagged_pressure", "format": "xlsx"}
    assert orders(town.browser("chair"), **follow) == 403
    assert orders(commune, kind="roll", list="nowhere", format="xlsx") == 404
    with town.database.read() as db:
        asked = sa.select(t.seen_people.c.uuid, t.audit_events.c.action)
        seen = set(map(tuple, db.execute(asked.join(t.audit_events))))
    assert (an_id("nam"), "file.people") in seen


def test_nobody_takes_what_another_ordered_or_orders_what_is_not_theirs(town: Town) -> None:
    chair, other = town.browser("chair"), town.browser("chair_b1")
    assert orders(chair, kind="report", code="2025H2", format="xlsx") == 303
    town.works()
    (address,) = ready(chair)
    assert chair.get(address).data.startswith(b"PK")
    for role in ("chair_b1", "chair_a2", "city", "admin"):
        assert town.browser(role).get(address).status_code == 404
    assert post(other, f"{address}/delete", "/files").status_code == 404
    assert orders(other, kind="records", form="health_check", format="csv") == 403
    assert orders(town.browser("admin"), kind="report", code="2025H2", format="pdf") == 404
    assert orders(chair, kind="records", form="no_such_form", format="csv") in (403, 404)
    assert orders(chair, kind="secrets", form="care_visit", format="csv") == 400
    assert orders(chair, kind="report", code="2025H7", format="pdf") == 400
    post(chair, f"{address}/delete", "/files")


def test_who_may_see_other_things_since_does_not_take_what_was_made_before(town: Town) -> None:
    chair, me = town.browser("chair"), t.users.c.id == town.users["chair"].id
    orders(chair, **VISITS)
    town.works()
    (address,) = ready(chair)
    with town.database.write() as db:
        db.execute(t.users.update().where(me).values(club_id=town.clubs["A-2"]))
    moved = chair.get(address)
    with town.database.write() as db:
        db.execute(t.users.update().where(me).values(club_id=town.clubs["A-1"]))
    assert moved.status_code == 403
    assert "quyền xem của bác đã thay đổi" in moved.text
    assert chair.get(address).status_code == 200
    post(chair, f"{address}/delete", "/files")


def test_a_file_goes_with_whom_it_names_and_with_its_time(town: Town) -> None:
    chair, other = town.browser("chair"), town.browser("chair_b1")
    for client in (chair, other):
        orders(client, **VISITS)
    town.works()
    with town.database.write() as db:
        withdraw(db, town.runtime.library, an_id("ba"), "c_photo", OPERATOR, NOW)
    assert (len(ready(chair)), len(ready(other))) == (0, 1)
    orders(chair, **VISITS)
    town.works()
    with town.database.write() as db:
        erase(db, town.runtime.library, an_id("ba"), caller=OPERATOR, why="request 1", now=NOW)
    assert (len(ready(chair)), len(ready(other))) == (0, 1)
    with town.database.write() as db:
        assert made_files.forget_old(db, NOW + timedelta(days=6)) == 0
        assert made_files.forget_old(db, NOW + timedelta(days=8)) == 1
    assert files_in(town) == 0


def test_what_was_read_before_somebody_was_erased_makes_no_file(town: Town) -> None:
    user = town.users["chair"].id
    made = made_files.Made("a.zip", "application/zip", "[]")
    with town.database.write() as db:
        number = made_files.order(db, user, "records", {**VISITS}, NOW)
        epoch = made_files.begin(db, number)
        made_files.forget_people(db, [("members", an_id("ba"))])
    assert epoch is not None
    try:
        with town.database.write() as db:
            made_files.finish(db, number, made, 0, epoch, NOW)
    except made_files.Stale:
        with town.database.write() as db:
            made_files.delete(db, [number])
    else:
        raise AssertionError("it was finished")


def test_what_cannot_be_made_says_why_and_a_live_worker_makes_files_beside(town: Town) -> None:
    chair = town.browser("chair")
    with town.database.write() as db:
        gone = {"form": "no_such_form", "format": "csv"}
        number = made_files.order(db, town.users["chair"].id, "records", gone, NOW)
    tasks.run_until_empty(town.runtime, None, tasks.Pace())
    with town.database.read() as db:
        assert made_files.find(db, number).state == made_files.WAITING
    stopping = threading.Event()
    with tasks.files_beside(town.runtime, stopping):
        for _ in range(200):
            if "chờ đến lượt" not in chair.get("/files").text:
                break
            time.sleep(0.05)
    page = chair.get("/files").text
    assert "không làm được" in page
    with town.database.write() as db:
        made_files.delete(db, [number])
