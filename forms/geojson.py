"""A table with places as GeoJSON (RFC 7946), for maps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from forms.cells import Cell, Table, to_text


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


def _property(cell: Cell) -> str | int | float | None:
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    return cell if cell is None or isinstance(cell, int) else to_text(cell, raw=True)
