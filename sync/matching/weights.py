"""The weights that hold for a list: estimated last from its own data, else those shipped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forms.matching.estimate import estimate
from forms.matching.profile import profile_from_json
from forms.matching.rule import MatchRule
from forms.matching.score import Scorer
from forms.matching.weights import Weights, read_weights, weights_as_json
from forms.problems import TOO_FEW_TO_LEARN, Refused
from sync.matching.profiles import maker
from sync.tables import match_profiles, match_weights

FEWEST = 1000  # people: of fewer the shipped weights know more than they can tell


@dataclass(slots=True)
class _Ready:
    rule: MatchRule
    sha256: str
    weights: Weights
    scorer: Scorer


_ready: dict[str, _Ready] = {}  # of each list the last: reading weights takes longer than a person


def keep(
    db: Connection, list_name: str, weights: Weights, entities: int, actor: str, now: datetime
) -> None:
    """These hold from now on; they were estimated from so many entities."""
    made = weights_as_json(weights)
    text = json.dumps(made, sort_keys=True)
    values = {"list_name": list_name, "weights": made, "entities": entities}
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    db.execute(match_weights.insert().values(**values, sha256=sha256, actor=actor, at=now))


class Change(NamedTuple):
    """What a level says for one entity: each bit doubles the odds (below 0: against)."""

    comparison: str
    level: str
    before: float
    after: float


def learn(db: Connection, rule: MatchRule, list_name: str, seed: int) -> tuple[Weights, int]:
    """Weights estimated from the profiles that are kept, and of how many.

    Refused(TOO_FEW_TO_LEARN).
    """
    c = match_profiles.c
    mine = sa.and_(c.list_name == list_name, c.made_by == maker(rule))
    rows = db.execute(sa.select(c.uuid, c.profile).where(mine))
    people = {row.uuid: profile_from_json(rule, row.profile) for row in rows}
    if len(people) < FEWEST:
        raise Refused(TOO_FEW_TO_LEARN(list=list_name, count=len(people), fewest=FEWEST))
    return estimate(rule, people, seed), len(people)


def changes(rule: MatchRule, before: Weights, after: Weights) -> list[Change]:
    """Level by level, in the order of the rule."""
    return [
        Change(
            one.name,
            level,
            round(before.levels[one.name][level].bits, 1),
            round(after.levels[one.name][level].bits, 1),
        )
        for one in rule.comparisons
        for level in one.part.levels
    ]


def scorer(db: Connection, rule: MatchRule, list_name: str) -> Scorer:
    """With the weights that hold."""
    return _held(db, rule, list_name).scorer


def current(db: Connection, rule: MatchRule, list_name: str) -> Weights:
    """The weights that hold. What was estimated for other comparisons no longer fits."""
    return _held(db, rule, list_name).weights


def _held(db: Connection, rule: MatchRule, list_name: str) -> _Ready:
    c = match_weights.c
    last = sa.select(c.id, c.sha256).where(c.list_name == list_name).order_by(c.id.desc()).limit(1)
    row = db.execute(last).one_or_none()
    sha256 = row.sha256 if row else ""
    ready = _ready.get(list_name)
    if ready is None or ready.rule is not rule or ready.sha256 != sha256:
        kept = db.scalar(sa.select(c.weights).where(c.id == row.id)) if row else None
        found = read_weights(kept) if kept is not None else rule.weights
        found = found if _fits(rule, found) else rule.weights
        ready = _ready[list_name] = _Ready(rule, sha256, found, Scorer(rule, found))
    return ready


def _fits(rule: MatchRule, weights: Weights) -> bool:
    return all(
        set(one.part.levels) <= set(weights.levels.get(one.name, ())) for one in rule.comparisons
    )
