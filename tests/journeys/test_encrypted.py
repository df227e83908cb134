"""An encrypted form: kept at once, counted when the key has been there, lost with no restart."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from forms.encrypted import read_envelope, read_private_key
from forms.form_key import new_pair, read_public_key
from forms.problems import Refused
from server import tasks
from server.unseal import OPENED, open_waiting, opened_file
from sync import attachments, process, publish, sealed, tables, verify, versions
from sync.blobs import Folder
from tests.conftest import NOW
from tests.device import Device
from tests.forms.test_photos import PLACE, jpeg
from tests.journeys.conftest import World
from tests.sealing import envelope

PRIVATE, PUBLIC = new_pair()


@pytest.fixture
def phone(world: World) -> Device:
    """Minh's phone, whose visits are encrypted from now on."""
    with world.database.write() as db:
        publish.set_public_key(
            db, world.runtime.library, "care_visit", read_public_key(PUBLIC), NOW, "operator"
        )
    return world.phone("volunteer").receives()


def seals(phone: Device, photo: bytes = b"") -> None:
    """Put the last form of the outbox into an envelope, as Collect does when it is finalized."""
    filled = phone.outbox[-1]
    form = phone.forms["care_visit"]
    assert b"base64RsaPublicKey" in form.xform
    files = {"1.jpg": photo} if photo else {}
    filled.xml, filled.files = envelope(
        PUBLIC, filled.xml, files, filled.instance_id, form.xml_form_id, form.version
    )


def registered(world: World) -> str:
    """A client whose registration came plainly."""
    chair = world.phone("chair").receives()
    member = chair.registers("Trần Thị Ba", 1948, joined="2025-03-05")
    chair.sends()
    world.works()
    return member


def is_clean(world: World, tmp_path: Path) -> bool:
    folder = tmp_path / "scratch"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    with world.database.read() as db:
        return verify.verify(db, world.runtime.library, folder, NOW) == []


def test_an_encrypted_visit_waits_for_its_key_and_then_counts(
    world: World, phone: Device, tmp_path: Path
) -> None:
    client = registered(world)
    phone.visits(client, on="2025-09-14")
    seals(phone, photo=b"a photo")
    assert phone.sends() == 1
    world.works()
    assert world.figure("C07", "2025H2") in (None, 0)
    with world.database.read() as db:
        assert sealed.count_waiting(db) == 1
    assert is_clean(world, tmp_path)

    worker = replace(world.runtime, key=read_private_key(PRIVATE))
    tasks.run_until_empty(worker)

    assert world.figure("C07", "2025H2") == 1
    assert world.answers("care_visit")[0]["outcome"] == "met"
    with world.database.read() as db:
        flagged = versions.list_submissions(db, flagged=True)
        assert "encrypted" not in {flag for one in flagged for flag in one.flags}
    assert is_clean(world, tmp_path)


def test_what_was_opened_once_is_computed_again_without_the_key(
    world: World, phone: Device, tmp_path: Path
) -> None:
    client = registered(world)
    phone.visits(client, on="2025-09-14")
    seals(phone)
    phone.sends()
    open_waiting(world.runtime, read_private_key(PRIVATE))
    world.works()
    with world.database.write() as db:
        verify.reprocess(db, world.runtime.library, None, NOW)
    world.works()
    assert world.figure("C07", "2025H2") == 1
    assert is_clean(world, tmp_path)


def test_a_worker_without_the_key_that_was_slower_takes_nothing_back(
    world: World, phone: Device, tmp_path: Path
) -> None:
    phone.visits(registered(world), on="2025-09-14")
    seals(phone)
    phone.sends()
    library = world.runtime.library
    with world.database.read() as db:
        version = db.execute(sa.select(tables.sealed_submissions.c.submission_version_id)).scalar()
        assert version is not None
        slow = process.prepare(db, library, [version], NOW)
    open_waiting(world.runtime, read_private_key(PRIVATE))
    world.works()
    with world.database.write() as db:
        process.store(db, library, slow, NOW)
    world.works()
    assert world.figure("C07", "2025H2") == 1
    assert is_clean(world, tmp_path)


