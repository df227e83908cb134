"""What a command says: a sentence, a table or one JSON object, and how it ended."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, cast

import click

from forms.days import VIETNAM
from server.cli.options import Options

GOOD, WRONG, MISUSED = 0, 1, 2


def fail(message: str, status: int = MISUSED) -> NoReturn:
    """One sentence on stderr, and the end."""
    click.echo(message, err=True)
    sys.exit(status)


def warn(*messages: str) -> None:
    """Sentences on stderr that end nothing."""
    for message in messages:
        click.echo(message, err=True)


def wants_json() -> bool:
    return cast(Options, click.get_current_context().find_object(Options)).as_json


def say(text: str, **found: object) -> None:
    """The text for people; with --json the object instead."""
    click.echo(json.dumps(plain(found), ensure_ascii=False) if wants_json() else text)


def say_table(name: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Rows in columns under their names; with --json one object, the rows under `name`."""
    found = [dict(row) for row in rows]
    say("\n".join(columns(found)) or "–", **{name: found})


def plain(value: object) -> Any:
    """Only what JSON knows: times as ISO text, dataclasses as objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def columns(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Rows in columns under their names, a line each."""
    if not rows:
        return []
    texts = [list(rows[0])] + [[cell(value) for value in row.values()] for row in rows]
    widths = [max(len(line[i]) for line in texts) for i in range(len(texts[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in texts
    ]


def cell(value: object) -> str:
    """One value as a person reads it; a moment by Vietnam's clock, wherever the server stands."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
    return str(value)
