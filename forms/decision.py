"""What a new decision about units (merged, split, renamed, founded, ended) makes of the tables.

A decision is a CSV of its own, in the words of the decision itself: codes, not keys. Each row says
what became of one old unit, or names a unit that begins or ends without the other side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from forms.days import read_written_day
from forms.problems import (
    DECISION_CELL,
    DECISION_COLUMN,
    DECISION_NO_UNIT,
    DECISION_UNFIT,
    Problem,
    Where,
)
from forms.text import tidy
from forms.unit_tables import KINDS, LEVELS, OPEN, Row, slips

NEEDED = ("day", "kind", "level", "old_code", "new_code")
OF_NEW = ("new_name", "new_kind", "new_parent_code", "counts_in_coverage")
WORDS = (*KINDS, "begin", "end")  # begin, end: a unit without forebear or without heir


@dataclass(frozen=True, slots=True)
class Decided:
    """The tables as they are afterwards, or what is wrong with the file: then nothing changes."""

    units: tuple[Row, ...]
    successions: tuple[Row, ...]
    days: tuple[date, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One row of the file, read; each is itself only, so that it can be a key."""

    number: int
    day: date
    kind: str
    level: str
    old_code: str
    new_code: str
    new: Row  # OF_NEW


def decide(units: Sequence[Row], successions: Sequence[Row], rows: Sequence[Row]) -> Decided:
    """`units` and `successions` as the library's tables have them; `rows` of the decision's CSV.

    Columns: NEEDED and OF_NEW; what is left empty of a new unit is taken over from the old one. A
    unit that gains or loses land begins anew on the day, also under its old code and name.
    """
    problems = [DECISION_COLUMN(Where(row=1), column=name) for name in _missing(rows)]
    steps: list[_Step] = []
    for number, row in enumerate([] if problems else rows, start=2):
        read = list(_read(number, {name: tidy(text or "") for name, text in row.items() if name}))
        problems += [one for one in read if isinstance(one, Problem)]
        steps += [one for one in read if isinstance(one, _Step)]
    tables = _Tables(units, successions)
    if not problems:
        for day in sorted({step.day for step in steps}):
            problems += tables.carry_out([step for step in steps if step.day == day])
    if not problems:
        problems += [
            DECISION_UNFIT(at=slip.key, why_vi=slip.vi, why=slip.en)
            for slip in slips(tables.rows, tables.successions)
        ]
    days = tuple(sorted({step.day for step in steps}))
    return Decided(tuple(tables.rows), tuple(tables.successions), days, tuple(problems))


def _missing(rows: Sequence[Row]) -> list[str]:
    return [name for name in NEEDED if not rows or name not in rows[0]]


def _read(number: int, row: Row) -> Iterator[_Step | Problem]:
    where, day = Where(row=number), read_written_day(row["day"])
    needs_old, needs_new = row["kind"] != "begin", row["kind"] != "end"
    wrong = [
        *([] if day else ["day"]),
        *([] if row["kind"] in WORDS else ["kind"]),
        *([] if row["level"] in LEVELS else ["level"]),
        *([] if bool(row["old_code"]) == needs_old else ["old_code"]),
        *([] if bool(row["new_code"]) == needs_new else ["new_code"]),
        *([] if row.get("counts_in_coverage", "") in ("", "yes", "no") else ["counts_in_coverage"]),
    ]
    yield from (DECISION_CELL(where, column=name, value=row[name] or "–") for name in wrong)
    if day and not wrong:
        new = {name: row.get(name, "") for name in OF_NEW}
        yield _Step(number, day, row["kind"], row["level"], row["old_code"], row["new_code"], new)


