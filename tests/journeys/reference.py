"""What must be true, by one thread and from the phones' side alone: the forms, in their order.

Written from protocol §4.8 and §6.5 and the decisions in sync/README.md, small enough to be believed
by reading, and using nothing of sync/ or forms/.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from tests.local_entities import changes_of
from tests.network import parts_of


@dataclass
class Kept:
    """One finalized form as the server must have it."""

    form_id: str
    version: str
    instance_id: str
    replaces: str
    xml: bytes
    files: dict[str, bytes]

    def answer(self, name: str) -> str:
        """The text of the first node of that name, "" where there is none."""
        return next((n.text or "" for n in etree.fromstring(self.xml).iter(name)), "")


@dataclass
class Entity:
    """One entity: its versions, oldest first; number n stands at place n - 1.

    silent: the numbers the server took for itself, so that phones see what it found.
    """

    silent: frozenset[int] = frozenset()
    versions: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    branches: dict[tuple[str, int], int] = field(default_factory=dict)  # branch, base -> version

    def says(self, label: str, data: dict[str, str]) -> None:
        self.versions.append((label, data))
        if self.version + 1 in self.silent:
            self.says(label, data)

    @property
    def label(self) -> str:
        return self.versions[-1][0]

    @property
    def data(self) -> dict[str, str]:
        return self.versions[-1][1]

    @property
    def version(self) -> int:
        return len(self.versions)


@dataclass
class Reference:
    """All that follows from what was accepted."""

    kept: list[Kept]  # in the order of arrival, each once
    entities: dict[str, Entity]

    def current(self) -> list[Kept]:
        """Of each chain of edits the last."""
        replaced = {(one.form_id, one.replaces) for one in self.kept if one.replaces}
        return [one for one in self.kept if (one.form_id, one.instance_id) not in replaced]


def compute(
    accepted: Iterable[tuple[str, bytes]],
    xforms: Mapping[tuple[str, str], bytes],
    silent: Mapping[str, frozenset[int]],
) -> Reference:
    """From the POSTs that were answered with success, oldest first. `silent`: see Entity."""
    kept: dict[tuple[str, str], Kept] = {}
    for content_type, body in accepted:
        parts = parts_of(content_type, body)
        one = _read(parts.pop("xml_submission_file"))
        parts.pop("*isIncomplete*", None)
        here = kept.setdefault((one.form_id, one.instance_id), one)
        assert here.xml == one.xml, "a phone sent two things under one id"
        here.files.update(parts)
    return Reference(list(kept.values()), _entities(kept.values(), xforms, silent))


def _read(xml: bytes) -> Kept:
    root = etree.fromstring(xml)
    ids = {name: root.findtext(f"meta/{name}") or "" for name in ("instanceID", "deprecatedID")}
    version = root.get("version", "")
    return Kept(root.get("id", ""), version, ids["instanceID"], ids["deprecatedID"], xml, {})


@dataclass
class _Wish:
    """One change that a form asks for."""

    instance_id: str
    id: str
    creates: bool
    updates: bool
    label: str
    data: dict[str, str]
    base: int | None
    trunk: int | None
    branch: str


def _entities(
    kept: Collection[Kept],
    xforms: Mapping[tuple[str, str], bytes],
    silent: Mapping[str, frozenset[int]],
) -> dict[str, Entity]:
    entities: dict[str, Entity] = {}
    made_by: dict[str, list[str]] = {}  # entity -> the instances that made its versions
    waiting: list[_Wish] = []
    arrived = {one.instance_id: one.replaces for one in kept}  # in this order
    for one in kept:
        waiting += _wishes(one, xforms[one.form_id, one.version])
        while _carry_one_out(entities, made_by, waiting, arrived, silent):
            pass  # each may be what an older one waits for
    return entities


def _carry_one_out(
    entities: dict[str, Entity],
    made_by: dict[str, list[str]],
    waiting: list[_Wish],
    arrived: Mapping[str, str],
    silent: Mapping[str, frozenset[int]],
) -> bool:
    for wish in waiting:
        known = entities.get(wish.id)
        mine, makers = wish.instance_id, made_by.setdefault(wish.id, [])
        if any(mine != one and _is_edit(mine, one, arrived) for one in makers):
            waiting.remove(wish)  # an edit makes no second version
            return True
        if known is None and not wish.creates:
            continue
        if known is None:
            entities[wish.id] = known = Entity(silent.get(wish.id, frozenset()))
            known.says(wish.label, dict(wish.data))
        elif not wish.updates:
            waiting.remove(wish)  # somebody else's id: refused
            return True
        elif not _knows_base(known, wish):
            continue
        else:
            label, data = known.label, {**known.data, **wish.data}
            if wish.base is not None:
                known.branches.setdefault((wish.branch, wish.base), known.version + 1)
            known.says(wish.label or label, data)
        makers.append(mine)
        waiting.remove(wish)
        return True
    return False


def _knows_base(entity: Entity, wish: _Wish) -> bool:
    """Whether the version the phone had made its change on has come."""
    if wish.base is None:
        return True
    if not wish.branch or wish.base in (1, wish.trunk):
        return wish.base <= entity.version
    return (wish.branch, wish.base - 1) in entity.branches


def _is_edit(one: str, other: str, arrived: Mapping[str, str]) -> bool:
    """Whether, when the later of the two came, they were seen to be one chain of edits."""
    order = list(arrived)
    known = order[: max(order.index(one), order.index(other)) + 1]
    before = {instance_id: arrived[instance_id] for instance_id in known}
    return _root(one, before) == _root(other, before)


def _root(instance_id: str, before: Mapping[str, str]) -> str:
    """The first instanceID of a chain of edits, as far as it is known."""
    while before.get(instance_id):
        instance_id = before[instance_id]
    return instance_id


def _wishes(one: Kept, xform: bytes) -> list[_Wish]:
    nodes = {
        (node.get("id") or "").removeprefix("uuid:"): node
        for node in etree.fromstring(one.xml).iter("{*}entity")
    }
    found = []
    for change in changes_of(xform, one.xml):
        node = nodes[change.id]
        base, trunk = (node.get(name) or "" for name in ("baseVersion", "trunkVersion"))
        found.append(
            _Wish(
                one.instance_id,
                change.id,
                change.creates,
                change.updates,
                change.label,
                dict(change.properties),
                int(base) if base else None,
                int(trunk) if trunk else None,
                node.get("branchId") or "",
            )
        )
    return found
