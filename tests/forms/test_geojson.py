"""Places for maps: longitude first, and an answer that is no place is no geometry."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from forms.cells import Cell, Table
from forms.geojson import read_point, to_geojson


def a_map(*rows: tuple[Cell, ...]) -> Any:
    return json.loads(b"".join(to_geojson(Table("t", ("Ở đâu", "Số", "Ngày"), rows, place=0))))


def test_a_map_without_rows_is_a_map() -> None:
    assert a_map() == {"type": "FeatureCollection", "features": []}


def test_each_row_is_a_feature_with_its_columns_as_a_program_reads_them() -> None:
    found = a_map(("16.05 108.2 0 4.5", Decimal("62.5"), date(2025, 7, 1)), (None, 3, None))
    assert found["features"][0] == {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [108.2, 16.05, 0.0]},
        "properties": {"Ở đâu": "16.05 108.2 0 4.5", "Số": 62.5, "Ngày": "2025-07-01"},
    }
    assert found["features"][1]["geometry"] is None
    assert found["features"][1]["properties"]["Số"] == 3


@pytest.mark.parametrize(
    "answer", [None, "", "16.05", "ở nhà", "91 108", "16 181", "nan nan", "1 2 3 4 5", "inf 1"]
)
def test_an_answer_that_is_no_place_on_this_globe_is_none(answer: str | None) -> None:
    assert read_point(answer) is None
