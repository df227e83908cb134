"""All tables and the blobs they name, out into one archive and back in, on either database.

Rows are told in words both databases know, so what left SQLite may come back into PostgreSQL.
"""

from __future__ import annotations

import gzip
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import IO, Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.archive import BLOBS, Damaged, Manifest, TableRows, Writer, read_parts
from sync.blobs import Blobs, hash_pieces
from sync.database import copy_in, number_on
from sync.tables import Answers, Json, SealedWords, SealedXml, Utc, metadata

BATCH = 2000  # rows asked for at a time
PART = 1 << 22  # bytes of rows in one part, before they are compressed
QUICK = 1  # level of gzip: a third larger than the best, in a tenth of the time
KEY = "secret.key"

Tell = Callable[[str, int], object]  # of what, and how much of it is done


class Kind(NamedTuple):
    """What a value stands for in JSON: its type in tables, and how it is read back."""

    type: sa.types.TypeEngine[Any]
    read: Callable[[Any], Any] = lambda value: value


KINDS = {
    "integer": Kind(sa.BigInteger()),
    "float": Kind(sa.Float()),
    "decimal": Kind(sa.Numeric(18, 4), Decimal),
    "boolean": Kind(sa.Boolean()),
    "text": Kind(sa.Text()),
    "json": Kind(Json),
    "bytes": Kind(sa.LargeBinary(), b64decode),
    "day": Kind(sa.Date(), date.fromisoformat),
    "time": Kind(Utc(), datetime.fromisoformat),
}


def kind_of(column: sa.Column[Any]) -> str:
    """Which of KINDS the values of a column are."""
    kinds: tuple[tuple[Any, str], ...] = (
        (Utc, "time"),
        (sa.Boolean, "boolean"),
        (sa.Integer, "integer"),
        (sa.Float, "float"),
        (sa.Numeric, "decimal"),
        (sa.Date, "day"),
        (sa.LargeBinary | SealedXml, "bytes"),
        (sa.JSON | Answers, "json"),
        (sa.Text | SealedWords, "text"),
    )
    return next(name for one, name in kinds if isinstance(column.type, one))


# ------------------------------------------------------------------ out


def write_tables(db: Connection, out: Writer, tell: Tell) -> None:
    """Every table, derived ones too: to compute them again would take hours after a disaster."""
    for table in metadata.sorted_tables:
        columns = [(column.name, kind_of(column)) for column in table.columns]
        rows = _write_rows(db, table, out, tell)
        out.manifest.tables.append(TableRows(table.name, columns, rows))


def _write_rows(db: Connection, table: sa.Table, out: Writer, tell: Tell) -> int:
    rows = number = 0
    lines = bytearray()

    def part() -> None:
        nonlocal number
        number += 1
        out.add(f"tables/{table.name}/{number}.jsonl.gz", gzip.compress(lines, QUICK, mtime=0))
        lines.clear()
        tell(table.name, rows)

    # As it stands there: what is sealed leaves sealed, and needs no key to come back.
    columns = [sa.type_coerce(column, KINDS[kind_of(column)].type) for column in table.columns]
    query = sa.select(*columns).order_by(*table.primary_key)
    for row in db.execute(query.execution_options(yield_per=BATCH)):
        lines += orjson.dumps(tuple(row), _plain, orjson.OPT_APPEND_NEWLINE)
        rows += 1
        if len(lines) >= PART:
            part()
    if lines:
        part()
    return rows


def _plain(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def write_blobs(blobs: Blobs, names: Iterable[str], out: Writer, tell: Tell) -> None:
    """Those of these that are whole; the others are noted as missing. OSError when away."""
    for sha256 in names:
        try:
            with blobs.open(sha256) as source:
                found = hash_pieces(source)
                source.seek(0)
                if found.sha256 == sha256:
                    out.add_blob(found, source)
                    tell(BLOBS, out.manifest.blobs)
                    continue
        except FileNotFoundError:
            pass
        out.manifest.missing.append(sha256)


# ------------------------------------------------------------------ in


def fill(db: Connection, blobs: Blobs, file: IO[bytes], manifest: Manifest, tell: Tell) -> None:
    """Put everything of a checked archive into empty tables of its revision, and the blobs away.

    Damaged, should the file have changed meanwhile.
    """
    tables = {one.name: one for one in manifest.tables}
    filled = dict.fromkeys(tables, 0)
    for owner, parts in groupby(read_parts(file), lambda part: _owner(part[0])):
        if owner in tables:
            filled[owner] = _read_rows(db, tables[owner], parts)
            tell(owner, filled[owner])
        elif owner == BLOBS:
            for number, (name, content) in enumerate(parts, start=1):
                if BLOBS + blobs.put(content).sha256 != name:
                    raise Damaged(name)
                tell(BLOBS, number)
    number_on(db, tables)
    if filled != {one.name: one.rows for one in manifest.tables}:
        raise Damaged("tables")


def read_key(file: IO[bytes]) -> bytes:
    """The secret.key of a checked archive, as text of a file."""
    return next(content.read() for name, content in read_parts(file) if name == KEY)


def _owner(part: str) -> str:
    """The table a part is of, or BLOBS."""
    return BLOBS if part.startswith(BLOBS) else part.split("/")[-2] if "/" in part else part


def _read_rows(db: Connection, table: TableRows, parts: Iterable[tuple[str, IO[bytes]]]) -> int:
    kinds = [KINDS[kind] for _, kind in table.columns]
    names = (name for name, _ in table.columns)
    columns = [sa.column(name, kind.type) for name, kind in zip(names, kinds, strict=True)]

    def rows() -> Iterator[list[Any]]:
        for _, content in parts:
            for line in gzip.decompress(content.read()).splitlines():
                values = zip(orjson.loads(line), kinds, strict=True)
                yield [None if value is None else kind.read(value) for value, kind in values]

    return copy_in(db, sa.table(table.name, *columns), rows())
