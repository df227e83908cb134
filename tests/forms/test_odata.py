"""forms/tree.py and forms/odata.py: typed values, row ids and tables as ODK Central has them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from lxml import etree

from forms import odata
from forms.odata import Shape, value_of
from forms.tree import Node, form_tree
from tests.forms.made import VISIT, a_schema, an_instance

NESTED = """
| survey |
| | type | name | label |
| | text | cân | Cân |
| | text | cần | Cần |
| | begin_group | children | Children |
| | begin_repeat | child | Child |
| | text | name | Name |
| | begin_repeat | toy | Toy |
| | text | what | What |
| | end_repeat | | |
| | end_repeat | | |
| | end_group | | |
| settings |
| | form_id | version |
| | nested | 1 |
"""
ANSWERS = (
    "<cân>1</cân><cần>2</cần><children><child><name>An</name><toy><what>ball</what></toy>"
    "<toy><what>kite</what></toy></child><child><name>Bình</name></child></children>"
)


@lru_cache
def nested() -> Node:
    return form_tree([a_schema(NESTED)])


def table(name: str, root: Node | None = None) -> Node:
    return next(node for node in (root or nested()).repeats() if node.table == name)


def rows(name: str, **shape: Any) -> list[dict[str, Any]]:
    instance = an_instance(ANSWERS, form="nested")
    return list(odata.repeat_rows(nested(), table(name), "rtwo", instance.root, Shape(**shape)))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "42", 42),
        ("int", "1.0E7", 10_000_000),
        ("int", "nhiều", None),
        ("decimal", "23.4", 23.4),
        ("decimal", "Infinity", None),
        ("string", "  ", None),
        ("string", " a ", " a "),
        ("boolean", "true", "true"),
        ("select1", "oak", "oak"),
        ("date", "2026-01-02", "2026-01-02"),
        ("time", "18:08:00.000+07:00", "18:08:00.000+07:00"),
        ("dateTime", "2026-01-02T10:00:00.000+07", "2026-01-02T10:00:00.000+07:00"),
        ("dateTime", "2026-01-02T10:00:00.000+0730", "2026-01-02T10:00:00.000+07:30"),
        ("dateTime", "2026-01-02T10:00:00.000+07:00", "2026-01-02T10:00:00.000+07:00"),
        ("dateTime", "2026-01-02T03:00:00.000Z", "2026-01-02T03:00:00.000Z"),
        ("dateTime", "2026-01-02", "2026-01-02"),
    ],
)
def test_c134_answers_are_typed_and_a_short_offset_is_written_out(
    kind: str, text: str, value: Any
) -> None:
    assert value_of(text, kind) == value


def test_c132_a_place_is_longitude_latitude_and_an_altitude_only_if_it_has_one() -> None:
    whole = {"type": "Point", "coordinates": [108.2, 16.1, 7.5], "properties": {"accuracy": 4.5}}
    assert value_of("16.1 108.2 7.5 4.5", "geopoint") == whole
    assert value_of("16.1 108.2", "geopoint") == {"type": "Point", "coordinates": [108.2, 16.1]}
    assert value_of("16.1 108.2 7.5", "geopoint", wkt=True) == "POINT (108.2 16.1 7.5)"
    assert value_of("here", "geopoint") is None


@pytest.mark.parametrize("text", ["1 2 0 0; 3 4 0 0", "1 2 0 0;3 4 0 0;", " 1 2 0 0 ; 3 4 0 0 ; "])
def test_c135_traces_with_a_last_semicolon_or_without_blanks_are_read(text: str) -> None:
    assert value_of(text, "geotrace")["coordinates"] == [[2, 1, 0], [4, 3, 0]]
    assert value_of(text, "geotrace", wkt=True) == "LINESTRING (2 1 0,4 3 0)"
    assert value_of(text, "geoshape")["coordinates"] == [[[2, 1, 0], [4, 3, 0]]]
    assert value_of(text, "geoshape")["properties"] == {"accuracies": [0, 0]}


def test_the_id_of_a_row_of_a_repeat_is_the_hash_central_makes() -> None:
    found = rows("Submissions.children.child")
    assert found[0]["__id"] == "52eff9ea82550183880b9d64c20487642fa6e60c"
    assert [row["name"] for row in found] == ["An", "Bình"]
    assert {row["__Submissions-id"] for row in found} == {"rtwo"}
    toys = rows("Submissions.children.child.toy")
    assert [toy["what"] for toy in toys] == ["ball", "kite"]
    assert {toy["__Submissions-children-child-id"] for toy in toys} == {found[0]["__id"]}


def test_a_repeat_is_a_link_or_is_expanded() -> None:
    instance = an_instance(ANSWERS, form="nested")
    row = odata.form_row(nested(), "uuid:1", {}, instance.root, Shape())
    link = "Submissions('uuid%3A1')/children/child"
    assert row["children"] == {"child@odata.navigationLink": link}
    whole = odata.form_row(nested(), "uuid:1", {}, instance.root, Shape(expand=True))
    assert [len(child["toy"]) for child in whole["children"]["child"]] == [2, 0]
    (child, _) = rows("Submissions.children.child")
    assert child["toy@odata.navigationLink"] == (
        "Submissions('rtwo')/children/child('52eff9ea82550183880b9d64c20487642fa6e60c')/toy"
    )


def test_two_names_that_differ_by_a_mark_are_two_fields() -> None:
    row = odata.form_row(nested(), "uuid:1", {}, an_instance(ANSWERS, form="nested").root, Shape())
    assert (row["c_n"], row["c_n_2"]) == ("1", "2")


def test_every_known_field_is_there_and_meta_stands_last() -> None:
    row = odata.form_row(nested(), "uuid:1", {"edits": 0}, an_instance("").root, Shape())
    assert list(row) == ["__id", "__system", "c_n", "c_n_2", "children", "meta"]
    assert row["meta"]["instanceID"].startswith("uuid:")
    assert row["c_n"] is None


def test_only_what_is_selected_comes() -> None:
    shape = Shape(select=frozenset({"__id", "__system/edits", "meta/instanceID"}))
    row = odata.form_row(nested(), "uuid:1", {"edits": 0, "x": 1}, an_instance("").root, shape)
    assert list(row) == ["__id", "__system", "meta"]
    assert row["__system"] == {"edits": 0}


def test_what_is_withheld_is_null_and_its_repeats_are_empty() -> None:
    root = form_tree([a_schema(NESTED)], {"cân", "child"})
    instance = an_instance(ANSWERS, form="nested")
    row = odata.form_row(root, "uuid:1", {}, instance.root, Shape(expand=True))
    assert (row["c_n"], row["c_n_2"]) == (None, "2")
    assert row["children"] == {"child": []}
    for name in ("Submissions.children.child", "Submissions.children.child.toy"):
        assert not list(odata.repeat_rows(root, table(name, root), "u", instance.root, Shape()))


def test_an_audit_and_a_name_made_of_answers_go_with_what_is_withheld() -> None:
    root = form_tree([a_schema(VISIT)], {"other"})
    assert root.below["meta"].below["audit"].withheld
    assert not root.below["meta"].below["instanceID"].withheld
    assert not form_tree([a_schema(VISIT)]).below["meta"].below["audit"].withheld


def test_b105_metadata_names_every_table_type_and_link() -> None:
    root = form_tree([a_schema(VISIT)])
    document = etree.fromstring(odata.metadata(root, "2 visits").encode())
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"
    types = {node.get("Name"): node for node in document.iter(f"{edm}EntityType")}
    assert set(types) == {
        "Submissions",
        "Submissions.supplies",
        "Submissions.supplies.inside.photos",
    }
    schemas = [node.get("Namespace") for node in document.iter(f"{edm}Schema")]
    assert schemas == ["org.opendatakit.submission", "org.opendatakit.user._2_visits"]
    kinds = {p.get("Name"): p.get("Type") for p in types["Submissions"]}
    assert kinds["tasks"] == "Edm.String"
    assert kinds["supplies"] == "Collection(org.opendatakit.user._2_visits.Submissions.supplies)"
    assert kinds["who"] == "org.opendatakit.user._2_visits.who"
    named = {kind.get("Name") for kind in document.iter(f"{edm}ComplexType", f"{edm}EntityType")}
    for kind in kinds.values():
        if kind and kind.startswith("org.opendatakit.user"):
            assert kind.removeprefix("org.opendatakit.user._2_visits.") in named
    sets = {node.get("Name") for node in document.iter(f"{edm}EntitySet")}
    assert sets == set(types)


def test_the_service_document_names_every_table() -> None:
    found = odata.service_document(nested(), "c")
    assert [one["name"] for one in found["value"]] == [
        "Submissions",
        "Submissions.children.child",
        "Submissions.children.child.toy",
    ]
