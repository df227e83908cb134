"""Everything one report says, as one value: what files, pages and the document to sign are made of.

A frozen report is exactly this value, as canonical JSON. It holds figures and what chairs wrote; no
person is named but those who confirmed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from forms.indicators import Target
from sync.figures import Figure, Figures, exact
from sync.reports import canonical

PROVISIONAL = "tạm tính"
HiddenCell = tuple[str, str, str, str, str]  # level, place, indicator, cut, value

PlaceKey = tuple[str, str]  # level, key


@dataclass(frozen=True, slots=True)
class Head:
    """version, frozen_at: None while provisional. `first`…`last` (= D) are both in the period.

    tree: SHA-256 of all units and successions. forms: form → its current version.
    """

    period: str
    calendar: str
    first: date
    last: date
    version: int | None
    frozen_at: datetime | None  # what was received until then is counted
    gathered_at: datetime
    state: str
    reason: str
    tree: str
    forms: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LabelData:
    """A name in both languages."""

    id: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class PlaceData:
    """A place of any level. key: of figures. clubs: uuids of the clubs in it.

    is_expected: it counts as a club on D, so that a report of it is expected (of units: always).
    has_sent: anything was sent of it by D. note: what a reader must know of the place.
    """

    level: str
    key: str
    code: str
    name: str
    parent: PlaceKey | None
    parent_code: str
    clubs: tuple[str, ...]
    club_code: str = ""
    club_name: str = ""
    note: str = ""
    is_expected: bool = True
    has_sent: bool = True

    @property
    def id(self) -> PlaceKey:
        return self.level, self.key


@dataclass(frozen=True, slots=True)
class IndicatorData:
    """An indicator as it was. words: a fingerprint of how it is counted, to tell when that changed.

    narrows: the one fact, and its values, by which it is a part of what it is over, if that is all.
    total: the indicators it is the sum of, each with its factor. of_confirming: it tells who
    confirmed, so that confirming moves it.
    """

    id: str
    vi: str
    en: str
    unit_vi: str
    unit_en: str
    section: str
    formula_vi: str
    formula_en: str
    source: str
    over: str | None
    scale: Decimal
    divided_by: int
    levels: tuple[str, ...]
    by: tuple[str, ...]
    adds_up: bool
    sensitive: bool
    words: str
    narrows: tuple[str, tuple[str, ...]] | None = None
    total: Mapping[str, Decimal] = field(default_factory=dict)
    of_confirming: bool = False

    def value(self, figure: Figure) -> Decimal | None:
        """What is shown: a count or a share, not rounded."""
        if figure.numerator is None:
            return None
        if self.over is None:
            return figure.numerator / self.divided_by
        return self.scale * figure.numerator / figure.denominator if figure.denominator else None


@dataclass(frozen=True, slots=True)
class CutData:
    """A way to split; `bands`: its values in order."""

    name: str
    vi: str
    en: str
    fact: str
    sensitive: bool
    multi: bool
    bands: tuple[LabelData, ...]


@dataclass(frozen=True, slots=True)
class ColumnData:
    """A column of the table with a row per club, as `forms.indicators.Column`."""

    title: str
    show: str
    figure: str | None
    cut: str
    cut_values: tuple[str, ...]
    word: str | None


@dataclass(frozen=True, slots=True)
class ClubWords:
    """What that table says of a club beside figures, by the column's word."""

    texts: Mapping[str, str]
    days: Mapping[str, date]


@dataclass(frozen=True, slots=True)
class StepData:
    """One step of the chain: confirm, send_back, send, report, reopen; in the order of time.

    who, role: of the account; "" for the console. sha256: of the figures of that place as they
    stood then. by_form: sent from a phone by the form that confirms.
    """

    level: str
    place: str
    place_name: str
    act: str
    state: str
    actor: str
    who: str
    role: str
    at: datetime
    day: date
    sha256: str
    comment: str
    by_form: bool = False


@dataclass(frozen=True, slots=True)
class AnswerData:
    """What was written under one heading, in a section of the report."""

    id: str
    section: str
    vi: str
    en: str
    text: str


