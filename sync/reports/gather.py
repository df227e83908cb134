"""Gather a report as it stands now: figures of every place, words about clubs, what is in force.

Only reads. The chain, what clubs wrote and what came late are put in by those who know them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.days import read_day
from forms.indicators import PLACES, Conditions, Cut, Indicator, Target
from forms.periods import Period
from forms.report_rules import STATES, Label
from sync import places, rollup, words
from sync import tables as t
from sync.accounts import PROJECT_ID
from sync.clubs import plain_name
from sync.counting.sent import read_sent
from sync.figures import Figures
from sync.places import Tree, Unit, UnitPath
from sync.reports.data import (
    ClubWords,
    ColumnData,
    CutData,
    Head,
    IndicatorData,
    LabelData,
    PlaceData,
    ReportData,
)

if TYPE_CHECKING:
    from forms.library import Library

UNDECIDED = "Chưa rõ xã/phường sau khi chia tách."
NOT_ACTIVE = "Đến ngày chốt không còn hoạt động hoặc đang tạm ngưng."
UNIT_LEVELS = tuple(reversed(PLACES[1:]))  # from above


@dataclass(frozen=True, slots=True)
class ClubPlace:
    """A club of the period: its entity, the units it is in on D, and whether it counts then."""

    uuid: str
    label: str
    data: Mapping[str, str]
    path: UnitPath
    is_active: bool

    @property
    def order(self) -> tuple[str, str, str]:
        district = self.path.district.code if self.path.district else ""
        commune = self.path.commune.code if self.path.commune else ""
        return district, commune, self.data.get("club_code", self.label)


def gather(db: Connection, library: Library, period: Period, now: datetime) -> ReportData:
    """The provisional report of a period, without its chain."""
    tree = places.read_tree(db)
    clubs = clubs_of(db, library, period)
    figures = rollup.roll_up_all(db, library, period)
    sent = read_sent(db, library, period, [club.uuid for club in clubs]).in_period
    found = tuple(_places(tree, clubs, figures, sent))
    return ReportData(
        head=Head(
            period=period.code,
            calendar=period.calendar,
            first=period.first,
            last=period.last,
            version=None,
            frozen_at=None,
            gathered_at=now,
            state=STATES[0],
            reason="",
            tree=_fingerprint((sorted(tree.units.items()), sorted(tree.successions.items()))),
            forms=_form_versions(db),
        ),
        states=tuple(_label(library.report.state(key)) for key in STATES),
        sections=tuple(_label(one) for one in library.report.sections),
        places=found,
        indicators=tuple(_indicator(library, one) for one in library.figures.indicators.values()),
        cuts=tuple(_cut(name, cut) for name, cut in library.figures.cuts.items()),
        targets=tuple(_targets(db, library, period)),
        columns=tuple(
            ColumnData(c.title, c.show, c.figure, c.cut, c.cut_values, c.word)
            for c in library.figures.columns
        ),
        words={club.uuid: _club_words(library, club) for club in clubs},
        quality=library.report.quality,
        group=LabelData(*(getattr(library.report.group, name) for name in ("id", "vi", "en"))),
        small=library.report.small,
        figures=_of_places(figures, found),
    )


def _of_places(figures: Mapping[str, Figures], found: Iterable[PlaceData]) -> dict[str, Figures]:
    """Without figures of what is no place here: an answer may name a club that is none."""
    shown = {place.id for place in found}
    return {
        level: {key: one for key, one in of_level.items() if (level, key[0]) in shown}
        for level, of_level in figures.items()
    }


# ------------------------------------------------------------------ places
def clubs_of(db: Connection, library: Library, period: Period) -> list[ClubPlace]:
    """The clubs that counted as one on some day of the period and have a place on D, in order."""
    paths = places.clubs_by_unit(db, period.last)
    counts = rollup.what_is_a_club(library)
    standing = _standing(db, library, period.first, period.last, counts)
    active = _standing(db, library, period.last, period.last, counts)
    c = t.entities.c
    rows = db.execute(
        sa.select(c.uuid, c.label, c.data).where(
            c.uuid.in_(standing & paths.keys()), c.deleted_at.is_(None)
        )
    )
    found = [
        ClubPlace(row.uuid, row.label, row.data, paths[row.uuid], row.uuid in active)
        for row in rows
    ]
    return sorted(found, key=lambda club: club.order)


def _standing(
    db: Connection, library: Library, first: date, last: date, where: Conditions
) -> set[str]:
    """The clubs of which each of `where` held on one of these days."""
    c = t.spells.c
    lists = [rule.name for rule in library.lists.values() if rule.is_of_clubs]
    there = sa.select(c.uuid).where(
        c.list_name.in_(lists),
        c.valid_from <= last,
        sa.or_(c.valid_to.is_(None), c.valid_to > first),
    )
    found = set(db.scalars(there))
    for name, conditions in where.items():
        fits = (words.WORDS[one.word](c.value, one.value) for one in conditions)
        found &= set(db.scalars(there.where(c.name == name, *fits)))
    return found


def _places(
    tree: Tree, clubs: list[ClubPlace], figures: Mapping[str, Figures], sent: Container[str]
) -> Iterator[PlaceData]:
    """City, districts, communes, also those without a club; then the clubs."""
    for level in UNIT_LEVELS:
        inside: dict[int, list[str]] = {int(unit): [] for unit, *_ in figures[level]}
        for club in clubs:
            unit: Unit | None = getattr(club.path, level)
            if unit is not None:
                inside.setdefault(unit.id, []).append(club.uuid)
        units = [(tree.units[unit], found) for unit, found in inside.items()]
        yield from (_unit_place(tree, *one) for one in sorted(units, key=lambda one: one[0].code))
    yield from (_club_place(club, club.uuid in sent) for club in clubs)


def _unit_place(tree: Tree, unit: Unit, clubs: Iterable[str]) -> PlaceData:
    above = tree.units[unit.parent_id] if unit.parent_id is not None else None
    return PlaceData(
        level=unit.level,
        key=str(unit.id),
        code=unit.code,
        name=unit.full_name,
        parent=(above.level, str(above.id)) if above else None,
        parent_code=above.code if above else "",
        clubs=tuple(clubs),
    )


def _club_place(club: ClubPlace, has_sent: bool) -> PlaceData:
    commune = club.path.commune
    above = club.path.district or club.path.city
    lowest = commune or above
    notes = [UNDECIDED] if club.path.undecided else []
    notes += [] if club.is_active else [NOT_ACTIVE]
    return PlaceData(
        level="club",
        key=club.uuid,
        code=commune.code if commune else "",
        name=commune.full_name if commune else "",
        parent=(lowest.level, str(lowest.id)) if lowest else None,
        parent_code=above.code if above else "",
        clubs=(club.uuid,),
        club_code=club.data.get("club_code", ""),
        club_name=plain_name(club.label),
        note=" ".join(notes),
        is_expected=club.is_active,
        has_sent=has_sent,
    )


def _club_words(library: Library, club: ClubPlace) -> ClubWords:
    """Only what a column asks for: a club's properties may name people."""
    asked = {column.word for column in library.figures.columns if column.word}
    commune, district = club.path.commune, club.path.district
    texts = {
        **club.data,
        "district_code": district.code if district else "",
        "district_name": district.full_name if district else "",
        "commune_code": commune.code if commune else "",
        "commune_name": commune.full_name if commune else "",
        "club_name": plain_name(club.label),
    }
    texts = {word: text for word, text in texts.items() if word in asked and text}
    days = {
        column.word: read_day(texts.pop(column.word, ""))
        for column in library.figures.columns
        if column.word and column.show == "day"
    }
    return ClubWords(texts, {word: day for word, day in days.items() if day})


