"""The versions of one submission: which counts, and which of them is the nearest to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.instance import one_id
from sync.tables import submission_versions


@dataclass(frozen=True, slots=True)
class Link:
    """A version's place in its chain of edits."""

    id: int
    instance_id: str
    deprecated_id: str | None


def read_chain(db: Connection, submission_id: int) -> list[Link]:
    """The versions of a submission, in no order."""
    c = submission_versions.c
    rows = db.execute(
        sa.select(c.id, c.instance_id, c.deprecated_id).where(c.submission_id == submission_id)
    )
    return [Link(*row) for row in rows]


def current_version(chain: Sequence[Link]) -> int:
    """Id of the version that counts: the end of the longest chain of edits; on a tie the earliest.

    An edit may come before its original, so the order of arrival decides only between rivals.
    """
    by_instance = _by_instance(chain)
    # An original that is still on the phone counts as a step too.
    depth = {link.id: len(_parents(by_instance, link)) for link in by_instance.values()}
    return min(by_instance.values(), key=lambda link: (-depth[link.id], link.id)).id


def lineage(chain: Sequence[Link], version_id: int) -> list[int]:
    """All versions of a submission: this one, then what it edits, nearest first, then the newest.

    Where a version lacks a file that it names, the first of these that has it is meant.
    """
    own = next(link for link in chain if link.id == version_id)
    near = [one_id(own.instance_id), *_parents(_by_instance(chain), own)]
    rank = {name: number for number, name in enumerate(near)}

    def order(link: Link) -> tuple[bool, int, int]:
        return link.id != version_id, rank.get(one_id(link.instance_id), len(rank)), -link.id

    return [link.id for link in sorted(chain, key=order)]


def leads_to(chain: Sequence[Link], version_id: int, later: int) -> bool:
    """Whether `later` is an edit of this version, or of its edit: a step that came late."""
    links = {link.id: link for link in chain}
    edited = _parents(_by_instance(chain), links[later])
    return one_id(links[version_id].instance_id) in edited


def _by_instance(chain: Sequence[Link]) -> dict[str, Link]:
    """The first version of each instance; ids in their one spelling."""
    found: dict[str, Link] = {}
    for link in sorted(chain, key=lambda link: link.id):
        found.setdefault(one_id(link.instance_id), link)
    return found


def _parents(by_instance: Mapping[str, Link], link: Link) -> list[str]:
    """Instances that a version edits, nearest first; edits that name each other end somewhere."""
    own = one_id(link.instance_id)
    found: list[str] = []
    parent: Link | None = link
    while parent is not None and parent.deprecated_id is not None:
        name = one_id(parent.deprecated_id)
        if name == own or name in found:
            break
        found.append(name)
        parent = by_instance.get(name)
    return found
