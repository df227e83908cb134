"""Pure: the entity lists of one phone, as Collect keeps them (protocol §6.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lxml import etree

SPACE = "{http://www.opendatakit.org/xforms/entities}"
KNOWN_VERSIONS = ("2024.1", "2025.1")  # of which a phone applies its own changes
V4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
RESERVED = ("name", "label")


@dataclass(frozen=True)
class LocalEntity:
    """One row. OFFLINE: made on this phone and in no list of the server yet."""

    id: str
    label: str
    version: int
    properties: Mapping[str, str] = field(default_factory=dict)
    state: str = "ONLINE"
    trunk_version: int | None = None
    branch_id: str = ""

    @property
    def is_dirty(self) -> bool:
        """Changed here since the server's word was last taken."""
        return self.state == "OFFLINE" or self.version != self.trunk_version

    def row(self) -> dict[str, str]:
        """What forms see of it."""
        trunk = "" if self.trunk_version is None else str(self.trunk_version)
        system = {"__version": str(self.version), "__trunkVersion": trunk}
        system["__branchId"] = self.branch_id
        return {"name": self.id, "label": self.label, **system, **self.properties}


Entities = dict[str, LocalEntity]


@dataclass(frozen=True)
class LocalChange:
    """What a finalized form says of an entity."""

    list_name: str
    id: str
    creates: bool
    updates: bool
    label: str
    properties: Mapping[str, str]


def imported(
    local: Entities, rows: Sequence[Mapping[str, str]], new_branch: Callable[[], str]
) -> Entities:
    """The list after a CSV of the server. KeyError, ValueError for one that cannot be read."""
    served = [_from_server(row, new_branch) for row in rows]
    columns = set(served[0].properties) if served else set()
    merged = {one.id: _reconciled(local.get(one.id), one, columns) for one in served}
    mine = {i: one for i, one in local.items() if i not in merged and one.state == "OFFLINE"}
    return {**merged, **mine}


def _from_server(row: Mapping[str, str], new_branch: Callable[[], str]) -> LocalEntity:
    version = int(row["__version"])
    properties = {
        name: value
        for name, value in row.items()
        if name not in RESERVED and not name.startswith("__")
    }
    return LocalEntity(
        row["name"], row["label"], version, properties, "ONLINE", version, new_branch()
    )


def _reconciled(mine: LocalEntity | None, served: LocalEntity, columns: set[str]) -> LocalEntity:
    if mine is None or mine.version < served.version:
        return served
    if mine.version == served.version and mine.is_dirty:
        return served
    # Under a number it has already, a phone takes nothing, whatever the row says.
    kept = {name: value for name, value in mine.properties.items() if name in columns}
    return replace(mine, state="ONLINE", properties=kept)


def finalized(local: Entities, change: LocalChange, new_branch: Callable[[], str]) -> Entities:
    """The list after a form of this phone was finalized."""
    if not V4.fullmatch(change.id):
        return local
    mine = local.get(change.id)
    if mine is not None and change.updates:
        after = replace(
            mine,
            label=change.label or mine.label,
            version=mine.version + 1,
            properties={**mine.properties, **change.properties},
        )
    elif mine is None and change.creates and change.label:
        after = LocalEntity(
            change.id, change.label, 1, change.properties, "OFFLINE", None, new_branch()
        )
    else:
        return local
    return {**local, change.id: after}


def integrity_told(local: Entities, deleted: Mapping[str, bool]) -> Entities:
    """The list without what the integrity address said was deleted."""
    return {i: one for i, one in local.items() if not deleted.get(i, False)}


# ------------------------------------------------------------------ what a form says


def changes_of(xform: bytes, instance: bytes) -> Iterator[LocalChange]:
    """Read from form and answers, with nothing of the server's own reading."""
    saves = saves_of(xform)
    root = etree.fromstring(instance)
    for entity in root.iter("{*}entity"):
        container = entity.getparent().getparent()  # type: ignore[union-attr]
        creates, updates = (entity.get(name) in ("1", "true") for name in ("create", "update"))
        if creates or updates:
            label = "".join(entity.xpath("*[local-name()='label']/text()"))
            place = (*_names(container, root),)
            yield LocalChange(
                entity.get("dataset", ""),
                entity.get("id", "").removeprefix("uuid:"),
                creates,
                updates,
                label,
                _properties(container, root, saves.get(place, {})),
            )


def saves_of(xform: bytes) -> dict[tuple[str, ...], dict[tuple[str, ...], str]]:
    """Container of an entity → path below the root → property."""
    form = etree.fromstring(xform)
    template = next(form.iter("{*}instance"))[0]
    containers = {
        _names(entity.getparent().getparent(), template)  # type: ignore[union-attr]
        for entity in template.iter("{*}entity")
    }
    saves: dict[tuple[str, ...], dict[tuple[str, ...], str]] = {c: {} for c in containers}
    for bind in form.iter("{*}bind"):
        name = bind.get(f"{SPACE}saveto")
        if name:
            path = tuple(bind.get("nodeset", "").strip("/").split("/")[1:])
            around = [c for c in containers if path[: len(c)] == c]
            saves[max(around, key=len)][path] = name
    return saves


def is_entity_form(xform: bytes) -> bool:
    """Whether a phone applies this form's changes by itself."""
    model = next(etree.fromstring(xform).iter("{*}model"))
    return (model.get(f"{SPACE}entities-version") or "").startswith(KNOWN_VERSIONS)


def _names(node: etree._Element, root: etree._Element) -> tuple[str, ...]:
    """Names from below the root down to the node."""
    names: list[str] = []
    while node is not root:
        names.append(etree.QName(node).localname)
        node = node.getparent()  # type: ignore[assignment]
    return tuple(reversed(names))


def _properties(
    container: etree._Element, root: etree._Element, saves: Mapping[tuple[str, ...], str]
) -> dict[str, str]:
    """Absent = untouched, blank = emptied."""
    depth = len(_names(container, root))
    found: dict[str, str] = {}
    for path, name in saves.items():
        nodes = [container]
        for step in path[depth:]:
            nodes = [c for n in nodes for c in n if etree.QName(c).localname == step][:1]
        if nodes:
            found[name] = nodes[0].text or ""
    return found
