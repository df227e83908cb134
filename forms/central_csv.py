"""Submissions as the CSV of ODK Central: the exact headers programs look for, LF, no BOM.

For machines: nothing is disarmed and answers stand as they were sent. People open the export of
`sync/export.py` instead, which guards against formulas.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from forms.odata import read_points
from forms.tree import Node, rows_along, text_of, way_to
from forms.xml import Element, child

AFTER = (
    *("KEY", "SubmitterID", "SubmitterName", "AttachmentsPresent", "AttachmentsExpected"),
    *("Status", "ReviewState", "DeviceID", "Edits", "FormVersion"),
)
_POINT = ("Latitude", "Longitude", "Altitude", "Accuracy")


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How the columns are asked for."""

    group_paths: bool = True
    split_selects: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One question of a table: the steps to it below the table, and its titles in the header."""

    node: Node
    steps: tuple[Node, ...]
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One CSV file: of the form itself (no way to go) or of the repeat at its end."""

    filename: str
    way: tuple[Node, ...]
    columns: tuple[Column, ...]

    @property
    def header(self) -> list[str]:
        titles = [title for column in self.columns for title in column.titles]
        if not self.way:
            return ["SubmissionDate", *titles, *AFTER]
        return [*titles, "PARENT_KEY", "KEY"]


def sheets(root: Node, xml_form_id: str, options: CsvOptions) -> list[Sheet]:
    """Every file there is, with its header: a pure function of the tree and the options."""
    form = xml_form_id.replace("/", "_").replace("\\", "_")
    found = [Sheet(f"{form}.csv", (), _columns(root, options))]
    taken: dict[str, int] = {}
    for node in root.repeats():
        number = taken.get(node.name, 0)
        taken[node.name] = number + 1
        name = f"{form}-{node.name}{f'~{number}' if number else ''}.csv"
        found.append(Sheet(name, way_to(root, node), _columns(node, options)))
    return found


def _columns(table: Node, options: CsvOptions) -> tuple[Column, ...]:
    taken: set[str] = set()
    return tuple(
        Column(node, steps, _titles(node, steps, options, taken))
        for node, steps in _values(table, ())
    )


def _values(holder: Node, steps: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    for node in holder.children():
        if node.kind == "value":
            yield node, steps
        elif node.kind == "group":
            yield from _values(node, (*steps, node))


def _titles(
    node: Node, steps: Sequence[Node], options: CsvOptions, taken: set[str]
) -> tuple[str, ...]:
    path = [step.name for step in steps] if options.group_paths else []
    name = _free("-".join((*path, node.name)), taken)
    if node.type == "geopoint":
        return tuple(f"{name}-{part}" for part in _POINT)
    if node.type == "select" and options.split_selects:
        return (name, *(f"{name}/{code}" for code in node.choices))
    return (name,)


def _free(name: str, taken: set[str]) -> str:
    """Without group paths two questions may share a name: the second is `name~1`."""
    free, number = name, 0
    while free in taken:
        number += 1
        free = f"{name}~{number}"
    taken.add(free)
    return free


# ------------------------------------------------------------------ rows
def form_cells(
    sheet: Sheet, element: Element | None, submitted: str, after: Mapping[str, str]
) -> list[str]:
    """The row of one submission. No element: its answers cannot be read here."""
    return [submitted, *_answers(sheet, element), *(after[title] for title in AFTER)]


def repeat_cells(sheet: Sheet, element: Element | None, instance_id: str) -> Iterator[list[str]]:
    """The rows of one repeat in one submission."""
    if element is None or not sheet.way:
        return
    for steps, found in rows_along(sheet.way, element):
        parent, key = instance_id, instance_id
        for node, number in steps:
            key = f"{key}/{node.name}" if number is None else f"{key}/{node.name}[{number + 1}]"
            if number is not None and node is not sheet.way[-1]:
                parent = key
        yield [*_answers(sheet, found), parent, key]


def _answers(sheet: Sheet, element: Element | None) -> Iterator[str]:
    for column in sheet.columns:
        node, holder = column.node, element
        for step in column.steps:
            holder = None if holder is None else child(holder, step.name)
        if node.withheld:
            yield from [""] * len(column.titles)
        elif node.type == "geopoint":
            yield from _point(text_of(holder, node))
        else:
            text = text_of(holder, node)
            yield text
            if len(column.titles) > 1:
                chosen = set(text.split())
                yield from ("1" if code in chosen else "0" for code in node.choices)


def _point(text: str) -> list[str]:
    """As it was sent, in four columns; what is no place stands whole in the first."""
    parts = text.split()
    if read_points(text) is None:
        return [text, "", "", ""]
    return [*parts, "", "", ""][:4]


def to_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as bytes: quoted only where they must be."""
    out = StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
