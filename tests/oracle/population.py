"""The whole truth from a seed, in a small size for the suite and larger ones to measure."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.oracle import doings, people
from tests.oracle.truth import Confirmation, Truth

SMALL = (66, 86, 16, 14, 14, 12, 10, 8, 10, 0)  # people of each club over all the years
TINY = (7, 0, 5, 3, 0, 0, 3, 0, 2, 0)


def a_truth(seed: int = 1, sizes: Sequence[int] = SMALL, busy: float = 1.0) -> Truth:
    """The same seed gives the same truth. busy: how much each club does."""
    chance = Random(seed)
    truth = Truth()
    for club in people.clubs(sizes):
        truth.clubs[club.key] = club
    people.fill(truth, chance)
    for club in truth.clubs.values():
        doings.Diary(truth, chance, club, busy).write()
    _confirm_from_silence(truth)
    return truth


def _confirm_from_silence(truth: Truth) -> None:
    """One club did nothing in a half-year and says so: its zeros are figures."""
    quiet = next((c for c in truth.clubs.values() if c.quiet_since), None)
    if quiet is not None and quiet.quiet_since is not None:
        day = quiet.quiet_since.replace(month=12, day=31)
        key = f"confirmation {quiet.key} of nothing"
        truth.confirmations.append(
            Confirmation(key, quiet.key, day.replace(year=day.year + 1, month=1, day=3),
                         f"{day.year}H2", True))  # fmt: skip
