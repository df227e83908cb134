"""LibreOffice without a screen: what a person sees who opens a file of ours, cell by cell."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from pathlib import Path

import pytest
from lxml import etree

VIETNAMESE, ENGLISH = "1066", "1033"  # the office's settings, by Windows' number
_ODF = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TABLE, _OFFICE, _TEXT = _ODF % "table", _ODF % "office", _ODF % "text"


@dataclass(frozen=True)
class Odd:
    """A cell that is neither text, number nor day: a formula, a clock time, a percentage, money."""

    kind: str
    shown: str


Seen = str | float | date | datetime | Odd | None
Sheet = list[list[Seen]]


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """LibreOffice; without it skip with a sentence, or fail where CI promises it."""
    program = shutil.which("soffice")
    if program is None:
        sentence = "LibreOffice is not installed, so no file was opened in a spreadsheet"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return Office(program, tmp_path_factory.mktemp("office"))


class Office:
    """One installation with a profile of its own, so that it minds no window that is open."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.turns = count(1)

    def open_xlsx(self, path: Path) -> dict[str, Sheet]:
        """Every sheet by its name."""
        return self._open(path)

    def open_csv(
        self,
        path: Path,
        settings: str = VIETNAMESE,
        *,
        separator: str = ";",
        imported: bool = True,
    ) -> Sheet:
        """Imported, what is quoted stays text; by a double click a cell is what it looks like."""
        asked = f"{ord(separator)},34,76,1,,{settings},{str(imported).lower()},true"
        (sheet,) = self._open(path, f"--infilter=CSV:{asked}").values()
        return sheet

    def _open(self, path: Path, *options: str) -> dict[str, Sheet]:
        out = self.folder / str(next(self.turns))
        subprocess.run(
            [
                *(self.program, f"-env:UserInstallation={(self.folder / 'profile').as_uri()}"),
                *("--headless", *options, "--convert-to", "fods", "--outdir", out, path),
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
        tree = etree.parse(out / f"{path.stem}.fods", etree.XMLParser(huge_tree=True))
        found = tree.iter(f"{_TABLE}table")
        return {str(one.get(f"{_TABLE}name")): list(_rows(one)) for one in found}


def _rows(table: etree._Element) -> Iterator[list[Seen]]:
    """The rows that have anything in them."""
    for row in table.iter(f"{_TABLE}table-row"):
        cells: list[Seen] = []
        for cell in row.iterchildren(f"{_TABLE}table-cell"):
            value = _value(cell)
            times = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            cells += [value] * (times if value is not None or times < 1000 else 0)
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            yield cells


def _value(cell: etree._Element) -> Seen:
    """The cell, its lines ended in one way: of a lone CR the office itself makes this or that."""
    kind = cell.get(f"{_OFFICE}value-type")
    shown = "\n".join(_text(line) for line in cell.iterchildren(f"{_TEXT}p")).replace("\r", "\n")
    if kind is None:
        return None
    if cell.get(f"{_TABLE}formula"):
        return Odd("formula", shown)
    if kind == "string":
        return shown
    if kind == "float":
        return float(cell.get(f"{_OFFICE}value", ""))
    if kind == "date":
        written = cell.get(f"{_OFFICE}date-value", "")
        day = date.fromisoformat
        return datetime.fromisoformat(written) if "T" in written else day(written)
    return Odd(kind, shown)


def _text(node: etree._Element) -> str:
    """A line as it is shown: ODF writes blanks and tabs as elements."""
    text = node.text or ""
    for part in node:
        if part.tag == f"{_TEXT}s":
            text += " " * int(part.get(f"{_TEXT}c", "1"))
        elif part.tag == f"{_TEXT}tab":
            text += "\t"
        else:
            text += _text(part)
        text += part.tail or ""
    return text
