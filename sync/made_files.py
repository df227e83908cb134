"""Files that people ordered: made in the background, kept some days, gone with whom they name.

A file outlives the page it was ordered on. Its bytes stand in the database, sealed, so that it is
deleted in the transaction that erases a person, and any machine can hand it out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.problems import NOT_FOUND, Refused
from sync import queue
from sync.database import among
from sync.tables import made_file_people, made_file_pieces, made_files
from sync.tables import queue as works

MAKE = "make file"  # the work in the queue; its subject is the file's id
KEPT = timedelta(days=7)
PIECE = 1 << 18  # bytes
AT_ONCE = 500  # people written in one statement

WAITING, MAKING, READY, REFUSED, FAILED = "waiting", "making", "ready", "refused", "failed"


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One file. what: as its kind understands it. done, total: rows written, and about how many
    there are (None: not known yet). state: of the words above. goes_at: when it is deleted.
    """

    id: int
    user_id: int
    kind: str
    what: Mapping[str, Any]
    ordered_at: datetime
    done: int
    total: int | None
    made_at: datetime | None
    name: str
    content_type: str
    size: int
    rights: str
    problem: Mapping[str, Any] | None
    state: str

    @property
    def goes_at(self) -> datetime:
        return (self.made_at or self.ordered_at) + KEPT

    @property
    def is_on_its_way(self) -> bool:
        return self.state in (WAITING, MAKING)


# ------------------------------------------------------------------ ordering, looking
def order(db: Connection, user_id: int, kind: str, what: Mapping[str, Any], now: datetime) -> int:
    """Have a file made; its id. The same that this person waits for already is not made twice."""
    for one in list_files(db, user_id):
        if one.is_on_its_way and (one.kind, dict(one.what)) == (kind, dict(what)):
            return one.id
    values: dict[str, Any] = {"user_id": user_id, "kind": kind, "what": dict(what)}
    values |= {
        "ordered_at": now,
        "epoch": 0,
        "rows_done": 0,
        "name": "",
        "content_type": "",
        "size": 0,
    }
    query = made_files.insert().values(**values, rights="").returning(made_files.c.id)
    made = int(db.execute(query).scalar_one())
    queue.add(db, MAKE, made, now=now)
    return made


def list_files(db: Connection, user_id: int) -> list[MadeFile]:
    """One person's files, the newest first."""
    query = _query().where(made_files.c.user_id == user_id).order_by(made_files.c.id.desc())
    return [_file(row) for row in db.execute(query)]


def find(db: Connection, file_id: int) -> MadeFile:
    """Refused(NOT_FOUND)."""
    row = db.execute(_query().where(made_files.c.id == file_id)).first()
    if row is None:
        raise Refused(NOT_FOUND())
    return _file(row)


def _query() -> sa.Select[Any]:
    mine = sa.and_(works.c.name == MAKE, works.c.subject_id == made_files.c.id)
    return sa.select(made_files, works.c.failed_at, works.c.tries).outerjoin(works, mine)


def _file(row: Any) -> MadeFile:
    state = WAITING
    if row.made_at is not None:
        state = READY
    elif row.problem is not None:
        state = REFUSED
    elif row.failed_at is not None:
        state = FAILED
    elif row.tries:
        state = MAKING
    return MadeFile(
        id=row.id,
        user_id=row.user_id,
        kind=row.kind,
        what=row.what,
        ordered_at=row.ordered_at,
        done=row.rows_done,
        total=row.rows_total,
        made_at=row.made_at,
        name=row.name,
        content_type=row.content_type,
        size=row.size,
        rights=row.rights,
        problem=row.problem,
        state=state,
    )


def pieces(db: Connection, file_id: int) -> Iterator[bytes]:
    """The bytes of a file that is ready."""
    c = made_file_pieces.c
    number = 0
    query = sa.select(c.content).where(c.file_id == file_id, c.number == sa.bindparam("n"))
    while (content := db.execute(query, {"n": number}).scalar()) is not None:
        yield content
        number += 1


def people(db: Connection, file_id: int) -> list[tuple[str, str]]:
    """Whom it names or holds answers about: (list, uuid)."""
    c = made_file_people.c
    query = sa.select(c.list_name, c.uuid).where(c.file_id == file_id)
    return [(row.list_name, row.uuid) for row in db.execute(query)]


# ------------------------------------------------------------------ making
class Stale(Exception):
    """Somebody was erased while the file was made: what was read for it may not be used."""