# ------------------------------------------------------------------ what is in force
def _label(one: Label) -> LabelData:
    return LabelData(one.id, one.vi, one.en)


def _indicator(library: Library, one: Indicator) -> IndicatorData:
    return IndicatorData(
        id=one.id,
        vi=one.vi,
        en=one.en,
        unit_vi=one.unit_vi,
        unit_en=one.unit_en,
        section=one.section,
        formula_vi=one.formula_vi,
        formula_en=one.formula_en,
        source=one.source,
        over=one.over,
        scale=one.scale,
        divided_by=one.divided_by,
        levels=one.levels,
        by=one.by,
        adds_up=one.adds_up,
        sensitive=one.sensitive,
        words=_words(library, one.id),
        total=one.total,
        of_confirming=is_of_confirming(library, one),
        narrows=_narrows(one, library.figures.indicators.get(one.over or "")),
    )


def _narrows(one: Indicator, over: Indicator | None) -> tuple[str, tuple[str, ...]] | None:
    """By which values of which single fact `one` counts a part of those whom `over` counts."""
    if over is None or (one.kind, one.of) != (over.kind, over.of):
        return None
    if one.with_ or one.without or one.any_ or not over.where.items() <= one.where.items():
        return None
    further = {name: words for name, words in one.where.items() if name not in over.where}
    if len(further) != 1:
        return None
    ((name, (first, *more)),) = further.items()
    if more or first.word not in ("is", "in"):
        return None
    values = first.value if isinstance(first.value, tuple) else (first.value,)
    return name, tuple(map(str, values))


