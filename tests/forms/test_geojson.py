"""Places for maps: longitude first, and an answer that is no place is no geometry."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from forms.cells import Cell, Table
from forms.geojson import features, place_questions, read_point, read_shape, to_geojson
from forms.tree import form_tree
from tests.forms.made import a_schema, an_instance


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


MAPPED = """
| survey |
| | type | name | label |
| | begin_group | way | Đường |
| | geopoint | gate | Cổng |
| | geotrace | path | Lối |
| | end_group | | |
| | begin_repeat | tree | Cây |
| | geopoint | spot | Chỗ |
| | end_repeat | | |
| settings |
| | form_id |
| | mapped |
"""
WALK = (
    "<way><gate>16.05 108.2 0 4.5</gate><path>1 2;3 4;</path></way>"
    "<tree><spot>1 2</spot></tree><tree><spot/></tree><tree><spot>nowhere</spot></tree>"
)


def test_places_of_answers_are_told_by_question_also_in_repeats_none_that_is_withheld() -> None:
    document = an_instance(WALK, form="mapped").root

    def told(*without: str) -> dict[str, Any]:
        tree = form_tree([a_schema(MAPPED)], frozenset(without))
        questions = place_questions(tree, repeats=True)
        found = features(tree, questions, document, "uuid:1")
        return {one["properties"]["fieldpath"]: one["geometry"] for one in found}

    point = {"type": "Point", "coordinates": [108.2, 16.05, 0.0]}
    tree = {"type": "Point", "coordinates": [2.0, 1.0]}
    line = {"type": "LineString", "coordinates": [[2.0, 1.0], [4.0, 3.0]]}
    assert told() == {"/way/gate": point, "/way/path": line, "/tree/spot": tree}
    assert told("gate", "spot") == {"/way/path": line}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 2", "Point"),
        ("1 2; 3 4", "LineString"),
        ("1 2; 3 4; 5 6; 1 2", "Polygon"),
    ],
)
def test_an_entity_says_what_shape_it_has_by_its_points(text: str, kind: str) -> None:
    found = read_shape(text)
    assert found
    assert found["type"] == kind
    assert read_shape("ở đâu đó") is None