def begin(db: Connection, file_id: int) -> int | None:
    """Anew, in a transaction before the one that reads: what an earlier try left goes. What
    `finish` wants to know; None where the file is no more.
    """
    c = made_files.c
    epoch = db.scalar(sa.select(c.epoch).where(c.id == file_id).with_for_update())
    if epoch is not None:
        _empty(db, [file_id])
        _set(db, file_id, rows_done=0, rows_total=None)
    return epoch


def tell(db: Connection, file_id: int, done: int, total: int | None) -> None:
    """How far it is."""
    _set(db, file_id, rows_done=done, rows_total=total)


def put(db: Connection, file_id: int, number: int, content: bytes) -> None:
    """One piece of it, from 0."""
    values = {"file_id": file_id, "number": number, "content": content}
    db.execute(made_file_pieces.insert(), values)


def name_people(db: Connection, file_id: int, people: Iterable[tuple[str, str]]) -> None:
    """Whom it names or holds answers about: (list, uuid)."""
    rows = [
        {"file_id": file_id, "list_name": name, "uuid": uuid} for name, uuid in sorted(set(people))
    ]
    for start in range(0, len(rows), AT_ONCE):
        db.execute(made_file_people.insert(), rows[start : start + AT_ONCE])


@dataclass(frozen=True, slots=True)
class Made:
    """What a file came to. people: whom it names or holds answers about, as (list, uuid)."""

    name: str
    content_type: str
    rights: str
    people: frozenset[tuple[str, str]] = frozenset()


def finish(db: Connection, file_id: int, made: Made, size: int, epoch: int, now: datetime) -> None:
    """All pieces are there: its reader may take it. Raises Stale."""
    name_people(db, file_id, made.people)
    values = {"name": made.name, "content_type": made.content_type, "rights": made.rights}
    is_it = sa.and_(made_files.c.id == file_id, made_files.c.epoch == epoch)
    done = made_files.update().where(is_it).values(**values, size=size, made_at=now)
    if not db.execute(done).rowcount:
        raise Stale


def refuse(db: Connection, file_id: int, code: str, vi: str, en: str) -> None:
    """It cannot be made, for this reason."""
    _empty(db, [file_id])
    _set(db, file_id, problem={"code": code, "vi": vi, "en": en})


def cut(source: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """A stream in numbered pieces."""
    number = 0
    while piece := source.read(PIECE):
        yield number, piece
        number += 1


def _set(db: Connection, file_id: int, **values: Any) -> None:
    db.execute(made_files.update().where(made_files.c.id == file_id).values(**values))


# ------------------------------------------------------------------ going
def delete(db: Connection, ids: Collection[int]) -> int:
    """These files, and the work that would make them; how many there were."""
    _empty(db, ids)
    mine = sa.and_(works.c.name == MAKE, among(db, works.c.subject_id, ids))
    db.execute(works.delete().where(mine))
    return db.execute(made_files.delete().where(among(db, made_files.c.id, ids))).rowcount


def _empty(db: Connection, ids: Collection[int]) -> None:
    for table in (made_file_pieces, made_file_people):
        db.execute(table.delete().where(among(db, table.c.file_id, ids)))


def forget_old(db: Connection, now: datetime) -> int:
    """Those whose time is over; how many."""
    c = made_files.c
    since = sa.func.coalesce(c.made_at, c.ordered_at, type_=c.ordered_at.type)
    old = db.scalars(sa.select(c.id).where(since < sa.literal(now - KEPT, c.ordered_at.type)))
    return delete(db, old.all())


def forget_people(db: Connection, people: Collection[tuple[str, str]]) -> int:
    """Every file that names one of these (list, uuid); how many. What is being made just now, and
    may name them, is begun again.
    """
    under_way = made_files.c.made_at.is_(
        None
    )  # first: whoever finishes meanwhile waits, or is seen
    db.execute(made_files.update().where(under_way).values(epoch=made_files.c.epoch + 1))
    c, wanted = made_file_people.c, set(people)
    named = sa.select(c.file_id, c.list_name, c.uuid)
    rows = db.execute(named.where(among(db, c.uuid, {uuid for _, uuid in wanted})))
    return delete(db, {row.file_id for row in rows if (row.list_name, row.uuid) in wanted})


def forget_all(db: Connection) -> int:
    """Every file: those sealed with a key that is no longer ours can be opened by nobody."""
    return delete(db, db.scalars(sa.select(made_files.c.id)).all())
