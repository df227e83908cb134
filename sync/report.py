"""A period's figures as the two files a supervisor expects: a row per club, and a row per figure.

Until a report is closed its figures are provisional, and say so. A share is divided, compared with
its target and only then rounded; “–” is no data, 0 is none counted (domain §4.7, §4.8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.cells import Cell, Table, to_text
from forms.days import read_day
from forms.indicators import Column, Indicator, Target
from forms.periods import Period
from sync import places, rollup
from sync.clubs import plain_name
from sync.figures import WHOLE, Figure, Figures
from sync.places import Tree, Unit, UnitPath
from sync.tables import entities

if TYPE_CHECKING:
    from forms.library import Library

NO_DATA = "–"
PROVISIONAL = "tạm tính"
UNDECIDED = "Chưa rõ xã/phường sau khi chia tách."
LEVELS = {"city": "tp", "district": "huyen", "commune": "xa", "club": "clb"}
UNIT_LEVELS = ("city", "district", "commune")
JUDGED = {"low": "thap", "met": "dat", "high": "cao"}
HEADER = (
    "Kỳ báo cáo", "Từ ngày", "Đến ngày", "Ngày chốt", "Phiên bản", "Cấp (clb/xa/huyen/tp)",
    "Mã đơn vị", "Tên đơn vị", "Mã đơn vị cha", "Mã CLB", "Tên CLB", "Mã chỉ tiêu", "Tên chỉ tiêu",
    "Mã phân tổ", "Phân tổ", "Tử số", "Mẫu số", "Giá trị", "Đơn vị tính", "Chỉ tiêu kế hoạch",
    "Đánh giá (dat/thap/cao/khong_ap_dung)", "Thiếu thông tin", "Ghi chú",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClubPlace:
    """A club on day D: its entity and the units it is in."""

    uuid: str
    label: str
    data: Mapping[str, str]
    path: UnitPath

    @property
    def order(self) -> tuple[str, str, str]:
        district = self.path.district.code if self.path.district else ""
        commune = self.path.commune.code if self.path.commune else ""
        return district, commune, self.data.get("club_code", self.label)


@dataclass(frozen=True, slots=True)
class Place:
    """A place of any level as the long file names it."""

    level: str
    key: str  # as in Figures: a club's uuid, a unit's id as text
    code: str
    name: str
    parent_code: str
    clubs: tuple[str, ...]  # uuids of those in it
    club_code: str = ""
    club_name: str = ""
    note: str = ""


def report_tables(
    db: Connection, library: Library, period: Period, *, clubs: frozenset[str] | None = None
) -> tuple[Table, Table]:
    """`bao_cao_clb_<kỳ>` and `chi_tieu_<kỳ>`. `clubs` cuts both to these clubs (None = all).

    A place above with any club outside is then left out: a part is not the place's figure.
    """
    tree = places.read_tree(db)
    known = _clubs_on(db, period.last)
    seen = [club for club in known if clubs is None or club.uuid in clubs]
    figures = rollup.roll_up_all(db, library, period)
    return (
        Table(
            f"bao_cao_clb_{period.code}",
            tuple(column.title for column in library.figures.columns),
            tuple(_club_rows(library, period, seen, figures["club"])),
        ),
        Table(
            f"chi_tieu_{period.code}",
            HEADER,
            tuple(_figure_rows(library, period, _places(tree, known, seen, figures), figures)),
        ),
    )


def _clubs_on(db: Connection, day: date) -> list[ClubPlace]:
    """The clubs that had a place on that day, by district, commune and code."""
    paths = places.clubs_by_unit(db, day)
    c = entities.c
    rows = db.execute(
        sa.select(c.uuid, c.label, c.data).where(c.uuid.in_(paths), c.deleted_at.is_(None))
    )
    found = [ClubPlace(row.uuid, row.label, row.data, paths[row.uuid]) for row in rows]
    return sorted(found, key=lambda club: club.order)


# ------------------------------------------------------------------ a row per club
def _club_rows(
    library: Library, period: Period, clubs: Iterable[ClubPlace], figures: Figures
) -> Iterator[tuple[Cell, ...]]:
    columns = library.figures.columns
    unfed = any(column.show == "nothing" for column in columns)
    for number, club in enumerate(clubs, start=1):
        notes = ["Cột trống: chưa có biểu mẫu thu thập."] if unfed and number == 1 else []
        if club.path.undecided:
            notes.append(UNDECIDED)
        words = _words(period, club, number, " ".join(notes))
        yield tuple(_club_cell(library, column, club, words, figures) for column in columns)


def _words(period: Period, club: ClubPlace, number: int, note: str) -> dict[str, Cell]:
    commune, district = club.path.commune, club.path.district
    return {
        **club.data,
        "number": number,
        "period": period.code,
        "closes_on": period.last,
        "district_code": district.code if district else None,
        "district_name": district.full_name if district else None,
        "commune_code": commune.code if commune else None,
        "commune_name": commune.full_name if commune else None,
        "club_name": plain_name(club.label),
        "note": note,
    }


def _club_cell(
    library: Library,
    column: Column,
    club: ClubPlace,
    words: Mapping[str, Cell],
    figures: Figures,
) -> Cell:
    if column.show == "place":
        return words.get(column.word or "")
    if column.show == "day":
        return read_day(club.data.get(column.word or "", ""))
    if column.figure is None:
        return None
    indicator = library.figures.indicators[column.figure]
    whole = figures.get((club.uuid, indicator.id, *WHOLE), Figure(None))
    if whole.numerator is None:
        return NO_DATA
    return _SHOWN[column.show](indicator, whole, _cut_total(figures, club.uuid, column))


def _cut_total(figures: Figures, place: str, column: Column) -> Decimal | None:
    """The sum over the cut's values that a column asks for; None where it asks for the whole."""
    if not column.cut:
        return None
    assert column.figure is not None
    keys = ((place, column.figure, column.cut, value) for value in column.cut_values)
    parts = (figures[key].numerator for key in keys if key in figures)
    return sum((part for part in parts if part is not None), Decimal(0))


