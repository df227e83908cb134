"""Pure: what does this change do to what we know of an entity?

An entity is a fold of the changes that submissions ask for, in the order they arrived. Whatever
order they are *processed* in, and however often, the same changes give the same versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from forms.entities import EntityChange

Conflict = Literal["soft", "hard"]


class Decision(StrEnum):
    """What comes of a change; as stored in `entity_changes.decision`."""

    CREATE = "create"
    APPLY = "apply"
    CONFLICT = "conflict"  # applied, though it was made without knowing the latest version
    HOLD = "hold"  # waits for a version that is still on some phone
    REFUSE = "refuse"
    EDIT = "edit"  # its submission made a version here already, and an edit does not make another


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an entity. `source` is the place in the given changes, None = kept by hand."""

    number: int
    label: str
    data: Mapping[str, str]
    base: int | None = None  # of the server's versions, the one the change was made on
    change: EntityChange | None = None
    conflict: Conflict | None = None
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A change and the submission (and which version of it) that asks for it."""

    submission_id: int
    submission_version_id: int
    change: EntityChange


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one change; `version` where it made one."""

    decision: Decision
    version: int | None = None


@dataclass(slots=True)
class History:
    """The versions of one entity, oldest first; what came of each change, in the order given."""

    versions: list[Version]
    outcomes: list[Outcome]
    _done: dict[int, int] = field(default_factory=dict)  # submission -> its version that counted

    @property
    def latest(self) -> Version | None:
        return self.versions[-1] if self.versions else None

    @property
    def conflict(self) -> Conflict | None:
        """The worst among the versions."""
        found = {version.conflict for version in self.versions}
        return "hard" if "hard" in found else "soft" if "soft" in found else None


def decide(change: EntityChange, known: int | None, base: int | None) -> Decision:
    """What this change does to an entity whose latest version is `known` (None = no such entity).

    `base` is the server's version the phone saw, by `find_base`; None = it has not arrived.
    """
    if known is None:
        if change.action != "update" and change.label:
            return Decision.CREATE
        # without a label nobody could choose it on a phone; an update waits for its parent
        return Decision.REFUSE if change.action == "create" else Decision.HOLD
    if change.action == "create":
        return Decision.REFUSE
    if change.base_version is None:
        return Decision.CONFLICT  # nobody can say what the phone saw
    if base is None:
        return Decision.HOLD
    return Decision.APPLY if base == known else Decision.CONFLICT


def find_base(change: EntityChange, versions: Sequence[Version]) -> int | None:
    """The server's number of the version a change was made on (protocol §6.5); None = not here yet.

    A phone counts its own offline changes on. From the second on, only the branch tells which
    version of ours the one before became.
    """
    wanted = change.base_version
    if wanted is None:
        return None
    if change.branch_id is None or wanted in (1, change.trunk_version):
        return wanted if any(version.number == wanted for version in versions) else None
    for version in versions:
        before = version.change
        if (
            before is not None
            and before.branch_id == change.branch_id
            and before.base_version == wanted - 1
        ):
            return version.number
    return None


def fold(kept: Mapping[int, Version], asked: Sequence[Asked]) -> History:
    """The entity made by `asked`, in the order of arrival, around the versions people made.

    A kept version (an import) holds its number for ever; changes take the numbers between.
    """
    history = History([], [Outcome(Decision.HOLD)] * len(asked))
    _take_kept(history, kept)
    waiting: list[int] = []
    for place in range(len(asked)):
        waiting.append(place)
        while _take_one(history, kept, asked, waiting):
            pass  # each new version may be the one that an older change waits for
    for number in sorted(kept):
        if all(version.number != number for version in history.versions):
            history.versions.append(kept[number])
    return history


def _take_one(
    history: History, kept: Mapping[int, Version], asked: Sequence[Asked], waiting: list[int]
) -> bool:
    """Settle the first waiting change that can be; True when it made a version."""
    for place in waiting:
        outcome = _settle(history, place, asked[place])
        if outcome.decision is not Decision.HOLD:
            history.outcomes[place] = outcome
            waiting.remove(place)
            _take_kept(history, kept)
            return True
    return False


def _take_kept(history: History, kept: Mapping[int, Version]) -> None:
    while (number := len(history.versions) + 1) in kept:
        history.versions.append(kept[number])


def _settle(history: History, place: int, asked: Asked) -> Outcome:
    change, latest = asked.change, history.latest
    mine = asked.submission_version_id
    if history._done.get(asked.submission_id, mine) != mine:
        return Outcome(Decision.EDIT)
    base = find_base(change, history.versions)
    decision = decide(change, latest.number if latest else None, base)
    if decision in (Decision.HOLD, Decision.REFUSE):
        return Outcome(decision)
    version = Version(
        number=len(history.versions) + 1,
        label=change.label or (latest.label if latest else ""),
        data={**(latest.data if latest else {}), **change.data},
        base=base,
        change=change,
        conflict=_conflict(change, base, history.versions)
        if decision is Decision.CONFLICT
        else None,
        source=place,
    )
    history.versions.append(version)
    history._done[asked.submission_id] = mine
    return Outcome(decision, version.number)


def _conflict(change: EntityChange, base: int | None, versions: Sequence[Version]) -> Conflict:
    """Hard when a version the phone did not see gave one of the same properties another value."""
    for version in versions:
        if version.change is None or version.number <= (base or 0):
            continue
        for name, value in change.data.items():
            if version.change.data.get(name, value) != value:
                return "hard"
    return "soft"
