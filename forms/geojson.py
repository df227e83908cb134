"""Places as GeoJSON (RFC 7946), for maps: of a table, of answers, of an entity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from forms.cells import Cell, Table, to_text
from forms.odata import GEO, read_points, value_of
from forms.tree import Node, rows_along, text_of, way_to
from forms.xml import Element


def to_geojson(table: Table) -> Iterator[bytes]:
    """A FeatureCollection in pieces, one per row; a row without a place has no geometry.

    The properties are the table's columns. The table has a column of places (`Table.place`).
    """
    assert table.place is not None
    before = '{"type":"FeatureCollection","features":[\n'
    for row in table.rows:
        feature = {
            "type": "Feature",
            "geometry": read_point(row[table.place]),
            "properties": dict(zip(table.header, map(_property, row), strict=True)),
        }
        yield (before + json.dumps(feature, ensure_ascii=False)).encode()
        before = ",\n"
    yield (before if before.startswith("{") else "").encode() + b"\n]}\n"


def read_point(cell: Cell) -> dict[str, Any] | None:
    """A phone's "latitude longitude altitude accuracy" as a Point: longitude first, no accuracy.

    None where it is no such answer, or on no globe.
    """
    try:
        numbers = [float(part) for part in str(cell or "").split()]
    except ValueError:
        return None
    if not 2 <= len(numbers) <= 4 or not (abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180):
        return None
    latitude, longitude, *altitude = numbers[:3]
    return {"type": "Point", "coordinates": [longitude, latitude, *altitude]}


def place_questions(holder: Node, *, repeats: bool = False) -> Iterator[Node]:
    """The questions whose answers are places, in the form's order; with those in repeats."""
    for node in holder.children():
        if node.kind == "value" and node.type in GEO:
            yield node
        elif node.kind == "group" or (node.kind == "repeat" and repeats):
            yield from place_questions(node, repeats=repeats)


def features(
    tree: Node, questions: Iterable[Node], document: Element, name: str
) -> Iterator[dict[str, Any]]:
    """The places that a submission of this name tells in these questions, none that is withheld."""
    for question in questions:
        for _, around in rows_along(way_to(tree, question)[:-1], document):
            place = read_shape(text_of(around, question), question.type)
            if place is not None:
                yield feature(name, place, fieldpath=path_of(question))


def feature(name: str, place: dict[str, Any], **properties: str) -> dict[str, Any]:
    """One place of one thing."""
    return {"type": "Feature", "id": name, "geometry": place, "properties": properties}


def path_of(question: Node) -> str:
    """("group", "place") → "/group/place" """
    return "/" + "/".join(question.path)


def read_shape(text: str, kind: str | None = None) -> dict[str, Any] | None:
    """A phone's answer as a geometry; None where it is none. kind: of the question; without it, a
    line that ends where it began is an area, as entities tell it.
    """
    if kind is None:
        points = read_points(text) or []
        is_closed = len(points) > 3 and points[0][:2] == points[-1][:2]
        kind = "geopoint" if len(points) == 1 else "geoshape" if is_closed else "geotrace"
    found = value_of(text, kind)
    return {key: found[key] for key in ("type", "coordinates")} if found else None


def _property(cell: Cell) -> str | int | float | None:
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    return cell if cell is None or isinstance(cell, int) else to_text(cell, raw=True)
