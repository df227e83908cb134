"""Entities as pyxform emits them and engines fill them in: real forms, both spellings of truth.

The instance sent is the form's own, as compiled, with answers and attributes put in: JavaRosa (in
Collect) writes 1 and 0 and leaves out what is not relevant, web clients write true and false.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from lxml import etree

from forms.entities import EntityChange, entity_changes
from forms.instance import read_instance
from tests.forms.made import a_schema, xform

A, B, C, D = (f"{n * 8}-0c34-4d5e-9b0f-6a2f3f5d1a11" for n in "abcd")
BRANCH = "5d0c0d3e-0c34-4d5e-9b0f-6a2f3f5d1a22"
ENGINES = {"collect": ("1", "0"), "web": ("true", "false")}
OFFLINE = {"baseVersion": "4", "trunkVersion": "3", "branchId": BRANCH}

SURVEY = """
| survey |
| | type | name | label | save_to |
| | select_one_from_file trees.csv | pick | Cây | |
| | text | kind | Loài | species |
| | text | note | Ghi chú | note |
| entities |
| | list_name | label | entity_id | create_if | update_if |
| | trees | ${kind} | %s |
| settings |
| | form_id | version |
| | f | 1 |
"""
MATRIX = {  # protocol §6.2
    "create": " |  | ",
    "create_if": " | ${note} = 'new' | ",
    "update": "${pick} |  | ",
    "update_if": "${pick} |  | ${note} = 'old'",
    "upsert": "coalesce(${pick}, uuid()) | ${pick} = '' | ${pick} != ''",
}
MANY = """
| survey |
| | type | name | label | save_to |
| | text | house | Nhà | houses#code |
| | begin_repeat | tree | Cây | |
| | text | kind | Loài | trees#species |
| | begin_group | size | Cỡ | |
| | integer | height | Cao | trees#height |
| | end_group | | | |
| | end_repeat | | | |
| | begin_group | owner | Chủ | |
| | text | who | Ai | people#full_name |
| | end_group | | | |
| entities |
| | list_name | label |
| | houses | ${house} |
| | trees | ${kind} |
| | people | ${who} |
| settings |
| | form_id | version |
| | f | 1 |
"""
Node = Any  # of lxml, which ships no types of its own


def compiled(kind: str) -> str:
    return SURVEY % MATRIX[kind]


def blank(markdown: str) -> Node:
    """The form's own instance, without templates of repeats, as an engine opens it."""
    model = etree.fromstring(xform(markdown))
    (data,) = model.xpath("//*[local-name()='instance'][1]/*")
    for template in data.xpath(".//*[@*[local-name()='template']]"):
        template.getparent().remove(template)
    return copy.deepcopy(data)


def fill(
    container: Node, entity: Mapping[str, str], answers: Mapping[str, str | None], label: str = ""
) -> None:
    """Answers and the entity of one container; None = not relevant, so not sent."""
    for path, text in answers.items():
        (node,) = container.xpath("/".join(f"*[local-name()='{n}']" for n in path.split("/")))
        if text is None:
            node.getparent().remove(node)
        else:
            node.text = text
    (made,) = container.xpath("*[local-name()='meta']/*[local-name()='entity']")
    made.attrib.update(entity)
    made[0].text = label


def asked(markdown: str, data: Node) -> tuple[Sequence[EntityChange], list[str]]:
    xml = etree.tostring(data)
    changes, problems = entity_changes(a_schema(markdown), read_instance(xml))
    return changes, [problem.code for problem in problems]


def one(which: str, entity: Mapping[str, str], /, **answers: str | None) -> Any:
    """What one filled-in form asks; the label follows `kind`, as its calculate says."""
    data = blank(compiled(which))
    fill(data, entity, answers, answers.get("kind") or "")
    changes, problems = asked(compiled(which), data)
    assert problems == []
    return changes


