"""Rolls: who stands on a list for paper, in which columns, and for whom; words of `rolls.toml`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

NUMBER, NAME, YEAR, SINCE = "number", "name", "year", "since"
_OF_NOTHING = frozenset({NUMBER, NAME})  # what to show where no fact is named
_OF_A_FACT = frozenset({YEAR, SINCE})
_COLUMN_WORDS = frozenset({"title", "show", "property", "fact", "mark", "leave_out"})


@dataclass(frozen=True, slots=True)
class RollColumn:
    """One column. It stays empty, to be written in by hand, where it has no source.

    show       "number" of the row, "name"; of a fact its "year", or the day "since" it is so
    property   of the entity, as it stands
    fact       of the day: the label of its choice, else as it was said
    mark       values of the fact that are an x; any other is nothing
    leave_out  values of the fact that are not shown
    """

    title: str
    show: str | None = None
    property: str | None = None
    fact: str | None = None
    mark: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roll:
    """The list of a club's people (entities of the list `name`) on a day.

    file     what the file is called; the club's code follows
    where    fact -> values: who stands on it
    readers  role -> titles of the columns it does not get; a role not named gets no roll
    """

    name: str
    file: str
    where: Mapping[str, tuple[str, ...]]
    readers: Mapping[str, frozenset[str]]
    columns: tuple[RollColumn, ...]

    @property
    def facts(self) -> frozenset[str]:
        """Every fact it needs to know."""
        return frozenset(self.where) | {one.fact for one in self.columns if one.fact}


def read_roll(name: str, entry: Mapping[str, Any]) -> Roll:
    """One [list] table. KeyError, TypeError or ValueError where a word is missing or misshapen."""
    strange = sorted(set(entry) - {"file", "where", "read", "column"})
    if strange:
        raise ValueError(f"“{strange[0]}”")
    return Roll(
        name=name,
        file=str(entry["file"]),
        where=MappingProxyType({str(k): _texts(v) for k, v in entry["where"].items()}),
        readers=MappingProxyType(
            {
                str(role): frozenset(_texts(reader.get("without", [])))
                for role, reader in entry["read"].items()
            }
        ),
        columns=tuple(_column(one) for one in entry["column"]),
    )


def _column(entry: Mapping[str, Any]) -> RollColumn:
    title = str(entry["title"])
    fact, show = entry.get("fact"), entry.get("show")
    strange = sorted(set(entry) - _COLUMN_WORDS)
    if strange:
        raise ValueError(f"{title}: “{strange[0]}”")
    if show is not None and show not in (_OF_A_FACT if fact else _OF_NOTHING):
        raise ValueError(f"{title}: show = “{show}”")
    if fact is None and ("mark" in entry or "leave_out" in entry):
        raise ValueError(f"{title}: mark, leave_out: fact?")
    if sum(source is not None for source in (fact or show, entry.get("property"))) > 1:
        raise ValueError(f"{title}: fact/show + property")
    return RollColumn(
        title=title,
        show=show,
        property=entry.get("property"),
        fact=fact,
        mark=_texts(entry.get("mark", [])),
        leave_out=_texts(entry.get("leave_out", [])),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"“{value}”")
    return tuple(value)


def roll_slips(
    roll: Roll, facts: Collection[str], properties: Collection[str], roles: Collection[str]
) -> Iterator[str]:
    """What it names and nothing has; titles that stand twice."""
    yield from (name for name in sorted(roll.facts) if name not in facts)
    yield from (role for role in roll.readers if role not in roles)
    titles = [one.title for one in roll.columns]
    yield from (title for title in titles if titles.count(title) > 1)
    for one in roll.columns:
        if one.property is not None and one.property not in properties:
            yield one.property
    for role, without in roll.readers.items():  # a slip here would show what must not be seen
        yield from (f"read.{role}.{title}" for title in sorted(without - set(titles)))
