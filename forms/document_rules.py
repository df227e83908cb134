"""What a library says of the document to sign: its head and foot by level, its charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from forms.indicators import PLACES, BadIndicator

ChartKind = Literal["targets", "parts", "places"]
CHARTS: tuple[ChartKind, ...] = get_args(ChartKind)


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture in a section.

    targets: a bar for each indicator of `of`, with the band its target allows; parts: a bar for
    each part of `of` by `cut`; places: a bar of `of` for each place of the level below.
    """

    section: str
    kind: ChartKind
    title: str
    of: tuple[str, ...]
    cut: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class Signing:
    """Head and foot of the report of one level; `{place}` stands for the place's own name."""

    issuer: tuple[str, ...]
    to: tuple[str, ...]
    signer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """located: where it is signed. number: behind the slash of its number. columns: titles of the
    table with a row per club that the document shows of it.
    """

    title: str
    located: str
    number: str
    copies: tuple[str, ...]
    signing: Mapping[str, Signing]
    columns: tuple[str, ...]
    charts: tuple[Chart, ...]


def read_document_rules(entries: Mapping[str, Any]) -> DocumentRules | None:
    """[document] and [[chart]] of report.toml; None where a library signs none.

    Raises BadIndicator, in both languages; KeyError, TypeError where a word is missing.
    """
    if "document" not in entries:
        return None
    found = entries["document"]
    signing = found["signing"]
    strange = set(signing) - set(PLACES)
    if strange:
        raise BadIndicator(f"không có cấp “{min(strange)}”", f"no level “{min(strange)}”")
    return DocumentRules(
        title=str(found["title"]),
        located=str(found["located"]),
        number=str(found["number"]),
        copies=tuple(map(str, found.get("copies", ()))),
        signing={level: _signing(entry) for level, entry in signing.items()},
        columns=tuple(map(str, found.get("columns", ()))),
        charts=tuple(_chart(entry) for entry in entries.get("chart", ())),
    )


def _signing(entry: Mapping[str, Any]) -> Signing:
    return Signing(
        issuer=tuple(map(str, entry["issuer"])),
        to=tuple(map(str, entry["to"])),
        signer=tuple(map(str, entry["signer"])),
    )


def _chart(entry: Mapping[str, Any]) -> Chart:
    kind = entry["kind"]
    if kind not in CHARTS:
        said = ", ".join(CHARTS)
        raise BadIndicator(f"không có hình “{kind}”; có: {said}", f"no chart “{kind}”; use: {said}")
    of = entry["of"]
    return Chart(
        section=str(entry["section"]),
        kind=kind,
        title=str(entry["title"]),
        of=tuple(map(str, of)) if isinstance(of, list) else (str(of),),
        cut=str(entry.get("cut", "")),
        title_en=str(entry.get("title_en", "")),
    )


def chart_slips(
    rules: DocumentRules, indicators: Mapping[str, Any], titles: frozenset[str]
) -> list[tuple[str, str, str]]:
    """Where, in Vietnamese, in English: indicators and columns that are not there.

    indicators: id → forms.indicators.Indicator. titles: of the columns of the table of clubs.
    """
    found = []
    for chart in rules.charts:
        for name in chart.of:
            if name not in indicators:
                found.append((chart.title, f"không có “{name}”", f"nothing is called “{name}”"))
            elif chart.cut and chart.cut not in indicators[name].by:
                vi, en = f"“{name}” không chia theo “{chart.cut}”", f"“{name}” has no “{chart.cut}”"
                found.append((chart.title, vi, en))
    strange = (title for title in rules.columns if title not in titles)
    found += [("document", f"không có cột “{t}”", f"there is no column “{t}”") for t in strange]
    return found