@pytest.mark.parametrize(("yes", "no"), ENGINES.values(), ids=ENGINES)
class TestOneDeclaration:
    def test_always_create(self, yes: str, no: str) -> None:
        (change,) = one("create", {"id": f"uuid:{A}"}, kind="Đa", note="n")
        assert (change.action, change.uuid, change.label) == ("create", A, "Đa")
        assert change.data == {"species": "Đa", "note": "n"}
        assert (change.base_version, change.branch_id) == (None, None)

    def test_create_under_a_condition(self, yes: str, no: str) -> None:
        assert one("create_if", {"id": A, "create": no}, kind="Đa") == ()
        (change,) = one("create_if", {"id": A, "create": yes}, kind="Đa", note="new")
        assert change.action == "create"

    def test_always_update(self, yes: str, no: str) -> None:
        (change,) = one("update", {"id": A.upper(), **OFFLINE}, kind="", note=None)
        assert (change.action, change.uuid, change.label) == ("update", A, None)
        assert change.data == {"species": ""}  # blank empties, absent leaves alone
        versions = (change.base_version, change.trunk_version, change.branch_id)
        assert versions == (4, 3, BRANCH)

    def test_update_under_a_condition(self, yes: str, no: str) -> None:
        assert one("update_if", {"id": A, "update": no, **OFFLINE}) == ()
        (change,) = one("update_if", {"id": A, "update": yes, **OFFLINE}, note="old")
        assert (change.action, change.data["note"]) == ("update", "old")

    def test_upsert_of_nobody_yet_creates(self, yes: str, no: str) -> None:
        asks = {"id": A, "create": yes, "update": no, "baseVersion": "", "branchId": ""}
        (change,) = one("upsert", asks, pick="", kind="Đa")
        assert (change.action, change.base_version) == ("create", None)

    def test_upsert_of_somebody_updates(self, yes: str, no: str) -> None:
        asks = {"id": A, "create": no, "update": yes, **OFFLINE}
        (change,) = one("upsert", asks, pick=A, kind="Đa")
        assert (change.action, change.base_version) == ("update", 4)

    def test_both_at_once_is_an_upsert(self, yes: str, no: str) -> None:
        (change,) = one("upsert", {"id": A, "create": yes, "update": yes}, kind="Đa")
        assert change.action == "upsert"


@pytest.mark.parametrize(
    "odd", [{"trunkVersion": "3"}, {"trunkVersion": "3", "branchId": "mine"}, {"branchId": "mine"}]
)
def test_versions_that_do_not_fit_together_are_flagged_and_the_change_is_read(
    odd: Mapping[str, str],
) -> None:
    data = blank(compiled("update"))
    fill(data, {"id": A, "baseVersion": "4", **odd}, {"kind": "Đa"}, "Đa")
    (change,), problems = asked(compiled("update"), data)
    assert (change.base_version, change.branch_id) == (4, None)
    assert problems == ["entity_bad_version" if "branchId" in odd else "entity_trunk_alone"]


def many() -> Node:
    """A house with an owner and two trees, each its own entity (entities-version 2025.1)."""
    data = blank(MANY)
    (tree,) = data.xpath("*[local-name()='tree']")
    second = copy.deepcopy(tree)
    tree.addnext(second)
    (owner,) = data.xpath("*[local-name()='owner']")
    fill(data, {"id": A}, {"house": "A1"}, "A1")
    fill(tree, {"id": B}, {"kind": "Đa", "size/height": "9"}, "Đa")
    fill(second, {"id": f"uuid:{C.upper()}"}, {"kind": "Bồ đề", "size": None}, "Bồ đề")
    fill(owner, {"id": D}, {"who": "Bà Ba"}, "Bà Ba")
    return data


def test_forms_with_several_declarations_are_of_2025() -> None:
    assert b'entities-version="2025.1.0"' in xform(MANY)
    assert b'entities-version="2024.1.0"' in xform(compiled("upsert"))


def test_the_form_a_group_and_each_repeat_have_entities_of_their_own() -> None:
    changes, problems = asked(MANY, many())
    assert problems == []
    assert {(c.list_name, c.position): (c.uuid, c.data) for c in changes} == {
        ("houses", ""): (A, {"code": "A1"}),
        ("trees", "tree[1]"): (B, {"species": "Đa", "height": "9"}),
        ("trees", "tree[2]"): (C, {"species": "Bồ đề"}),
        ("people", "owner"): (D, {"full_name": "Bà Ba"}),
    }


def test_one_that_cannot_be_understood_does_not_hold_up_the_others() -> None:
    data = many()
    (owner,) = data.xpath("*[local-name()='owner']")
    fill(owner, {"id": "12"}, {})
    changes, problems = asked(MANY, data)
    assert sorted(change.list_name for change in changes) == ["houses", "trees", "trees"]
    assert problems == ["entity_bad_id"]


def test_a_part_that_is_not_relevant_asks_for_nothing() -> None:
    data = many()
    for name in ("owner", "tree"):
        for node in data.xpath(f"*[local-name()='{name}']"):
            data.remove(node)
    changes, problems = asked(MANY, data)
    assert [change.list_name for change in changes] == ["houses"]
    assert problems == []