def test_another_key_changes_nothing_and_the_right_one_still_opens_it(
    world: World, phone: Device
) -> None:
    client = registered(world)
    phone.visits(client, on="2025-09-14")
    seals(phone)
    phone.sends()
    wrong = read_private_key(new_pair()[0])
    assert open_waiting(world.runtime, wrong) == {"encrypted_other_key": 1}
    assert open_waiting(world.runtime, wrong) == {}  # a worker does not try at every turn
    told = open_waiting(world.runtime, read_private_key(PRIVATE), again=True)
    assert told == {OPENED: 1}
    world.works()
    assert world.figure("C07", "2025H2") == 1


def test_a_worker_that_is_given_the_right_key_opens_what_another_key_failed_on(
    world: World, phone: Device
) -> None:
    client = registered(world)
    phone.visits(client, on="2025-09-14")
    seals(phone)
    phone.sends()
    wrong, right = (read_private_key(one) for one in (new_pair()[0], PRIVATE))
    tasks.run_until_empty(replace(world.runtime, key=wrong), pace=tasks.Pace())
    assert world.figure("C07", "2025H2") in (None, 0)
    tasks.run_until_empty(replace(world.runtime, key=right), pace=tasks.Pace())
    world.works()
    assert world.figure("C07", "2025H2") == 1


def test_a84_the_encrypted_answers_may_come_in_a_later_post(world: World, phone: Device) -> None:
    client = registered(world)
    phone.visits(client, on="2025-09-14")
    seals(phone, photo=b"a photo")
    filled = phone.outbox[-1]
    late = filled.files.pop("submission.xml.enc")
    phone.sends()
    key = read_private_key(PRIVATE)
    assert open_waiting(world.runtime, key) == {"encrypted_file_missing": 1}
    filled.files = {"submission.xml.enc": late}
    phone.outbox.append(filled)
    phone.sends()
    assert open_waiting(world.runtime, key) == {OPENED: 1}
    world.works()
    assert world.figure("C07", "2025H2") == 1


def test_an_envelope_whose_file_the_disk_lost_keeps_nothing_else_waiting(
    world: World, phone: Device
) -> None:
    client = registered(world)
    for day in ("2025-09-14", "2025-10-14"):
        phone.visits(client, on=day)
        seals(phone)
    lost = hashlib.sha256(phone.outbox[0].files["submission.xml.enc"]).hexdigest()
    assert phone.sends() == 2
    assert isinstance(world.runtime.blobs, Folder)
    world.runtime.blobs.path(lost).unlink()
    tasks.run_until_empty(replace(world.runtime, key=read_private_key(PRIVATE)))
    assert world.figure("C07", "2025H2") == 1
    with world.database.read() as db:
        assert sealed.count_waiting(db) == 1


def test_a_photo_of_an_envelope_is_opened_with_the_key_and_loses_its_place(
    world: World, phone: Device
) -> None:
    client = registered(world)
    phone.visits(client, on="2025-09-14")
    seals(phone, photo=jpeg())
    phone.sends()

    with world.database.read() as db:
        one = versions.find(db, "care_visit", phone.sent[-1].instance_id)
        version = versions.history(db, one)[-1]
        sealing = read_envelope(versions.get_xml(db, version.id))
        (file, *_) = [f for f in attachments.of_version(db, version.id) if f.name == "1.jpg.enc"]
    runtime = world.runtime
    key = read_private_key(PRIVATE)
    as_sent = b"".join(opened_file(runtime, sealing, key, file, as_sent=True))
    shown = b"".join(opened_file(runtime, sealing, key, file, as_sent=False))
    assert as_sent == jpeg()
    assert PLACE in as_sent
    assert shown
    assert PLACE not in shown
    with pytest.raises(Refused, match="encrypted_other_key"):
        b"".join(opened_file(runtime, sealing, read_private_key(new_pair()[0]), file, as_sent=True))


def test_the_envelope_and_its_files_stay_as_they_came(world: World, phone: Device) -> None:
    phone.visits(registered(world), on="2025-09-14")
    seals(phone)
    sent = phone.outbox[-1].xml
    phone.sends()
    open_waiting(world.runtime, read_private_key(PRIVATE))
    with world.database.read() as db:
        kept = db.execute(
            sa.select(tables.submission_versions.c.xml)
            .join(tables.sealed_submissions)
            .where(tables.sealed_submissions.c.xml.is_not(None))
        ).scalar_one()
    assert bytes(kept) == sent
