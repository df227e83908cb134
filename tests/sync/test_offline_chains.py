"""Several phones change one member offline: whatever arrives and is processed in whatever order,
the versions are those of a server that takes one thing after the other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forms.entities import EntityChange
from sync.database import Database
from sync.merge import Asked, fold
from sync.tables import entity_versions
from sync.verify import verify
from tests.sync.sending import NOW, World, an_id, weigh

PROPERTIES = ("kg", "note")


@dataclass
class Phone:
    """A member as Collect holds it (protocol §6.6): a local version, and a branch of its own."""

    name: str
    chance: random.Random
    version: int = 0
    trunk: int | None = None
    branch: str = ""
    outbox: list[EntityChange] = field(default_factory=list)
    made: int = 0

    def _new_branch(self) -> None:
        self.made += 1
        self.branch = an_id(f"{self.name} {self.made}")

    def create(self) -> None:
        self.version, self.trunk = 1, None
        self._new_branch()
        self._fill("create", None, None, {"kg": "0"})

    def update(self) -> None:
        if self.version:
            told = {name: str(self.chance.randrange(3)) for name in PROPERTIES[: self.made % 2 + 1]}
            self._fill("update", self.version, self.trunk, told)
            self.version += 1

    def _fill(self, action: Any, base: int | None, trunk: int | None, data: dict[str, str]) -> None:
        branch = self.branch if action == "update" else None
        label = "Bà Ba" if action == "create" else None
        self.outbox.append(
            EntityChange("people", "u", action, label, data, base, trunk, branch, "")
        )

    def download(self, served: int) -> None:
        """A row that came with the list; local changes stay while the server counts less."""
        is_dirty = self.version != self.trunk
        if served and (self.version < served or (self.version == served and is_dirty)):
            self.version = self.trunk = served
            self._new_branch()


def one_after_the_other(changes: list[EntityChange]) -> list[dict[str, str]]:
    """The reference: a list of whole versions, and a pile of what waits."""
    versions: list[dict[str, str]] = []
    became: dict[tuple[str | None, int], int] = {}  # branch, its own number -> ours
    pile: list[EntityChange] = []

    def take(change: EntityChange) -> bool:
        base = change.base_version
        if change.action == "create":
            versions.append(dict(change.data))
            return True
        assert base is not None
        if not versions or (base not in (1, change.trunk_version, *_own(became, change))):
            return False
        versions.append(versions[-1] | change.data)
        became[change.branch_id, base + 1] = len(versions)
        return True

    for arrived in changes:
        pile.append(arrived)
        while any(take(one) and not pile.remove(one) for one in list(pile)):
            pass
    assert pile == []
    return versions


def _own(became: dict[tuple[str | None, int], int], change: EntityChange) -> list[int]:
    return [number for branch, number in became if branch == change.branch_id]


@dataclass
class Town:
    """Phones, what has arrived of theirs in which order, and what the server has processed."""

    chance: random.Random
    phones: list[Phone]
    arrived: list[EntityChange] = field(default_factory=list)
    processed: set[int] = field(default_factory=set)
    served: int = 0

    def live(self, steps: int) -> None:
        self.phones[0].create()
        for _ in range(steps):
            phone = self.chance.choice(self.phones)
            self.chance.choice(
                (phone.update, phone.update, self._send, self._process, self._download)
            )()
        while any(phone.outbox for phone in self.phones):
            self._send()
        while len(self.processed) < len(self.arrived):
            self._process()

    def _send(self) -> None:
        """One of the forms that are ready, not always the oldest: a big one may fail and wait."""
        phone = self.chance.choice(self.phones)
        if phone.outbox:
            self.arrived.append(phone.outbox.pop(self.chance.randrange(len(phone.outbox))))

    def _process(self) -> None:
        waiting = [n for n in range(len(self.arrived)) if n not in self.processed]
        self.processed |= set(self.chance.sample(waiting, self.chance.randint(0, len(waiting))))
        versions = fold({}, self.asked()).versions
        assert [version.number for version in versions] == list(range(1, len(versions) + 1))
        assert len(versions) >= self.served  # what phones were told never goes down
        self.served = len(versions)

    def asked(self) -> list[Asked]:
        return [Asked(n, n, self.arrived[n]) for n in sorted(self.processed)]

    def _download(self) -> None:
        self.chance.choice(self.phones).download(self.served)


def a_town(chance: random.Random, phones: int) -> Town:
    return Town(chance, [Phone(f"p{n}", random.Random(chance.random())) for n in range(phones)])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 30))
def test_c23_offline_chains_of_several_phones_equal_the_reference_in_any_order(
    seed: int, phones: int, steps: int
) -> None:
    town = a_town(random.Random(seed), phones)
    town.live(steps)
    versions = fold({}, town.asked()).versions
    assert [dict(version.data) for version in versions] == one_after_the_other(town.arrived)


def sent(town: Town, who: str, world: World) -> list[int]:
    ids = []
    for number, change in enumerate(town.arrived):
        if change.action == "create":
            ids.append(world.join(who, key=f"{who} join"))
            continue
        xml, phone, _ = weigh(
            who,
            change.data.get("kg", ""),
            base=change.base_version,
            trunk=change.trunk_version,
            note=change.data.get("note"),
            key=f"{who} {number}",
        )
        branch = f'branchId="{change.branch_id}"'.encode()
        ids.append(world.send(xml.replace(b'branchId=""', branch), phone, NOW))
    return ids


@pytest.mark.parametrize("seed", range(4))
def test_c23_and_so_do_the_tables_after_batches_in_any_order(
    seed: int, database: Database, tmp_path: Path
) -> None:
    world, chance = World(database), random.Random(seed)
    towns = {f"{seed} {n}": a_town(chance, 3) for n in range(6)}
    waiting: list[int] = []
    for who, town in towns.items():
        town.live(20)
        waiting += sent(town, who, world)
    chance.shuffle(waiting)
    while waiting:
        size = chance.randint(1, 9)
        world.work(*waiting[:size])
        waiting = waiting[size:]
    for who, town in towns.items():
        person = world.person(who)
        rows = world.rows(entity_versions, entity_versions.c.entity_id == person.id)
        told = [row.data for row in sorted(rows, key=lambda row: row.version)]
        right = one_after_the_other(town.arrived)
        assert [[one.get(name) for name in PROPERTIES] for one in told[1:]] == [
            [one.get(name) for name in PROPERTIES] for one in right[1:]
        ]
        assert person.version == len(right)
    with database.read() as db:
        assert verify(db, world.library, Path(mkdtemp(dir=tmp_path)), NOW) == []
