"""The catalogues of the pages: whole in Vietnamese, nothing left over, nothing said in two ways."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from server import pages
from server.pages.words import FOLDER

ROOT = Path(pages.__file__).parent
METHODS = [("**.html", "jinja2.ext.babel_extract"), ("**.py", "python")]
KEYWORDS = {"_": None, "say": None, "gettext": None, "mark": None}
PLACE = re.compile(r"%\(\w+\)s")


def used() -> dict[str, str]:
    """Every id that templates and views name -> the first file that does."""
    found: dict[str, str] = {}
    for file, _, words, _, _ in extract_from_dir(ROOT, METHODS, keywords=KEYWORDS):
        for one in (words,) if isinstance(words, str) else words:
            found.setdefault(one, file)
    return found


def said() -> dict[str, dict[str, str]]:
    """id -> catalogue -> its Vietnamese."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path in FOLDER.glob("*.vi.po"):
        with path.open("rb") as file:
            for message in read_po(file, locale="vi", abort_invalid=True):
                if message.id:
                    assert not message.fuzzy, message.id
                    found[str(message.id)][path.name] = str(message.string)
    return found


def test_every_word_of_the_pages_has_its_vietnamese() -> None:
    known = said()
    missing = {words: file for words, file in used().items() if words not in known}
    assert not missing, "\n".join(f'msgid "{words}"  # {file}' for words, file in missing.items())
    assert not [words for words, where in known.items() if not all(where.values())]


def test_no_word_is_left_over_or_said_in_two_ways() -> None:
    known, needed = said(), used()
    assert not [words for words in known if words not in needed]
    assert not {words: where for words, where in known.items() if len(set(where.values())) > 1}


def test_what_is_filled_in_stands_in_both_languages() -> None:
    for words, where in said().items():
        for vi in where.values():
            assert set(PLACE.findall(words)) == set(PLACE.findall(vi)), words
