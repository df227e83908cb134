"""Pure: what does this change do to what we know of an entity?

An entity is a fold of the changes that submissions ask for, in the order they arrived. Whatever
order they are *processed* in, and however often, the same changes give the same versions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from forms.entities import EntityChange
from forms.problems import (
    ENTITY_ALREADY_THERE,
    ENTITY_CONFLICT,
    ENTITY_UNKNOWN_BASE,
    ENTITY_WAITS,
    Problem,
)

Conflict = Literal["soft", "hard"]
LABEL = "label"  # never a property's name (protocol §6.2), so it may stand among them


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
    """One version of an entity. `source` is the place in the given changes, None = kept by hand.

    `data` is whole. Of a kept version that is given to `fold`, it is only what the person said
    (and a blank label: nothing), so that a change taking a number before it is not lost.
    """

    number: int
    label: str
    data: Mapping[str, str]
    base: int | None = None  # of the server's versions, the one the change was made on
    change: EntityChange | None = None
    conflict: Conflict | None = None
    source: int | None = None
    forced: bool = False  # time ran out for the version it was made on
    said: Mapping[str, str] = field(default_factory=dict)  # what it changed; LABEL: to which label


@dataclass(frozen=True, slots=True)
class Asked:
    """A change and the submission (and which version of it) that asks for it.

    `apart`: versions of the submission that were strangers to this one (`strangers`).
    """

    submission_id: int
    submission_version_id: int
    change: EntityChange
    apart: frozenset[int] = frozenset()


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
    resolved: Collection[int] = ()
    _done: dict[int, set[int]] = field(default_factory=dict)  # submission -> versions that counted
    _forced: set[int] = field(default_factory=set)  # places that no longer wait for their parent

    @property
    def latest(self) -> Version | None:
        return self.versions[-1] if self.versions else None

    @property
    def conflict(self) -> Conflict | None:
        """The worst among the versions that nobody has settled."""
        found = {one.conflict for one in self.versions if one.source not in self.resolved}
        return "hard" if "hard" in found else "soft" if "soft" in found else None

    @property
    def begun_by_force(self) -> bool:
        """Made by an upsert whose `create` had not come in time, and has not yet."""
        made = any(one.change and one.change.action == "create" for one in self.versions)
        return bool(self.versions) and self.versions[0].forced and not made


def decide(
    change: EntityChange,
    known: int | None,
    base: int | None,
    *,
    forced: bool = False,
    begun_by_force: bool = False,
) -> Decision:
    """What this change does to an entity whose latest version is `known` (None = no such entity).

    `base` is the server's version the phone saw, by `find_base`; None = it has not arrived.
    `forced`: it has waited long enough.
    """
    if known is None:
        return _decide_first(change, forced)
    if change.action == "create":
        return Decision.CONFLICT if begun_by_force else Decision.REFUSE
    if base is not None:
        return Decision.APPLY if base == known else Decision.CONFLICT
    return Decision.CONFLICT if forced or not _may_come(change) else Decision.HOLD


def _decide_first(change: EntityChange, forced: bool) -> Decision:
    if change.action == "update":
        return Decision.HOLD  # for its registration, also when it has waited long
    if not change.label:  # nobody could choose it on a phone
        return Decision.REFUSE if change.action == "create" else Decision.HOLD
    counts_on = change.action == "upsert" and change.base_version and change.branch_id
    # What it counts on was made on the same phone, and says more than this one does.
    return Decision.HOLD if counts_on and not forced else Decision.CREATE


def _may_come(change: EntityChange) -> bool:
    """Whether the version the phone saw, not here yet, is on its way: when it made that itself.
    Others come from this server alone, and what is not here never was.
    """
    wanted = change.base_version
    if wanted is None or change.branch_id is None:
        return False
    return wanted not in (1, change.trunk_version)


def must_force(
    change: EntityChange, is_known: bool, since: datetime, now: datetime, patience: timedelta
) -> bool:
    """Whether a change on hold has waited long enough to be carried out without its parent.

    An update of somebody who was never registered goes on waiting: there is nothing to update.
    """
    may_begin = change.action == "upsert" and bool(change.label)
    return now - since >= patience and (is_known or may_begin)


def problem(change: EntityChange, outcome: Outcome) -> Problem | None:
    """What a person should know of the submission that asked for this."""
    match outcome.decision:
        case Decision.HOLD:
            return ENTITY_WAITS(list=change.list_name)
        case Decision.REFUSE:
            return ENTITY_ALREADY_THERE(list=change.list_name)
        case Decision.CONFLICT:
            base, made = change.base_version, outcome.version or 0
            unknown = (base is None or base >= made) and not _may_come(change)
            if unknown and change.action != "create":
                return ENTITY_UNKNOWN_BASE(list=change.list_name)
            return ENTITY_CONFLICT(list=change.list_name)
    return None


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


def strangers(chain: Sequence[tuple[int, str, str | None]]) -> dict[int, frozenset[int]]:
    """Of each version (id, instanceID, deprecatedID) of a submission: those it was no edit of yet.

    An edit of an edit can come before the one between. Until that comes nobody knows what it
    belongs to, and what it asked for was done: to undo it then would take a version number back,
    which phones hold already (protocol §6.6).
    """
    together: dict[int, set[int]] = {}
    apart: dict[int, set[int]] = {}
    names: dict[int, set[str]] = {}
    for version, instance_id, deprecated_id in sorted(chain):
        mine = {instance_id} | ({deprecated_id} if deprecated_id else set())
        group = {version}
        for other, named in names.items():
            if mine & named:
                group |= together[other]
        apart[version] = names.keys() - group
        for other in apart[version]:
            apart[other].add(version)
        names[version] = mine
        for one in group:
            together[one] = group
    return {version: frozenset(others) for version, others in apart.items()}


def fold(
    kept: Mapping[int, Version],
    asked: Sequence[Asked],
    forced: Mapping[int, int] | None = None,
    resolved: Collection[int] = (),
) -> History:
    """The entity made by `asked`, in the order of arrival, around the versions people made.

    A kept version (an import) holds its number for ever; changes take the numbers between.
    `forced`: of a place in `asked`, before which place time ran out for it. `resolved`: places
    whose conflict a person has settled.
    """
    history = History([], [Outcome(Decision.HOLD)] * len(asked), resolved)
    _take_kept(history, kept)
    waiting: list[int] = []
    for place in range(len(asked) + 1):
        history._forced |= {one for one, before in (forced or {}).items() if before == place}
        _take_all(history, kept, asked, waiting)
        if place < len(asked):
            waiting.append(place)
            _take_all(history, kept, asked, waiting)
    for number in sorted(kept):
        if all(version.number != number for version in history.versions):
            history.versions.append(_on(history.latest, kept[number]))
    return history


def _take_all(
    history: History, kept: Mapping[int, Version], asked: Sequence[Asked], waiting: list[int]
) -> None:
    """Each new version may be the one that an older change waits for."""
    while _take_one(history, kept, asked, waiting):
        pass


def _take_one(
    history: History, kept: Mapping[int, Version], asked: Sequence[Asked], waiting: list[int]
) -> bool:
    """Settle the first waiting change that can be; True when there was one.

    Force comes last, and first to the one its phone made first: the others then find theirs.
    """
    overdue = [place for place in waiting if place in history._forced]
    overdue.sort(key=lambda place: asked[place].change.base_version or 0)
    for place, force in [(one, False) for one in waiting] + [(one, True) for one in overdue]:
        outcome = _settle(history, place, asked[place], force)
        if outcome.decision is not Decision.HOLD:
            history.outcomes[place] = outcome
            waiting.remove(place)
            _take_kept(history, kept)
            return True
    return False


def _take_kept(history: History, kept: Mapping[int, Version]) -> None:
    while (number := len(history.versions) + 1) in kept:
        history.versions.append(_on(history.latest, kept[number]))


def _on(latest: Version | None, said: Version) -> Version:
    """A kept version, whole."""
    label = said.label or (latest.label if latest else "")
    data = {**(latest.data if latest else {}), **said.data}
    return replace(said, label=label, data=data, said=_says(said.label, said.data))


def _says(label: str | None, data: Mapping[str, str]) -> Mapping[str, str]:
    return {**data, LABEL: label} if label else data


def _settle(history: History, place: int, asked: Asked, force: bool) -> Outcome:
    change, latest = asked.change, history.latest
    mine = asked.submission_version_id
    done = history._done.setdefault(asked.submission_id, set())
    if done - asked.apart - {mine}:
        return Outcome(Decision.EDIT)
    base = find_base(change, history.versions)
    late_create = change.action == "create" and history.begun_by_force
    decision = decide(
        change,
        latest.number if latest else None,
        _as_good_as(change, base, history.versions),
        forced=force,
        begun_by_force=late_create,
    )
    if decision in (Decision.HOLD, Decision.REFUSE):
        return Outcome(decision)
    before: Mapping[str, str] = latest.data if latest else {}
    told = latest.label if latest else ""
    version = Version(
        number=len(history.versions) + 1,
        # what a late registration says is older than all that is known
        label=told or change.label or "" if late_create else change.label or told,
        data={**change.data, **before} if late_create else {**before, **change.data},
        base=base,
        change=change,
        conflict=_conflict(change, base, history.versions)
        if decision is Decision.CONFLICT
        else None,
        source=place,
        forced=force,
        said=_says(change.label, change.data),
    )
    history.versions.append(version)
    done.add(mine)
    return Outcome(decision, version.number)


def _as_good_as(change: EntityChange, base: int | None, versions: Sequence[Version]) -> int | None:
    """The latest version the phone knew all of: versions that say nothing are not missed, and who
    says nothing misses nothing."""
    if base is None or not _says(change.label, change.data):
        return len(versions) if base is not None else None
    known = base
    while known < len(versions) and not versions[known].said:
        known += 1
    return known


def _conflict(change: EntityChange, base: int | None, versions: Sequence[Version]) -> Conflict:
    """Hard when a version the phone did not see gave one of the same properties another value."""
    for version in versions:
        if version.number <= (base or 0):
            continue
        for name, value in _says(change.label, change.data).items():
            if version.said.get(name, value) != value:
                return "hard"
    return "soft"
