"""A report as the two files a supervisor expects: a row per club, and a row per figure.

Made of ReportData only, so a frozen report gives the same bytes for ever. A share is divided,
compared with its target and only then rounded; “–” is no data, 0 is none counted (domain §4.7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from forms.cells import Cell, Table, to_text
from forms.indicators import Target
from sync.figures import WHOLE, Figure
from sync.reports.data import ColumnData, IndicatorData, PlaceData, ReportData, missing_of

NO_DATA = "–"
HIDDEN = "ẩn"  # small, or it would tell what is small; which of both is not said
_SWAPPED = str.maketrans(",.", ".,")
UNFED = "Cột trống: chưa có biểu mẫu thu thập."
HIDES = "ẩn: số quá nhỏ, hoặc từ đó tính ra được số quá nhỏ."
LEVELS = {"city": "tp", "district": "huyen", "commune": "xa"}
JUDGED = {"low": "thap", "met": "dat", "high": "cao"}
HEADER = (  # {code}, {group}: what the library calls a group whose figures are counted
    "Kỳ báo cáo", "Từ ngày", "Đến ngày", "Ngày chốt", "Phiên bản", "Cấp ({code}/xa/huyen/tp)",
    "Mã đơn vị", "Tên đơn vị", "Mã đơn vị cha", "Mã {group}", "Tên {group}",
    "Mã chỉ tiêu", "Tên chỉ tiêu",
    "Mã phân tổ", "Phân tổ", "Tử số", "Mẫu số", "Giá trị", "Đơn vị tính", "Chỉ tiêu kế hoạch",
    "Đánh giá (dat/thap/cao/khong_ap_dung)", "Thiếu thông tin", "Ghi chú",
)  # fmt: skip


def report_tables(data: ReportData) -> tuple[Table, Table]:
    """A table with a row per group whose figures are counted, and one with a row per figure."""
    return club_table(data), figure_table(data)


# ------------------------------------------------------------------ a row per club
def club_table(data: ReportData) -> Table:
    """One row per club, by district, commune and code."""
    titles = tuple(column.title for column in data.columns)
    return Table(f"bao_cao_{data.group.id}_{data.head.period}", titles, tuple(_club_rows(data)))


def _club_rows(data: ReportData) -> Iterator[tuple[Cell, ...]]:
    unfed = any(column.show == "nothing" for column in data.columns)
    clubs = [place for place in data.places if place.level == "club"]
    for number, club in enumerate(clubs, start=1):
        words = _words(data, club, number)
        cells = [_club_cell(data, column, club, words) for column in data.columns]
        notes = [UNFED] if unfed and number == 1 else []
        notes += [club.note] if club.note else []
        notes += [HIDES] if HIDDEN in cells else []
        if not notes:
            yield tuple(cells)
            continue
        words["note"] = " ".join(notes)
        yield tuple(_club_cell(data, column, club, words) for column in data.columns)


def _words(data: ReportData, club: PlaceData, number: int) -> dict[str, Cell]:
    told = data.words[club.key]
    head = data.head
    words: dict[str, Cell] = {"number": number, "period": head.period, "closes_on": head.last}
    return {**words, **dict(told.texts), **dict(told.days), "note": ""}


def _club_cell(
    data: ReportData, column: ColumnData, club: PlaceData, words: Mapping[str, Cell]
) -> Cell:
    if column.word is not None:
        return words.get(column.word)
    if column.figure is None:
        return None
    indicator = data.indicator(column.figure)
    whole = data.figure(club, indicator.id)
    if whole.numerator is None:
        return NO_DATA
    values = [(column.cut, value) for value in column.cut_values] if column.cut else [WHOLE]
    if _is_kept_back(data, column, club, values):
        return HIDDEN
    parts = (data.figure(club, indicator.id, *value).numerator for value in values)
    number = sum((part for part in parts if part is not None), Decimal(0))
    return _SHOWN[column.show](indicator, whole, number)


def _is_kept_back(
    data: ReportData, column: ColumnData, club: PlaceData, values: Iterable[tuple[str, str]]
) -> bool:
    """A share hides with what it is over; a count only by itself, or one part of it."""
    assert column.figure is not None
    if column.show == "share":
        return data.is_hidden(club, column.figure)
    name = missing_of(column.figure) if column.show == "missing" else column.figure
    return any((club.level, club.key, name, *value) in data.hidden for value in values)


def _count(indicator: IndicatorData, whole: Figure, number: Decimal) -> Cell:
    return tidy(number / indicator.divided_by)


def _share(indicator: IndicatorData, whole: Figure, number: Decimal) -> Cell:
    return rounded(indicator.value(whole))


def _missing(indicator: IndicatorData, whole: Figure, number: Decimal) -> Cell:
    return whole.missing


def _yes_no(indicator: IndicatorData, whole: Figure, number: Decimal) -> Cell:
    return "có" if number else "không"


_SHOWN: Mapping[str, Callable[[IndicatorData, Figure, Decimal], Cell]] = {
    "count": _count,
    "share": _share,
    "missing": _missing,
    "yes_no": _yes_no,
}


# ------------------------------------------------------------------ a row per figure
def figure_table(data: ReportData) -> Table:
    """One row per place, indicator and part: city, districts, communes, clubs."""
    header = tuple(title.format(code=data.group.id, group=data.group.vi) for title in HEADER)
    return Table(f"chi_tieu_{data.head.period}", header, tuple(_figure_rows(data)))


def _figure_rows(data: ReportData) -> Iterator[tuple[Cell, ...]]:
    cuts = _cuts(data)
    for place, indicator, cell in figures_in_order(data):
        cut, value = cell
        yield (
            *_where(data, place),
            indicator.id,
            indicator.vi,
            f"{cut}={value}" if cut else "",
            cuts.get(cell, value),
            *figure_cells(data, place, indicator, target_of(data, place, indicator, cell), cell),
            "" if cut else place.note or _who_sent(data, place, indicator),
        )


def figures_in_order(
    data: ReportData,
) -> Iterator[tuple[PlaceData, IndicatorData, tuple[str, str]]]:
    """Each place, indicator and part (WHOLE first) of which there is something to say."""
    indicators = sorted(data.indicators, key=lambda one: one.id)
    cuts = _cuts(data)
    parts = {level: _cut_cells(found, cuts) for level, found in data.figures.items()}
    for place in data.places:
        here = data.figures.get(place.level, {})
        for indicator in indicators:
            whole = (place.key, indicator.id, *WHOLE)
            if place.level not in indicator.levels or not (place.clubs or whole in here):
                continue
            below = parts.get(place.level, {}).get((place.key, indicator.id), ())
            yield from ((place, indicator, cell) for cell in (WHOLE, *below))


def target_of(
    data: ReportData, place: PlaceData, indicator: IndicatorData, cell: tuple[str, str]
) -> Target | None:
    """What it should be; of a part nothing is said."""
    return data.target(indicator.id, place.level, place.key) if cell == WHOLE else None


def _cuts(data: ReportData) -> dict[tuple[str, str], str]:
    return {(cut.name, b.id): f"{cut.vi}: {b.vi}" for cut in data.cuts for b in cut.bands}


def _where(data: ReportData, place: PlaceData) -> tuple[Cell, ...]:
    head = data.head
    return (
        *(head.period, head.first, head.last, head.last, data.version_text),
        *(LEVELS.get(place.level, data.group.id), place.code, place.name, place.parent_code),
        *(place.club_code, place.club_name),
    )


def _cut_cells(
    figures: Iterable[tuple[str, str, str, str]], cuts: Iterable[tuple[str, str]]
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


def figure_cells(
    data: ReportData,
    place: PlaceData,
    indicator: IndicatorData,
    target: Target | None,
    cell: tuple[str, str] = WHOLE,
) -> tuple[Cell, ...]:
    """Numerator, denominator, value, unit, target, judgement, how many are missing."""
    figure = data.figure(place, indicator.id, *cell)
    own = (place.level, place.key)
    if figure.numerator is None:
        numbers: tuple[Cell, Cell, Cell] = (NO_DATA, None, NO_DATA)
        value = None
    else:
        value = None if data.is_hidden(place, indicator.id, *cell) else indicator.value(figure)
        hides = (*own, indicator.id, *cell) in data.hidden
        count: Cell = HIDDEN if hides else tidy(figure.numerator / indicator.divided_by)
        if indicator.over is None:
            numbers = count, None, count
        else:
            below = figure.denominator
            hides_below = (*own, indicator.over, *cell) in data.hidden
            shown_below = None if below is None else HIDDEN if hides_below else tidy(below)
            numbers = count, shown_below, HIDDEN if hides or hides_below else rounded(value)
    missing: Cell = figure.missing or None
    if missing and (*own, missing_of(indicator.id), *cell) in data.hidden:
        missing = HIDDEN
    return *numbers, indicator.unit_vi, *_against(target, value), missing


def _against(target: Target | None, value: Decimal | None) -> tuple[Cell, Cell]:
    """The target in words, and how the unrounded value stands to it."""
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


def _who_sent(data: ReportData, place: PlaceData, indicator: IndicatorData) -> str:
    """ "5/6 … có số liệu" above club level, so that a silent club is not read as a zero."""
    if place.level == "club" or "club" not in indicator.levels:
        return ""
    sent, clubs = data.reporting(place, indicator.id)
    return f"{sent}/{clubs} {data.group.vi} có số liệu"


# ------------------------------------------------------------------ numbers
def rounded(value: Decimal | None) -> Cell:
    """A share with one decimal; “–” where there is nothing to divide by."""
    return NO_DATA if value is None else value.quantize(Decimal("0.1"), ROUND_HALF_UP)


def tidy(value: Decimal) -> Cell:
    """A whole number without decimals, another with up to two: hours of clubs add up by hand."""
    whole = value == value.to_integral_value()
    return int(value) if whole else value.quantize(Decimal("0.01"), ROUND_HALF_UP).normalize()


def to_read(cell: Cell) -> str:
    """As a person reads it: thousands by dots (domain §7.7)."""
    if isinstance(cell, int | Decimal):
        return f"{cell:,}".translate(_SWAPPED)
    return cell if isinstance(cell, str) else to_text(cell)