def is_of_confirming(library: Library, one: Indicator) -> bool:
    """Whether the confirmation of a club moves it by itself."""
    by = library.report.confirming
    asked = by is not None and any(w.form == by.form for w in one.with_ + one.without)
    others = library.figures.indicators
    return asked or any(is_of_confirming(library, others[name]) for name in one.stands_on)


def is_counted_alike(library: Library, one: IndicatorData) -> bool:
    """Whether an indicator is counted today as it was when this was written."""
    return one.id in library.figures.indicators and _words(library, one.id) == one.words


def _words(library: Library, name: str) -> str:
    """A fingerprint of how it is counted, with its cuts and all that it stands on."""
    one = library.figures.indicators[name]
    below = {*one.having, *one.total, *(named for each in one.each for named in each)}
    below |= {one.over} if one.over else set()
    cuts = [(cut, library.figures.cuts.get(cut)) for cut in one.by]
    return _fingerprint(
        (_without_labels(one), cuts, [_words(library, other) for other in sorted(below)])
    )


def _without_labels(one: Indicator) -> Indicator:
    """How it is counted, without how that is said."""
    one = replace(one, vi="", en="", unit_vi="", unit_en="", formula_vi="", formula_en="")
    return replace(one, source="", section="", file="")


def _cut(name: str, cut: Cut) -> CutData:
    bands = tuple(LabelData(band.value, band.vi, band.en) for band in cut.bands)
    return CutData(name, cut.vi, cut.en, cut.fact, cut.sensitive, cut.multi, bands)


def _targets(db: Connection, library: Library, period: Period) -> Iterator[Target]:
    """Of each indicator and level the one in force on D, its bounds those of this period; and those
    for some clubs only.
    """
    day = period.last
    for name in library.figures.indicators:
        for level in PLACES:
            target = library.figures.target(name, level, day)
            if target is not None:
                yield replace(target, levels=(level,)).over(period.months)
    for one in library.figures.in_force(day):
        if one.where:
            clubs = tuple(sorted(_standing(db, library, day, day, one.where)))
            yield replace(one, where={}, clubs=clubs).over(period.months)


def _form_versions(db: Connection) -> dict[str, str]:
    f, v = t.forms.c, t.form_versions.c
    query = sa.select(f.xml_form_id, v.version).join(t.form_versions, v.id == f.current_version_id)
    return {
        row.xml_form_id: row.version for row in db.execute(query.where(f.project_id == PROJECT_ID))
    }


def _fingerprint(what: object) -> str:
    """Of values whose `repr` says all that they are."""
    return hashlib.sha256(repr(what).encode()).hexdigest()
