"""A file of phones to add: taken whole, or refused with every row and column that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.engine import Connection

from forms.days import vietnam_day
from forms.problems import MISSING_CELL, NO_ROWS, SAME_PHONE, Problem, Refused, Where
from forms.text import fold, tidy
from sync import accounts, phones, posts

if TYPE_CHECKING:
    from forms.library import Library

T = TypeVar("T")

# Headings as people write them, without marks and case.
_HEADINGS = {
    "name": ("name", "ten", "ho ten", "ho va ten"),
    "role": ("role", "vai tro"),
    "club": ("club", "clb", "ma clb", "cau lac bo", "ma cau lac bo"),
    "unit": ("unit", "don vi", "ma don vi"),
    "member": ("member", "hoi vien", "ma hoi vien"),
}
_COLUMNS = {heading: column for column, all_ in _HEADINGS.items() for heading in all_}
_NEEDED = {"name": "tên", "role": "vai trò"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One phone to add, with codes resolved."""

    name: str
    role: str
    unit_id: int | None
    club_id: str | None
    person_id: str | None

    @property
    def who(self) -> tuple[str, str, int | None, str | None]:
        """What people tell phones apart by."""
        return self.name, self.role, self.unit_id, self.club_id


class FileRefused(Exception):
    """The file has problems, with their rows and cells; nothing of it was taken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.code for problem in self.problems))


def read_phones(
    db: Connection,
    library: Library,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    now: datetime,
) -> list[Wanted]:
    """Every row as a phone to add. Raises FileRefused."""
    places = {_COLUMNS[fold(text)]: at for at, text in enumerate(header) if fold(text) in _COLUMNS}
    problems = [
        MISSING_CELL(Where(row=1), column=name, column_vi=vi)
        for name, vi in _NEEDED.items()
        if name not in places
    ]
    if problems:
        raise FileRefused(problems)
    found: list[Wanted] = []
    for number, row in enumerate(rows, start=2):  # as a spreadsheet counts
        given = {name: tidy(row[at]) for name, at in places.items() if at < len(row)}
        if any(given.values()):
            one = _Row(db, library, given, number, places, now)
            wanted = one.read()
            if wanted in found:
                one.problems.append(SAME_PHONE(one.cell("name"), name=wanted.name))
            problems += one.problems
            found.append(wanted)
    if not found:
        problems.append(NO_ROWS())
    if problems:
        raise FileRefused(problems)
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    """One row with the place of its cells; what is wrong with it gathers in `problems`."""

    db: Connection
    library: Library
    given: dict[str, str]
    number: int
    places: dict[str, int]
    now: datetime
    problems: list[Problem] = field(default_factory=list)

    def read(self) -> Wanted:
        """The phone of this row; to be believed only where there are no problems."""
        name = self.given.get("name", "")
        role = posts.read_role(self.library, self.given.get("role", ""))
        unit, club = self.given.get("unit") or None, self.given.get("club") or None
        for column, vi in _NEEDED.items():
            if not self.given.get(column):
                missing = MISSING_CELL(self.cell(column), column=column, column_vi=vi)
                self.problems.append(missing)
        if name:
            name = self._try("name", lambda: accounts.clean_name(name)) or name
        if role:
            self._try("role", lambda: posts.check_phone_role(self.library, role))
        post = self._try("club" if club else "unit", lambda: self._post(role, unit, club))
        owner = self._try("member", self._owner)
        wanted = Wanted(name, role, *(post or (None, None)), owner)
        if not self.problems:
            self._try("name", lambda: phones.check_unlike(self.db, *wanted.who))
        return wanted

    def _post(self, role: str, unit: str | None, club: str | None) -> posts.Post:
        return posts.find_post(self.db, self.library, role, unit, club, vietnam_day(self.now))

    def _owner(self) -> str | None:
        member = self.given.get("member")
        return phones.find_owner(self.db, self.library, member) if member else None

    def _try(self, column: str, do: Callable[[], T]) -> T | None:
        """What `do` gives; a refusal is a problem of this column's cell."""
        try:
            return do()
        except Refused as refused:
            found = refused.problem
            self.problems.append(Problem(found.type, found.details, self.cell(column)))
            return None

    def cell(self, column: str) -> Where:
        """Where the column's cell is, as a spreadsheet names it."""
        at = self.places.get(column)
        return Where(row=self.number, cell=None if at is None else f"{_letters(at)}{self.number}")


def _letters(at: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    return (_letters(at // 26 - 1) if at >= 26 else "") + chr(ord("A") + at % 26)
