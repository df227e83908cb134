"""Properties of an entity that the server finds by itself, whatever a phone says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Computed:
    """Where one property comes from: a `fact` as of today; or the latest record that tells it.

    latest: forms whose records may tell it, the later day wins and of one day the later to arrive.
    where: column -> codes such a record must have. column: the answer (or computed column) that
    tells it when it is not blank; None = the record's own day. only: of several codes these.
    digits: of a number its last so many, however it is written.
    needs: facts (name -> values) without which, today, nothing is told: a consent.
    """

    fact: str | None = None
    latest: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    column: str | None = None
    only: tuple[str, ...] = ()
    digits: int | None = None
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts it hangs on: with the day it may become another."""
        return (*((self.fact,) if self.fact else ()), *self.needs)

    def cut(self, value: str) -> str:
        """The value as far as it is told."""
        if self.digits:
            return re.sub(r"[^0-9]", "", value)[-self.digits :]
        if not self.only:
            return value
        return " ".join(code for code in value.split() if code in self.only)
