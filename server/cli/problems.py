"""What is wrong in a file: as its designer looks for it, and as scripts read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from forms.problems import Problem, Refused
from server.cli.terminal import WRONG, fail


def fail_in(path: Path, problems: Iterable[Problem]) -> NoReturn:
    """Every problem of the file on stderr, and the end."""
    fail(problem_lines(path, problems), WRONG)


@contextmanager
def telling_of(path: Path) -> Iterator[None]:
    """What is refused while the file is read is told with its name."""
    try:
        yield
    except Refused as refused:
        fail_in(path, [refused.problem])


def problem_lines(path: Path, problems: Iterable[Problem]) -> str:
    """A line for each; nothing when there is none."""
    return "\n".join(_line(path, problem) for problem in problems)


def _line(path: Path, problem: Problem) -> str:
    """`file: sheet, row, cell: sentence / sentence`, as a designer looks for it."""
    where = problem.where
    parts = [
        where and where.sheet,
        where and where.row and f"dòng/row {where.row}",
        where and where.cell and f"ô/cell {where.cell}",
    ]
    place = ", ".join(part for part in parts if part)
    return f"{path}: {place + ': ' if place else ''}{problem}"


def problem_json(problem: Problem) -> dict[str, object]:
    """A problem as scripts read it."""
    where = problem.where
    return {
        "code": problem.code,
        "refuses": bool(problem.status),
        "sheet": where and where.sheet,
        "row": where and where.row,
        "cell": where and where.cell,
        "vi": problem.vi,
        "en": problem.en,
    }
