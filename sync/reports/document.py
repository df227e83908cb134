"""The report as a document to sign: a PDF, set by the library's template, made of ReportData only.

The same report gives the same bytes on any machine: fonts come with the typesetter, and the time in
the file is that of the report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forms.cells import to_text
from forms.days import to_vietnamese, vietnam_day
from forms.document_rules import Chart, DocumentRules, Signing
from forms.problems import NO_DOCUMENT, Refused
from sync.figures import Figure
from sync.reports.charts import Bar, bars_of
from sync.reports.data import IndicatorData, PlaceData, ReportData
from sync.reports.tables import NO_DATA, club_table, figure_cells, rounded, tidy, to_read

if TYPE_CHECKING:
    from forms.library import Library

TEMPLATE = "report.typ"
Json = dict[str, Any]


def to_pdf(library: Library, data: ReportData, place: PlaceData) -> bytes:
    """The document of one place. Refused(NO_DOCUMENT) where the library has none of its level."""
    rules, template = library.report.document, library.path / TEMPLATE
    if rules is None or place.level not in rules.signing or not template.is_file():
        raise Refused(NO_DOCUMENT(level=place.level))
    import typst  # only here: thirty megabytes that nobody else needs

    content = json.dumps(contents(rules, data, place), ensure_ascii=False)
    made: bytes = typst.compile(
        template,
        root=library.path,
        sys_inputs={"data": content},
        ignore_system_fonts=True,
        timestamp=int((data.head.frozen_at or data.head.gathered_at).timestamp()),
    )
    return made


def contents(rules: DocumentRules, data: ReportData, place: PlaceData) -> Json:
    """What the template sets: texts as they are read, and lengths of bars from 0 to 1."""
    return {
        "head": _head(rules, rules.signing[place.level], data, place),
        "sections": [
            {
                "id": section.id,
                "title": section.vi,
                "said": _said(data, place, section.id),
                "rows": [_row(data, place, one) for one in _shown(data, section.id, place.level)],
                "charts": [
                    _chart(data, place, one) for one in rules.charts if one.section == section.id
                ],
            }
            for section in data.sections
            if section.id != data.quality
        ],
        "table": _clubs(rules, data, place),
        "quality": _quality(data, place),
        "not_reported": [
            one.club_name for one in _clubs_of(data, place) if one.key in data.not_reported
        ],
        "adjustments": _adjustments(data, place),
        "chain": _chain(data, place),
    }


# ------------------------------------------------------------------ head and foot
def _head(rules: DocumentRules, signing: Signing, data: ReportData, place: PlaceData) -> Json:
    head = data.head
    sent, clubs = data.reporting(place)
    name = place.club_name or place.name
    return {
        "issuer": [line.format(place=name) for line in signing.issuer],
        "to": [line.format(place=name) for line in signing.to],
        "signer": [line.format(place=name) for line in signing.signer],
        "copies": list(rules.copies),
        "located": rules.located,
        "number": rules.number,
        "title": rules.title,
        "period": head.period,
        "first": to_vietnamese(head.first),
        "last": to_vietnamese(head.last),
        "place": name,
        "state": data.state(head.state).vi,
        "provisional": head.version is None,
        "version": data.version_text,
        "counted_until": _moment(head.frozen_at or head.gathered_at),
        "reason": head.reason,
        "sha256": data.sha256,
        "reporting": f"{sent}/{clubs}",
    }


def _moment(at: datetime) -> str:
    return to_text(at)


# ------------------------------------------------------------------ figures
def _shown(data: ReportData, section: str, level: str) -> Iterable[IndicatorData]:
    found = (one for one in data.in_section(section) if level in one.levels)
    return sorted(found, key=lambda one: one.id)


def _row(data: ReportData, place: PlaceData, indicator: IndicatorData) -> Json:
    target = data.target(indicator.id, place.level, place.key)
    numerator, denominator, value, unit, wanted, judged, missing = (
        to_read(cell) for cell in figure_cells(data, place, indicator, target)
    )
    return {
        "id": indicator.id,
        "name": indicator.vi,
        "unit": unit,
        "value": value,
        "detail": f"{numerator}/{denominator}" if denominator else "",
        "target": wanted,
        "judged": judged if wanted and value != NO_DATA else "",
        "missing": missing,
    }


# ------------------------------------------------------------------ charts
def _chart(data: ReportData, place: PlaceData, chart: Chart) -> Json:
    bars = bars_of(data, place, chart)
    return {"title": chart.title, "kind": chart.kind, "bars": [_bar(data, one) for one in bars]}


def _bar(data: ReportData, bar: Bar) -> Json:
    """A share with its unit and the band of its target; a number by itself."""
    one = data.indicator(bar.indicator)
    text = f"{to_read(rounded(bar.value))} {one.unit_vi}" if one.over else to_read(tidy(bar.value))
    ends = {} if bar.low is None else {"low": bar.low, "high": bar.high}
    return {"label": bar.vi, "text": text, "share": bar.share, **ends}


# ------------------------------------------------------------------ what clubs wrote, appendices
def _clubs_of(data: ReportData, place: PlaceData) -> list[PlaceData]:
    inside = set(place.clubs)
    return [one for one in data.places if one.level == "club" and one.key in inside]


def _said(data: ReportData, place: PlaceData, section: str) -> list[Json]:
    """By heading: what each club wrote there, in this section of the report."""
    inside = set(place.clubs)
    found: dict[str, list[Json]] = {}
    for narrative in data.narratives:
        if narrative.club in inside:
            for answer in (one for one in narrative.answers if one.section == section):
                said = {"club": narrative.club_name, "text": answer.text}
                found.setdefault(answer.vi, []).append(said)
    return [{"title": title, "said": said} for title, said in found.items()]


def _clubs(rules: DocumentRules, data: ReportData, place: PlaceData) -> Json:
    """The chosen columns of the table with a row per club, for the clubs of this place."""
    table = club_table(data)
    at = [table.header.index(title) for title in rules.columns if title in table.header]
    clubs = [one for one in data.places if one.level == "club"]
    inside = set(place.clubs)
    rows = [
        [to_read(row[i]) for i in at]
        for club, row in zip(clubs, table.rows, strict=True)
        if club.key in inside
    ]
    return {"header": [table.header[i] for i in at], "rows": rows}


def _quality(data: ReportData, place: PlaceData) -> Json:
    indicators = list(_shown(data, data.quality, "club"))
    rows = [
        [club.club_name, *(_row(data, club, one)["value"] for one in indicators)]
        for club in _clubs_of(data, place)
    ]
    return {"header": [[one.id, one.vi, one.unit_vi] for one in indicators], "rows": rows}


def _adjustments(data: ReportData, place: PlaceData) -> list[Json]:
    found = []
    for one in data.adjustments:
        own = [d for d in one.differences if (d.level, d.place) == place.id and not d.cut]
        records = [r for r in one.records if r.club in set(place.clubs)]
        if own or records:
            found.append(
                {
                    "period": one.period,
                    "version": one.version,
                    "records": len(records),
                    "figures": [
                        {
                            "id": d.indicator,
                            "then": as_told(data, d.indicator, Figure(d.then, d.then_over)),
                            "now": as_told(data, d.indicator, Figure(d.now, d.now_over)),
                        }
                        for d in own
                    ],
                }
            )
    return found


def as_told(data: ReportData, name: str, figure: Figure) -> str:
    """A figure as it was told; a count where its indicator is no more."""
    indicator = next((one for one in data.indicators if one.id == name), None)
    value = figure.numerator if indicator is None else indicator.value(figure)
    if value is None:
        return NO_DATA
    return to_read(rounded(value) if indicator is not None and indicator.over else tidy(value))


def _chain(data: ReportData, place: PlaceData) -> list[Json]:
    inside = (
        {place.id, *(("club", club) for club in place.clubs)} if place.level != "city" else None
    )
    return [
        {
            "place": step.place_name,
            "state": data.state(step.state).vi,
            "who": step.who or "–",
            "day": to_vietnamese(vietnam_day(step.at)),
            "sha256": step.sha256[:12],
            "comment": step.comment,
        }
        for step in data.chain
        if inside is None or (step.level, step.place) in inside
    ]