def _count(indicator: Indicator, whole: Figure, cut: Decimal | None) -> Cell:
    assert whole.numerator is not None
    return tidy(whole.numerator / indicator.divided_by if cut is None else cut)


def _share(indicator: Indicator, whole: Figure, cut: Decimal | None) -> Cell:
    return rounded(whole.value(indicator))


def _missing(indicator: Indicator, whole: Figure, cut: Decimal | None) -> Cell:
    return whole.missing


def _yes_no(indicator: Indicator, whole: Figure, cut: Decimal | None) -> Cell:
    return "có" if whole.numerator else "không"


_SHOWN: Mapping[str, Callable[[Indicator, Figure, Decimal | None], Cell]] = {
    "count": _count,
    "share": _share,
    "missing": _missing,
    "yes_no": _yes_no,
}


# ------------------------------------------------------------------ a row per figure
def _places(
    tree: Tree, known: list[ClubPlace], seen: list[ClubPlace], figures: Mapping[str, Figures]
) -> list[Place]:
    """City, districts, communes, clubs; a unit only when all its clubs are seen.

    Who sees every club also sees the units that have none: a district with 0 of 5 wards.
    """
    found = []
    for level in UNIT_LEVELS:
        inside: dict[int | None, list[str]] = {}
        if len(seen) == len(known):
            inside = {int(unit): [] for unit, *_ in figures[level]}
        for club in seen:
            inside.setdefault(_unit_id(club, level), []).append(club.uuid)
        hidden = {_unit_id(club, level) for club in known if club not in seen}
        found += [
            _unit_place(tree, tree.units[unit], clubs)
            for unit, clubs in inside.items()
            if unit is not None and unit not in hidden
        ]
    order = {level: n for n, level in enumerate(UNIT_LEVELS)}
    found.sort(key=lambda place: (order[place.level], place.code))
    return found + [_club_place(club) for club in seen]


def _unit_place(tree: Tree, unit: Unit, clubs: Iterable[str]) -> Place:
    above = tree.units[unit.parent_id].code if unit.parent_id is not None else ""
    return Place(unit.level, str(unit.id), unit.code, unit.full_name, above, tuple(clubs))


def _club_place(club: ClubPlace) -> Place:
    commune = club.path.commune
    above = club.path.district or club.path.city
    return Place(
        "club",
        club.uuid,
        commune.code if commune else "",
        commune.full_name if commune else "",
        above.code if above else "",
        (club.uuid,),
        club.data.get("club_code", ""),
        plain_name(club.label),
        UNDECIDED if club.path.undecided else "",
    )


def _unit_id(club: ClubPlace, level: str) -> int | None:
    unit = getattr(club.path, level)
    return unit.id if unit else None


