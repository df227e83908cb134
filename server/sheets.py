"""A page to print for each person with a phone: the code, whose it is, and three steps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from forms.roles import Role

_TEMPLATES = Path(__file__).parent / "pages" / "templates"
_STYLE = Path(__file__).parent / "pages" / "static" / "sheets.css"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on one page. `qr` holds the phone's secret, and so does the page."""

    name: str
    role: Role
    place: str
    qr: Markup


def render(sheets: Sequence[Sheet], contact: str = "") -> str:
    """One HTML document that needs nothing else; `contact`: whom to tell when a phone is lost."""
    from jinja2 import Environment, FileSystemLoader  # only here: nobody else prints

    pages = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True)
    style = Markup(_STYLE.read_text(encoding="utf-8"))  # noqa: S704 (our own file)
    page = pages.get_template("phone_sheets.html")
    return page.render(sheets=sheets, contact=contact, style=style)


def write_private(path: Path, text: str) -> None:
    """Only its owner may read it, also where a file of that name was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as out:
        out.write(text)
