"""forms/entities.py: what a submission asks of entity lists (protocol §6)."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.entities import EntityChange, entity_changes
from forms.instance import read_instance
from tests.forms.made import TREES, VISIT, a_schema, an_instance

UUID = "7f1c2a4e-0c34-4d5e-9b0f-6a2f3f5d1a11"
OTHER = "5d0c0d3e-0c34-4d5e-9b0f-6a2f3f5d1a22"


def update(inner: str = "", **attributes: str) -> tuple[EntityChange, ...]:
    return asked(inner, **attributes)[0]


def asked(inner: str, **attributes: str) -> tuple[tuple[EntityChange, ...], list[str]]:
    """What a visit with this update of `members` asks, and the codes of its flags."""
    label = attributes.pop("label", "")
    given_ = {"dataset": "members", "update": "1", "id": UUID, "baseVersion": "4"} | attributes
    written = " ".join(f'{name}="{value}"' for name, value in given_.items())
    meta = f"<entity {written}><label>{label}</label></entity>"
    changes, problems = entity_changes(a_schema(VISIT), an_instance(inner, meta=meta))
    return changes, [problem.code for problem in problems]


def test_an_offline_update_is_read_whole() -> None:
    change = EntityChange(
        list_name="members",
        uuid=UUID,
        action="update",
        label="Bà Ba",
        data={"status": "yes", "note": ""},
        base_version=4,
        trunk_version=3,
        branch_id=OTHER,
        position="",
    )
    found = update("<ok>yes</ok><other/>", trunkVersion="3", branchId=OTHER, label="Bà Ba")
    assert found == (change,)


def test_an_absent_answer_leaves_the_property_and_a_blank_one_empties_it() -> None:
    assert update("")[0].data == {}
    assert update("<ok/><other> </other>")[0].data == {"status": "", "note": ""}


def test_blank_versions_and_label_are_not_given() -> None:
    (change,) = update(baseVersion="", trunkVersion="", branchId="")
    assert (change.base_version, change.trunk_version, change.branch_id) == (None, None, None)
    assert change.label is None


@pytest.mark.parametrize("truth", ["1", "true"])
def test_exactly_1_and_true_ask_for_something(truth: str) -> None:
    assert update(update=truth)[0].action == "update"


@pytest.mark.parametrize("nothing", ["0", "false", "", "TRUE", "yes", "01"])
def test_anything_else_asks_for_nothing_and_is_no_problem(nothing: str) -> None:
    assert asked("", update=nothing) == ((), [])


@pytest.mark.parametrize(
    "written", [f"uuid:{UUID}", UUID.upper(), f"UUID:{UUID.upper()}", f" {UUID} "]
)
def test_c24_one_entity_has_one_id_however_it_is_written(written: str) -> None:
    assert update(id=written)[0].uuid == UUID


@pytest.mark.parametrize("wrong", ["", "12", "uuid:", UUID + "0", UUID[:-1] + "g"])
def test_an_id_that_is_no_uuid_is_flagged(wrong: str) -> None:
    assert asked("", id=wrong) == ((), ["entity_bad_id"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("baseVersion", "x"), ("baseVersion", "0"), ("trunkVersion", "1.5"), ("branchId", "b")],
)
def test_an_unreadable_version_counts_as_not_given_and_is_flagged(name: str, value: str) -> None:
    changes, problems = asked("", **{name: value})
    assert len(changes) == 1
    assert problems == ["entity_bad_version"]


def test_an_action_the_form_does_not_declare_is_flagged() -> None:
    assert asked("", create="1", label="New") == ((), ["entity_not_declared"])


def test_another_list_than_the_declared_one_is_flagged() -> None:
    assert asked("", dataset="clubs") == ((), ["entity_not_declared"])


def test_an_update_twice_in_meta_is_flagged_not_guessed() -> None:
    entity = f'<entity dataset="members" update="1" id="{UUID}" baseVersion="1"/>'
    changes, problems = entity_changes(a_schema(VISIT), an_instance("", meta=entity * 2))
    assert len(changes) == 1
    assert [p.code for p in problems] == ["entity_not_declared"]


def house(create: str, update: str, label: str = "Nhà 1") -> str:
    return (
        f'<meta><entity dataset="houses" create="{create}" update="{update}" id="{UUID}">'
        f"<label>{label}</label></entity></meta>"
    )


def trees(inner: str) -> tuple[tuple[EntityChange, ...], list[str]]:
    xml = f'<data id="trees" version="1"><house>A1</house>{inner}</data>'
    changes, problems = entity_changes(a_schema(TREES), read_instance(xml.encode()))
    return changes, [p.code for p in problems]


@pytest.mark.parametrize(
    ("create", "update", "action"),
    [("true", "false", "create"), ("0", "1", "update"), ("1", "true", "upsert")],
)
def test_create_update_and_both(create: str, update: str, action: str) -> None:
    ((change,), problems) = trees(house(create, update))
    assert (change.action, change.label, change.data) == (action, "Nhà 1", {"code": "A1"})
    assert problems == []


def test_without_a_label_nothing_is_created_and_both_is_an_update() -> None:
    assert trees(house("1", "0", label=" ")) == ((), ["entity_no_label"])
    ((change,), problems) = trees(house("1", "1", label=" "))
    assert (change.action, change.label, problems) == ("update", None, [])


def tree(number: int, uuid: str = "", create: str = "1") -> str:
    return (
        f"<tree><kind>Đa {number}</kind><size><height>{number}</height></size><meta>"
        f'<entity dataset="trees" create="{create}" id="{uuid or OTHER[:-1] + str(number)}">'
        f"<label>Đa {number}</label></entity></meta></tree>"
    )


def test_each_repeat_makes_its_own_entity() -> None:
    changes, problems = trees(tree(1) + tree(2, create="0") + tree(3) + house("1", "0"))
    assert [(c.list_name, c.position, c.label, c.data) for c in changes] == [
        ("houses", "", "Nhà 1", {"code": "A1"}),
        ("trees", "tree[1]", "Đa 1", {"species": "Đa 1", "height": "1"}),
        ("trees", "tree[3]", "Đa 3", {"species": "Đa 3", "height": "3"}),
    ]
    assert len({c.uuid for c in changes}) == 3
    assert problems == []


def test_one_that_cannot_be_read_does_not_hold_up_the_others() -> None:
    changes, problems = trees(tree(1, uuid="x") + tree(2))
    assert [c.position for c in changes] == ["tree[2]"]
    assert problems == ["entity_bad_id"]


TWO_GROUPS = """
| survey |
| | type | name | label | save_to |
| | begin_group | wife | Wife | |
| | text | her | Her | people#called |
| | end_group | | | |
| | begin_group | building | Building | |
| | begin_repeat | flat | Flat | |
| | begin_group | tenant | Tenant | |
| | text | his | His | tenants#called |
| | end_group | | | |
| | end_repeat | | | |
| | end_group | | | |
| settings |
| | form_id |
| | couple |
| entities |
| | list_name | label | entity_id |
| | people | ${her} | ${her} |
| | tenants | ${his} | ${his} |
"""


def test_every_container_has_a_position_of_its_own() -> None:
    wife, tenant = (
        f'<meta><entity dataset="{name}" update="1" id="{UUID}" baseVersion="1"/></meta>'
        for name in ("people", "tenants")
    )
    flat = f"<flat><tenant><his>B</his>{tenant}</tenant></flat>"
    instance = an_instance(
        f"<wife><her>A</her>{wife}</wife><building>{flat * 2}</building>", form="couple"
    )
    changes, problems = entity_changes(a_schema(TWO_GROUPS), instance)
    assert [(c.list_name, c.position, c.data) for c in changes] == [
        ("people", "wife", {"called": "A"}),
        ("tenants", "flat[1]/tenant", {"called": "B"}),
        ("tenants", "flat[2]/tenant", {"called": "B"}),
    ]
    assert problems == ()


def test_namespaces_of_meta_do_not_matter() -> None:
    xml = f"""<d xmlns="urn:d" xmlns:o="http://openrosa.org/xforms" id="visit"><ok>no</ok><o:meta>
      <o:entity dataset="members" update="1" id="{UUID}" baseVersion="2"/></o:meta></d>"""
    ((change,), problems) = entity_changes(a_schema(VISIT), read_instance(xml.encode()))
    assert (change.data, change.base_version, problems) == ({"status": "no"}, 2, ())


def test_an_encrypted_submission_asks_for_nothing() -> None:
    xml = b'<data id="visit" encrypted="yes"><meta><instanceID>x</instanceID></meta></data>'
    assert entity_changes(a_schema(VISIT), read_instance(xml)) == ((), ())


words = st.text(st.characters(exclude_categories=["C"], exclude_characters='<&"'), max_size=12)
NAMES = ("create", "baseVersion", "trunkVersion", "branchId", "label")


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, words)))
def test_whatever_is_written_a_change_is_json_and_comes_back(attributes: dict[str, str]) -> None:
    for change in update("<ok>yes</ok>", **attributes):
        assert EntityChange(**json.loads(json.dumps(asdict(change)))) == change
