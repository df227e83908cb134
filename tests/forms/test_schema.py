"""forms/schema.py: against what pyxform 4.5 writes, and against hand-made XForms."""

from __future__ import annotations

import pytest
from pyxform.xls2xform import convert

from forms.problems import Refused
from forms.schema import Choice, EntityDeclaration, Media, Save, in_language, read_schema
from tests.forms.made import TREES, VISIT, a_schema, bench_form, xform

VI, EN = "Tiếng Việt (vi)", "English (en)"


def test_a_form_says_who_it_is() -> None:
    schema = a_schema(VISIT)
    assert (schema.xml_form_id, schema.version, schema.title) == ("visit", "1", "Thăm nhà")
    assert schema.languages == (VI, EN)


def test_tables_are_the_form_and_its_repeats_by_their_own_names() -> None:
    assert a_schema(VISIT).tables == ("", "supplies", "supplies/photos")


def test_columns_stand_in_the_forms_order_and_a_taken_name_gets_its_group() -> None:
    schema = a_schema(VISIT)
    assert [f.column for f in schema.columns()] == (
        [
            "start",
            "today",
            "club",
            "client",
            "n",
            "ok",
            "tasks",
            "order",
            "other",
            "tail/n",
            "place",
            "seen",
        ]
    )
    assert [f.column for f in schema.columns("supplies")] == ["what", "n"]
    assert [f.column for f in schema.columns("supplies/photos")] == ["photo"]
    assert schema.columns("nothing") == ()


def test_types_come_from_the_question_then_from_its_bind() -> None:
    schema = a_schema(VISIT)
    types = {f.column: f.type for table in schema.tables for f in schema.columns(table)}
    assert types == {
        "start": "dateTime",
        "today": "date",
        "club": "select1",
        "client": "select1",
        "n": "int",
        "ok": "select1",
        "tasks": "select",
        "order": "rank",
        "other": "string",
        "what": "string",
        "photo": "binary",
        "tail/n": "decimal",
        "place": "geopoint",
        "seen": "string",
    }


def test_labels_and_choices_are_in_every_language() -> None:
    ok = next(f for f in a_schema(VISIT).fields if f.name == "ok")
    assert ok.labels == {VI: "Được", EN: "OK ${club}?"}
    assert ok.choices == (
        Choice("yes", {VI: "Có", EN: "Yes"}),
        Choice("no", {VI: "Không", EN: "No"}),
    )
    assert in_language(ok.labels, "en") == "OK ${club}?"
    assert in_language(ok.labels, "fr") == "Được"
    assert in_language({}, "vi") is None


def test_choices_from_a_file_name_the_file() -> None:
    client = next(f for f in a_schema(VISIT).fields if f.name == "client")
    assert (client.choices, client.choices_file) == (None, "members")


def test_media_are_the_lists_and_the_pictures_once_each() -> None:
    assert a_schema(VISIT).media == (
        Media("clubs.csv", "csv"),
        Media("members.csv", "csv"),
        Media("yes.png", "file"),
    )


def test_an_update_form_declares_what_it_saves() -> None:
    assert a_schema(VISIT).entities == (
        EntityDeclaration(
            "members", (), False, True, (Save(("ok",), "status"), Save(("other",), "note"))
        ),
    )


def test_each_container_has_its_own_entity_and_saves() -> None:
    houses, trees = a_schema(TREES).entities
    assert (houses.list_name, houses.path, houses.creates, houses.updates) == (
        "houses",
        (),
        True,
        True,
    )
    assert houses.saves == (Save(("house",), "code"),)
    assert (trees.path, trees.creates, trees.updates) == (("tree",), True, False)
    assert trees.saves == (
        Save(("tree", "kind"), "species"),
        Save(("tree", "size", "height"), "height"),
    )


def test_a_form_without_languages_has_the_default_one() -> None:
    schema = a_schema(TREES)
    assert schema.languages == ("default",)
    assert schema.fields[0].labels == {"default": "House"}
    assert schema.title == "trees"


EQUAL_NAMES = """
| survey |
| | type | name | label |
| | begin_group | a | A |
| | text | x | X |
| | begin_repeat | r | R |
| | text | x | X |
| | end_repeat | | |
| | end_group | | |
| | begin_group | b | B |
| | text | x | X |
| | begin_repeat | second_r | R |
| | text | y | Y |
| | end_repeat | | |
| | end_group | | |
| | text | x | X |
"""


def test_equal_names_never_share_a_column_or_a_table() -> None:
    schema = read_schema(xform(EQUAL_NAMES).replace(b"second_r", b"r"))  # pyxform would not allow
    assert [f.column for f in schema.columns()] == ["a/x", "b/x", "x"]
    assert schema.tables == ("", "r", "b/r")
    assert [f.column for f in schema.columns("b/r")] == ["y"]


