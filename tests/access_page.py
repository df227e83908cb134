"""Who may do and see what, as the library says it: the page that `make access` writes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from forms.library import Download, Library, load_library
from forms.roles import VERBS

PAGE = Path(__file__).parents[1] / "server" / "ACCESS.md"
HEAD = """# Who may do and see what

Made by `make access` from the `*.toml` of [forms/library/](../forms/library/README.md). Not written
by hand. `sync/access.py` decides by them, and `tests/server/test_access_table.py` asks every route
as every role at every distance.

Rows: `club` = of the caller's own club; `unit` = of the clubs that are in the caller's unit, or in
what became of it, on the day of the data; `all` = of every club. What stands nowhere here is not
allowed.
"""
YES, NO = "yes", "–"


def to_page(library: Library) -> str:
    """The whole page."""
    parts = [
        HEAD,
        *_section("What each role may do", "verb", _verbs(library), library.roles),
        *_section("Which forms a role fills in", "form", _filled_in(library), library.roles),
        *_section(
            "Whose filled-in forms it reads, and without which answers",
            *("form", _read(library), library.roles),
        ),
        *_lists("What it sees of an entity list on pages, by the API and in files", library, True),
        *_lists("What its phones hold of an entity list", library, False),
        *_section("Lists that name people", "list", _named(library), library.roles),
    ]
    return "\n".join(parts)


def _section(
    title: str, what: str, rows: Iterable[tuple[str, Sequence[str]]], columns: Iterable[str]
) -> Iterator[str]:
    names = list(columns)
    yield f"\n## {title}\n"
    yield f"| {what} | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    yield from (f"| {name} | {' | '.join(cells)} |" for name, cells in rows)


def _verbs(library: Library) -> Iterator[tuple[str, list[str]]]:
    for verb, says in VERBS.items():
        cells = [YES if verb in role.verbs else NO for role in library.roles.values()]
        yield f"`{verb}`: {says}", cells
    yield (
        "confirms the report of a",
        [role.confirms or NO for role in library.roles.values()],
    )


def _filled_in(library: Library) -> Iterator[tuple[str, list[str]]]:
    for name in library.forms:
        by = library.rules[name].filled_by
        yield f"`{name}`", [YES if not by or role in by else NO for role in library.roles]


def _read(library: Library) -> Iterator[tuple[str, list[str]]]:
    for name in library.forms:
        cells = []
        for role in library.roles:
            reader = library.rules[name].readers.get(role)
            without = f", not {_names(reader.without)}" if reader and reader.without else ""
            cells.append(f"{reader.rows}{without}" if reader else NO)
        yield f"`{name}`", cells


def _lists(title: str, library: Library, on_pages: bool) -> Iterator[str]:
    yield f"\n## {title}\n"
    history = " | with history |" if on_pages else " |"
    yield f"| list | role | rows | properties{history}"
    yield "|---|---|---|---|" + ("---|" if on_pages else "")
    for one in library.lists.values():
        for role, cut in (one.pages if on_pages else one.downloads).items():
            facts = f" {_names(cut.facts)} |" if on_pages else ""
            yield f"| `{one.name}` | {role} | {_rows(cut)} | {_names(cut.properties)} |{facts}"


def _rows(cut: Download) -> str:
    either = " or ".join(_where(one) for one in cut.any_of)
    conditions = [one for one in (_where(cut.where), either) if one]
    return "; ".join([cut.rows, *conditions])


def _where(where: Mapping[str, Sequence[str]]) -> str:
    words = (f"{name} = {'/'.join(code or 'blank' for code in where[name])}" for name in where)
    return ", ".join(words)


def _named(library: Library) -> Iterator[tuple[str, list[str]]]:
    readers: dict[str, Iterable[str]] = {}
    readers |= {f"roll of `{name}`, a file": roll.readers for name, roll in library.rolls.items()}
    readers |= {f"`{name}`: {one.en}": one.roles for name, one in library.follow_up.items()}
    readers |= {
        f"pairs of `{name}` who may be one": rule.readers for name, rule in library.matches.items()
    }
    for name, roles in readers.items():
        yield name, [YES if role in roles else NO for role in library.roles]


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or NO


if __name__ == "__main__":
    PAGE.write_text(to_page(load_library()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