@dataclass(frozen=True, slots=True)
class Narrative:
    """What one club wrote."""

    club: str
    club_name: str
    day: date | None
    answers: tuple[AnswerData, ...]


@dataclass(frozen=True, slots=True)
class LateRecord:
    """A record that came, changed or went after a report was frozen. No answers.

    what: arrived | edited | deleted | counts_now | counts_no_more | linked (its person is now one
    with another, or no more)
    """

    instance_id: str
    form: str
    day: date | None
    received_at: datetime
    club: str
    club_name: str
    what: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure, as frozen (or as told since) and as it would be now; counts as stored."""

    level: str
    place: str
    place_name: str
    indicator: str
    cut: str
    cut_value: str
    then: Decimal | None
    now: Decimal | None
    then_over: Decimal | None = None
    now_over: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What an earlier report would say differently, because of what came after it was frozen."""

    period: str
    calendar: str
    version: int
    records: tuple[LateRecord, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class VersionData:
    """An earlier version of the same report."""

    version: int
    frozen_at: datetime
    sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted, so that later changes are found: ids of submissions and of their versions.

    not_counted: submissions that counted nothing then. waiting: versions not read yet. recent:
    those received in the hour before, for one may arrive while figures are gathered.
    """

    not_counted: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()
    recent: tuple[int, ...] = ()


@dataclass(frozen=True)
class ReportData:
    """One report, provisional or frozen. `targets`: in force on D, by level; bounds of the period.

    hidden: the cells whose number is not shown to this reader; see `small_cells.py`.
    """

    head: Head
    states: tuple[LabelData, ...]
    sections: tuple[LabelData, ...]
    places: tuple[PlaceData, ...]
    indicators: tuple[IndicatorData, ...]
    cuts: tuple[CutData, ...]
    targets: tuple[Target, ...]
    columns: tuple[ColumnData, ...]
    words: Mapping[str, ClubWords]
    chain: tuple[StepData, ...] = ()
    not_reported: tuple[str, ...] = ()
    narratives: tuple[Narrative, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    previous: tuple[VersionData, ...] = ()
    quality: str = ""  # the section whose indicators tell how good the data is
    small: int = 0
    group: LabelData = LabelData("", "", "")  # what a group whose figures are counted is called
    seen: Seen = field(default_factory=Seen)
    figures: Mapping[str, Figures] = field(default_factory=dict)
    sha256: str = ""  # of the snapshot; not a part of it
    hidden: frozenset[HiddenCell] = frozenset()  # of a reader; not a part of it

    @property
    def version_text(self) -> str:
        return PROVISIONAL if self.head.version is None else str(self.head.version)

    def state(self, key: str) -> LabelData:
        return next((one for one in self.states if one.id == key), LabelData(key, key, key))

    def place(self, level: str, key: str) -> PlaceData | None:
        return next((one for one in self.places if one.id == (level, key)), None)

    def indicator(self, name: str) -> IndicatorData:
        return self._indicators[name]

    @cached_property
    def _indicators(self) -> Mapping[str, IndicatorData]:
        return {one.id: one for one in self.indicators}

    def figure(self, place: PlaceData, indicator: str, cut: str = "", value: str = "") -> Figure:
        """The figure; without data where there is none."""
        key = (place.key, indicator, cut, value)
        return self.figures.get(place.level, {}).get(key, Figure(None))

    def value(
        self, place: PlaceData, indicator: str, cut: str = "", value: str = ""
    ) -> Decimal | None:
        """What may be shown of it, not rounded; None where there is no data or it is hidden."""
        if self.is_hidden(place, indicator, cut, value):
            return None
        return self.indicator(indicator).value(self.figure(place, indicator, cut, value))

    def is_hidden(self, place: PlaceData, indicator: str, cut: str = "", value: str = "") -> bool:
        """Whether its share, or a count without denominator, is kept from this reader."""
        over = self.indicator(indicator).over
        names = [indicator] if over is None else [indicator, over]
        return any((place.level, place.key, name, cut, value) in self.hidden for name in names)

    def target(self, indicator: str, level: str, place: str = "") -> Target | None:
        """What the indicator should be at this level, and at this place; of several the one that
        began last.
        """
        fitting = (
            one
            for one in self._targets.get((indicator, level), ())
            if one.clubs is None or place in one.clubs
        )
        return max(fitting, key=lambda one: one.valid_from, default=None)

    @cached_property
    def _targets(self) -> Mapping[tuple[str, str], Sequence[Target]]:
        found: dict[tuple[str, str], list[Target]] = {}
        for one in self.targets:
            for level in one.levels:
                found.setdefault((one.indicator, level), []).append(one)
        return found

    def reporting(self, place: PlaceData, indicator: str | None = None) -> tuple[int, int]:
        """Of the clubs in it that count on D: how many have sent anything (of this indicator), and
        how many there are.
        """
        inside = set(place.clubs)
        clubs = [one for one in self.expected if one.key in inside]
        if indicator is None:
            return sum(one.has_sent for one in clubs), len(clubs)
        sent = (self.figure(one, indicator).numerator is not None for one in clubs)
        return sum(sent), len(clubs)

    @cached_property
    def sensitive(self) -> tuple[frozenset[str], frozenset[str]]:
        """The indicators, and the cuts, whose small numbers are not for everybody."""
        return (
            frozenset(one.id for one in self.indicators if one.sensitive),
            frozenset(one.name for one in self.cuts if one.sensitive),
        )

    @cached_property
    def expected(self) -> tuple[PlaceData, ...]:
        """The clubs of which a report is expected."""
        return tuple(one for one in self.places if one.level == "club" and one.is_expected)

    def sha256_of(self, place: PlaceData) -> str:
        """The hash of this place's figures: that of its confirmation, unless they moved since."""
        without = {one.id for one in self.indicators if one.of_confirming}
        return figures_sha256(self.figures.get(place.level, {}), place.key, without)

    def in_section(self, section: str) -> Iterator[IndicatorData]:
        return (one for one in self.indicators if one.section == section)


def missing_of(indicator: str) -> str:
    """How the number of those missing in an indicator is called in `ReportData.hidden`."""
    return f"{indicator}?"


# ------------------------------------------------------------------ as bytes
def pack(data: ReportData) -> bytes:
    """The canonical JSON of a report: its hash stands for it."""
    plain = canonical.to_plain(replace(data, figures={}))
    del plain["sha256"], plain["hidden"]
    plain["figures"] = {level: _packed(found) for level, found in data.figures.items()}
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def unpack(content: bytes) -> ReportData:
    """The report that was packed."""
    plain = json.loads(content)
    figures = {level: _unpacked(found) for level, found in plain.pop("figures").items()}
    data = canonical.from_plain(ReportData, plain)
    return replace(data, figures=figures, sha256=hashlib.sha256(content).hexdigest())


def _packed(figures: Figures) -> dict[str, list[list[Any]]]:
    """By place, each a row: indicator, cut, value, numerator, denominator, missing."""
    found: dict[str, list[list[Any]]] = {}
    for (place, *cell), figure in sorted(figures.items()):
        numbers = (figure.numerator, figure.denominator)
        texts = [None if n is None else canonical.number_text(n) for n in numbers]
        found.setdefault(place, []).append([*cell, *texts, figure.missing])
    return found


def _unpacked(places: Mapping[str, list[list[Any]]]) -> Figures:
    return {
        (place, indicator, cut, value): Figure(exact(number), exact(below), missing)
        for place, rows in places.items()
        for indicator, cut, value, number, below, missing in rows
    }


def figures_sha256(figures: Figures, place: str, without: Collection[str]) -> str:
    """The hash of the figures of one place: what who confirmed it had before them.

    Zeros are left out, and indicators `without`: confirming itself makes a silent club's blanks
    zeros, and a club one that confirmed in time.
    """
    own = {
        key: figure
        for key, figure in figures.items()
        if key[0] == place and figure.numerator and key[1] not in without
    }
    return canonical.sha256(_packed(own).get(place, []))
