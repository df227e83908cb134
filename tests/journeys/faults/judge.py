"""Is every submission that was acknowledged there once with all its bytes, and nothing half?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync import tables
from sync.blobs import TRIAL, Blobs
from tests.journeys.faults.ledger import Ledger, Post, Version

Files = set[tuple[str, str]]  # name, SHA-256


@dataclass
class Verdict:
    """Counts of versions of submissions, and of blobs; all but the first three are to be 0."""

    acknowledged: int = 0
    found: int = 0
    orphans: int = (
        0  # blobs that nothing names: their POST was cut off and sent again in other bytes
    )
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)  # refused, or cut off, and partly here
    unknown: list[str] = field(default_factory=list)  # here, and nobody sent it
    missing_blobs: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        wrong = (self.lost, self.doubled, self.half, self.unknown, self.missing_blobs)
        return not any(wrong) and self.found == self.acknowledged

    def __str__(self) -> str:
        return (
            f"acknowledged {self.acknowledged}, found {self.found}, lost {len(self.lost)}, "
            f"doubled {len(self.doubled)}, half there {len(self.half)}, "
            f"from nowhere {len(self.unknown)}, blobs missing {len(self.missing_blobs)}, "
            f"orphans {self.orphans}"
        )


def judge(db: Connection, blobs: Blobs, ledger: Ledger) -> Verdict:
    """Compare what is kept, byte by byte, with what phones were told."""
    here = _Kept(db)
    sent: dict[Version, list[Post]] = defaultdict(list)
    for post in ledger.posts:
        sent[post.version].append(post)
    verdict = Verdict()
    for version, posts in sent.items():
        acknowledged = [post for post in posts if post.is_acknowledged]
        files = here.files.get(version)
        name = f"{version.form} {version.instance_id} {version.sha256[:12]}"
        if acknowledged:
            verdict.acknowledged += 1
            if files is None or not _all_files(acknowledged) <= files:
                verdict.lost.append(name)
            else:
                verdict.found += 1
        elif files is not None and not any(_files(post) <= files for post in posts):
            verdict.half.append(name)
        if files is not None and all(post.is_refused for post in posts):
            verdict.half.append(name)
    verdict.unknown = [str(version) for version in here.files.keys() - sent.keys()]
    verdict.doubled = here.doubled
    _judge_blobs(db, blobs, verdict)
    return verdict


class _Kept:
    """What a new connection finds."""

    def __init__(self, db: Connection) -> None:
        v, a, f = tables.submission_versions.c, tables.attachments.c, tables.forms.c
        query = sa.select(v.id, f.xml_form_id, v.instance_id, v.xml).join_from(
            tables.submission_versions, tables.forms, f.id == v.form_id
        )
        versions = {
            row.id: Version(row.xml_form_id, row.instance_id, sha256(row.xml).hexdigest())
            for row in db.execute(query)
        }
        self.files: dict[Version, Files] = {version: set() for version in versions.values()}
        attached = [
            (versions[row.submission_version_id], row.name, row.sha256)
            for row in db.execute(sa.select(a.submission_version_id, a.name, a.sha256))
        ]
        for version, name, digest in attached:
            self.files[version].add((name, digest))
        self.doubled = [
            *_twice(map(str, versions.values())),
            *_twice(map(str, attached)),
            *_twice(map(str, db.execute(_submission_names()))),
            *_twice(map(str, db.execute(_counted_records()))),
        ]


def _submission_names() -> sa.Select[tuple[int, str]]:
    return sa.select(tables.submissions.c.form_id, tables.submissions.c.instance_id)


def _counted_records() -> sa.Select[tuple[int]]:
    """Of each submission the one record that may count."""
    c = tables.records.c
    return sa.select(c.submission_id).where(c.table_path == "")


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _files(post: Post) -> Files:
    return set(post.files.items())


def _all_files(posts: Iterable[Post]) -> Files:
    return {file for post in posts for file in _files(post)}


def _judge_blobs(db: Connection, blobs: Blobs, verdict: Verdict) -> None:
    """All that are named are there with their bytes; how many are not named."""
    named = set(db.scalars(sa.select(tables.attachments.c.sha256)))
    of_forms = tables.form_attachments.c.sha256
    named |= set(db.scalars(sa.select(of_forms).where(of_forms.is_not(None))))
    for digest in named:
        try:
            with blobs.open(digest) as stream:
                good = sha256(stream.read()).hexdigest() == digest
        except OSError:
            good = False
        if not good:
            verdict.missing_blobs.append(digest)
    trial = sha256(TRIAL).hexdigest()
    verdict.orphans = len({one.sha256 for one in blobs.all()} - named - {trial})
