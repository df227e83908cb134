"""FormSchema + Instance to what the submission wants changed in entity lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from forms.flatten import at_repeat, instances
from forms.instance import Instance
from forms.problems import (
    ENTITY_BAD_ID,
    ENTITY_BAD_VERSION,
    ENTITY_NO_LABEL,
    ENTITY_NOT_DECLARED,
    ENTITY_TRUNK_ALONE,
    Problem,
)
from forms.schema import EntityDeclaration, FormSchema
from forms.text import nfc
from forms.xml import Element, child, children

Action = Literal["create", "update", "upsert"]


@dataclass(frozen=True, slots=True)
class EntityChange:
    """One wish of one submission; `dataclasses.asdict` makes it JSON, `EntityChange(**d)` back.

    uuid          lower case, without "uuid:"
    action        "upsert" = create and update are both asked for
    label         None = keep what is there
    data          property → text; a property not asked (node absent) has no key, an emptied one ""
    base_version, trunk_version, branch_id   None = not given (blank on the wire)
    position      of its container: "" = the form itself; of a repeat as in flatten, "tree[2]";
                  of a group with the group's name, "house", "tree[2]/size"
    """

    list_name: str
    uuid: str
    action: Action
    label: str | None
    data: dict[str, str]
    base_version: int | None
    trunk_version: int | None
    branch_id: str | None
    position: str


def entity_changes(
    schema: FormSchema, instance: Instance
) -> tuple[tuple[EntityChange, ...], tuple[Problem, ...]]:
    """The changes in the form's order, and flags for those that cannot be understood.

    One that cannot be understood does not hold up the others of its submission.
    """
    if instance.encrypted:
        return (), ()
    changes: list[EntityChange] = []
    problems: list[Problem] = []
    read: list[Element] = []
    for declaration in schema.entities:
        for container, position in _containers(schema, declaration.path, instance.root):
            entity = _entity(container, declaration.list_name)
            if entity is not None:
                read.append(entity)
                changes += _change(declaration, container, entity, position, problems)
    problems += (  # asked for by a version this schema does not know
        ENTITY_NOT_DECLARED(list=entity.get("dataset"))
        for entity in instance.root.iter("{*}entity")
        if entity.get("dataset") and _action(entity) and entity not in read
    )
    return tuple(changes), tuple(problems)


def _containers(
    schema: FormSchema, path: tuple[str, ...], root: Element
) -> list[tuple[Element, str]]:
    """Every element at `path`, with its position."""
    found = [(root, "", "")]  # element, position of its row, groups below that
    for depth, name in enumerate(path, 1):
        is_repeat = path[:depth] in schema.repeats
        found = [
            (inner, at_repeat(row, name, number), "")
            if is_repeat
            else (inner, row, f"{groups}/{name}" + (f"[{number}]" if number > 1 else ""))
            for element, row, groups in found
            for number, inner in enumerate(instances(element, name), 1)
        ]
    return [(element, (row + groups).strip("/")) for element, row, groups in found]


def _entity(container: Element, list_name: str) -> Element | None:
    for meta in children(container, "meta"):
        for entity in children(meta, "entity"):
            if (entity.get("dataset") or "").strip() == list_name:
                return entity
    return None


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """An id as entities have it: lower case, without "uuid:". Any version of UUID will do."""
    return _UUID.fullmatch(text) is not None


def _change(
    declaration: EntityDeclaration,
    container: Element,
    entity: Element,
    position: str,
    problems: list[Problem],
) -> Iterator[EntityChange]:
    """The change `entity` asks for, if any, and if it can be understood."""
    action = _action(entity)
    if action is None:  # create_if and update_if were both false
        return
    name = declaration.list_name
    uuid = (entity.get("id") or "").strip().lower().removeprefix("uuid:")
    label = nfc(_text(child(entity, "label")) or "").strip() or None
    if action == "upsert" and label is None:
        action = "update"  # nothing can be made without a label
    refusal = _refusal(declaration, action, uuid, label)
    if refusal is not None:
        problems.append(refusal)
        return
    trunk = _version(entity, "trunkVersion", name, problems)
    if trunk is not None and not (entity.get("branchId") or "").strip():
        problems.append(ENTITY_TRUNK_ALONE(list=name))
    yield EntityChange(
        list_name=name,
        uuid=uuid,
        action=action,
        label=label,
        data=_data(declaration, container),
        base_version=_version(entity, "baseVersion", name, problems),
        trunk_version=trunk,
        branch_id=_branch(entity, name, problems),
        position=position,
    )


def _action(entity: Element) -> Action | None:
    """Exactly "1" or "true" count: JavaRosa writes 1 and 0, web clients true and false."""
    creates = entity.get("create") in ("1", "true")
    updates = entity.get("update") in ("1", "true")
    if creates and updates:
        return "upsert"
    return "create" if creates else "update" if updates else None


def _refusal(
    declaration: EntityDeclaration, action: Action, uuid: str, label: str | None
) -> Problem | None:
    asked = {"create": (True, False), "update": (False, True), "upsert": (True, True)}[action]
    if asked[0] > declaration.creates or asked[1] > declaration.updates:
        return ENTITY_NOT_DECLARED(list=declaration.list_name)
    if not is_uuid(uuid):
        return ENTITY_BAD_ID(list=declaration.list_name)
    if action == "create" and label is None:
        return ENTITY_NO_LABEL(list=declaration.list_name)
    return None


def _data(declaration: EntityDeclaration, container: Element) -> dict[str, str]:
    """Absent question = untouched property; blank one = emptied."""
    data: dict[str, str] = {}
    for save in declaration.saves:
        node: Element | None = container
        for name in save.path[len(declaration.path) :]:
            node = None if node is None else child(node, name)
        text = _text(node)
        if text is not None:
            data[save.property] = nfc(text)
    return data


def _text(node: Element | None) -> str | None:
    """None = no such node; "" = blank."""
    if node is None:
        return None
    text = node.text or ""
    return text if text.strip() else ""


def _version(entity: Element, name: str, list_name: str, problems: list[Problem]) -> int | None:
    text = (entity.get(name) or "").strip()
    if re.fullmatch("[1-9][0-9]{0,8}", text):
        return int(text)
    if text:
        problems.append(ENTITY_BAD_VERSION(list=list_name, name=name))
    return None


def _branch(entity: Element, list_name: str, problems: list[Problem]) -> str | None:
    text = (entity.get("branchId") or "").strip().lower()
    if text and not is_uuid(text):
        problems.append(ENTITY_BAD_VERSION(list=list_name, name="branchId"))
        return None
    return text or None