def _figure_rows(
    library: Library,
    period: Period,
    shown: Iterable[Place],
    figures: Mapping[str, Figures],
) -> Iterator[tuple[Cell, ...]]:
    indicators = sorted(library.figures.indicators.values(), key=lambda one: one.id)
    cuts = _cut_labels(library)
    parts = {level: _cut_cells(found, cuts) for level, found in figures.items()}
    for place in shown:
        here = figures[place.level]
        for indicator in indicators:
            whole = (place.key, indicator.id, *WHOLE)
            if place.level not in indicator.levels or not (place.clubs or whole in here):
                continue
            note = place.note or _who_sent(place, indicator, figures["club"])
            cells = parts[place.level].get((place.key, indicator.id), [])
            for cut, value in (WHOLE, *cells):
                figure = here.get((place.key, indicator.id, cut, value), Figure(None))
                target = _target(library, indicator, place, period)
                yield (
                    *_where(period, place),
                    indicator.id,
                    indicator.vi,
                    f"{cut}={value}" if cut else "",
                    cuts.get((cut, value), value),
                    *_numbers(indicator, figure),
                    *_against(indicator, figure, None if cut else target),
                    figure.missing or None,
                    note if not cut else "",
                )


def _target(library: Library, indicator: Indicator, place: Place, period: Period) -> Target | None:
    found = library.figures.target(indicator.id, place.level, period.last)
    return found.over(period.months) if found else None


def _where(period: Period, place: Place) -> tuple[Cell, ...]:
    return (
        period.code,
        period.first,
        period.last,
        period.last,
        PROVISIONAL,
        LEVELS[place.level],
        place.code,
        place.name,
        place.parent_code,
        place.club_code,
        place.club_name,
    )


def _cut_cells(
    figures: Figures, cuts: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The parts there are of each (place, indicator), in the library's order."""
    order = {cell: n for n, cell in enumerate(cuts)}
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for place, indicator, cut, value in figures:
        if cut:
            found.setdefault((place, indicator), []).append((cut, value))
    for cells in found.values():
        cells.sort(key=lambda cell: (order.get(cell, len(order)), cell))
    return found


def _cut_labels(library: Library) -> dict[tuple[str, str], str]:
    return {
        (name, band.value): f"{cut.vi}: {band.vi}"
        for name, cut in library.figures.cuts.items()
        for band in cut.bands
    }


def _numbers(indicator: Indicator, figure: Figure) -> tuple[Cell, Cell, Cell, Cell]:
    """Numerator, denominator, value, unit."""
    if figure.numerator is None:
        return NO_DATA, None, NO_DATA, indicator.unit_vi
    numerator = tidy(figure.numerator / indicator.divided_by)
    if indicator.over is None:
        return numerator, None, numerator, indicator.unit_vi
    value = rounded(figure.value(indicator))
    denominator = None if figure.denominator is None else tidy(figure.denominator)
    return numerator, denominator, value, indicator.unit_vi


def _against(indicator: Indicator, figure: Figure, target: Target | None) -> tuple[Cell, Cell]:
    """The target in words, and how the unrounded value stands to it."""
    value = figure.value(indicator)
    if target is None or value is None:
        return (None if target is None else target_text(target)), "khong_ap_dung"
    return target_text(target), JUDGED[target.judge(value)]


def target_text(target: Target) -> str:
    """ "60–70", "≥ 70", "> 50" """
    above, low, high = (
        None if bound is None else to_text(tidy(bound))
        for bound in (target.above, target.at_least, target.at_most)
    )
    if low and high:
        return f"{low}–{high}"
    signs = {"> ": above, "≥ ": low, "≤ ": high}
    return ", ".join(sign + bound for sign, bound in signs.items() if bound)


def _who_sent(place: Place, indicator: Indicator, clubs: Figures) -> str:
    """ "5/6 CLB có số liệu" above club level, so that a silent club is not read as a zero."""
    if place.level == "club" or "club" not in indicator.levels:
        return ""
    keys = ((uuid, indicator.id, *WHOLE) for uuid in place.clubs)
    sent = sum(1 for key in keys if clubs.get(key, Figure(None)).numerator is not None)
    return f"{sent}/{len(place.clubs)} CLB có số liệu"


# ------------------------------------------------------------------ numbers
def rounded(value: Decimal | None) -> Cell:
    """A share with one decimal; “–” where there is nothing to divide by."""
    return NO_DATA if value is None else value.quantize(Decimal("0.1"), ROUND_HALF_UP)


def tidy(value: Decimal) -> Cell:
    """A whole number without decimals, another with up to two: hours of clubs add up by hand."""
    whole = value == value.to_integral_value()
    return int(value) if whole else value.quantize(Decimal("0.01"), ROUND_HALF_UP).normalize()
