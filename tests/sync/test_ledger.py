"""A backup made before somebody was erased does not bring her back; who was not erased stays."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from server import backup
from server.erased import erase_again
from server.runtime import open_runtime
from server.serve import prepare
from server.settings import Settings
from sync import links
from sync.access import OPERATOR
from sync.blobs import Folder
from sync.privacy import erase, erasures, ledger, traces
from sync.tables import entities, erased_entities
from tests.sync import test_erase
from tests.sync.library_world import LibraryWorld
from tests.sync.sending import an_id
from tests.sync.test_backup import quiet
from tests.sync.test_erase import BA, LABEL, LAN, NAME, TWIN, erase_ba, found
from tests.sync.test_member_forms import JOINED

world = test_erase.world  # fixture
LATE = an_id("who joined after the backup")


def test_a_backup_made_before_brings_back_nobody_who_was_erased_and_nobody_else_goes(
    world: LibraryWorld, tmp_path: Path
) -> None:
    here = replace(open_runtime(Settings(tmp_path)), database=world.database)
    with world.database.write() as db:  # when it is made, Lan is taken for Ba too
        links.link(
            db, world.library, "members", [BA, LAN],
            canonical_id=BA, take={}, actor="user:1", now=world.now,
        )  # fmt: skip
    file = tmp_path / "before.backup"
    backup.write(here, file, quiet)
    with world.database.write() as db:
        links.unlink(db, world.library, "members", LAN, actor="user:1", now=world.now)
    join = JOINED | {"full_name": NAME, "join_date": "2026-01-02"}
    world.send("membership", join, "join late", create=LATE, label=LABEL)
    world.work()
    erase_ba(world)
    with world.database.write() as db:
        erase.erase(db, world.library, LATE, caller=OPERATOR, why="x", now=world.now)
    with world.database.write() as db:
        ledger.after_erasing(db, here.blobs)
    names = [path.read_bytes() for path in (tmp_path / "blobs" / "notes").iterdir()]
    assert not any(NAME.encode() in content for content in names)

    settings = Settings(tmp_path / "new")
    _, erased = backup.restore(settings, file, quiet, Folder(tmp_path / "blobs"))
    assert erased == 1  # Ba and her twin; who joined later is not in it
    there = open_runtime(settings)
    copied = copy(world)
    copied.database, copied.folder = there.database, tmp_path / "new"
    assert found(copied) == []
    assert copied.told(BA, "status")[-1][:2] == ("withdrawn", str(world.now.date()))
    assert copied.told(LAN, "full_name") == [("Lê Văn Lan", "2019-06-01", None)]
    with there.database.read() as db:
        gone = sa.select(entities.c.uuid).where(entities.c.deleted_at.is_not(None))
        assert set(db.scalars(gone)) == {BA, TWIN}
        assert traces.find(db, world.library, LAN).uuids == (LAN,)
        assert {one.proof["why"] for one in erasures.newest(db)} == {ledger.WHY}
    copied.send("membership", join, "join late", create=LATE, label=LABEL)  # a phone kept it
    copied.work()
    assert found(copied) == []
    assert copied.differences() == []
    with there.database.write() as db:  # as if it had come here by another way
        marked = set(db.scalars(sa.select(erased_entities.c.uuid)))
        db.execute(erased_entities.delete())
    prepare(there)
    with there.database.read() as db:
        assert set(db.scalars(sa.select(erased_entities.c.uuid))) == marked
    assert erase_again(there) == 0
    there.database.dispose()