def test_or_other_search_and_last_saved_are_understood() -> None:
    schema = a_schema(
        """
        | survey |
        | | type | name | label | appearance | default |
        | | select_one yn or_other | a | A | | |
        | | select_one found | b | B | search('fruits') | |
        | | text | c | C | | ${last-saved#c} |
        | choices |
        | | list_name | name | label |
        | | yn | yes | Yes |
        | | found | name_key | label_key |
        """
    )
    a, other, b, _ = schema.columns()
    assert a.choices is not None
    assert [c.name for c in a.choices] == ["yes", "other"]
    assert (other.name, other.type) == ("a_other", "string")
    assert (b.choices, b.choices_file) == (None, "fruits")
    assert schema.media == (Media("fruits.csv", "csv"),)


HAND_MADE = """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
 xmlns:jr="http://openrosa.org/javarosa" xmlns:orx="http://openrosa.org/xforms"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema">
 <h:head><h:title> Old  form </h:title><model>
  <instance><household xmlns="urn:old" orx:version="x" id="old" version="3">
    <orx:meta><orx:instanceID/><orx:timeStart/></orx:meta>
    <head><name/><sex/></head><person><name/><fruit/></person><photo/><empty/>
  </household></instance>
  <instance id="fruit"><root><item><code>a</code><words>Apple</words></item>
    <item><code>a</code><words>Again</words></item></root></instance>
  <bind id="b1" nodeset="head/name" type="xsd:string"/>
  <bind id="b2" nodeset="/household/head/sex" type="select1"/>
  <bind nodeset="/household/orx:meta/orx:timeStart" type="xsd:dateTime"/>
 </model></h:head>
 <h:body>
  <input bind="b1"><label>Name</label></input>
  <select1 ref="/household/head/sex"><label>Sex</label>
    <item><label>Woman</label><value>f</value></item><item><label>Man</label><value>m</value></item>
  </select1>
  <group><label>People</label><repeat nodeset="/household/person">
    <input ref="name"><label>His name</label></input>
    <select ref="fruit"><itemset nodeset="randomize(instance('fruit')/root/item[code != 'z'])">
      <value ref="code"/><label ref="words"/></itemset></select>
  </repeat></group>
  <upload ref="/household/photo" mediatype="image/*"/>
  <group ref="/household/empty"/>
 </h:body></h:html>"""


def test_a_hand_made_form_of_older_habits_is_read() -> None:
    schema = read_schema(HAND_MADE.encode())
    assert (schema.xml_form_id, schema.version, schema.title) == ("old", "3", "Old form")
    assert schema.tables == ("", "person")
    by_path = {"/".join(f.path): f for f in schema.fields}
    assert list(by_path) == [
        *("meta", "meta/timeStart", "head", "head/name", "head/sex"),
        *("person", "person/name", "person/fruit", "photo", "empty"),
    ]
    assert by_path["meta/timeStart"].type == "dateTime"
    assert by_path["head/name"].labels == {"default": "Name"}
    assert [c.name for c in by_path["head/sex"].choices or ()] == ["f", "m"]
    assert by_path["person"].labels == {"default": "People"}
    assert by_path["person/name"].labels == {"default": "His name"}
    assert by_path["person/fruit"].choices == (Choice("a", {"default": "Apple"}),)
    assert by_path["photo"].type == "binary"
    assert by_path["empty"].kind == "group"


def test_the_benchs_hand_made_form_is_read() -> None:
    schema = read_schema(bench_form())
    assert schema.tables == ("", "child")
    assert [len(schema.columns(table)) for table in schema.tables] == [39, 4]
    assert schema.media == (Media("villages.csv", "csv"),)
    village = next(f for f in schema.fields if f.name == "village")
    assert (village.type, village.choices_file) == ("select1", "villages")


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<html/>", "not_xform"),
        ("<html><model/></html>", "not_xform"),
        ("<html><model><instance/></model></html>", "not_xform"),
        ("<html><model><instance><data/></instance></model></html>", "no_form_id"),
        ("not xml", "not_xml"),
    ],
)
def test_what_is_no_form_is_refused(xml: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        read_schema(xml.encode())
    assert caught.value.problem.code == code


def test_pyxforms_pretty_and_plain_output_mean_the_same() -> None:
    plain, pretty = (
        read_schema(convert(VISIT, validate=False, pretty_print=p).xform.encode())
        for p in (False, True)
    )
    assert (plain.fields, plain.entities) == (pretty.fields, pretty.entities)
