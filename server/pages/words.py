"""Words of the pages: English ids in templates and views, Vietnamese from the catalogues.

A catalogue is `translations/GROUP.vi.po`, one for each group of pages, so that two who work on two
groups never meet in one file. They are read at the first need: nothing is compiled or built.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Protocol

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, session
from flask_babel import Babel, Domain, get_locale
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent / "translations"
LANGUAGES = ("vi", "en")  # the ids are the English


class Both(Protocol):
    """A label or a problem: words of the library and of the code that come in both languages."""

    @property
    def vi(self) -> str: ...
    @property
    def en(self) -> str: ...


@cache
def catalogue() -> Translations:
    """All catalogues as one."""
    found = Translations()
    for path in sorted(FOLDER.glob("*.vi.po")):
        binary = BytesIO()
        with path.open("rb") as file:
            write_mo(binary, read_po(file, locale="vi"))
        binary.seek(0)
        found.merge(Translations(binary))
    return found


class _Words(Domain):  # type: ignore[misc]  # Flask-Babel ships no types
    def get_translations(self) -> NullTranslations:
        return catalogue() if str(get_locale()) == "vi" else NullTranslations()


_domain = _Words()


def mark(words: str) -> str:
    """An id that is looked up later: catalogues must have it all the same."""
    return words


def gettext(words: str, **values: object) -> str:
    """The words in the person's language."""
    said: str = _domain.gettext(words, **values)
    return said


def in_vietnamese(words: str) -> str:
    """The words for a paper, whatever language the person who makes it reads."""
    return catalogue().gettext(words)


def say(words: str, **values: object) -> Markup:
    """For headings, labels and buttons: Vietnamese with English beside, or English alone."""
    return _beside(gettext(words, **values), words % values if values else words)


def both(pair: Both | Mapping[str, str]) -> Markup:
    """As `say`, for what comes in both languages."""
    vi, en = (pair["vi"], pair["en"]) if isinstance(pair, Mapping) else (pair.vi, pair.en)
    return _beside(en if _english() else vi, en)


def one(pair: Both | Mapping[str, str]) -> str:
    """As `gettext`, for what comes in both languages."""
    vi, en = (pair["vi"], pair["en"]) if isinstance(pair, Mapping) else (pair.vi, pair.en)
    return (en or vi) if _english() else vi


def register(app: Flask) -> None:
    """Let pages speak: Vietnamese unless the person chose English."""
    Babel(app, default_locale="vi", locale_selector=language)
    app.jinja_env.globals.update(_=gettext, say=say, both=both, one=one)


def language() -> str:
    """What the person chose, of LANGUAGES."""
    chosen = session.get("language")
    return chosen if chosen in LANGUAGES else "vi"


def _english() -> bool:
    return language() == "en"


def _beside(said: str, english: str) -> Markup:
    if said == english or _english() or not english:
        return escape(said)
    return Markup('{} <span class="en" lang="en">{}</span>').format(said, english)
