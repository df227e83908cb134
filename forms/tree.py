"""A form as a tree of named nodes over all its versions: what OData and CSV are written along."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from forms.file_names import file_name
from forms.flatten import instances
from forms.schema import Field, FormSchema
from forms.xml import Element, child

ROOT = "Submissions"  # what OData calls the form itself
OF_THE_PHONE = ("instanceID", "instanceName", "audit")  # what is told of `meta`

Path = tuple[str, ...]


@dataclass(slots=True)
class Node:
    """One question, group or repeat, below the form itself (path ()).

    type      of a value: "int", "select", "geopoint", … as Field.type has it
    safe      its name as OData takes it, no two in one group alike
    table     of the form and of repeats: "Submissions.a.b"
    parent_key  of a repeat: what its rows call the id of the row around them
    choices   codes of a "select" in every version, the current one's first
    withheld  no answer in it may be shown to who asks
    """

    name: str
    kind: Literal["value", "group", "repeat"]
    type: str = ""
    path: Path = ()
    safe: str = ""
    table: str = ""
    parent_key: str = ""
    withheld: bool = False
    choices: tuple[str, ...] = ()
    below: dict[str, Node] = field(default_factory=dict)

    def children(self) -> Iterator[Node]:
        yield from self.below.values()

    def repeats(self) -> Iterator[Node]:
        """Every repeat below it, at any depth, in the form's order."""
        for node in self.children():
            if node.kind == "repeat":
                yield node
            if node.kind != "value":
                yield from node.repeats()


Step = tuple[Node, int | None]  # a node on the way to a row; of a repeat, which one (from 0)


def way_to(root: Node, node: Node) -> tuple[Node, ...]:
    """The nodes from below the form to this one, itself included."""
    found = []
    for name in node.path:
        root = root.below[name]
        found.append(root)
    return tuple(found)


def rows_along(
    way: Sequence[Node], element: Element, before: tuple[Step, ...] = ()
) -> Iterator[tuple[tuple[Step, ...], Element]]:
    """Every element at the end of the way, in document order; none where something is withheld."""
    if not way:
        yield before, element
        return
    node = way[0]
    if node.withheld:
        return
    if node.kind == "group":
        inner = child(element, node.name)
        if inner is not None:
            yield from rows_along(way[1:], inner, (*before, (node, None)))
        return
    for number, found in enumerate(instances(element, node.name)):
        yield from rows_along(way[1:], found, (*before, (node, number)))


def form_tree(
    schemas: Sequence[FormSchema], without: Collection[str] = (), *, deleted: bool = False
) -> Node:
    """The tree of schemas[0], the current version; with `deleted`, of all versions united.

    A pure function of what was published and what was asked: two downloads have the same columns.
    Choices are always those of all versions, and `without` names questions and groups to withhold.
    """
    root = Node("", "repeat", table=ROOT)
    for number, schema in enumerate(schemas):
        for one in schema.fields:
            _add(root, one, without, known_only=number > 0 and not deleted)
    told = [schema.meta for schema in (schemas if deleted else schemas[:1])]
    _add_meta(root, {name for names in told for name in names} | {"instanceID"}, without)
    _name(root, root)
    return root


def _add(root: Node, one: Field, without: Collection[str], known_only: bool) -> None:
    holder: Node | None = root
    for name in one.path[:-1]:
        holder = holder.below.get(name) if holder else None
    if holder is None or holder.kind == "value":
        return
    node = holder.below.get(one.name)
    if node is None and not known_only:
        withheld = holder.withheld or one.name in without or one.column in without
        node = Node(one.name, one.kind, one.type, one.path, withheld=withheld)
        holder.below[one.name] = node
    if node is not None and node.type == "select" and one.type == "select":
        codes = (choice.name for choice in one.choices or ())
        node.choices = tuple(dict.fromkeys((*node.choices, *codes)))


def _add_meta(root: Node, names: Collection[str], without: Collection[str]) -> None:
    """`meta` stands last. An audit may hold every answer, the withheld too."""
    meta = root.below.pop("meta", None) or Node("meta", "group", path=("meta",))
    root.below["meta"] = meta
    for name in OF_THE_PHONE:
        if name in names:
            kind = "binary" if name == "audit" else "string"
            hidden = bool(without) and name != "instanceID"
            node = Node(name, "value", kind, ("meta", name), withheld=hidden)
            meta.below.setdefault(name, node)


def _name(holder: Node, around: Node) -> None:
    taken: set[str] = set()
    for node in holder.children():
        node.safe = _free(safe_name(node.name), taken)
        taken.add(node.safe)
        node.table = f"{holder.table}.{node.safe}"
        node.parent_key = f"__{around.table.replace('.', '-')}-id"
        _name(node, node if node.kind == "repeat" else around)


def _free(name: str, taken: Collection[str]) -> str:
    """Letters with marks all become `_`: `cân` and `cần` must not become one."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


def safe_name(name: str) -> str:
    """A name as OData takes it: letters, digits and `_`, no digit first."""
    name = _UNSAFE.sub("_", name)
    return name if re.match("[A-Za-z_]", name) else f"_{name}"


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Each name as OData takes it, no two alike."""
    found: dict[str, str] = {}
    for name in names:
        found[name] = _free(safe_name(name), frozenset(found.values()))
    return found


def text_of(parent: Element | None, node: Node) -> str:
    """The answer to a value node in its group, as it was sent; "" for none and for the withheld."""
    if parent is None or node.withheld:
        return ""
    found = child(parent, node.name)
    return "" if found is None else found.text or ""


def files_in(holder: Node, element: Element | None) -> frozenset[str]:
    """The files that answers name, the withheld ones left out."""
    return frozenset(_files_in(holder, element))


def _files_in(holder: Node, element: Element | None) -> Iterator[str]:
    for node in holder.children():
        if node.kind == "value" and node.type == "binary":
            name = file_name(text_of(element, node).strip())
            if name:
                yield name
        elif node.kind != "value" and element is not None:
            for _, found in rows_along((node,), element):
                yield from _files_in(node, found)
