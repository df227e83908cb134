"""Records as the lines of a source see them: one table, answers and persons' facts as columns.

Answers are taken out of their JSON once for each record, however many lines ask for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.selectable import Join

from forms.indicators import EVERY_FORM, Indicator
from sync import tables as t
from sync import words
from sync.counting.given import LAST, born_by
from sync.counting.selection import Part
from sync.counting.source import Source
from sync.words import Value, Yes


class InThisOrder(Join):
    """A join whose right side is looked up for each row of the left one.

    SQLite has no statistics, and would read the records of every club.
    """

    inherit_cache = True


@compiles(InThisOrder, "sqlite")
def _in_this_order(join: InThisOrder, compiler: Any, **kw: Any) -> str:
    kw["asfrom"] = True
    left, right = (compiler.process(side, **kw) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **kw)}"


@dataclass(frozen=True)
class Records:
    """The records of a source's form (or of every form) at its places, not read yet.

    places: a table with the columns club and place. main: the record itself, which alone knows day,
    club and standing; row: of a repeat, where the source is about one.
    """

    source: Source
    places: Any
    main: Any
    row: Any = None

    @classmethod
    def of(cls, source: Source, places: Any) -> Records:
        row = t.records.alias("row") if source.first.rows else None
        return cls(source, places, t.records.alias("main"), row)

    def say(self, field: str) -> Value:
        """What the row says; else the record it belongs to."""
        whole = words.answer(self.main, field)
        if self.row is None:
            return whole
        return sa.func.coalesce(sa.cast(self.row.c.answers[field].as_string(), sa.Text), whole)

    def arrived(self) -> Value:
        """The day on which its submission first came; an edit is no late arrival."""
        first = sa.select(t.submissions.c.created_at).where(
            t.submissions.c.id == self.main.c.submission_id
        )
        return words.arrival_day(first.correlate(self.main).scalar_subquery())

    def read(self, *when: Yes, day: Value | None = None, **more: Value) -> sa.CTE:
        """The table of those for which all of `when` holds, with `more` columns."""
        main, first = self.main, self.source.first
        asked = sorted({n for one in self.source.indicators for n in _asked(self.source, one)})
        club = self.places.c.club
        if self.row is None:
            joined: Any = InThisOrder(self.places, main, main.c.club_id == club)
        else:  # a row stands as its record does (`duplicates`), but only that is looked at
            of_club = sa.and_(self.row.c.club_id == club, self.row.c.form == first.of)
            mine = InThisOrder(
                self.places, self.row, sa.and_(of_club, self.row.c.table_path == first.rows)
            )
            same = self.row.c.submission_version_id == main.c.submission_version_id
            joined = InThisOrder(mine, main, sa.and_(main.c.club_id == club, same))
        every = first.of == EVERY_FORM or first.kind == "waiting"
        form = [] if every else [main.c.form == first.of]
        return kept(
            sa.select(
                self.places.c.place,
                self.places.c.club,
                main.c.id.label("item"),
                (main.c.happened_on if day is None else day).label("day"),
                (sa.null() if first.of == EVERY_FORM else main.c.subject_id).label("subject"),
                *(self.say(name).label(answer(name)) for name in asked),
                *(value.label(name) for name, value in more.items()),
            )
            .select_from(joined)
            .where(*form, words.is_whole(main), *when),
            "seen",
        )


def kept(query: sa.Select[Any], name: str) -> sa.CTE:
    """Computed once: else each use of a column would compute it again."""
    return query.cte(name).prefix_with("MATERIALIZED")


def answer(field: str) -> str:
    return f"a_{field}"


def said(seen: Any) -> Callable[[str], Value]:
    """A question's answer as a column of the table."""
    return lambda field: seen.c[answer(field)]


def _asked(source: Source, one: Indicator) -> Sequence[str]:
    cuts = (source.library.figures.cuts[name].answer for name in one.by)
    return [*one.where, *(n for n in (one.summed, one.times, one.about, *cuts) if n)]


# ------------------------------------------------------------------ what was true of whom
@dataclass(frozen=True)
class Told:
    """`seen` with facts beside it: columns f_… of the event's day, parts of the cuts on D."""

    table: Any
    parts: Mapping[str, Part]

    def say(self, field: str) -> Value:
        return said(self.table)(field)

    def fact(self, name: str) -> Value:
        found: Value = self.table.c[f"f_{name}"]
        return found


def tell(
    source: Source, seen: sa.CTE, person: Value, list_name: str | None, *, is_subject: bool
) -> Told:
    """Add the facts that cuts and conditions ask for.

    person: an entity of the list, whose facts on D the cuts are. Of a person who is not the
    subject nothing is known where the club is not its own: figures follow what touches their club.
    """
    known = source.library.figures.cuts
    cuts = {name: known[name] for name in source.cuts}
    joined: Any = seen
    columns: dict[str, Value] = {}
    of_persons = [name for name, cut in cuts.items() if not cut.answer]
    if of_persons and list_name:
        here = sa.true() if is_subject else _was_of(source, list_name, person, seen)
        facts = {}
        for name in sorted({words.stored_fact(cuts[one].fact) for one in of_persons}):
            on_last = t.spells.alias(f"last_{name}")
            told_on_last = holds(on_last, list_name, name, person, LAST)
            joined = joined.outerjoin(on_last, sa.and_(told_on_last, here))
            facts[name] = on_last.c.value
        columns |= {f"c_{n}": words.cut_value(facts, known[n], born_by) for n in of_persons}
    of_subjects = (one for one in source.indicators if one.kind != "standing")
    for name in sorted({name for one in of_subjects for name in one.facts}):
        then = t.spells.alias(f"then_{name}")
        of_list = source.library.rules[source.first.of].subject_list
        joined = joined.outerjoin(then, holds(then, of_list, name, seen.c.subject, seen.c.day))
        columns[f"f_{name}"] = then.c.value
    table = seen
    if columns:
        added = (value.label(name) for name, value in columns.items())
        table = kept(sa.select(*seen.c, *added).select_from(joined), "told")
    parts = {}
    for name, cut in cuts.items():
        column = answer(cut.answer) if cut.answer else f"c_{name}"
        parts[name] = Part(table.c[column] if column in table.c else sa.null(), cut.multi)
    return Told(table, parts)


def holds(spell: Any, list_name: str | None, name: str, uuid: Value, day: Value) -> Yes:
    """A spell says something of this fact of an entity on a day."""
    return sa.and_(
        spell.c.list_name == list_name,
        spell.c.uuid == uuid,
        spell.c.name == name,
        spell.c.valid_from <= day,
        sa.or_(spell.c.valid_to.is_(None), spell.c.valid_to > day),
    )


def _was_of(source: Source, list_name: str, person: Value, seen: Any) -> Yes:
    """Whether a person was of the event's club on any day up to D."""
    if source.library.lists[list_name].is_of_clubs:
        same: Yes = person == seen.c.club
        return same
    spell = t.spells.alias("was")
    return (
        sa.select(sa.literal(1))
        .where(
            spell.c.list_name == list_name,
            spell.c.uuid == person,
            spell.c.name == "club",
            spell.c.value == seen.c.club,
            spell.c.valid_from <= LAST,
        )
        .correlate(seen)
        .exists()
    )