class _Tables:
    """The two tables while a decision is carried out, one day after the other."""

    def __init__(self, units: Iterable[Row], successions: Iterable[Row]) -> None:
        self.units = {row["key"]: dict(row) for row in units}
        self.successions = [dict(row) for row in successions]

    @property
    def rows(self) -> list[Row]:
        return list(self.units.values())

    def carry_out(self, steps: Sequence[_Step]) -> list[Problem]:
        """All rows of one day; units above first, for those below begin under them."""
        day = steps[0].day.isoformat()
        olds = {step: self._until(step.old_code, day) for step in steps if step.old_code}
        problems = [_no_unit(step, step.old_code) for step, old in olds.items() if old is None]
        found = {step: old for step, old in olds.items() if old is not None}
        for old in found.values():
            old["valid_to"] = day
        begun: dict[tuple[int, str], list[_Step]] = defaultdict(list)
        for step in steps:
            if step.new_code:
                begun[LEVELS.index(step.level), step.new_code].append(step)
        for _, same in sorted(begun.items()):
            problems += self._begin(same, {one: found[one] for one in same if one in found}, day)
        return problems

    def _begin(
        self, steps: Sequence[_Step], olds: Mapping[_Step, Row], day: str
    ) -> Iterator[Problem]:
        """The one new unit of these rows: as they say, else as the old unit of its code was."""
        first = steps[0]
        key = f"{first.new_code}@{day}"
        same_code = (old for old in olds.values() if old["code"] == first.new_code)
        like: Row = next(same_code, next(iter(olds.values()), {}))
        said: dict[str, str] = {}
        for name in OF_NEW:
            given = {step.new[name] for step in steps} - {""}
            if len(given) > 1:
                yield DECISION_CELL(Where(row=first.number), column=name, value=" / ".join(given))
            said[name] = min(given, default="")
        parent = self._parent(said["new_parent_code"], like, first.level, day)
        if parent is None and (said["new_parent_code"] or like.get("parent_key")):
            yield _no_unit(first, said["new_parent_code"] or like["parent_key"])
        begun = {
            "key": key,
            "level": first.level,
            "kind": said["new_kind"] or like.get("kind", ""),
            "code": first.new_code,
            "name": said["new_name"] or like.get("name", ""),
            "parent_key": parent["key"] if parent else "",
            "valid_from": day,
            "valid_to": "",
            "counts_in_coverage": said["counts_in_coverage"]
            or like.get("counts_in_coverage", "no"),
        }
        for name in ("kind", "name"):
            if not begun[name]:
                yield DECISION_CELL(Where(row=first.number), column=f"new_{name}", value="–")
        known = self.units.setdefault(key, begun)  # loaded once before: the same, it may have ended
        if known != begun | {"valid_to": known["valid_to"]}:
            yield DECISION_CELL(Where(row=first.number), column="new_code", value=first.new_code)
        for step, old in olds.items():
            told = {"old_key": old["key"], "new_key": key, "date": day, "kind": step.kind}
            self.successions += [] if told in self.successions else [told]

    def _parent(self, code: str, like: Row, level: str, day: str) -> Row | None:
        """By its code on the day; not named, the old unit's parent or what has its code now."""
        above = [
            row for row in self.units.values() if row["level"] in LEVELS[: LEVELS.index(level)]
        ]
        if not code:
            old = self.units.get(like.get("parent_key", ""))
            if old is None:
                return None
            above = [row for row in above if row["level"] == old["level"]]
            code = old["code"]
        return next((row for row in above if row["code"] == code and _is_on(row, day)), None)

    def _until(self, code: str, day: str) -> dict[str, str] | None:
        """The unit of this code that was there until the day; codes of other levels are longer."""
        same = (row for row in self.units.values() if row["code"] == code)
        return next((r for r in same if r["valid_from"] < day <= (r["valid_to"] or OPEN)), None)


def _is_on(row: Row, day: str) -> bool:
    return row["valid_from"] <= day < (row["valid_to"] or OPEN)


def _no_unit(step: _Step, code: str) -> Problem:
    return DECISION_NO_UNIT(
        Where(row=step.number), code=code, level=step.level, day=step.day.isoformat()
    )
